// What was shown: undo, redo and the strip of thumbnails, which last as long as the browser's tab; and favourites, which
// the browser keeps.

const PAST = "gan-studio:explore-history";
const FAVOURITES = "gan-studio:favourites";
const MOST_STEPS = 100;
const MOST_FAVOURITES = 200;
const ONE_MOVE_MS = 900; // Steps of one control in so short a time are one entry: arrow keys, wheel, typing.
const THUMB_PX = 64;

/** A recipe as text, the same for the same picture. */
function keyOf(recipe) {
  const sorted = (value) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
      : value;
  return JSON.stringify(sorted(recipe));
}

/** What to call a recipe in a few words. */
function namedRecipe(recipe) {
  const base = recipe.seed == null ? "a found picture" : `seed ${recipe.seed}`;
  const edits = Object.keys(recipe.directions ?? {}).length + Object.keys(recipe.latents ?? {}).length;
  return `${base}${recipe.shift ? " shifted" : ""}${edits ? `, ${edits} ${edits === 1 ? "edit" : "edits"}` : ""}, ${recipe.model?.name ?? ""}`;
}

/** A small copy of a picture for the browser's storage: what is small already stays as it is. */
async function thumbnail(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const side = Math.max(picture.naturalWidth, picture.naturalHeight);
  if (side <= THUMB_PX) return url;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((picture.naturalWidth / side) * THUMB_PX);
  canvas.height = Math.round((picture.naturalHeight / side) * THUMB_PX);
  const paper = canvas.getContext("2d");
  paper.imageSmoothingQuality = "high";
  paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.9);
}

function thumbButton(recipe, url, attributes) {
  const button = make("button", { type: "button", class: "xp-thumb", ...attributes });
  button.title = namedRecipe(recipe);
  button.setAttribute("aria-label", namedRecipe(recipe));
  button.append(make("img", { src: url, alt: "" }));
  return button;
}

/** Undo and redo over entries {recipe, url}; go(recipe, onRefused) shows one of them. A reload loses none. */
function pictureHistory({ strip, undo, redo, go }) {
  const before = kept.get(sessionStorage, PAST, null);
  const good = (one) => one?.recipe?.format === 1 && typeof one.url === "string" && one.url.startsWith("data:image/");
  const entries = (Array.isArray(before?.entries) ? before.entries : []).filter(good).slice(-MOST_STEPS);
  let at = Math.trunc(limited(Number(before?.at) || 0, 0, entries.length - 1)); // -1: there are none.
  let last = { by: null, time: 0 };

  const draw = () => {
    undo.disabled = at <= 0;
    redo.disabled = at >= entries.length - 1;
    const buttons = entries.map(
      (entry, number) => (entry.button ??= thumbButton(entry.recipe, entry.url, { onclick: () => move(entries.indexOf(entry)) })),
    );
    buttons.forEach((button, number) => button.setAttribute("aria-current", String(number === at)));
    if (buttons.length !== strip.childElementCount || buttons.some((button, number) => strip.children[number] !== button)) {
      strip.replaceChildren(...buttons);
    }
    const here = buttons[at];
    if (here) strip.scrollLeft = here.offsetLeft - strip.clientWidth / 2; // Not scrollIntoView: the page must not move.
  };
  const store = whenQuiet(async () => {
    const small = await Promise.all(entries.map(async ({ recipe, url }) => ({ recipe, url: await thumbnail(url) })));
    kept.set(sessionStorage, PAST, { entries: small, at });
  }, 300);
  const move = (number) => {
    if (number < 0 || number >= entries.length || number === at) return;
    const before = at;
    at = number;
    last = { by: null, time: 0 };
    draw();
    store();
    go(entries[at].recipe, () => {
      at = before;
      draw();
      store();
    });
  };
  draw();
  undo.addEventListener("click", () => move(at - 1));
  redo.addEventListener("click", () => move(at + 1));
  return {
    undo: () => move(at - 1),
    redo: () => move(at + 1),
    /** A new state, by a control of that name. */
    push(recipe, url, by = null) {
      if (at >= 0 && keyOf(entries[at].recipe) === keyOf(recipe)) return;
      const time = performance.now();
      const same = by !== null && by === last.by && time - last.time < ONE_MOVE_MS && at > 0;
      last = { by, time };
      entries.splice(same ? at : at + 1, Infinity, { recipe, url });
      if (entries.length > MOST_STEPS) entries.shift();
      at = entries.length - 1;
      draw();
      store();
    },
  };
}

/** The heart, and the strip of what it has kept. */
function favourites({ strip, heart, go, complain }) {
  const good = (one) => one && typeof one === "object" && one.recipe?.format === 1 && typeof one.url === "string";
  const read = () => {
    const list = kept.get(localStorage, FAVOURITES, []);
    return (Array.isArray(list) ? list : []).filter((one) => good(one) && one.url.startsWith("data:image/"));
  };
  let list = read();
  let present = null;

  let keys = [];
  const mark = () => {
    const place = present ? keys.indexOf(keyOf(present.recipe)) : -1;
    heart.setAttribute("aria-pressed", String(place >= 0));
    heart.title = place >= 0 ? "Take away from the favourites" : "Keep as a favourite";
    [...strip.querySelectorAll("button")].forEach((button, at) => button.setAttribute("aria-current", String(at === place)));
  };
  const draw = () => {
    keys = list.map((one) => keyOf(one.recipe));
    strip.hidden = !list.length;
    const buttons = list.map((one) =>
      thumbButton(one.recipe, one.url, {
        onclick: () => go(one.recipe),
        onkeydown: (event) => event.key === "Delete" && change(list.filter((other) => other !== one)),
      }),
    );
    strip.replaceChildren(make("span", { class: "gs-small" }, "Favourites"), ...buttons);
    mark();
  };
  const change = (next) => {
    list = next.slice(0, MOST_FAVOURITES);
    if (!kept.set(localStorage, FAVOURITES, list)) complain("This browser keeps nothing for this page: the favourites last until it is closed.");
    draw();
  };
  heart.addEventListener("click", async () => {
    if (!present) return;
    const { recipe, url } = present;
    const key = keyOf(recipe);
    const stored = read();
    if (stored.length) list = stored; // Another window may have added some.
    if (list.some((one) => keyOf(one.recipe) === key)) return change(list.filter((one) => keyOf(one.recipe) !== key));
    change([{ recipe, url: await thumbnail(url) }, ...list]);
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== FAVOURITES) return;
    list = read();
    draw();
  });
  draw();
  return {
    show(recipe, url) {
      present = { recipe, url };
      mark();
    },
  };
}
