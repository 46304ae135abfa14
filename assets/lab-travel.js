// The samples of a run through time: one sheet, a slider over all of them, and what can be done at a step.

const TRAVEL_WAIT_MS = 200;
const TRAVEL_AHEAD = 12; // Sheets that are fetched before they are played.

/**
 * open(place, value) opens another tab with a model; onStep(step) tells where a person went, null: back to the newest;
 * changed() has the page look anew, chosen(id) has it show another run. Returns show(run) and goto(step).
 */
function timeTravel(host, { call, onStep, open, tell, changed, chosen = null }) {
  const frame = travelFrame(host);
  const { stage, caption, after, newest, heads, sheet, canvas, nothing, problem, bar } = frame;
  const { slide, before, next, range, ticks, playButton, speed, loop, actions, opener, tools, note } = frame;

  let run = null;
  let samples = [];
  let layout = null;
  let asking = null; // The run whose layout is being asked for.
  let place = 0; // Of the sheet that is shown, among the samples.
  let following = true;
  let target = null; // Step of the snapshot that the buttons are about.
  let held = false; // A hand is over the buttons: what they say is what a click does.
  let shownPanel = null;

  const sheets = travelSheets((step) => call("sample", { run: run.id, step }));
  const complain = (text) => {
    if (problem.textContent !== text) problem.textContent = text;
    sheet.classList.toggle("lt-lost", Boolean(text));
  };

  // The sheet.

  /** The gaps between the pictures take the page's colour: white lines would glare in the dark. */
  const openGaps = () => {
    if (!travelFits(layout, canvas)) return;
    const { columns, rows, cell_px: side, gap_px: gap } = layout;
    const paper = canvas.getContext("2d");
    for (let column = 1; column < columns; column += 1) paper.clearRect(column * (side + gap) - gap, 0, gap, canvas.height);
    for (let row = 1; row < rows; row += 1) paper.clearRect(0, row * (side + gap) - gap, canvas.width, gap);
  };
  const hard = () => {
    const small = layout && layout.cell_px <= HARD_PX;
    const room = canvas.clientWidth * (window.devicePixelRatio || 1);
    canvas.classList.toggle("lt-hard", Boolean(small) && room >= canvas.width); // Smaller than it is, pixels would be left out.
  };
  const draw = (step, found) => {
    clearTimeout(waitSign);
    sheet.classList.remove("lt-wait");
    complain("");
    const { bitmap, elapsed_s: elapsed } = found;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      stage.style.setProperty("--lt-ratio", bitmap.width / bitmap.height);
      drawCells();
      hard();
    }
    const paper = canvas.getContext("2d");
    paper.clearRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(bitmap, 0, 0);
    openGaps();
    canvas.dataset.step = step;
    canvas.setAttribute("aria-label", `Samples at ${travelStep(step)}`);
    after.textContent = elapsed ? `after ${seconds(elapsed)}` : "";
  };
  let waitSign;
  const painter = latestOnly(
    (step) => sheets.load(step, true).then((found) => ({ found }), (error) => ({ error })),
    ({ found, error }, step, last) => {
      if (step !== samples[place] && last) return; // Another run by now.
      if (found) draw(step, found);
      else if (last && error.message) {
        clearTimeout(waitSign);
        sheet.classList.remove("lt-wait");
        after.textContent = "";
        complain(error.message);
      }
      ahead();
    },
  );
  const ahead = () => {
    const span = player.playing ? TRAVEL_AHEAD : 2;
    for (let step = 1; step <= span; step += 1) {
      const forward = samples[player.playing && loop.checked ? (place + step) % samples.length : place + step];
      if (forward !== undefined) sheets.load(forward);
      if (!player.playing && samples[place - step] !== undefined) sheets.load(samples[place - step]);
    }
  };

  /** Show the sample at a place. by: "hand", "chart", "run" or "film". */
  const go = (to, by = "hand") => {
    place = limited(to, 0, samples.length - 1);
    const step = samples[place];
    following = place === samples.length - 1;
    range.value = place;
    fillRange(range, 0);
    range.setAttribute("aria-valuetext", `${travelStep(step)}, sample ${place + 1} of ${samples.length}`);
    caption.textContent = `Samples at ${travelStep(step)}`;
    newest.classList.toggle("lt-hidden", following);
    [before.disabled, next.disabled] = [place === 0, place === samples.length - 1];
    seeds.mark(step);
    if (by === "hand") note.textContent = "";
    aim(by);
    if (by === "hand" || by === "film") onStep(following && by === "hand" ? null : step);
    const found = sheets.at(step);
    if (found) {
      painter.drop();
      draw(step, found);
      ahead();
    } else {
      clearTimeout(waitSign);
      waitSign = setTimeout(() => sheet.classList.add("lt-wait"), TRAVEL_WAIT_MS);
      painter.ask(step);
    }
  };
  const byHand = (to) => {
    player.stop();
    go(to);
  };
  const nearest = (steps, step) => steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best), steps[0]);

  // Pictures of the sheet.

  const cells = travelCells(frame.cells, (number, name) => seeds.pick(number, name));
  const drawCells = () => cells.draw({ layout, canvas, whole: run.kind === "translator", picked: seeds.cell });
  const seeds = travelSeeds({
    call,
    sheets,
    go: (step) => samples.length && byHand(samples.indexOf(nearest(samples, step))),
    picked: (number) => {
      cells.mark(number);
      seeds.mark(samples[place]);
    },
  });

  // What can be done at a step.

  const at = () => ({ run: run.id, step: target });
  const openTab = (value, name = value) => {
    const place = run.kind === "translator" ? "Style transfer" : "Explore";
    window.gsOpening = { place, value, name }; // Told at once, for the value takes its time; and kept for a tab that is not there yet.
    document.dispatchEvent(new Event("gs-opening"));
    open(place, value);
    window.scrollTo(0, 0); // To the picture there.
  };
  const rolledBack = (step) => {
    showPanel(null);
    note.textContent = `The run is back at ${travelStep(step)}. Resume goes on from there.`;
    tools.back.focus({ preventScroll: true });
  };
  const forks = travelForks({ call, at, run: () => run, chosen, changed, tell, rolledBack });
  const panels = {
    keep: travelKeep({ call, at, open: openTab, changed }),
    branch: forks.branch,
    back: forks.back,
    film: travelFilm({ call, run: () => run }),
  };
  bar.append(...Object.values(panels).map(({ element }) => element), ...seeds.elements);
  const showPanel = (name) => {
    shownPanel = name;
    for (const [one, panel] of Object.entries(panels)) {
      panel.element.hidden = one !== name;
      tools[one].setAttribute("aria-expanded", String(one === name));
    }
    if (!name) return;
    note.textContent = "";
    panels[name].show(samples.length < 2);
  };
  for (const name of Object.keys(panels)) {
    tools[name].addEventListener("click", () => {
      const opening = shownPanel !== name;
      if (opening) panels[name].reset();
      showPanel(opening ? name : null);
    });
  }

  const titles = {
    keep: (step) => `Make a named model of ${step}`,
    branch: (step) => `Begin another run from ${step}`,
    back: (step) => `Take this run back to ${step}`,
  };
  const verb = () => (run.kind === "translator" ? "Paint with" : "Explore");
  const LAST_KEPT = ", last kept";
  const openerText = (snapshot, step) => {
    const why = snapshot === step || !samples.length ? "" : snapshot < step ? LAST_KEPT : ", first kept";
    return `${verb()} ${travelStep(snapshot)}${why}`;
  };
  /** Room for the longest name that the button can have: its neighbours stay where they are. */
  const reserve = () => {
    const steps = new Set(run.snapshots.map(({ step }) => step));
    const letters = steps.size ? openerText(Math.max(...steps), Math.max(...steps)).length : 0;
    opener.style.minWidth = `${letters + (samples.every((step) => steps.has(step)) ? 0 : LAST_KEPT.length)}ch`;
  };

  /**
   * The buttons are about the last snapshot at or before the step that is shown, else the first. They change while a
   * run goes on or plays, but not under a hand, and not while a panel is open; what a person does always counts.
   */
  const inHand = () => (shownPanel && shownPanel !== "film") || (held && actions.querySelector("button:hover")) || actions.querySelector(":focus-visible");
  const aim = (by = "run") => {
    const steps = run.snapshots.map(({ step }) => step);
    if (by !== "hand" && steps.includes(target) && inHand()) return;
    const step = samples[place] ?? run.step;
    const old = target;
    target = steps.findLast((one) => one <= step) ?? steps[0] ?? null;
    const none = target === null;
    opener.textContent = none ? "No snapshot yet" : openerText(target, step);
    opener.title = none || target === step ? "" : `The last snapshot at or before ${travelStep(step)}`;
    if (!none && target > step) opener.title = "The first snapshot of this run";
    opener.disabled = none;
    for (const name of ["keep", "branch", "back"]) {
      tools[name].disabled = none;
      tools[name].hidden = run.may === false;
      tools[name].title = none ? "No snapshot yet" : titles[name](travelStep(target));
    }
    tools.film.hidden = !samples.length;
    if (shownPanel && shownPanel !== "film" && none) showPanel(null);
    else if (shownPanel && shownPanel !== "film" && target !== old) panels[shownPanel].show();
  };
  opener.addEventListener("click", () => openTab(`run:${run.id}@${target}`, `${run.title || run.id}, ${travelStep(target)}`));
  actions.addEventListener("pointerenter", () => (held = true));
  actions.addEventListener("pointerleave", () => {
    held = false;
    setTimeout(() => run && aim(), TRAVEL_WAIT_MS); // A finger leaves before its click comes.
  });
  actions.addEventListener("focusout", () => setTimeout(() => run && aim(), TRAVEL_WAIT_MS));

  // Moving through time.

  const player = travelPlayer({
    count: () => samples.length,
    index: () => place,
    go: (to) => go(to, "film"),
    ready: (to) => {
      if (sheets.at(samples[to])) return true;
      sheets.load(samples[to], true).catch((error) => error.message && player.playing && samples[to] === samples[place + 1] && go(to, "film")); // One that is lost is passed over.
      return false;
    },
    face: {
      rate: () => Number(speed.value),
      loop: () => loop.checked,
      mark(on) {
        frame.playing(on);
        if (on) ahead();
      },
    },
  });
  playButton.addEventListener("click", player.toggle);
  range.addEventListener("input", () => byHand(Number(range.value)));
  before.addEventListener("click", () => byHand(place - 1));
  next.addEventListener("click", () => byHand(place + 1));
  newest.addEventListener("click", () => {
    byHand(samples.length - 1);
    range.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (host.getClientRects().length === 0 && stage.offsetParent === null) return;
    if (!samples.length || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input:not([type=range]):not([type=checkbox]), textarea, select, [role=combobox]")) return;
    const step = { ",": -1, ".": 1 }[event.key];
    if (step) byHand(place + step);
    else if (event.key === " " && !event.target.closest?.("button, input:not([type=range]), summary, a, video, [role=tab], [tabindex]:not(input)")) {
      event.preventDefault();
      player.toggle();
    }
  });
  new ResizeObserver(hard).observe(canvas);

  const drawTicks = () => {
    const last = Math.max(1, samples.length - 1);
    const steps = run.snapshots.map(({ step }) => step).slice(-500);
    const placeOf = (step) => {
      const over = samples.findIndex((one) => one >= step);
      if (over <= 0) return over < 0 ? last : 0;
      return over - (samples[over] - step) / (samples[over] - samples[over - 1]);
    };
    ticks.replaceChildren(...steps.map((step) => make("i", { style: `left: ${(placeOf(step) / last) * 100}%` })));
  };

  const empty = (text) => {
    nothing.textContent = text;
    nothing.hidden = !text;
    [canvas.hidden, slide.hidden] = [Boolean(text), Boolean(text)];
    if (!text) return;
    stage.style.setProperty("--lt-ratio", 2); // Not as high as a sheet, which never came.
    [canvas.width, canvas.height] = [1, 1];
    cells.clear();
    caption.textContent = "Samples";
    after.textContent = "";
    heads.hidden = true;
    complain("");
  };
  const askLayout = async () => {
    if (asking === run.id) return;
    asking = run.id;
    const answer = await call("sheets", { run: asking });
    if (asking !== run?.id) return;
    if (!answer.ok || !answer.layout) {
      asking = answer.ok ? asking : null; // Unknown for good, or asked again at the next look.
      return;
    }
    layout = answer.layout;
    openGaps();
    heads.hidden = !answer.columns;
    heads.replaceChildren(...(answer.columns ?? []).map((text) => make("span", { class: "gs-small", title: text }, text)));
    drawCells();
    hard();
    seeds.show(run, samples, layout);
  };

  return {
    show(run_) {
      const other = run?.id !== run_.id;
      const gone = !other && samples.some((step) => !run_.samples.includes(step));
      const [stepBefore, countBefore, activeBefore] = [samples[place], samples.length, run?.active];
      run = run_;
      if (other) {
        player.stop();
        showPanel(null);
        Object.values(panels).forEach((panel) => panel.reset());
        [layout, asking, following, place, target] = [null, null, true, 0, null];
        note.textContent = "";
        heads.hidden = true;
        cells.clear();
      }
      if (other || gone) sheets.forget(); // A step that is trained again has other samples.
      samples = run.samples;
      reserve();
      if (run.active) note.textContent = "";
      range.max = Math.max(0, samples.length - 1);
      newest.hidden = samples.length < 2;
      seeds.show(run, samples, layout);
      actions.hidden = !samples.length && !run.snapshots.length;
      if (!samples.length) {
        const first = run.active ? "The first samples come when training begins." : "This run has no samples.";
        empty(run.imported ? "This run is another project's log: it has curves and no samples." : first);
        aim();
        return;
      }
      empty("");
      drawTicks();
      if (shownPanel === "film" && countBefore < 2 !== samples.length < 2) panels.film.show(samples.length < 2);
      if (!other && run.active !== activeBefore && ["branch", "back"].includes(shownPanel)) panels[shownPanel].show(); // What can be had now.
      if (!layout) askLayout();
      const moved = other || gone || samples.length !== countBefore;
      if (!moved) return aim();
      const to = following && !player.playing ? samples.length - 1 : samples.indexOf(nearest(samples, stepBefore ?? samples.at(-1)));
      if (other || gone || samples[to] !== stepBefore) go(to, "run");
      else {
        fillRange(range, 0);
        following = to === samples.length - 1;
        newest.classList.toggle("lt-hidden", following);
        next.disabled = following;
        aim();
      }
    },
    /** Where the chart's cursor went; null: it is gone, and the newest is followed again. */
    goto(step) {
      if (!samples.length) return;
      player.stop();
      const to = step == null ? samples.length - 1 : samples.indexOf(nearest(samples, step));
      if (to !== place) go(to, "chart");
    },
  };
}
