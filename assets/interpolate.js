// Interpolate: key frames and the way between them are the whole state; the server draws it, nothing else is remembered.

const SESSION = "gan-studio:interpolate";
const LAST_MODEL = "gan-studio:model";
const EXPLORE = "gan-studio:explore";
const FULL = 96; // Frames of the preview that is played; the server makes fewer of large grids.
const MAX_UNDO = 100;
const FILM = { frames: 90, fps: 30, size: 512, kind: "mp4" };
const WAIT_SIGN_MS = 200;

const root = element.querySelector(".ip");
const part = (id) => root.querySelector(`#interpolate-${id}`);
const tell = notices(part("message"));

let model = null; // What the server told of the model: value, name, ref, classes, side, hard.
let state = null; // {keys, path, ease, loop, even, rows, columns, frames, fps, size, kind}
let selected = 0;
let good = null; // The last state that the server could draw.
let turn = 0; // Raised when another model is asked for: answers for the one before are late.

const plainKey = (seed) => ({ format: 1, model: model.ref, seed: String(seed), truncation: 1, label: null, directions: {}, latents: {} });
const walkOf = ({ keys, path, ease, loop, even, frames, rows, columns }) => ({ format: 1, keys, path, ease, loop, even, frames, rows, columns });

/** What the browser kept may be from another version, or by another hand. */
const goodKey = (key) => key?.format === 1 && (seedOf(key.seed) !== null || Array.isArray(key.z)) && Number.isFinite(key.truncation);
const goodState = (kept_, like) =>
  Object.keys(like).every((name) => typeof kept_?.[name] === typeof like[name]) &&
  Array.isArray(kept_.keys) && kept_.keys.length > 0 && kept_.keys.every(goodKey);

// The preview.

const player = filmPlayer({
  stage: part("player").querySelector("canvas"),
  strip: part("strip"),
  chart: part("chart"),
  head: root.querySelector(".ip-head"),
  scrub: part("scrub"),
  clock: part("clock"),
  place: part("place"),
  jump: part("jump"),
  button: part("play"),
});

let waitSign;
function waiting(on) {
  clearTimeout(waitSign);
  if (on) waitSign = setTimeout(() => root.classList.add("ip-waiting"), WAIT_SIGN_MS);
  else root.classList.remove("ip-waiting");
  part("strip").setAttribute("aria-busy", String(on));
}

const drawer = latestOnly(
  (job) => ask(server, "preview", { model: job.model, walk: walkOf(job.state), most: job.most }),
  async (answer, job, newest) => {
    if (job.turn !== turn) return;
    if (newest) waiting(false);
    if (!answer.ok) {
      if (newest) refused(answer.error, job.state);
      return;
    }
    good = job.state;
    const drawn = await player.show(answer);
    if (drawn && newest && job.most === FULL) part("player").dataset.drawn = JSON.stringify(walkOf(job.state));
  },
);

/** A state that cannot be drawn gives way to the one before it, which is still on the screen. */
function refused(error, wrong) {
  tell(error);
  if (state !== wrong || !good || good === wrong) return;
  state = good;
  past.drop(wrong);
  show();
}

const urls = new Map(); // Thumbnails by the text of their recipe.
const keyText = (key) => JSON.stringify([model.value, key]);
const thumber = latestOnly(
  ({ keys, value }) => ask(server, "thumbnails", { model: value, keys }),
  (answer, { keys, value }) => {
    if (!answer.ok || value !== model.value) return;
    keys.forEach((key, place) => urls.set(keyText(key), answer.urls[place]));
    drawChips();
  },
);

function drawChips() {
  const shown = state.keys.map((key) => urls.get(keyText(key)));
  part("keys").classList.toggle("ip-hard-thumbs", model.hard);
  chips.draw(state.keys, shown, selected);
  const missing = state.keys.filter((_, place) => !shown[place]);
  if (missing.length) thumber.ask({ keys: missing, value: model.value });
}

// State.

const past = (() => {
  let entries = [];
  let at = -1;
  const mark = () => {
    part("undo").disabled = at <= 0;
    part("redo").disabled = at >= entries.length - 1;
  };
  const move = (step) => {
    if (!entries[at + step]) return;
    at += step;
    mark();
    tell("");
    state = entries[at];
    show();
  };
  return {
    push(entry) {
      if (JSON.stringify(entries[at]) === JSON.stringify(entry)) return;
      entries = [...entries.slice(0, at + 1), entry].slice(-MAX_UNDO);
      at = entries.length - 1;
      mark();
    },
    drop(entry) {
      if (entries[at] !== entry) return;
      entries.splice(at, 1);
      at -= 1;
      mark();
    },
    undo: () => move(-1),
    redo: () => move(1),
  };
})();

/** Change some of the state: `done` when the hand lets go. */
function change(patch, done = true) {
  if (!state) return;
  tell("");
  state = { ...state, ...patch };
  if (done) past.push(state);
  show(done);
}

function changeKey(patch, done = true) {
  change({ keys: state.keys.map((key, place) => (place === selected ? { ...key, ...patch } : key)) }, done);
}

/** Everything on the page as the state says. */
function show(done = true) {
  selected = limited(selected, 0, state.keys.length - 1);
  sync();
  if (done) {
    drawChips();
    kept.set(sessionStorage, SESSION, { model: model.value, state });
  }
  film.stale(JSON.stringify(state));
  waiting(true);
  drawer.ask({ state, model: model.value, turn, most: done ? FULL : Math.min(FULL, player.cells()) });
}

const still = () => (state.keys.length < 2 ? "and nothing moves: add a second key frame" : "");

/** What this server would refuse, before it is asked. */
function tooMuch() {
  const cells = state.rows * state.columns;
  if (state.frames * cells > model.most.pictures) return `at most ${Math.floor(model.most.pictures / cells)} frames here`;
  if (state.frames * state.size ** 2 > model.most.film_mp * 1e6)
    return `at most ${Math.floor(Math.sqrt((model.most.film_mp * 1e6) / state.frames))} px here`;
  return "";
}

function setField(input, value) {
  if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
  input.removeAttribute("aria-invalid");
}

function sync() {
  const key = state.keys[selected];
  const seeds = part("seeds");
  if (document.activeElement !== seeds) seeds.value = state.keys.map(seedName).join(", ");
  seeds.removeAttribute("aria-invalid");

  const panel = part("key");
  panel.querySelector("h3").textContent = `Key frame ${selected + 1} of ${state.keys.length}`;
  panel.querySelector("[data-remove]").disabled = state.keys.length < 2;
  panel.querySelector("[data-move='-1']").disabled = selected === 0;
  panel.querySelector("[data-move='1']").disabled = selected === state.keys.length - 1;
  seed.set(key.seed == null ? "" : String(key.seed));
  part("seed").placeholder = key.seed == null ? "found picture" : "";
  truncation.set(key.truncation);
  const edits = editsOf(key);
  part("edits").textContent = edits ? `Edits: ${edits}` : "No edits";
  part("plain").hidden = !edits;
  part("class").hidden = !model.classes.length;
  const choice = part("class").querySelector("select");
  const blend = key.label && typeof key.label === "object" ? Object.keys(key.label).join(" + ") : null;
  const names = [["", key.seed == null ? "First" : "As the seed"], ...model.classes.map((name) => [`=${name}`, name]), ...(blend ? [["*", blend]] : [])];
  choice.replaceChildren(...names.map(([value, text]) => make("option", { value }, text)));
  choice.value = blend ? "*" : key.label ? `=${key.label}` : "";

  pressPath(state.path);
  part("loop").checked = state.loop;
  part("even").checked = state.even;
  part("ease").checked = state.ease === "smooth" && !state.even;
  part("ease").disabled = state.even; // Even speed sets the pace.
  for (const name of ["frames", "fps", "size", "rows", "columns"]) setField(part(name), state[name]);
  part("kind").value = state.kind;
  const cells = state.rows * state.columns;
  part("grid").querySelector("summary .gs-small").textContent = cells > 1 ? `${state.rows} × ${state.columns}` : "";
  const length = `${(state.frames / state.fps).toFixed(1)} s`;
  part("length").textContent = [length, still(), tooMuch()].filter(Boolean).join(", ");
  part("length").classList.toggle("gs-notice", Boolean(still() || tooMuch()));
  player.film({ frames: state.frames, fps: state.fps, loop: state.loop, hard: model.hard });
}

// Key frames.

const place = (number) => {
  selected = number;
  sync();
  drawChips();
};
const removeKey = (number) => {
  if (state.keys.length < 2) return tell("A walk needs a key frame. The last one stays.");
  selected = number < selected ? selected - 1 : selected;
  return change({ keys: state.keys.filter((_, other) => other !== number) });
};
const moveKey = (from, to) => {
  const keys = [...state.keys];
  keys.splice(to, 0, ...keys.splice(from, 1));
  selected = to;
  change({ keys });
};
const addKey = (key) => {
  if (state.keys.length >= MAX_KEYS) return tell(`There are ${MAX_KEYS} key frames already. Nothing was added.`);
  selected += 1; // After the one that is chosen, where the eye is.
  return change({ keys: [...state.keys.slice(0, selected), key, ...state.keys.slice(selected)] });
};
const chips = keyChips(part("keys"), { choose: place, move: moveKey, remove: removeKey });

part("seeds").addEventListener("change", (event) => {
  if (!state) return;
  const { keys, error } = keysOfText(event.target.value, state.keys, plainKey);
  if (error) {
    tell(error);
    event.target.setAttribute("aria-invalid", "true");
    return;
  }
  change({ keys });
  event.target.value = keys.map(seedName).join(", ");
});
part("add-seed").addEventListener("click", () => state && addKey(plainKey(randomSeed())));
part("add-explore").addEventListener("click", () => {
  const recipe = kept.get(sessionStorage, EXPLORE, null);
  if (!state) return;
  if (!goodKey(recipe)) return tell("Explore has shown no picture yet. Open it once, then add it here.");
  if (recipe.model?.name !== model.name) {
    return tell(`Explore shows a picture of ${recipe.model?.name ?? "no model"}, these are key frames of ${model.name}. Nothing was added. Choose one model in both.`);
  }
  const { mix, ...rest } = recipe;
  addKey(rest);
  if (mix) tell("The mix with a second seed stays behind: a walk cannot carry it along.", { quiet: true });
  return undefined;
});
part("undo").addEventListener("click", past.undo);
part("redo").addEventListener("click", past.redo);

const complain = tell;
const seed = seedField(part("seed"), {
  preview: (text) => changeKey({ seed: text, z: undefined }, false),
  commit: (text) => changeKey({ seed: text, z: undefined }),
  complain,
});
const truncation = slider({
  label: "Truncation",
  min: 0,
  max: 2,
  rest: 1,
  preview: (value) => changeKey({ truncation: value }, false),
  commit: (value) => changeKey({ truncation: value }),
  complain,
});
part("truncation").append(truncation.element);
part("class").querySelector("select").addEventListener("change", ({ target }) => {
  if (target.value !== "*") changeKey({ label: target.value ? target.value.slice(1) : null });
});
part("plain").addEventListener("click", () => {
  changeKey({ directions: {}, latents: {}, shift: undefined, mix: undefined });
  part("truncation").querySelector("input").focus();
});
part("key").addEventListener("click", (event) => {
  const step = Number(event.target.closest("[data-move]")?.dataset.move ?? 0);
  if (step) moveKey(selected, selected + step);
  if (event.target.closest("[data-remove]")) removeKey(selected);
});

// The way and the film.

const pressPath = segments(part("path"), { slerp: "Slerp", lerp: "Lerp", spline: "Spline" }, (path) => change({ path }));
part("loop").addEventListener("change", ({ target }) => change({ loop: target.checked }));
part("even").addEventListener("change", ({ target }) => change({ even: target.checked }));
part("ease").addEventListener("change", ({ target }) => change({ ease: target.checked ? "smooth" : "linear" }));
part("kind").addEventListener("change", ({ target }) => change({ kind: target.value }));

const NUMBERS = {
  frames: ["Frames", 1, 3000],
  fps: ["Frames per second", 1, 60],
  size: ["Size", 16, 1024],
  rows: ["Rows", 1, 8],
  columns: ["Columns", 1, 8],
};
for (const [name, [label, low, high]] of Object.entries(NUMBERS)) {
  part(name).addEventListener("change", ({ target }) => {
    if (!state) return;
    const value = target.value.trim() === "" || !target.validity.valid ? NaN : Number(target.value);
    if (Number.isInteger(value) && value >= low && value <= high) return change({ [name]: value });
    tell(`${label} takes a whole number from ${low} to ${high}. Nothing was changed.`);
    target.value = state[name];
  });
}

const film = filmPanel(part, {
  start: () => ask(server, "render", { model: model?.value, walk: state && walkOf(state), fps: state?.fps, size: state?.size, kind: state?.kind }),
  poll: (job) => ask(server, "poll", { job }),
  stop: (job) => ask(server, "stop", { job }),
  text: () => JSON.stringify(state),
  player,
});

// Keys of the whole tab.

const inSight = () => root.offsetParent !== null;
document.addEventListener("keydown", (event) => {
  if (!inSight() || !state) return;
  const typing = event.target.matches?.("input:not([type=range]):not([type=checkbox]), textarea, [role=combobox]");
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z" && !typing) {
    event.preventDefault();
    (event.shiftKey ? past.redo : past.undo)();
  } else if (event.key === " " && !event.target.closest?.("button, input:not([type=range]), select, summary, video, a, [role=tab]")) {
    event.preventDefault();
    player.toggle();
  }
});
root.querySelectorAll(".gs-help").forEach(closesItself);

// Models.

const picker = modelPicker(part("model"), {
  refresh: async () => {
    const answer = await ask(server, "list_models", { model: model?.value });
    return answer.ok ? answer.models : null;
  },
  pick: async (value, note) => {
    await openModel(value, state);
    if (note) tell(note);
  },
  hub: hubOf(server, "generator"),
});

/** Open a model; `before` is a state to go on with: seeds and truncation stay, edits are another model's. */
async function openModel(value, before = null, stored = null) {
  turn += 1;
  const mine = turn;
  const last = model;
  waiting(true);
  const answer = await ask(server, "open", { model: value });
  if (mine !== turn) return;
  waiting(false);
  if (!answer.ok) {
    tell(answer.error);
    if (!state) emptyState(answer.error, "Try again", start);
    return;
  }
  picker.set(answer.models, answer.model?.value ?? null);
  if (!answer.model) {
    emptyState("There are no generators yet.", "Train one", () => showTab("Training"));
    return;
  }
  root.classList.remove("ip-empty");
  model = answer.model;
  const first = { keys: answer.keys, path: "slerp", ease: "linear", loop: true, even: false, rows: 1, columns: 1, ...FILM };
  if (stored?.model === model.value && goodState(stored.state, first)) {
    good = first; // Where what the browser kept cannot be drawn.
    state = { ...first, ...stored.state };
  } else if (before && last) {
    const keys = before.keys.map((key, number) => ({ ...plainKey(key.seed ?? number), truncation: key.truncation }));
    const edited = before.keys.some((key) => editsOf(key) || key.label || key.seed == null);
    state = { ...before, keys };
    if (edited) tell("Seeds and truncation stay; edits and classes were the other model's.", { quiet: true });
  } else state = first;
  if (model.kinds) limitKinds(model.kinds);
  past.push(state);
  show();
  if (answer.note) tell(answer.note);
}

/** A page without a server cannot write every kind of film. */
function limitKinds(kinds) {
  part("kind").querySelectorAll("option").forEach((option) => (option.hidden = option.disabled = !kinds.includes(option.value)));
  if (!kinds.includes(state.kind)) state = { ...state, kind: kinds[0] };
}

function emptyState(text, label, act) {
  root.classList.add("ip-empty");
  const button = make("button", { type: "button", class: "gs-button", onclick: act }, label);
  part("nothing").replaceChildren(make("p", {}, text), button);
}

function start() {
  const stored = kept.get(sessionStorage, SESSION, null);
  openModel(stored?.model ?? kept.get(localStorage, LAST_MODEL, null), null, stored);
}

// The first look at the tab draws it, not the page that opens on another one; and so does every later one while empty.
new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting && !state) start();
}).observe(root);
