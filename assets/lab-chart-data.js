// Curves as the server sends them: whole, and then what was appended; by step or by time.

/**
 * One series out of an answer: [steps, values, stretch, steps of averages, averages], see gan_core/ui/lab/watched.py.
 * What is smoothed is averaged there, over all that was recorded: the same at any length and any zoom.
 */
function chartSeries([steps, values, stretch, smoothSteps, averages]) {
  const x = new Uint32Array(bytesOf(steps).buffer);
  const y = new Float32Array(bytesOf(values).buffer);
  const smooth = averages === undefined ? null : { x: new Uint32Array(bytesOf(smoothSteps).buffer), y: new Float32Array(bytesOf(averages).buffer) };
  return { x, y, smooth, stretch, added: 0 };
}

function chartJoined(first, second) {
  const joined = new first.constructor(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/** A series with the points of another one at its end. */
function chartExtended(series, more) {
  if (!more.x.length) return series;
  const both = (one, other) => ({ x: chartJoined(one.x, other.x), y: chartJoined(one.y, other.y) });
  const smooth = series.smooth && more.smooth && both(series.smooth, more.smooth);
  return { ...both(series, more), smooth, stretch: series.stretch, added: series.added + more.x.length };
}

/** What is known of a run from step `first` to `last` (null: to its end, growing). */
function chartSet(first = 0, last = null) {
  return { stamp: null, weight: null, first, last, series: new Map() };
}

/** Take an answer in. */
function chartTake(set, answer) {
  const before = set.stamp;
  set.stamp = answer.stamp;
  const taken = Object.entries(answer.series).map(([name, packed]) => [name, chartSeries(packed)]);
  if (answer.whole) set.series = new Map(taken);
  else for (const [name, more] of taken) if (set.series.has(name)) set.series.set(name, chartExtended(set.series.get(name), more));
  return before;
}

/** Whether so much was added to stretches of many points that they are better asked for anew. */
function chartOvergrown(set, points) {
  return [...set.series.values()].some((one) => one.x.length > 2 * points || (one.stretch > 1 && one.added > one.stretch));
}

/** The first place in rising numbers that is not below a value. */
function chartPlace(numbers, value) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function chartNearest(numbers, value) {
  const at = chartPlace(numbers, value);
  if (at === numbers.length) return at - 1;
  return at > 0 && value - numbers[at - 1] <= numbers[at] - value ? at - 1 : at;
}

/** Rising `xs` as the `ys` between which they lie, straight from point to point and on beyond the ends. */
function chartBetween(from, to, value) {
  if (from.length < 2) return from.length ? (value * to[0]) / (from[0] || 1) : value;
  const at = limited(chartPlace(from, value), 1, from.length - 1);
  const span = from[at] - from[at - 1] || 1;
  return to[at - 1] + ((value - from[at - 1]) * (to[at] - to[at - 1])) / span;
}

/** Where the points of a line lie on the axis: at their steps, or at the seconds of the run's clock. */
function chartPlaces(line, clock) {
  if (!clock) return line.x;
  if (line.timed?.clock !== clock) line.timed = { clock, x: Float64Array.from(line.x, (step) => chartBetween(clock.x, clock.y, step)) };
  return line.timed.x;
}
