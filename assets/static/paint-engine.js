// The page's side of the worker that paints: jobs one after another, an estimate of each, and Cancel.

import { Told } from "./told.js";

const FIRST_S_PER_MP = 16; // Before anything was measured: two cores of a laptop, a network of 32 features.

/** context: see page.js. */
export function paintEngine({ base, loading }) {
  let worker = null;
  let count = 0;
  const running = new Map(); // By id: {resolve, reject, begun, estimate_s, name}
  const rates = new Map(); // Seconds per megapixel by network.

  const end = (error) => {
    worker?.terminate();
    worker = null;
    for (const { reject, name } of running.values()) {
      loading(name, 1, 1);
      reject(error);
    }
    loading("the engine", 1, 1);
    running.clear();
  };

  const heard = ({ data: { id, ...told } }) => {
    const one = running.get(id);
    if (!one) return;
    if (told.loading) loading(told.loading, told.loaded, told.total);
    else if (told.painting) one.begun = performance.now();
    else {
      running.delete(id);
      if (told.done) {
        rates.set(one.url, told.ran_s / told.mp);
        one.resolve({ full: told.full, elapsed_s: (performance.now() - one.begun) / 1000 });
      } else {
        one.reject(new Told(told.error));
        if (told.broken) end(new Told(told.error)); // Memory that ran out is not given back by itself.
      }
    }
  };

  const start = () => {
    worker = new Worker(new URL("paint-worker.js", base), { type: "module" });
    worker.addEventListener("message", heard);
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      end(new Told("The painter could not start in this browser. Nothing was painted. Reload the page, or use a newer browser."));
    });
  };

  const estimate = (url, mp) => (rates.get(url) ?? FIRST_S_PER_MP) * mp;

  return {
    estimate,
    measured: (url) => rates.has(url),
    /** Begin; `result` settles with {full, elapsed_s}, `progress()` tells {share, left_s}, `stop()` ends it. */
    paint(job) {
      if (!worker) start();
      const id = (count += 1);
      const scale = job.px === null ? 1 : (job.px / Math.max(job.photo.width, job.photo.height)) ** 2;
      const estimate_s = estimate(job.url, (scale * job.photo.width * job.photo.height) / 1e6);
      const one = { url: job.url, name: job.name, estimate_s, begun: null };
      const result = new Promise((resolve, reject) => running.set(id, Object.assign(one, { resolve, reject })));
      worker.postMessage({ id, job: { ...job, base } });
      return {
        result,
        progress() {
          if (one.begun === null) return { share: 0 };
          const elapsed = (performance.now() - one.begun) / 1000;
          // A run tells nothing of itself: this is by the clock. Past the estimate it comes ever nearer to the end.
          const share = elapsed < 0.9 * estimate_s ? elapsed / estimate_s : 1 - 0.1 / (1 + (elapsed - 0.9 * estimate_s) / estimate_s);
          return { share, left_s: elapsed < 0.9 * estimate_s ? estimate_s - elapsed : undefined };
        },
        stop(error = new Told("Cancelled.")) {
          if (running.has(id)) end(error);
        },
      };
    },
  };
}
