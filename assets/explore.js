// Explore: one recipe is the whole state. Controls change it, the server draws it, nothing else is remembered.

const SESSION = "gan-studio:explore";
const LAST_MODEL = "gan-studio:model";
const ENLARGE = "gan-studio:enlarge";
const WAIT_SIGN_MS = 200;
const FOLLOW_MS = 50;

const root = element.querySelector(".xp");
const part = (id) => root.querySelector(`#explore-${id}`);
const frame = part("picture");
const tell = notices(part("message"));

let model = null; // What the server told of the model: name, sha256, classes, latent_dim, stages, directions.
let wanted = null; // The recipe that the controls show.
let shown = null; // {recipe, url, ms, width, height} of the picture that is on the screen.
let turn = 0; // Raised when another model is asked for: answers for the one before are late.

/** A recipe without what says nothing, so that the same picture has one text. */
function tidy(recipe) {
  const { shift, z, mix, seed, ...rest } = recipe;
  const base = z ? { z } : { seed: String(seed) };
  const place = !z && shift && (shift[0] || shift[1]) ? { shift } : {};
  return { ...rest, ...base, ...place, ...(mix ? { mix } : {}) };
}

// The picture.

function enlarge() {
  const side = Math.max(shown?.width ?? 1, shown?.height ?? 1);
  return kept.get(localStorage, ENLARGE, null) ?? (side <= HARD_PX ? "hard" : "smooth");
}

const pressPixels = segments(part("pixels"), { hard: "Pixels", smooth: "Smooth" }, (way) => {
  kept.set(localStorage, ENLARGE, way);
  paint(shown);
  describe();
});

function paint(picture) {
  if (!picture) return;
  let image = frame.querySelector("img");
  if (!image) {
    image = make("img", { class: "gs-picture" });
    frame.replaceChildren(image);
  }
  image.classList.toggle("gs-hard", enlarge() === "hard");
  if (image.src !== picture.url) image.src = picture.url;
}

/** What stands around the picture. */
function describe() {
  const { recipe, width, height, ms } = shown;
  const image = frame.querySelector("img");
  if (image) image.alt = `Picture of ${namedRecipe(recipe)}`;
  pressPixels(enlarge());
  const took = ms == null ? "" : `, ${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`; // A picture that came ready took none.
  part("facts").textContent = `${width} × ${height} px${took}`;
  if (!painter.busy) waiting(false);
}

let waitSign;
function waiting(on) {
  clearTimeout(waitSign);
  if (on) waitSign = setTimeout(() => frame.classList.add("gs-waiting"), WAIT_SIGN_MS);
  else frame.classList.remove("gs-waiting");
  const busy = String(on);
  if (frame.getAttribute("aria-busy") !== busy) frame.setAttribute("aria-busy", busy);
}

const painter = latestOnly(({ recipe, done }) => ask(server, "draw", { recipe, live: !done }), land);

function land(answer, job, newest) {
  if (job.turn !== turn) return;
  if (!answer.ok) {
    if (newest) waiting(false);
    if (newest) refused(answer.error, job);
    return;
  }
  // A run that is training has new weights now and then: the recipe names those that drew.
  const recipe = { ...job.recipe, model: { ...job.recipe.model, ...answer.model } };
  if (newest) wanted = recipe;
  shown = { ...answer, recipe };
  paint(shown);
  follow();
  if (job.done) settle(job);
}

function refused(error, job) {
  tell(error);
  job.refused?.();
  if (!shown) return;
  wanted = shown.recipe; // The controls tell the truth about the picture.
  sync();
}

/** What is shown is here to stay: it goes into the history, and the rest of the page follows. */
function settle({ silent, by }) {
  const { recipe, url } = shown;
  if (!silent) past.push(recipe, url, by);
  hearts.show(recipe, url);
  kept.set(sessionStorage, SESSION, recipe);
  window.dispatchEvent(new CustomEvent("gan-studio:recipe", { detail: recipe }));
  around();
}

/** Change some of the recipe: `done` when the hand lets go; `by` names a control whose quick steps are one move. */
function change(patch, done = true, by = null) {
  if (!wanted) return;
  tell("");
  draw(tidy({ ...wanted, ...patch }), { done, by });
}

function draw(recipe, job) {
  wanted = recipe;
  const lossless = shown && Math.max(shown.width, shown.height) <= HARD_PX;
  if (job.done && lossless && !painter.busy && keyOf(shown.recipe) === keyOf(recipe)) {
    sync();
    return settle(job); // It is there.
  }
  waiting(true);
  painter.ask({ ...job, recipe, turn });
  if (job.done) sync(); // The next control, or the next key, goes on from here.
  else syncSoon();
}

/**
 * While a hand moves one control, the others and what is told follow the picture by a frame: laying them out first would
 * take time and processor from it. The one under the hand shows itself. A slow picture is not waited for.
 */
let syncing = 0;
function syncSoon() {
  syncing = syncing || setTimeout(sync, FOLLOW_MS);
}

let following = false;
function follow() {
  if (following) return;
  following = true;
  afterFrame(() => {
    following = false;
    describe();
    if (syncing) sync();
  });
}

// Models.

async function openModel(request, job = {}) {
  turn += 1;
  const mine = turn;
  painter.drop();
  waiting(true);
  const answer = await ask(server, "open", request);
  if (mine !== turn) return;
  waiting(false);
  if (!answer.ok) {
    refused(answer.error, job);
    if (!shown) emptyState(answer.error, "Try again", start);
    return;
  }
  picker.set(answer.models, answer.model?.value ?? null);
  if (!answer.model) return emptyState(answer.told, "Train one", () => showTab("Training"));
  usable(true);
  root.classList.toggle("xp-no-save", answer.can?.save === false); // A page without a server has no folder to write to,
  root.classList.toggle("xp-no-find", answer.can?.find === false); // and nobody who searches.
  model = answer.model;
  kept.set(localStorage, LAST_MODEL, model.value);
  wanted = tidy(answer.recipe);
  classes.open(model.classes);
  directions.open(null);
  openDirections(mine);
  latents.open(model.latent_dim);
  mix.open(model.stages, model.classes);
  find.open(model.classes);
  shown = { ...answer.picture, recipe: wanted };
  paint(shown);
  describe();
  sync();
  settle(job);
  if (answer.note) tell(answer.note);
}

/** They are computed when first asked for: the picture need not wait for them. */
async function openDirections(mine) {
  const answer = await ask(server, "list_directions", { model: model.value });
  if (mine !== turn) return;
  if (answer.ok) directions.open(answer.directions);
  else {
    directions.open([]);
    tell(answer.error);
  }
}

/** Show a recipe, of whatever model. */
function become(recipe, job = {}) {
  tell("");
  if (model && recipe.model?.name === model.name) return draw(tidy(recipe), { done: true, ...job });
  return openModel({ recipe }, job);
}

/** Without a model all rests but the picker, where the first one may be fetched from the Hub. */
function usable(on) {
  root.classList.toggle("xp-empty", !on);
  for (const area of root.querySelectorAll(".xp-bar, .xp-controls > :not(.xp-setup), .xp-setup > .xp-line")) area.inert = !on;
}

function emptyState(text, label, act) {
  usable(false);
  const button = make("button", { type: "button", class: "gs-button", onclick: act }, label);
  frame.replaceChildren(make("div", { class: "gs-nothing xp-nothing" }, make("p", {}, text), button));
}

const picker = modelPicker(part("model"), {
  refresh: async () => {
    const answer = await ask(server, "list_models", { model: model?.value });
    return answer.ok ? answer.models : null;
  },
  pick: async (value, note) => {
    tell("");
    const { seed, shift, truncation } = wanted ?? {};
    await openModel({ model: value, start: { seed, shift, truncation } });
    if (note) tell(note);
    fetchedFor(value);
  },
  hub: hubOf(server, "generator"),
});

/** What waits for a model of the Hub that a recipe is for: {hub, open}. */
let awaited = null;
function fetchedFor(value) {
  const waiting_ = awaited;
  awaited = null;
  if (waiting_ && value === `hub:${waiting_.hub}`) waiting_.open();
}
