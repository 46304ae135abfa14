// What the panel of samples is made of, and the pictures of a sheet as buttons.

const TRAVEL_MOST_CELLS = 400;
const TRAVEL_PLAY = "M4.5 2.5v11l9-5.5z";
const TRAVEL_PAUSE = "M5 3v10M11 3v10";

/** Everything that is seen, put into `host`: the sheet with its caption, and the bar that is under curves and sheet. */
function travelFrame(host) {
  const icon = (path) => {
    const button = make("button", { type: "button", class: "gs-button gs-icon" });
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" /></svg>`;
    return button;
  };
  const named = (button, name, title = name) => {
    button.setAttribute("aria-label", name);
    button.title = title;
    return button;
  };
  const caption = make("h3", { class: "lt-caption" }, "Samples");
  const after = make("span", { class: "gs-small lt-after" });
  const newest = make("button", { type: "button", class: "gs-button gs-plain lt-newest", hidden: true, title: "Follow the run again" }, "Newest");
  const heads = make("div", { class: "lt-heads", hidden: true });
  const canvas = make("canvas", { width: 1, height: 1, role: "img", "aria-label": "Samples" });
  const cells = make("div", { class: "lt-cells", role: "group", "aria-label": "Pictures" });
  const nothing = make("p", { class: "lt-nothing gs-told" });
  const problem = make("p", { class: "gs-notice lt-problem", role: "alert" }); // Over the sheet: nothing moves.
  const sheet = make("div", { class: "lt-sheet" }, canvas, cells, nothing, problem);
  const about = [
    "The same latents, or the same photographs, at each step. They are drawn by the weights that snapshots keep: their moving average (EMA), unless it is switched off. A click on one shows it through all samples.",
    "Arrow keys move the slider; comma and full stop go back and on from everywhere, space plays. Ticks beneath the slider are snapshots: whole models, which can be opened, kept and gone on from.",
  ];
  const help = make("details", { class: "gs-help" }, make("summary", { "aria-label": "About the samples" }, "?"), make("div", {}, ...about.map((text) => make("p", {}, text))));
  closesItself(help);
  const top = make("div", { class: "lt-row lt-top" }, caption, after, make("span", { class: "lt-gap" }), newest, help);
  const stage = make("div", { class: "lt-stage" }, top, heads, sheet);

  const before = named(icon("M10 3 5 8l5 5"), "Previous sample", "Previous sample (,)");
  const next = named(icon("m6 3 5 5-5 5"), "Next sample", "Next sample (.)");
  const range = make("input", { type: "range", class: "gs-range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Sample" });
  const ticks = make("div", { class: "lt-ticks", "aria-hidden": "true" });
  const playButton = icon(TRAVEL_PLAY);
  const speed = make("select", { class: "gs-input gs-slim", "aria-label": "Sheets a second" }, ...[2, 5, 10, 20, 40].map((rate) => make("option", { value: rate, selected: rate === 10 }, `${rate} a second`)));
  const loop = make("input", { type: "checkbox" });
  const slide = make("div", { class: "lt-slide" }, before, make("div", { class: "lt-range" }, range, ticks), next, playButton, speed, make("label", { class: "lt-check" }, loop, "Loop"));

  const opener = make("button", { type: "button", class: "gs-button" });
  const tool = (text) => make("button", { type: "button", class: "gs-button", "aria-expanded": "false" }, text);
  const tools = { keep: tool("Keep"), branch: tool("Branch"), back: tool("Roll back"), film: tool("Film") };
  tools.film.title = "Write the samples as a film";
  const note = make("span", { class: "gs-small lt-note", role: "status" });
  const actions = make("div", { class: "lt-row lt-actions" }, opener, ...Object.values(tools), note);
  const bar = make("div", { class: "lt-bar" }, slide, actions);
  const playing = (on) => {
    named(playButton, on ? "Pause" : "Play", on ? "Pause (Space)" : "Play (Space)");
    playButton.querySelector("path").setAttribute("d", on ? TRAVEL_PAUSE : TRAVEL_PLAY);
  };
  playing(false);
  host.classList.add("lt");
  host.replaceChildren(stage, bar);
  return {
    stage, caption, after, newest, heads, sheet, canvas, cells, nothing, problem, bar,
    slide, before, next, range, ticks, playButton, speed, loop, actions, opener, tools, note, playing,
  };
}

/** Whether a canvas holds a sheet of this layout. */
function travelFits(layout, canvas) {
  if (!layout) return false;
  const { columns, rows, cell_px: side, gap_px: gap } = layout;
  return columns * (side + gap) - gap === canvas.width && rows * (side + gap) - gap === canvas.height;
}

/** One button over each picture of a sheet, or over each row of a translator's; arrow keys move among them. */
function travelCells(host, pick) {
  let across = 1;
  host.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const there = host.children[[...host.children].indexOf(event.target) + move];
    if (!move || !there) return;
    event.preventDefault();
    [event.target.tabIndex, there.tabIndex] = [-1, 0];
    there.focus();
  });
  const clear = () => {
    host.replaceChildren();
    host.hidden = true;
  };
  return {
    clear,
    mark: (picked) => [...host.children].forEach((cell, at) => cell.setAttribute("aria-pressed", String(at === picked))),
    draw({ layout, canvas, whole, picked }) {
      clear();
      if (!travelFits(layout, canvas)) return;
      const { columns, rows, gap_px: gap } = layout;
      const count = whole ? rows : columns * rows;
      if (count > TRAVEL_MOST_CELLS) return;
      across = whole ? 1 : columns;
      host.hidden = false;
      host.style.gridTemplateColumns = `repeat(${across}, 1fr)`;
      host.style.gridTemplateRows = `repeat(${rows}, 1fr)`;
      host.style.columnGap = whole ? "0" : `${(100 * gap) / canvas.width}%`;
      host.style.rowGap = `${(100 * gap) / canvas.height}%`;
      for (let number = 0; number < count; number += 1) {
        const name = `${whole ? "Row" : "Picture"} ${number + 1}`;
        const facts = { tabindex: number ? -1 : 0, "aria-pressed": String(picked === number), "aria-label": `${name} over time` };
        host.append(make("button", { type: "button", title: "Over time", ...facts, onclick: () => pick(number, name) }));
      }
    },
  };
}
