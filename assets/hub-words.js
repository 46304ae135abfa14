// What the Hub tab and the Deploy panel say alike: code inside a sentence, and how long something still takes.

/** A sentence as nodes: what stands between backticks is code. */
function worded(text) {
  return String(text ?? "")
    .split("`")
    .map((piece, at) => (at % 2 ? make("code", {}, piece) : piece));
}

/** A sentence into `line`, drawn anew only where it says something else: who hears it read out hears it once. */
function say(line, text) {
  if (line.dataset.said === text) return;
  line.dataset.said = text;
  line.replaceChildren(...worded(text));
}

const ACCOUNT_CHANGED = "gan-core-account"; // Somebody logged in or out while the page was open.

const PACE_S = 10; // Of so many of the last seconds,
const PACE_FROM_S = 2; // and of no fewer: what the first bytes promise is wrong.

/**
 * How long something still takes, by its pace in the last seconds. left(id, done, total, at) in seconds, null where nobody
 * can say: it has only begun, or nothing has moved of late. id: another one begins anew.
 */
function pace() {
  let of = null;
  let seen = [];
  return (id, done, total, at = performance.now() / 1000) => {
    if (id !== of || done < (seen.at(-1)?.done ?? 0)) seen = [];
    of = id;
    seen.push({ at, done });
    while (seen.length > 2 && at - seen[1].at >= PACE_S) seen.shift();
    const [first] = seen;
    if (at - first.at < PACE_FROM_S || done <= first.done || done >= total) return null;
    return ((total - done) * (at - first.at)) / (done - first.done);
  };
}

/** ", 12 s left" behind what is told of something under way; nothing where nobody can say. */
const leftWords = (left) => (left === null ? "" : `, ${seconds(Math.max(1, left))} left`);
