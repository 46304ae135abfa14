// What a chart has of its runs: asked for by stamps, so that a question without news costs next to nothing.

const CHART_QUIET_MS = 120; // A part is asked for in full once the hand rests so long.
const CHART_READING_MS = 400; // While the server still reads a long run, it is asked again after this.

/**
 * Curves by run. wanted(names) says which of a run's names are drawn, points() how many points a line may have, weight()
 * how much they are smoothed; landed() is called when something has changed, failed(sentence) when nothing came.
 */
function chartFeed(call, { wanted, points, weight, landed, failed }) {
  const runs = new Map();
  let shown = [];
  let busy = false;
  let again = false;
  let ranges = null; // Of the part that is shown: [first, last] by run.
  let timer;

  const of = (id) => {
    if (!runs.has(id)) runs.set(id, { base: chartSet(), detail: null, names: [], domains: {}, step: 0, error: null, reading: null });
    return runs.get(id);
  };
  const lacking = (known) => known.names.length > 0 && (known.base.weight !== weight() || wanted(known.names).some((name) => !known.base.series.has(name)));
  const smoothing = (names) => ({ smooth: names.filter(chartSmooths), weight: weight() });

  async function load() {
    again = busy;
    if (busy) return;
    busy = true;
    do {
      again = false;
      const ids = [...shown];
      const asks = ids.map((id) => {
        const known = of(id);
        const anew = lacking(known) || chartOvergrown(known.base, points());
        const names = wanted(known.names);
        return { run: id, names, have: anew ? null : known.base.stamp, points: points(), ...smoothing(names) };
      });
      const answer = asks.length ? await call("curves", { asks }) : { ok: true, runs: [] };
      failed(answer.ok ? "" : answer.error);
      if (!answer.ok) break;
      answer.runs.forEach((one, at) => take(of(ids[at]), one, asks[at].weight));
      again ||= shown.some((id) => !of(id).error && lacking(of(id)));
    } while (again);
    busy = false;
    if (shown.some((id) => of(id).reading !== null)) {
      clearTimeout(timer);
      timer = setTimeout(load, CHART_READING_MS);
    }
  }

  function take(known, answer, weight) {
    if (answer === null) return;
    known.error = answer.error ?? null;
    if (known.error) return landed();
    known.reading = answer.reading ?? null;
    if (answer.stamp === undefined) return landed(); // Nothing but how far it has read.
    const before = chartTake(known.base, answer);
    known.base.weight = weight;
    if (known.detail?.last === null && known.detail.weight === weight && !answer.whole && known.detail.stamp === before) chartTake(known.detail, answer);
    known.names = answer.names;
    known.domains = answer.domains;
    known.step = answer.step;
    landed();
    if (ranges && shown.some(stale)) askDetail();
  }

  // The part that is shown, in more points than the whole has of it.

  const sameLines = (a, b) => a?.split(".").slice(0, 3).join() === b?.split(".").slice(0, 3).join();
  const thin = (known) => [...known.base.series.values()].some((one) => one.stretch > 1);
  const covers = (set, [first, last], step) => set && set.first <= Math.max(first, 0) && (set.last === null || set.last >= Math.min(last, step));

  /** Whether more points of a run's part should be asked for. */
  function stale(id) {
    const known = of(id);
    const { detail, base } = known;
    if (!ranges?.[id] || !thin(known)) return false;
    if (detail?.weight !== weight()) return true;
    if (!covers(detail, ranges[id], known.step) || !sameLines(detail.stamp, base.stamp)) return true;
    if (wanted(known.names).some((name) => !detail.series.has(name))) return true;
    if (detail.last === null && detail.stamp !== base.stamp) return true;
    const [first, last] = ranges[id];
    const span = (detail.last ?? known.step) - detail.first;
    return span > 6 * (last - first) && [...detail.series.values()].some((one) => one.stretch > 1);
  }

  const sent = latestOnly(
    (asked) => call("curves", { asks: asked.map((one) => ({ ...one, points: 2 * points() })) }),
    (answer, asked) => {
      if (!answer.ok) return;
      answer.runs.forEach((one, at) => {
        if (!one?.stamp) return;
        const set = chartSet(asked[at].first, asked[at].last);
        chartTake(set, one);
        set.weight = asked[at].weight;
        of(asked[at].run).detail = set;
      });
      landed();
    },
  );

  const askDetail = whenQuiet(() => {
    const asked = shown.filter(stale).map((id) => {
      const known = of(id);
      const [first, last] = ranges[id];
      const more = (last - first) / 2;
      const end = Math.ceil(last + more);
      const names = wanted(known.names);
      return { run: id, names, first: Math.max(0, Math.floor(first - more)), last: end >= known.step ? null : end, ...smoothing(names) };
    });
    if (asked.length) sent.ask(asked);
  }, CHART_QUIET_MS);

  return {
    of,
    load,
    /** Draw these runs; what others had is forgotten. */
    show(ids) {
      shown = ids;
      for (const id of [...runs.keys()]) if (!ids.includes(id)) runs.delete(id);
      return load();
    },
    /** The steps that are in sight by run, or null for the whole of all. */
    part(wantedRanges) {
      ranges = wantedRanges;
      if (ranges && shown.some(stale)) askDetail();
    },
    /** The best there is of a run for what is in sight. */
    series(id, name) {
      const known = of(id);
      const fine = ranges?.[id] && covers(known.detail, ranges[id], known.step) && sameLines(known.detail.stamp, known.base.stamp);
      return (fine && known.detail.series.get(name)) || known.base.series.get(name);
    },
  };
}
