// The service worker of the page without a server. Before these lines stands, written at deploy time:
//   const BUNDLE = {version, files: {path: [bytes, mark]}, later: [paths that are kept only once they are used],
//     elsewhere: [addresses of other origins, which never change]};
//
// What is large, models and the engine's WebAssembly, has a mark that changes with what it holds, and is kept under it:
// whoever has it never asks again. Everything else comes from the network where there is one, so that a new version of
// the page is met at once.

const CACHE = "gan-studio";
const PATIENCE_MS = 5000; // A network that takes longer counts as none where there is a copy.
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};
const here = (path) => new URL(path, self.registration.scope).href;
const marks = new Map([["./", [0, null]], ...Object.entries(BUNDLE.files)].map(([path, [, mark]]) => [here(path), mark]));

/** Under what the answer to a request is kept: its address, of a large file with the mark that was asked for or is known. */
function keyOf(address) {
  const [url, query] = address.split("#")[0].split("?");
  const mark = marks.get(url);
  if (!mark) return url;
  return `${url}?v=${new URLSearchParams(query).get("v") ?? mark}`;
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => {
  const work = async () => {
    const cache = await caches.open(CACHE);
    const known = new Set([...marks.keys()].map(keyOf));
    const old = (await cache.keys()).filter(({ url }) => url.startsWith(self.registration.scope) && !known.has(url));
    await Promise.all(old.map((request) => cache.delete(request)));
    await self.clients.claim();
  };
  event.waitUntil(work());
});

/** The answer with the headers that let WebAssembly have threads. */
function isolated(answer) {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

/** From the network, and kept. address: as it was asked for; what it adds, such as a private Space's signature, goes along. */
async function fetched(key, cache, address = key) {
  const large = key.includes("?");
  const answer = await fetch(large ? key : address, { cache: large ? "default" : "no-cache", credentials: "same-origin" });
  if (answer.status === 200) cache.put(key, answer.clone()).catch(() => {}); // The disk may be full: it is shown all the same.
  return answer;
}

async function answered(address) {
  const key = keyOf(address);
  const cache = await caches.open(CACHE);
  const kept = await cache.match(key);
  if (kept && key.includes("?")) return kept;
  const asked = fetched(key, cache, address);
  if (!kept) return asked;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([asked.then((answer) => (answer.ok ? answer : kept)).catch(() => kept), late]);
}

/** A file of another origin, as the page asks for it: with its hash, which the browser holds it against. */
async function borrowed(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.status === 200) cache.put(request.url, answer.clone()).catch(() => {});
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (BUNDLE.elsewhere.includes(url)) return event.respondWith(borrowed(event.request));
  if (method !== "GET" || !marks.has(url.split(/[?#]/)[0])) return; // No file of the bundle.
  event.respondWith(answered(url).then(isolated));
});

async function keepAll(tell) {
  const cache = await caches.open(CACHE);
  const wanted = Object.entries(BUNDLE.files).filter(([path]) => !BUNDLE.later.includes(path));
  const total = wanted.reduce((sum, [, [bytes]]) => sum + bytes, 0);
  let loaded = 0;
  const keep = async (address) => {
    const key = keyOf(address);
    if (!(await cache.match(key))) await fetched(key, cache);
  };
  await keep(here("./")).catch(() => {});
  for (const url of BUNDLE.elsewhere) await borrowed(new Request(url, { mode: "cors", credentials: "omit" })).catch(() => {});
  for (const [path, [bytes]] of wanted) {
    await keep(here(path)).catch(() => {}); // The next visit tries again.
    loaded += bytes;
    tell({ loaded, total });
  }
  tell({ loaded, total, done: true });
}

self.addEventListener("message", (event) => {
  const [port] = event.ports;
  if (event.data === "keep all") event.waitUntil(keepAll((told) => port.postMessage(told)));
});
