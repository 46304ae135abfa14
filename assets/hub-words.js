// What the Hub tab and the Deploy panel say alike: code inside a sentence.

/** A sentence as nodes: what stands between backticks is code. */
function worded(text) {
  return String(text ?? "")
    .split("`")
    .map((piece, at) => (at % 2 ? make("code", { class: "gs-code" }, piece) : piece));
}

/** A sentence into `line`, drawn anew only where it says something else: who hears it read out hears it once. */
function say(line, text) {
  if (line.dataset.said === text) return;
  line.dataset.said = text;
  line.replaceChildren(...worded(text));
}

const ACCOUNT_CHANGED = "gan-core-account"; // Somebody logged in or out while the page was open.
