// What the parts of the Hub tab share: questions that are jobs on the server, files in words, a state with its mark.

const HUB_STATES = {
  "in sync": "Both sides are the same",
  ahead: "Changed here since both were the same",
  behind: "Changed there since both were the same",
  diverged: "Changed on both sides",
  "only here": "Not on the Hub",
  "only there": "Not here",
  unknown: "Nothing can be said of it",
  checking: "The Hub is being asked",
};
const HUB_MOVING = ["waiting", "running"];

/** Ask for something that asks the Hub; progress(answer) as it comes in. What comes back has `ok`, else `error`, `reason`. */
async function hubLater(name, request = {}, progress = () => {}, cancelled = () => false) {
  const begun = await ask(server, name, request);
  if (!begun.ok) return begun;
  const told = (so) => so.answer?.ok && progress(so.answer);
  const last = await followed(begun.job, (job) => ask(server, "hub_poll", { job }), told, cancelled);
  if (cancelled()) ask(server, "hub_stop", { job: begun.job });
  if (!last.ok) return { ok: false, error: last.error ?? NO_ANSWER, reason: "" };
  return last.answer ?? { ok: false, error: "The question was broken off. Ask again.", reason: "" };
}

function hubCount(number, word = "file") {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/** Files of {name: bytes} in words: 3 files, 7.1 MB. */
function hubAmount(moved, gone = []) {
  const names = Object.keys(moved);
  const size = Object.values(moved).reduce((sum, one) => sum + one, 0);
  const deleted = gone.length ? `, ${gone.length} to delete` : "";
  return names.length || !gone.length ? `${hubCount(names.length)}, ${bytes(size)}${deleted}` : `${hubCount(gone.length)} to delete`;
}

/** A few names, and how many more there are. */
function hubFew(names, most = 3) {
  return names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ");
}

function hubState(state) {
  return [make("i", { class: "hb-mark", "data-state": state, "aria-hidden": "true" }), make("span", { title: HUB_STATES[state] }, state)];
}

/** A list of files with their bytes. */
function hubFiles(title, moved, gone = []) {
  const row = (name, text) => make("li", {}, make("span", {}, name), make("span", { class: "hb-right" }, text));
  const rows = [...Object.entries(moved).map(([name, size]) => row(name, bytes(size))), ...gone.map((name) => row(name, "deleted"))];
  return make("div", { class: "hb-files" }, make("h4", {}, title), make("ul", {}, ...rows));
}

function hubLink(address, repository) {
  const [name, revision] = repository.split("@");
  const href = `${address}/${name}${revision ? `/tree/${revision}` : ""}`;
  return make("a", { class: "gs-link", href, target: "_blank", rel: "noopener noreferrer" }, `${name} on the Hub`);
}

/** Where a model is looked at: the button says where it leads. */
function hubOpen({ name, kind }) {
  return make("button", { type: "button", class: "gs-button", "aria-label": `Open ${name} in ${placeOf(kind)}`, onclick: () => openIn(placeOf(kind), name) }, `Open in ${placeOf(kind)}`);
}

/** Bytes under way: a bar and words; of what cannot be counted, a bar that moves. */
function hubMeter() {
  const bar = make("i");
  const meter = make("div", { class: "gs-meter", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const words = make("span", { role: "status" });
  const left = pace();
  return {
    element: make("div", { class: "hb-meter" }, meter, words),
    show(move) {
      const verb = move.kind === "push" ? "Pushing" : "Pulling";
      const known = move.state === "running" && move.total > 0;
      meter.setAttribute("aria-label", `${verb} ${move.name}`);
      meter.classList.toggle("gs-unknown", !known);
      bar.style.width = known ? `${(100 * move.done) / move.total}%` : "";
      if (known) meter.setAttribute("aria-valuenow", Math.round((100 * move.done) / move.total));
      else meter.removeAttribute("aria-valuenow");
      const still = known ? leftWords(left(move.id, move.done, move.total)) : "";
      let text = known ? `${verb}, ${bytes(move.done)} of ${bytes(move.total)}${still}` : `${verb}`;
      if (move.state === "waiting") text = `Waits for its turn to be ${move.kind}ed`;
      if (move.stopping) text = "Cancelling";
      if (words.textContent !== text) words.textContent = text;
    },
  };
}

/** What a move that is over came to, as a sentence. */
function hubCameTo(move) {
  if (move.state === "stopped") return "Cancelled; nothing was changed.";
  if (move.state === "failed") return move.error;
  const { files, bytes: size, commit, tag } = move.more ?? {};
  const what = files ? `${hubCount(files)}, ${bytes(size)}` : "nothing that was not there";
  const at = commit ? `, commit ${commit.slice(0, 8)}` : "";
  return `${move.kind === "push" ? "Pushed" : "Pulled"} ${what}${at}${tag ? `, tagged ${tag}` : ""}.`;
}
