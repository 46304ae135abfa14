// After the first visit the page works without a network: a service worker keeps the bundle's files. It also sends the
// headers that isolate the page from others, without which browsers give WebAssembly one thread only, where the server
// does not send them itself.

const RELOADED = "gan-studio:isolated";
const READY_MS = 4000;

const inTime = (promise, ms) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, null))]);

/**
 * Begin to keep what is loaded. To be awaited before anything large is: where only the service worker can isolate the
 * page, it is reloaded once, and this never settles. Never rejects: without a service worker the page works all the same.
 */
export async function prepareOffline(base) {
  if (!("serviceWorker" in navigator)) return; // Plain http away from this machine, or a browser that keeps nothing.
  try {
    const registered = navigator.serviceWorker.register(new URL("sw.js", base), { scope: base, updateViaCache: "none" });
    const alone = window.top === window; // Inside of another page that page decides; a reload changes nothing.
    if (globalThis.crossOriginIsolated || !alone) return void registered.catch(() => {});
    await registered;
    const ready = await inTime(navigator.serviceWorker.ready, READY_MS);
    if (!ready || sessionStorage.getItem(RELOADED) === base) return; // It did not help the last time.
    sessionStorage.setItem(RELOADED, base);
    location.reload();
    await new Promise(() => {});
  } catch (error) {
    console.info(`This page is not kept for the time without a network: ${error.message}`);
  }
}

/**
 * Fetch what is not kept yet, so that everything works without a network. tell(loaded, total) in bytes. Resolves when it is
 * kept; at once where there is no service worker, and for visitors who asked their browser to save data.
 */
export async function keepAll(base, tell = () => {}) {
  const worker = navigator.serviceWorker?.controller;
  if (!worker || navigator.connection?.saveData) return;
  const channel = new MessageChannel();
  await new Promise((resolve) => {
    channel.port1.onmessage = ({ data }) => {
      tell(data.loaded, data.total);
      if (data.done) resolve();
    };
    worker.postMessage("keep all", [channel.port2]);
  });
}
