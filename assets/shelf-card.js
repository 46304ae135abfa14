// Model cards: a stranger's Markdown as elements. Text becomes text nodes and nothing else, so there is no HTML in it that
// could do anything; links lead out in a tab of their own, pictures of other places are left out.

const MAX_BLOCKS = 3000;
const INLINE = /(`+)([^`]+)\1|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|(!?)\[([^\][]*)\]\(([^()\s]*)(?:\s+"[^"]*")?\)|https?:\/\/[^\s<>()|]+/g;

/** A card without its front matter and without what the row shows already: the title and the preview. */
function card(text) {
  const lines = withoutComments(text).split(/\r?\n/);
  if (lines[0]?.trim() === "---") {
    const end = lines.findIndex((line, number) => number > 0 && line.trim() === "---");
    if (end > 0) lines.splice(0, end + 1);
  }
  const first = lines.findIndex((line) => line.trim());
  if (first >= 0 && /^# /.test(lines[first])) lines.splice(first, 1);
  const blocks = [];
  for (let at = 0; at < lines.length && blocks.length < MAX_BLOCKS; ) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function withoutComments(text) {
  let kept = "";
  for (let at = 0; ; ) {
    const start = text.indexOf("<!--", at);
    const end = start < 0 ? -1 : text.indexOf("-->", start);
    if (end < 0) return kept + text.slice(at);
    kept += text.slice(at, start);
    at = end + 3;
  }
}

const FENCE = /^\s*(```|~~~)/;
const ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s+(.*)$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^\s*>\s?/;
const ROW = /^\s*\|.*\|\s*$/;
const SEPARATOR = /^[\s|:-]*-[\s|:-]*$/;

/** The block that begins at a line, and the line after it. */
function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) {
    let end = at + 1;
    while (end < lines.length && !FENCE.test(lines[end])) end += 1;
    return [make("pre", { tabindex: "0" }, make("code", { class: "gs-code" }, lines.slice(at + 1, end).join("\n"))), end + 1];
  }
  const heading = HEADING.exec(line);
  if (heading) return [make(heading[1].length < 3 ? "h4" : "h5", {}, ...inline(heading[2])), at + 1];
  if (RULE.test(line)) return [make("hr"), at + 1];
  if (ROW.test(line) && SEPARATOR.test(lines[at + 1] ?? "")) return tableAt(lines, at);
  const run = (matches) => {
    let end = at;
    while (end < lines.length && matches(lines[end])) end += 1;
    return [lines.slice(at, end), end];
  };
  if (ITEM.test(line)) {
    const [items, end] = run((one) => ITEM.test(one) || (/^\s{2,}\S/.test(one) && !FENCE.test(one)));
    const joined = [];
    for (const item of items) {
      const found = ITEM.exec(item);
      if (found) joined.push(found[1]);
      else joined[joined.length - 1] += ` ${item.trim()}`;
    }
    return [make(/^\s*\d/.test(line) ? "ol" : "ul", {}, ...joined.map((item) => make("li", {}, ...inline(item)))), end];
  }
  if (QUOTE.test(line)) {
    const [quoted, end] = run((one) => QUOTE.test(one));
    return [make("blockquote", {}, ...inline(quoted.map((one) => one.replace(QUOTE, "")).join(" "))), end];
  }
  const others = [FENCE, ITEM, HEADING, QUOTE, ROW];
  const [words, end] = run((one) => one.trim() && (one === line || !others.some((other) => other.test(one))));
  const inside = inline(words.join(" "));
  return [inside.length ? make("p", {}, ...inside) : null, end];
}

function tableAt(lines, at) {
  const cells = (line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
  let end = at + 2;
  while (end < lines.length && ROW.test(lines[end])) end += 1;
  const row = (tag) => (line) => make("tr", {}, ...cells(line).map((cell) => make(tag, {}, ...inline(cell))));
  const head = cells(lines[at]).some(Boolean) ? make("thead", {}, row("th")(lines[at])) : null;
  const body = make("tbody", {}, ...lines.slice(at + 2, end).map(row("td")));
  return [make("div", { class: "sh-table", tabindex: "0" }, make("table", { class: "gs-table" }, head, body)), end];
}

/** Text with code, emphasis and links; everything else as it stands. */
function inline(text, depth = 0) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    nodes.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [all, , code, strong, strong2, emphasis, image, label, address] = found;
    const deeper = (inner) => (depth < 3 ? inline(inner, depth + 1) : [inner]);
    if (code) nodes.push(make("code", { class: "gs-code" }, code));
    else if (strong ?? strong2) nodes.push(make("strong", {}, ...deeper(strong ?? strong2)));
    else if (emphasis) nodes.push(make("em", {}, ...deeper(emphasis)));
    else if (image) continue;
    else if (address !== undefined) nodes.push(link(address, deeper(label)));
    else nodes.push(link(all.replace(/[.,;:]+$/, ""), [all]));
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

function link(address, inside) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    // A file of the folder: its name says enough.
  }
  if (!["http:", "https:"].includes(url?.protocol)) return make("span", {}, ...inside);
  return make("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", class: "gs-link" }, ...inside);
}
