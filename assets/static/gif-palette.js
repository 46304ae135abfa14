// The colours of a GIF: 256 for the whole film, so that none flickers, and a dither that stands still. As
// gan_core/video/palette.py does it: k-means over pixels of the film, from widely spread colours.

export const COLOURS = 256;
const CELL = 4; // Levels that count as one when the nearest colour is looked up: finer than any palette of 256.
const SAMPLE_PIXELS = 60_000;
const ROUNDS = 6; // Of k-means; further ones change little.

// Bayer's ordered dither, 8 x 8, in (-0.5, 0.5). Error diffusion would boil from frame to frame; this pattern rests.
const BAYER = Float32Array.from({ length: 64 }, (_, place) => {
  const [x, y] = [place % 8, place >> 3];
  let rank = 0;
  for (let bit = 0; bit < 3; bit += 1) {
    const [across, down] = [(x >> bit) & 1, (y >> bit) & 1];
    rank = 4 * rank + 2 * (across ^ down) + down;
  }
  return (rank + 0.5) / 64 - 0.5;
});

const isGrey = (data, at) => data[at] === data[at + 1] && data[at] === data[at + 2];

/** Whether any pixel of a frame of RGBA bytes is no grey. */
export function coloured(data) {
  for (let at = 0; at < data.length; at += 4) if (!isGrey(data, at)) return true;
  return false;
}

/**
 * Red, green and blue of pixels at even steps out of frames of RGBA bytes; the step is odd, to fall on no column. Where
 * all of these are grey, the first that are not come to them.
 */
function sampled(frames) {
  const colours = [];
  let grey = true;
  for (const data of frames) {
    const step = Math.max(1, Math.floor((data.length / 4 / SAMPLE_PIXELS) * frames.length)) | 1;
    for (let at = 0; at < data.length; at += 4 * step) {
      colours.push(data[at], data[at + 1], data[at + 2]);
      grey &&= isGrey(data, at);
    }
  }
  for (const data of grey ? frames : []) {
    for (let at = 0; at < data.length && colours.length < 6 * SAMPLE_PIXELS; at += 4) {
      if (!isGrey(data, at)) colours.push(data[at], data[at + 1], data[at + 2]);
    }
  }
  return Uint8Array.from(colours);
}

/**
 * The most evenly spread colours: each next one is the farthest from all before. {table: 256 or, where there are fewer,
 * fewer; whole: whether these are all}.
 */
function spread(sample) {
  const count = sample.length / 3;
  const distance = new Float64Array(count).fill(Infinity);
  const table = [];
  let farthest = 0;
  while (table.length < 3 * COLOURS && distance[farthest] > 0) {
    const colour = sample.subarray(3 * farthest, 3 * farthest + 3);
    table.push(...colour);
    distance[farthest] = 0;
    for (let at = 0; at < count; at += 1) {
      const away = (sample[3 * at] - colour[0]) ** 2 + (sample[3 * at + 1] - colour[1]) ** 2 + (sample[3 * at + 2] - colour[2]) ** 2;
      if (away < distance[at]) distance[at] = away;
      if (distance[at] > distance[farthest]) farthest = at;
    }
  }
  return { table: Float64Array.from(table), whole: distance[farthest] === 0 };
}

/** The index of the colour nearest to (red, green, blue). */
function nearest(table, red, green, blue) {
  let [best, least] = [0, Infinity];
  for (let at = 0; at < table.length; at += 3) {
    const away = (table[at] - red) ** 2 + (table[at + 1] - green) ** 2 + (table[at + 2] - blue) ** 2;
    if (away < least) [best, least] = [at, away];
  }
  return best / 3;
}

/** Each colour goes to the middle of the pixels that are nearest to it, a few times over. */
function settled(sample, start) {
  const table = start;
  for (let round = 0; round < ROUNDS; round += 1) {
    const sums = new Float64Array((table.length / 3) * 4);
    for (let at = 0; at < sample.length; at += 3) {
      const index = 4 * nearest(table, sample[at], sample[at + 1], sample[at + 2]);
      for (let c = 0; c < 3; c += 1) sums[index + c] += sample[at + c];
      sums[index + 3] += 1;
    }
    for (let index = 0; index < table.length / 3; index += 1) {
      const many = sums[4 * index + 3];
      if (many) for (let c = 0; c < 3; c += 1) table[3 * index + c] = sums[4 * index + c] / many;
    }
  }
  return table;
}

/**
 * frames: some frames of the film, RGBA bytes of opaque pictures, one with colours among them where the film has any.
 * dither: for smooth pictures; in large hard pixels the pattern would be seen. Gives {table: 768 bytes,
 * indices(data, width): a byte for each pixel}.
 */
export function palette(frames, { dither }) {
  const table = new Uint8Array(3 * COLOURS);
  if (!frames.some(coloured)) {
    // Greys, of which there are 256: nothing is lost.
    table.forEach((_, at) => (table[at] = Math.floor(at / 3)));
    return { table, indices: (data) => Uint8Array.from({ length: data.length / 4 }, (_, at) => data[4 * at]) };
  }
  const sample = sampled(frames);
  const { table: first, whole: few } = spread(sample); // A few colours are kept as they are.
  table.set((few ? first : settled(sample, first)).map(Math.round));
  const known = table.subarray(0, first.length);
  const coarse = few ? 0 : Math.log2(CELL); // Bits of a level that do not count.
  const size = 256 >> coarse;
  const cells = new Int16Array(size ** 3).fill(-1); // The nearest colour to the middle of each cell, found when it is first met.
  const middle = (step) => (step << coarse) + ((1 << coarse) - 1) / 2;
  const indexOf = (red, green, blue) => {
    const [r, g, b] = [red >> coarse, green >> coarse, blue >> coarse];
    const cell = (r * size + g) * size + b;
    if (cells[cell] < 0) cells[cell] = nearest(known, middle(r), middle(g), middle(b));
    return cells[cell];
  };
  const noise = ditherOf(dither && !few ? errorOf(sample, known, indexOf) : 0);
  const clamped = (level) => (level < 0 ? 0 : level > 255 ? 255 : level);
  return {
    table,
    indices(data, width) {
      const out = new Uint8Array(data.length / 4);
      for (let at = 0; at < out.length; at += 1) {
        const more = noise[(at % width) % 8 | (Math.floor(at / width) % 8 << 3)];
        out[at] = indexOf(clamped(data[4 * at] + more), clamped(data[4 * at + 1] + more), clamped(data[4 * at + 2] + more));
      }
      return out;
    },
  };
}

/** Root of the mean square of what the palette misses, in levels of 255. */
function errorOf(sample, table, indexOf) {
  let squares = 0;
  for (let at = 0; at < sample.length; at += 3) {
    const index = 3 * indexOf(sample[at], sample[at + 1], sample[at + 2]);
    for (let c = 0; c < 3; c += 1) squares += (table[index + c] - sample[at + c]) ** 2;
  }
  return Math.sqrt(squares / sample.length);
}

/** Levels to add, as wide as the palette is coarse: a uniform dither of width w has the standard deviation w / sqrt(12). */
function ditherOf(error) {
  const width = error > CELL / 2 ? error * Math.sqrt(12) : 0; // Below, the cells would eat it.
  return Int16Array.from(BAYER, (place) => Math.round(width * place));
}
