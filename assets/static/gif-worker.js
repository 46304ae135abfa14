// The worker behind gif-film.js: it finds the film's colours and packs its frames, so that the page never freezes.

import { gifFrame, gifHead } from "./gif.js";
import { palette } from "./gif-palette.js";

let colours = null;

const works = {
  /** sample: RGBA bytes of some frames. */
  begin({ width, height, sample, dither }) {
    colours = palette(sample, { dither });
    return gifHead(width, height, colours.table);
  },
  frame: ({ width, height, data, hundredths }) => gifFrame(width, height, colours.indices(data, width), hundredths),
};

addEventListener("message", ({ data: { work, ...question } }) => {
  const part = works[work](question);
  postMessage(part, [part.buffer]);
});
