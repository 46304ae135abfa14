// Seeds to latents and ways between latents: gan_core/latent.py once more, number for number.
//
// A seed s (text of a whole number from 0 to 2^63 - 1) names a latent: the words of Philox4x64-10 with key (s, 0) from
// counter 1 on; of each word its upper 53 bits as a uniform u in [0, 1); Box-Muller on pairs in double precision; rounded
// to float32. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.

const COUNT = 2n ** 63n;
const PLANE_ROW = 100; // The seed below is this many further on.
const KEPT_CORNERS = 256; // A drag stays between the same four seeds for many pictures.

/** Upper 32 bits of the product of two whole numbers below 2^32; no step leaves what a 32-bit word holds. */
function upper(a, b) {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = (aHigh * bLow + ((aLow * bLow) >>> 16)) >>> 0;
  const other = (aLow * bHigh + (middle & 0xffff)) >>> 0;
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) >>> 0;
}

// The two multipliers and the two steps of the key, as upper and lower halves.
const [M0H, M0L, M1H, M1L] = [0xd2e7470e, 0xe14c6c93, 0xca5a8263, 0x95121157];
const [W0H, W0L, W1H, W1L] = [0x9e3779b9, 0x7f4a7c15, 0xbb67ae85, 0x84caa73b];
const SHIFT = 2 ** 32;

/**
 * One block: the counter (its lowest 32 bits; the rest is 0) under a key (high, low, 0, 0) -> words[at..at + 7], each
 * 64-bit word as upper and lower half. Products of 64-bit numbers are put together from 32-bit ones: BigInt would take
 * a hundred times as long. Plain variables for the same reason.
 */
function block(counter, high, low, words, at) {
  let c0h = 0, c0l = counter, c1h = 0, c1l = 0, c2h = 0, c2l = 0, c3h = 0, c3l = 0;
  let k0h = high, k0l = low, k1h = 0, k1l = 0;
  for (let round = 0; round < 10; round += 1) {
    // M0 c0 is (top0, rest0, carry0, low0) from the highest 32 bits to the lowest; M1 c2 likewise.
    const low0 = Math.imul(M0L, c0l) >>> 0;
    const carry0 = upper(M0L, c0l) + (Math.imul(M0H, c0l) >>> 0) + (Math.imul(M0L, c0h) >>> 0); // Below 3 * 2^32.
    const rest0 = upper(M0H, c0l) + upper(M0L, c0h) + (Math.imul(M0H, c0h) >>> 0) + Math.floor(carry0 / SHIFT);
    const top0 = upper(M0H, c0h) + Math.floor(rest0 / SHIFT);
    const low1 = Math.imul(M1L, c2l) >>> 0;
    const carry1 = upper(M1L, c2l) + (Math.imul(M1H, c2l) >>> 0) + (Math.imul(M1L, c2h) >>> 0);
    const rest1 = upper(M1H, c2l) + upper(M1L, c2h) + (Math.imul(M1H, c2h) >>> 0) + Math.floor(carry1 / SHIFT);
    const top1 = upper(M1H, c2h) + Math.floor(rest1 / SHIFT);

    c0h = (top1 ^ c1h ^ k0h) >>> 0;
    c0l = (rest1 ^ c1l ^ k0l) >>> 0;
    c1h = carry1 >>> 0;
    c1l = low1;
    c2h = (top0 ^ c3h ^ k1h) >>> 0;
    c2l = (rest0 ^ c3l ^ k1l) >>> 0;
    c3h = carry0 >>> 0;
    c3l = low0;

    k0h = (k0h + W0H + (k0l + W0L >= SHIFT ? 1 : 0)) >>> 0;
    k0l = (k0l + W0L) >>> 0;
    k1h = (k1h + W1H + (k1l + W1L >= SHIFT ? 1 : 0)) >>> 0;
    k1l = (k1l + W1L) >>> 0;
  }
  words[at] = c0h;
  words[at + 1] = c0l;
  words[at + 2] = c1h;
  words[at + 3] = c1l;
  words[at + 4] = c2h;
  words[at + 5] = c2l;
  words[at + 6] = c3h;
  words[at + 7] = c3l;
}

/** `count` standard normal numbers (Float32Array) of one seed. */
export function normal(seed, count) {
  const key = BigInt(seed);
  const [high, low] = [Number(key >> 32n), Number(key & 0xffffffffn)];
  const words = new Uint32Array(8 * Math.ceil(count / 4));
  for (let at = 0; at < words.length; at += 8) block(at / 8 + 1, high, low, words, at);
  const uniform = (number) => (words[2 * number] * 2 ** 21 + (words[2 * number + 1] >>> 11)) * 2 ** -53;
  const numbers = new Float32Array(count);
  for (let at = 0; at < count; at += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(at)));
    const angle = 2 * Math.PI * uniform(at + 1);
    numbers[at] = radius * Math.cos(angle);
    if (at + 1 < count) numbers[at + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** The seed `steps` further on, round the end of all seeds; text. */
export function seedPlus(seed, steps) {
  return String((((BigInt(seed) + BigInt(steps)) % COUNT) + COUNT) % COUNT);
}

/** The seeds around a place on the seed plane with their bilinear weights, which sum to 1; none is 0. */
export function plane(seed, [x, y] = [0, 0]) {
  const corners = [[0, (1 - x) * (1 - y)], [1, x * (1 - y)], [PLANE_ROW, (1 - x) * y], [PLANE_ROW + 1, x * y]];
  return corners.filter(([, weight]) => weight).map(([step, weight]) => [seedPlus(seed, step), weight]);
}

const corners = new Map();
function corner(seed, count) {
  const name = `${seed}/${count}`;
  let noise = corners.get(name);
  if (noise) corners.delete(name); // To the end: the one that was not asked for longest goes first.
  else noise = normal(seed, count);
  corners.set(name, noise);
  if (corners.size > KEPT_CORNERS) corners.delete(corners.keys().next().value);
  return noise;
}

/** Float64Array: sum_j w_j n(s_j) / sqrt(sum_j w_j^2), standard normal wherever it lies. */
export function planeLatent(seed, shift, count) {
  const total = new Float64Array(count);
  let square = 0;
  for (const [one, weight] of plane(seed, shift)) {
    const noise = corner(one, count);
    for (let at = 0; at < count; at += 1) total[at] += weight * noise[at];
    square += weight ** 2;
  }
  const root = Math.sqrt(square);
  return total.map((value) => value / root);
}

// Ways between latents. A latent is any array of numbers; what comes back is a Float64Array.

const length = (a) => Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));

export function lerp(a, b, t) {
  return Float64Array.from(a, (value, at) => value + t * (b[at] - value));
}

/** Along the great circle, lengths interpolated linearly; nearly parallel, opposite or zero latents by a straight line. */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [length(a), length(b)];
  const dot = a.reduce((sum, value, at) => sum + value * b[at], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot / Math.max(lengthA * lengthB, 1e-12))));
  if (Math.sin(angle) < 2e-3 || Math.min(lengthA, lengthB) < 1e-12) return lerp(a, b, t);
  const [fromA, fromB] = [Math.sin((1 - t) * angle) / lengthA, Math.sin(t * angle) / lengthB];
  const long = (lengthA + t * (lengthB - lengthA)) / Math.sin(angle);
  return Float64Array.from(a, (value, at) => (fromA * value + fromB * b[at]) * long);
}

/** A smooth way through all keys (Catmull and Rom, 1974), for their directions and their lengths. */
function spline(keys, places, loop) {
  const points = keys.map((key) => {
    const long = length(key);
    return Float64Array.from([...Array.from(key, (value) => value / Math.max(long, 1e-12)), long]);
  });
  return catmullRom(points, places, loop).map((point) => {
    const direction = point.subarray(0, -1);
    const factor = Math.max(point.at(-1), 0) / Math.max(length(direction), 0.35); // Orthogonal keys leave 0.7 half way.
    return direction.map((value) => value * factor);
  });
}

function catmullRom(points, places, loop) {
  const last = points.length - 1;
  const slope = (before, after, part) => after.map((value, at) => part * (value - before[at]));
  const tangents = points.map((point, at) => {
    if (loop) return slope(points.at(at - 1), points[(at + 1) % points.length], 0.5);
    if (at === 0) return slope(point, points[1], 1);
    return at === last ? slope(points[last - 1], point, 1) : slope(points[at - 1], points[at + 1], 0.5);
  });
  const [stops, ways] = loop ? [[...points, points[0]], [...tangents, tangents[0]]] : [points, tangents];
  return places.map((place) => {
    const start = Math.min(Math.max(Math.trunc(place), 0), stops.length - 2);
    const t = place - start;
    const weights = [(1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2, t ** 2 * (3 - 2 * t), t ** 2 * (1 - t)];
    const [a, b, fromA, toB] = [stops[start], stops[start + 1], ways[start], ways[start + 1]];
    return a.map((value, at) => weights[0] * value + weights[1] * fromA[at] + weights[2] * b[at] - weights[3] * toB[at]);
  });
}

/** Points at places along keys: 0 the first key, 1 the second, ...; a loop comes back at keys.length. */
export function along(keys, places, mode = "slerp", loop = false) {
  if (keys.length === 1) return places.map(() => Float64Array.from(keys[0]));
  if (mode === "spline") return spline(keys, places, loop);
  const stops = loop ? [...keys, keys[0]] : keys;
  const way = mode === "slerp" ? slerp : lerp;
  return places.map((place) => {
    const start = Math.min(Math.max(Math.trunc(place), 0), stops.length - 2);
    return way(stops[start], stops[start + 1], place - start);
  });
}
