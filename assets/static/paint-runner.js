// One worker that paints: jobs one after another, a time for each, and Cancel.

import { Told } from "./told.js";

const FIRST_S_PER_MP = 16; // Before anything was measured: two cores of a laptop, a network of 32 features.

/** gpu: with the runtime's build for a graphics processor. base, loading: see page.js. */
export function paintRunner({ base, loading, gpu }) {
  let worker = null;
  let count = 0;
  const running = new Map(); // By id: {job, resolve, reject, begun}; begun is null while it waits for its turn or its network.
  const rates = new Map(); // Seconds per megapixel by network.

  const end = (error) => {
    worker?.terminate();
    worker = null;
    for (const { reject, job } of running.values()) {
      loading(job.name, 1, 1);
      reject(error);
    }
    loading("the engine", 1, 1);
    running.clear();
  };

  const heard = ({ data: { id, ...told } }) => {
    if (told.loading) return loading(told.loading, told.loaded, told.total); // Also for one that was given up meanwhile.
    const one = running.get(id);
    if (!one) return told.broken ? end(new Told(told.error)) : undefined;
    if (told.painting) one.begun = performance.now();
    else {
      running.delete(id);
      if (told.done) {
        rates.set(one.job.url, told.ran_s / told.mp);
        one.resolve({ full: told.full, ran_s: told.ran_s, elapsed_s: (performance.now() - one.begun) / 1000 });
      } else {
        one.reject(new Told(told.error));
        if (told.broken) end(new Told(told.error)); // Memory that ran out is not given back by itself.
      }
    }
    return undefined;
  };

  const start = () => {
    worker = new Worker(new URL("paint-worker.js", base), { type: "module" });
    worker.addEventListener("message", heard);
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      end(new Told("The painter could not start in this browser. Nothing was painted. Reload the page, or use a newer browser."));
    });
  };

  const post = (id, one) => {
    if (!worker) start();
    one.begun = null;
    worker.postMessage({ id, job: { ...one.job, base, gpu } });
  };

  /** Only its worker's end ends a run that has begun; what waits behind it begins anew in another worker. */
  const giveUp = (id, error) => {
    const one = running.get(id);
    if (!one) return;
    running.delete(id);
    one.reject(error);
    if (one.begun === null) return void worker.postMessage({ id, dropped: true });
    worker.terminate();
    worker = null;
    running.forEach((other, its) => post(its, other));
  };

  const estimate = (url, mp) => (rates.get(url) ?? FIRST_S_PER_MP) * mp;

  return {
    estimate,
    measured: (url) => rates.has(url),
    busy: () => running.size > 0,
    close: () => end(new Told("Cancelled.")),
    /** Begin; `result` settles with {full, ran_s, elapsed_s}, `progress()` tells {share, left_s}, `stop()` ends it. */
    paint(job) {
      const id = (count += 1);
      const scale = job.px === null ? 1 : (job.px / Math.max(job.photo.width, job.photo.height)) ** 2;
      const estimate_s = estimate(job.url, (scale * job.photo.width * job.photo.height) / 1e6);
      const one = { job, begun: null };
      const result = new Promise((resolve, reject) => running.set(id, Object.assign(one, { resolve, reject })));
      post(id, one);
      return {
        result,
        progress() {
          if (one.begun === null) return { share: 0 };
          const elapsed = (performance.now() - one.begun) / 1000;
          // A run tells nothing of itself: this is by the clock. Past the estimate it comes ever nearer to the end.
          const share = elapsed < 0.9 * estimate_s ? elapsed / estimate_s : 1 - 0.1 / (1 + (elapsed - 0.9 * estimate_s) / estimate_s);
          return { share, left_s: elapsed < 0.9 * estimate_s ? estimate_s - elapsed : undefined };
        },
        stop: () => giveUp(id, new Told("Cancelled.")),
      };
    },
  };
}
