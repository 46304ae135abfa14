// Curves of runs: panels that share an axis and a cursor, fed by what the server has read, drawn on canvases.

const CHART_KEPT = "gan-studio.chart";
const CHART_EMPTY = "The curves appear with the first steps.";

function curveChart(host, { call, onCursor }) {
  const settings = { panels: {}, hidden: [], smoothing: 0.6, log: false, clipped: false, axis: "step", by: "run", ...kept.get(localStorage, CHART_KEPT, {}) };
  let run = null;
  let overlays = [];
  let view = null; // [low, high] on the axis; null: the whole, growing.
  let follows = false; // The part that is seen ends with the run, and moves on with it.
  let reach = [0, 1];
  let cursorStep = null;
  let hover = null; // Where the pointer is, as a part of the plot's width.
  let banded = null;
  let frame = null;
  let theme = chartTheme(host);
  const panels = new Map();

  const message = make("p", { class: "lc-told gs-small", role: "status" });
  const tell = (text) => message.textContent !== text && (message.textContent = text);
  const csv = chartCsv(call, tell);
  const tools = chartTools(settings, { changed: settingsChanged, reset, saveCsv: (button) => run && csv(button, run.id), savePng });
  const plots = make("div", { class: "lc-plots", tabindex: 0, role: "group", "aria-label": "Curves. Arrow keys move the cursor, plus and minus zoom, 0 shows the whole run." });
  const label = make("span", { class: "lc-step", hidden: true });
  const marks = chartMarks((step, said) => {
    choose(toPlace(step));
    tell(said);
  });
  const empty = make("div", { class: "gs-empty lc-empty" }, make("p", {}, CHART_EMPTY));
  const table = chartTable();
  host.classList.add("lc");
  host.replaceChildren(tools.element, empty, plots, message, table.element);

  const feed = chartFeed(call, {
    wanted: (names) => {
      const groups = chartGroups(names);
      const drawn = openPanels(groups).flatMap((panel) => groups[panel]);
      return names.includes(CHART_CLOCK) ? [...drawn, CHART_CLOCK] : drawn;
    },
    points: () => limited(Math.ceil(((plots.clientWidth || host.clientWidth) * 2) / 256) * 256, 512, 4096),
    weight: () => settings.smoothing,
    landed,
    failed: (text) => text && tell(text),
  });

  // What is drawn.

  const shown = () => (run ? [{ id: run.id, title: run.title || run.id }, ...overlays] : []);
  const sight = () => view ?? reach;
  const scenes = chartScenes({ feed: () => feed, settings, shown, sight, snapshots: () => run.snapshots ?? [], theme: () => theme });
  const { groups, openPanels, toPlace, toStep, linesOf, pointAt, textAt } = scenes;
  const newest = (line) => `${line.label} ${textAt(line.run, line.name, null)}`;
  const hovered = () => (hover === null ? null : sight()[0] + hover * (sight()[1] - sight()[0]));

  /** Measurements on axes of their own count as one panel of several parts. */
  const heightOf = (id, open) => {
    const count = new Set(open.map(chartButtonOf)).size;
    const height = (plots.clientWidth < 480 ? [230, 160, 130] : [320, 190, 150])[Math.min(count, 3) - 1];
    return CHART_TOGETHER[id] ? Math.max(Math.round(height / 2), 110) : height;
  };

  function draw() {
    frame = null;
    const width = plots.clientWidth;
    const all = groups();
    const open = openPanels(all);
    const any = Object.keys(all).length > 0;
    empty.hidden = any;
    plots.hidden = tools.element.hidden = !any;
    if (!any || !run) return;
    tools.show({ titles: Object.fromEntries(Object.keys(all).map(chartButtonOf).map((id) => [id, CHART_BUTTONS[id]])), open: open.map(chartButtonOf), timed: scenes.timed(), many: overlays.length > 0, zoomed: view !== null });
    if (!width) return; // Out of sight; drawn when it comes back.
    const began = performance.now();
    arrange(open);
    open.forEach((id, at) => {
      const panel = panels.get(id);
      const lines = linesOf(all[id]);
      const labelled = at === open.length - 1;
      const height = heightOf(id, open) + (labelled ? CHART_BELOW : 0);
      panel.name(lines);
      panel.canvas.style.height = `${height}px`;
      const scene = scenes.sceneOf(id, lines, labelled, width, height);
      const foot = labelled ? CHART_BELOW : CHART_FOOT;
      chartPaint(chartCanvas(panel.canvas, width, height), { left: CHART_LEFT, top: CHART_TOP, width: width - CHART_LEFT - CHART_RIGHT, height: height - CHART_TOP - foot }, scene, theme);
      panel.foot = foot;
      panel.scene = scene;
      panel.lines = lines;
      panel.element.dataset.ticks = scene.yTicks.map(chartTickText).join(" ");
      panel.canvas.setAttribute("aria-label", summary(id, lines));
    });
    point();
    marks.show(run.events ?? [], (step) => pixels(toPlace(step)));
    // For whoever looks from outside: tests and measurements.
    Object.assign(host.dataset, { drawMs: (performance.now() - began).toFixed(1), step: feed.of(run.id).base.series.size ? feed.of(run.id).step : 0, view: view ? view.map((one) => one.toPrecision(8)).join(" ") : "" });
  }

  /** The panels that are open, in their order; those there stay, so that nothing flickers. */
  function arrange(open) {
    const key = open.join();
    if (plots.dataset.open === key) return;
    plots.dataset.open = key;
    for (const id of open) if (!panels.has(id)) panels.set(id, chartPanel(id, toggleName));
    for (const id of [...panels.keys()]) if (!open.includes(id)) panels.delete(id);
    plots.replaceChildren(...open.map((id) => panels.get(id).element), ...(open.length ? [tools.whole, label, marks.element] : [make("p", { class: "gs-small lc-none" }, "All panels are closed. Choose one above.")]));
  }

  function soon() {
    frame ??= requestAnimationFrame(draw);
  }

  const pixels = (place) => {
    const [low, high] = sight();
    const x = CHART_LEFT + ((place - low) / (high - low || 1)) * (plots.clientWidth - CHART_LEFT - CHART_RIGHT);
    return x >= CHART_LEFT - 0.5 && x <= plots.clientWidth - CHART_RIGHT + 0.5 ? x : null;
  };

  /** Cursor, hover and the values there. */
  function point() {
    if (!run) return;
    const at = hovered() ?? (cursorStep === null ? null : toPlace(cursorStep));
    const cursorX = cursorStep === null ? null : pixels(toPlace(cursorStep));
    const hoverX = hover === null ? null : pixels(hovered());
    const bandX = banded && banded.map((place) => pixels(limited(place, ...sight()))).sort((a, b) => a - b);
    for (const panel of panels.values()) {
      if (!panel.scene) continue;
      panel.mark({ hoverX, cursorX, bandX, foot: panel.foot });
      panel.values((id, name) => textAt(id, name, at));
    }
    const x = hoverX ?? cursorX;
    label.hidden = x === null;
    if (x === null) return;
    const step = Math.round(hover === null ? cursorStep : toStep(hovered()));
    const time = settings.axis === "time" ? `, ${chartTimeText(at)}` : "";
    label.textContent = `step ${Math.max(0, step).toLocaleString("en")}${time}`;
    label.style.left = `${limited(x, CHART_LEFT + 30, plots.clientWidth - 44)}px`;
  }

  function summary(id, lines) {
    const values = lines.filter((line) => line.run === run.id && !line.hidden).map(newest);
    return `${CHART_PANELS[id]} of ${run.title || run.id} up to step ${feed.of(run.id).step.toLocaleString("en")}: ${values.join(", ")}`;
  }

  // What changes.

  function landed() {
    if (!run) return;
    const before = reach;
    const ends = shown().map(({ id }) => feed.of(id)).filter((known) => known.names.length);
    const last = Math.max(1e-9, ...shown().map(({ id }) => toPlace(feed.of(id).step, id)));
    const starts = shown().flatMap(({ id }) => [...feed.of(id).base.series.values()].filter((one) => one.x.length).map((one) => toPlace(one.x[0], id)));
    const first = Math.min(last, ...starts);
    reach = [first > 0.2 * last && first < last ? first : 0, last];
    if (view && follows) view = view.map((place) => place + Math.max(0, reach[1] - before[1]));
    const known = feed.of(run.id);
    const wrong = shown().map(({ id }) => feed.of(id).error).find(Boolean);
    if (wrong) tell(wrong);
    else if (known.reading !== null) tell(`A long run: a sample of its points is drawn while the rest is read, ${Math.floor(known.reading * 100)} %.`);
    else if (message.textContent.startsWith("A long run")) tell("");
    if (ends.length) seek();
    soon();
    tabulate();
  }

  let tabulated = -Infinity;
  let tabling;
  function tabulate() {
    clearTimeout(tabling);
    const early = 1000 - (performance.now() - tabulated); // Whoever has it read aloud must get to its end.
    if (early > 0) return void (tabling = setTimeout(tabulate, early));
    const all = run ? groups() : {};
    const rows = openPanels(all).flatMap((panel) => all[panel].map((name) => {
      const { value, step } = pointAt(run.id, name, null);
      return step === null ? null : [CHART_PANELS[panel], chartLabel(name, feed.of(run.id).domains), step.toLocaleString("en"), chartNumber(value)];
    })).filter(Boolean);
    if (rows.length) tabulated = performance.now();
    table.show(rows);
  }

  /** Ask for more points of what is in sight. */
  function seek() {
    feed.part(view && Object.fromEntries(shown().map(({ id }) => [id, view.map((place) => toStep(place, id))])));
  }

  function setView(low, high) {
    const [first, last] = reach;
    const least = Math.max((last - first) / 1e5, settings.axis === "step" ? 4 : 1e-3);
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    [low, high] = [Math.max(low, first), Math.min(high, last)];
    view = high - low >= (last - first) * 0.999 || high <= low ? null : [low, high];
    follows = view !== null && high >= last - (high - low) * 0.005;
    seek();
    soon();
  }

  function reset() {
    view = null;
    seek();
    soon();
  }

  let announced = false;
  function choose(place) {
    if (!run) return;
    const steps = mainSteps();
    const wanted = limited(toStep(place), 0, Math.max(feed.of(run.id).step, 0));
    cursorStep = steps?.length ? steps[chartNearest(steps, wanted)] : Math.round(wanted);
    point();
    if (announced) return;
    announced = true; // Once a frame, however fast the hand.
    requestAnimationFrame(() => {
      announced = false;
      if (cursorStep !== null) onCursor(cursorStep);
    });
  }

  const mainSteps = () => {
    const all = groups();
    const name = openPanels(all).flatMap((panel) => all[panel]).find((one) => feed.series(run.id, one)?.x.length);
    return name && feed.series(run.id, name).x;
  };

  function nudge(points) {
    const steps = mainSteps();
    if (!steps?.length) return;
    const at = cursorStep === null ? steps.length - 1 : chartNearest(steps, cursorStep) + points;
    choose(toPlace(steps[limited(at, 0, steps.length - 1)]));
    const [low, high] = sight();
    const place = toPlace(cursorStep);
    if (view && (place < low || place > high)) setView(place - (high - low) / 2, place + (high - low) / 2);
  }

  function toggleName(name) {
    settings.hidden = settings.hidden.includes(name) ? settings.hidden.filter((one) => one !== name) : [...settings.hidden, name];
    settingsChanged();
  }

  let axis = settings.axis;
  function settingsChanged() {
    kept.set(localStorage, CHART_KEPT, settings);
    if (axis !== settings.axis) view = null; // Steps are no seconds.
    axis = settings.axis;
    feed.load();
    landed();
  }

  function savePng() {
    if (!run || !panels.size) return;
    const open = [...panels.values()].filter((panel) => panel.scene && plots.contains(panel.element));
    const canvas = chartPicture(
      open.map(({ id, scene, lines }) => ({
        title: CHART_UNITS[id] ? `${CHART_PANELS[id]}, ${CHART_UNITS[id]}` : CHART_PANELS[id],
        scene,
        keys: lines.filter((line) => !line.hidden).map((line) => ({
          text: `${line.many ? `${line.title} ` : ""}${newest(line)}`,
          colour: theme.lines[line.look.hue],
          dash: line.look.dash,
        })),
      })),
      { title: `${run.title || run.id}, step ${feed.of(run.id).step.toLocaleString("en")}`, width: plots.clientWidth, heights: open.map(({ canvas: one }) => one.clientHeight), theme },
    );
    canvas.toBlob((blob) => (blob ? save(blob, `${run.id}-curves.png`) : tell("The picture could not be made. Nothing was saved. Make the window smaller and try again.")), "image/png");
  }

  // Where it stands.

  chartHands(plots, {
    area: () => {
      const first = panels.values().next().value;
      const box = plots.getBoundingClientRect();
      const plotted = [...plots.querySelectorAll(".lc-plot")].at(-1)?.getBoundingClientRect();
      return { left: box.left + CHART_LEFT, width: box.width - CHART_LEFT - CHART_RIGHT, foot: first && plotted ? plotted.bottom - CHART_BELOW : Infinity };
    },
    get: () => ({ view: sight(), whole: reach, cursor: cursorStep === null ? null : toPlace(cursorStep) }),
    set: setView,
    reset,
    point: (part) => {
      hover = part;
      point();
    },
    choose,
    nudge,
    band: (from, to) => {
      banded = from === null ? null : [from, to];
      point();
    },
  });
  const recolour = () => {
    theme = chartTheme(host);
    soon();
  };
  new ResizeObserver(soon).observe(plots);
  new MutationObserver(recolour).observe(document.body, { attributeFilter: ["class"] });
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

  return {
    show(newRun, newOverlays = []) {
      const other = newRun?.id !== run?.id;
      const before = shown().map(({ id }) => id).join();
      run = newRun;
      overlays = newOverlays.filter((one) => one.id !== run?.id).slice(0, 8);
      if (other) {
        [view, cursorStep, hover] = [null, null, null];
        reach = [0, 1];
        tell("");
        table.show([]); // Another run's figures.
        tabulated = -Infinity;
      }
      const ids = shown().map(({ id }) => id);
      if (ids.join() !== before) feed.show(ids).then(landed);
      else feed.load();
      soon();
    },
    refresh: () => feed.load(),
    cursor(step) {
      cursorStep = step;
      point();
    },
  };
}
