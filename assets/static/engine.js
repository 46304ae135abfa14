// The engine of the page without a server: generators in ONNX, computed in a worker, so that the page never freezes.
//
//   const engine = await openEngine({ base, onProgress });      base: address of the bundle's folder; onProgress(loaded, total)
//   const generator = await engine.generator(about, onProgress);  about: a model.json of the bundle; kept once it is loaded
//   await generator.decode(z, n, classes)   Float32Array (n, C, H, W) in [-1, 1]; z (n * latent_dim) numbers, classes (n * K)
//                                           weights or null for a model without classes
//   await generator.pixels(z, n, classes)   {data: n Uint8ClampedArrays (H, W, C), width, height, channels, ms}
//   await generator.urls(z, n, classes)     {urls: n data URLs of lossless PNGs, width, height, ms}
//   generator.picture(values, i)            ImageData of picture i of what `decode` gave
//   generator.backend                       "wasm" or "webgpu"
//   engine.threads                          of WebAssembly
//   engine.close()                          ends its workers; whatever is under way is refused
//
// `openEngine` twice gives two engines that do not wait for each other. Every error that is meant for people is a `Told`.
//
// WebAssembly comes first, because it is there soonest. Where the browser has a graphics processor, `generator.faster()` loads
// the larger build for it behind, holds its picture against WebAssembly's, and goes over to it where it is faster.

import { Told, sentence } from "./told.js";

const AGREES = 1 / 127.5; // One of the 256 levels of a picture, in [-1, 1].
const CLOSED = "The engine was closed. Nothing was drawn.";
const FAILED = "The engine could not start in this browser. Nothing was drawn. Reload the page, or use a newer browser.";

/** A worker that answers questions: `ask(question)`; what it tells on the way goes to `heard`. */
function workerOf(base) {
  const worker = new Worker(new URL("engine-worker.js", base), { type: "module" });
  const waiting = new Map();
  let count = 0;
  let broken = null;
  const end = (error) => {
    broken = error;
    worker.terminate();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.addEventListener("message", ({ data }) => {
    const one = waiting.get(data.id);
    if (data.progress) return one?.heard?.(...data.progress);
    waiting.delete(data.id);
    return data.error === undefined ? one?.resolve(data.answer) : one?.reject(new Told(data.error));
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    end(new Told(FAILED));
  });
  return {
    ask(question, heard) {
      if (broken) return Promise.reject(broken);
      count += 1;
      return new Promise((resolve, reject) => {
        waiting.set(count, { resolve, reject, heard });
        worker.postMessage({ ...question, id: count });
      });
    },
    close: () => end(new Told(CLOSED)),
  };
}

export async function openEngine({ base, onProgress = () => {} }) {
  const slow = workerOf(base);
  let quick = null; // The worker of the graphics processor, once somebody asked for it.
  const { threads } = await slow.ask({ work: "open", gpu: false, base }, onProgress).catch((error) => {
    slow.close();
    throw error;
  });
  const generators = new Map();

  const load = async (about, heard) => {
    const { file, bytes, sha256 } = about.onnx;
    const url = new URL(`models/${about.name}/${file}?v=${sha256.slice(0, 8)}`, base).href; // The mark of sw.js.
    const model = { work: "load", name: about.name, url, bytes, latent: about.latent_dim, classes: about.classes?.length ?? 0 };
    await slow.ask(model, heard);
    let backend = "wasm";
    const run = (as) => (z, n, classes = null) => {
      const question = { work: "run", url, as, z, n, classes };
      if (backend === "wasm") return slow.ask(question);
      return quick.ask(question).catch(() => {
        backend = "wasm"; // A graphics processor may be taken away at any time; the same picture comes from the other.
        return slow.ask(question);
      });
    };
    const generator = {
      about,
      get backend() {
        return backend;
      },
      decode: run("values"),
      pixels: run("pixels"),
      urls: run("urls"),
      picture(values, i) {
        const { channels, size } = about;
        return imageOf(toPixels(values, i, channels, size, size), size, size, channels);
      },
      /** Go over to the graphics processor where there is one that draws the same and sooner; tells which is used. */
      async faster({ evenSlow = false } = {}) {
        if (backend !== "wasm" || !(await adapter(evenSlow))) return backend;
        try {
          if (!quick) {
            quick = workerOf(base);
            await quick.ask({ work: "open", gpu: true, base });
          }
          await quick.ask(model);
          const [ours, theirs] = [await trial(slow, url, about), await trial(quick, url, about)];
          const apart = ours.values.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs.values[at])), 0);
          if (apart <= AGREES && (evenSlow || theirs.ms < ours.ms)) backend = "webgpu";
        } catch (error) {
          console.info(`WebGPU is not used: ${sentence(error)}`);
        }
        return backend;
      },
    };
    return generator;
  };

  return {
    threads,
    async generator(about, heard) {
      const key = `${about.name} ${about.onnx.sha256}`; // In the full app other weights may come under the same name.
      if (!generators.has(key)) generators.set(key, load(about, heard));
      try {
        return await generators.get(key);
      } catch (error) {
        generators.delete(key); // The net may be back the next time.
        throw error;
      }
    },
    close() {
      slow.close();
      quick?.close();
    },
  };
}

/** A graphics processor that is worth it; null where there is none. */
export async function adapter(evenSlow) {
  if (navigator.connection?.saveData) return null; // The build for it is another 27 MB.
  const found = await navigator.gpu?.requestAdapter().catch(() => null);
  const onProcessor = found?.info?.isFallbackAdapter ?? found?.isFallbackAdapter;
  return found && (evenSlow || !onProcessor) ? found : null; // Drawn by the processor it gains nothing.
}

/** One latent of ones and minus ones, and how long it takes when it is warm. */
async function trial(worker, url, about) {
  const z = Float32Array.from({ length: about.latent_dim }, (_, at) => (at % 2 ? -1 : 1));
  const count = about.classes?.length ?? 0;
  const classes = count ? new Float32Array(count).fill(1 / count) : null;
  const ask = (as) => worker.ask({ work: "run", url, as, z, n: 1, classes });
  const times = [];
  for (let turn = 0; turn < 5; turn += 1) times.push((await ask("pixels")).ms);
  return { values: await ask("values"), ms: times.sort((a, b) => a - b)[2] };
}

/** Picture i of values (n, C, H, W) in [-1, 1] as bytes (H, W, C): the nearest of 256 levels, as Python rounds. */
export function toPixels(values, i, channels, height, width) {
  const area = height * width;
  const pixels = new Uint8ClampedArray(area * channels); // It clamps, and rounds halves to even numbers.
  for (let channel = 0; channel < channels; channel += 1) {
    const start = (i * channels + channel) * area;
    for (let at = 0; at < area; at += 1) {
      pixels[at * channels + channel] = Math.fround(Math.fround(values[start + at] + 1) * 127.5);
    }
  }
  return pixels;
}

/** Bytes (H, W, C), C 1, 3 or 4, as an ImageData. */
export function imageOf(pixels, width, height, channels) {
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at += 1) {
    const from = at * channels;
    const to = at * 4;
    image.data[to] = pixels[from];
    image.data[to + 1] = pixels[from + (channels < 3 ? 0 : 1)];
    image.data[to + 2] = pixels[from + (channels < 3 ? 0 : 2)];
    image.data[to + 3] = channels === 4 ? pixels[from + 3] : 255;
  }
  return image;
}
