// Search of the Hub, and what each repository holds before it is pulled.

/** act: {may(), here(repository) or undefined, pull(repository, name), stop(move), address()}; show(moves) tells the results what is under way. */
function hubFind(part, act) {
  const form = part("find");
  const list = part("results");
  const found = part("found");
  /** It stays until the next search: an empty list needs its reason beside it. */
  const tell = (text, trouble = false) => {
    found.classList.toggle("gs-notice", trouble);
    found.classList.toggle("gs-told", !trouble);
    say(found, text);
  };
  let results = new Map();
  let turn = 0;

  async function search() {
    const mine = (turn += 1);
    const words = part("words").value.trim();
    const tag = part("tag").value.trim();
    tell("");
    const repository = hubNameOf(words);
    if (repository) {
      draw([{ repository, tags: [], bytes: null, changed_at: null }]);
      return results.values().next().value.open(true);
    }
    list.setAttribute("aria-busy", "true");
    part("search").disabled = true;
    const seen = (answer) => {
      if (mine !== turn) return;
      part("search").disabled = false;
      list.setAttribute("aria-busy", "false");
      draw(answer.rows);
    };
    const answer = await hubLater("find_models", { words, tag }, seen, () => mine !== turn);
    if (mine !== turn) return null;
    part("search").disabled = false;
    list.setAttribute("aria-busy", "false");
    if (!answer.ok) return tell(answer.error, true); // What was found before stays.
    draw(answer.rows);
    const hint = tag ? " Leave the tag empty to see models of every kind." : "";
    return tell(answer.rows.length ? `${hubCount(answer.rows.length, "model")} found.` : `No model of that name${tag ? " and tag" : ""}.${hint}`);
  }

  function draw(rows) {
    const before = results;
    results = new Map();
    for (const row of rows) {
      const one = before.get(row.repository) ?? hubResult(row, act);
      one.show(row);
      results.set(row.repository, one);
    }
    const elements = [...results.values()].map((one) => one.element);
    const same = elements.length === list.childElementCount && elements.every((one, at) => one === list.children[at]);
    if (!same) list.replaceChildren(...elements);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  return {
    show(moves) {
      for (const [repository, one] of results) one.move(moves.findLast((move) => move.kind === "pull" && move.repository === repository) ?? null);
    },
    draw: () => results.forEach((one) => one.draw()),
  };
}

/** One repository that was found. */
function hubResult(first, act) {
  let row = first;
  let move = null;
  let look = null;
  let looking = null;
  let trouble = "";
  const id = `hub-result-${first.repository.replace(/[^a-z0-9-]/gi, "_")}`;
  const [owner, name] = first.repository.split("/");
  const face = make("button", { type: "button", class: "gs-name", "aria-expanded": "false", "aria-controls": id }, make("span", { class: "gs-word" }, name), make("span", { class: "gs-small" }, owner));
  const tags = make("span", { class: "hb-what" });
  const told = make("span", { class: "hb-told", role: "alert" });
  const meter = hubMeter();
  const when = make("span", { class: "hb-when" });
  const size = make("span", { class: "hb-size hb-right" });
  const acts = make("div", { class: "hb-acts" });
  const line = make("div", { class: "hb-row hb-result" }, face, make("div", { class: "hb-middle" }, tags, told, meter.element), when, size, acts);
  const panel = make("div", { class: "hb-panel", id, hidden: true });
  const element = make("li", { class: "hb-item", "data-repository": first.repository }, line, panel);
  const moving = () => move && HUB_MOVING.includes(move.state);
  const button = (text, onclick, more = {}) => make("button", { type: "button", class: "gs-button", "aria-label": `${text} ${first.repository}`, onclick, ...more }, text);

  function draw() {
    tags.textContent = [row.private ? "private" : "", ...(row.tags ?? [])].filter(Boolean).join(", ");
    when.textContent = (row.changed_at ?? "").slice(0, 10);
    const known = look ?? row;
    const use = look ? (look.use ?? "none") : row.use;
    size.textContent = typeof known.bytes === "number" ? bytes(known.bytes) : "";
    meter.element.hidden = !moving();
    if (moving()) meter.show(move);
    const over = move && !moving() ? hubCameTo(move) : "";
    const cannot = use && use !== "ours" ? known.why : "";
    const present = act.here(first.repository);
    const done = move?.state === "done" ? `Here now, as ${move.name}.` : over || (present ? `Here, as ${present.name}.` : "");
    const text = moving() ? "" : trouble || done || cannot;
    told.classList.toggle("gs-notice", Boolean(trouble) || move?.state === "failed");
    say(told, text);
    tags.hidden = Boolean(moving() || text);
    const focused = acts.contains(document.activeElement);
    const its = move?.state === "done" ? { name: move.name, kind: move.more?.kind } : present;
    let shown = [];
    if (moving()) shown = [button("Cancel", () => act.stop(move), { disabled: move.stopping })];
    else if (its?.kind) shown = [hubOpen(its)];
    else if (act.may() && use === "import") shown = [button("Try an import", () => pull())];
    else if (act.may() && (use === "ours" || (!use && row.tags?.includes("gan-core")))) shown = [button("Pull", () => pull())];
    else if (act.may() && !use && panel.hidden) shown = [button("Look inside", () => open(true))];
    acts.replaceChildren(...shown);
    if (focused) (acts.querySelector("button:not(:disabled)") ?? face).focus();
  }

  function inquire() {
    looking = looking ?? hubLater("look_repository", { repository: first.repository }, land).then((answer) => {
      looking = null;
      trouble = answer.ok ? "" : answer.error;
      if (answer.ok) land(answer);
      else panel.replaceChildren();
      panel.removeAttribute("aria-busy");
      draw();
      return answer;
    });
    return looking;
  }
  function land(answer) {
    look = answer;
    panel.removeAttribute("aria-busy");
    panel.replaceChildren(...behind());
    draw();
  }

  /** Under the given name, or the one that is free here. */
  async function pull(as = null) {
    trouble = "";
    const answer = as ? { ok: true } : await inquire();
    if (!answer.ok || !look?.use) return draw();
    if (!as && look.here) {
      trouble = `It is here already, as ${look.here}. Pull it there, or here under another name.`;
      open(true);
      return draw();
    }
    const begun = await act.pull(first.repository, as ?? look.name);
    if (!begun.ok) trouble = begun.error;
    return draw();
  }

  function behind() {
    const field = make("input", { class: "gs-input gs-slim", value: look.name, "aria-label": `Name here for ${first.repository}`, autocomplete: "off", spellcheck: "false", maxlength: "96" });
    const send = () => pull(field.value.trim() || look.name);
    field.addEventListener("keydown", (event) => event.key === "Enter" && send());
    const others = look.foreign.length ? make("p", { class: "gs-small" }, `Not fetched: ${hubFew(look.foreign, 8)}`) : null;
    const words = look.card ? card(look.card) : [];
    return [
      make("p", { class: "gs-told" }, look.use === "ours" ? `${look.why} ` : "", hubLink(act.address(), first.repository)),
      look.use && act.may() ? make("div", { class: "gs-line hb-line" }, make("label", { class: "gs-line hb-with" }, "Name here ", field), make("button", { type: "button", class: "gs-button", onclick: send }, look.use === "import" ? "Import under this name" : "Pull under this name")) : null,
      make("div", { class: "hb-inside" }, make("div", { class: "hb-holds" }, look.files.length ? hubFiles(look.use ? "What comes" : "What it holds", Object.fromEntries(look.files)) : null, others), words.length ? make("article", { class: "sh-card", "aria-label": `Card of ${first.repository}` }, ...words) : null),
    ].filter(Boolean);
  }

  function open(on) {
    panel.hidden = !on;
    face.setAttribute("aria-expanded", String(on));
    element.classList.toggle("gs-open", on);
    draw();
    if (!on || look) return;
    panel.setAttribute("aria-busy", "true");
    inquire();
  }
  face.addEventListener("click", () => open(panel.hidden));
  draw();
  return {
    element,
    open,
    draw,
    show(now) {
      row = now;
      draw();
    },
    move(now) {
      if (JSON.stringify(now) === JSON.stringify(move)) return;
      move = now;
      draw();
    },
  };
}
