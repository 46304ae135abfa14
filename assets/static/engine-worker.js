// The worker behind engine.js: it loads the runtime and models, and turns latents into numbers, pixels or addresses.

import { toPixels } from "./engine.js";
import { loadOrt, threadCount } from "./ort.js";
import { pngUrl } from "./png.js";
import { fetched, sentence, Told } from "./told.js";

const models = new Map(); // By address, which changes with the weights: {session, latent, classes}
let ort = null;
let provider = "wasm";
let last = Promise.resolve();

async function open({ gpu, base }, progress) {
  // The page, what composes it and this worker want processors too: a team that waits for them is slower than one.
  ort = await loadOrt(base, progress, { gpu, threads: Math.max(1, Math.floor(threadCount() / 2)) });
  provider = gpu ? "webgpu" : "wasm";
  return { threads: ort.env.wasm.numThreads };
}

async function load({ name, url, bytes, latent, classes }, progress) {
  if (models.has(url)) return {};
  const content = await fetched(url, (loaded) => progress(Math.min(loaded, bytes), bytes), `The model ${name}`);
  if (content.length !== bytes) {
    throw new Told(`The model ${name} has ${content.length} bytes instead of ${bytes}. It was not loaded. Reload the page.`);
  }
  const session = await ort.InferenceSession.create(content, { executionProviders: [provider], graphOptimizationLevel: "all" });
  const model = { session, latent, classes };
  await drawn(model, new Float32Array(latent), 1, classes ? new Float32Array(classes) : null); // The first one takes longer.
  models.set(url, model);
  return {};
}

/** The output tensor's numbers and shape. */
async function drawn({ session, latent, classes: count }, z, n, classes) {
  const feeds = { z: new ort.Tensor("float32", z, [n, latent]) };
  if (count) feeds.classes = new ort.Tensor("float32", classes, [n, count]);
  const { pictures } = await session.run(feeds);
  const values = await pictures.getData();
  return { values, dims: pictures.dims };
}

async function run({ url, as, z, n, classes }) {
  const began = performance.now();
  const { values, dims } = await drawn(models.get(url), z, n, classes);
  const ms = performance.now() - began;
  if (as === "values") return values.slice(); // Its own memory, without what is around it in the runtime's.
  const [, channels, height, width] = dims;
  const pixels = Array.from({ length: n }, (_, i) => toPixels(values, i, channels, height, width));
  if (as === "pixels") return { data: pixels, width, height, channels, ms };
  return { urls: pixels.map((one) => pngUrl(one, width, height, channels)), width, height, ms };
}

const works = { open, load, run };

addEventListener("message", ({ data: { id, work, ...question } }) => {
  const progress = (...told) => postMessage({ id, progress: told });
  // One after another: a session draws one at a time, and answers come in the order of the questions.
  last = last.then(async () => {
    try {
      postMessage({ id, answer: await works[work](question, progress) });
    } catch (error) {
      if (error?.name !== "Told") console.error(error);
      postMessage({ id, error: sentence(error) });
    }
  });
});
