// "In my browser": Explore's pictures drawn by this machine, with the same engine as the page that needs no server. The
// server exports the model once; from then on a drag asks nobody. What cannot be drawn here goes to the server as before.

const LOCAL = "gan-studio:computed";
const onServer = server;

const local = { model: null, server: null, asked: null, turn: 0 }; // The model that this machine can draw, its server object, and the one that was asked for.

const localHost = make("div", { class: "xp-local" });
const localTold = make("span", { class: "gs-small", role: "status" });
const localWay = make("span", { id: "explore-local", "aria-label": "Computed" });
localHost.append(make("span", { class: "gs-small", "aria-hidden": "true" }, "Computed"), localWay, localTold);
root.querySelector(".xp-bar").after(localHost);

const pressLocal = segments(localWay, { server: "On the server", browser: "In my browser" }, (way) => {
  kept.set(localStorage, LOCAL, way);
  localTurn(way === "browser");
});

/** A picture that this machine can draw: of the model that is here, and without what lies inside of the network. */
const drawnHere = (recipe) => local.server && recipe?.model?.name === local.model && !recipe.mix;

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

function localOff(text = "") {
  local.turn += 1;
  Object.assign(local, { asked: null, model: null, server: null });
  delete frame.dataset.computed;
  pressLocal("server");
  localTold.textContent = text;
}

async function localTurn(on) {
  if (!on || !model) return localOff();
  local.turn += 1;
  const mine = local.turn;
  const { value } = model;
  local.asked = value;
  pressLocal("browser");
  localTold.textContent = "Asking for the model";
  const begun = await ask(onServer, "local_start", { model: value });
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
  return localOpen(answer, value, mine);
}

let localEngine = null; // {base, engine}: one for all models.

async function localOpen({ base: path, about }, value, mine) {
  const base = new URL(`${fileUrl(path)}/`, location.href).href;
  const inMb = (count) => (count / 1e6).toFixed(1);
  const loading = (what, loaded, total) => {
    if (mine === local.turn) localTold.textContent = loaded < total ? `Loading ${what}: ${inMb(loaded)} of ${inMb(total)} MB` : "";
  };
  try {
    const [{ exploreServer }, { openEngine }, { served }] = await Promise.all(
      ["server-explore.js", "engine.js", "told.js"].map((name) => import(`${base}${name}`)),
    );
    if (localEngine?.base !== base) localEngine = { base, engine: openEngine({ base, onProgress: (loaded, total) => loading("the engine", loaded, total) }) };
    // The address changes with the weights, so that no copy of older ones is taken.
    const onnx = { ...about.onnx, file: `${about.onnx.file}?v=${about.onnx.sha256.slice(0, 8)}` };
    const context = { models: [{ ...about, onnx }], base, engine: () => localEngine.engine, loading };
    const here = served(exploreServer(context));
    const trial = await here.draw({ recipe: { ...wanted, mix: undefined } }); // Loaded now: the first drag need not wait for it.
    if (mine !== local.turn) return undefined;
    if (!trial.ok) return localOff(trial.error);
    Object.assign(local, { model: about.name, server: here });
    localTold.textContent = "";
    frame.dataset.computed = "browser";
  } catch (error) {
    localEngine = null;
    if (mine === local.turn) localOff(`This browser could not load the engine (${error.message}). Pictures are computed on the server.`);
  }
  return undefined;
}

/** Another model is shown: it has to be fetched too, where it can be. */
new MutationObserver(() => {
  if (model && local.asked && local.asked !== model.value) localTurn(true);
}).observe(part("model"), { subtree: true, childList: true });

pressLocal("server");
if (kept.get(localStorage, LOCAL, "server") === "browser") {
  const ready = setInterval(() => {
    if (!model) return;
    clearInterval(ready);
    localTurn(true);
  }, 200);
}
