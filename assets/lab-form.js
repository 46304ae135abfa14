// A new run: presets first, then data, a few numbers and the rest folded; what it costs and its command, live.

const FORM_SEEN = ["size", "channels", "load_size", "fit", "flip", "quarter_turns", "domain_a", "domain_b"];

/** started(id): a run was begun. */
function startForm(host, { call, started, tell: tellPage }) {
  let known = null; // What there is to choose from, as the server told it last.
  let family = null;
  let preset = null;
  let byEpochs = false; // The steps follow from the preset and the number of pictures.
  let busy = false;
  let opener = null;
  let previewed = "";
  let chosenData = false; // For a run of the Hub whose own pictures are not here.
  let refusal = null; // What the Hub said of a push when it was to start; it holds until another one is asked for.
  let newPush = null; // What the form for a new run asked for, while another one is shown.

  const made = formParts();
  const { families, summary, presetRow, origin, numbers, numbersWrong, numbersNote, words, direction, domains, command, copy, queue, go, form } = made;
  const refuse = notices(made.wrong);
  host.replaceChildren(form);
  let pressFamily = () => {};

  const data = formData(made.dataHost, {
    call,
    family: () => bring.found()?.family ?? family?.name,
    changed: () => {
      chosenData = true;
      changed();
    },
  });
  const preview = formPreview(made.lookHost, { call, failed: () => (previewed = "") });
  const cost = formCost(made.costHost, { call, known: () => known });
  const options = formOptions(made.moreHost, { changed: () => changed() });
  const push = formPush(made.pushHost, { call, changed: () => changed() });
  const bring = formBring(made.bringHost, { call, changed: () => changed(), looked: (found) => drawFound(found) });
  const ofHub = () => origin.value === "hub";
  const going = () => ofHub() || Boolean(resumed());
  const resumed = () => (origin.value.startsWith("resume:") ? known.runs.find((run) => run.id === origin.value.slice(7)) : null);
  const model = () => (origin.value.startsWith("model:") ? origin.value.slice(6) : "");

  // What is chosen.

  function values() {
    const chosen = options.values();
    const train = { ...chosen.train };
    for (const [name, { input }] of Object.entries(numbers)) {
      if (input.disabled) continue;
      train[name] = input.validity.badInput ? "?" : input.value === "" ? null : Number(input.value);
      if (train[name] === null) delete train[name];
    }
    if (family.kind === "translator") {
      for (const [name, input] of Object.entries(words)) if (input.value.trim()) train[name] = input.value.trim();
      if (direction.value !== "ab") train.default_direction = direction.value;
    }
    return { family: family.name, data: data.value(), train, network: chosen.network, recipe: chosen.recipe, start_from: model() || null, push: push.values() };
  }

  const check = latestOnly(
    (asked) => call("form_check", { form: asked }),
    (answer, asked, newest) => {
      if (!newest || going() || host.hidden) return;
      mark(answer);
      command.classList.toggle("lf-wait", !answer.ok); // The last one that would work.
      if (!answer.ok) return cost.drop(missing(answer));
      command.replaceChildren(...commandWords(answer.command));
      queue.textContent = answer.queue ?? "";
      options.fallbacks(answer.resolved, asked);
      for (const [name, { input }] of Object.entries(numbers)) input.placeholder = answer.resolved.train[name];
      if (numbers.size.input.disabled) numbers.size.input.value = answer.resolved.train.size;
      cost.ask(asked, answer.assumed);
    },
  );

  // Going on with a run: its command.

  const goingOn = () => {
    const steps = numbers.steps.input.validity.badInput || numbers.steps.input.value === "" ? null : Number(numbers.steps.input.value);
    const run = resumed();
    const had = run?.push ? false : null; // Without the tick: no longer, where it was pushed.
    return { run: run?.id ?? null, name: bring.name(), steps, data: chosenData && ofHub() ? data.value() : null, push: push.values() ?? had };
  };
  const line = latestOnly(
    (asked) => call("form_go_on", asked),
    (answer, asked, newest) => {
      if (!newest || !going() || host.hidden) return;
      const empty = ofHub() && !bring.name();
      mark(empty ? { ok: true } : answer);
      command.classList.toggle("lf-wait", !answer.ok);
      if (answer.ok) command.replaceChildren(...commandWords(answer.command));
      else if (empty) command.replaceChildren(...commandWords("gan-core train --resume hub:user/name"));
    },
  );

  /** Instead of an estimate of what cannot be. */
  function missing({ errors = {} }) {
    const fields = Object.keys(errors).filter((name) => name !== "data").length;
    if (fields) return fields === 1 ? "Correct the marked field." : "Correct the marked fields.";
    return errors.data ? "Choose other data." : "";
  }

  /** Complaints where they belong; an answer without any takes the old ones away. */
  function mark(answer, aloud = false) {
    const { field = null, error = "" } = answer.ok ? {} : answer;
    const errors = answer.ok ? {} : { ...(answer.errors ?? (field ? { [field]: error } : {})) };
    if (refusal && refusal.of === JSON.stringify(push.values())) errors.push_to ??= refusal.error;
    const folded = options.mark(errors);
    const own = Object.keys(numbers).filter((name) => name in errors);
    const wrong = own.map((name) => errors[name]).join("\n");
    if (numbersWrong.textContent !== wrong) numbersWrong.textContent = wrong;
    for (const [name, { input }] of Object.entries(numbers)) input.setAttribute("aria-invalid", String(name in errors));
    if (errors.data) data.refuse(errors.data);
    const pushed = push.mark(errors);
    if (errors.from_hub) bring.refuse(errors.from_hub);
    const placed = own.length || folded.length || pushed || errors.from_hub;
    refuse(!placed && (aloud || !errors.data) ? error : "");
    if (aloud && own.length) numbers[own[0]].input.focus();
    else if (aloud && folded.length) folded[0].focusable.focus();
    else if (aloud && pushed) push.focus();
    else if (aloud && errors.from_hub) bring.focus();
  }

  /** A word on a batch that is larger than the data. */
  function noteBatch() {
    const sets = data.facts()?.sets;
    const pictures = sets ? (sets[""] ?? Math.min(sets.a, sets.b)) : 0;
    const batch = Number(numbers.batch.input.value || numbers.batch.input.placeholder);
    const text = pictures && batch > pictures ? `${pictures.toLocaleString("en")} ${pictures === 1 ? "picture" : "pictures"}, batch ${batch.toLocaleString("en")}: each step sees pictures more than once.` : "";
    if (numbersNote.textContent !== text) numbersNote.textContent = text;
  }

  const settle = whenQuiet(() => {
    if (host.hidden) return;
    push.suggest(pushName());
    if (going()) return void line.ask(goingOn());
    const asked = values();
    cost.wait();
    check.ask(asked);
    const seen = JSON.stringify([asked.family, asked.data, FORM_SEEN.map((name) => asked.train[name]), asked.recipe.augment, asked.start_from]);
    if (seen !== previewed) preview.ask(asked);
    previewed = seen;
  }, 250);

  function changed() {
    drawPressed();
    noteBatch();
    settle();
  }

  /** What a repository for it could be called. */
  function pushName() {
    const run = resumed();
    if (run) return run.id.replace(/^\d+-/, "");
    const from = bring.name().split("/")[1];
    return ofHub() && from ? from.split("@")[0] : `${family.name}-${data.title()}`;
  }

  // Presets.

  function drawPressed() {
    for (const button of presetRow.children) {
      const one = family.presets.find((each) => each.name === button.dataset.preset);
      button.setAttribute("aria-pressed", String(one === preset && formHolds(one, family, options.values(), numbers, byEpochs)));
    }
  }

  function take(one) {
    preset = one;
    const given = one ?? { train: {}, network: {}, recipe: {} };
    const all = { ...family.defaults, ...given.train };
    for (const [name, { input }] of Object.entries(numbers)) input.value = all[name];
    options.set(given);
    byEpochs = Boolean(one?.epochs);
    followEpochs();
    changed();
  }

  /** Steps of a recipe whose length is given in times through the data. */
  function followEpochs() {
    const sets = data.facts()?.sets;
    if (!byEpochs || !preset || !sets) return;
    const pictures = sets[""] ?? Math.max(sets.a, sets.b);
    const batch = Number(numbers.batch.input.value) || 1;
    numbers.steps.input.value = Math.max(1, Math.ceil((preset.epochs * pictures) / batch));
  }

  function drawFamily(name) {
    family = known.families.find((one) => one.name === name) ?? known.families[0];
    family.usual = Object.fromEntries(family.sections.map(({ part, options: all }) => [part, Object.fromEntries(all.map((one) => [one.name, one.default]))]));
    pressFamily(family.name);
    summary.textContent = family.summary;
    const two = family.kind === "translator";
    domains.hidden = !two;
    preview.domains(two);
    presetRow.hidden = !family.presets.length;
    presetRow.replaceChildren(
      ...family.presets.map((one) => formPresetCard(one, family, known.gpu, () => take(one))),
    );
    options.draw(family.sections);
    drawOrigins("");
    data.look();
    take(family.presets.find((one) => !one.needs_gpu || known.gpu) ?? family.presets[0] ?? null);
  }

  // What it begins with.

  function drawOrigins(chosen) {
    const mine = known.models.filter((one) => one.family === family.name);
    const groups = ["Models", "Runs"].map((group) => [group, mine.filter((one) => one.group === group)]).filter(([, all]) => all.length);
    const stopped = known.runs.filter((run) => run.family === family.name && run.step < run.total_steps);
    origin.replaceChildren(
      make("option", { value: "" }, "New networks"),
      ...groups.map(([group, all]) => make("optgroup", { label: group === "Models" ? "Weights of a model" : "Weights of a run" }, ...all.map((one) => make("option", { value: `model:${one.value}` }, one.size ? `${one.name}, ${one.size} px` : one.name)))),
      make(
        "optgroup",
        { label: "Go on with a run" },
        ...stopped.map((run) => make("option", { value: `resume:${run.id}` }, `${run.id}, ${run.state} at ${run.step.toLocaleString("en")}`)),
        make("option", { value: "hub" }, "A run on the Hub"),
      ),
    );
    if (chosen && ![...origin.options].some((one) => one.value === chosen)) origin.append(make("option", { value: chosen }, chosen.slice(6).replace(/^run:/, "").replace("@", ", step ")));
    origin.value = chosen;
  }

  let before = ""; // The origin that stood here last.

  function originChanged() {
    const run = resumed();
    const hub = ofHub();
    form.classList.toggle("lf-resume", going());
    made.bringHost.hidden = !hub;
    if (!hub && form.classList.contains("lf-choose")) {
      form.classList.remove("lf-choose");
      data.look(); // As this form's family takes it.
    }
    const fixed = Boolean(model());
    options.lock(fixed);
    numbers.size.input.disabled = going() || (fixed && family.kind === "generator");
    numbers.batch.input.disabled = going();
    go.textContent = hub ? "Fetch and go on" : run ? "Resume" : "Start";
    if (before !== origin.value) {
      if (run) {
        if (!before.startsWith("resume:")) newPush = push.values();
        push.set(run.push);
      } else if (before.startsWith("resume:")) push.set(newPush);
      before = origin.value;
    }
    if (!going()) return changed();
    mark({ ok: true });
    cost.drop();
    queue.textContent = "";
    if (hub) return drawFound(bring.found());
    numbers.steps.input.value = run.total_steps;
    command.replaceChildren(...commandWords(run.command));
    return changed();
  }

  /** What was found of the Hub's run: its steps, and where its pictures are not here, the choice of others. */
  function drawFound(found) {
    if (!ofHub()) return;
    numbers.steps.input.value = found?.total_steps ?? "";
    numbers.steps.input.placeholder = "as it has";
    const choose = found?.data_here === false;
    if (choose !== form.classList.contains("lf-choose")) {
      form.classList.toggle("lf-choose", choose);
      if (choose) data.look();
    }
    chosenData = false; // What stood there before is not meant.
    changed();
  }

  data.onFacts((facts) => {
    for (const name of ["a", "b"]) {
      const input = words[`domain_${name}`];
      if (!input.dataset.typed) input.value = facts.domains?.[name] ?? "";
    }
    nameWays();
    followEpochs();
    changed();
  });

  function nameWays() {
    const [a, b] = [words.domain_a.value.trim() || "A", words.domain_b.value.trim() || "B"];
    direction.options[0].text = `${a} \u2192 ${b}`;
    direction.options[1].text = `${b} \u2192 ${a}`;
  }

  // What hands do.

  for (const [name, { input }] of Object.entries(numbers)) {
    input.addEventListener("input", () => {
      if (name === "steps") byEpochs = false;
      if (name === "batch") followEpochs();
      changed();
    });
  }
  for (const input of Object.values(words)) {
    input.addEventListener("input", () => {
      input.dataset.typed = "1";
      nameWays();
      changed();
    });
  }
  direction.addEventListener("change", changed);
  origin.addEventListener("change", originChanged);
  copy.addEventListener("click", async () => {
    const done = await copyText(command.textContent, form);
    copy.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !known) return;
    busy = true;
    go.disabled = true;
    refuse("");
    refusal = null;
    const [asked, said] = [goingOn(), queue.textContent];
    if (push.values()) queue.textContent = "Asking the Hub";
    if (numbers.steps.input.validity.badInput) asked.steps = "?";
    const answer = ofHub() ? await bring.start(asked) : resumed() ? await call("form_resume", asked) : await call("start", { form: values() });
    busy = false;
    go.disabled = false;
    queue.textContent = said;
    if (!answer) return undefined; // It was told where it is.
    if (!answer.run) {
      if (answer.field === "push_to") refusal = { of: JSON.stringify(push.values()), error: answer.error };
      return mark(answer, true);
    }
    return started(answer.run);
  });
  const leave = () => {
    host.hidden = true;
    opener?.isConnected && opener.focus();
  };
  made.close.addEventListener("click", leave);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.closest("details.gs-help[open]")) return;
    event.preventDefault();
    leave();
  });

  return {
    async open() {
      opener = document.activeElement;
      host.hidden = false;
      tellPage("");
      refuse("");
      form.inert = known === null; // Nothing in it means anything before the server has told what there is.
      const answer = await call("form_open");
      if (!answer.ok) return refuse(answer.error);
      form.inert = false;
      const first = known === null;
      known = answer;
      if (first) {
        pressFamily = segments(families, Object.fromEntries(known.families.map((one) => [one.name, one.title])), drawFamily);
        data.fill(known);
        drawFamily(known.families[0].name);
      } else {
        drawOrigins("");
        originChanged();
      }
      if (opener !== document.body && !form.contains(document.activeElement)) form.querySelector("[aria-pressed=true]")?.focus({ preventScroll: true });
      return undefined;
    },
    close() {
      host.hidden = true;
    },
  };
}
