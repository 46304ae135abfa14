// The same picture at every step, cut out of the sheets; and any seed, drawn by every kept snapshot.

const TRAVEL_CROP = 128; // Largest side of a picture in a strip, px.

/**
 * sheets: of `travelSheets`; call asks the server; go(step) shows a step. One strip for a picture of the sheet, one for
 * a seed. pick(cell, name): choose a picture, null: none. show(run, samples, layout): what there is by now.
 */
function travelSeeds({ call, sheets, go, picked }) {
  let run = null;
  let layout = null;
  let samples = [];
  let cell = null; // Number of the picture, or of the row of a translator's sheet.
  let name = "";
  let tiles = new Map(); // step -> {button, canvas}
  const wanted = new Set(); // Steps whose pictures are in sight and not drawn.
  let filling = false;

  const strip = make("div", { class: "lt-strip", role: "group", "aria-label": "One picture through all samples" });
  const title = make("span", { class: "gs-small" });
  const clear = make("button", { type: "button", class: "gs-button gs-plain", onclick: () => pick(null) }, "Close");
  const first = make("div", { class: "lt-over", hidden: true }, make("div", { class: "lt-row" }, make("h3", {}, "Over time"), title, make("span", { class: "lt-gap" }), clear), strip);

  const crop = (sheet, canvas) => {
    const { columns, cell_px: side, gap_px: gap } = layout;
    const whole = run.kind === "translator";
    const [row, column] = whole ? [cell, 0] : [Math.floor(cell / columns), cell % columns];
    const wide = whole ? columns * (side + gap) - gap : side;
    const scale = Math.min(1, TRAVEL_CROP / side);
    [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(side * scale)];
    const paper = canvas.getContext("2d");
    paper.imageSmoothingQuality = "high";
    paper.drawImage(sheet.bitmap, column * (side + gap), row * (side + gap), wide, side, 0, 0, canvas.width, canvas.height);
    if (whole) {
      for (let one = 1; one < columns; one += 1) paper.clearRect(Math.floor((one * (side + gap) - gap) * scale), 0, Math.ceil(gap * scale), canvas.height);
    }
    canvas.dataset.drawn = "1";
  };
  const fill = async () => {
    if (filling) return;
    filling = true;
    while (wanted.size) {
      const step = wanted.values().next().value;
      wanted.delete(step);
      const asked = cell;
      try {
        const sheet = await sheets.load(step);
        const tile = tiles.get(step);
        if (tile && asked === cell && cell !== null) crop(sheet, tile.canvas);
      } catch {
        tiles.get(step)?.button.classList.add("lt-lost"); // Whoever goes there is told why.
      }
    }
    filling = false;
  };
  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const step = Number(target.dataset.step);
        if (!isIntersecting) wanted.delete(step);
        else if (!target.querySelector("canvas").dataset.drawn) wanted.add(step);
      }
      fill();
    },
    { root: strip, rootMargin: "0px 200px" },
  );
  const tileOf = (step) => {
    const canvas = make("canvas", { width: 1, height: 1 });
    const text = step.toLocaleString("en");
    const button = make("button", { type: "button", "data-step": step, "aria-label": `Step ${text}`, onclick: () => go(step) }, canvas, make("span", { class: "gs-small" }, text));
    sight.observe(button);
    return { button, canvas };
  };
  const draw = () => {
    first.hidden = cell === null;
    if (cell === null) return;
    title.textContent = name;
    const { cell_px: side, columns, gap_px: gap } = layout;
    strip.classList.toggle("lt-hard", side <= HARD_PX);
    strip.classList.toggle("lt-rows", run.kind === "translator");
    strip.style.setProperty("--lt-shape", run.kind === "translator" ? (columns * (side + gap) - gap) / side : 1);
    const before = tiles;
    tiles = new Map(samples.map((step) => [step, before.get(step) ?? tileOf(step)]));
    for (const [step, { button }] of before) {
      if (!tiles.has(step)) {
        sight.unobserve(button);
        button.remove();
      }
    }
    // New samples come at the end: what is there stays where it is.
    samples.forEach((step, place) => {
      const { button } = tiles.get(step);
      if (strip.children[place] !== button) strip.insertBefore(button, strip.children[place] ?? null);
    });
  };
  const pick = (number, words = "") => {
    const same = number === cell;
    [cell, name] = [same ? null : number, words];
    sight.disconnect();
    wanted.clear();
    tiles = new Map();
    strip.replaceChildren();
    draw();
    picked(cell);
  };
  const mark = (step) => {
    for (const button of strip.children) button.setAttribute("aria-current", String(Number(button.dataset.step) === step));
    const here = tiles.get(step)?.button;
    if (!here || first.hidden) return;
    const left = here.offsetLeft - strip.offsetLeft; // Not scrollIntoView: the page must not move.
    if (left < strip.scrollLeft) strip.scrollLeft = left;
    else if (left + here.offsetWidth > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = left + here.offsetWidth - strip.clientWidth;
  };

  // Any seed.

  const row = make("div", { class: "lt-strip", role: "group", "aria-label": "One seed through the kept snapshots" });
  const said = make("p", { class: "gs-told lt-line", role: "alert" });
  const input = make("input", { class: "gs-input gs-slim", inputmode: "numeric", autocomplete: "off", spellcheck: "false", value: "555", "aria-label": "Seed" });
  const dice = make("button", { type: "button", class: "gs-button" }, "Random");
  const panel = make(
    "details",
    { class: "gs-fold lt-any", hidden: true },
    make("summary", {}, "Any seed ", make("span", { class: "gs-small" }, "drawn by each kept snapshot")),
    make("div", {}, make("div", { class: "lt-row" }, make("label", { class: "lt-seed" }, "Seed ", input), dice, said), row),
  );
  let drawn = new Map(); // "seed step" -> url
  let turn = 0;
  const complain = (text) => {
    said.textContent = text;
    said.classList.toggle("gs-notice", Boolean(text));
  };
  const field = seedField(input, { preview: () => {}, commit: () => paint(), complain });
  dice.addEventListener("click", () => {
    field.set(randomSeed());
    complain("");
    paint();
  });
  const paint = async () => {
    const seed = seedOf(input.value);
    if (!panel.open || !run || seed === null) return;
    turn += 1;
    const mine = turn;
    const steps = run.snapshots.map(({ step }) => step);
    const known = new Map([...row.children].map((one) => [Number(one.dataset.step), one]));
    row.classList.toggle("lt-hard", run.size <= HARD_PX);
    row.replaceChildren(
      ...steps.map((step) => {
        const text = step.toLocaleString("en");
        const button = known.get(step) ?? make("button", { type: "button", "data-step": step, onclick: () => go(step) }, make("img", { alt: "" }), make("span", { class: "gs-small" }, text));
        button.setAttribute("aria-label", `Seed ${seed} at step ${text}`);
        return button;
      }),
    );
    for (const button of row.children) {
      const key = `${seed} ${button.dataset.step}`;
      if (!drawn.has(key)) {
        const answer = await call("seed_at", { run: run.id, step: Number(button.dataset.step), seed });
        if (mine !== turn) return;
        button.classList.toggle("lt-lost", !answer.ok);
        if (!answer.ok) {
          complain(answer.error);
          continue;
        }
        if (drawn.size > 500) drawn.clear();
        drawn.set(key, answer.url);
      }
      const image = button.querySelector("img");
      if (image.getAttribute("src") !== drawn.get(key)) image.src = drawn.get(key);
      button.dataset.seed = seed;
    }
  };
  panel.addEventListener("toggle", paint);

  return {
    elements: [first, panel],
    pick,
    mark,
    get cell() {
      return cell;
    },
    show(run_, samples_, layout_) {
      const other = run?.id !== run_.id;
      const before = JSON.stringify(run?.snapshots.map(({ step }) => step));
      [run, samples, layout] = [run_, samples_, layout_];
      if (other) {
        drawn = new Map();
        row.replaceChildren();
        complain("");
        if (cell !== null) pick(null);
      }
      panel.hidden = run.kind !== "generator" || !run.snapshots.length;
      if (layout && cell !== null) draw();
      if (other || before !== JSON.stringify(run.snapshots.map(({ step }) => step))) paint();
    },
  };
}
