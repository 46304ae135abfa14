// ONNX Runtime Web, from the files beside this page or, where the bundle was built without npm, from a public CDN, pinned by
// version and held against its hash before a byte of it runs. Works on a page and in a module worker.
//
// ort/where.json says where it is:
//   {"package", "version", "where": "here" | "cdn", "wasm": {"main", "loader", "binary"}, "webgpu": {...}}
// with {"url", "bytes", "integrity"} for each file; a relative address lies beside where.json.

import { fetched, Told } from "./told.js";

const MOST_THREADS = 4; // More than that wait for each other at these sizes.

/** Threads share memory, which browsers allow only to pages that are isolated from others. */
export function threadCount() {
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1)) : 1;
}

async function proved({ url, integrity }) {
  try {
    const answer = await fetch(url, { integrity, mode: "cors", credentials: "omit" }); // Fails where the hash is another.
    if (answer.ok) return await answer.blob();
  } catch {
    // Told below.
  }
  throw new Told("The engine could not be fetched from its public server, or is not the one that was pinned. Nothing was computed. See whether you are online, then reload the page.");
}

/** An address that a module can be imported from. A blob's carries no origin but this page's, so it may start workers. */
async function importable(file) {
  const blob = await proved(file);
  return URL.createObjectURL(new Blob([blob], { type: "text/javascript" }));
}

/**
 * The runtime, ready for `ort.InferenceSession.create`. base: address of the bundle's folder. onProgress(loaded, total) in
 * bytes. gpu: the larger build that knows WebGPU; only where `navigator.gpu.requestAdapter()` gave one. Throws `Told`.
 */
export async function loadOrt(base, onProgress = () => {}, { gpu = false, threads = threadCount() } = {}) {
  if (typeof WebAssembly !== "object") {
    throw new Told("This browser has no WebAssembly, or it is switched off. Nothing can be computed here. Use a newer browser.");
  }
  const folder = new URL("ort/", new URL(base, globalThis.location?.href));
  const where = JSON.parse(new TextDecoder().decode(await fetched(new URL("where.json", folder), undefined, "The engine")));
  const build = where[gpu ? "webgpu" : "wasm"];
  if (!build) throw new Told("This bundle has no engine for WebGPU. Nothing was changed.");
  const total = build.binary.bytes;
  let main, loader, binary;
  if (where.where === "here") {
    [main, loader] = [build.main, build.loader].map(({ url }) => new URL(url, folder).href);
    binary = await fetched(new URL(build.binary.url, folder), (loaded) => onProgress(Math.min(loaded, total), total), "The engine");
  } else {
    onProgress(0, total);
    [main, loader] = await Promise.all([build.main, build.loader].map(importable));
    binary = new Uint8Array(await (await proved(build.binary)).arrayBuffer());
  }
  onProgress(total, total);
  const ort = await import(main);
  ort.env.logLevel = "error";
  ort.env.wasm.proxy = false; // It has a worker already: ours.
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { mjs: loader };
  ort.env.wasm.wasmBinary = binary.buffer;
  return ort;
}
