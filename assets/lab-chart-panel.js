// One panel of a chart: its names with their values, its canvas, the lines of the cursor.

const CHART_NS = "http://www.w3.org/2000/svg";

/** A bit of the line, in its colour and dashes. */
function chartSwatch({ hue, dash }) {
  const svg = document.createElementNS(CHART_NS, "svg");
  const line = document.createElementNS(CHART_NS, "line");
  for (const [name, value] of Object.entries({ viewBox: "0 0 18 8", class: "lc-swatch", "aria-hidden": "true" })) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ x1: 0, x2: 18, y1: 4, y2: 4, "stroke-dasharray": dash.join(" ") })) line.setAttribute(name, value);
  line.style.stroke = `var(--gs-line-${hue})`;
  svg.append(line);
  return svg;
}

/** How a run's line of a name is drawn: by run or by name, the other one by its dashes. */
function chartLook(runAt, nameAt, byRun) {
  const [hue, dash] = byRun ? [runAt, nameAt] : [nameAt, runAt || Math.floor(nameAt / CHART_HUES)];
  return { hue: hue % CHART_HUES, dash: CHART_DASHES[dash % CHART_DASHES.length] };
}

function chartPanel(id, toggle) {
  const keys = make("div", { class: "lc-keys" });
  const canvas = make("canvas", { role: "img" });
  const hover = make("i", { class: "lc-line lc-hover", hidden: true });
  const cursor = make("i", { class: "lc-line lc-cursor", hidden: true });
  const band = make("i", { class: "lc-band", hidden: true });
  const plot = make("div", { class: "lc-plot" }, canvas, band, hover, cursor);
  const unit = CHART_UNITS[id] ? make("span", { class: "gs-small" }, CHART_UNITS[id]) : null;
  const element = make("div", { class: "lc-panel", "data-panel": id }, make("div", { class: "lc-head" }, make("h4", {}, CHART_PANELS[id], unit ? " " : null, unit), keys), plot);
  let outputs = [];

  return {
    id,
    element,
    plot,
    canvas,
    /** lines: [{run, title, name, label, look, hidden, many}] in rows by run. */
    name(lines) {
      const key = JSON.stringify(lines);
      if (keys.dataset.key === key) return;
      keys.dataset.key = key;
      outputs = [];
      const byRun = Map.groupBy ? Map.groupBy(lines, (line) => line.run) : chartGrouped(lines);
      keys.replaceChildren(...[...byRun.values()].map((row) => make("div", { class: "lc-key-row" },
        row[0].many ? make("span", { class: "lc-key-run", title: row[0].title }, row[0].title) : null,
        ...row.map((line) => {
          const output = make("b", { class: `lc-number${line.sparse ? " lc-measured" : ""}` });
          outputs.push({ line, output });
          return make("button", { type: "button", class: "lc-key", "aria-pressed": String(!line.hidden), title: `${line.name}: show or hide`, onclick: () => toggle(line.name) },
            chartSwatch(line.look), make("span", {}, line.label), output);
        }))));
    },
    /** The values beside the names. textOf(run, name) gives what stands there. */
    values(textOf) {
      for (const { line, output } of outputs) {
        const text = textOf(line.run, line.name);
        if (output.textContent !== text) output.textContent = text;
      }
    },
    /** Lines in px from the canvas' left, null: none. */
    mark({ hoverX, cursorX, bandX, foot }) {
      for (const [line, x] of [[hover, hoverX], [cursor, cursorX]]) {
        line.hidden = x === null;
        if (x !== null) line.style.transform = `translateX(${x}px)`;
        line.style.bottom = `${foot}px`;
      }
      band.hidden = bandX === null;
      if (bandX) Object.assign(band.style, { left: `${bandX[0]}px`, width: `${bandX[1] - bandX[0]}px`, bottom: `${foot}px` });
    },
  };
}

function chartGrouped(lines) {
  const rows = new Map();
  for (const line of lines) rows.set(line.run, [...(rows.get(line.run) ?? []), line]);
  return rows;
}

/** Triangles under the axis for what happened in a run; a press goes there and tells. */
function chartMarks(go) {
  const strip = make("div", { class: "lc-marks" });
  let key = "";
  return {
    element: strip,
    /** events: [{step, kind, text, finding}]; place(step) in px from the strip's left, null where it is out of sight. */
    show(events, place) {
      const seen = events.map((event) => ({ ...event, x: place(event.step) })).filter(({ x }) => x !== null).slice(-200);
      const now = seen.map(({ step, kind, x }) => `${step} ${kind} ${Math.round(x)}`).join();
      if (now === key) return;
      key = now;
      const focused = strip.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      strip.replaceChildren(...seen.map(({ step, kind, text, finding, x }) => {
        const said = `Step ${step.toLocaleString("en")}: ${text}`;
        const quiet = finding === false || kind.endsWith("-over"); // What was done, and what is well again.
        const mark = make("button", { type: "button", class: `lc-mark${quiet ? " lc-notice" : ""}`, title: said, "aria-label": said, "data-key": `${step} ${kind}`, onclick: () => go(step, said) });
        mark.style.left = `${x}px`;
        return mark;
      }));
      if (focused) [...strip.children].find((mark) => mark.dataset.key === focused)?.focus({ preventScroll: true });
    },
  };
}

/** Newest values as a table, for those who do not see the curves. */
function chartTable() {
  const body = make("tbody");
  const element = make("table", { class: "gs-aside" }, make("caption", {}, "Newest values"),
    make("thead", {}, make("tr", {}, ...["Panel", "Curve", "Step", "Value"].map((text) => make("th", { scope: "col" }, text)))), body);
  return {
    element,
    show(rows) {
      body.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((text) => make("td", {}, text)))));
    },
  };
}
