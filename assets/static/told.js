// Sentences for people. What a server object of this page cannot do, it throws as `Told`; the components get it as text.

/** An error whose message is a sentence for people: what happened, what was not done, what to do. */
export class Told extends Error {
  name = "Told";
}

const MEMORY = "The browser ran out of memory. Nothing was changed. Close other tabs, or take a smaller size.";

/** What to say of anything that was thrown. */
export function sentence(error) {
  if (error instanceof Told || error?.name === "Told") return error.message;
  const text = String(error?.message ?? error);
  if (/out of memory|allocat|bad_alloc|memory access|Array buffer/i.test(text)) return MEMORY;
  return `That went wrong (${text.split("\n")[0].slice(0, 120)}). Nothing was changed. Reload the page if it happens again.`;
}

/**
 * The methods as a component calls them: with one object, answered by one that has `ok`, and `error` where it is false.
 * In the full app this is done by the server.
 */
export function served(methods) {
  const answering = (work) => async (request) => {
    try {
      return { ok: true, ...(await work(request ?? {})) };
    } catch (error) {
      if (error?.name !== "Told") console.error(error);
      return { ok: false, error: sentence(error) };
    }
  };
  return Object.fromEntries(Object.entries(methods).map(([name, work]) => [name, answering(work)]));
}

/** A file of this bundle, with progress: told(loaded, total) in bytes; total is 0 where the server does not say. */
export async function fetched(url, told = () => {}, what = "A file of this page") {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw new Told(`${what} could not be fetched. Nothing was changed. See whether you are online, then try again.`);
  }
  if (!answer.ok) throw new Told(`${what} is not there (${answer.status}). Nothing was changed. Reload the page.`);
  const packed = answer.headers.get("content-encoding"); // Then the length is that of the packed file.
  const total = packed ? 0 : Number(answer.headers.get("content-length") ?? 0);
  const parts = [];
  let loaded = 0;
  try {
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      loaded += value.length;
      told(loaded, total);
    }
  } catch {
    throw new Told(`${what} came only in part. Nothing was changed. See whether you are online, then try again.`);
  }
  const whole = new Uint8Array(loaded);
  parts.reduce((place, part) => (whole.set(part, place), place + part.length), 0);
  return whole;
}
