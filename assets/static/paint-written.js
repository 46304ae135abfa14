// Pictures to addresses and files: what the page shows, and what is downloaded with its provenance.

import { carrying } from "./paint-file.js";
import { blended, overWhite } from "./paint-pixels.js";
import { Told } from "./told.js";

const TYPES = { png: "image/png", jpg: "image/jpeg", webp: "image/webp" };
const QUALITY = 0.95;
const LOSSLESS_MP = 0.5; // A PNG of a large picture takes long to pack.
const MOST_ADDRESSES = 24;
const MARK = "Made with GAN Studio";

function drawn({ data, width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(new ImageData(data, width, height), 0, 0);
  return canvas;
}

const addresses = [];
/** An address of a blob, good until two dozen others were made. */
export function addressOf(blob) {
  addresses.push(URL.createObjectURL(blob));
  if (addresses.length > MOST_ADDRESSES) URL.revokeObjectURL(addresses.shift());
  return addresses.at(-1);
}

/** An address under which the picture can be shown. */
export async function shownAt(picture, alpha = false) {
  const lossless = alpha || picture.width * picture.height <= LOSSLESS_MP * 1e6;
  return addressOf(await drawn(picture).convertToBlob({ type: lossless ? TYPES.png : TYPES.jpg, quality: QUALITY }));
}

/** The picture made smaller, its long side at most `px`. */
export async function smaller(picture, px) {
  const scale = px / Math.max(picture.width, picture.height);
  if (scale >= 1) return { data: picture.data, width: picture.width, height: picture.height };
  const [resizeWidth, resizeHeight] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const image = new ImageData(picture.data, picture.width, picture.height);
  const bitmap = await createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: "high", premultiplyAlpha: "none" });
  const context = new OffscreenCanvas(resizeWidth, resizeHeight).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, resizeWidth, resizeHeight);
}

/** White letters on a dark plate in the lower right corner; a picture too small for letters of 11 px stays as it is. */
function mark(canvas) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const letters = Math.min(96, Math.max(11, Math.min(width, height) / 40));
  context.font = `${letters}px system-ui, sans-serif`;
  const space = Math.max(3, Math.round(letters / 2));
  const plate = { width: Math.ceil(context.measureText(MARK).width) + 2 * space, height: Math.ceil(letters) + 2 * space };
  if (plate.width > 0.75 * width || plate.height > 0.375 * height) return;
  const margin = Math.round(plate.height / 3);
  const [left, top] = [width - plate.width - margin, height - plate.height - margin];
  context.fillStyle = "rgb(16 16 16 / 65%)";
  context.beginPath();
  context.roundRect(left, top, plate.width, plate.height, space);
  context.fill();
  context.fillStyle = "white";
  context.textBaseline = "middle";
  context.fillText(MARK, left + space, top + plate.height / 2);
}

/** harbour.jpg by monet2photo: harbour-monet2photo.png. */
function fileName(photo, model, kind) {
  const stem = photo.replace(/\.[^.]*$/, "").slice(0, 60) || "photograph";
  return `${`${stem}-${model}`.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "")}.${kind}`;
}

/** The file of a painting as `look` wishes it: {content, name, type}. painting: {model, direction, full, painted_px}. */
export async function fileOf(painting, photo, look, software) {
  const { model, direction, full, painted_px } = painting;
  const { strength = 1, keep_colours = false, kind = "jpg" } = look ?? {};
  if (!(kind in TYPES)) throw new Told(`${kind} is no kind of file here. Nothing was written. Take png, jpg or webp.`);
  if (!(strength >= 0 && strength <= 1.5)) throw new Told("Strength is from 0 to 150 %. Nothing was written.");
  let picture = strength === 1 && !keep_colours ? full : blended(photo, full, strength, keep_colours);
  if (kind === "jpg" && photo.alpha) picture = overWhite(picture);
  const canvas = drawn(picture);
  if (look?.mark) mark(canvas);
  const blob = await canvas.convertToBlob({ type: TYPES[kind], quality: QUALITY });
  if (blob.type !== TYPES[kind]) throw new Told(`This browser writes no ${kind} files. Nothing was written. Take PNG.`);
  const { width, height } = picture;
  const told = { format: 1, model: { name: model.name, ...(model.sha256 && { sha256: model.sha256 }), ...(model.hub && { hub: model.hub }) } };
  const made = { ...told, direction, strength, keep_colours, size: [width, height], ...(painted_px && { painted_px }) };
  const content = carrying(new Uint8Array(await blob.arrayBuffer()), kind, made, software, { width, height, alpha: photo.alpha });
  return { content, name: fileName(photo.name, model.name, kind), type: TYPES[kind] };
}

/** The same under an address: {path, name, bytes}. */
export async function written(...what) {
  const { content, name, type } = await fileOf(...what);
  return { path: addressOf(new Blob([content], { type })), name, bytes: content.length };
}
