// The page without a server: the same components as the full app, each with a `server` object that computes here. This file
// gives them what Gradio gives them there: an element, props to watch, events from one to another, a theme, tabs.

import { openEngine } from "./engine.js";
import { keepAll, prepareOffline } from "./offline.js";
import { Told, sentence, served } from "./told.js";

const TAB = "gan-studio.tab";
const base = new URL(".", import.meta.url).href;
const facts = JSON.parse(document.getElementById("facts").textContent);
const tabs = [...document.querySelectorAll("[role=tab]")];
const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

// Light or dark: as the address asks (?__theme=dark, as in the full app), or as the system is.

const asked = new URLSearchParams(location.search).get("__theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.body.classList.toggle("dark", ["light", "dark"].includes(asked) ? asked === "dark" : dark.matches);
dark.addEventListener("change", shade);
shade();

// What is being loaded, in bytes, in the line that otherwise says where everything is computed.

const line = document.getElementById("ps-line");
const [words, bar] = line.children;
const still = words.textContent;
const under = new Map();
const inMb = (bytes) => (bytes / 1e6).toFixed(1);

/** what: a name for people; loaded >= total takes it away; total 0: not known. */
function loading(what, loaded, total) {
  if (total && loaded >= total) under.delete(what);
  else under.set(what, { loaded, total });
  const now = [...under].at(-1);
  line.classList.toggle("ps-loading", Boolean(now));
  if (!now) {
    words.textContent = still;
    return;
  }
  const [name, { loaded: got, total: all }] = now;
  words.textContent = all ? `Loading ${name}: ${inMb(got)} of ${inMb(all)} MB` : `Loading ${name}: ${inMb(got)} MB`;
  bar.style.width = `${all ? (100 * got) / all : 0}%`;
}

/** What cannot be shown: one sentence in its place, and a way out. panel: of a component; without one, the whole page's. */
function stop(error, panel = document.querySelector("main")) {
  const fetching = /dynamically imported module|import/i.test(error?.message ?? "");
  const text = fetching ? "A part of this page could not be fetched. See whether you are online, then try again." : sentence(error);
  const again = document.createElement("button");
  Object.assign(again, { type: "button", className: "gs-button", textContent: "Try again" });
  again.addEventListener("click", () => location.reload());
  const told = document.createElement("div");
  told.className = "ps-stop";
  told.setAttribute("role", "alert");
  told.append(Object.assign(document.createElement("p"), { textContent: text }), again);
  panel.replaceChildren(told);
  document.documentElement.dataset.failed = text;
}

// The engine, opened when the first component asks for it.

let engine = null;
const context = {
  ...facts,
  base,
  loading,
  engine: () => {
    engine ??= openEngine({ base, onProgress: (loaded, total) => loading("the engine", loaded, total) }).catch((error) => {
      engine = null; // Whoever asks again tries again.
      loading("the engine", 1, 1);
      throw error;
    });
    return engine;
  },
};

// Components.

const SERVERS = {
  explore: async () => (await import("./server-explore.js")).exploreServer(context),
  interpolate: async () => (await import("./server-interpolate.js")).interpolateServer(context),
  paint: async () => (await import("./server-paint.js")).paintServer(context),
};
const servers = {}; // By name, as promises.
const serverOf = (name) => (servers[name] ??= SERVERS[name]());
const mounted = {}; // Their props, by name.

/** Like Gradio's: props.value may be watched, and `trigger` hands it to another component. */
function propsOf() {
  const watchers = [];
  let value = null;
  const props = {
    get value() {
      return value;
    },
    set value(next) {
      value = next;
    },
  };
  return { props, watch: (_, work) => watchers.push(work), told: () => watchers.forEach((work) => work()) };
}

/**
 * The page says that it is ready once its first component has computed something: Explore its first picture, although that
 * one came with the page and is seen already.
 */
function telling(name, server) {
  if (name !== tabs[0].dataset.name) return server;
  const { open } = server;
  const ready = () => (document.documentElement.dataset.ready = name);
  server.open = async (request) => {
    const answer = await open(request);
    if (!answer.ok || document.documentElement.dataset.ready) return answer;
    if (name === "paint") ready();
    else if (answer.recipe) server.draw({ recipe: answer.recipe, live: false }).then(({ ok }) => ok && ready());
    return answer;
  };
  return server;
}

async function mount(name) {
  if (mounted[name]) return;
  const { props, watch, told } = (mounted[name] = propsOf());
  mounted[name].hand = (value) => {
    props.value = value;
    told();
  };
  try {
    const [component, server] = await Promise.all([import(`./components/${name}.js`), serverOf(name)]);
    const trigger = async (event) => {
      if (event !== "select") return;
      await mount("explore");
      mounted.explore.hand(props.value);
    };
    const upload = server.upload ?? (() => Promise.reject(new Told("Files are not taken here.")));
    component.mount(document.getElementById(name), telling(name, served(server.methods ?? server)), props, trigger, watch, upload);
  } catch (error) {
    console.error(error);
    stop(error, document.getElementById(name));
  }
}

// Tabs.

function show(tab, focus = false) {
  for (const one of tabs) {
    const on = one === tab;
    one.setAttribute("aria-selected", String(on));
    one.tabIndex = on ? 0 : -1;
    panelOf(one).hidden = !on;
  }
  if (focus) tab.focus();
  try {
    sessionStorage.setItem(TAB, tab.dataset.name);
  } catch {
    // Without storage a reload begins at the first one.
  }
  mount(tab.dataset.name);
}

document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  show(tabs.at(to % tabs.length), true);
});
tabs.forEach((tab) => tab.addEventListener("click", () => show(tab)));

function firstTab() {
  if (new URLSearchParams(location.search).has("recipe")) return tabs[0];
  try {
    const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
    return (reloaded && tabs.find((tab) => tab.dataset.name === sessionStorage.getItem(TAB))) || tabs[0];
  } catch {
    return tabs[0];
  }
}

/** For the check of a bundle before it is put anywhere: one picture and one painting of each model. */
globalThis.ganStudioCheck = async () => (await import("./self-check.js")).check({ ...context, serverOf });

async function begin() {
  if (typeof WebAssembly !== "object") {
    throw new Told("This browser has no WebAssembly, by which the page computes. Nothing was loaded. Use a newer browser.");
  }
  await prepareOffline(base);
  show(firstTab());
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 3000));
  const settled = () => [...document.querySelectorAll("[aria-busy]")].every((one) => one.getAttribute("aria-busy") !== "true" || one.closest("[hidden]"));
  const wait = () => setTimeout(() => (settled() && !under.size ? idle(() => keepAll(base, () => {})) : wait()), 1500);
  wait(); // What is not used yet is fetched for the time without a network when the first picture stands.
}

begin().catch((error) => {
  console.error(error);
  stop(error);
});
