// Style transfer: a photograph, a model, and how much of its painting is shown. The page blends both while a hand moves;
// the server paints: at small size at once, at full size as a job, and writes the files.

const SESSION = "gan-studio:paint";
const LAST_TRANSLATOR = "gan-studio:translator";
const BRUSH = "gan-studio:brush";
const WAIT_SIGN_MS = 200;
const FINER = "In the whole photo the strokes are finer than in this preview.";

const root = element.querySelector(".pt");
const part = (id) => root.querySelector(`#paint-${id}`);
const tell = notices(part("message"));
const frame = beforeAfter(part("picture"));

let models = [];
let limits = { files: 50, mb: 500 };
let can = { check: true, compare: true, send: true }; // A page without a server does less, and sends nothing.
let model = null; // What the server told: value, name, directions, round_trip.
let wanted = null; // {model, direction, photo, brush} that the controls show.
let shown = null; // The same of the picture on the screen, with estimate_s and painting.
let turn = 0; // Raised when something else is to be seen: answers for what was before are late.
const look = { strength: 1, keep_colours: false, kind: "jpg", mark: false };

/** Ask after a job until it is over; told(answer) meanwhile. A server that does not answer is asked again for a while. */
async function followJob(job, { poll, told }) {
  for (let lost = 0; ; ) {
    const answer = await poll(job);
    if (answer.ok && !["waiting", "running"].includes(answer.state)) return answer;
    if (!answer.ok && (lost += 1) > 3) return { state: "failed", error: answer.error };
    if (answer.ok) {
      lost = 0;
      told(answer);
    } else await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
  }
}

const sizeText = ({ width, height }) => `${width} × ${height} px`;
const aboutTime = (value) => seconds(value < 10 ? Math.max(1, value) : value < 100 ? Math.round(value / 5) * 5 : Math.round(value / 30) * 30);
const wayOf = (direction) => model.directions.find((one) => one.way === direction) ?? model.directions[0];

// The picture.

let waitSign;
function waiting(on) {
  clearTimeout(waitSign);
  if (on) waitSign = setTimeout(() => part("picture").classList.add("gs-waiting"), WAIT_SIGN_MS);
  else part("picture").classList.remove("gs-waiting");
  part("picture").setAttribute("aria-busy", String(on));
  if (!on) part("picture").querySelector(".pt-opening")?.remove();
}

/** Show another model, direction or photograph; what cannot be shown leaves everything as it is. */
async function see(change) {
  turn += 1;
  const mine = turn;
  leaveJob();
  const next = { ...wanted, ...change };
  wanted = next;
  picker.set(models, model.value);
  sync();
  waiting(true);
  const answer = await ask(server, "preview", { model: next.model, direction: next.direction, photo: next.photo.id, brush: next.brush });
  if (mine !== turn) return;
  if (!answer.ok) return refused(answer.error);
  if (!(await shownOnce(answer, next))) return;
  if (mine !== turn) return;
  waiting(false);
  if (answer.finer) tell(FINER, { quiet: true });
  if (shown.painting) finer(mine);
  else if (answer.estimate_s <= answer.at_once_s) paint();
}

async function shownOnce(answer, next) {
  root.style.setProperty("--pt-ratio", next.photo.width / next.photo.height);
  if (!(await frame.show(answer))) return false;
  wanted = { ...next, direction: answer.direction };
  // lossy: painted at another size than the whole will be, so that one takes its place even where it is not larger.
  shown = { ...wanted, estimate_s: answer.estimate_s, note: answer.note, painting: answer.painting, side: answer.lossy ? 0 : Math.max(answer.width, answer.height) };
  kept.set(sessionStorage, SESSION, { ...wanted, look: { ...look } });
  kept.set(localStorage, LAST_TRANSLATOR, wanted.model);
  sync();
  return true;
}

function refused(error) {
  waiting(false);
  tell(error);
  if (!shown) return;
  wanted = { model: shown.model, direction: shown.direction, photo: shown.photo, brush: shown.brush };
  if (model.value !== shown.model) openModel(shown.model, { quietly: true });
  sync();
}

/** The finished painting instead of its preview, in the same place. */
async function finer(mine) {
  const { painting, note } = shown;
  part("picture").dataset.painted = painting.id;
  if (note) tell(note, { quiet: true });
  else if (part("message").textContent === FINER) tell(""); // The whole photo is seen.
  if (Math.max(painting.width, painting.height) <= shown.side) return;
  const room = Math.ceil(part("picture").clientWidth * (window.devicePixelRatio || 1));
  const answer = await ask(server, "show", { painting: painting.id, side: limited(room, 512, 1600) });
  if (mine !== turn || !answer.ok) return; // The preview stays.
  shown.side = Math.max(answer.width, answer.height);
  await frame.show(answer);
}

// The whole photograph.

let job = null;
const meter = part("job").querySelector(".gs-meter");

function leaveJob() {
  if (job) ask(server, "stop", { job });
  job = null;
  delete part("picture").dataset.painted;
}

function progress({ state, share = 0, left_s: left, place = 0 }) {
  meter.firstElementChild.style.width = `${share * 100}%`;
  meter.setAttribute("aria-valuenow", Math.round(share * 100));
  const before = place === 1 ? "1 photograph before yours" : `${place} photographs before yours`;
  const text = place ? before : left ? `${Math.round(share * 100)} %, ${seconds(left)} left` : `${Math.round(share * 100)} %`;
  part("told").textContent = state === "waiting" ? "Waits for its turn" : text;
}

async function paint() {
  const mine = turn;
  const { model: value, direction, photo, brush } = shown;
  progress({});
  const focused = document.activeElement === part("paint");
  job = "starting";
  sync();
  const begun = await ask(server, "paint", { model: value, direction, photo: photo.id, brush });
  if (mine !== turn) {
    if (begun.ok) ask(server, "stop", { job: begun.job });
    return;
  }
  job = begun.ok ? begun.job : null;
  if (!begun.ok) return refused(begun.error);
  part("cancel").disabled = false;
  if (focused) part("cancel").focus({ preventScroll: true });
  const answer = await followJob(job, {
    poll: (id) => ask(server, "poll", { job: id }),
    told: (one) => mine === turn && progress(one),
  });
  if (mine !== turn) return;
  const inHand = part("job").contains(document.activeElement);
  job = null;
  if (answer.state === "done") {
    shown.painting = answer.painting;
    finer(mine);
  } else if (answer.state === "failed") tell(answer.error);
  else tell("Cancelled. The preview stays.", { passing: true });
  sync();
  if (inHand) (answer.state === "done" ? part("download") : part("paint")).focus({ preventScroll: true });
}

/** Every control shows what is wanted, and the main button what comes next. */
function sync() {
  const { photo, direction } = wanted;
  const way = wayOf(direction);
  pressDirection(way.way);
  pressBrush(wanted.brush);
  frame.names(way.from, way.to);
  part("examples").querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.value === photo.id)));
  const settled = shown && shown.photo.id === photo.id && ["model", "direction", "brush"].every((name) => shown[name] === wanted[name]);
  const painting = settled ? shown.painting : null;
  const own = photo.id.startsWith("example:") ? "" : `${photo.name}, `;
  const time = painting ? `, ${painting.elapsed_s < 9.95 ? painting.elapsed_s.toFixed(1) : Math.round(painting.elapsed_s)} s` : "";
  const at = painting?.painted_px ? `, painted at ${painting.painted_px} px` : "";
  part("facts").textContent = `${own}${sizeText(photo)}${at}${time}`;
  [part("paint").hidden, part("job").hidden, part("download").hidden] = [Boolean(job || painting), !job, Boolean(job || !painting)];
  part("paint").disabled = !settled;
  part("paint").textContent = settled ? `Paint ${sizeText(photo)}, about ${aboutTime(shown.estimate_s)}` : "Paint";
  part("enlarge").disabled = !painting;
  const state = { model: wanted.model, photo: photo.id };
  compare(models, state);
  trip({ possible: model.round_trip, from: way.from, to: way.to, key: JSON.stringify([state, direction, model.value]) });
}

// Models.

const pressDirections = (ways) =>
  segments(part("direction"), Object.fromEntries(ways.map(({ way, to }) => [way, to])), (way) => {
    if (way === wanted.direction) return;
    tell("");
    see({ direction: way });
  });
let pressDirection = () => {};
const pressBrush = segments(part("brush"), { broad: "Broad", medium: "Medium", fine: "Fine" }, (brush) => {
  if (!wanted || brush === wanted.brush) return;
  tell("");
  kept.set(localStorage, BRUSH, brush);
  see({ brush });
});

function adopt(facts) {
  model = facts;
  pressDirection = pressDirections(facts.directions);
  for (const button of part("direction").querySelectorAll("button")) {
    const way = facts.directions.find((one) => one.way === button.dataset.value);
    button.title = `${way.from} to ${way.to}`;
    if (facts.directions.length === 1) button.disabled = true; // Nothing to switch, but good to know.
  }
  picker.set(models, facts.value);
}

/** What is being opened is told at once; nothing can be painted until it is there. */
function opening(value, name) {
  const text = `Opening ${name}`;
  picker.set([...models.filter((one) => one.value !== value), { ...models.find((one) => one.value === value), value, name: text, facts: "" }], value);
  part("paint").disabled = true;
  if (shown) return;
  part("picture").querySelector(".pt-opening")?.remove();
  part("picture").append(make("p", { class: "pt-opening gs-told", role: "status" }, text));
}

/** The name of a model's value, as far as the page knows it. */
const modelName = (value) => models.find((one) => one.value === value)?.name ?? value.replace(/^run:/, "").replace(/@(\d+)$/, (_, step) => `, step ${Number(step).toLocaleString("en")}`);

async function openModel(value, { quietly = false, name = modelName(value) } = {}) {
  turn += 1;
  const mine = turn;
  if (!quietly) opening(value, name);
  const answer = await ask(server, "choose", { model: value });
  if (mine !== turn) return;
  if (!answer.ok) {
    tell(answer.error);
    picker.set(models, model?.value ?? null);
    if (wanted) sync();
    return;
  }
  models = answer.models ?? models;
  const from = wayOf(wanted.direction).from.toLowerCase(); // What is given stays the same; letters are each model's own.
  adopt(answer.model);
  if (quietly) return sync();
  const same = model.directions.find((one) => one.from.toLowerCase() === from) ?? model.directions[0];
  return see({ model: value, direction: same.way });
}

const picker = modelPicker(part("model"), {
  refresh: async () => {
    const answer = await ask(server, "list_models", { model: model?.value });
    if (answer.ok) models = answer.models;
    return answer.ok ? answer.models : null;
  },
  pick: async (value, note) => {
    tell("");
    if (wanted) await openModel(value);
    else {
      asked = value; // The first one: the tab begins with it.
      await start();
    }
    if (note) tell(note);
  },
  hub: hubOf(server, "translator"),
});
