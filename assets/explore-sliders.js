// The sliders of Explore that a model brings along: directions, single latents, classes, a mix.

const KINDS = { sefa: "SeFa", pca: "Components", own: "Own" };
const PAGE = 20;
const RESET = "×";

function kindOf(id) {
  const kind = id.slice(0, id.lastIndexOf("-"));
  return kind in KINDS ? kind : "own";
}

/** The edits with one of them changed; nothing is kept of a slider at rest. */
function edited(edits, key, value) {
  const { [key]: _, ...rest } = edits ?? {};
  return value ? { ...rest, [key]: value } : rest;
}

function resetButton(label, onclick) {
  return make("button", { type: "button", class: "xp-mini", title: "Back to 0", "aria-label": `Reset ${label}`, onclick }, RESET);
}

/** Sliders with names that can be changed, hidden and saved. `change(patch, done, by)` changes the recipe. */
function directionSliders(root, { change, present, complain, store }) {
  const rows = root.querySelector("#explore-directions");
  const saveButton = root.querySelector("#explore-save");
  const hiddenButton = root.querySelector("#explore-hidden");
  let directions = [];
  let kind = "sefa";
  let showHidden = false;
  let sliders = new Map();

  const chooseKind = (next) => {
    kind = next;
    draw();
  };
  const dirty = () => directions.some((one) => one.name !== one.saved.name || one.hidden !== one.saved.hidden);
  const mark = () => {
    saveButton.hidden = !dirty();
    const count = directions.filter((one) => kindOf(one.id) === kind && one.hidden).length;
    hiddenButton.hidden = !count;
    hiddenButton.textContent = showHidden ? `Hide ${count} hidden` : `Show ${count} hidden`;
  };
  const row = (one) => {
    const move = (done) => (value, single) =>
      change({ directions: edited(present().directions, one.id, value) }, done, single ? null : one.id);
    const name = make("input", { type: "text", class: "xp-name", value: one.name, maxlength: 80, "aria-label": `Name of ${one.id}`, spellcheck: "false" });
    const control = slider({
      label: one.name, min: -4, max: 4, step: 0.05, low: -10, high: 10, preview: move(false), commit: move(true), complain,
    });
    const reset = resetButton(one.name, () => move(true)(0, true));
    const eye = make("button", { type: "button", class: "xp-mini xp-eye" });
    const look = () => {
      eye.textContent = one.hidden ? "show" : "hide";
      eye.setAttribute("aria-label", `${one.hidden ? "Show" : "Hide"} ${one.name}`);
      eye.setAttribute("aria-pressed", String(one.hidden));
    };
    eye.addEventListener("click", () => {
      one.hidden = !one.hidden;
      draw();
    });
    name.addEventListener("change", () => {
      const text = name.value.trim();
      one.name = text || one.saved.name;
      name.value = one.name;
      control.name(one.name);
      reset.setAttribute("aria-label", `Reset ${one.name}`);
      look();
      mark();
    });
    name.addEventListener("keydown", (event) => {
      if (event.key === "Escape") name.value = one.name;
      if (["Enter", "Escape"].includes(event.key)) name.blur();
    });
    look();
    sliders.set(one.id, { ...control, reset });
    const share = make("span", { class: "xp-share", title: "Share of the variance" }, percent(one.share));
    const made = make("div", { class: "xp-row", "data-id": one.id }, name, ...control.element.children, share, reset, eye);
    made.classList.toggle("xp-hidden", one.hidden);
    return made;
  };
  const draw = () => {
    sliders = new Map();
    const kinds = Object.keys(KINDS).filter((name) => directions.some((one) => kindOf(one.id) === name));
    if (!kinds.includes(kind)) kind = kinds[0] ?? "sefa";
    const host = root.querySelector("#explore-kind");
    host.hidden = kinds.length < 2;
    segments(host, Object.fromEntries(kinds.map((name) => [name, KINDS[name]])), chooseKind)(kind);
    rows.replaceChildren(...directions.filter((one) => kindOf(one.id) === kind && (showHidden || !one.hidden)).map(row));
    mark();
    set(present());
  };
  const set = (recipe) => {
    for (const [id, control] of sliders) {
      const value = recipe?.directions?.[id] ?? 0;
      control.set(value);
      control.reset.classList.toggle("xp-on", value !== 0);
    }
    root.querySelectorAll("#explore-kind button").forEach((button) => {
      const moved = Object.keys(recipe?.directions ?? {}).some((id) => kindOf(id) === button.dataset.value);
      button.classList.toggle("xp-moved", moved);
    });
  };
  hiddenButton.addEventListener("click", () => {
    showHidden = !showHidden;
    draw();
  });
  saveButton.addEventListener("click", async () => {
    const wanted = directions;
    const answer = await store(wanted.map(({ id, name, hidden }) => ({ id, name, hidden })));
    if (!answer.ok || wanted !== directions) return;
    wanted.forEach((one) => (one.saved = { name: one.name, hidden: one.hidden }));
    mark();
  });
  return {
    set,
    /** null: they are being computed. */
    open(list) {
      directions = (list ?? []).map((one) => ({ ...one, saved: { name: one.name, hidden: one.hidden } }));
      showHidden = false;
      draw();
      if (!list) rows.replaceChildren(make("p", { class: "gs-small" }, "Looking for directions in the weights."));
    },
  };
}

/** All latents, a page at a time. */
function latentSliders(fold, { change, present, complain }) {
  const rows = fold.querySelector(".xp-rows");
  const counter = fold.querySelector(".xp-pages span");
  const edits = fold.querySelector("summary .gs-small");
  let count = 0;
  let first = 1;
  let sliders = new Map();

  const draw = () => {
    sliders = new Map();
    if (!fold.open) return rows.replaceChildren(); // A hundred sliders that nobody sees would slow every drag.
    const last = Math.min(first + PAGE - 1, count);
    const made = [];
    for (let number = first; number <= last; number += 1) {
      const move = (done) => (value, single) =>
        change({ latents: edited(present().latents, number, value) }, done, single ? null : `latent ${number}`);
      const label = `Latent ${number}`;
      const control = slider({ label, min: -3, max: 3, step: 0.05, low: -10, high: 10, preview: move(false), commit: move(true), complain });
      const reset = resetButton(label, () => move(true)(0, true));
      sliders.set(number, { ...control, reset });
      made.push(make("div", { class: "xp-row" }, make("span", { class: "xp-number" }, String(number)), ...control.element.children, reset));
    }
    rows.replaceChildren(...made);
    counter.textContent = `${first} to ${last} of ${count}`;
    fold.querySelector("[data-step='-1']").disabled = first === 1;
    fold.querySelector("[data-step='1']").disabled = last === count;
    set(present());
  };
  const set = (recipe) => {
    const moved = Object.keys(recipe?.latents ?? {}).length;
    edits.textContent = moved ? `${moved} of ${count} moved` : `${count}`;
    for (const [number, control] of sliders) {
      const value = recipe?.latents?.[number] ?? 0;
      control.set(value);
      control.reset.classList.toggle("xp-on", value !== 0);
    }
  };
  fold.addEventListener("toggle", draw);
  fold.querySelectorAll("[data-step]").forEach((button) =>
    button.addEventListener("click", () => {
      first = limited(first + PAGE * Number(button.dataset.step), 1, count);
      draw();
    }),
  );
  return {
    set,
    open(latentDim) {
      count = latentDim;
      first = 1;
      draw();
    },
  };
}

/** A class, and a blend with a second one. */
function classChoice(root, { change, complain }) {
  const line = root.querySelector("#explore-classes");
  const [one, other] = ["#explore-class", "#explore-blend"].map((name) => root.querySelector(`${name} select`));
  const label = (amount) => {
    if (!one.value) return null;
    if (!other.value || other.value === one.value || amount === 0) return one.value;
    return { [one.value]: Number((1 - amount).toFixed(4)), [other.value]: amount };
  };
  const move = (done) => (part, single) => change({ label: label(part) }, done, single ? null : "blend");
  const amount = slider({ label: "Amount of the second class", min: 0, max: 1, step: 0.01, preview: move(false), commit: move(true), complain });
  root.querySelector("#explore-blend-amount").append(amount.element);
  const enable = () => {
    other.disabled = !one.value;
    amount.range.disabled = amount.field.disabled = other.disabled || !other.value;
  };
  one.addEventListener("change", () => {
    if (one.value === other.value || !one.value) other.value = "";
    change({ label: label(Number(amount.range.value)) }, true);
  });
  other.addEventListener("change", () => {
    if (other.value === one.value) other.value = "";
    const part = other.value ? Number(amount.range.value) || 0.5 : 0; // Half, so that something is to be seen.
    amount.set(part);
    change({ label: label(part) }, true);
  });
  return {
    set(recipe) {
      const names = recipe.label && typeof recipe.label === "object" ? Object.keys(recipe.label) : [recipe.label ?? ""];
      one.value = names[0];
      const total = names.reduce((sum, name) => sum + (recipe.label?.[name] ?? 0), 0);
      if (names[1] !== undefined) {
        other.value = names[1];
        amount.set(recipe.label[names[1]] / (total || 1));
      } else if (!(other.value && Number(amount.range.value) === 0)) {
        other.value = ""; // An amount that was drawn to 0 keeps its second class at hand.
        amount.set(0);
      }
      enable();
    },
    open(classes) {
      line.hidden = !classes?.length;
      const options = (classes ?? []).map((name) => make("option", { value: name }, name));
      one.replaceChildren(make("option", { value: "" }, "As the seed"), ...options);
      other.replaceChildren(make("option", { value: "" }, "None"), ...options.map((option) => option.cloneNode(true)));
    },
  };
}

/** A second seed, the stages at which it lends its look, and how much. `draw(seed)` shows it. */
function mixing(fold, { change, present, complain, draw }) {
  const input = fold.querySelector("#explore-mix-seed input");
  const stages = fold.querySelector("#explore-stages");
  const told = fold.querySelector("summary .gs-small");
  const label = fold.querySelector("#explore-mix-class");
  const lent = label.querySelector("select");
  let sides = [];
  let seed = input.value;
  const chosen = () => [...stages.querySelectorAll("input:checked")].map((box) => Number(box.value));
  const mix = () => {
    const numbers = chosen();
    const part = Number(amount.range.value);
    if (!numbers.length || !part) return undefined;
    return { seed, stages: numbers, amount: part, ...(lent.value ? { label: lent.value } : {}) };
  };
  /** Whoever chooses what to lend and not where, means its colours and details: the later half of the stages. */
  const somewhere = () => {
    if (chosen().length) return;
    const boxes = [...stages.querySelectorAll("input")];
    boxes.slice(Math.floor(boxes.length / 2)).forEach((box) => (box.checked = true));
  };
  const move = (done) => (_, single) => {
    if (!single) somewhere();
    change({ mix: mix() }, done, single ? null : "mix");
  };
  const another = (done) => (next) => {
    seed = next;
    field.set(seed);
    draw(seed, lent.value);
    somewhere();
    change({ mix: mix() }, done, "mix seed");
  };
  const amount = slider({ label: "Amount of the mix", min: 0, max: 1, step: 0.01, preview: move(false), commit: move(true), complain });
  amount.set(1);
  fold.querySelector("#explore-mix-amount").append(amount.element);
  const field = seedField(input, { preview: another(false), commit: another(true), complain });
  fold.querySelector("#explore-mix-dice").addEventListener("click", () => another(true)(randomSeed()));
  lent.addEventListener("change", () => {
    draw(seed, lent.value);
    somewhere();
    move(true)(null, true);
  });
  fold.addEventListener("toggle", () => fold.open && draw(seed, lent.value));
  return {
    set(recipe) {
      const { mix: now } = recipe;
      told.textContent = now ? `seed ${now.seed}, ${now.stages.map((number) => `${sides[number - 1]} px`).join(", ")}` : "";
      if (now) {
        seed = String(now.seed);
        field.set(seed);
        amount.set(now.amount);
        lent.value = now.label ?? "";
        stages.querySelectorAll("input").forEach((box) => (box.checked = now.stages.includes(Number(box.value))));
      } else if (mix()) stages.querySelectorAll("input").forEach((box) => (box.checked = false));
    },
    open(list, classes) {
      sides = list;
      fold.hidden = !list.length;
      label.hidden = !classes?.length;
      const names = (classes ?? []).map((name) => make("option", { value: name }, name));
      lent.replaceChildren(make("option", { value: "" }, "As the picture"), ...names);
      const boxes = list.map((side, place) =>
        make("label", { class: "xp-stage-box" }, make("input", { type: "checkbox", value: place + 1, onchange: () => move(true)(null, true) }), `${side} px`),
      );
      stages.replaceChildren(stages.querySelector("legend"), ...boxes);
    },
    redraw: () => fold.open && draw(seed, lent.value),
  };
}
