// Curves as the server sends them: whole, and then what was appended; smoothed; by step or by time.

/** One series out of an answer: [steps, values, stretch, steps of means, means], see gan_core/ui/lab/watched.py. */
function chartSeries([steps, values, stretch, meanSteps, means]) {
  const x = new Uint32Array(bytesOf(steps).buffer);
  const y = new Float32Array(bytesOf(values).buffer);
  const mx = meanSteps === undefined ? x : new Uint32Array(bytesOf(meanSteps).buffer);
  const my = means === undefined ? y : new Float32Array(bytesOf(means).buffer);
  return { x, y, mx, my, stretch, tail: mx.length };
}

function chartJoined(first, second) {
  const joined = new first.constructor(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/** A series with the points of another one at its end; `tail` tells where single points follow on means of many. */
function chartExtended(series, more) {
  if (!more.x.length) return series;
  const x = chartJoined(series.x, more.x);
  const y = chartJoined(series.y, more.y);
  const plain = series.mx === series.x;
  const mx = plain ? x : chartJoined(series.mx, more.x);
  const my = plain ? y : chartJoined(series.my, more.y);
  return { x, y, mx, my, stretch: series.stretch, tail: plain ? mx.length : series.tail };
}

/** What is known of a run from step `first` to `last` (null: to its end, growing). */
function chartSet(first = 0, last = null) {
  return { stamp: null, first, last, series: new Map() };
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

/** Whether so much was added to means of many points that they are better asked for anew. */
function chartOvergrown(set, points) {
  return [...set.series.values()].some(
    (one) => one.x.length > 2 * points || (one.stretch > 1 && one.mx.length - one.tail > one.stretch),
  );
}

/**
 * Exponential moving average with the bias of its beginning taken out, as TensorBoard's. A mean of a stretch counts as
 * one point there; single points behind them count as the part of a stretch that they are.
 */
function chartSmoothed(series, weight) {
  if (series.smooth?.weight === weight) return series.smooth.y;
  const y = new Float32Array(series.my.length);
  const single = weight ** (1 / series.stretch);
  let sum = 0;
  let left = 1;
  for (let at = 0; at < y.length; at++) {
    const factor = at >= series.tail ? single : weight;
    sum = sum * factor + series.my[at] * (1 - factor);
    left *= factor;
    y[at] = sum / (1 - left);
  }
  series.smooth = { weight, y };
  return y;
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

/** Where a series' points lie on the axis: at their steps, or at the seconds of the run's clock. */
function chartPlaces(series, clock) {
  if (!clock) return series;
  if (series.timed?.clock !== clock) {
    const timed = (steps) => Float64Array.from(steps, (step) => chartBetween(clock.x, clock.y, step));
    const x = timed(series.x);
    series.timed = { clock, x, mx: series.mx === series.x ? x : timed(series.mx) };
  }
  return series.timed;
}
