// Sheets of samples in memory, and the clock that plays them.

const TRAVEL_KEPT = 200; // Sheets as they came.
const TRAVEL_PIXELS = 60e6; // And so many pixels of unpacked ones: 240 MB.
const TRAVEL_AT_ONCE = 3;

/**
 * Sheets by step. load(step, urgent) gives {bitmap, elapsed_s} or throws an Error with a sentence; urgent ones come first.
 * at(step): the same at once where it is unpacked, else null. forget(): another run is shown.
 */
function travelSheets(fetch_) {
  let blobs = new Map(); // step -> {blob, elapsed_s}, those used last at the end.
  let sheets = new Map(); // step -> {bitmap, elapsed_s}
  let waiting = []; // {step, settle}
  let under = new Map(); // step -> promise
  let running = 0;
  let age = 0;

  const touch = (map, step) => {
    const found = map.get(step);
    map.delete(step);
    map.set(step, found);
    return found;
  };
  const fresh = async (step) => {
    if (blobs.has(step)) return touch(blobs, step);
    const answer = await fetch_(step);
    if (!answer.ok) throw new Error(answer.error);
    const [head, base64] = answer.url.split(",");
    const kind = head.slice(5, head.indexOf(";"));
    return { blob: new Blob([bytesOf(base64)], { type: kind }), elapsed_s: answer.elapsed_s };
  };
  const unpacked = async (step) => {
    const mine = age;
    const found = await fresh(step);
    let bitmap;
    try {
      bitmap = await createImageBitmap(found.blob);
    } catch {
      throw new Error(`The samples of step ${step.toLocaleString("en")} cannot be read: the file is damaged. See another step.`);
    }
    const sheet = { bitmap, elapsed_s: found.elapsed_s };
    if (mine !== age) return sheet;
    blobs.set(step, found);
    sheets.set(step, sheet);
    while (blobs.size > TRAVEL_KEPT) blobs.delete(blobs.keys().next().value);
    const most = Math.max(4, Math.floor(TRAVEL_PIXELS / (bitmap.width * bitmap.height)));
    while (sheets.size > most) sheets.delete(sheets.keys().next().value); // What is being drawn keeps it alive.
    return sheet;
  };
  const pump = () => {
    while (running < TRAVEL_AT_ONCE && waiting.length) {
      const { step, settle } = waiting.shift();
      running += 1;
      unpacked(step)
        .then((sheet) => settle(null, sheet), (error) => settle(error))
        .finally(() => {
          running -= 1;
          pump();
        });
    }
  };
  return {
    at: (step) => (sheets.has(step) ? touch(sheets, step) : null),
    load(step, urgent = false) {
      if (sheets.has(step)) return Promise.resolve(touch(sheets, step));
      if (under.has(step)) {
        const place = waiting.findIndex((one) => one.step === step);
        if (urgent && place > 0) waiting.unshift(...waiting.splice(place, 1));
        return under.get(step);
      }
      const mine = under;
      const promise = new Promise((resolve, reject) => {
        const settle = (error, sheet) => {
          mine.delete(step);
          if (error) reject(error);
          else resolve(sheet);
        };
        const wish = { step, settle };
        if (urgent) waiting.unshift(wish);
        else waiting.push(wish);
      });
      promise.catch(() => {}); // Whoever only prefetches does not ask.
      under.set(step, promise);
      pump();
      return promise;
    },
    forget() {
      age += 1;
      waiting.forEach(({ settle }) => settle(new Error("")));
      [blobs, sheets, waiting, under] = [new Map(), new Map(), [], new Map()];
    },
  };
}

/** Play: `go(index)` shows a sample, `ready(index)` tells whether it is there. One clock, which waits for what is not. */
function travelPlayer({ count, index, go, ready, face }) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let playing = false;
  let due = 0;
  let pending = 0;
  const rate = () => (still.matches ? Math.min(face.rate(), 2) : face.rate());
  const tick = (now) => {
    if (!playing) return;
    pending = requestAnimationFrame(tick);
    if (now < due) return;
    let next = index() + 1;
    if (next >= count()) {
      if (!face.loop()) return stop();
      next = 0;
    }
    if (!ready(next)) return; // It is on its way.
    due = Math.max(due + 1000 / rate(), now - 1000 / rate());
    go(next);
  };
  const stop = () => {
    playing = false;
    cancelAnimationFrame(pending);
    face.mark(false);
  };
  return {
    get playing() {
      return playing;
    },
    stop,
    toggle() {
      if (playing) return stop();
      if (count() < 2) return undefined;
      playing = true;
      due = performance.now();
      if (index() >= count() - 1) go(0);
      face.mark(true);
      pending = requestAnimationFrame(tick);
      return undefined;
    },
  };
}
