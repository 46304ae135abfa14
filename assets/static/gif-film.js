// Frames to an endless GIF, which every browser can write and show. As the full app writes it: gan_core/video/encode.py.

import { coloured } from "./gif-palette.js";
import { GIF_TAIL } from "./gif.js";
import { Told } from "./told.js";

export const MOST_GIF_FPS = 50; // A GIF counts in hundredths of a second, and browsers play steps shorter than two of them slowly.
const SAMPLE_FRAMES = 32; // In which the colours are looked for; those in between are much alike.
const FAILED = "The film's frames could not be packed in this browser. Nothing was rendered. Choose a smaller size, or use a newer browser.";

/** A worker that answers one question after another. */
function packer(base) {
  const worker = new Worker(new URL("gif-worker.js", base), { type: "module" });
  return {
    ask: (question, handed = []) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          console.error(event.message);
          reject(new Told(FAILED));
        };
        worker.postMessage(question, handed);
      }),
    close: () => worker.terminate(),
  };
}

/**
 * Frames in which the colours are looked for: some at even steps, and where these are all grey the first one with a colour,
 * which the table would lack. Null where it was stopped.
 */
async function sampleOf({ frames, grey, pixels, shouldStop }) {
  const sample = [];
  const many = Math.min(frames, SAMPLE_FRAMES);
  for (let at = 0; at < many; at += 1) {
    if (shouldStop()) return null;
    sample.push(await pixels(Math.floor((at * frames) / many)));
  }
  let settled = grey || many === frames || sample.some(coloured);
  for (let number = 0; !settled && number < frames; number += 1) {
    if (shouldStop()) return null;
    const data = await pixels(number);
    settled = coloured(data);
    if (settled) sample.push(data);
  }
  return sample;
}

/**
 * A film as a Blob. paint(number): draws that frame and gives its canvas; smooth: whether it may be dithered; grey: whether
 * no frame can have a colour; shouldStop() is asked before each. Steps are whole hundredths of a second, spread so that
 * each frame comes within half of one of its moment. Null where it was stopped. base: the bundle's folder.
 */
export async function gifFilm({ base, width, height, frames, fps, smooth, grey = false, paint, shouldStop, onFrame }) {
  const { ask, close } = packer(base);
  const pixels = async (number) => (await paint(number)).getContext("2d").getImageData(0, 0, width, height).data;
  const parts = [];
  try {
    const sample = await sampleOf({ frames, grey, pixels, shouldStop });
    if (!sample) return null;
    const handed = sample.map(({ buffer }) => buffer); // A copy would take another hundred megabytes.
    parts.push(await ask({ work: "begin", width, height, sample, dither: smooth }, handed));
    for (let number = 0; number < frames; number += 1) {
      if (shouldStop()) return null;
      const data = await pixels(number);
      const [from, to] = [number, number + 1].map((at) => Math.round((at * 100) / fps));
      parts.push(new Blob([await ask({ work: "frame", width, height, data, hundredths: to - from }, [data.buffer])])); // A Blob may lie on the disk.
      onFrame(number + 1);
    }
    return new Blob([...parts, GIF_TAIL], { type: "image/gif" });
  } finally {
    close();
  }
}
