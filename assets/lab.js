// Training: the parts put together, and the one question a second that keeps them true.

const LAB_CHOSEN = "gan-studio.run";
const LAB_ACTIVE_MS = 1000;
const LAB_IDLE_MS = 4000; // Runs may be started elsewhere: by command line, or on another machine.
const LAB_GRACE_MS = 5000; // A run that was begun just now is missing from an answer that was asked for before.
const LAB_AWAY = "The server does not answer. Trainings go on without it, and this page goes on when it is back.";

const root = element.querySelector(".lb");
const part = (id) => root.querySelector(`#lab-${id}`);
const tell = notices(part("message"));
const call = (name, argument) => ask(server, name, argument);
const rows = new Map();

let order = [];
let listStamp = null;
let stamp = null;
let chosen = kept.get(sessionStorage, LAB_CHOSEN, null);
let chosenAt = -LAB_GRACE_MS;
let seen = null; // The chosen run as it was drawn last.
let overlaid = "";
let away = false;
let listed = false; // The list has been here once.
let offered = false; // The form was opened because there was nothing to show: whoever closes it has seen it.
let rights = { may: true, why: "" };

function openIn(place, model) {
  props.value = JSON.stringify({ model, at: Date.now() }); // The time makes it news, should it be the same model again.
  trigger(place === "Explore" ? "open_explore" : "open_paint");
  showTab(place);
}

const forming = () => !part("form").hidden;

const list = runList(part("runs"), {
  chosen: (id) => {
    form.close();
    choose(id);
  },
  compare: () => overlay(),
  newRun: () => (forming() ? form.close() : form.open({ from: null })),
});
const trash = runTrash(part("deleted"), { call, tell, restore });
const head = lookHead(part("head"));
const trouble = lookTrouble(part("trouble"), { resume: () => control.resume() });
const findings = lookFindings(part("findings"), { go: goTo });
const chart = curveChart(part("chart"), { call, onCursor: (step) => travel.goto(step) });
const travel = timeTravel(part("travel"), { call, onStep: (step) => chart.cursor(step), open: openIn, tell, changed: () => poll(), chosen: (id) => choose(id, { reveal: true }) });
const bench = stepBench(part("bench"), { call, tell });
const control = runControl(part("control"), { acts: head.acts, call, tell, changed: () => poll(), removed });
const form = startForm(part("form"), {
  call,
  tell,
  started: (id) => {
    form.close();
    return choose(id, { reveal: true });
  },
});

/** Samples and curves at a step that a sentence names. */
function goTo(step) {
  travel.goto(step);
  chart.cursor(step); // After the samples, which go to the nearest of theirs.
}

function choose(id, { reveal = false } = {}) {
  chosen = id;
  chosenAt = performance.now();
  stamp = null;
  kept.set(sessionStorage, LAB_CHOSEN, id);
  tell("");
  drawList();
  list.reveal();
  return poll().then(() => reveal && list.reveal());
}

const fresh = () => performance.now() - chosenAt < LAB_GRACE_MS;

/** The run that a page opens with: the one it showed last, else the first of the list. */
function settle() {
  if (chosen && (rows.has(chosen) || fresh())) return;
  if (chosen && listed) tell(`${seen?.title ?? chosen} is not here any more: it was deleted or moved.`, { quiet: true });
  chosen = order[0] ?? null;
  kept.set(sessionStorage, LAB_CHOSEN, chosen); // A reload shows the same again, whatever began meanwhile.
  stamp = null;
}

function drawList() {
  list.draw(order.map((id) => rows.get(id)), chosen);
}

/** News of the list: rows that changed, and their order where that did. */
function takeList(news) {
  listStamp = news.stamp;
  if (news.same) return;
  if (news.whole) rows.clear();
  for (const row of news.rows) rows.set(row.id, row);
  if (news.order) order = news.order.filter((id) => rows.has(id));
  for (const id of [...rows.keys()].filter((id) => !order.includes(id))) rows.delete(id);
}

function overlay() {
  if (!seen) return;
  const over = list.over(seen.id);
  overlaid = JSON.stringify([seen.id, over]);
  chart.show(seen, over);
}

/** Draw what is new of the chosen run; parts that show the same stay untouched. */
function drawRun(given) {
  const run = { ...given, may: rights.may };
  const before = seen;
  seen = run;
  head.draw(run);
  trouble.draw(run, rights.may);
  findings.draw(run);
  control.draw(run, rights.why);
  travel.show(run);
  bench.show(run);
  const told = before?.id === run.id && before.events.length === run.events.length && before.active === run.active;
  if (!told || overlaid !== JSON.stringify([run.id, list.over(run.id)])) return overlay();
  if (JSON.stringify(before.written) !== JSON.stringify(run.written)) chart.refresh();
  return undefined;
}

function show() {
  const none = !order.length;
  for (const id of ["head", "one"]) part(id).hidden = !seen || forming();
  part("bench").hidden = forming();
  part("trouble").classList.toggle("lb-away", !seen || forming());
  part("why").hidden = !none || !listed;
  runsPut(part("why"), `There are no runs yet. ${rights.may ? "The first one needs no files: the shapes are drawn here." : (rights.why ?? "")}`);
  list.may(rights.may);
  list.forming(forming());
}

async function look() {
  const before = chosen; // Another one may be chosen meanwhile.
  const answer = await call("watch", { run: before, stamp, list_stamp: listStamp });
  if (!answer.ok) {
    // Said once: what was there before stays in sight.
    if (!away) tell(answer.error === NO_ANSWER ? LAB_AWAY : answer.error);
    away = true;
    return;
  }
  if (away) tell("");
  away = false;
  takeList(answer.list);
  const news = answer.look;
  if (news?.gone && !(before === chosen && fresh())) {
    rows.delete(before); // Before the list has noticed.
    order = order.filter((id) => id !== before);
  }
  settle();
  drawList();
  if (!listed) list.reveal();
  listed = true;
  if (!chosen) {
    if (seen) bench.show(null);
    seen = null;
    if (rights.may && !offered && !forming()) form.open({ from: null });
    offered = true;
  } else if (news?.run && before === chosen) {
    stamp = news.stamp;
    drawRun(news.run);
  }
  show();
  if (chosen && chosen !== before) again = true;
}

let looking = null;
let again = false;

/** One question at a time; whoever asks meanwhile gets one more after it. */
function poll() {
  again = true;
  looking ??= (async () => {
    while (again) {
      again = false;
      await look();
    }
    looking = null;
  })();
  return looking;
}

const watching = () => root.offsetParent !== null && !document.hidden;
let timer;

async function tick() {
  clearTimeout(timer);
  if (watching()) await poll();
  clearTimeout(timer);
  timer = setTimeout(tick, [...rows.values()].some((row) => row.active) || (chosen && !rows.has(chosen)) ? LAB_ACTIVE_MS : LAB_IDLE_MS);
}

// Deleting, and the way back.

function removed(answer, run) {
  trash.draw(answer.deleted);
  const undo = make("button", { type: "button", class: "gs-button", onclick: () => restore(answer.id) }, "Undo");
  tell("", { quiet: true });
  part("message").replaceChildren(`${run.title} was deleted. It stays in the trash for 30 days. `, undo); // Until something else is said.
  undo.focus();
}

async function restore(id) {
  const answer = await call("restore_run", { id });
  if (!answer.ok) return tell(answer.error);
  trash.draw(answer.deleted);
  await choose(answer.run, { reveal: true });
  return tell(`${answer.run} is back.`, { passing: true });
}

async function arrive() {
  const [answer, deleted] = await Promise.all([call("rights"), call("deleted_runs")]);
  if (answer.ok) rights = answer;
  if (deleted.ok) trash.draw(rights.may ? deleted.deleted : []);
  if (seen) drawRun(seen);
  await tick();
}

new MutationObserver(() => {
  show();
  if (!forming() && seen) overlay(); // The chart had no room while the form was open.
}).observe(part("form"), { attributes: true, attributeFilter: ["hidden"] });
new IntersectionObserver((entries) => entries.at(-1).isIntersecting && arrive()).observe(root);
document.addEventListener("visibilitychange", () => watching() && tick());
