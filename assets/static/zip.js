// A zip of files that are packed already: stored entries, as PKWARE's APPNOTE lays them out (4.3.7 local header, 4.3.12
// central directory, 4.3.16 its end). Contents go into the Blob as they come, so that no copy of them stands in memory.

import { crc32, latin, utf8 } from "./png.js";

const MOST_BYTES = 2e9; // Places are 32-bit numbers, and some readers take them with a sign.
const VERSION = 20; // 2.0: what every reader knows.
const UTF8_NAMES = 0x0800;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;

/** Fields [value, bytes], the lowest byte of each first, after a mark of letters. */
function record(mark, fields, ...rest) {
  const head = [...latin(mark)];
  for (const [value, length] of fields) for (let at = 0; at < length; at += 1) head.push(Math.floor(value / 256 ** at) % 256);
  return [Uint8Array.from(head), ...rest];
}

/** A moment as MS-DOS wrote it: two seconds are its smallest step, 1980 its first year. */
function dosTime(at) {
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  const date = (Math.max(0, at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  return [[time, 2], [date, 2]];
}

/** add(name, bytes) as long as `hasRoom(bytes.length)`, then blob(). at: the files' time. */
export function zipFile(at = new Date()) {
  const parts = [];
  const entries = [];
  let place = 0;
  const when = dosTime(at);
  const add = (name, bytes) => {
    const title = utf8(name);
    const facts = [[VERSION, 2], [UTF8_NAMES, 2], [0, 2], ...when, [crc32(bytes), 4], [bytes.length, 4], [bytes.length, 4], [title.length, 2], [0, 2]];
    entries.push({ title, facts, place });
    parts.push(...record("PK\x03\x04", facts, title), new Blob([bytes])); // A Blob may lie on the disk.
    place += LOCAL_BYTES + title.length + bytes.length;
  };
  const blob = () => {
    // Behind the shared facts: comment's length, disk, attributes within and outside, and where the entry is.
    const central = entries.flatMap((entry) => record("PK\x01\x02", [[VERSION, 2], ...entry.facts, [0, 2], [0, 2], [0, 2], [0, 4], [entry.place, 4]], entry.title));
    const length = entries.reduce((sum, { title }) => sum + CENTRAL_BYTES + title.length, 0);
    const end = record("PK\x05\x06", [[0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [length, 4], [place, 4], [0, 2]]);
    return new Blob([...parts, ...central, ...end], { type: "application/zip" });
  };
  const hasRoom = (bytes) => place + bytes <= MOST_BYTES;
  return { add, blob, hasRoom };
}
