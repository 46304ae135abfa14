// The worker that paints: one network at a time, one run at a time. Cancel ends the whole worker, since nothing can stop a
// run of ONNX Runtime in the middle; the page starts another one, and the files come out of the browser's own store.

import { loadOrt } from "./ort.js";
import { carried, fitting, fromPlanes, laidOver, overWhite, toPlanes } from "./paint-pixels.js";
import { Told, fetched, sentence } from "./told.js";

let ort = null; // A promise.
const dropped = new Set(); // Jobs that were given up before they began.
let open = { url: "", session: null };

async function sessionOf({ base, gpu, url, name }, tell) {
  ort ??= loadOrt(base, (loaded, total) => tell({ loading: "the engine", loaded, total }), { gpu }).catch((error) => {
    ort = null; // The net may be back the next time.
    throw error;
  });
  const runtime = await ort;
  if (open.url === url) return { runtime, session: open.session };
  await open.session?.release(); // Two networks at once would need the memory of both.
  open = { url: "", session: null };
  const file = await fetched(new URL(url, base), (loaded, total) => tell({ loading: name, loaded, total }), name);
  const session = await runtime.InferenceSession.create(file, { executionProviders: [gpu ? "webgpu" : "wasm"], graphOptimizationLevel: "all" });
  open = { url, session };
  return { runtime, session };
}

/** The picture made smaller: its long side `px`. The browser's own filter for photographs. */
async function smaller({ data, width, height }, px) {
  const scale = px / Math.max(width, height);
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const options = { resizeWidth, resizeHeight, resizeQuality: "high", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new ImageData(data, width, height), options);
  const context = new OffscreenCanvas(resizeWidth, resizeHeight).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, resizeWidth, resizeHeight);
}

/** What the network makes of an opaque picture, at its own size. */
async function run(source, { runtime, session }, { channels, multiple, smallest }) {
  const size = fitting(source, multiple, smallest);
  const input = new runtime.Tensor("float32", toPlanes(source, channels, size), [1, channels, size.height, size.width]);
  const output = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  const values = await output.getData();
  if (output.dims[2] !== size.height || output.dims[3] !== size.width) {
    throw new Told("The network gave a picture of another size. Nothing was painted. Choose another model.");
  }
  const painted = fromPlanes(values, output.dims[1], size, source);
  input.dispose?.();
  output.dispose?.();
  return painted;
}

/**
 * job: {base, gpu, url, name, network: {channels, multiple, smallest}, photo: {data, width, height}, px}. px: long side at which
 * it is painted, and the change laid over the photograph; null: every pixel. Gives null where it was dropped meanwhile.
 */
async function paint(job, tell, isDropped) {
  const network = await sessionOf(job, tell);
  if (isDropped()) return null;
  tell({ painting: true });
  const began = performance.now();
  const { photo, px } = job;
  const source = overWhite(px === null ? photo : await smaller(photo, px));
  const painting = await run(source, network, job.network);
  const ran = (performance.now() - began) / 1000;
  const full = px === null ? carried(photo, source, painting) : laidOver(photo, source, painting);
  return { full, ran_s: ran, mp: (source.width * source.height) / 1e6 };
}

let before = Promise.resolve();
addEventListener("message", ({ data: { id, job, dropped: given } }) => {
  if (given) return void dropped.add(id);
  const tell = (told) => postMessage({ id, ...told });
  const isDropped = () => dropped.delete(id);
  before = before.then(async () => {
    try {
      const painted = isDropped() ? null : await paint(job, tell, isDropped);
      if (!painted) return;
      const { full, ...facts } = painted;
      postMessage({ id, done: true, full, ...facts }, [full.data.buffer]);
    } catch (error) {
      if (error?.name !== "Told") console.error(error);
      for (const loading of ["the engine", job.name]) tell({ loading, loaded: 1, total: 1 });
      postMessage({ id, error: sentence(error), broken: error?.name !== "Told" });
    }
  });
});
