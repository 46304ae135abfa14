// Recipes as gan_core/recipe and gan_core/inference/formula.py have them: checked, written, and made into latents.
//
// A recipe is plain JSON. Its seeds are text here, since numbers above 2^53 lose digits in JavaScript; `dumps` writes the
// very letters that Python writes, because the neighbours of a picture follow from them.

import { normal, plane, planeLatent } from "./seeds.js";
import { Told } from "./told.js";

const MAX_SEED = 2n ** 63n - 1n;
const MAX_LATENTS = 4096;
const MAX_NAMES = 1000;
const ENTRIES = ["format", "model", "seed", "z", "shift", "truncation", "label", "directions", "latents", "mix"];
const EDIT_LIMIT = 10;

function shown(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const refuse = (what, value, wanted) => new Told(`The recipe's ${what} is ${shown(value)}; it must be ${wanted}. Nothing was changed.`);

function number(what, value, low, high) {
  if (typeof value !== "number" || !(value >= low && value <= high)) throw refuse(what, value, `a number from ${low} to ${high}`);
  return value;
}

function mapping(what, value, most) {
  const good = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length <= most;
  if (!good) throw refuse(what, value, `an object of at most ${most} entries`);
  return Object.entries(value);
}

function list(what, value, least, most) {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  throw refuse(what, value, `a list of ${least === most ? most : `${least} to ${most}`} numbers`);
}

function words(what, value) {
  if (typeof value !== "string" || !value || value.length > 200) throw refuse(what, value, "a text of 1 to 200 letters");
  return value;
}

function seedText(what, value) {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  const good = typeof text === "string" && /^[0-9]{1,19}$/.test(text) && BigInt(text) <= MAX_SEED;
  if (!good) throw refuse(what, value, `a whole number from 0 to ${MAX_SEED}`);
  return String(BigInt(text));
}

function known(what, value, names) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Told(`The ${what} is ${shown(value)}, not a JSON object. Nothing was changed. Use one saved here.`);
  }
  const foreign = Object.keys(value).find((name) => !names.includes(name));
  if (foreign === undefined) return value;
  throw new Told(`The ${what} holds ${shown(foreign)}, which this version does not know. Nothing was changed. It may hold ${names.join(", ")}.`);
}

function label(value) {
  if (value === null) return null;
  if (typeof value === "string") return words("label", value);
  const weights = mapping("label", value, MAX_NAMES).map(([name, weight]) => [words("label", name), number("label weight", weight, 0, 1)]);
  if (!weights.some(([, weight]) => weight)) throw refuse("label", value, "a class, or weights of which one is above 0");
  return Object.fromEntries(weights);
}

function edits(what, value, most, key) {
  const moved = mapping(what, value, most).map(([name, edit]) => [key(name), number(`${what} ${name}`, edit, -EDIT_LIMIT, EDIT_LIMIT)]);
  return Object.fromEntries(moved.filter(([, edit]) => edit)); // A slider at rest is no edit.
}

/** A recipe from parsed JSON, every entry checked and in its place; throws `Told`. */
export function checked(value) {
  const given = known("recipe", value, ENTRIES);
  if (given.format !== 1) throw new Told("This is not a recipe of format 1. Nothing was changed. Use one saved here.");
  const has = (name) => given[name] !== undefined && given[name] !== null;
  if (has("seed") === has("z")) {
    throw new Told(`The recipe holds ${has("z") ? "both a seed and a z" : "neither a seed nor a z"}. Nothing was changed. Give one of them.`);
  }
  const recipe = { format: 1, model: null };
  if (has("model")) {
    const { name, sha256, hub } = known("recipe's model", given.model, ["name", "sha256", "hub"]);
    recipe.model = { name: words("model name", name) };
    if (sha256) recipe.model.sha256 = words("model sha256", sha256);
    if (hub) recipe.model.hub = words("model hub", hub);
  }
  if (has("z")) recipe.z = list("z", given.z, 1, MAX_LATENTS).map((one) => number("z", one, -100, 100));
  else recipe.seed = seedText("seed", given.seed);
  const [x, y] = has("shift") ? list("shift", given.shift, 2, 2).map((one) => number("shift", one, 0, 1)) : [0, 0];
  if (x === 1 || y === 1) throw refuse("shift", given.shift, "below 1 each way (1 is the next seed)");
  if (recipe.z && (x || y)) throw new Told("The recipe shifts a z, which lies between no seeds. Nothing was changed. Give a seed.");
  if (x || y) recipe.shift = [x, y];
  recipe.truncation = has("truncation") ? number("truncation", given.truncation, 0, 2) : 1;
  recipe.label = has("label") ? label(given.label) : null;
  recipe.directions = has("directions") ? edits("direction", given.directions, MAX_NAMES, (name) => words("direction", name)) : {};
  const place = (name) => {
    if (!/^[0-9]{1,4}$/.test(name) || Number(name) < 1 || Number(name) > MAX_LATENTS) throw refuse("latent number", name, `a whole number from 1 to ${MAX_LATENTS}`);
    return Number(name);
  };
  recipe.latents = has("latents") ? edits("latent edit", given.latents, MAX_LATENTS, place) : {};
  if (has("mix")) recipe.mix = known("recipe's mix", given.mix, ["seed", "stages", "amount", "label"]);
  return recipe;
}

/** A recipe from JSON text; digits of long seeds are kept. */
export function parsed(text, what) {
  let value;
  try {
    value = JSON.parse(text.replace(/"seed"(\s*):(\s*)([0-9]{1,19})(?=\s*[,}])/g, '"seed"$1:$2"$3"'));
  } catch {
    throw new Told(`${what} holds neither a picture nor a recipe (it is not valid JSON). Nothing was changed. Use one saved here.`);
  }
  return checked(value);
}

// Written as Python writes.

/** A number as Python's repr of a float: 1.0, 0.25, 1e-05. */
function floatText(value) {
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value}.0`;
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

const plain = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
const pairs = (value, text) => `{${Object.entries(value).map(([name, one]) => `${plain(name)}:${text(one)}`).join(",")}}`;

/** The recipe as one line of JSON in ASCII: the same letters as `Recipe.dumps` in Python. */
export function dumps(recipe) {
  const parts = [`"format":1`, `"model":${recipe.model ? pairs(recipe.model, plain) : "null"}`];
  parts.push(recipe.z ? `"z":[${recipe.z.map(floatText).join(",")}]` : `"seed":${recipe.seed}`);
  if (recipe.shift) parts.push(`"shift":[${recipe.shift.map(floatText).join(",")}]`);
  parts.push(`"truncation":${floatText(recipe.truncation)}`);
  const { label: named } = recipe;
  parts.push(`"label":${named === null ? "null" : typeof named === "string" ? plain(named) : pairs(named, floatText)}`);
  parts.push(`"directions":${pairs(recipe.directions, floatText)}`, `"latents":${pairs(recipe.latents, floatText)}`);
  return `{${parts.join(",")}}`;
}

// Made into latents.

const foreign = (what, why) => new Told(`The recipe holds ${what}, but ${why}. Nothing was drawn. Use the model that it was made with.`);

/** Float32Array: z = truncation * b + sum_k s_k d_k + sum_i e_i u_i, in double precision, rounded once. about: model.json. */
export function latent(recipe, about) {
  const count = about.latent_dim;
  if (recipe.mix?.stages?.length && recipe.mix.amount !== 0) {
    throw new Told("This picture takes the look of a second seed, which a page without a server cannot compute. Nothing was drawn. Open it in the full app.");
  }
  if (recipe.z && recipe.z.length !== count) throw foreign(`a z of ${recipe.z.length} numbers`, `this model has ${count} latents`);
  const base = recipe.z ?? planeLatent(recipe.seed, recipe.shift, count);
  const z = Float64Array.from(base, (value) => recipe.truncation * value);
  for (const name of Object.keys(recipe.directions).sort()) {
    const direction = about.directions.find((one) => one.id === name);
    if (direction?.vector.length !== count) throw foreign(`the direction ${name}`, "this model does not have it");
    direction.vector.forEach((value, at) => (z[at] += recipe.directions[name] * value));
  }
  for (const [place, move] of Object.entries(recipe.latents)) {
    if (place > count) throw foreign(`an edit of latent ${place}`, `this model has ${count}`);
    z[place - 1] += move;
  }
  return Float32Array.from(z);
}

function classIndex(name, classes) {
  const at = classes.findIndex((one) => one.toLowerCase() === String(name).toLowerCase());
  if (at >= 0) return at;
  if (/^[0-9]+$/.test(name) && Number(name) < classes.length) return Number(name);
  throw new Told(`There is no class ${shown(name)}. This model knows ${classes.join(", ")}. Nothing was drawn.`);
}

/** Float32Array (classes) of weights; null for a model without. Without a label the seed picks: seed modulo count. */
export function classWeights(recipe, about) {
  const { label: named } = recipe;
  if (!about.classes?.length) {
    if (named === null) return null;
    throw new Told(`This model has no classes, so it cannot draw ${shown(named)}. Nothing was drawn. Leave the class out.`);
  }
  const weights = new Float32Array(about.classes.length);
  if (named === null && !recipe.z) {
    const count = BigInt(weights.length);
    for (const [seed, weight] of plane(recipe.seed, recipe.shift)) weights[Number(BigInt(seed) % count)] += weight;
  } else {
    const lent = named === null || typeof named === "string" ? [[named ?? "0", 1]] : Object.entries(named);
    for (const [name, weight] of lent) weights[classIndex(name, about.classes)] = weight;
  }
  return weights;
}

/** Recipes whose latents are sqrt(1 - r^2) p + r n_i around the recipe's own p; those that Python finds. */
export async function neighbours(recipe, about, radius, count = 8) {
  const own = latent(recipe, about);
  const first = await fingerprint(dumps(recipe));
  return Array.from({ length: count }, (_, step) => {
    const noise = normal(String(first + BigInt(step)), own.length);
    const moves = {};
    own.forEach((value, at) => {
      const edit = (recipe.latents[at + 1] ?? 0) + Math.sqrt(1 - radius ** 2) * value + radius * noise[at] - value;
      const rounded = Number(Math.min(Math.max(edit, -EDIT_LIMIT), EDIT_LIMIT).toFixed(4));
      if (rounded) moves[at + 1] = rounded;
    });
    return { ...recipe, latents: moves };
  });
}

/** The first seven bytes of the text's SHA-256 as a whole number. */
async function fingerprint(text) {
  const content = new TextEncoder().encode(text);
  // Plain http away from this machine has no SHA-256: other neighbours then, which do as well.
  if (!globalThis.crypto?.subtle) return content.reduce((sum, value) => (sum * 131n + BigInt(value)) % 2n ** 56n, 0n);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return digest.subarray(0, 7).reduce((sum, value) => sum * 256n + BigInt(value), 0n);
}
