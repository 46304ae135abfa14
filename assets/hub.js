// Hub: who is signed in, the models on both sides, what is being moved, and the search.

const root = element.querySelector(".hb");
const part = (id) => root.querySelector(`#hub-${id}`);
const tell = notices(part("message"));
const list = part("list");
const STALE_S = 120;

let opened = { may: false, address: "", lets_write: true };
let account = null;
let known = null; // Whom the other panel was told of.
let rows = [];
let seenAt = null;
let checking = null;
let watching = false;
let moves = [];
const items = new Map(); // Rows of the page, by what they are of.
const begun = new Set(); // Moves that this page saw under way: it tells what became of them.
const over = new Set(); // Those of which it has told.
const expected = new Set(); // Those that it began and that no list has held yet.

const keyOf = (row) => (row.state === "only there" ? `there:${row.repository}` : `here:${row.name}`);
const namespace = () => part("namespace").value || null;
const isLast = (move) => move === moves.findLast((one) => one.name === move.name);
const told = () => moves.filter((move) => HUB_MOVING.includes(move.state) || begun.has(move.id) || (move.state === "failed" && isLast(move)));

const act = {
  address: () => opened.address,
  here: (repository) => rows.find((row) => row.repository === repository && row.met),
  may: () => opened.may,
  push: (row, more = {}) => move(row, "push", { name: row.name, namespace: namespace(), private: part("private").checked, ...more }),
  pull: (row, more = {}) => move(row, "pull", { repository: row.repository, name: row.state === "only there" ? row.name.toLowerCase() : row.name, ...more }),
  stop: async (one) => landMoves(await ask(server, "stop_move", { id: one.id })),
  check: (row) => (row.state === "only there" || row.state === "unknown" ? check() : checkOne(row.name)),
  async undo(one) {
    const answer = await ask(server, "undo", { id: one.more.undo });
    begun.delete(one.id);
    if (!answer.ok) return tell(answer.error);
    tell(`${answer.name} is as it was. What was pulled is in the trash.`, { quiet: true });
    drawMoves();
    return checkOne(answer.name);
  },
};

// Account.

async function lookAccount(fresh = false) {
  const before = known;
  const answer = await hubLater("look_account", { fresh });
  account = answer.ok ? answer.account : account;
  const line = part("account");
  line.textContent = answer.ok && account ? account.name : "";
  const may = part("may");
  may.classList.toggle("gs-notice", !answer.ok);
  say(may, answer.ok ? (account ? mayDo() : answer.why) : answer.error);
  if (answer.ok && before && before.name !== account?.name) window.dispatchEvent(new Event(ACCOUNT_CHANGED));
  if (answer.ok) known = { name: account?.name };
  part("sign-in").hidden = !opened.can_sign_in;
  const names = account ? [account.name, ...account.organisations] : [];
  const chosen = part("namespace").value;
  part("namespace").replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  part("namespace").value = names.includes(chosen) ? chosen : (names[0] ?? "");
  part("whose").hidden = names.length < 2;
  part("hidden").hidden = !names.length;
  return answer;
}

function mayDo() {
  if (!opened.may) return "signed in on the Hub.";
  const also = account.organisations.length ? `, also for ${hubFew(account.organisations)}` : "";
  if (!account.may_write) return `may pull and not push: this token only reads. Make one that may write, then log in again.`;
  return opened.lets_write ? `may pull and push${also}.` : "may pull and not push: this Space did not ask for that when you signed in.";
}

// The list.

function draw() {
  const present = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    const item = items.get(key) ?? hubRow(row, act);
    item.show(row);
    present.set(key, item);
  }
  items.clear();
  for (const [key, item] of present) items.set(key, item);
  const elements = [...items.values()].map((item) => item.element);
  const same = elements.length === list.childElementCount && elements.every((one, at) => one === list.children[at]);
  if (!same) list.replaceChildren(...elements);
  const nothing = part("nothing");
  nothing.hidden = rows.length > 0 || seenAt === null || Boolean(checking);
  if (!nothing.hidden) nothing.replaceChildren(make("p", {}, "No models here, and none of yours on the Hub."), make("button", { type: "button", class: "gs-button", onclick: () => showTab("Training") }, "Train one"));
  drawMoves();
}

/** Look at everything anew; gives the rows, or null where the Hub did not answer. */
function check(fresh = true) {
  checking = checking ?? checkAll(fresh).finally(() => {
    checking = null;
    part("check").disabled = false;
    list.setAttribute("aria-busy", "false");
    draw();
    drawAge();
  });
  return checking;
}

async function checkAll(fresh) {
  part("check").disabled = part("sync").disabled = true;
  list.setAttribute("aria-busy", "true");
  drawAge("Checking");
  tell("");
  const whose = lookAccount(fresh);
  const before = rows;
  const so = (answer) => {
    const news = new Set(answer.rows.map(keyOf));
    rows = answer.whole ? answer.rows : [...answer.rows, ...before.filter((row) => !news.has(keyOf(row)))];
    draw();
  };
  if (fresh || !account) await whose;
  const answer = await hubLater("look_models", { namespace: namespace(), fresh: false }, so);
  if (!answer.ok) return tell(answer.error);
  so(answer);
  for (const move of moves) if (!HUB_MOVING.includes(move.state)) begun.delete(move.id); // Old news beside the new list.
  if (answer.error) {
    tell(answer.error);
    if (!(await whose).ok) say(part("may"), ""); // One sentence says it.
    return null;
  }
  seenAt = Date.now();
  return rows;
}

async function checkOne(name) {
  const answer = await hubLater("look_one", { name, namespace: namespace() });
  if (!answer.ok) {
    rows = rows.map((row) => (row.name === name && row.state === "checking" ? { ...row, state: "unknown" } : row));
    draw();
    return tell(answer.error);
  }
  const others = rows.filter((row) => row.name !== name || row.state === "only there").filter((row) => !answer.row || row.state !== "only there" || row.repository !== answer.row.repository);
  rows = [...others, answer.row].filter(Boolean).sort((one, two) => (one.state === "only there") - (two.state === "only there") || (one.name < two.name ? -1 : 1));
  return draw();
}

function ago(age) {
  if (age < 5) return "just now";
  if (age < 60) return `${Math.floor(age)} s ago`;
  return age < 3600 ? `${Math.floor(age / 60)} min ago` : `${Math.floor(age / 3600)} h ago`;
}

function drawAge(words = "") {
  const line = part("age");
  const text = words || (checking ? "Checking" : seenAt === null ? "" : `Checked ${ago((Date.now() - seenAt) / 1000)}`);
  if (line.textContent !== text) line.textContent = text;
}

// What moves.

async function move(row, kind, request) {
  const answer = await begin(kind, request);
  if (!answer.ok) tell(answer.error);
}

async function begin(kind, request) {
  tell("");
  const answer = await ask(server, kind, request);
  if (!answer.ok) return answer;
  begun.add(answer.id);
  expected.add(answer.id);
  watch();
  return answer;
}

/** Ask after the moves until none is under way. */
async function watch() {
  if (watching) return;
  watching = true;
  let lost = 0;
  while (lost < 5) {
    const before = [...expected];
    const answer = await ask(server, "list_moves");
    if (!answer.ok) {
      lost += 1;
      await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
      continue;
    }
    lost = 0;
    before.forEach((id) => expected.delete(id)); // They are in it, or the server has forgotten them.
    landMoves(answer);
    if (!expected.size && !moves.some((one) => HUB_MOVING.includes(one.state))) break;
  }
  watching = false;
  if (lost) tell("The server does not answer. What was on its way may have come to its end. Check again when it is back.");
}

function landMoves(answer) {
  if (!answer.ok) return tell(answer.error);
  moves = answer.moves;
  const ended = [];
  for (const one of moves) {
    if (HUB_MOVING.includes(one.state)) begun.add(one.id);
    else if (begun.has(one.id) && !over.has(one.id)) ended.push(one);
  }
  drawMoves();
  const news = new Set(ended.filter((one) => one.state === "done").map((one) => one.name));
  rows = rows.map((row) => (news.has(row.name) && row.state !== "only there" ? { ...row, state: "checking" } : row)); // It stands otherwise by now.
  if (news.size) draw();
  for (const one of ended) {
    over.add(one.id);
    checkOne(one.name);
  }
  return null;
}

function drawMoves() {
  const shown = told();
  for (const item of items.values()) {
    const { row } = item;
    const fits = (one) => (row.state === "only there" ? one.repository.split("@")[0] === row.repository : one.name === row.name);
    item.move(shown.findLast(fits) ?? null);
  }
  find.show(shown);
  find.draw();
  const nothing = rows.every((row) => row.state === "unknown");
  part("sync").disabled = nothing || Boolean(checking) || !part("plan").hidden || shown.some((one) => HUB_MOVING.includes(one.state));
}

const find = hubFind(part, {
  ...act,
  pull: (repository, name) => begin("pull", { repository, name }),
});
hubSync(part("plan"), part("sync"), { check: () => check(true), run: (row, side) => act[side](row) });
root.querySelectorAll(".gs-help").forEach(closesItself);
part("check").addEventListener("click", () => check(true));
part("namespace").addEventListener("change", () => check(false));
part("sign-in").addEventListener("click", () => document.querySelector("#sign-in")?.click());
setInterval(drawAge, 5000);

async function open() {
  const answer = await ask(server, "open_hub");
  if (!answer.ok) return tell(answer.error);
  opened = answer;
  part("models").hidden = !answer.may;
  find.draw();
  if (!answer.may) return lookAccount();
  if (!rows.length) rows = answer.age_s === null ? answer.rows.map((row) => ({ ...row, state: "checking" })) : answer.rows;
  if (answer.age_s !== null && seenAt === null) seenAt = Date.now() - answer.age_s * 1000;
  landMoves({ ok: true, moves: answer.moves });
  draw();
  drawAge();
  if (moves.some((one) => HUB_MOVING.includes(one.state))) watch();
  if (seenAt === null || Date.now() - seenAt > STALE_S * 1000) return check(false);
  return account ? null : lookAccount();
}

// Asked when the tab is looked at: the Hub hears nothing of who never opens it.
new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting) open();
}).observe(root);
