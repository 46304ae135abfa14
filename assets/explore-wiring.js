// Explore, second half: what each control, key, file and address does to the recipe. Then the page begins.

// Controls.

const present = () => wanted;
const complain = tell;
const seed = seedField(part("seed").querySelector("input"), {
  preview: (text) => change({ seed: text, shift: null, z: null }, false),
  commit: (text) => change({ seed: text, shift: null, z: null }, true, "seed"),
  complain,
});
part("dice").addEventListener("click", () => change({ seed: randomSeed(), shift: null, z: null }));

const truncation = slider({
  label: "Truncation",
  min: 0,
  max: 2,
  rest: 1,
  preview: (value) => change({ truncation: value }, false),
  commit: (value, single) => change({ truncation: value }, true, single ? null : "truncation"),
  complain,
});
part("truncation").append(truncation.element);

const classes = classChoice(root, { change, complain });
const directions = directionSliders(root, {
  change,
  present,
  complain,
  store: async (list) => {
    const answer = await ask(server, "save_directions", { model: model.value, directions: list });
    if (answer.ok) tell(answer.told, { quiet: true });
    else tell(answer.error);
    return answer;
  },
});
const latents = latentSliders(part("latents"), { change, present, complain });

const second = part("mix").querySelector(".xp-frame");
const secondPainter = latestOnly(
  (recipe) => ask(server, "draw", { recipe, live: true }),
  (answer) => {
    if (!answer.ok) return;
    second.replaceChildren(make("img", { class: "gs-picture gs-hard", src: answer.url, alt: "Picture of the second seed" }));
  },
);
const mix = mixing(part("mix"), {
  change,
  present,
  complain,
  draw: (text, lent) => {
    const { length = 0 } = model?.classes ?? [];
    const own = length ? model.classes[Number(BigInt(wanted.seed ?? 0) % BigInt(length))] : null; // As the seed picks it.
    const look = { seed: text, truncation: wanted.truncation, label: lent || wanted.label || own, directions: {}, latents: {} };
    if (model) secondPainter.ask({ format: 1, model: wanted.model, ...look });
  },
});
part("reset").addEventListener("click", () => change({ truncation: 1, directions: {}, latents: {}, mix: null }));

const place = ({ seed: text, x, y }) => ({ seed: text, shift: [x, y], z: null });
const plane = seedPlane(part("plane"), {
  preview: (to) => change(place(to), false),
  commit: (to, single) => change(place(to), true, single ? null : "plane"),
});
part("snap").addEventListener("click", () => {
  const [x, y] = wanted.shift ?? [0, 0];
  change(place(snapped({ seed: wanted.seed, x, y })));
});

/** Every control shows the recipe that is wanted. */
function sync() {
  clearTimeout(syncing);
  syncing = 0;
  const [x, y] = wanted.shift ?? [0, 0];
  seed.set(wanted.seed ?? "");
  truncation.set(wanted.truncation);
  directions.set(wanted);
  latents.set(wanted);
  classes.set(wanted);
  mix.set(wanted);
  plane.set(wanted.z ? null : { seed: wanted.seed, x, y });
  const where = wanted.z ? "A found picture has no seed" : `Seed ${wanted.seed}${x ? `, ${x.toFixed(2)} right` : ""}${y ? `, ${y.toFixed(2)} down` : ""}`;
  part("place").textContent = where;
  part("plane").setAttribute("aria-description", where);
  part("snap").disabled = !x && !y;
  const { directions: moved, latents: edits } = wanted;
  part("reset").disabled = wanted.truncation === 1 && !wanted.mix && !Object.keys(moved).length && !Object.keys(edits).length;
}

const radius = slider({ label: "Radius", min: 0.05, max: 1, step: 0.05, rest: 0.05, preview: () => around(), commit: () => around(), complain });
radius.set(0.4);
part("radius").append(radius.element);
const neighbours = neighbourhood(part("neighbours"), {
  fetch: (recipe) => ask(server, "neighbours", { recipe, radius: Number(radius.range.value) }),
  busy: () => painter.busy,
  go: become,
});
function around() {
  if (shown) neighbours.show(shown, enlarge() === "hard");
}

// History, favourites, files, addresses.

const past = pictureHistory({
  strip: part("history"),
  undo: part("undo"),
  redo: part("redo"),
  go: (recipe, onRefused) => become(recipe, { silent: true, refused: onRefused }),
});
const hearts = favourites({ strip: part("favourites"), heart: part("favourite"), go: become, complain });

part("download").addEventListener("click", async () => {
  if (!shown) return;
  const answer = await ask(server, "download", { recipe: shown.recipe });
  if (!answer.ok) return tell(answer.error);
  save(new Blob([bytesOf(answer.base64)], { type: "image/png" }), answer.name);
});

part("link").addEventListener("click", async () => {
  if (!shown) return;
  const address = `${location.origin}${location.pathname}?recipe=${toAddress(shown.recipe)}`;
  if (await copyText(address, root)) return tell("The link is copied.", { passing: true });
  window.history.replaceState(null, "", address);
  tell("The browser does not let this page copy. The link stands in the address bar.", { quiet: true });
});

/** A recipe's model that is not here but on the Hub: the picker has its name ready, and `open` goes on from there. */
function offerModel({ fetch: hub }, open) {
  if (!hub || !picker.offers) return;
  awaited = { hub, open };
  picker.offer(hub);
}

/** A recipe out of a file's content or an address; false where it was refused, which has been told. */
async function restore(name, base64) {
  const answer = await ask(server, "read_recipe", { name, content: base64 });
  if (!answer.ok) {
    tell(answer.error);
    offerModel(answer, () => restore(name, base64));
    return false;
  }
  await become(answer.recipe);
  if (answer.note) tell(answer.note);
  return true;
}

const find = findPanel(part("find"), {
  start: async (file, label) => ask(server, "find_start", { model: model?.value, name: file.name, content: await base64Of(file), label }),
  poll: (job) => ask(server, "find_poll", { job }),
  stop: (job) => ask(server, "find_stop", { job }),
  become,
  complain,
});

async function takeFile(file, target) {
  if (part("find").contains(target)) return find.take(file);
  if (file.size > LARGEST_MB * 1e6) return tell(`${file.name} is over ${LARGEST_MB} MB. It was not read. Nothing was changed.`);
  return restore(file.name, await base64Of(file));
}

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
root.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  root.classList.toggle("gs-drop-here", !part("find").contains(event.target));
  part("find").classList.toggle("gs-drop-on", part("find").contains(event.target));
});
const dropEnds = () => {
  root.classList.remove("gs-drop-here");
  part("find").classList.remove("gs-drop-on");
};
root.addEventListener("dragleave", (event) => !root.contains(event.relatedTarget) && dropEnds());
root.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dropEnds();
  if (event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0], event.target);
});
const inSight = () => root.offsetParent !== null;
document.addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (inSight() && file && part("find").open) find.take(file);
});
document.addEventListener("keydown", (event) => {
  if (!inSight() || !(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z") return;
  if (event.target.matches?.(".xp-name, [role=combobox]")) return; // These undo their own typing.
  event.preventDefault();
  (event.shiftKey ? past.redo : past.undo)();
});
root.querySelectorAll(".gs-help").forEach(closesItself);

// What other tabs send here: {"recipe": ...} or {"model": ...}.
watch("value", () => {
  try {
    const sent = typeof props.value === "string" ? JSON.parse(props.value) : props.value;
    if (sent?.recipe) become(sent.recipe);
    else if (sent?.model) openModel({ model: sent.model });
  } catch {
    tell("What another tab sent here could not be read. The picture stays.");
  }
});

// Whoever comes back from training the first model finds it.
new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting && root.classList.contains("xp-empty")) start();
}).observe(root);

async function start() {
  const query = new URLSearchParams(location.search);
  const address = query.get("recipe");
  if (address) {
    query.delete("recipe"); // From here on the page has a life of its own; a reload keeps what it shows by then.
    const rest = String(query);
    window.history.replaceState(null, "", `${location.pathname}${rest ? `?${rest}` : ""}${location.hash}`);
    const base64 = address.replaceAll("-", "+").replaceAll("_", "/");
    const answer = await ask(server, "read_recipe", { name: "The link", content: base64 });
    if (answer.ok) {
      await openModel({ recipe: answer.recipe });
      if (answer.note) tell(answer.note);
      return;
    }
    await openModel({ model: kept.get(localStorage, LAST_MODEL, null) });
    tell(answer.error);
    offerModel(answer, () => restore("The link", base64));
    return;
  }
  const recipe = kept.get(sessionStorage, SESSION, null);
  await openModel({ model: kept.get(localStorage, LAST_MODEL, null), recipe, lenient: true });
}

start();
