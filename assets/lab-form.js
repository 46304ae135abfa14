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

  const made = formParts();
  const { families, summary, presetRow, origin, numbers, numbersWrong, numbersNote, words, direction, domains, command, copy, queue, go, form } = made;
  const refuse = notices(made.wrong);
  host.replaceChildren(form);
  let pressFamily = () => {};

  const data = formData(made.dataHost, { call, family: () => family?.name, changed: () => changed() });
  const preview = formPreview(made.lookHost, { call, failed: () => (previewed = "") });
  const cost = formCost(made.costHost, { call, known: () => known });
  const options = formOptions(made.moreHost, { changed: () => changed() });
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
    return { family: family.name, data: data.value(), train, network: chosen.network, recipe: chosen.recipe, start_from: model() || null };
  }

  const check = latestOnly(
    (asked) => call("form_check", { form: asked }),
    (answer, asked, newest) => {
      if (!newest || resumed() || host.hidden) return;
      mark(answer);
      command.classList.toggle("lf-wait", !answer.ok); // The last one that would work.
      if (!answer.ok) return cost.drop(missing(answer));
      command.replaceChildren(...formWords(answer.command));
      queue.textContent = answer.queue ?? "";
      options.fallbacks(answer.resolved, asked);
      for (const [name, { input }] of Object.entries(numbers)) input.placeholder = answer.resolved.train[name];
      if (numbers.size.input.disabled) numbers.size.input.value = answer.resolved.train.size;
      cost.ask(asked, answer.assumed);
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
    const errors = answer.ok ? {} : (answer.errors ?? (field ? { [field]: error } : {}));
    const folded = options.mark(errors);
    const own = Object.keys(numbers).filter((name) => name in errors);
    const wrong = own.map((name) => errors[name]).join("\n");
    if (numbersWrong.textContent !== wrong) numbersWrong.textContent = wrong;
    for (const [name, { input }] of Object.entries(numbers)) input.setAttribute("aria-invalid", String(name in errors));
    if (errors.data) data.refuse(errors.data);
    const placed = own.length || folded.length;
    refuse(!placed && (aloud || !errors.data) ? error : "");
    if (aloud && own.length) numbers[own[0]].input.focus();
    else if (aloud && folded.length) folded[0].focusable.focus();
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
    if (host.hidden || resumed()) return;
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
      stopped.length ? make("optgroup", { label: "Go on with a run" }, ...stopped.map((run) => make("option", { value: `resume:${run.id}` }, `${run.id}, ${run.state} at ${run.step.toLocaleString("en")}`))) : "",
    );
    if (chosen && ![...origin.options].some((one) => one.value === chosen)) origin.append(make("option", { value: chosen }, chosen.slice(6).replace(/^run:/, "").replace("@", ", step ")));
    origin.value = chosen;
  }

  function originChanged() {
    const run = resumed();
    form.classList.toggle("lf-resume", Boolean(run));
    const fixed = Boolean(model());
    options.lock(fixed);
    numbers.size.input.disabled = Boolean(run) || (fixed && family.kind === "generator");
    numbers.batch.input.disabled = Boolean(run);
    go.textContent = run ? "Resume" : "Start";
    if (!run) return changed();
    mark({ ok: true });
    cost.drop();
    queue.textContent = "";
    numbers.steps.input.value = run.total_steps;
    command.replaceChildren(...formWords(run.command));
    return undefined;
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
    const run = resumed();
    const steps = numbers.steps.input.validity.badInput ? "?" : Number(numbers.steps.input.value);
    const answer = run ? await call("form_resume", { run: run.id, steps }) : await call("start", { form: values() });
    busy = false;
    go.disabled = false;
    if (!answer.ok) return mark(answer, true);
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
