// PNG files of our own making: pixels exactly as the network drew them (a canvas would round colours under transparency),
// written in a fraction of a millisecond, so that every frame of a drag can be one; and with the texts that the full app reads.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOURS = { 1: 0, 3: 2, 4: 6 }; // Colour types by channels: grey, RGB, RGBA.
const STORED = 65535; // Bytes of one block that is not compressed.
const BASE64_PART = 0x6000; // A multiple of three: parts can be put one after another.

const CRC = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The checksum of PNG and zip. */
export function crc32(bytes) {
  let sum = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) sum = CRC[(sum ^ bytes[at]) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

function adler32(bytes) {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += 3800) { // The sums stay below 2^32 for so long.
    const end = Math.min(start + 3800, bytes.length);
    for (let at = start; at < end; at += 1) {
      a += bytes[at];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

/** Parts, each a list of bytes, one after another. */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((place, part) => (whole.set(part, place), place + part.length), 0);
  return whole;
}

const four = (value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

function chunk(kind, content) {
  const body = joined([Array.from(kind, (sign) => sign.charCodeAt(0)), content]);
  return joined([four(content.length), body, four(crc32(body))]);
}

/** Rows with the filter byte 0 before each. */
function scanlines(pixels, width, height, channels) {
  const row = width * channels;
  const lines = new Uint8Array((row + 1) * height);
  for (let y = 0; y < height; y += 1) lines.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  return lines;
}

/** A zlib stream that holds the bytes as they are. */
function stored(bytes) {
  const parts = [[0x78, 0x01]];
  for (let start = 0; start < bytes.length; start += STORED) {
    const part = bytes.subarray(start, start + STORED);
    const last = start + STORED >= bytes.length ? 1 : 0;
    parts.push([last, part.length & 255, part.length >>> 8, ~part.length & 255, (~part.length >>> 8) & 255], part);
  }
  return joined([...parts, four(adler32(bytes))]);
}

async function packed(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate")); // That is zlib's format.
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function file(width, height, channels, data, texts) {
  const head = [...four(width), ...four(height), 8, COLOURS[channels], 0, 0, 0];
  return joined([SIGNATURE, chunk("IHDR", head), ...texts, chunk("IDAT", data), chunk("IEND", [])]);
}

/** A PNG of pixels (height * width * channels bytes, row by row), quickly and uncompressed. */
function quickPng(pixels, width, height, channels) {
  return file(width, height, channels, stored(scanlines(pixels, width, height, channels)), []);
}

export const latin = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
export const utf8 = (text) => new TextEncoder().encode(text);

/** Chunks of texts by keyword, which stand behind IHDR; `itxt`: those in UTF-8. */
export function textChunks(texts, itxt) {
  return [
    ...Object.entries(texts).map(([name, text]) => chunk("tEXt", latin(`${name}\0${text}`))),
    ...Object.entries(itxt).map(([name, text]) => chunk("iTXt", joined([latin(`${name}\0\0\0\0\0`), utf8(text)]))),
  ];
}

/** A compressed PNG with texts, see `textChunks`. */
export async function fullPng(pixels, width, height, channels, texts = {}, itxt = {}) {
  const data = typeof CompressionStream === "function" ? packed : stored;
  return file(width, height, channels, await data(scanlines(pixels, width, height, channels)), textChunks(texts, itxt));
}

export function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += BASE64_PART) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + BASE64_PART)));
  }
  return text;
}

export function pngUrl(pixels, width, height, channels) {
  return `data:image/png;base64,${base64(quickPng(pixels, width, height, channels))}`;
}
