// Frames to a WebM file: the browser's own encoder (WebCodecs), and the little of Matroska that such a file needs
// (RFC 9559): one video track, clusters that begin with key frames, and cues, so that a player can jump.

import { Told } from "./told.js";

const KEY_EVERY = 60; // Frames; and no more than KEY_EVERY_S seconds, since a cluster counts time in 16 bits.
const KEY_EVERY_S = 30;
const QUANTIZER = 24; // As the full app's films: see gan_core/video/encode.py.
const BITS_A_PIXEL = 0.25;
const WAITING = 8; // Frames in the encoder at once.
const MATRICES = { rgb: 0, bt709: 1, bt470bg: 5, smpte170m: 6, "bt2020-ncl": 9 };
const PRIMARIES = { bt709: 1, bt470bg: 5, smpte170m: 6, bt2020: 9 };
const TRANSFERS = { bt709: 1, smpte170m: 6, linear: 8, "iec61966-2-1": 13 };

/** The first way to encode that this browser has: {name, config, options}; null where it has none. */
async function encoding(width, height, fps) {
  if (typeof VideoEncoder !== "function") return null; // Some browsers have it on pages with https only.
  const shared = { width, height, framerate: fps, latencyMode: "quality" };
  const bitrate = Math.max(200_000, Math.round(width * height * fps * BITS_A_PIXEL));
  const ways = [
    { name: "V_VP9", config: { ...shared, codec: "vp09.00.41.08", bitrateMode: "quantizer" }, options: { vp9: { quantizer: QUANTIZER } } },
    { name: "V_VP9", config: { ...shared, codec: "vp09.00.41.08", bitrate }, options: {} },
    { name: "V_VP8", config: { ...shared, codec: "vp8", bitrate }, options: {} },
  ];
  for (const way of ways) {
    const answer = await VideoEncoder.isConfigSupported(way.config).catch(() => null);
    if (answer?.supported) return way;
  }
  return null;
}

/** Whether this browser writes WebM at all. */
export const writesWebm = async () => Boolean(await encoding(256, 256, 30));

/**
 * A film as a Blob. paint(number): draws that frame and gives its canvas, whose sides are even; shouldStop() is asked
 * before each. Null where it was stopped.
 */
export async function webmFilm({ width, height, frames, fps, paint, shouldStop, onFrame }) {
  const way = await encoding(width, height, fps);
  if (!way) throw new Told(`This browser has no encoder for a film of ${width} × ${height} px. Nothing was rendered. Choose a smaller size, or GIF.`);
  const { name, config, options } = way;
  const parts = [];
  let colour = null;
  let failed = null;
  const output = (part, facts) => {
    colour ??= facts?.decoderConfig?.colorSpace ?? null;
    const data = new Uint8Array(part.byteLength);
    part.copyTo(data);
    parts.push({ data, key: part.type === "key", ms: Math.round(part.timestamp / 1000) });
  };
  const encoder = new VideoEncoder({ output, error: (error) => (failed = error) });
  const every = Math.max(1, Math.min(KEY_EVERY, Math.floor(KEY_EVERY_S * fps)));
  try {
    encoder.configure(config);
    for (let number = 0; number < frames; number += 1) {
      if (shouldStop()) return null;
      const canvas = await paint(number);
      const frame = new VideoFrame(canvas, { timestamp: Math.round((number * 1e6) / fps), duration: Math.round(1e6 / fps) });
      encoder.encode(frame, { ...options, keyFrame: number % every === 0 });
      frame.close();
      while (encoder.encodeQueueSize > WAITING && !failed) await new Promise((resolve) => setTimeout(resolve, 4));
      if (failed) throw failed;
      onFrame(number + 1);
    }
    await encoder.flush();
    if (failed) throw failed;
    return shouldStop() ? null : muxed(parts, { name, width, height, fps, colour, ms: (frames * 1000) / fps });
  } catch (error) {
    if (error?.name === "Told") throw error; // Of the engine, which draws the frames.
    throw new Told(`The browser's encoder gave up (${error.message}). Nothing was rendered. Choose a smaller size, fewer frames or GIF.`);
  } finally {
    if (encoder.state !== "closed") encoder.close();
  }
}

// Matroska: elements are a name, a length and what they hold.

/** A whole number in `length` bytes, or in as few as hold it. */
function whole(value, length = 0) {
  const bytes = [];
  for (let rest = value; rest > 0 || bytes.length < Math.max(1, length); rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

function real(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}

function element(id, ...contents) {
  const parts = contents.map((part) => (part instanceof Uint8Array ? part : Uint8Array.from(part)));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [...whole(id), 0x01, ...whole(length, 7)]; // Lengths always in eight bytes: positions can be told beforehand.
  const made = new Uint8Array(head.length + length);
  made.set(head);
  parts.reduce((place, part) => (made.set(part, place), place + part.length), head.length);
  return made;
}

const number = (id, value) => element(id, whole(value));
const text = (id, value) => element(id, new TextEncoder().encode(value));

function colours(space) {
  if (!space) return [];
  const range = space.fullRange ? 2 : 1;
  const told = [[0x55b1, MATRICES[space.matrix]], [0x55ba, TRANSFERS[space.transfer]], [0x55bb, PRIMARIES[space.primaries]], [0x55b9, range]];
  return [element(0x55b0, ...told.filter(([, value]) => value !== undefined).map(([id, value]) => number(id, value)))];
}

/** The file out of encoded frames {data, key, ms}, the first of which is a key frame. */
function muxed(parts, { name, width, height, fps, colour, ms }) {
  const head = element(
    0x1a45dfa3,
    number(0x4286, 1), number(0x42f7, 1), number(0x42f2, 4), number(0x42f3, 8),
    text(0x4282, "webm"), number(0x4287, 4), number(0x4285, 2),
  );
  const info = element(0x1549a966, number(0x2ad7b1, 1_000_000), element(0x4489, real(ms)), text(0x4d80, "GAN Studio"), text(0x5741, "GAN Studio"));
  const video = element(0xe0, number(0xb0, width), number(0xba, height), ...colours(colour));
  const track = element(
    0xae,
    number(0xd7, 1), number(0x73c5, 1), number(0x9c, 0), number(0x83, 1), text(0x86, name), number(0x23e383, Math.round(1e9 / fps)), video,
  );
  const tracks = element(0x1654ae6b, track);
  const clusters = [];
  for (const part of parts) {
    if (part.key) clusters.push([]);
    clusters.at(-1).push(part);
  }
  const made = clusters.map((list) => {
    const blocks = list.map(({ data, key, ms: at }) => element(0xa3, [0x81, ...whole(at - list[0].ms, 2), key ? 0x80 : 0], data));
    return element(0x1f43b675, number(0xe7, list[0].ms), ...blocks);
  });
  const cuesAt = (places) =>
    element(
      0x1c53bb6b,
      ...clusters.map((list, at) => element(0xbb, number(0xb3, list[0].ms), element(0xb7, number(0xf7, 1), element(0xf1, whole(places[at], 8))))),
    );
  // The cues stand before the clusters that they point to; their length does not depend on where those are.
  let place = info.length + tracks.length + cuesAt(clusters.map(() => 0)).length;
  const places = made.map((one) => {
    place += one.length;
    return place - one.length;
  });
  const segment = element(0x18538067, info, tracks, cuesAt(places), ...made);
  return new Blob([head, segment], { type: "video/webm" });
}
