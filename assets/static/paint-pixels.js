// Pixels of photographs and paintings: the same arithmetic as gan_core/inference (translator.py, brush.py, blend.py).
// Pictures are ImageData or {data: RGBA bytes, width, height}; nothing here touches the page, so a worker and node run it.

/** Sides that the network takes: at least as large, multiples of `multiple`, and not below `smallest`. */
export function fitting({ width, height }, multiple, smallest) {
  const up = (side) => Math.max(Math.ceil(side / multiple) * multiple, smallest);
  return { width: up(width), height: up(height) };
}

/** Place `at` of a row of `count`, mirrored at its ends as numpy's "reflect" does. */
function mirrored(at, count) {
  if (count === 1) return 0;
  const turn = 2 * (count - 1);
  const place = at % turn;
  return place < count ? place : turn - place;
}

/** The colours over white: what a network sees of a picture that lets light through. RGBA bytes, opaque. */
export function overWhite({ data, width, height }) {
  const out = new Uint8ClampedArray(data);
  for (let i = 0; i < out.length; i += 4) {
    const alpha = out[i + 3];
    if (alpha === 255) continue;
    for (let c = 0; c < 3; c += 1) out[i + c] = (out[i + c] * alpha + 255 * (255 - alpha)) / 255;
    out[i + 3] = 255;
  }
  return { data: out, width, height };
}

/** (channels, H, W) in [-1, 1] out of RGBA bytes, mirrored at the right and lower edge up to `size`. */
export function toPlanes({ data, width, height }, channels, size) {
  const count = size.width * size.height;
  const planes = new Float32Array(channels * count);
  const columns = Int32Array.from({ length: size.width }, (_, x) => 4 * mirrored(x, width));
  for (let y = 0; y < size.height; y += 1) {
    const row = 4 * width * mirrored(y, height);
    for (let x = 0; x < size.width; x += 1) {
      const from = row + columns[x];
      const to = y * size.width + x;
      if (channels === 1) {
        // Pillow's grey, in whole numbers.
        const grey = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
        planes[to] = grey / 127.5 - 1;
      } else for (let c = 0; c < channels; c += 1) planes[c * count + to] = data[from + c] / 127.5 - 1;
    }
  }
  return planes;
}

/** RGBA bytes out of (channels, H, W) in [-1, 1]; the upper left `width` x `height` of it. */
export function fromPlanes(planes, channels, size, { width, height }) {
  const count = size.width * size.height;
  const data = new Uint8ClampedArray(4 * width * height); // Rounds to the nearest, halves to even, as torch does.
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = y * size.width + x;
      const to = 4 * (y * width + x);
      for (let c = 0; c < 3; c += 1) data[to + c] = (planes[(channels < 3 ? 0 : c) * count + from] + 1) * 127.5;
      data[to + 3] = channels === 4 ? (planes[3 * count + from] + 1) * 127.5 : 255;
    }
  }
  return { data, width, height };
}

// Catmull-Rom's cubic, which Pillow calls BICUBIC: a is -0.5.
function cubic(x) {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** For each place of `to`: the first of four places of `from`, and their weights. At the ends they weigh by what is there. */
function taps(from, to) {
  const [places, weights] = [new Int32Array(4 * to), new Float32Array(4 * to)];
  for (let at = 0; at < to; at += 1) {
    const center = ((at + 0.5) * from) / to - 0.5;
    const first = Math.floor(center) - 1;
    let sum = 0;
    for (let k = 0; k < 4; k += 1) {
      const there = first + k >= 0 && first + k < from;
      places[4 * at + k] = Math.min(from - 1, Math.max(0, first + k));
      weights[4 * at + k] = there ? cubic(center - first - k) : 0;
      sum += weights[4 * at + k];
    }
    for (let k = 0; k < 4; k += 1) weights[4 * at + k] /= sum;
  }
  return { places, weights };
}

/**
 * photo + enlarged(painting - small): what the network changed on the small photograph, laid over the whole one, whose own
 * detail and transparency stay. small is the photograph as it was painted, over white. Rows at a time: memory is the result.
 */
export function laidOver(photo, small, painting) {
  const { width, height } = photo;
  const [down, across] = [taps(small.height, height), taps(small.width, width)];
  const out = new Uint8ClampedArray(4 * width * height);
  const row = new Float32Array(3 * small.width);
  for (let y = 0; y < height; y += 1) {
    row.fill(0);
    for (let k = 0; k < 4; k += 1) {
      const weight = down.weights[4 * y + k];
      if (!weight) continue;
      const from = 4 * small.width * down.places[4 * y + k];
      for (let x = 0; x < small.width; x += 1) {
        for (let c = 0; c < 3; c += 1) {
          const at = from + 4 * x + c;
          row[3 * x + c] += weight * (painting.data[at] - small.data[at]);
        }
      }
    }
    for (let x = 0; x < width; x += 1) {
      const to = 4 * (y * width + x);
      for (let c = 0; c < 3; c += 1) {
        let change = 0;
        for (let k = 0; k < 4; k += 1) change += across.weights[4 * x + k] * row[3 * across.places[4 * x + k] + c];
        out[to + c] = photo.data[to + c] + change;
      }
      out[to + 3] = photo.data[to + 3];
    }
  }
  return { data: out, width, height };
}

/** The painting of a photograph of the same size; of one that lets light through, the change put on its own colours. */
export function carried(photo, seen, painting) {
  const out = new Uint8ClampedArray(painting.data);
  for (let i = 0; i < out.length; i += 4) {
    const alpha = photo.data[i + 3];
    if (alpha === 255) continue;
    for (let c = 0; c < 3; c += 1) out[i + c] = photo.data[i + c] + painting.data[i + c] - seen.data[i + c];
    out[i + 3] = alpha;
  }
  return { data: out, width: photo.width, height: photo.height };
}

/** photo + strength (full - photo); with colours kept, the difference of luma alone. The page's own slider does the same. */
export function blended(photo, full, strength, keepColours) {
  const [p, f] = [photo.data, full.data];
  const out = new Uint8ClampedArray(f.length);
  for (let i = 0; i < p.length; i += 4) {
    const [red, green, blue] = [f[i] - p[i], f[i + 1] - p[i + 1], f[i + 2] - p[i + 2]];
    const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    out[i] = p[i] + strength * (keepColours ? luma : red);
    out[i + 1] = p[i + 1] + strength * (keepColours ? luma : green);
    out[i + 2] = p[i + 2] + strength * (keepColours ? luma : blue);
    out[i + 3] = f[i + 3];
  }
  return { data: out, width: photo.width, height: photo.height };
}
