// One model on both sides: its card line by line, its metrics and its configuration value by value.

/** Fills `host` with what the server tells of both sides, as it comes in. */
async function hubCompare(host, row) {
  host.replaceChildren(make("p", { class: "gs-told", role: "status" }, "Comparing"));
  const show = (answer) => {
    const parts = [hubLines(answer.card)];
    if (answer.metrics) parts.push(hubValues("Metrics", answer.metrics, "The metrics are the same."));
    if (answer.config) parts.push(hubValues("Configuration", answer.config, "The configuration is the same."));
    host.replaceChildren(...parts);
  };
  const answer = await hubLater("compare_sides", { name: row.name, repository: row.repository }, show);
  if (answer.ok) return show(answer);
  const again = make("button", { type: "button", class: "gs-button", onclick: () => hubCompare(host, row) }, "Try again");
  return host.replaceChildren(make("p", { class: "gs-notice", role: "alert" }, answer.error), again);
}

const HUB_VALUES = 12; // More of them are asked for: a configuration may have hundreds.
const HUB_SIGNS = { "-": ["hb-mine", "only here"], "+": ["hb-theirs", "only there"], "…": ["hb-cut", "lines that are the same"] };

function hubLines(lines) {
  const title = make("h4", {}, "Card");
  if (!lines.length) return make("div", {}, title, make("p", { class: "gs-told" }, "The card is the same."));
  const line = ([sign, text]) => {
    const [kind, words] = HUB_SIGNS[sign] ?? ["", "on both sides"];
    return make("li", { class: kind, "aria-label": `${words}: ${text}` }, make("b", { "aria-hidden": "true" }, sign), make("span", {}, text));
  };
  const key = make("p", { class: "gs-small" }, "− only here, + only there");
  return make("div", {}, title, key, make("ul", { class: "hb-lines", tabindex: "0", "aria-label": "Lines of the card that differ" }, ...lines.map(line)));
}

function hubValues(title, rows, same) {
  const head = make("h4", {}, title);
  if (!rows.length) return make("div", {}, head, make("p", { class: "gs-told" }, same));
  const changes = rows.some((row) => row.change);
  const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };
  const part = (tag, more, ...parts) => make(tag, { role: roles[tag], ...more }, ...parts); // Said, for a narrow page lays it out as no table.
  const cell = (tag, text, right = false) => part(tag, { class: right ? "hb-right" : null }, text);
  const names = part("tr", {}, cell("th", ""), cell("th", "here", true), cell("th", "there", true), changes ? cell("th", "here − there", true) : null);
  const body = rows.map((row, at) => part("tr", { hidden: at >= HUB_VALUES }, cell("td", row.label), cell("td", row.here, true), cell("td", row.there, true), changes ? cell("td", row.change ?? "", true) : null));
  const table = part("table", { class: `gs-table hb-table${changes ? "" : " hb-two"}` }, part("thead", {}, names), part("tbody", {}, ...body));
  const rest = rows.length - HUB_VALUES;
  const more = make("button", { type: "button", class: "gs-button hb-more" }, `Show ${rest} more`);
  more.addEventListener("click", () => {
    body.forEach((one) => (one.hidden = false));
    more.remove();
  });
  return make("div", {}, head, table, rest > 0 ? more : null);
}
