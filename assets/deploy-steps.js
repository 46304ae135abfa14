// A deploy as the server tells it: its steps, and what came of it.

const TARGET_NAMES = { static: "Static page", "zero-gpu": "ZeroGPU", cpu: "CPU" };
const STEP_NAMES = { look: "Account", build: "Build", check: "Check", upload: "Upload", wait: "Space" };
const STEP_SAYS = {
  look: "Who deploys, and what is there",
  build: "The folder that becomes the Space",
  check: "Started here, a picture drawn",
  upload: "One commit to the Hub",
  wait: "Built and started there",
};

const stepLeft = pace();

function stepItem(name, step, state) {
  const failed = step?.state === "running" && state === "failed";
  const stopped = step?.state === "running" && state === "stopped";
  const mark = failed ? "failed" : stopped ? "stopped" : (step?.state ?? "waiting");
  const said = { done: "done", running: "under way", failed: "failed", stopped: "cancelled", waiting: "not begun" }[mark];
  const left = mark === "running" && typeof step.share === "number" ? stepLeft(name, step.share, 1) : null;
  const words = make("span", { class: "gs-small dp-words" }, `${step?.words || STEP_SAYS[name]}${leftWords(left)}`);
  const item = make(
    "li",
    { "data-step": name, "data-state": mark, "aria-current": mark === "running" ? "step" : null },
    make("i", { class: "dp-mark", "aria-hidden": "true" }),
    make("span", { class: "dp-step" }, STEP_NAMES[name], make("span", { class: "gs-aside" }, `, ${said}`)),
    words,
  );
  if (mark === "running") {
    const share = step.share;
    const bar = make("i", { style: share === null ? null : `width: ${share * 100}%` });
    const facts = { class: share === null ? "gs-meter gs-unknown" : "gs-meter", role: "progressbar", "aria-label": STEP_NAMES[name], "aria-valuemin": "0", "aria-valuemax": "100" };
    if (share !== null) facts["aria-valuenow"] = Math.round(share * 100);
    item.append(make("div", facts, bar));
  }
  return item;
}

/** A link to a page of the Hub, or its address as text where it is none. */
function hubLink(address) {
  if (!/^https?:\/\//.test(address ?? "")) return make("span", {}, address ?? "");
  return make("a", { class: "gs-link", href: address, target: "_blank", rel: "noopener" }, address);
}

function fileList(title, rows) {
  if (!rows.length) return null;
  const lines = rows.map(([name, size]) => make("li", {}, make("span", {}, name), make("span", { class: "gs-small" }, size)));
  return make(
    "details",
    { class: "gs-fold" },
    make("summary", {}, title),
    make("div", {}, make("ul", { class: "dp-files" }, ...lines)),
  );
}

/** What would move, of a deploy that was only thought through. */
function rehearsed(result) {
  const count = result.send.length;
  const nothing = !count && !result.delete.length;
  const words = nothing ? "Nothing would move: the Space holds it already." : `${count} ${count === 1 ? "file" : "files"}, ${bytes(result.bytes)}, would be sent${result.head ? "" : " to a new Space"}.`;
  return [
    make("p", { role: "status", class: "dp-verdict" }, words),
    result.doubt ? make("p", { class: "gs-notice" }, result.doubt) : null,
    result.changed.length ? make("p", { class: "gs-notice" }, `Somebody changed it there: ${result.changed.slice(0, 5).join(", ")}. A deploy is refused until you allow it under More.`) : null,
    fileList(`Sent, ${count}`, result.send.map(([name, size]) => [name, bytes(size)])),
    fileList(`Deleted there, ${result.delete.length}`, result.delete.map((name) => [name, ""])),
    fileList(`Stays there, ${result.kept.length}`, result.kept.map((name) => [name, "put there by a person"])),
  ];
}

function deployed(result) {
  const kept = result.kept.length ? `Kept, put there by a person: ${result.kept.slice(0, 5).join(", ")}${result.kept.length > 5 ? " and more" : ""}.` : "";
  return [
    make("p", { role: "status", class: "dp-verdict" }, result.sent ? "It is there: " : "Nothing had changed. It is there: ", hubLink(result.url)),
    kept ? make("p", { class: "gs-small" }, kept) : null,
  ];
}

/** A sentence about targets with their names on this page. */
const asOnPage = (text) => text.replace(/\b(static|zero-gpu|cpu)\b/g, (one) => TARGET_NAMES[one]);

/** Draw a course into `host`. acts: {stop, forget, retry(change)}, of which retry takes changes of the form. */
function drawCourse(host, course, acts) {
  host.hidden = !course;
  if (!course) return host.replaceChildren();
  const { state, result } = course;
  const over = state !== "running";
  const open = new Set([...host.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  const names = course.rehearsal ? ["look", "build"] : Object.keys(STEP_NAMES);
  const parts = [
    make("div", { class: "gs-line gs-wrap dp-head" }, make("h4", {}, course.space), make("span", { class: "gs-small" }, `${course.rehearsal ? "What would be sent" : TARGET_NAMES[course.target]}, ${seconds(course.elapsed_s)}`)),
    make("ol", { class: "dp-steps" }, ...names.map((name) => stepItem(name, course.steps[name], state))),
  ];
  if (state === "done") parts.push(...(course.rehearsal ? rehearsed(result) : deployed(result)));
  if (state === "stopped") parts.push(make("p", { role: "status" }, course.steps.upload?.state === "done" ? "No longer waited for. The files are there, and the Space is built without us." : "Cancelled. The Space has the files that it had."));
  if (state === "failed") {
    parts.push(make("p", { class: "gs-notice", role: "alert" }, course.reason === "plan" ? asOnPage(course.error) : course.error));
    if (course.log.length) parts.push(make("pre", { class: "dp-log", tabindex: "0", "aria-label": "The last lines of the log" }, course.log.join("\n")));
  }
  const choices = []; // The text of each button, and what it does.
  if (state === "failed" && course.reason === "diverged") choices.push(["Overwrite it", () => acts.retry({ onto: course.head })]);
  if (state === "failed" && course.reason === "plan" && course.target !== "static") choices.push(["Deploy as static page", () => acts.retry({ target: "static" })]);
  if (over) choices.push(["Close", acts.forget]);
  else choices.push([course.stopping ? "Cancelling" : course.steps.wait ? "Stop waiting" : "Cancel", acts.stop]);
  // Buttons stay while they say the same: one that is drawn anew under a finger is never pressed, and loses the focus.
  const said = [...choices.map(([text]) => text), course.head].join(", ");
  let line = host.querySelector(".dp-line");
  if (line?.dataset.said !== said) {
    const button = ([text, onclick]) => make("button", { type: "button", class: "gs-button", onclick, disabled: !over && course.stopping }, text);
    line = make("div", { class: "gs-line gs-wrap dp-line", "data-said": said }, ...choices.map(button));
    host.replaceChildren(line);
  }
  while (host.firstChild !== line) host.firstChild.remove();
  line.before(...parts.filter((part) => part));
  const log = host.querySelector(".dp-log");
  if (log) log.scrollTop = log.scrollHeight; // The reason stands at the end.
  for (const summary of host.querySelectorAll("details > summary")) summary.parentElement.open = open.has(summary.textContent);
}
