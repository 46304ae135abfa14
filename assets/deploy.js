// Deploy to Spaces: what goes where, the same as a command, and the deploy under way, which outlives this page.

const root = element.querySelector(".dp");
const part = (id) => root.querySelector(`#deploy-${id}`);
const tell = notices(part("message"));
const call = (name, request) => ask(server, `deploy_${name}`, request);
const POLL_MS = 700;
const YOU = "you";

let about = null;
let account = { name: null, namespaces: {}, asked: false };
let target = "static";
let following = null;
const left = new Set(); // Models that are not to go along.

const pressTarget = segments(part("target"), TARGET_NAMES, (value) => choose({ target: value }));
const fits = (model) => !model.unfit[target];
const going = () => about.models.filter((model) => fits(model) && !left.has(model.name));
const owner = () => part("owner").value || YOU;

const wish = () => ({
  space: `${owner()}/${part("name").value.trim()}`,
  target,
  models: going().map((model) => model.name),
  title: part("title").value,
  private: part("private").checked,
  hardware: target === "static" ? "" : part("hardware").value,
  skip_check: part("skip").checked,
  force: part("force").checked,
});

// The form.

function choose(change) {
  if (change.target) target = change.target;
  pressTarget(target);
  part("hardware-field").hidden = target === "static";
  const known = account.namespaces[owner()];
  const doubt = known && !known.includes(target) ? ` ${owner()} may not have it, only ${known.map((one) => TARGET_NAMES[one]).join(" or ")}. The Hub decides.` : "";
  part("words").textContent = `${about.targets.find((one) => one.value === target).words}${doubt}`;
  drawModels();
  changed();
}

function drawModels() {
  const row = (model) => {
    const why = model.unfit[target];
    const box = make("input", { type: "checkbox", id: `deploy-model-${model.name}`, disabled: !!why });
    box.checked = !why && !left.has(model.name);
    box.addEventListener("change", () => {
      left[box.checked ? "delete" : "add"](model.name);
      changed();
    });
    const facts = why ?? [model.facts, bytes(model.bytes)].filter(Boolean).join(", ");
    return make("li", {}, make("label", { class: "dp-model" }, box, make("span", {}, model.name), make("span", { class: "gs-small" }, facts)));
  };
  const empty = make("li", { class: "gs-small" }, "There are no models here. Train one, or pull one from the Hub.");
  part("models").replaceChildren(...(about.models.length ? about.models.map(row) : [empty]));
}

const command = latestOnly(
  (sent) => call("command", sent),
  (answer) => {
    part("command").replaceChildren(...(answer.ok ? commandWords(answer.command) : [answer.error]));
    part("copy").hidden = !answer.ok;
  },
);
const commandSoon = whenQuiet(() => command.ask(wish()), 150);

function changed() {
  const count = going().length;
  const size = going().reduce((sum, model) => sum + model.bytes, 0);
  part("total").textContent = count ? `${count} ${count === 1 ? "model" : "models"}, ${bytes(size)} of weights` : about.models.length ? "No model is chosen." : "";
  part("command").parentElement.hidden = !count;
  enable();
  commandSoon();
}

/** Buttons can be pressed where there is something to do; why not stands beside them. */
function enable() {
  const busy = about?.course?.state === "running";
  const able = going().length > 0 && part("name").value.trim() !== "";
  part("go").disabled = busy || !able || !account.name || !Object.keys(account.namespaces).length;
  part("try").disabled = busy || !able;
}

function drawAccount() {
  const names = Object.keys(account.namespaces);
  const chosen = part("owner").value;
  part("owner").replaceChildren(...(names.length ? names : [YOU]).map((name) => make("option", { value: name }, name)));
  if (names.includes(chosen)) part("owner").value = chosen;
  part("owner").disabled = names.length < 2;
  if (account.error) tell(account.error);
  else if (!account.name) {
    tell("");
    part("message").classList.replace("gs-notice", "gs-told"); // It is no failure: nothing was tried.
    part("message").replaceChildren(...worded(account.why));
  }
  else if (!names.length) tell(`The token of ${account.name} may only read. Use one that may write.`);
  else tell("");
}

// The deploy under way.

function show(course) {
  const ended = about.course?.state === "running" && course?.state !== "running";
  if (ended && !course?.rehearsal && part("force").checked) {
    part("force").checked = false; // It was allowed for once.
    changed();
  }
  about.course = course;
  drawCourse(part("course"), course, acts);
  enable();
  clearTimeout(following);
  if (course?.state === "running") following = setTimeout(follow, POLL_MS);
}

async function follow() {
  const answer = await call("poll");
  if (answer.ok) return show(answer.course);
  tell(answer.error);
  following = setTimeout(follow, 3 * POLL_MS); // The server may be back by then.
}

/** onto: a commit that may be overwritten, and no later one. */
async function begin(name, onto = null) {
  tell("");
  part("go").disabled = part("try").disabled = true;
  const answer = await call(name, { ...wish(), onto });
  if (!answer.ok) {
    tell(answer.error);
    return enable();
  }
  show(answer.course);
  part("course").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

const acts = {
  stop: async () => show((await call("stop")).course ?? about.course),
  forget: async () => show((await call("forget")).course),
  retry: ({ onto, ...change }) => {
    choose(change);
    begin("begin", onto);
  },
};

part("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!part("go").disabled) begin("begin");
});
part("try").addEventListener("click", () => begin("rehearse"));
part("copy").addEventListener("click", async () => {
  const done = await copyText(part("command").textContent, root);
  part("copy").textContent = done ? "Copied" : "Select and copy it";
  setTimeout(() => (part("copy").textContent = "Copy"), 2000);
});
for (const id of ["name", "title", "hardware"]) part(id).addEventListener("input", changed);
for (const id of ["private", "skip", "force"]) part(id).addEventListener("change", changed);
part("owner").addEventListener("change", () => choose({}));
root.querySelectorAll(".gs-help").forEach(closesItself);

/** Everything as it is by now. The account comes after the rest: the Hub may take its time. */
async function refresh() {
  const answer = await call("about");
  part("why").hidden = answer.ok && answer.may;
  part("form").hidden = !(answer.ok && answer.may);
  if (!answer.ok || !answer.may) return (part("why").textContent = answer.why ?? answer.error);
  about = answer;
  choose({});
  show(answer.course);
  return refreshAccount();
}

async function refreshAccount() {
  if (!about) return;
  const who = await call("account");
  account = { name: null, namespaces: {}, ...who, error: who.ok ? null : who.error };
  drawAccount();
  choose({});
}
window.addEventListener(ACCOUNT_CHANGED, refreshAccount);

new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting) refresh();
}).observe(root);
