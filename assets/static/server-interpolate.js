// What Interpolate asks of a server, answered in the page: `Films` of gan_core/ui/films.py once more, on the engine.

import { imageOf, toPixels } from "./engine.js";
import { MOST_GIF_FPS, gifFilm } from "./gif-film.js";
import { checked } from "./recipes.js";
import { refOf, shelf } from "./server-explore.js";
import { Told } from "./told.js";
import { checkedWalk, decoded, distance, way } from "./walks.js";
import { webmFilm, writesWebm } from "./webm.js";

const FIRST_SEEDS = ["7", "42", "1234"];
const HARD_PX = 128;
const SIZES_PX = [16, 1024];
const MOST = { film_mp: 1000, pictures: 24_000 };
const PREVIEW_FRAMES = 96;
const PREVIEW_PICTURES = 256; // Drawn for one preview at most, whatever the grid.
const CELL_PX = 256;
const SHEET_PX = 6e6;
const GAP_PX = 2; // Between the cells of a grid.
const POLL_MS = 250;

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

/** A model as walks.js uses it. */
async function drawer(models, about) {
  const generator = await models.engineOf(about);
  return {
    shape: [about.channels, about.size, about.size],
    inputs: (recipe) => models.inputs(recipe, about),
    decode: generator.decode,
  };
}

/** A canvas for one frame of the walk, and what puts a picture into cell `cell` of it. */
function stage(walk, [channels, height, width]) {
  const canvas = canvasOf(walk.columns * (width + GAP_PX) - GAP_PX, walk.rows * (height + GAP_PX) - GAP_PX);
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  if (walk.cells > 1) {
    paper.fillStyle = "white";
    paper.fillRect(0, 0, canvas.width, canvas.height);
  }
  const put = (values, cell) => {
    const image = imageOf(toPixels(values, 0, channels, height, width), width, height, channels);
    paper.putImageData(image, (cell % walk.columns) * (width + GAP_PX), Math.floor(cell / walk.columns) * (height + GAP_PX));
  };
  return { canvas, put };
}

/** What the canvas holds as an address of this page. */
async function addressOf(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Told("The browser had no room for the preview. Nothing was changed. Take fewer rows and columns.");
  return URL.createObjectURL(blob);
}

/** Give the memory of what was shown before back, once nothing can be on its way to the screen or the disk. */
function forget(url) {
  if (url) setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function within(name, value, low, high) {
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw new Told(`${name} is ${JSON.stringify(value)}. Nothing was rendered. Give a number from ${low} to ${high}.`);
}

export function interpolateServer(context) {
  const models = shelf(context);
  const jobs = new Map();
  let sheetUrl = null;
  let filmUrl = null;

  const aboutOf = (name) => {
    const about = models.find(name);
    if (!about) throw new Told(`There is no model ${name} in this page. Nothing was drawn. Choose one of those that are here.`);
    return about;
  };

  return {
    list_models: () => ({ models: models.list() }),

    async open({ model }) {
      const about = models.find(model) ?? models.first;
      if (!about) return { models: [], model: null };
      const ref = refOf(about);
      const facts = { value: about.name, name: about.name, ref, classes: about.classes ?? [], side: about.size, hard: about.size <= HARD_PX };
      const keys = FIRST_SEEDS.map((seed) => checked({ format: 1, model: ref, seed }));
      return { models: models.list(), model: { ...facts, most: MOST, kinds: (await writesWebm()) ? ["webm", "gif"] : ["gif"] }, keys };
    },

    async thumbnails({ model, keys }) {
      const about = aboutOf(model);
      const generator = await models.engineOf(about);
      const urls = [];
      for (const key of keys.map(checked)) {
        const { z, classes } = await models.inputs(key, about);
        urls.push((await generator.urls(z, 1, classes)).urls[0]);
      }
      return { urls };
    },

    /** Frames of the walk at even times, on one sheet, with the picture distances between them. */
    async preview({ model, walk: sent, most }) {
      const walk = checkedWalk(sent);
      const count = Math.min(walk.frames, most, PREVIEW_FRAMES, Math.max(4, Math.floor(PREVIEW_PICTURES / walk.cells)));
      const short = { ...walk, frames: count };
      const pens = await drawer(models, aboutOf(model));
      const frames = Array.from({ length: count }, () => stage(short, pens.shape));
      const squares = new Float64Array(count);
      for (let cell = 0; cell < walk.cells; cell += 1) {
        let first = null;
        let before = null;
        await decoded(await way(short, cell, pens), pens, (picture, number) => {
          frames[number].put(picture, cell);
          if (before) squares[number - 1] += distance(before, picture, pens.shape) ** 2;
          first ??= picture;
          before = picture;
        });
        squares[count - 1] += distance(before, first, pens.shape) ** 2; // That of a loop.
      }
      const jumps = Array.from(squares, (square) => Math.sqrt(square / walk.cells));
      const { width, height } = frames[0].canvas;
      const side = Math.min(CELL_PX, Math.floor(Math.sqrt(SHEET_PX / count)));
      const scale = Math.min(1, side / Math.max(width, height));
      const cell = [Math.round(width * scale), Math.round(height * scale)];
      const columns = Math.ceil(Math.sqrt(count));
      const sheet = canvasOf(columns * cell[0], Math.ceil(count / columns) * cell[1]);
      const paper = sheet.getContext("2d");
      paper.imageSmoothingQuality = "high";
      frames.forEach(({ canvas }, number) => {
        paper.drawImage(canvas, (number % columns) * cell[0], Math.floor(number / columns) * cell[1], ...cell);
      });
      const old = sheetUrl;
      sheetUrl = await addressOf(sheet);
      forget(old);
      return { sheet: sheetUrl, columns, cell, frames: count, jumps: walk.loop ? jumps : jumps.slice(0, -1) };
    },

    /** Begin to write a film; tells the job's id. */
    render({ model, walk: sent, fps, size, kind }) {
      const walk = checkedWalk(sent);
      const about = aboutOf(model);
      if (kind !== "webm" && kind !== "gif") throw new Told(`A page without a server writes WebM and GIF. No film of the kind ${kind} was rendered. Choose one of them.`);
      const side = Math.round(within("Size", size, ...SIZES_PX));
      const rate = within("Frames per second", fps, 1, kind === "gif" ? MOST_GIF_FPS : 60);
      if (walk.frames * side ** 2 > MOST.film_mp * 1e6 || walk.frames * walk.cells > MOST.pictures) {
        throw new Told("This film is too large for a browser. Nothing was rendered. Take a smaller size or fewer frames.");
      }
      const id = String(jobs.size + 1);
      const job = { state: "running", frame: 0, frames: walk.frames, began: performance.now(), stopped: false };
      jobs.set(id, job);
      const seeds = walk.keys.slice(0, 4).map((key) => key.seed ?? "found").join("-");
      const name = `${about.name}-${seeds}${walk.keys.length > 4 ? "-and-more" : ""}.${kind}`;
      write(job, walk, about, { rate, side, name, kind }).catch((error) => {
        Object.assign(job, { state: "failed", error: error.name === "Told" ? error.message : `The film broke off (${error.message}). Nothing was kept. Try again.` });
      });
      return { job: id };
    },

    async poll({ job: id }) {
      const job = jobs.get(id);
      if (!job) return { state: "failed", error: "This film is not here any more. Render it again." };
      if (job.state === "running") await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const { began, stopped, ...told } = job;
      return { ...told, elapsed_s: (performance.now() - began) / 1000 };
    },

    stop({ job: id }) {
      const job = jobs.get(id);
      if (job) job.stopped = true;
      return {};
    },
  };

  async function write(job, walk, about, { rate, side, name, kind }) {
    const pens = await drawer(models, about);
    const ways = [];
    for (let cell = 0; cell < walk.cells && !job.stopped; cell += 1) ways.push(await way(walk, cell, pens));
    const { canvas, put } = stage(walk, pens.shape);
    const large = side / Math.max(canvas.width, canvas.height);
    const step = kind === "webm" ? 2 : 1; // Its colour is kept for 2 x 2 pixels.
    const [width, height] = [canvas.width, canvas.height].map((length) => step * Math.ceil(Math.max(1, Math.round(length * large)) / step));
    const screen = canvasOf(width, height);
    const paper = screen.getContext("2d", { willReadFrequently: true });
    const smooth = Math.max(canvas.width, canvas.height) > HARD_PX || large < 1;
    paper.imageSmoothingEnabled = smooth;
    paper.fillStyle = "white";
    paper.imageSmoothingQuality = "high";
    const paint = async (number) => {
      for (let cell = 0; cell < walk.cells; cell += 1) {
        const { z, classes } = ways[cell];
        put(await pens.decode(Float32Array.from(z[number]), 1, classes && Float32Array.from(classes[number])), cell);
      }
      paper.fillRect(0, 0, width, height); // A film has no transparency.
      paper.drawImage(canvas, 0, 0, width, height);
      return screen;
    };
    const shouldStop = () => job.stopped;
    const onFrame = (frame) => (job.frame = frame);
    const filmOf = kind === "webm" ? webmFilm : gifFilm;
    const blob = await filmOf({ base: context.base, width, height, frames: walk.frames, fps: rate, smooth, grey: about.channels === 1, paint, shouldStop, onFrame });
    if (!blob) {
      job.state = "stopped";
      return;
    }
    forget(filmUrl); // One film is seen at a time, and each holds its bytes.
    filmUrl = URL.createObjectURL(blob);
    Object.assign(job, { state: "done", path: filmUrl, name, bytes: blob.size, seconds: walk.frames / rate });
  }
}
