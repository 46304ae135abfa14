// The recipe that a file carries: a PNG's text chunk, the XMP packet of a JPEG or WebP, or plain JSON. Read as
// gan_core/recipe does, without decoding a pixel; what is damaged is told and changes nothing.

import { Told } from "./told.js";
import { JPEG_XMP } from "./xmp.js";

const KEYWORD = "gan-recipe";
const MOST_TEXT = 2_000_000;
const MOST_JSON = 1_000_000;

const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const utf8 = (bytes) => new TextDecoder().decode(bytes);

/** Unpacked text, or null where it is damaged or unpacks to more than two megabytes. */
async function unpacked(bytes) {
  try {
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    const parts = [];
    for (let length = 0; length <= MOST_TEXT; ) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      parts.push(value);
      length += value.length;
    }
  } catch {
    // Damaged.
  }
  return null;
}

async function pngText(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let place = 8; place + 12 <= bytes.length; ) {
    const length = view.getUint32(place);
    const kind = latin(bytes.subarray(place + 4, place + 8));
    const content = bytes.subarray(place + 8, place + 8 + length);
    place += 12 + length;
    if (kind === "IEND" || !["tEXt", "zTXt", "iTXt"].includes(kind) || content.length < length || length > MOST_TEXT) continue;
    const end = content.indexOf(0);
    if (end < 0 || latin(content.subarray(0, end)) !== KEYWORD) continue;
    let rest = content.subarray(end + 1);
    if (kind === "tEXt") return latin(rest);
    if (kind === "zTXt") return latin((await unpacked(rest.subarray(1))) ?? []);
    const compressed = rest[0] === 1;
    rest = rest.subarray(2);
    for (let skipped = 0; skipped < 2; skipped += 1) rest = rest.subarray(rest.indexOf(0) + 1); // Language, translated keyword.
    return utf8(compressed ? ((await unpacked(rest)) ?? new Uint8Array()) : rest);
  }
  return null;
}

function jpegXmp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let place = 2; place + 4 <= bytes.length && bytes[place] === 0xff; ) {
    const mark = bytes[place + 1];
    if (mark === 0xda || mark === 0xd9) break; // The pixels follow.
    if (mark === 0xff) {
      place += 1;
      continue;
    }
    const length = view.getUint16(place + 2);
    const content = bytes.subarray(place + 4, place + 2 + length);
    if (mark === 0xe1 && latin(content.subarray(0, JPEG_XMP.length)) === JPEG_XMP) return utf8(content.subarray(JPEG_XMP.length));
    place += 2 + length;
  }
  return null;
}

function webpXmp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let place = 12; place + 8 <= bytes.length; ) {
    const length = view.getUint32(place + 4, true);
    if (latin(bytes.subarray(place, place + 4)) === "XMP " && length <= MOST_TEXT) return utf8(bytes.subarray(place + 8, place + 8 + length));
    place += 8 + length + (length % 2);
  }
  return null;
}

const MARKS = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" };

/** The value `gan:recipe` of an XMP packet, an element or, as other programs write it, an attribute. */
function ofXmp(packet) {
  const found = /<gan:recipe>([\s\S]*?)<\/gan:recipe>|gan:recipe="([^"]*)"|gan:recipe='([^']*)'/.exec(packet ?? "");
  const text = found && (found[1] ?? found[2] ?? found[3]);
  return text?.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) =>
    decimal || hex ? String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16)) : (MARKS[name] ?? whole),
  );
}

/** The recipe's JSON text out of a file's content. Throws `Told`. */
export async function recipeText(bytes, name) {
  const begins = (...mark) => mark.every((byte, at) => bytes[at] === byte);
  let text;
  try {
    if (begins(0x89, 0x50, 0x4e, 0x47)) text = await pngText(bytes);
    else if (begins(0xff, 0xd8, 0xff)) text = ofXmp(jpegXmp(bytes));
    else if (begins(0x52, 0x49, 0x46, 0x46)) text = ofXmp(webpXmp(bytes));
    else if (bytes.length <= MOST_JSON) return utf8(bytes);
    else throw new Told(`${name} is neither a PNG, JPEG or WebP picture nor a recipe of at most 1 MB. Nothing was changed. Use a picture saved here.`);
  } catch (error) {
    if (error instanceof Told) throw error;
    throw new Told(`${name} is damaged and could not be opened. Nothing was changed. Use the original file.`);
  }
  if (text) return text;
  throw new Told(
    `${name} carries no recipe. Nothing was changed. Use a picture as it was saved here: many programs and sites drop what a picture carries.`,
  );
}
