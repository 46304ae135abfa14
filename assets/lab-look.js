// The chosen run in words: its status, what went wrong, and what its curves say.

const LOOK_LATE_MS = 120_000; // Who was to try again by then is gone.
const LOOK_FINDINGS = 3; // So many stand open; the earlier ones are folded.

/** A moment: 14:05 today, else 20 Nov, 14:05. */
function lookMoment(at) {
  const moment = new Date(at * 1000);
  const time = moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (moment.toDateString() === new Date().toDateString()) return time;
  const year = moment.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return `${moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year })}, ${time}`;
}

function lookOrigin(origin) {
  if (!origin) return "";
  if (origin.model) return `fine-tuned from ${origin.model}`;
  return origin.run ? `branched from ${origin.run} at step ${Number(origin.step).toLocaleString("en")}` : "";
}

/** Where a run is pushed: what is there, what waits and since when, and what the last try came to. */
function lookPush(host) {
  const link = make("a", { target: "_blank", rel: "noopener noreferrer" });
  const words = make("span");
  const trouble = make("p", { class: "gs-small lb-push-trouble", role: "status" });
  host.append(make("p", { class: "gs-small lb-more" }, "Pushed to ", link, words), trouble);

  function facts(push, run) {
    const there = push.step == null ? "nothing is there yet" : `up to step ${push.step.toLocaleString("en")}, ${lookMoment(push.at)}${push.sent_bytes ? `, ${bytes(push.sent_bytes)} sent so far` : ""}`;
    const since = push.at ?? run.started_at;
    const waits = push.pending ? `pending: ${push.pending}${since ? ` since ${lookMoment(since)}` : ""}` : "nothing is pending";
    const often = run.active && !push.ended ? `every ${push.minutes.toLocaleString("en")} min` : "";
    return ["", there, waits, often].filter((one, at) => !at || one).join(" \u00b7 ");
  }

  function wrong(push, run) {
    if (!push.trouble) return "";
    if (push.ended) return push.trouble;
    const late = push.next_at * 1000 < Date.now() - LOOK_LATE_MS;
    return `${push.trouble} ${late && !run.active ? "It is not tried any more: push it later, with Push to the Hub." : `It is tried again at ${lookMoment(push.next_at)}.`}`;
  }

  return {
    draw(run) {
      const { push } = run;
      host.hidden = !push;
      if (!push) return;
      runsPut(link, push.repository);
      if (/^https?:/.test(push.address)) link.href = push.address;
      runsPut(words, facts(push, run));
      runsPut(trouble, wrong(push, run));
    },
  };
}

/** The status line: numbers that move first, then what stays. */
function lookHead(host) {
  const name = make("h3", { class: "lb-name" });
  const state = make("b", { class: "lb-state" });
  const numbers = make("span", { class: "lb-numbers" });
  const facts = make("p", { class: "gs-small lb-more" });
  const fill = make("i");
  const bar = make("div", { class: "lb-bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const acts = make("div", { class: "lb-acts" });
  const pushed = make("div", { class: "lb-push", hidden: true });
  const push = lookPush(pushed);
  host.append(make("div", {}, make("div", { class: "lb-status" }, name, state, numbers), facts, pushed), acts, bar);
  return {
    /** Where the buttons stand that are wanted most. */
    acts,
    draw(run) {
      runsPut(name, run.title);
      name.title = run.id;
      runsPut(state, run.state === "running" && run.control.paused ? "Pausing" : runsState(run));
      state.className = `lb-state lb-${run.state}`;
      const done = run.total_steps ? `step ${run.step.toLocaleString("en")} of ${run.total_steps.toLocaleString("en")}` : "";
      const speed = run.images_per_s ? `${run.images_per_s.toLocaleString("en", { maximumFractionDigits: run.images_per_s < 10 ? 1 : 0 })} images/s` : "";
      const left = run.left_s != null ? `${runsSpan(run.left_s)} left` : "";
      runsPut(numbers, [done, speed, left].filter(Boolean).join(", "));
      const ended = run.ended_at && !run.imported ? `${run.state} ${lookMoment(run.ended_at)}` : "";
      const trained = run.trained_s ? `trained for ${runsSpan(run.trained_s)}` : "";
      const begun = run.started_at ? `${run.imported ? "imported" : "begun"} ${lookMoment(run.started_at)}` : "";
      const id = run.title === run.id ? "" : run.id;
      runsPut(facts, [runsFacts(run), run.device, lookOrigin(run.origin), begun, ended, trained, id].filter(Boolean).join(" \u00b7 "));
      push.draw(run);
      fill.style.width = `${run.part * 100}%`;
      fill.className = run.active ? "" : "lb-still";
      bar.setAttribute("aria-valuenow", String(Math.round(run.part * 100)));
    },
  };
}

/** What went wrong with a run, in a word to the point; empty where nothing did. Its Resume then stands beside that. */
function lookWrong(run) {
  return run.error || (run.state === "interrupted" ? "Its trainer is gone." : "");
}

/** What went wrong with a run, and the way on. */
function lookTrouble(host, { resume }) {
  let said = "";
  return {
    draw(run, may) {
      const what = lookWrong(run);
      const shown = what !== "";
      const next = JSON.stringify([run.id, what, run.step, run.resumes_at, run.resumable, may, run.state]);
      if (next === said) return;
      said = next;
      host.hidden = !shown;
      if (!shown) return;
      const back = run.resumes_at ? `It can go on from step ${run.resumes_at.toLocaleString("en")}, which is saved.` : "Nothing was saved yet: it would begin again.";
      const words = run.state === "interrupted" ? `Interrupted at step ${run.step.toLocaleString("en")}: ${what} ${run.imported ? "" : back}` : what;
      const button = make("button", { type: "button", class: "gs-button", id: "lab-again", onclick: () => resume() }, "Resume");
      host.replaceChildren(make("p", { class: "gs-notice" }, words), run.resumable && may ? button : "");
    },
  };
}

/** Events of a run as sentences, newest first; go(step) when one is pressed. */
function lookFindings(host, { go }) {
  const help = make(
    "details",
    { class: "gs-help" },
    make("summary", { "aria-label": "About the findings" }, "?"),
    make("div", {}, make("p", {}, "While it trains, a run is looked at for mode collapse, a discriminator or generator that overpowers the other, oscillation, memorised pictures, a plateau, and trouble with the data. Each finding tells the evidence and what helps."), make("p", {}, "Findings are marked; the other lines tell what was changed.")),
  );
  closesItself(help);
  const list = make("ul", { class: "lb-events" });
  const older = make("ul", { class: "lb-events" });
  const fold = make("details", { class: "lb-earlier", hidden: true }, make("summary", { class: "gs-small" }), older);
  const none = make("p", { class: "gs-small" });
  host.append(make("div", { class: "lb-with" }, make("h3", {}, "Findings"), help), none, list, fold);
  let said = "";
  const line = (event) =>
    make(
      "li",
      { class: event.finding ? "lb-finding" : "lb-notice" },
      make("button", { type: "button", class: "lb-step", "aria-label": `Go to step ${event.step.toLocaleString("en")}`, onclick: () => go(event.step) }, `Step ${event.step.toLocaleString("en")}`),
      make("span", {}, event.finding ? make("b", {}, `${event.title}. `) : "", event.text),
    );
  return {
    draw(run) {
      const next = JSON.stringify([run.id, run.events, run.active]);
      if (next === said) return;
      if (!said.startsWith(`["${run.id}"`)) fold.open = false;
      said = next;
      const events = [...run.events].reverse();
      list.replaceChildren(...events.slice(0, LOOK_FINDINGS).map(line));
      older.replaceChildren(...events.slice(LOOK_FINDINGS).map(line));
      fold.hidden = events.length <= LOOK_FINDINGS;
      runsPut(fold.querySelector("summary"), `${events.length - LOOK_FINDINGS} earlier`);
      runsPut(none, events.length ? "" : run.active ? "Nothing to remark so far." : "Nothing was remarked.");
      none.hidden = events.length > 0;
    },
  };
}
