// Controls made of real form elements. `preview` while a hand moves one, `commit` when it lets go.

/** Fill the track from `origin`, where nothing is changed, to where the slider stands. */
function fillRange(range, origin) {
  const low = Number(range.min);
  const span = Number(range.max) - low;
  range.style.setProperty("--gs-from", limited((origin - low) / span, 0, 1));
  range.style.setProperty("--gs-to", limited((Number(range.value) - low) / span, 0, 1));
}

/**
 * A slider and a field for its number. The number may lie beyond the slider's ends, up to `low` and `high`.
 * preview(value), commit(value, single): numbers; single: not one of many quick steps, as arrow keys make them.
 * complain(text): one sentence about what cannot be.
 */
function slider({ label, min, max, step = 0.01, low = min, high = max, rest = 0, id, preview, commit, complain }) {
  const range = make("input", { type: "range", class: "gs-range", id, min, max, step, value: rest, "aria-label": label });
  const field = make("input", { type: "number", class: "gs-number", min: low, max: high, step: "any", value: rest });
  const digits = String(step).split(".")[1]?.length ?? 0;
  let present = rest;
  const name = (text) => {
    label = text;
    range.setAttribute("aria-label", text);
    field.setAttribute("aria-label", `${text}, number`);
  };
  const set = (value) => {
    if (value === present && range.dataset.set) return;
    range.dataset.set = "1";
    present = value;
    range.value = value;
    field.value = Number(value.toFixed(4));
    fillRange(range, rest);
  };
  const typed = () => (field.value.trim() === "" || !field.validity.valid ? NaN : Number(field.value));
  range.addEventListener("input", () => {
    present = Number(range.value);
    field.value = present.toFixed(digits);
    fillRange(range, rest);
    preview(present);
  });
  let byHand = false;
  range.addEventListener("pointerdown", () => (byHand = true));
  range.addEventListener("keydown", () => (byHand = false));
  range.addEventListener("change", () => commit(present, byHand));
  range.addEventListener("dblclick", () => {
    set(rest);
    commit(rest, true);
  });
  field.addEventListener("input", () => {
    if (!(typed() >= low && typed() <= high)) return;
    present = typed();
    range.value = present;
    fillRange(range, rest);
    preview(present);
  });
  field.addEventListener("change", () => {
    const value = typed();
    if (value >= low && value <= high) return commit(value, true);
    complain(`${label} takes a number from ${low} to ${high}. The picture stays.`);
    field.value = Number(present.toFixed(4));
  });
  name(label);
  set(rest);
  return { element: make("div", { class: "gs-slider" }, range, field), range, field, set, name };
}

/** A text field for a seed. preview(seed) while typing, commit(seed) when done; rubbish is told and changes nothing. */
function seedField(input, { preview, commit, complain }) {
  let present = input.value;
  const wrong = (text) => {
    input.setAttribute("aria-invalid", "true");
    complain(seedComplaint(text));
  };
  input.addEventListener("input", () => {
    const seed = seedOf(input.value);
    if (seed === null) return input.value.trim() ? wrong(input.value) : undefined; // Empty: about to be typed.
    input.removeAttribute("aria-invalid");
    complain("");
    present = seed;
    preview(seed);
  });
  input.addEventListener("change", () => {
    const seed = seedOf(input.value);
    if (seed === null) return wrong(input.value);
    input.value = seed;
    return commit(seed);
  });
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 100, PageDown: -100 }[event.key];
    if (!steps || seedOf(present) === null) return;
    event.preventDefault();
    set(seedPlus(present, steps));
    commit(present);
  });
  const set = (seed) => {
    present = seed;
    input.removeAttribute("aria-invalid");
    if (seedOf(input.value) !== seed) input.value = seed; // What is being typed means the same: it stays as it is.
  };
  return { set };
}

/** One of a few: buttons of which one is pressed. */
function segments(host, choices, pick) {
  const buttons = Object.entries(choices).map(([value, text]) =>
    make("button", { type: "button", "data-value": value, onclick: () => pick(value) }, text),
  );
  host.classList.add("gs-segments");
  host.setAttribute("role", "group");
  host.replaceChildren(...buttons);
  return (chosen) => buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.value === chosen));
}

/** "?" closes with Escape and with a press elsewhere, and opens inside of the window. */
function closesItself(details) {
  details.addEventListener("toggle", () => {
    const panel = details.lastElementChild;
    panel.style.translate = "";
    const { left, right } = panel.getBoundingClientRect();
    const over = Math.max(0, right - document.documentElement.clientWidth + 12);
    panel.style.translate = `${-Math.min(over, left - 12)}px`;
  });
  document.addEventListener("pointerdown", (event) => {
    if (details.open && !details.contains(event.target)) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
  });
}

/** What a server that fetches offers; null where it does not. kind: generator or translator. */
function hubOf(server, kind) {
  if (typeof server.fetch_model !== "function") return null;
  return {
    start: (name) => ask(server, "fetch_model", { name, kind }),
    poll: (job) => ask(server, "fetch_poll", { job }),
    stop: (job) => ask(server, "fetch_stop", { job }),
  };
}

/**
 * The model picker: thumbnails in groups, type to filter, arrow keys, Enter, Escape.
 * refresh() gives the models as they are by now: [{value, name, facts, group, url}]; pick(value, note).
 * hub: what `hubOf` gives: a name on the Hub can be typed, and models of the Hub are looked after before they open.
 */
function modelPicker(host, { refresh, pick, hub = null }) {
  let models = [];
  let shown = [];
  let chosen = null;
  let place = 0;
  const id = `${host.id}-list`;
  const face = make("button", { type: "button", "aria-haspopup": "listbox", "aria-expanded": "false" });
  const filter = make("input", {
    type: "text",
    class: "gs-input gs-slim",
    placeholder: hub ? "Filter, or user/name on the Hub" : "Filter",
    "aria-label": hub ? "Filter models, or name one on the Hub" : "Filter models",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": id,
    autocomplete: "off",
  });
  const list = make("ul", { role: "listbox", id, "aria-label": "Models" });
  const line = hub && hubLine(hub, (value, note) => {
    if (!panel.hidden) close();
    pick(value, note);
  });
  const panel = make("div", { hidden: true }, filter, line?.element, list);
  host.classList.add("gs-picker");
  host.replaceChildren(face, panel);

  const inside = (model) => [
    model?.url ? make("img", { src: model.url, alt: "" }) : make("span", { class: "gs-blank" }),
    make(
      "span",
      { class: "gs-facts" },
      make("span", {}, model?.name ?? "No model"),
      make("span", { class: "gs-small" }, model?.facts ?? ""),
    ),
  ];
  const drawFace = () => {
    const model = models.find((one) => one.value === chosen);
    face.replaceChildren(...inside(model));
    face.setAttribute("aria-label", `Model: ${model?.name ?? "none"}`);
  };
  const drawList = () => {
    const named = hub && hubNameOf(filter.value);
    const words = (named ?? filter.value).toLowerCase().split(/\s+/);
    shown = models.filter((one) => words.every((word) => `${one.name} ${one.facts}`.toLowerCase().includes(word)));
    if (named && !models.some((one) => one.value === `hub:${named}`)) {
      shown.push({ value: `hub:${named}`, name: named, facts: "Fetch and open", group: "On the Hub" });
    }
    place = limited(place, 0, Math.max(0, shown.length - 1));
    list.replaceChildren();
    let group = null;
    shown.forEach((model, number) => {
      if (model.group !== group) list.append(make("li", { role: "presentation", class: "gs-small" }, model.group));
      group = model.group;
      const attributes = {
        role: "option",
        id: `${id}-${number}`,
        class: number === place ? "gs-here" : null,
        "aria-selected": String(model.value === chosen),
        onpointermove: () => mark(number),
        onclick: () => take(model),
      };
      list.append(make("li", attributes, ...inside(model)));
    });
    if (!shown.length) list.append(make("li", { role: "presentation", class: "gs-small" }, hub ? "No model of that name. On the Hub it is called user/name." : "No model of that name."));
    filter.setAttribute("aria-activedescendant", shown.length ? `${id}-${place}` : "");
  };
  const mark = (number) => {
    if (number === place) return;
    place = number;
    list.querySelectorAll("[role=option]").forEach((option, at) => option.classList.toggle("gs-here", at === place));
    filter.setAttribute("aria-activedescendant", `${id}-${place}`);
  };
  const close = (focus = true) => {
    panel.hidden = true;
    face.setAttribute("aria-expanded", "false");
    if (focus) face.focus();
  };
  const take = (model) => {
    if (hub && model.value.startsWith("hub:")) return line.begin(model.value.slice(4)); // Something newer may be there.
    line?.end();
    close();
    if (model.value !== chosen) pick(model.value);
  };
  const open = async (text = "") => {
    panel.hidden = false;
    face.setAttribute("aria-expanded", "true");
    filter.value = text;
    place = text ? 0 : Math.max(0, models.findIndex((one) => one.value === chosen));
    drawList();
    filter.focus();
    models = (await refresh()) ?? models;
    if (!panel.hidden) drawList();
  };
  host.addEventListener("gs-fetch-end", () => filter.focus());
  face.addEventListener("click", () => (panel.hidden ? open() : close()));
  filter.addEventListener("input", () => {
    place = 0;
    drawList();
  });
  host.addEventListener("keydown", (event) => {
    if (panel.hidden) {
      if (["ArrowDown", "ArrowUp"].includes(event.key)) {
        event.preventDefault();
        open();
      }
      return;
    }
    if (event.target.closest(".gs-fetch") && event.key !== "Escape") return; // Its button has keys of its own.
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (steps) {
      mark(limited(place + steps, 0, shown.length - 1));
      list.children.length && list.querySelector(".gs-here")?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && shown[place]) take(shown[place]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  host.addEventListener("focusout", (event) => {
    if (!panel.hidden && event.relatedTarget && !host.contains(event.relatedTarget)) close(false);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!panel.hidden && !host.contains(event.target)) close(false);
  });
  drawFace();
  return {
    set(list_, value) {
      models = list_ ?? models;
      chosen = value;
      drawFace();
    },
    offers: hub !== null,
    /** Opens with a name on the Hub in the filter, for whoever wants it. */
    offer: open,
  };
}
