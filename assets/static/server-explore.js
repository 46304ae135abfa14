// What Explore asks of a server, answered in the page: `Explorer` of gan_core/ui/explorer.py once more, on the engine.

import { recipeText } from "./carried.js";
import { base64, fullPng } from "./png.js";
import { checked, classWeights, dumps, latent, neighbours, parsed } from "./recipes.js";
import { fetched, Told } from "./told.js";
import { packet, XMP } from "./xmp.js";

const FIRST_SEED = "555";
const NEVER = { save: false, find: false }; // Without a server there is no folder to write to, and no search.
const MOST_BYTES = 100e6;

/** The generators of the bundle: what the picker shows, and one of them with its directions and its engine. */
export function shelf(context) {
  const details = new Map(); // Whole model.json by name: the page itself holds all but the directions.
  const models = context.models.filter((one) => one.kind === "generator");
  const entry = ({ name, facts, thumb }) => ({ value: name, name, group: "Here", facts, url: thumb ?? null });
  return {
    list: () => models.map(entry),
    /** By name; null where it is not here. */
    find: (name) => models.find((one) => one.name === name) ?? null,
    first: models[0],
    /** With the directions, which are fetched once somebody moves one or looks for them. */
    async whole(about) {
      if (about.directions) return about;
      if (!details.has(about.name)) {
        const content = await fetched(new URL(`models/${about.name}/model.json`, context.base), undefined, `The model ${about.name}`);
        details.set(about.name, { ...JSON.parse(new TextDecoder().decode(content)), name: about.name });
      }
      return details.get(about.name);
    },
    /** Latent and class weights of a recipe: {z, classes}. Throws `Told` where it does not fit the model. */
    async inputs(recipe, about) {
      const needed = Object.keys(recipe.directions).length ? await this.whole(about) : about;
      return { z: latent(recipe, needed), classes: classWeights(recipe, about) };
    },
    async engineOf(about) {
      const engine = await context.engine();
      const heard = (loaded, total) => context.loading(about.name, loaded, total);
      const generator = await engine.generator(about, heard).catch((error) => {
        heard(1, 1); // Nothing is on its way any more.
        throw error;
      });
      if (!generator.asked) {
        generator.asked = true;
        setTimeout(() => generator.faster().catch(() => {}), 4000); // When the first look at the page is over.
      }
      return generator;
    },
  };
}

export const refOf = ({ name, sha256, hub }) => ({ name, ...(sha256 ? { sha256 } : {}), ...(hub ? { hub } : {}) });

export function exploreServer(context) {
  const models = shelf(context);
  const software = `GAN Studio ${context.version}`;

  const aboutOf = (recipe) => {
    if (!recipe.model) throw new Told("The recipe names no model. Nothing was changed. Choose a model first.");
    const about = models.find(recipe.model.name);
    if (!about) throw missing(recipe.model);
    return about;
  };
  const missing = (ref) => {
    const where = ref.hub ? ` Fetch ${ref.hub} from the Hub into the full app.` : " Open it in the full app.";
    return new Told(`The model ${ref.name} is not part of this page. Nothing was changed.${where}`);
  };

  const drawn = async (recipe, about) => {
    const { z, classes } = await models.inputs(recipe, about); // Complains before anything is loaded.
    const generator = await models.engineOf(about);
    const { urls, width, height, ms } = await generator.urls(z, 1, classes);
    return { url: urls[0], width, height, ms };
  };

  /** The picture that came with the model, while the engine is still on its way; null where it is another one. */
  const waiting = async (recipe, about) => {
    const same = recipe.seed === FIRST_SEED && dumps({ ...recipe, model: null }) === dumps(checked({ format: 1, seed: FIRST_SEED }));
    if (!same || !about.first) return null;
    models.engineOf(about).catch(() => {}); // Whoever draws next hears of it.
    try {
      const answer = await fetch(new URL(`models/${about.name}/${about.first.file}`, context.base));
      if (!answer.ok) return null;
      const url = `data:image/webp;base64,${base64(new Uint8Array(await answer.arrayBuffer()))}`;
      return { url, width: about.first.width, height: about.first.height, ms: null };
    } catch {
      return null;
    }
  };

  const opened = async (recipe, about) => {
    const full = { ...recipe, model: refOf(about) };
    const facts = { value: about.name, name: about.name, sha256: about.sha256, classes: about.classes, latent_dim: about.latent_dim };
    const picture = (await waiting(full, about)) ?? (await drawn(full, about));
    // No stages: what a mix exchanges lies inside the network, where ONNX lets nobody in.
    return { model: { ...facts, stages: [] }, recipe: full, picture, can: NEVER };
  };

  return {
    list_models: () => ({ models: models.list() }),

    /** As `Explorer.open`: a recipe is shown as it is; start: seed, shift and truncation that another model was left with. */
    async open({ model, recipe, start, lenient }) {
      const list = { models: models.list() };
      if (!models.first) return { ...list, model: null, told: "There are no generators in this page." };
      if (recipe) {
        try {
          const known = checked(recipe);
          return { ...list, ...(await opened(known, aboutOf(known))) };
        } catch (error) {
          if (!lenient || error.name !== "Told") throw error; // What the browser remembered may be gone by now.
        }
      }
      const about = models.find(model) ?? models.first;
      const { seed = FIRST_SEED, shift, truncation } = start ?? {};
      return { ...list, ...(await opened(checked({ format: 1, seed: seed ?? FIRST_SEED, shift, truncation }), about)) };
    },

    async draw({ recipe }) {
      const known = checked(recipe);
      const about = aboutOf(known);
      return { model: refOf(about), ...(await drawn(known, about)) };
    },

    async neighbours({ recipe, radius = 0.4 }) {
      const known = checked(recipe);
      const about = aboutOf(known);
      const recipes = await neighbours(known, await models.whole(about), radius);
      const generator = await models.engineOf(about);
      const pictures = [];
      for (const one of recipes) { // One by one: a hand that moves in between need not wait for eight.
        const { z, classes } = await models.inputs(one, about);
        const { urls } = await generator.urls(z, 1, classes);
        pictures.push({ url: urls[0], recipe: one });
      }
      return { pictures };
    },

    async list_directions({ model }) {
      const { directions } = await models.whole(models.find(model) ?? models.first);
      return { directions: directions.map(({ id, name, share, hidden }) => ({ id, name, share, hidden })) };
    },

    /** The picture as a PNG that carries its recipe, which the full app opens. */
    async download({ recipe }) {
      const known = checked(recipe);
      const about = aboutOf(known);
      const full = { ...known, model: refOf(about) };
      const generator = await models.engineOf(about);
      const { z, classes } = await models.inputs(full, about);
      const { data, width, height, channels } = await generator.pixels(z, 1, classes);
      const texts = { "gan-recipe": dumps(full), Software: software };
      const file = await fullPng(data[0], width, height, channels, texts, { [XMP]: packet(software, "trainedAlgorithmicMedia") });
      return { base64: base64(file), name: `${about.name}-${full.z ? "found" : `seed-${full.seed}`}.png` };
    },

    /** The recipe in a file that was dropped here (base64), made to fit the models that are here. */
    async read_recipe({ name, content }) {
      const title = String(name).slice(0, 80) || "The file";
      if (content.length > (MOST_BYTES * 4) / 3) throw new Told(`${title} is over ${MOST_BYTES / 1e6} MB. It was not read. Choose a smaller file.`);
      let bytes;
      try {
        bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
      } catch {
        throw new Told(`${title} did not arrive whole. Nothing was changed. Try it once more.`);
      }
      const recipe = parsed(await recipeText(bytes, title), `The recipe in ${title}`);
      if (!recipe.model) throw new Told("The recipe names no model. Nothing was drawn. Use a picture saved in the full app.");
      const all = models.list().map(({ value }) => models.find(value));
      const exact = all.find((one) => recipe.model.sha256 && one.sha256 === recipe.model.sha256);
      const about = exact ?? models.find(recipe.model.name);
      if (!about) throw missing(recipe.model);
      const fitting = { ...recipe, model: refOf(about) };
      await models.inputs(fitting, about); // Complains of directions, latents and classes that are not this model's.
      const other = !exact && recipe.model.sha256;
      return { recipe: fitting, note: other ? `${about.name} has other weights here: the picture may differ from the one that was saved.` : null };
    },
  };
}
