// What the chosen run can be asked for: stop, pause, resume, other settings, its command, a push to the Hub, a title,
// notes, deletion.

const CONTROL_FIELDS = [
  ["lr_g", "Learning rate, G", "any"],
  ["lr_d", "Learning rate, D", "any"],
  ["sample_steps", "Sample every, steps", "1"],
  ["snapshot_steps", "Snapshot every, steps", "1"],
];

const CONTROL_NOTES_MS = 1000; // Notes are saved after so long without a key.
const CONTROL_COMMANDS = {
  begun: "The same training from its beginning",
  changed: "The same training as it began; its settings were changed later",
  now: "A new training with the settings as they are now",
};

/**
 * acts: where stop, pause and resume stand. changed() asks for news at once; removed(answer, run) after a deletion.
 * draw(run, may, why): what makes sense for the run as it is; who may not change it is told why.
 */
function runControl(host, { acts, call, tell, changed, removed }) {
  let run = null;
  let opened = null; // The panel that is open.
  let busy = false;
  const button = (id, text, work, extra = {}) => make("button", { type: "button", class: "gs-button", id: `lab-${id}`, onclick: work, ...extra }, text);

  /** Ask the server, with the buttons at rest meanwhile. */
  async function act(name, argument = {}) {
    if (busy) return { ok: false, error: "" };
    busy = true;
    arrange();
    const answer = await call(name, { run: run.id, ...argument });
    busy = false;
    tell(answer.ok ? "" : answer.error);
    await changed();
    arrange();
    return answer;
  }

  const stop = button("stop", "Stop", () => act("stop_run"));
  const pause = button("pause", "Pause", () => act("pause_run"));
  const resume = button("resume", "Resume", () => act("resume_run"));
  const panels = {};
  const toggles = {};
  const row = make("div", { class: "lb-buttons" });
  acts.append(resume, pause, stop);
  const panel = (name, title, content, show = () => {}) => {
    const element = make("div", { class: "lb-panel", id: `lab-panel-${name}`, role: "group", "aria-label": title, hidden: true }, content);
    panels[name] = { element, show };
    toggles[name] = button(name, title, () => open(opened === name ? null : name), { "aria-expanded": "false", "aria-controls": `lab-panel-${name}` });
    row.append(toggles[name]);
    return element;
  };
  const field = (id, label, attributes) => {
    const input = make("input", { class: "gs-input gs-slim", id: `lab-${id}`, autocomplete: "off", ...attributes });
    return [make("label", { class: "gs-field" }, label, input), input];
  };
  const form = (submit, ...children) => {
    const made = make("form", { class: "lb-lines" }, ...children);
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    return made;
  };
  const complaint = () => {
    const line = make("p", { class: "gs-told", role: "alert" });
    return [line, notices(line)];
  };

  // Settings.
  const inputs = {};
  const labels = CONTROL_FIELDS.map(([name, title, step]) => {
    const [label, input] = field(`set-${name}`, title, { type: "number", step, min: "0", inputmode: step === "1" ? "numeric" : "decimal" });
    inputs[name] = input;
    return label;
  });
  const [setLine, setTell] = complaint();
  const apply = make("button", { type: "submit", class: "gs-button", id: "lab-apply" }, "Apply");
  const settings = form(
    async () => {
      const asked = CONTROL_FIELDS.map(([name]) => name).filter((name) => !inputs[name].closest("label").hidden);
      // What a number field cannot read as a number it gives as an empty text: the server says what it wants.
      const values = Object.fromEntries(asked.map((name) => [name, inputs[name].value === "" ? null : Number(inputs[name].value)]));
      const answer = await act("set_run", { values });
      tell("");
      if (!answer.ok) return setTell(answer.error);
      if (!answer.changed.length) return setTell("These are the settings it has.", { quiet: true });
      return setTell(answer.active ? "Asked for: the trainer says under Findings when it has changed." : "Kept: they count when the run goes on.", { quiet: true });
    },
    make("div", { class: "lb-fields" }, ...labels),
    make("div", { class: "lb-row" }, apply, setLine),
  );
  settings.addEventListener("input", () => setTell("")); // What it told was of the settings before.
  let settled = null; // The run whose settings stand in the fields.
  panel("settings", "Settings", settings, async () => {
    const asked = run.id;
    settled = null;
    arrange();
    for (const input of Object.values(inputs)) input.value = "";
    setTell("Reading the settings", { quiet: true });
    const answer = await call("run_settings", { run: asked });
    if (run.id !== asked) return;
    setTell(answer.ok ? "" : answer.error);
    if (!answer.ok) return;
    settled = asked;
    for (const [name, input] of Object.entries(inputs)) {
      input.closest("label").hidden = !(name in answer.values);
      input.value = answer.values[name] ?? "";
    }
    arrange();
  });

  // The command.
  const commands = make("div", { class: "lb-lines" });
  const commandLine = (title, text) => {
    const copy = make("button", { type: "button", class: "gs-button", "aria-label": `Copy: ${title}` }, "Copy");
    copy.addEventListener("click", async () => {
      const done = await copyText(text, host);
      copy.textContent = done ? "Copied" : "Not copied";
      setTimeout(() => (copy.textContent = "Copy"), 2000);
    });
    return make("div", {}, make("p", { class: "gs-small" }, title), make("div", { class: "lb-row" }, make("code", { tabindex: "0", class: "lf-words" }, ...commandWords(text)), copy));
  };
  panel("command", "Command", commands, () => {
    const going = run.state === "finished" ? "Train this run longer" : "Go on with this run";
    const on = run.may ? commandLine(going, run.resume_command) : ""; // It names a folder of the server.
    commands.replaceChildren(commandLine(CONTROL_COMMANDS[run.command_of], run.command), on);
  });

  // To the Hub.
  const pushing = controlPush({ call, run: () => run, changed });
  panel("push", "Push to the Hub", pushing.element, pushing.show);

  // Longer.
  const [stepsLabel, steps] = field("steps", "Steps in all", { type: "number", min: "1", step: "1", inputmode: "numeric" });
  const [longLine, longTell] = complaint();
  const longer = form(
    async () => {
      const answer = await act("lengthen_run", { steps: steps.value === "" ? null : Number(steps.value) });
      tell("");
      answer.ok ? open(null) : longTell(answer.error);
    },
    make("div", { class: "lb-row" }, stepsLabel, make("button", { type: "submit", class: "gs-button", id: "lab-lengthen" }, "Train on")),
    longLine,
  );
  panel("longer", "Train longer", longer, () => {
    longTell("");
    steps.value = String(2 * run.total_steps);
    steps.focus();
  });

  // A title.
  const [titleLabel, title] = field("title", "Title", { maxlength: "80", spellcheck: "false" });
  const [titleLine, titleTell] = complaint();
  const naming = form(
    async () => {
      const answer = await act("rename_run", { title: title.value });
      tell("");
      answer.ok ? open(null) : titleTell(answer.error);
      if (answer.ok) toggles.rename.focus();
    },
    make("div", { class: "lb-row" }, titleLabel, make("button", { type: "submit", class: "gs-button", id: "lab-renamed" }, "Save")),
    titleLine,
  );
  naming.addEventListener("keydown", (event) => event.key === "Escape" && (open(null), toggles.rename.focus()));
  panel("rename", "Rename", naming, () => {
    titleTell("");
    title.value = run.title;
    title.focus();
    title.select();
  });

  const remove = button("delete", "Delete", async () => {
    const gone = run;
    const answer = await act("delete_run");
    if (answer.ok) removed(answer, gone);
  });
  row.append(remove);

  // Notes, saved when one stops typing and when they are left; one answer is waited for before the next is asked.
  const notes = make("textarea", { class: "gs-input lb-notes", id: "lab-notes", rows: "3", maxlength: "20000", "aria-label": "Notes", placeholder: "What was tried, what came of it" });
  const read = make("p", { class: "lb-read" });
  const sign = make("span", { class: "gs-small", role: "status" });
  const noting = make("details", { class: "gs-fold lb-noting" }, make("summary", {}, "Notes", sign), make("div", {}, notes, read));
  let written = "";
  let noted = null;
  let saving = Promise.resolve();
  const saveNotes = () => {
    if (!noted || notes.value === written) return saving;
    const [id, text] = [noted, notes.value];
    written = text;
    runsPut(sign, "Saving");
    return (saving = saving.then(() => sendNotes(id, text)));
  };
  const sendNotes = async (id, text) => {
    const answer = await call("note_run", { run: id, notes: text });
    if (answer.ok) {
      if (noted === id && written === text) runsPut(sign, notes.value === text ? "Saved" : "Not saved yet");
      return void changed();
    }
    if (noted === id) {
      written = null; // Leaving the field tries again.
      runsPut(sign, "Not saved");
    }
    tell(answer.error);
  };
  const saveSoon = whenQuiet(saveNotes, CONTROL_NOTES_MS);
  notes.addEventListener("blur", saveNotes);
  notes.addEventListener("input", () => {
    runsPut(sign, notes.value === written ? "" : "Not saved yet");
    saveSoon();
  });

  const why = make("p", { class: "gs-small" });
  host.append(row, ...Object.values(panels).map((one) => one.element), why, noting);

  function open(name) {
    opened = name;
    for (const [key, { element, show }] of Object.entries(panels)) {
      element.hidden = key !== name;
      toggles[key].setAttribute("aria-expanded", String(key === name));
      if (key === name) show();
    }
  }

  function arrange() {
    if (!run) return;
    const { state } = run;
    const can = run.may;
    stop.hidden = !can || !run.active;
    stop.disabled = busy || state === "stopping";
    pause.hidden = !can || !run.active || state === "paused" || state === "waiting";
    pause.disabled = busy || state !== "running" || run.control.paused;
    resume.hidden = !can || !(state === "paused" || (run.resumable && !lookWrong(run))); // Else it stands by the sentence.
    resume.disabled = busy;
    toggles.settings.hidden = !can || run.imported || state === "finished" || !run.command;
    toggles.command.hidden = !run.command;
    toggles.longer.hidden = !can || run.imported || state !== "finished" || !run.command;
    toggles.push.hidden = !can || run.imported || !run.command;
    toggles.rename.hidden = !can;
    remove.hidden = !can;
    remove.disabled = busy || run.active;
    remove.title = run.active ? "Stop it first" : "";
    apply.disabled = busy || settled !== run.id;
    for (const input of Object.values(inputs)) input.disabled = settled !== run.id;
    notes.hidden = !can;
    read.hidden = can;
    noting.hidden = !can && !run.notes;
    if (opened && toggles[opened].hidden) open(null);
  }

  return {
    resume: () => act("resume_run"),
    draw(next, reason) {
      if (next.id !== run?.id) {
        pushing.leave();
        saveNotes(); // Of the one before, should the field still be in hand.
        open(null);
        runsPut(sign, "");
        noted = next.id;
        written = notes.value = next.notes;
      } else if (document.activeElement !== notes && notes.value === written && next.notes !== written) {
        written = notes.value = next.notes; // Another visitor wrote.
      }
      run = next;
      runsPut(read, next.notes);
      runsPut(why, next.may ? "" : reason);
      why.hidden = next.may;
      arrange();
    },
  };
}
