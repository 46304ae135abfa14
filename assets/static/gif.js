// GIF89a files of our own making: one table of colours, frames packed with LZW (appendix F of the specification), endless.

import { joined, latin } from "./png.js";

const BITS = 8; // Of a pixel: an index into 256 colours.
const CLEAR = 1 << BITS;
const END = CLEAR + 1;
const MOST_CODES = 4096; // Then the dictionary begins anew.
const MOST_BLOCK = 255;

const two = (value) => [value & 255, value >> 8];

// From a code and the byte behind it to the code of both: the turn above the lowest twelve bits, the code below. Another turn
// begins the dictionary anew, without a million zeros to write.
const dictionary = new Uint32Array(MOST_CODES << BITS);
const MOST_TURNS = (1 << 20) - 1;
let turn = 0;

/** Indices packed, in blocks of up to 255 bytes as a GIF holds them. */
function lzw(indices) {
  const out = new Uint8Array(indices.length * 2 + 1024); // No code is longer than twelve bits.
  let [length, block] = [1, 0]; // `block` is where the length of the present block stands.
  let [held, bits] = [0, 0];
  let size = BITS + 1;
  let next = END + 1;
  const byte = (value) => {
    if (length - block > MOST_BLOCK) {
      out[block] = MOST_BLOCK;
      block = length;
      length += 1;
    }
    out[length] = value;
    length += 1;
  };
  const put = (code) => {
    held |= code << bits;
    bits += size;
    for (; bits >= 8; bits -= 8) {
      byte(held & 255);
      held >>>= 8;
    }
  };
  const anew = () => {
    put(CLEAR);
    [size, next] = [BITS + 1, END + 1];
    if (turn === MOST_TURNS) {
      dictionary.fill(0);
      turn = 0;
    }
    turn += 1;
  };
  anew();
  let prefix = indices[0];
  for (let at = 1; at < indices.length; at += 1) {
    const place = (prefix << BITS) | indices[at];
    const known = dictionary[place];
    if (known >>> 12 === turn) prefix = known & 4095;
    else {
      put(prefix);
      dictionary[place] = (turn << 12) | next;
      if (next === 1 << size) size += 1; // The reader adds its entries one code later.
      next += 1;
      prefix = indices[at];
      if (next === MOST_CODES) anew();
    }
  }
  put(prefix);
  if (next === 1 << size) size += 1;
  put(END);
  if (bits) byte(held & 255);
  out[block] = length - block - 1;
  out[length] = 0; // The block of no bytes, which ends them.
  return out.subarray(0, length + 1);
}

/** What stands before the frames. table: 768 bytes of red, green and blue. */
export function gifHead(width, height, table) {
  const screen = [...latin("GIF89a"), ...two(width), ...two(height), 0xf0 | (BITS - 1), 0, 0];
  const endless = [0x21, 0xff, 11, ...latin("NETSCAPE2.0"), 3, 1, 0, 0, 0];
  return joined([screen, table, endless]);
}

/** One frame. indices: width * height bytes; hundredths: of a second that it stands. */
export function gifFrame(width, height, indices, hundredths) {
  const control = [0x21, 0xf9, 4, 0x04, ...two(hundredths), 0, 0]; // The next one is drawn over it.
  const image = [0x2c, 0, 0, 0, 0, ...two(width), ...two(height), 0, BITS];
  return joined([control, image, lzw(indices)]);
}

export const GIF_TAIL = Uint8Array.of(0x3b);
