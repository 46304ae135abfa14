// What is drawn of some runs in each panel: which lines, how, and their values at a place.

const CHART_FIRST = ["losses", "cycle", "scores"]; // Open until somebody says otherwise.

const CHART_FROM_ZERO = new Set(["memory", "variety"]);
const chartSparse = (name) => chartButtonOf(chartPanelOf(name)) === "quality"; // Measured now and then.

/**
 * feed() knows the curves, settings how they are drawn; shown() gives the runs [{id, title}], the first one the main one;
 * sight() the part of the axis that is seen. A place is where something lies on the axis: a step, or seconds.
 */
function chartScenes({ feed, settings, shown, sight, snapshots, theme }) {
  const groups = () => chartGroups([...new Set(shown().flatMap(({ id }) => feed().of(id).names))]);
  const openPanels = (all) => Object.keys(all).filter((panel) => settings.panels[chartButtonOf(panel)] ?? CHART_FIRST.includes(panel));
  const clockOf = (id) => (settings.axis === "time" ? feed().of(id).base.series.get(CHART_CLOCK) : null);
  const main = () => shown()[0]?.id;
  const toPlace = (step, id = main()) => (clockOf(id) ? chartBetween(clockOf(id).x, clockOf(id).y, step) : step);
  const toStep = (place, id = main()) => (clockOf(id) ? chartBetween(clockOf(id).y, clockOf(id).x, place) : place);

  const smoothOf = (series) => (settings.smoothing > 0 ? series.smooth : null); // Without one it is seen at once.

  function timed() {
    const known = shown().map(({ id }) => feed().of(id).names).filter((names) => names.length);
    return known.length > 0 && known.every((names) => names.includes(CHART_CLOCK));
  }

  function linesOf(names) {
    const many = shown().length > 1;
    return shown().flatMap(({ id, title }, runAt) =>
      names.flatMap((name, nameAt) => {
        if (!feed().of(id).names.includes(name)) return [];
        const look = chartLook(runAt, nameAt, many && settings.by === "run");
        return [{ run: id, title, name, label: chartLabel(name, feed().of(id).domains), sparse: chartSparse(name), look, hidden: settings.hidden.includes(name), many }];
      }),
    );
  }

  /** Points of a line as they are drawn: [raw, smoothed if it is], each {x, y}. */
  function pointsOf({ run, name }) {
    const series = feed().series(run, name);
    return [series, series && smoothOf(series)].filter(Boolean).map((line) => ({ x: chartPlaces(line, clockOf(run)), y: line.y }));
  }

  function sceneOf(panel, lines, labelled, width, height) {
    const strokes = [];
    for (const line of lines) {
      if (line.hidden) continue;
      const [raw, smooth] = pointsOf(line);
      const style = { colour: theme().lines[line.look.hue], dash: line.look.dash };
      if (raw) strokes.push({ ...raw, ...style, alpha: smooth ? 0.22 : 1, width: smooth ? 1 : 1.5, dash: smooth ? [] : style.dash, dots: line.sparse });
      if (smooth) strokes.push({ ...smooth, ...style, alpha: 1, width: 1.75 });
    }
    strokes.sort((a, b) => a.alpha - b.alpha); // What is faint lies behind.
    const x = sight();
    const y = chartAxis(chartExtent(strokes, x, settings), { log: settings.log, top: { scores: 1, variety: 1, gpu: 100 }[panel], floor: CHART_FROM_ZERO.has(panel) });
    const up = Math.max(2, Math.round(height / 34));
    const across = Math.max(2, Math.round(width / 110));
    const xTicks = settings.axis === "time" ? chartTimeTicks(...x, across) : chartStepTicks(...x, across);
    return {
      x,
      y,
      log: settings.log,
      yTicks: settings.log ? chartLogTicks(...y, up) : chartTicks(...y, up),
      xTicks,
      xText: settings.axis === "time" ? chartTimeText : chartStepText(xTicks),
      ticks: labelled ? snapshots().map(({ step }) => toPlace(step)) : [],
      lines: strokes,
      labelled,
    };
  }

  /** What a line shows at a place, null: at its end, and the step of that: {value, step}; NaN where it is not. */
  function pointAt(id, name, place) {
    const series = feed().series(id, name);
    const line = series && (smoothOf(series) ?? series);
    if (!line?.x.length) return { value: NaN, step: null };
    const x = chartPlaces(line, clockOf(id));
    const at = place === null ? x.length - 1 : chartNearest(x, place);
    const air = (sight()[1] - sight()[0]) * 0.02;
    // Between two measurements the nearest one counts, however far they lie apart; beyond the ends there is none.
    const there = place === null || (place >= x[0] - air && place <= x.at(-1) + air) || (chartSparse(name) && place > x[0]);
    return { value: there ? line.y[at] : NaN, step: line.x[at] };
  }

  /** As it stands beside a name; of measurements made now and then with their step, where that is another one. */
  function textAt(id, name, place) {
    const { value, step } = pointAt(id, name, place);
    const other = place !== null && chartSparse(name) && Number.isFinite(value) && step !== Math.round(toStep(place, id));
    return `${chartNumber(value)}${other ? ` at ${step.toLocaleString("en")}` : ""}`;
  }

  return { groups, openPanels, timed, toPlace, toStep, linesOf, sceneOf, pointAt, textAt };
}
