// What paints: WebAssembly, because it is there soonest and everywhere; and where the browser has a graphics processor, that
// one, once it has painted the same as WebAssembly, and sooner. As engine.js does it for generators.

import { adapter } from "./engine.js";
import { paintRunner } from "./paint-runner.js";
import { smaller } from "./paint-written.js";
import { sentence } from "./told.js";

const AGREES = 2; // Of 255 levels: as near as the networks' half precision keeps them to the full app's.
const TRIAL_PX = 256;
const IDLE_MS = 1000;

/** context: {base, loading}, see page.js. */
export function paintEngine({ base, loading }) {
  const slow = paintRunner({ base, loading, gpu: false });
  let quick = null; // The graphics processor's, once it is tried.
  const tried = new Map(); // By network: "webgpu" or "wasm".
  const runnerOf = (url) => (tried.get(url) === "webgpu" ? quick : slow);

  let trials = Promise.resolve(); // One at a time.
  async function trial(job, evenSlow) {
    if (tried.get(job.url) === "webgpu" || !(await adapter(evenSlow))) return;
    try {
      const small = { ...job, px: null, photo: await smaller(job.photo, TRIAL_PX) };
      while (slow.busy()) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      const ours = await slow.paint(small).result;
      // The larger build comes quietly: what is seen does not wait for it.
      quick ??= paintRunner({ base, loading: () => {}, gpu: true });
      await quick.paint(small).result; // The first one makes its programs ready.
      const theirs = await quick.paint(small).result;
      const apart = ours.full.data.reduce((most, level, at) => Math.max(most, Math.abs(level - theirs.full.data[at])), 0);
      if (apart <= AGREES && (evenSlow || theirs.ran_s < ours.ran_s)) tried.set(job.url, "webgpu");
    } catch (error) {
      console.info(`WebGPU is not used: ${sentence(error)}`);
    }
    if (![...tried.values()].includes("webgpu")) quick?.close(); // Its memory is given back.
  }

  /** Go over to the graphics processor where there is one that paints the same, and sooner; tells which is used. */
  async function faster(job, { evenSlow = false } = {}) {
    if (!tried.has(job.url)) tried.set(job.url, "wasm");
    trials = trials.then(() => trial(job, evenSlow));
    await trials;
    return tried.get(job.url);
  }

  return {
    estimate: (url, mp) => runnerOf(url).estimate(url, mp),
    measured: (url) => runnerOf(url).measured(url),
    backend: (url) => tried.get(url) ?? "wasm",
    faster,
    /** See `paintRunner`. A graphics processor that fails is not asked again; the same comes from WebAssembly. */
    paint(job) {
      const first = runnerOf(job.url);
      let run = first.paint(job);
      let stopped = false;
      const onSlow = (error) => {
        if (stopped || first === slow) throw error;
        console.info(`WebGPU is not used any more: ${sentence(error)}`);
        tried.set(job.url, "wasm");
        run = slow.paint(job);
        return run.result;
      };
      const result = run.result.catch(onSlow);
      result.then(() => tried.has(job.url) || faster(job), () => {}); // Once for each network.
      return {
        result,
        progress: () => run.progress(),
        stop() {
          stopped = true;
          run.stop();
        },
      };
    },
    close() {
      slow.close();
      quick?.close();
    },
  };
}
