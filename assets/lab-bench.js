// Step by step: half steps of a training on copies of its networks, on demand, and what each of them did to one batch.

const BENCH_SIGN_MS = 200;
const BENCH_BAR_MS = 2000;

function stepBench(host, { call }) {
  let run = null; // The chosen run, as the lab knows it.
  let opened; // Id of the run on the bench, null for the small networks, undefined before the first opening.
  let session = null;
  let answer = null;
  let view = "pictures";
  let rows = [];
  let busy = false;
  let shapesOnly = false; // The run’s data is not here, and shapes were asked for instead.
  const lasted = {}; // Seconds that each kind of request took the last time.

  // What stands on the page.

  const players = Object.fromEntries(Object.keys(BENCH_PLAYERS).map((player) => [player, benchPlayer(player, (...what) => take(...what))]));
  const about = make("p", { class: "lx-about" });
  const newest = benchPress("newest", "Newest state", () => open(), { hidden: true });
  const told = make("p", { class: "lx-told", "aria-live": "polite" });
  const error = make("p", { class: "lx-error gs-notice", role: "alert" });
  const wait = make("p", { class: "lx-wait gs-small", "aria-live": "polite" });
  const views = make("div", { class: "gs-segments", role: "group", "aria-label": "Show" });
  const whens = make("div", { class: "gs-segments", role: "group", "aria-label": "Before or after the step" });
  const table = make("div", { class: "lx-rows", tabindex: "0", role: "region", "aria-label": "The batch" });
  const caption = make("p", { class: "lx-caption gs-small" });
  const actions = make(
    "div",
    { class: "lx-actions" },
    benchPress("batch", "Another batch", () => take({ new_batch: true }, "Another batch")),
    benchPress("both", "Ten of each", () => take({ kind: "both", count: 10 }, "Ten of each")),
    benchPress("undo", "Undo", () => send("bench_undo", {}, "Undo")),
    benchPress("reset", "Reset", () => send("bench_reset", {}, "Reset")),
    benchPress("stop", "Stop", () => call("bench_stop", { session }), { hidden: true }),
  );
  const fold = make(
    "details",
    { class: "gs-fold lx", ontoggle: () => fold.open && opened !== wanted() && open() },
    make("summary", {}, "Step by step", make("span", { class: "gs-small" }, "one update at a time, on copies")),
    make(
      "div",
      {},
      make("div", { class: "lx-head" }, about, newest, benchHelp()),
      make(
        "div",
        { class: "lx-board" },
        players.d.press,
        players.g.press,
        make(
          "div",
          { class: "lx-middle" },
          make("div", { class: "lx-said" }, told, error),
          make("div", { class: "lx-bar-row" }, views, whens),
          table,
          caption,
          actions,
          wait,
        ),
        players.d.facts,
        players.g.facts,
      ),
    ),
  );
  host.replaceChildren(fold);
  drawViews();
  drawWhens("after");

  // Asking.

  const wanted = () => (shapesOnly ? null : (run?.id ?? null));

  async function open() {
    if (busy) return; // Whatever is under way looks again when it is done.
    const id = wanted();
    const other = id !== opened;
    opened = id;
    if (other) session = null; // Whatever is pressed now is not meant for the networks of another run.
    const got = await request("bench_open", { run: id }, "Opening");
    if (got.ok) {
      session = got.session;
      about.textContent = got.about;
      for (const player of Object.values(players)) player.layers.replaceChildren(benchNothing());
      land(got);
    } else {
      if (other) clear();
      fail(got);
    }
    if (wanted() !== opened && fold.open) open();
  }

  /** Nothing of the run before stays beside a sentence about this one. */
  function clear() {
    answer = null;
    rows = [];
    about.textContent = caption.textContent = "";
    table.replaceChildren();
    for (const parts of Object.values(players)) {
      for (const one of [parts.count, parts.losses, parts.formula, parts.source, parts.layers]) one.replaceChildren();
    }
    drawViews();
    drawWhens("after");
    offer();
  }

  // Declared, not assigned: the buttons above take it before this line is reached.
  function take(what, name) {
    return send("bench_step", what, name);
  }

  async function send(method, what, name) {
    if (busy || !session) return;
    const got = await request(method, { session, ...what }, name);
    if (got.ok) land(got);
    else fail(got);
    if (method !== "bench_step" && got.ok) for (const player of Object.values(players)) player.layers.replaceChildren(benchNothing());
    if (wanted() !== opened && fold.open) open();
  }

  async function request(method, argument, name) {
    const began = performance.now();
    busy = true;
    error.replaceChildren();
    const sign = setInterval(() => {
      const elapsed = performance.now() - began;
      if (elapsed < BENCH_SIGN_MS) return;
      fold.classList.add("lx-busy");
      const about = lasted[name] ? ` of about ${seconds(lasted[name])}` : "";
      wait.textContent = elapsed < BENCH_BAR_MS ? `${name} …` : `${name}: ${seconds(elapsed / 1000)}${about}`;
      button("stop").hidden = elapsed < BENCH_BAR_MS || !(argument.count > 1);
    }, 100);
    enable();
    const got = await call(method, argument);
    clearInterval(sign);
    lasted[name] = (performance.now() - began) / 1000;
    busy = false;
    fold.classList.remove("lx-busy");
    wait.textContent = "";
    button("stop").hidden = true;
    return got;
  }

  function fail(got) {
    told.textContent = "";
    error.replaceChildren(got.error);
    if (got.gone) session = null;
    if (!session || got.gone) {
      error.append(" ", benchPress("again", got.gone ? "Begin again" : "Try again", () => open()));
      if (run && !got.gone) error.append(" ", benchPress("again", "Use shapes", () => ((shapesOnly = true), open())));
    }
    enable();
  }

  // Drawing.

  function land(got) {
    answer = got;
    told.textContent = got.told || "Take a step of D or of G, and see what it does to this batch.";
    if (view === "changed" && !got.taken) view = "pictures";
    rows = got.rows.map((row) => benchRow(row, got));
    const smooth = got.smooth ? " lx-smooth" : "";
    const half = rows.length / 2; // Translators: both domains side by side.
    const groups = got.kind === "translator" ? [rows.slice(0, half), rows.slice(half)] : [rows];
    table.replaceChildren(...groups.map((group) => make("div", { class: `lx-group${smooth}` }, ...group.map((row) => row.box))));
    for (const [player, parts] of Object.entries(players)) {
      const count = got.steps[player];
      parts.count.textContent = count === 1 ? "1 step" : `${count} steps`;
      parts.losses.replaceChildren(...benchLosses(player, got));
      parts.formula.replaceChildren(...benchFormula(got.formulas[player].text));
      parts.source.textContent = got.formulas[player].source;
      const layers = got.layers.filter((layer) => layer.player === player);
      if (layers.length) parts.layers.replaceChildren(...benchLayers(layers));
    }
    drawViews();
    if (got.taken) {
      show("before");
      afterFrame(() => answer === got && show("after")); // From before to after, where motion is wanted.
    } else show("after");
    offer();
    enable();
  }

  function show(when) {
    drawWhens(when);
    if (!answer) return;
    rows.forEach((row) => row.show(view, when));
    caption.textContent = benchCaption(view, answer);
  }

  function drawViews() {
    const names = { ...BENCH_SHOWS, ...(answer?.kind === "translator" ? { looks: BENCH_BELIEVES } : {}) };
    if (views.children.length === 0) {
      for (const name of Object.keys(names)) views.append(make("button", { type: "button", "data-view": name, onclick: () => choose(name) }));
    }
    for (const one of views.children) {
      one.textContent = names[one.dataset.view];
      one.setAttribute("aria-pressed", String(one.dataset.view === view));
      one.disabled = !answer || (one.dataset.view === "changed" && !answer.taken);
    }
  }

  function choose(name) {
    view = name;
    drawViews();
    show("after");
  }

  function drawWhens(when) {
    if (whens.children.length === 0) {
      for (const name of ["Before", "After"]) whens.append(make("button", { type: "button", onclick: () => show(name.toLowerCase()) }, name));
    }
    for (const one of whens.children) {
      one.setAttribute("aria-pressed", String(one.textContent.toLowerCase() === when));
      one.disabled = !answer?.taken;
    }
  }

  const button = (kind) => fold.querySelector(`[data-do="${kind}"]`);

  /** Buttons keep the focus while a step is under way: they are only said to be disabled. */
  function enable() {
    for (const one of fold.querySelectorAll("[data-do]")) {
      const kind = one.dataset.do;
      const off = kind !== "stop" && kind !== "again" && (busy || (kind !== "newest" && !session) || (kind === "undo" && !answer?.undo));
      if (off) one.setAttribute("aria-disabled", "true");
      else one.removeAttribute("aria-disabled");
    }
  }

  function offer() {
    newest.hidden = !answer || answer.newest === null || answer.newest === answer.step;
  }

  return {
    /** Another run was chosen, or there is news of it. */
    show(now) {
      if ((now?.id ?? null) !== (run?.id ?? null)) shapesOnly = false;
      run = now ?? null;
      if (fold.open && opened !== wanted()) open();
    },
    close() {
      fold.open = false;
    },
  };
}
