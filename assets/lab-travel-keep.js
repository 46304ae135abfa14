// What can be made of a snapshot: a named model, a branch, and the run itself back at that step.

const travelStep = (step) => `step ${step.toLocaleString("en")}`;

/** Keep this one. at() gives {run, step} of the snapshot; open(name, run) opens the kept model. */
function travelKeep({ call, at, open, changed }) {
  const name = make("input", { class: "gs-input gs-slim", autocomplete: "off", spellcheck: "false", maxlength: 96 });
  const license = make("input", { class: "gs-input gs-slim", autocomplete: "off", spellcheck: "false", maxlength: 40, placeholder: "such as mit" });
  const notes = make("textarea", { class: "gs-input lt-notes", rows: 2, maxlength: 4000, placeholder: "On the data and its licences" });
  const wrong = make("p", { class: "gs-told lt-line", role: "alert" });
  const result = make("p", { class: "gs-told lt-made", hidden: true });
  const button = make("button", { type: "button", class: "gs-button" }, "Keep");
  let offered = ""; // The name that was proposed; one that was typed stays.
  let turn = 0;
  const problem = (text) => {
    wrong.textContent = text ?? "";
    wrong.classList.toggle("gs-notice", Boolean(text));
    name.toggleAttribute("aria-invalid", Boolean(text));
    if (text) name.setAttribute("aria-invalid", "true");
    button.disabled = Boolean(text);
  };
  const check = latestOnly(
    (text) => call("keep_name", { ...at(), name: text }),
    (answer, text, newest) => newest && name.value === text && problem(answer.ok ? answer.problem : answer.error),
  );
  name.addEventListener("input", () => check.ask(name.value));
  const offer = async () => {
    if (name.value !== offered) return;
    turn += 1;
    const mine = turn;
    const answer = await call("keep_name", at());
    if (mine !== turn || name.value !== offered || !answer.ok) return;
    name.value = offered = answer.name;
    problem(null);
  };
  const job = travelJob({
    button,
    begin: () => {
      result.hidden = true;
      return call("keep_start", { ...at(), name: name.value.trim(), notes: notes.value, license: license.value });
    },
    poll: (id) => call("keep_poll", { job: id }),
    stop: (id) => call("keep_stop", { job: id }),
    words: ({ told, share }) => [told ? `${told}${share ? `, ${percent(share)}` : ""}` : "Starting", share],
    done: (answer) => {
      const why = answer.unmeasured ? ` Not measured: ${answer.unmeasured}` : "";
      const opener = make("button", { type: "button", class: "gs-button", onclick: () => open(answer.name) }, "Open");
      result.replaceChildren(opener, ` Kept as ${answer.name}.${why}`);
      result.hidden = false;
      name.value = offered = "";
      offer();
      changed();
    },
  });
  const [begin, cancel, meter, line] = job.parts;
  const head = make("h3", {});
  const element = make(
    "div",
    { class: "lt-panel", role: "group", "aria-label": "Keep", hidden: true },
    head,
    make(
      "div",
      { class: "lt-fields" },
      make("label", { class: "gs-field lt-wide" }, "Name", name),
      make("label", { class: "gs-field" }, "Licence", license),
    ),
    wrong,
    make("label", { class: "gs-field" }, "Notes", notes),
    make("div", { class: "lt-row" }, begin, cancel, meter, line),
    result,
  );
  return {
    element,
    show() {
      head.textContent = `Keep ${travelStep(at().step)}`;
      offer();
    },
    reset() {
      result.hidden = true;
      name.value = offered = "";
      problem(null);
      job.tell("");
    },
  };
}

/** Branch and roll back: a sentence about what will happen, and the button that does it. rolledBack(step): it is done. */
function travelForks({ call, at, run, chosen, changed, tell, rolledBack }) {
  const exact = () => run().snapshots.find(({ step }) => step === at().step)?.exact;
  const panel = (label) => {
    const head = make("h3", {});
    const words = make("p", { class: "lt-words" });
    const button = make("button", { type: "button", class: "gs-button" }, label);
    const line = make("p", { class: "gs-told lt-line", role: "alert" });
    const element = make("div", { class: "lt-panel", role: "group", "aria-label": label, hidden: true }, head, words, make("div", { class: "lt-row" }, button, line));
    const say = (text, wrong = false) => {
      line.textContent = text;
      line.classList.toggle("gs-notice", wrong);
    };
    return { element, head, words, button, say };
  };
  const once = (one, name, done) =>
    one.button.addEventListener("click", async () => {
      one.button.disabled = true;
      one.say("");
      const { step } = at();
      const answer = await call(name, at());
      one.button.disabled = false;
      if (answer.ok) done(answer, step);
      else one.say(answer.error, true);
    });

  const branch = panel("Start branch");
  once(branch, "branch", async (answer, step) => {
    await (chosen ? chosen(answer.id) : changed()); // Which takes away what was told of the run before.
    tell(`${answer.id} goes on from ${travelStep(step)}.`, { quiet: true });
  });
  const back = panel("Roll back");
  once(back, "roll_back", (_, step) => {
    rolledBack(step);
    return changed();
  });

  return {
    branch: {
      element: branch.element,
      show() {
        const from = travelStep(at().step);
        branch.head.textContent = `Branch from ${from}`;
        branch.words.textContent = exact()
          ? `A new run goes on exactly from ${from}: networks, optimizers and the order of the data are kept.`
          : `A new run begins with the weights of ${from}. Its optimizers begin anew: the state to go on exactly is not kept.`;
      },
      reset: () => branch.say(""),
    },
    back: {
      element: back.element,
      show() {
        const to = travelStep(at().step);
        back.head.textContent = `Roll back to ${to}`;
        back.button.textContent = `Roll back to ${at().step.toLocaleString("en")}`;
        const { active } = run();
        const [text, can] = active
          ? ["The run is training. Stop it first, then roll it back.", false]
          : exact()
            ? [`The run goes back to ${to}. Samples and snapshots after it are set aside, and the curves end there.`, true]
            : [`Only the weights of ${to} are kept, and the run cannot go back exactly with them. Branch from it instead.`, false];
        back.words.textContent = text;
        back.button.hidden = !can;
      },
      reset: () => back.say(""),
    },
  };
}
