// Photographs of this visit: decoded by the browser, kept in its memory, sent nowhere.

import { Told, fetched } from "./told.js";

const MOST_SIDE_PX = 4096;
const MOST_KEPT = 8; // Photographs that were given; each takes up to 64 MB.

/** The pixels of whatever the browser can draw, at most MOST_SIDE_PX long, upright and in sRGB. */
async function pixelsOf(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", premultiplyAlpha: "none" });
  } catch {
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
  const taken = new Map(); // By id: the photograph with its pixels; the oldest goes first.
  let count = 0;

  const facts = ({ id, name, width, height, alpha, note }) => ({ id, name, width, height, alpha, note });
  const keep = (photo) => {
    taken.set(photo.id, photo);
    const own = [...taken.keys()].filter((id) => !id.startsWith("example:"));
    if (own.length > MOST_KEPT) taken.delete(own[0]);
    return photo;
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
      const { given, ...pixels } = picture;
      const note = given ? `${title} has ${given.width} × ${given.height} px; in the browser it is painted at ${picture.width} × ${picture.height} px.` : null;
      return facts(keep({ ...pixels, id: `photo-${(count += 1)}`, name: title, alpha: lightComesThrough(picture), note }));
    },
    examples: () => examples.map(({ key, title, file, width, height }) => ({ id: `example:${key}`, name: title, width, height, alpha: false, url: new URL(file, base).href })),
    /** The facts of one that is kept or drawn; null where it is gone. */
    known(id) {
      const example = this.examples().find((one) => one.id === id);
      if (example) {
        const { url, ...rest } = example;
        return rest;
      }
      return taken.has(id) ? facts(taken.get(id)) : null;
    },
    /** With its pixels: {id, name, data, width, height, alpha, note}. */
    async open(id) {
      if (taken.has(id)) return taken.get(id);
      const example = this.examples().find((one) => one.id === id);
      if (!example) throw new Told("This photograph is not kept any more. Nothing was painted. Choose it again.");
      const blob = new Blob([await fetched(example.url, () => {}, example.name)]);
      const { given, ...pixels } = await pixelsOf(blob, example.name);
      return keep({ ...pixels, id, name: example.name, alpha: false, note: null });
    },
  };
}
