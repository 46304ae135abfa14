// "In my browser": Explore's pictures drawn by this machine, with the same engine as the page that needs no server. The
// server exports the model once; from then on a drag asks nobody. What cannot be drawn here goes to the server as before.

const LOCAL = "gan-studio:computed";
const onServer = server;

let localSoon = kept.get(localStorage, LOCAL, "server") === "browser"; // As it was left, once there is a model.
const local = { about: null, server: null, asked: null, turn: 0 }; // The model that this machine can draw, what draws it, and what was asked for.

const localHost = make("div", { class: "xp-local" });
const localTold = make("span", { class: "gs-small", role: "status" });
const localWay = make("span", { id: "explore-local", "aria-label": "Computed" });
localHost.append(make("span", { class: "gs-small", "aria-hidden": "true" }, "Computed"), localWay, localTold);
root.querySelector(".xp-bar").after(localHost);

const pressLocal = segments(localWay, { server: "On the server", browser: "In my browser" }, (way) => {
  kept.set(localStorage, LOCAL, way);
  localSoon = false;
  localTurn(way === "browser");
});

/** Whether what this machine has is that model: by name, and by its weights, which may have been replaced on the server. */
const isHere = ({ name, sha256 }) => local.about?.name === name && (!sha256 || local.about.sha256 === sha256);

/** A picture that this machine can draw: of the model that is here, and without what lies inside of the network. */
const drawnHere = (recipe) => local.server && recipe?.model && isHere(recipe.model) && !recipe.mix;

/** The server's functions, of which two may be answered here; a failure here goes to the server, and is told. */
server = new Proxy(onServer, {
  get(target, name) {
    if (name !== "draw" && name !== "neighbours") return target[name];
    return async (request) => {
      if (!drawnHere(request.recipe)) return target[name](request);
      const answer = await local.server[name](request);
      if (answer.ok) return answer;
      localOff(answer.error);
      return target[name](request);
    };
  },
});

/** What is here counts no more; `asked` is to take its place. */
function localForget(asked = null) {
  local.turn += 1;
  Object.assign(local, { asked, about: null, server: null });
  delete frame.dataset.computed;
}

function localOff(text = "") {
  localForget();
  pressLocal("server");
  localTold.textContent = text;
}

async function localTurn(on) {
  if (!on || !model) return localOff();
  localForget(model.value);
  const mine = local.turn;
  pressLocal("browser");
  localTold.textContent = "Asking for the model";
  const begun = await ask(onServer, "local_start", { model: local.asked });
  if (mine !== local.turn) return undefined;
  if (!begun.ok) return localOff(begun.error);
  let answer;
  do {
    answer = await ask(onServer, "local_poll", { job: begun.job });
    if (mine !== local.turn) {
      ask(onServer, "local_stop", { job: begun.job });
      return undefined;
    }
    if (!answer.ok || answer.state === "failed") return localOff(answer.error);
    localTold.textContent = answer.doing ?? "Waits for its turn";
  } while (answer.state === "waiting" || answer.state === "running");
  if (answer.state !== "done") return localOff("That was stopped. Pictures are computed on the server.");
  return localOpen(answer, mine);
}

let localEngine = null; // {base, engine}: one for all models.

async function localOpen({ base: path, about }, mine) {
  const base = new URL(`${fileUrl(path)}/`, location.href).href;
  const loading = (what, loaded, total) => {
    if (mine === local.turn) localTold.textContent = loaded < total ? `Loading ${what}: ${bytes(loaded)} of ${bytes(total)}` : "";
  };
  try {
    const [{ exploreServer }, { openEngine }, { served }] = await Promise.all(
      ["server-explore.js", "engine.js", "told.js"].map((name) => import(`${base}${name}`)),
    );
    if (localEngine?.base !== base) {
      const opened = { base, engine: openEngine({ base, onProgress: (loaded, total) => loading("the engine", loaded, total) }) };
      localEngine = opened;
      opened.engine.catch(() => (localEngine = localEngine === opened ? null : localEngine)); // The next time tries again.
    }
    const { engine } = localEngine;
    const context = { models: [about], base, engine: () => engine, loading };
    const here = served(exploreServer(context));
    const trial = await here.draw({ recipe: { ...wanted, mix: undefined } }); // Loaded now: the first drag need not wait for it.
    if (mine !== local.turn) return undefined;
    if (!trial.ok) return localOff(trial.error);
    Object.assign(local, { about, server: here });
    localTold.textContent = "";
    frame.dataset.computed = "browser";
  } catch (error) {
    if (mine === local.turn) localOff(`This browser could not load the engine (${error.message}). Pictures are computed on the server.`);
  }
  return undefined;
}

/** Another model, or other weights: they have to be fetched too, where they can be. */
new MutationObserver(() => {
  const other = local.asked && (local.asked !== model?.value || (local.about && !isHere(model)));
  if (!model || !(localSoon || other)) return;
  localSoon = false;
  localTurn(true);
}).observe(part("model"), { subtree: true, childList: true });

pressLocal("server");
