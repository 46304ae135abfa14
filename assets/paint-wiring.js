// Style transfer, second half: what each control, file and key does. Then the page begins.

const strength = slider({
  label: "Strength in percent",
  min: 0,
  max: 150,
  step: 1,
  rest: 100,
  preview: (value) => changeLook({ strength: value / 100 }),
  commit: (value) => changeLook({ strength: value / 100 }),
  complain: tell,
});
part("strength").append(strength.element);

function changeLook(patch) {
  Object.assign(look, patch);
  fillRange(strength.range, 0); // From the photograph on, which is 0.
  frame.look(look.strength, look.keep_colours);
  keepLook();
}
const keepLook = whenQuiet(() => wanted && kept.set(sessionStorage, SESSION, { ...wanted, look: { ...look } }), 200);

function showLook() {
  strength.set(Math.round(look.strength * 100));
  part("colours").checked = look.keep_colours;
  part("kind").value = look.kind;
  part("mark").checked = look.mark;
  changeLook({});
}
part("colours").addEventListener("change", ({ target }) => changeLook({ keep_colours: target.checked }));
part("kind").addEventListener("change", ({ target }) => changeLook({ kind: target.value }));
part("mark").addEventListener("change", ({ target }) => changeLook({ mark: target.checked }));

// The whole photograph and its file.

part("paint").addEventListener("click", () => {
  tell("");
  paint();
});
part("cancel").addEventListener("click", () => {
  part("cancel").disabled = true;
  if (job && job !== "starting") ask(server, "stop", { job });
});

/** A file of the finished painting; `button` waits with it. */
async function written(button, how) {
  tell("");
  const words = button.textContent;
  button.disabled = true;
  const sign = setTimeout(() => (button.textContent = "Packing"), WAIT_SIGN_MS);
  const answer = await ask(server, "download", { painting: shown.painting.id, look: how });
  clearTimeout(sign);
  button.textContent = words;
  button.disabled = false;
  if (!answer.ok) tell(answer.error);
  return answer;
}
part("download").addEventListener("click", async () => {
  const answer = await written(part("download"), look);
  if (!answer.ok) return;
  make("a", { href: fileUrl(answer.path), download: answer.name }).click();
  tell(`${answer.name}, ${bytes(answer.bytes)}`, { quiet: true });
});
part("enlarge").addEventListener("click", async () => {
  const answer = await written(part("enlarge"), { ...look, kind: look.kind === "png" ? "png" : "jpg" });
  if (!answer.ok) return;
  const dialog = part("full");
  const image = dialog.querySelector("img");
  image.src = fileUrl(answer.path);
  dialog.showModal();
  await image.decode().catch(() => {});
  const view = image.parentElement;
  view.scrollTo((view.scrollWidth - view.clientWidth) / 2, (view.scrollHeight - view.clientHeight) / 2);
});

part("full").addEventListener("close", ({ target }) => target.querySelector("img").removeAttribute("src"));

// Photographs.

const send = sender({ upload, take: (sent) => ask(server, "take", sent), mostMb: () => limits.mb });

async function takePhoto(file) {
  if (!wanted) return;
  camera.close();
  turn += 1;
  const mine = turn;
  leaveJob();
  sync();
  waiting(true);
  tell(file.size > 2e6 ? `${can.send ? "Sending" : "Opening"} ${file.name}, ${bytes(file.size)}` : "", { quiet: true });
  const answer = await send(file);
  if (mine !== turn) return;
  tell("");
  if (!answer.ok) {
    refused(answer.error);
    return;
  }
  if (answer.photo.alpha && look.kind === "jpg") {
    part("kind").value = "png"; // A JPEG would lose what is transparent without a word.
    changeLook({ kind: "png" });
  }
  see({ photo: answer.photo });
}
const takeFiles = (files) => (files.length > 1 ? addMany(files) : takePhoto(files[0]));

const camera = webcam(part("camera"), { take: takePhoto, complain: tell });
part("webcam").addEventListener("click", camera.open);
part("file").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  target.value = ""; // The same file may be taken again.
  if (files.length && wanted) takeFiles(files);
});
filesFromAnywhere(root, (files, target) => {
  if (part("check").contains(target)) checkFile(files);
  else if (!wanted) tell("There is no model to paint with. Nothing was sent.");
  else if (part("many").contains(target)) addMany(files);
  else takeFiles(files);
});

function showExamples(examples) {
  const button = ({ url, ...photo }) => {
    const choose = () => {
      tell("");
      camera.close();
      see({ photo });
    };
    return make("button", { type: "button", "data-value": photo.id, title: photo.name, onclick: choose }, make("img", { src: url, alt: photo.name }));
  };
  part("examples").replaceChildren(...examples.map(button));
}

// What is folded away.

const compare = comparison(part("compare"), {
  draw: (value) => ask(server, "preview", { model: value, direction: null, photo: wanted.photo.id, brush: null, side: "small" }),
  pick: (value) => {
    if (value === wanted.model) return;
    tell("");
    openModel(value);
  },
});
const trip = roundTrip(part("trip"), () => ask(server, "round_trip", { model: wanted.model, direction: wanted.direction, photo: wanted.photo.id }));
const addMany = manyPhotos(part("many"), {
  send,
  start: (photos) => ask(server, "paint_many", { model: wanted.model, direction: wanted.direction, photos, look, brush: wanted.brush }),
  poll: (id) => ask(server, "poll", { job: id }),
  stop: (id) => ask(server, "stop", { job: id }),
  most: () => limits,
  sends: () => can.send,
});
const checkFile = checker(part("check"), {
  check: sender({ upload, take: (sent) => ask(server, "check", sent), mostMb: () => limits.mb }),
  explore: (recipe) => {
    props.value = JSON.stringify({ recipe });
    trigger("select"); // Explore watches for it.
    showTab("Explore");
  },
});
root.querySelectorAll(".gs-help").forEach(closesItself);

let asked = null; // The model that another tab sent before this one was looked at.
let starting = false;
let announced = null; // The model that a tab has told of, and whose value is on its way.

function openFromElsewhere(value, name = modelName(value)) {
  tell("");
  if (wanted) return openModel(value, { name });
  asked = value; // Whoever looks at the tab begins with it.
  if (!root.classList.contains("pt-empty")) opening(value, name);
  return undefined;
}

/** The time travel tells of a model before its value comes by way of the frame, and maybe before this tab is made. */
function openAnnounced() {
  if (window.gsOpening?.place !== "Style transfer") return;
  const { value, name } = window.gsOpening;
  window.gsOpening = null;
  announced = value;
  openFromElsewhere(value, name);
}
document.addEventListener("gs-opening", openAnnounced);
openAnnounced();

// What other tabs send here: {"model": ...}.
watch("value", () => {
  try {
    const sent = typeof props.value === "string" ? JSON.parse(props.value) : props.value;
    if (!sent?.model) return;
    const known = sent.model === announced;
    announced = null;
    if (!known) openFromElsewhere(sent.model);
  } catch {
    tell("What another tab sent here could not be read. The picture stays.");
  }
});

function emptyState(text, label, act) {
  root.classList.add("pt-empty");
  part("picture").setAttribute("aria-busy", "false");
  for (const area of root.querySelectorAll(".pt-source, .pt-controls > :not(.pt-folds, #paint-model), #paint-compare, #paint-trip, #paint-many")) area.inert = true;
  root.querySelectorAll(".pt-nothing, .pt-opening").forEach((one) => one.remove());
  picker.set(models, null);
  const button = make("button", { type: "button", class: "gs-button", onclick: act }, label);
  part("picture").append(make("div", { class: "gs-nothing pt-nothing" }, make("p", {}, text), button));
}

async function start() {
  if (starting) return;
  starting = true;
  try {
    await begin();
  } finally {
    starting = false;
  }
  const late = asked;
  asked = null;
  if (late && wanted) openModel(late);
}

async function begin() {
  const stored = kept.get(sessionStorage, SESSION, null) ?? {};
  const value = asked ?? stored.model ?? kept.get(localStorage, LAST_TRANSLATOR, null);
  if (!asked) opening(value, value ? modelName(value) : "a model");
  asked = null;
  waiting(true);
  const answer = await ask(server, "open", { model: value, photo: stored.photo?.id });
  if (!answer.ok) return emptyState(answer.error, "Try again", start);
  limits = { files: answer.most_files, mb: answer.most_mb };
  can = { ...can, ...answer.can };
  part("check").hidden = !can.check;
  part("compare").hidden = !can.compare;
  models = answer.models;
  showExamples(answer.examples);
  if (!answer.model) {
    waiting(false);
    return emptyState(answer.told, "Train one", () => showTab("Training"));
  }
  root.classList.remove("pt-empty");
  root.querySelector(".pt-nothing")?.remove();
  for (const area of root.querySelectorAll("[inert]")) area.inert = false;
  for (const [name, good] of Object.entries({
    strength: (one) => one >= 0 && one <= 1.5,
    keep_colours: (one) => typeof one === "boolean",
    kind: (one) => ["jpg", "png", "webp"].includes(one),
    mark: (one) => typeof one === "boolean",
  })) {
    if (good(stored.look?.[name])) look[name] = stored.look[name];
  }
  const direction = answer.model.directions.some((one) => one.way === stored.direction) && stored.model === answer.model.value;
  wanted = { model: answer.model.value, direction: direction ? stored.direction : answer.model.directions[0].way, photo: answer.photo };
  wanted.brush = [stored.brush, kept.get(localStorage, BRUSH, null)].find((one) => ["broad", "medium", "fine"].includes(one)) ?? "broad";
  adopt(answer.model);
  showLook();
  if (answer.note) tell(answer.note);
  return see({});
}

// The first look at the tab draws it, not the page that opens on another one; and so does every later one while empty.
new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting && !wanted) start();
}).observe(root);
