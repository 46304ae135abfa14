// How long what is sent or fetched still takes, in the same words wherever that is told.

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
