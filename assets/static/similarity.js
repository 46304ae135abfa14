// How much of a picture's structure another one has: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error
// visibility to structural similarity", 2004, equation 13 with their constants; `structural_similarity` of gan_core/metrics.py.

import { toPlanes } from "./paint-pixels.js";

const WINDOW_PX = 11;
const DEVIATION_PX = 1.5;
const [C1, C2] = [0.01 ** 2, 0.03 ** 2];

function gaussian(size) {
  const weights = Array.from({ length: size }, (_, at) => Math.exp(-((at - (size - 1) / 2) ** 2) / (2 * DEVIATION_PX ** 2)));
  const sum = weights.reduce((one, other) => one + other, 0);
  return weights.map((one) => one / sum);
}

/** Weighted means of neighbours that are `step` apart, at `count` places of each of `rows` rows, which begin `from` apart. */
function means(values, weights, { rows, from, count, step }) {
  const out = new Float64Array(rows * count);
  for (let row = 0; row < rows; row += 1) {
    for (let at = 0; at < count; at += 1) {
      let sum = 0;
      for (let k = 0; k < weights.length; k += 1) sum += weights[k] * values[row * from + at + k * step];
      out[row * count + at] = sum;
    }
  }
  return out;
}

/** Of the luma of two pictures {data, width, height} of one size: 1 where they are equal. */
export function similarity(one, other) {
  const { width, height } = one;
  const [a, b] = [one, other].map((picture) => Float64Array.from(toPlanes(picture, 1, picture), (value) => (value + 1) / 2));
  const weights = gaussian(Math.min(WINDOW_PX, width, height));
  const across = width - weights.length + 1;
  const down = height - weights.length + 1;
  /** Within the window at each of its places. */
  const mean = (value) => {
    const values = Float64Array.from(a, (_, at) => value(a[at], b[at]));
    const rows = means(values, weights, { rows: height, from: width, count: across, step: 1 });
    return means(rows, weights, { rows: 1, from: 0, count: down * across, step: across });
  };
  const meansA = mean((x) => x);
  const meansB = mean((_, y) => y);
  const squaresA = mean((x) => x * x);
  const squaresB = mean((_, y) => y * y);
  const products = mean((x, y) => x * y);
  let sum = 0;
  for (let at = 0; at < meansA.length; at += 1) {
    const [ma, mb] = [meansA[at], meansB[at]];
    const alike = (2 * ma * mb + C1) * (2 * (products[at] - ma * mb) + C2);
    sum += alike / ((ma * ma + mb * mb + C1) * (squaresA[at] - ma * ma + (squaresB[at] - mb * mb) + C2));
  }
  return sum / meansA.length;
}
