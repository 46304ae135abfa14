// Many photographs into one zip: each in its turn, bad ones named, the rest goes on. As gan_core/ui/batch.py does it.

import { sentence, Told } from "./told.js";
import { zipFile } from "./zip.js";

/** A name that no other file of the zip has; systems that do not tell capitals from small letters included. */
function newName(name, names) {
  const dot = name.lastIndexOf(".");
  const other = (number) => (number === 1 ? name : `${name.slice(0, dot)}-${number}${name.slice(dot)}`);
  let number = 1;
  while (names.has(other(number).toLowerCase())) number += 1;
  names.add(other(number).toLowerCase());
  return other(number);
}

/**
 * A job, see server-paint.js. begin(id): begins to paint a photograph, a promise of {result, progress, stop}, whose result
 * is what `write` makes a file {content, name} of. done(blob): gives the zip's address.
 */
export function paintAll(ids, { begin, write, done, name }) {
  const files = ids.map(() => ({ state: "waiting", share: 0, error: null }));
  const began = performance.now();
  let end = null; // What is told once it is over.
  let run = null;
  let stopped = false;

  const one = async (id) => {
    run = await begin(id);
    if (stopped) run.stop(); // Pressed while the file was being read.
    try {
      return await write(id, await run.result);
    } finally {
      run = null;
    }
  };
  const work = async () => {
    const zip = zipFile();
    const names = new Set();
    for (const [at, id] of ids.entries()) {
      files[at].state = "painting";
      try {
        const file = await one(id);
        if (!zip.hasRoom(file.content.length)) throw new Told("The zip is full (2 GB). It was left out. Paint it separately.");
        zip.add(newName(file.name, names), file.content);
        Object.assign(files[at], { state: "done", share: 1 });
      } catch (error) {
        if (stopped) break;
        if (error?.name !== "Told") console.error(error); // Whatever one photograph does, the others go on.
        Object.assign(files[at], { state: "failed", error: sentence(error) });
      }
      if (stopped) break;
    }
    if (stopped) return { state: "stopped" };
    if (files.every(({ state }) => state === "failed")) {
      return { state: "failed", error: "None of the photographs could be painted. There is no zip. The list says why." };
    }
    const blob = zip.blob();
    return { state: "done", path: done(blob), name, bytes: blob.size };
  };

  return {
    over: work().then((told) => (end = told)),
    now() {
      if (run) files.find(({ state }) => state === "painting").share = run.progress().share;
      const share = files.reduce((sum, file) => sum + (file.state === "failed" ? 1 : file.share), 0) / files.length;
      const over = files.filter(({ state }) => state === "done" || state === "failed").length;
      const elapsed_s = (performance.now() - began) / 1000;
      return { state: "running", ...end, files: files.map((file) => ({ ...file })), done: over, count: files.length, share, elapsed_s };
    },
    stop() {
      stopped = true;
      run?.stop();
    },
  };
}
