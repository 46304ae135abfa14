// Walks from key picture to key picture: gan_core/inference/walk.py once more, with the distance between pictures of
// gan_core/metrics.py, by which an even pace is measured.

import { checked } from "./recipes.js";
import { along, seedPlus } from "./seeds.js";
import { Told } from "./told.js";

const MAX = { keys: 64, frames: 3000, cells: 64 };
const FINE = [16, 64]; // Pictures between two keys, at least and at most, from which an even pace is measured.
const CHUNK = 16; // Pictures decoded at once.

const count = (name, value, most) => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Told(`The walk's ${name} is ${JSON.stringify(value)}; it must be a whole number from 1 to ${most}. Nothing was drawn.`);
};

/** A walk as the page sends it, checked. Throws `Told`. */
export function checkedWalk(value) {
  const { keys = [], path = "slerp", ease = "linear", loop = false, even = false, frames = 90, rows = 1, columns = 1 } = value ?? {};
  if (!Array.isArray(keys) || !keys.length || keys.length > MAX.keys) throw new Told(`A walk takes 1 to ${MAX.keys} key pictures. It was not made.`);
  const walk = { keys: keys.map(checked), path, ease, loop: loop === true, even: even === true, frames: count("frames", frames, MAX.frames) };
  if (!["slerp", "lerp", "spline"].includes(path) || !["linear", "smooth"].includes(ease)) throw new Told("The walk's path is none that this page knows. It was not made.");
  const cells = count("rows", rows, MAX.cells) * count("columns", columns, MAX.cells);
  if (cells > MAX.cells) throw new Told(`A grid of ${rows} × ${columns} has over ${MAX.cells} cells. Take fewer rows or columns.`);
  if (cells > 1 && walk.keys.some((key) => key.z)) {
    throw new Told("A grid counts on from seeds, and a key picture has none. Use a seed, or a single walk.");
  }
  return { ...walk, rows, columns, cells };
}

function linspace(end, many, closed) {
  const step = end / Math.max(1, closed ? many - 1 : many);
  return Array.from({ length: many }, (_, at) => at * step);
}

const segments = (walk) => walk.keys.length - (walk.loop ? 0 : 1);

/** Places of the frames: 0 the first key, 1 the second, ...; a loop ends where the first key is again. */
function places(walk) {
  const even = linspace(segments(walk), walk.frames, !walk.loop);
  if (walk.ease === "linear") return even;
  return even.map((place) => {
    const key = Math.floor(place);
    const t = place - key;
    return key + t ** 2 * (3 - 2 * t);
  });
}

/** Latents and class weights of one cell's frames: {z: [...], classes: [...] or null}. model: {inputs, decode, shape}. */
export async function way(walk, cell, model) {
  const recipes = walk.keys.map((key) => (key.z ? key : { ...key, seed: seedPlus(key.seed, cell) }));
  const keys = [];
  for (const recipe of recipes) keys.push(await model.inputs(recipe));
  const at = (where) => ({
    z: along(keys.map(({ z }) => z), where, walk.path, walk.loop),
    classes: keys[0].classes && along(keys.map(({ classes }) => classes), where, "lerp", walk.loop),
  });
  return at(walk.even ? await paced(walk, at, model) : places(walk));
}

/** Places of the frames at equal steps of the way's length, in distances between pictures summed up along a fine sample. */
async function paced(walk, at, model) {
  const parts = segments(walk);
  const fine = Math.min(Math.max(Math.ceil((2 * walk.frames) / Math.max(parts, 1)), FINE[0]), FINE[1]);
  const sample = linspace(parts, parts * fine + 1, true);
  const length = [0];
  let before = null;
  await decoded(at(sample), model, (picture) => {
    if (before) length.push(length.at(-1) + distance(before, picture, model.shape));
    before = picture;
  });
  const total = length.at(-1);
  if (!total) return places({ ...walk, ease: "linear" }); // Nothing moves, or there is one key.
  let below = 0;
  return linspace(total, walk.frames, !walk.loop).map((wanted) => {
    while (below < length.length - 2 && length[below + 1] < wanted) below += 1;
    const span = length[below + 1] - length[below];
    const t = span ? Math.min(1, Math.max(0, (wanted - length[below]) / span)) : 0;
    return sample[below] + t * (sample[below + 1] - sample[below]);
  });
}

/** Pictures (C, H, W in [-1, 1]) of a way in their order: take(values, number), which may be waited for. False ends it. */
export async function decoded({ z, classes }, model, take) {
  for (let start = 0; start < z.length; start += CHUNK) {
    const part = z.slice(start, start + CHUNK);
    const flat = (rows) => Float32Array.from(rows.flatMap((row) => Array.from(row)));
    const values = await model.decode(flat(part), part.length, classes && flat(classes.slice(start, start + CHUNK)));
    const each = values.length / part.length;
    for (let at = 0; at < part.length; at += 1) {
      if ((await take(values.subarray(at * each, (at + 1) * each), start + at)) === false) return;
    }
  }
}

/**
 * How far apart two pictures look, as `picture_distance` in Python: over halved sizes until a side would be under 4 px, the
 * mean square of the difference and of its slopes. shape: [channels, height, width].
 */
export function distance(a, b, [channels, rows, columns]) {
  let d = Float64Array.from(a, (value, at) => (value - b[at]) / 2);
  let [height, width] = [rows, columns];
  const scales = [];
  for (;;) {
    let [level, down, right] = [0, 0, 0];
    for (let at = 0; at < d.length; at += 1) {
      level += d[at] ** 2;
      if (at % width) right += (d[at] - d[at - 1]) ** 2;
      if (at % (height * width) >= width) down += (d[at] - d[at - width]) ** 2;
    }
    const mean = (sum, many) => (many ? sum / many : 0);
    scales.push(level / d.length + mean(down, channels * (height - 1) * width) + mean(right, channels * height * (width - 1)));
    if (Math.min(height, width) < 8) break;
    d = halved(d, channels, height, width);
    [height, width] = [Math.floor(height / 2), Math.floor(width / 2)];
  }
  const lift = 1e-6;
  return Math.sqrt(scales.reduce((sum, one) => sum + one, 0) / scales.length + lift ** 2) - lift;
}

function halved(d, channels, height, width) {
  const [tall, wide] = [Math.floor(height / 2), Math.floor(width / 2)];
  const small = new Float64Array(channels * tall * wide);
  let to = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let y = 0; y < tall; y += 1) {
      for (let x = 0; x < wide; x += 1) {
        const from = (channel * height + 2 * y) * width + 2 * x;
        small[to] = (d[from] + d[from + 1] + d[from + width] + d[from + width + 1]) / 4;
        to += 1;
      }
    }
  }
  return small;
}
