// Files that say how they were made: PNG, JPEG and WebP with the texts that gan_core/recipe reads.

import { crc32 } from "./png.js";

const TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
const XMP = "XML:com.adobe.xmp";
const JPEG_XMP = "http://ns.adobe.com/xap/1.0/\0";
const MOST_JPEG_TEXT = 65_000;
const SPACES = {
  xmp: "http://ns.adobe.com/xap/1.0/",
  Iptc4xmpExt: "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
  gan: "urn:gan-studio:recipe:1",
};

const utf8 = (text) => new TextEncoder().encode(text);
const latin = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

/** JSON in ASCII, as every reader of a PNG's text can take it. */
export const ascii = (value) =>
  JSON.stringify(value).replace(/[^\x00-\x7f]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

function packet(values) {
  const spaces = Object.entries(SPACES).map(([prefix, address]) => ` xmlns:${prefix}="${address}"`);
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const body = Object.entries(values).map(([name, text]) => `<${name}>${escaped(text)}</${name}>`);
  return (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description rdf:about=""${spaces.join("")}>${body.join("")}</rdf:Description>` +
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
  );
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((place, part) => (whole.set(part, place), place + part.length), 0);
  return whole;
}

function number(value, length, little = false) {
  const bytes = Array.from({ length }, (_, at) => (value >>> (8 * at)) & 255);
  return Uint8Array.from(little ? bytes : bytes.reverse());
}

function pngChunk(kind, content) {
  const body = joined(latin(kind), content);
  return joined(number(content.length, 4), body, number(crc32(body), 4));
}

const HEAD = 8 + 25; // The signature and the chunk IHDR, behind which texts may stand.

function intoPng(file, texts, xmp) {
  const chunks = Object.entries(texts).map(([keyword, text]) => pngChunk("tEXt", latin(`${keyword}\0${text}`)));
  chunks.push(pngChunk("iTXt", joined(latin(`${XMP}\0\0\0\0\0`), utf8(xmp))));
  return joined(file.subarray(0, HEAD), ...chunks, file.subarray(HEAD));
}

function intoJpeg(file, xmp) {
  const content = joined(latin(JPEG_XMP), utf8(xmp));
  if (content.length > MOST_JPEG_TEXT) return file;
  const view = new DataView(file.buffer, file.byteOffset);
  const place = view.getUint16(2) === 0xffe0 ? 4 + view.getUint16(4) : 2; // Behind JFIF's own segment.
  return joined(file.subarray(0, place), Uint8Array.of(0xff, 0xe1), number(content.length + 2, 2), content, file.subarray(place));
}

function intoWebp(file, xmp, { width, height, alpha }) {
  const text = utf8(xmp);
  const part = joined(latin("XMP "), number(text.length, 4, true), text, new Uint8Array(text.length % 2));
  let rest = file.subarray(12);
  let flags = alpha ? 0x10 : 0;
  if (String.fromCharCode(...rest.subarray(0, 4)) === "VP8X") {
    flags = rest[8];
    rest = rest.subarray(18);
  }
  const sides = joined(number(width - 1, 3, true), number(height - 1, 3, true));
  const extended = joined(latin("VP8X"), number(10, 4, true), Uint8Array.of(flags | 0x04, 0, 0, 0), sides);
  const body = joined(latin("WEBP"), extended, rest, part);
  return joined(latin("RIFF"), number(body.length, 4, true), body);
}

/**
 * The file with what it tells of itself. kind: png, jpg or webp. translation: the object that
 * gan_core/recipe/translation.py reads. size: {width, height, alpha}.
 */
export function carrying(file, kind, translation, software, size) {
  const made = ascii(translation);
  const values = { "xmp:CreatorTool": software, "Iptc4xmpExt:DigitalSourceType": TERM };
  if (kind === "png") return intoPng(file, { "gan-translation": made, Software: software }, packet(values));
  const xmp = packet({ ...values, "gan:translation": made });
  return kind === "jpg" ? intoJpeg(file, xmp) : intoWebp(file, xmp, size);
}
