// What stands above a chart: its panels, how lines are drawn, what can be taken away as a file.

const CHART_HELP = [
  "Drag over a part to see it larger, or turn the wheel with Ctrl (or Cmd) held; double click or “Whole run” goes back. " +
    "A click sets the cursor, which the samples follow; on a touch screen a finger moves it, and two fingers zoom.",
  "Keys: arrows move the cursor, with Shift the part; + and - zoom; 0 shows the whole run.",
  "Losses: G wants its pictures to pass for real, D wants to tell. They fight, so neither falls for long in a healthy run. " +
    "D(x) and D(G(z)): what D believes of real and of generated pictures; near 1 and 0 it has won. Total loss of CycleGAN: all terms of G with their weights.",
  "Variety: how different the samples are, 1 as the data. Fréchet distance: how far their features are from the data's, less " +
    "is better, not FID. Nearest neighbour: near 0 the samples copy the data.",
  "Smoothing is TensorBoard's moving average, over all recorded points, whatever is in sight; the faint line is what was recorded, with all its peaks. " +
    "Learning rates, memory and quality are never smoothed. Quality is measured now and then: a dot for each measurement, “at” its step where the cursor stands elsewhere.",
];

// Each third of the slider averages ten times as many lines: 0.9, 0.99, 0.999.
const chartWeight = (turned) => Number((1 - 10 ** (-3 * turned)).toFixed(turned > 2 / 3 ? 3 : 2));
const chartTurn = (weight) => -Math.log10(1 - weight) / 3;

/** settings: {panels, smoothing, log, clipped, axis, by}; every change goes to changed(). */
function chartTools(settings, { changed, reset, saveCsv, savePng }) {
  const panels = make("div", { class: "gs-segments lc-panels", role: "group", "aria-label": "Panels" });
  const range = make("input", { type: "range", class: "gs-range", min: 0, max: 1, step: 0.005, value: chartTurn(settings.smoothing), "aria-label": "Smoothing" });
  const output = make("output", { class: "lc-number" });
  const showSmoothing = () => {
    output.textContent = settings.smoothing.toFixed(settings.smoothing > 0.99 ? 3 : 2);
    range.setAttribute("aria-valuetext", output.textContent);
    range.style.setProperty("--gs-from", 0);
    range.style.setProperty("--gs-to", range.value);
  };
  range.addEventListener("input", () => {
    settings.smoothing = chartWeight(Number(range.value));
    showSmoothing();
    changed();
  });
  showSmoothing();

  const toggle = (name, text, title) => {
    const button = make("button", { type: "button", title, "aria-pressed": String(settings[name]) }, text);
    button.addEventListener("click", () => {
      settings[name] = !settings[name];
      button.setAttribute("aria-pressed", String(settings[name]));
      changed();
    });
    return button;
  };
  const choice = (name, label, texts) => {
    const host = make("div", { "aria-label": label });
    const pressed = segments(host, texts, (value) => {
      settings[name] = value;
      pressed(value);
      changed();
    });
    pressed(settings[name]);
    return host;
  };
  const axis = choice("axis", "Horizontal axis", { step: "Steps", time: "Time" });
  const by = choice("by", "Colours", { run: "Colour by run", name: "by value" });
  const whole = make("button", { type: "button", class: "gs-button lc-whole lc-away", onclick: reset }, "Whole run");
  const csv = make("button", { type: "button", class: "gs-button lc-csv", title: "Everything recorded, as a table", onclick: () => saveCsv(csv) }, "CSV");
  const png = make("button", { type: "button", class: "gs-button", title: "These curves as a picture", onclick: savePng }, "PNG");
  const help = make("details", { class: "gs-help" }, make("summary", { "aria-label": "Help on curves" }, "?"), make("div", {}, ...CHART_HELP.map((text) => make("p", {}, text))));
  closesItself(help);

  const element = make(
    "div",
    { class: "lc-tools" },
    panels,
    make("div", { class: "lc-row" },
      make("label", { class: "lc-smoothing" }, make("span", {}, "Smoothing"), range, output),
      make("div", { class: "gs-segments", role: "group", "aria-label": "Vertical axis" },
        toggle("log", "Log", "Logarithmic values"), toggle("clipped", "Clip peaks", "Fit the height to all but the rarest peaks")),
      axis,
      by,
      make("div", { class: "lc-files" }, csv, png, help)),
  );

  return {
    element,
    whole,
    /** titles: of the panels there are; open: those that are drawn; timed: times are recorded; many: runs are compared. */
    show({ titles, open, timed, many, zoomed }) {
      const key = Object.keys(titles).join();
      if (panels.dataset.key !== key) {
        panels.dataset.key = key;
        panels.replaceChildren(...Object.entries(titles).map(([panel, text]) => {
          const button = make("button", { type: "button", "data-panel": panel }, text);
          button.addEventListener("click", () => {
            settings.panels = { ...settings.panels, [panel]: button.getAttribute("aria-pressed") !== "true" };
            changed();
          });
          return button;
        }));
      }
      for (const button of panels.children) button.setAttribute("aria-pressed", String(open.includes(button.dataset.panel)));
      const time = axis.querySelector('[data-value="time"]');
      time.disabled = !timed;
      time.title = timed ? "" : "This run recorded no times.";
      by.hidden = !many;
      whole.classList.toggle("lc-away", !zoomed);
    },
  };
}

/** Let the server write a file of everything recorded, and hand it to the browser. A second press gives it up. */
function chartCsv(call, tell) {
  let job = null;
  return async (button, run) => {
    if (job) return void (await call("stop_curves", { job }));
    const begun = await call("save_curves", { run });
    if (!begun.ok) return tell(begun.error);
    job = begun.job;
    tell("");
    let answer;
    do {
      answer = await call("poll_curves", { job });
      if (answer.ok && answer.state === "running") button.textContent = `Cancel ${Math.floor(100 * (answer.part ?? 0))} %`;
    } while (answer.ok && ["waiting", "running"].includes(answer.state));
    job = null;
    button.textContent = "CSV";
    if (answer.ok && answer.state === "done") return make("a", { href: fileUrl(answer.path), download: answer.name }).click();
    return tell(answer.error ?? "");
  };
}
