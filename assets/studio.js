// What the tabs share: asking the server, one notice where the eye is, seeds, recipes as text, folders of small things.
// Everything here and in the files after it is one function's body: see `assets.script`.

const MAX_SEED = 2n ** 63n - 1n; // Above 2^53 a number loses digits in JavaScript: seeds are text, and BigInt to reckon.
const HARD_PX = 128; // Up to this side single pixels are the content and stay square.
const NO_ANSWER = "The server does not answer. Nothing was changed. See whether it still runs, then try again.";

/** Call a server function; what comes back has `ok`, and `error` where it is false, whatever happened on the way. */
async function ask(server, name, argument = {}) {
  try {
    const answer = await server[name](argument);
    return answer && typeof answer === "object" ? answer : { ok: false, error: NO_ANSWER };
  } catch {
    return { ok: false, error: NO_ANSWER };
  }
}

/**
 * One request under way, and only the newest waiting: `ask(value)`. Every answer goes to `land(answer, value, newest)`,
 * so that a drag is seen moving, and the last position always lands. `idle()` waits until nothing is under way.
 */
function latestOnly(send, land) {
  let waiting = null;
  let running = null;
  const run = async () => {
    while (waiting) {
      const { value } = waiting;
      waiting = null;
      const answer = await send(value);
      land(answer, value, waiting === null);
    }
    running = null;
  };
  return {
    ask(value) {
      waiting = { value };
      running = running ?? run();
      return running;
    },
    drop: () => (waiting = null),
    get busy() {
      return running !== null;
    },
    idle: async () => {
      while (running) await running;
    },
  };
}

/** `work` once what was changed just now is on the screen. */
function afterFrame(work) {
  requestAnimationFrame(() => setTimeout(work));
}

/** `work` once there was no call for `wait` ms. */
function whenQuiet(work, wait) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), wait);
  };
}

/**
 * Shows sentences in an element with role=alert, kept free so that nothing moves; each stays until the next one, and an
 * empty text takes it away. quiet: nothing went wrong. passing: nor need it be kept, for what it tells is seen; it goes.
 */
function notices(line) {
  let timer;
  return (text, { passing = false, quiet = passing } = {}) => {
    clearTimeout(timer);
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("gs-notice", !quiet);
    line.classList.toggle("gs-told", quiet);
    if (passing && text) timer = setTimeout(() => (line.textContent = ""), 6000);
  };
}

/** A seed as text without leading zeros, or null for what is none. */
function seedOf(text) {
  const plain = String(text).trim();
  if (!/^[0-9]{1,64}$/.test(plain)) return null;
  const value = BigInt(plain);
  return value <= MAX_SEED ? String(value) : null;
}

function seedComplaint(text) {
  const plain = String(text).trim();
  const shown = plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
  const what = plain ? `“${shown}” is not a seed` : "The seed is empty";
  return `${what}. The picture stays. Type a whole number from 0 to ${MAX_SEED}.`;
}

/** The seed `steps` further on, round the end of all seeds. */
function seedPlus(seed, steps) {
  const count = MAX_SEED + 1n;
  return String((((BigInt(seed) + BigInt(steps)) % count) + count) % count);
}

/** Short enough to read aloud. */
function randomSeed() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000);
}

/** Recipes as text for an address: JSON in base64url. */
function toAddress(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A File or Blob as base64 without the head of a data URL. */
function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
}

/** Hand a file to the browser. */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Copy text; where the browser does not let a page do that (plain http), a field that is selected already. */
async function copyText(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "gs-aside";
    element.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

/** JSON in the browser's storage, which may be full, forbidden or hold what somebody else wrote. */
const kept = {
  get(storage, key, otherwise) {
    try {
      return JSON.parse(storage.getItem(key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(storage, key, value) {
    try {
      storage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  },
};

/** `make("button", { type: "button", class: "x", onclick }, "text", child)` */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

function limited(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** Seconds as people say them: 4 s, 2 min 5 s. */
function seconds(value) {
  const whole = Math.max(0, Math.round(value));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function percent(part) {
  const value = part * 100;
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** Bytes as people say them: 84 B, 34 kB, 5.1 MB. */
function bytes(count) {
  if (count < 1000) return `${count} B`;
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** Where the server serves a file that it made for this visitor; one that this page made by itself has its address. */
function fileUrl(path) {
  if (path.startsWith("blob:")) return path;
  const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  return `${root}${prefix}/file=${encodeURI(path)}`;
}

const HUB_NAME = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}(@[\w./-]{1,120})?$/;

/** user/name or user/name@revision of what was typed: with hub: before it, or as the address of its page; else null. */
function hubNameOf(text) {
  const page = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/([^/?#\s]+\/[^/?#\s]+)(?:\/(?:tree|blob|resolve|commit)\/([^/?#\s]+))?/.exec(text.trim());
  if (page && /^(datasets|spaces|models|docs|api)\//.test(page[1])) return null;
  const plain = page ? page[1] + (page[2] && page[2] !== "main" ? `@${page[2].replace(/%2F/gi, "/")}` : "") : text.trim().replace(/^hub:/, "");
  return HUB_NAME.test(plain) && !plain.includes("..") ? plain : null;
}

/** A command as nodes that break between options alone; its text stays as it is. */
function commandWords(text) {
  const words = text.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []; // A quoted word may hold spaces.
  const options = words.reduce((all, word) => {
    if (word.startsWith("--") || !all.length) all.push(word);
    else all[all.length - 1] += ` ${word}`;
    return all;
  }, []);
  return options.flatMap((one, at) => [at ? " " : "", make("span", { class: "gs-option" }, one)]);
}

/** Open another tab by its title; on a narrow screen it may stand in the menu of those that have no room. */
function showTab(name) {
  const tabs = [...document.querySelectorAll("[role=tab], .overflow-dropdown button")];
  tabs.find((tab) => tab.textContent.trim() === name)?.click();
}
