// What is drawn of some runs in each panel: which lines, how, and their values at a place.

const CHART_FIRST = ["losses", "cycle", "scores"]; // Open until somebody says otherwise.
const CHART_SMOOTHED = 30; // Of fewer points an average would tell more of the past than of the curve.

/**
 * feed() knows the curves, settings how they are drawn; shown() gives the runs [{id, title}], the first one the main one;
 * sight() the part of the axis that is seen. A place is where something lies on the axis: a step, or seconds.
 */
function chartScenes({ feed, settings, shown, sight, snapshots, theme }) {
  const groups = () => chartGroups([...new Set(shown().flatMap(({ id }) => feed().of(id).names))]);
  const openPanels = (all) => Object.keys(all).filter((panel) => settings.panels[panel] ?? CHART_FIRST.includes(panel));
  const clockOf = (id) => (settings.axis === "time" ? feed().of(id).base.series.get(CHART_CLOCK) : null);
  const main = () => shown()[0]?.id;
  const toPlace = (step, id = main()) => (clockOf(id) ? chartBetween(clockOf(id).x, clockOf(id).y, step) : step);
  const toStep = (place, id = main()) => (clockOf(id) ? chartBetween(clockOf(id).y, clockOf(id).x, place) : place);

  const smooth = (series) => settings.smoothing > 0 && series.mx.length >= CHART_SMOOTHED;

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
        return [{ run: id, title, name, label: chartLabel(name), look, hidden: settings.hidden.includes(name), many }];
      }),
    );
  }

  /** Points of a line as they are drawn: [raw, smoothed if it is], each {x, y}. */
  function pointsOf({ run, name }) {
    const series = feed().series(run, name);
    if (!series) return [];
    const places = chartPlaces(series, clockOf(run));
    const raw = { x: places.x, y: series.y };
    return smooth(series) ? [raw, { x: places.mx, y: chartSmoothed(series, settings.smoothing) }] : [raw];
  }

  function sceneOf(lines, labelled, width, height) {
    const strokes = [];
    for (const line of lines) {
      if (line.hidden) continue;
      const [raw, smooth] = pointsOf(line);
      const style = { colour: theme().lines[line.look.hue], dash: line.look.dash };
      if (raw) strokes.push({ ...raw, ...style, alpha: smooth ? 0.22 : 1, width: smooth ? 1 : 1.5, dash: smooth ? [] : style.dash });
      if (smooth) strokes.push({ ...smooth, ...style, alpha: 1, width: 1.75 });
    }
    strokes.sort((a, b) => a.alpha - b.alpha); // What is faint lies behind.
    const x = sight();
    const panel = lines.length ? chartPanelOf(lines[0].name) : "";
    const y = chartAxis(chartExtent(strokes, x, settings), { log: settings.log, top: { scores: 1, gpu: 100 }[panel] });
    const across = Math.max(2, Math.round(width / 110));
    const xTicks = settings.axis === "time" ? chartTimeTicks(...x, across) : chartStepTicks(...x, across);
    return {
      x,
      y,
      log: settings.log,
      yTicks: settings.log ? chartLogTicks(...y) : chartTicks(...y, Math.max(2, Math.round(height / 34))),
      xTicks,
      xText: settings.axis === "time" ? chartTimeText : chartStepText(xTicks),
      ticks: labelled ? snapshots().map(({ step }) => toPlace(step)) : [],
      lines: strokes,
      labelled,
    };
  }

  /** What a line shows at a place, null: at its end; NaN where it is not. */
  function valueAt(id, name, place) {
    const series = feed().series(id, name);
    if (!series?.mx.length) return NaN;
    const x = chartPlaces(series, clockOf(id)).mx;
    const y = smooth(series) ? chartSmoothed(series, settings.smoothing) : series.my;
    if (place === null) return y.at(-1);
    const air = (sight()[1] - sight()[0]) * 0.02;
    return place < x[0] - air || place > x.at(-1) + air ? NaN : y[chartNearest(x, place)];
  }

  return { groups, openPanels, timed, toPlace, toStep, linesOf, sceneOf, valueAt };
}
