// Style transfer without a server: what the full app's painter answers, computed in this page. The component is the same.

import { paintAll } from "./paint-batch.js";
import { paintEngine } from "./paint-engine.js";
import { photoShelf } from "./paint-photos.js";
import { overWhite } from "./paint-pixels.js";
import { fileOf, shownAt, smaller, written } from "./paint-written.js";
import { similarity } from "./similarity.js";
import { Told } from "./told.js";

const FIRST_PX = 320; // What is painted before the whole: it takes a second, and is laid over the sharp photograph.
const [COMPARE_PX, TRIP_PX, SHOWN_PX] = [256, 512, 960];
const AT_ONCE_S = 6; // A whole photograph that takes less is painted without being asked for.
const QUICK_S = 1.2; // And one that takes less than this without a preview.
const KILL_S = 1; // A preview that nobody waits for any more is stopped where more than this is left of it.
const POLL_MS = 200;
const BRUSHES = { broad: 512, medium: 1280, fine: null };
const MOST_KEPT_BYTES = 320e6;
const MOST_MB = 500;
const MOST_FILES = 50; // Painted at once, as in the full app.

/** A job that is over. Made out here: a closure where it ran would keep all that ran there, and so the pixels. */
const ended = (state) => ({ now: () => state, stop() {} });

/** context: {models, base, loading, version, examples}, see page.js. */
export function paintServer(context) {
  const { base } = context;
  const software = `GAN Studio ${context.version}`;
  const models = context.models.filter((one) => one.kind === "translator");
  const engine = paintEngine(context);
  const photos = photoShelf(base, context.examples);
  const paintings = new Map(); // By key: {id, key, photo, model, direction, full, elapsed_s, painted_px}
  const jobs = new Map(); // By id: {now(), over, stop()}: what is told of it, a promise of its end, and Cancel.
  let count = 0;
  let under = null; // The preview that is being painted.
  let zipUrl = null;

  const modelOf = (value) => {
    const found = models.find((one) => one.name === value);
    if (!found) throw new Told(`${String(value).slice(0, 80)} is not in this page. Nothing was painted. Choose another model.`);
    return found;
  };
  const wayOf = (model, direction) => (model.translations[direction] ? direction : model.default_direction);

  /** The long side that is painted: the brush's, or what the browser can hold; null: every pixel. */
  function paintedPx(model, way, { width, height }, brush) {
    const longest = Math.max(width, height);
    const bound = Math.floor(longest * Math.min(1, Math.sqrt((model.translations[way].most_mp * 1e6) / (width * height))));
    const px = Math.min(BRUSHES[brush] ?? longest, bound);
    return { px: px < longest ? px : null, bounded: px === bound && bound < longest };
  }

  function begin(model, way, photo, px) {
    const { file, channels, multiple_px: multiple, smallest_px: smallest } = model.translations[way];
    const url = `models/${model.name}/${file}`;
    const { data, width, height } = photo;
    return engine.paint({ url, name: model.name, network: { channels, multiple, smallest }, photo: { data, width, height }, px });
  }

  function estimate(model, way, { width, height }, px) {
    const scale = px === null ? 1 : (px / Math.max(width, height)) ** 2;
    const laying = px === null ? 0 : 0.1 * ((width * height) / 1e6);
    return engine.estimate(`models/${model.name}/${model.translations[way].file}`, (scale * width * height) / 1e6) + laying;
  }
  const measured = (model, way) => engine.measured(`models/${model.name}/${model.translations[way].file}`);

  function keep(key, photo, model, direction, { full, elapsed_s }, painted_px) {
    paintings.delete(key);
    paintings.set(key, { id: `painting-${(count += 1)}`, key, photo: photo.id, model, direction, full, elapsed_s, painted_px });
    let held = 0;
    for (const [one, { full: kept }] of [...paintings].reverse()) {
      held += kept.data.length;
      if (held > MOST_KEPT_BYTES && one !== key) paintings.delete(one);
    }
    return paintings.get(key);
  }
  const told = (painting) => ({ id: painting.id, width: painting.full.width, height: painting.full.height, elapsed_s: painting.elapsed_s, painted_px: painting.painted_px });
  const found = (id) => {
    const painting = [...paintings.values()].find((one) => one.id === id);
    if (!painting) throw new Told("This painting is not kept any more. Nothing was written. Paint it again.");
    return painting;
  };

  const pair = async (photo, full, alpha) => ({ photo_url: await shownAt(photo, alpha), full_url: await shownAt(full, alpha), width: full.width, height: full.height });

  const entries = () => models.map(({ name, facts, thumb }) => ({ value: name, name, facts: facts ?? "", group: "In this page", url: thumb ?? null }));
  const factsOf = (model) => {
    const ways = Object.keys(model.translations).sort((one, other) => (other === model.default_direction) - (one === model.default_direction));
    const directions = ways.map((way) => ({ way, from: model.domains[way[0]], to: model.domains[way[1]] }));
    return { value: model.name, name: model.name, directions, round_trip: ways.length === 2 };
  };

  async function preview({ model: value, direction, photo: id, brush, side }) {
    const model = modelOf(value);
    const way = wayOf(model, direction);
    const first = model.first;
    if (!side && under && under.left() > KILL_S) under.stop();
    if (!side && first?.photo === id && way === first.direction && !measured(model, way)) {
      // It was painted when this page was made: something to see before the network is here.
      const facts = photos.known(id);
      const { px } = paintedPx(model, way, facts, brush);
      const urls = { photo_url: photos.examples().find((one) => one.id === id).url, full_url: new URL(`models/${model.name}/${first.file}`, base).href };
      return { ...urls, width: facts.width, height: facts.height, direction: way, painting: null, lossy: true, note: null, finer: false, estimate_s: estimate(model, way, facts, px), at_once_s: Infinity };
    }
    const photo = await photos.open(id);
    const { px, bounded } = paintedPx(model, way, photo, brush);
    const key = JSON.stringify([model.name, way, id, px]);
    const estimate_s = estimate(model, way, photo, px);
    const note = bounded ? `It is painted at ${px} px, as much as a browser can hold, and laid over the whole photograph.` : photo.note ?? null;
    const facts = { direction: way, note, finer: false, at_once_s: AT_ONCE_S };
    let painting = side ? null : paintings.get(key);
    const small = await smaller(photo, side ? COMPARE_PX : SHOWN_PX);
    if (!painting && !side && measured(model, way) && estimate_s <= QUICK_S) {
      painting = keep(key, photo, model, way, await watched(begin(model, way, photo, px)), px);
    }
    if (painting) return { ...(await pair(small, await smaller(painting.full, SHOWN_PX), photo.alpha)), ...facts, estimate_s, painting: told(painting) };
    const least = Math.min(FIRST_PX, px ?? Infinity);
    const { full } = await watched(begin(model, way, small, least < Math.max(small.width, small.height) ? least : null), Boolean(side));
    const estimated = estimate(model, way, photo, px); // By now it is measured.
    return { ...(await pair(small, full, photo.alpha)), ...facts, lossy: true, estimate_s: estimated, painting: null };
  }

  /** A preview; the next one stops it where it would be waited for. */
  async function watched(run, aside = false) {
    const mine = { left: () => run.progress().left_s ?? Infinity, stop: run.stop };
    if (!aside) under = mine;
    try {
      return await run.result;
    } finally {
      if (under === mine) under = null;
    }
  }

  async function paint({ model: value, direction, photo: id, brush }) {
    const model = modelOf(value);
    const way = wayOf(model, direction);
    const photo = await photos.open(id);
    const { px } = paintedPx(model, way, photo, brush);
    const key = JSON.stringify([model.name, way, id, px]);
    const job = `job-${(count += 1)}`;
    const known = paintings.get(key);
    if (known) {
      jobs.set(job, ended({ state: "done", share: 1, painting: told(known) }));
      return { job };
    }
    const run = begin(model, way, photo, px);
    let state = { state: "running" };
    let stopped = false;
    const over = run.result.then(
      (result) => (state = { state: "done", share: 1, painting: told(keep(key, photo, model, way, result, px)) }),
      (error) => (state = stopped ? { state: "stopped" } : { state: "failed", error: error.message }),
    );
    const stop = () => {
      stopped = true;
      run.stop();
    };
    jobs.set(job, { over, stop, now: () => ({ ...state, ...run.progress() }) });
    over.then((state) => jobs.set(job, ended(state)));
    return { job };
  }

  /** Photographs by their ids into one zip, each as `look` wishes it. */
  async function paint_many({ model: value, direction, photos: ids, look, brush }) {
    const model = modelOf(value);
    const way = wayOf(model, direction);
    if (!Array.isArray(ids) || !ids.length || ids.length > MOST_FILES) throw new Told(`Give 1 to ${MOST_FILES} photographs at once. Nothing was painted.`);
    const pxOf = (photo) => paintedPx(model, way, photo, brush).px;
    const job = paintAll(ids, {
      name: `paintings-${model.name}.zip`,
      async begin(id) {
        const photo = await photos.open(id);
        return begin(model, way, photo, pxOf(photo));
      },
      async write(id, { full }) {
        const photo = await photos.open(id);
        return fileOf({ model, direction: way, full, painted_px: pxOf(photo) }, photo, look, software);
      },
      done(blob) {
        URL.revokeObjectURL(zipUrl); // One zip is offered at a time, and each holds its bytes.
        return (zipUrl = URL.createObjectURL(blob));
      },
    });
    const id = `job-${(count += 1)}`;
    jobs.set(id, job);
    return { job: id };
  }

  /** There and back again, and how much of the photograph came back: structural similarity, 1 is all. */
  async function round_trip({ model: value, direction, photo: id }) {
    const model = modelOf(value);
    const there = wayOf(model, direction);
    const back = [...there].reverse().join("");
    if (!model.translations[back]) throw new Told(`${model.name} paints in one direction only, so nothing comes back. Nothing was painted. Choose another model.`);
    const small = overWhite(await smaller(await photos.open(id), TRIP_PX));
    const painted = async (way, picture) => (await begin(model, way, picture, paintedPx(model, way, picture, null).px).result).full;
    const returned = await painted(back, await painted(there, small));
    return { url: await shownAt(returned), fidelity: similarity(small, returned) };
  }

  return {
    models: entries,
    upload: async (file) => photos.hold(file),
    methods: {
      async open({ model: value, photo: id }) {
        const model = models.find((one) => one.name === value) ?? models[0];
        const examples = photos.examples();
        const photo = (id && photos.known(id)) ?? photos.known(examples[0].id);
        const can = { check: false, compare: models.length > 1, send: false };
        return { models: entries(), note: null, examples, most_mb: MOST_MB, most_files: MOST_FILES, photo, model: factsOf(model), can };
      },
      list_models: async () => ({ models: entries() }),
      choose: async ({ model }) => ({ model: factsOf(modelOf(model)) }),
      take: async ({ path, name }) => ({ photo: await photos.take(path, name) }),
      preview,
      paint,
      paint_many,
      round_trip,
      async poll({ job: id }) {
        const job = jobs.get(id);
        if (!job) throw new Told("This painting is not under way any more. Nothing was kept. Paint it again.");
        if (job.now().state === "running") await Promise.race([job.over, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
        return jobs.get(id).now();
      },
      async stop({ job }) {
        jobs.get(job)?.stop();
        return {};
      },
      async show({ painting: id, side }) {
        const painting = found(id);
        const photo = await photos.open(painting.photo);
        const px = side >= 16 && side <= 1600 ? side : 1600;
        return pair(await smaller(photo, px), await smaller(painting.full, px), photo.alpha);
      },
      async download({ painting: id, look }) {
        const painting = found(id);
        return written(painting, await photos.open(painting.photo), look, software);
      },
    },
    /** One painting of a small example by each translator, for the check before a bundle is put anywhere. */
    async check() {
      const results = [];
      for (const model of models) {
        const photo = await smaller(await photos.open(photos.examples()[0].id), 128);
        const { full } = await begin(model, model.default_direction, photo, null).result;
        results.push({ model: model.name, direction: model.default_direction, full });
      }
      return results;
    },
  };
}
