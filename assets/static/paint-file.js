// Files that say how they were made: PNG, JPEG and WebP with the texts that gan_core/recipe reads.

import { joined, latin, textChunks, utf8 } from "./png.js";
import { JPEG_XMP, packet, XMP } from "./xmp.js";

const MOST_JPEG_TEXT = 65_000;

/** JSON in ASCII, as every reader of a PNG's text can take it. */
const ascii = (value) =>
  JSON.stringify(value).replace(/[^\x00-\x7f]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

function number(value, length, little = false) {
  const bytes = Array.from({ length }, (_, at) => (value >>> (8 * at)) & 255);
  return Uint8Array.from(little ? bytes : bytes.reverse());
}

const HEAD = 8 + 25; // The signature and the chunk IHDR, behind which texts may stand.

function intoPng(file, texts, xmp) {
  return joined([file.subarray(0, HEAD), ...textChunks(texts, { [XMP]: xmp }), file.subarray(HEAD)]);
}

function intoJpeg(file, xmp) {
  const content = joined([latin(JPEG_XMP), utf8(xmp)]);
  if (content.length > MOST_JPEG_TEXT) return file;
  const view = new DataView(file.buffer, file.byteOffset);
  const place = view.getUint16(2) === 0xffe0 ? 4 + view.getUint16(4) : 2; // Behind JFIF's own segment.
  return joined([file.subarray(0, place), [0xff, 0xe1], number(content.length + 2, 2), content, file.subarray(place)]);
}

function intoWebp(file, xmp, { width, height, alpha }) {
  const text = utf8(xmp);
  const part = joined([latin("XMP "), number(text.length, 4, true), text, new Uint8Array(text.length % 2)]);
  let rest = file.subarray(12);
  let flags = alpha ? 0x10 : 0;
  if (String.fromCharCode(...rest.subarray(0, 4)) === "VP8X") {
    flags = rest[8];
    rest = rest.subarray(18);
  }
  const sides = [...number(width - 1, 3, true), ...number(height - 1, 3, true)];
  const body = joined([latin("WEBP"), latin("VP8X"), number(10, 4, true), [flags | 0x04, 0, 0, 0], sides, rest, part]);
  return joined([latin("RIFF"), number(body.length, 4, true), body]);
}

/**
 * The file with what it tells of itself. kind: png, jpg or webp. translation: the object that
 * gan_core/recipe/translation.py reads. size: {width, height, alpha}.
 */
export function carrying(file, kind, translation, software, size) {
  const made = ascii(translation);
  const source = "compositeWithTrainedAlgorithmicMedia";
  if (kind === "png") return intoPng(file, { "gan-translation": made, Software: software }, packet(software, source));
  const xmp = packet(software, source, { "gan:translation": made });
  return kind === "jpg" ? intoJpeg(file, xmp) : intoWebp(file, xmp, size);
}
