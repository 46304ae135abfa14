// The runs that are here: a strip of cards, those that train first, and the trash.

const RUNS_FILTER_FROM = 6;
const RUNS_SHOWN = 60; // More are shown when asked for: hundreds of cards are for the filter.
const RUNS_COMPARED = 5;
const RUNS_ENDED_BADLY = ["failed", "interrupted"];

/** Seconds to come, in as many words as one wants to follow: 45 s, 12 min, 1 h 5 min, 3 days. */
function runsSpan(value) {
  if (value < 90) return `${Math.max(0, Math.round(value))} s`;
  const minutes = Math.round(value / 60);
  if (minutes < 90) return `${minutes} min`;
  if (minutes < 36 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} days`;
}

function runsOrdinal(number) {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}

/** The state of a run in a word or two. */
function runsState(run) {
  const word = run.state.charAt(0).toUpperCase() + run.state.slice(1);
  return run.place ? `${word}, ${runsOrdinal(run.place)}` : word;
}

/** Family, data and size in a line. */
function runsFacts(run) {
  return [run.family, run.data, run.size && !run.imported ? `${run.size} px` : ""].filter(Boolean).join(", ");
}

/** Text of an element, touched only where it says something else. */
function runsPut(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * chosen(id) when a card is; compare(ids) when others are to be laid over it; newRun() for a form.
 * draw(rows, current): rows in order. may(yes): whether a new one can be asked for.
 */
function runList(host, { chosen, compare, newRun }) {
  const count = make("p", { class: "gs-small", id: "lab-count" });
  const filter = make("input", { class: "gs-input gs-slim", type: "search", id: "lab-filter", placeholder: "Filter", "aria-label": "Filter runs", autocomplete: "off", hidden: true });
  const strip = make("ul", { class: "lb-strip", "aria-label": "Runs" });
  const add = make("button", { type: "button", class: "gs-button gs-main", id: "lab-new", "aria-expanded": "false", "aria-controls": "lab-form", onclick: newRun }, "New run");
  const side = make("button", { type: "button", class: "gs-button", id: "lab-compare", "aria-pressed": "false" }, "Compare");
  const nothing = make("li", { class: "lb-nothing gs-small", hidden: true }, "No run of that name.");
  const more = make("button", { type: "button", class: "gs-button gs-plain" });
  const rest = make("li", { class: "lb-rest", hidden: true }, more);
  host.append(strip, make("div", { class: "lb-act" }, add, side), make("div", { class: "lb-find" }, filter, count));
  strip.append(nothing, rest);

  const cards = new Map();
  const over = new Set();
  let rows = [];
  let current = null;
  let comparing = false;
  let shown = RUNS_SHOWN;

  function card(id) {
    const title = make("span", { class: "lb-title" });
    const state = make("span", { class: "lb-state" });
    const share = make("span");
    const facts = make("span", { class: "lb-facts" });
    const found = make("span", { class: "lb-found", role: "img", hidden: true });
    const left = make("span");
    const fill = make("i");
    const button = make(
      "button",
      { type: "button", class: "lb-run", onclick: () => chosen(id) },
      title,
      make("span", { class: "lb-line" }, make("span", {}, state, found), share),
      make("span", { class: "lb-line lb-facts" }, facts, left),
      make("span", { class: "lb-bar" }, fill),
    );
    const tick = make("input", { type: "checkbox" });
    const label = make("label", { class: "lb-tick", hidden: true }, tick);
    tick.addEventListener("change", () => {
      tick.checked ? over.add(id) : over.delete(id);
      draw(rows, current);
      compare([...over]);
    });
    return { item: make("li", { class: "lb-card", "data-run": id }, button, label), button, title, state, share, found, facts, left, fill, label, tick, said: "" };
  }

  function fill(one, run) {
    const here = run.id === current;
    const full = comparing && over.size >= RUNS_COMPARED && !over.has(run.id);
    const said = JSON.stringify([run, here, comparing, full, over.has(run.id)]);
    if (one.said === said) return;
    one.said = said;
    runsPut(one.title, run.title);
    one.title.title = run.title === run.id ? run.id : `${run.title} (${run.id})`;
    runsPut(one.state, runsState(run));
    one.state.className = `lb-state lb-${run.state}`;
    runsPut(one.share, run.state === "finished" ? `${run.step.toLocaleString("en")} steps` : run.step ? percent(run.part) : "");
    const { length } = run.findings;
    one.found.hidden = !length;
    runsPut(one.found, String(length));
    one.found.title = `${length} open ${length === 1 ? "finding" : "findings"}: ${run.findings.join(", ")}`;
    one.found.setAttribute("aria-label", one.found.title);
    runsPut(one.facts, runsFacts(run));
    runsPut(one.left, run.left_s != null ? `${runsSpan(run.left_s)} left` : "");
    one.fill.style.width = `${run.part * 100}%`;
    one.fill.className = run.active ? "" : "lb-still";
    here ? one.button.setAttribute("aria-current", "true") : one.button.removeAttribute("aria-current");
    one.button.tabIndex = here ? 0 : -1;
    one.label.hidden = !comparing || here;
    one.tick.checked = over.has(run.id);
    one.tick.disabled = full;
    one.tick.setAttribute("aria-label", `Compare ${run.title}`);
  }

  function draw(given, id) {
    rows = given;
    current = id;
    const known = new Set(rows.map((run) => run.id));
    for (const gone of [...cards.keys()].filter((key) => !known.has(key))) {
      cards.get(gone).item.remove();
      cards.delete(gone);
      over.delete(gone);
    }
    const words = filter.hidden ? [] : filter.value.toLowerCase().split(/\s+/);
    const fits = (run) => words.every((word) => `${run.title} ${run.id} ${run.state} ${runsFacts(run)}`.toLowerCase().includes(word));
    const found = rows.filter(fits);
    const wanted = found.slice(0, shown).map((run) => {
      if (!cards.has(run.id)) cards.set(run.id, card(run.id));
      fill(cards.get(run.id), run);
      return cards.get(run.id).item;
    });
    const items = [...wanted, nothing, rest];
    const there = [...strip.children];
    if (items.length !== there.length || items.some((item, index) => item !== there[index])) {
      const [at, focused] = [strip.scrollLeft, document.activeElement];
      strip.replaceChildren(...items); // Moving an element takes the focus away from it.
      strip.scrollLeft = at;
      if (strip.contains(focused)) focused.focus({ preventScroll: true });
    }
    if (!strip.querySelector(".lb-run[tabindex='0']")) wanted[0]?.querySelector(".lb-run").setAttribute("tabindex", "0");
    nothing.hidden = found.length > 0 || !rows.length;
    rest.hidden = found.length <= shown;
    runsPut(more, `${(found.length - shown).toLocaleString("en")} more`);
    filter.hidden = rows.length < RUNS_FILTER_FROM;
    side.hidden = rows.length < 2;
    const waiting = rows.filter((run) => run.state === "waiting").length;
    const paused = rows.filter((run) => run.state === "paused").length;
    const training = rows.filter((run) => run.active).length - waiting - paused;
    const all = `${rows.length.toLocaleString("en")} ${rows.length === 1 ? "run" : "runs"}`;
    const told = [all, training && `${training} training`, paused && `${paused} paused`, waiting && `${waiting} waiting`];
    runsPut(count, rows.length ? told.filter(Boolean).join(", ") : "");
    host.classList.toggle("lb-empty", !rows.length);
  }

  filter.addEventListener("input", () => {
    shown = RUNS_SHOWN;
    draw(rows, current);
    strip.scrollLeft = 0;
  });
  more.addEventListener("click", () => {
    const next = shown;
    shown += 4 * RUNS_SHOWN;
    draw(rows, current);
    strip.querySelectorAll(".lb-run")[next]?.focus();
  });
  side.addEventListener("click", () => {
    comparing = !comparing;
    side.setAttribute("aria-pressed", String(comparing));
    if (!comparing) over.clear();
    draw(rows, current);
    compare([...over]);
  });
  strip.addEventListener("keydown", (event) => {
    const buttons = [...strip.querySelectorAll(".lb-run")];
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
  });

  return {
    draw,
    /** Bring the chosen card into sight. */
    reveal: () => cards.get(current)?.item.scrollIntoView({ block: "nearest", inline: "nearest" }),
    may: (yes) => (add.hidden = !yes),
    forming: (open) => add.setAttribute("aria-expanded", String(open)),
    /** The runs that are laid over the chosen one. */
    over: (id) => rows.filter((run) => over.has(run.id) && run.id !== id).map((run) => ({ id: run.id, title: run.title })),
  };
}

/** Runs in the trash. restore(id) brings one back; draw(deleted) shows them, folded away. */
function runTrash(fold, { call, restore, tell }) {
  let said = "";
  const away = (id, name) => {
    const button = make("button", { type: "button", class: "gs-button gs-plain", "aria-label": `Remove ${name} for good` }, "Remove for good");
    button.addEventListener("click", async () => {
      if (button.dataset.sure) {
        const answer = await call("discard_run", { id });
        return answer.ok ? draw(answer.deleted) : tell(answer.error);
      }
      button.dataset.sure = "1";
      button.classList.add("lb-danger");
      return (button.textContent = "Press again: this cannot be undone");
    });
    return button;
  };
  function draw(deleted) {
    if (said === JSON.stringify(deleted)) return;
    said = JSON.stringify(deleted);
    fold.hidden = !deleted.length;
    runsPut(fold.querySelector("summary .gs-small"), `${deleted.length} in the trash`);
    const row = ({ id, name }) => {
      const back = make("button", { type: "button", class: "gs-button", "aria-label": `Restore ${name}`, onclick: () => restore(id) }, "Restore");
      return make("li", {}, make("span", {}, name), back, away(id, name));
    };
    fold.querySelector("ul").replaceChildren(...deleted.map(row));
  }
  return { draw };
}
