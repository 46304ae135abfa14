// Photographs of this visit: decoded by the browser, sent nowhere. Files stay where they are; pixels are kept of the last few.

import { Told, fetched } from "./told.js";

const MOST_SIDE_PX = 4096;
const MOST_KEPT = 4; // Photographs with their pixels, of which each takes up to 64 MB.

/** The pixels of whatever the browser can draw, at most MOST_SIDE_PX long, upright and in sRGB. */
async function pixelsOf(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", premultiplyAlpha: "none" });
  } catch {
    await blob.slice(0, 1).arrayBuffer().catch(() => {
      throw new Told(`${name} cannot be read any more: it was moved, deleted or changed. Nothing was painted. Choose it again.`);
    });
    throw new Told(`${name} is no picture that this browser can open. Nothing was changed. Save it as JPEG, PNG or WebP.`);
  }
  const given = { width: bitmap.width, height: bitmap.height };
  const scale = Math.min(1, MOST_SIDE_PX / Math.max(given.width, given.height));
  const [width, height] = [given.width, given.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { data, width, height, given: scale < 1 ? given : null };
}

function lightComesThrough({ data }) {
  for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return true;
  return false;
}

/** What to call a file: its name without what no name should hold. */
const titled = (name) => [...String(name)].filter((sign) => !'/\\:*?"<>|#%'.includes(sign)).join("").trim().slice(-80) || "photograph";

/** examples: [{key, title, file, width, height}] of the bundle. */
export function photoShelf(base, examples) {
  const files = new Map(); // What was chosen, dropped or pasted and not opened yet.
  const taken = new Map(); // By id: {id, name, width, height, alpha, note, blob}
  const pixels = new Map(); // By id: RGBA bytes of the photographs that were used last.
  let count = 0;

  const facts = ({ id, name, width, height, alpha, note }) => ({ id, name, width, height, alpha, note });
  const keepPixels = (id, data) => {
    pixels.delete(id);
    pixels.set(id, data);
    if (pixels.size > MOST_KEPT) pixels.delete(pixels.keys().next().value);
  };

  return {
    /** What `upload` of the full app does: a name for a file that was given. */
    hold(file) {
      const path = `given-${(count += 1)}`;
      files.set(path, file);
      return { path };
    },
    /** The photograph in a file that was held. */
    async take(path, name) {
      const file = files.get(path);
      files.delete(path);
      if (!file) throw new Told("The file did not arrive whole. Nothing was changed. Try it once more.");
      const title = titled(name);
      const picture = await pixelsOf(file, title);
      const { given, data, width, height } = picture;
      const note = given ? `${title} has ${given.width} × ${given.height} px; in the browser it is painted at ${width} × ${height} px.` : null;
      const photo = { id: `photo-${(count += 1)}`, name: title, width, height, alpha: lightComesThrough(picture), note, blob: file };
      taken.set(photo.id, photo);
      keepPixels(photo.id, data);
      return facts(photo);
    },
    examples: () => examples.map(({ key, title, file, width, height }) => ({ id: `example:${key}`, name: title, width, height, alpha: false, url: new URL(file, base).href })),
    /** The facts of one that is kept or drawn; null where it is gone. */
    known(id) {
      const { url, ...example } = this.examples().find((one) => one.id === id) ?? {};
      if (url) return example;
      return taken.has(id) ? facts(taken.get(id)) : null;
    },
    /** With its pixels: {id, name, data, width, height, alpha, note}. */
    async open(id) {
      const example = this.examples().find((one) => one.id === id);
      if (example && !taken.has(id)) {
        const blob = new Blob([await fetched(example.url, () => {}, example.name)]);
        taken.set(id, { ...example, alpha: false, note: null, blob });
      }
      const photo = taken.get(id);
      if (!photo) throw new Told("This photograph is not kept any more. Nothing was painted. Choose it again.");
      const data = pixels.get(id) ?? (await pixelsOf(photo.blob, photo.name)).data;
      keepPixels(id, data);
      return { ...facts(photo), data };
    },
  };
}
