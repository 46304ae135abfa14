// One model: how it stands, what would move, one button; behind it the files, both sides beside each other, a tag.

/**
 * act: {push(row, more), pull(row, more), stop(move), undo(move), check(row), address()}.
 * show(row) draws it as it stands now; move(move) what is under way or what it came to, null for nothing.
 */
function hubRow(first, act) {
  let row = first;
  let move = null;
  let drawn = "";
  const id = `hub-row-${first.name.replace(/[^a-z0-9-]/gi, "_")}-${first.state === "only there" ? "there" : "here"}`;
  const where = make("span", { class: "gs-small" });
  const face = make("button", { type: "button", class: "gs-name", "aria-expanded": "false", "aria-controls": id }, make("span", { class: "gs-word" }, first.name), where);
  const state = make("span", { class: "hb-state" });
  const what = make("span", { class: "hb-what" });
  const told = make("span", { class: "hb-told", role: "alert" });
  const undo = make("button", { type: "button", class: "hb-undo", title: "Bring back what the pull replaced", onclick: () => act.undo(move) }, "Undo");
  const meter = hubMeter();
  const acts = make("div", { class: "hb-acts" });
  const line = make("div", { class: "hb-row" }, face, state, make("div", { class: "hb-middle" }, what, make("div", { class: "hb-came" }, told, undo), meter.element), acts);
  const panel = make("div", { class: "hb-panel", id, hidden: true });
  const element = make("li", { class: "hb-item" }, line, panel);
  const moving = () => move && HUB_MOVING.includes(move.state);
  const button = (text, onclick, more = {}) => make("button", { type: "button", class: "gs-button", "aria-label": `${text} ${row.name}`, onclick, ...more }, text);

  const words = () => {
    if (row.error) return "";
    if (row.reason === "signed-out") return row.repository ? "not signed in: it may be private, or gone" : "not signed in";
    switch (row.state) {
      case "ahead":
        return `${hubAmount(row.send, row.lost_there)} to push`;
      case "behind":
        return `${row.pinned ? `pinned at ${row.pinned}; ` : ""}${hubAmount(row.fetch, row.lost_here)} to pull`;
      case "only here":
        return row.met ? "Its repository is gone, or this account may not see it" : hubAmount(row.send);
      case "only there":
        return hubAmount(row.fetch);
      case "diverged":
        return `here ${hubFew(row.changed_here, 2)}; there ${hubFew(row.changed_there, 2)}`;
      default:
        return "";
    }
  };

  const buttons = () => {
    if (moving()) return [button("Cancel", () => act.stop(move), { disabled: move.stopping })];
    switch (row.state) {
      case "ahead":
      case "only here":
        return [button("Push", () => act.push(row))];
      case "behind":
      case "only there":
        return [button("Pull", () => act.pull(row))];
      case "diverged":
        return [button("Choose", () => open(true))];
      case "checking":
        return [];
      case "unknown":
        return row.reason === "signed-out" ? [] : [button("Check", () => act.check(row))];
      default:
        return row.kind ? [hubOpen(row)] : [];
    }
  };

  function draw() {
    const now = JSON.stringify([row, move]);
    if (now === drawn) return;
    drawn = now;
    element.dataset.model = row.name;
    element.dataset.state = row.state;
    where.textContent = row.repository ?? "";
    state.replaceChildren(...hubState(row.state));
    what.hidden = told.hidden = Boolean(moving());
    meter.element.hidden = !moving();
    if (moving()) meter.show(move);
    const over = move && !moving() ? hubCameTo(move) : "";
    const text = row.error ?? over;
    undo.hidden = !(move?.state === "done" && move.more?.undo);
    undo.setAttribute("aria-label", `Undo the pull of ${row.name}`);
    told.classList.toggle("gs-notice", Boolean(row.error) || move?.state === "failed");
    say(told, text);
    what.textContent = text && (row.state === "in sync" || move?.state === "failed") ? "" : words();
    const focused = acts.contains(document.activeElement);
    acts.replaceChildren(...buttons());
    if (focused) (acts.querySelector("button:not(:disabled)") ?? face).focus();
    if (!panel.hidden && !moving() && row.state !== "checking") fill();
  }

  /** What stands behind the row is drawn anew only where the row itself became another. */
  let filled = "";
  function fill() {
    const now = JSON.stringify([row, move?.state === "done" ? move.id : ""]); // A tag that was just set is another list.
    if (now === filled) return;
    filled = now;
    panel.replaceChildren(...behind());
  }

  function behind() {
    const parts = [];
    if (row.reason === "signed-out") return [make("p", { class: "gs-told" }, "Whoever is not signed in hears of no private repository: how this model stands is not known, and it cannot be pushed.")];
    if (row.error || row.state === "unknown") return [make("p", { class: "gs-told" }, "See what is said above, then check again.")];
    if (row.state === "diverged") parts.push(sides());
    else if (["ahead", "only here"].includes(row.state)) parts.push(hubFiles("To push", row.send, row.lost_there));
    else if (["behind", "only there"].includes(row.state)) parts.push(hubFiles("To pull", row.fetch, row.lost_here));
    if (["ahead", "only here", "in sync"].includes(row.state)) parts.push(tagging());
    else if (row.head) parts.push(tagging(false));
    if (row.head || row.state === "in sync") parts.push(make("p", {}, hubLink(act.address(), row.repository)));
    if (["ahead", "behind", "diverged"].includes(row.state)) {
      const inside = make("div", { class: "hb-compare" });
      const fold = make("details", { class: "gs-fold", open: row.state === "diverged" }, make("summary", {}, "Card, metrics, configuration"), inside);
      const load = () => fold.open && !inside.childElementCount && hubCompare(inside, row);
      fold.addEventListener("toggle", load);
      parts.push(fold);
    }
    return parts;
  }

  /** Both sides of what diverged, what each choice loses, and the choices. */
  function sides() {
    const head = (row.head ?? "").slice(0, 8);
    const side = (title, names, loses, choice) => make("div", { class: "hb-side" }, make("h4", {}, title), make("p", {}, hubFew(names, 8)), make("p", { class: "gs-told" }, loses), choice);
    const mine = make("button", { type: "button", class: "gs-button" }, "Keep mine");
    mine.addEventListener("click", () => {
      if (mine.dataset.sure) return act.push(row, { onto: row.head });
      mine.dataset.sure = "1";
      mine.classList.add("sh-danger");
      return (mine.textContent = `Press again: overwrite commit ${head}`);
    });
    const theirs = make("button", { type: "button", class: "gs-button", onclick: () => act.pull(row, { theirs: true }) }, "Take theirs");
    return make(
      "div",
      { class: "hb-sides" },
      side("Changed here", row.changed_here, `Keep mine: a new commit holds what is here. What they changed stays in the repository's history as ${head}.`, mine),
      side("Changed there", row.changed_there, "Take theirs: what is here becomes what is there. What you changed goes to the trash, and Undo brings it back.", theirs),
    );
  }

  /** The tags of the repository, and a new one: the next that is free is proposed. may: whether one can be set as it stands. */
  function tagging(may = true) {
    const present = make("p", { class: "hb-tags" });
    const field = make("input", { class: "gs-input gs-slim hb-tagged", placeholder: "v1", "aria-label": `Tag for ${row.name}`, autocomplete: "off", spellcheck: "false", maxlength: "60" });
    const send = () => (field.value.trim() ? act.push(row, { tag: field.value.trim() }) : field.focus());
    field.addEventListener("keydown", (event) => event.key === "Enter" && send());
    const propose = (free) => {
      field.placeholder = free;
      if (!field.value && document.activeElement !== field) field.value = free;
    };
    if (row.head || row.state === "in sync") {
      const one = ([name, commit, head]) => make("li", {}, make("b", {}, name), " ", make("code", { class: "gs-code" }, commit), head ? " (newest commit)" : "");
      present.textContent = "Asking for its tags";
      hubLater("look_tags", { repository: row.repository }).then((answer) => {
        if (!answer.ok) return (present.textContent = answer.error);
        if (answer.tags.length) present.replaceWith(make("div", {}, make("h4", {}, "Tags"), make("ul", { class: "hb-tags", "aria-label": `Tags of ${row.repository}` }, ...answer.tags.map(one))));
        else present.textContent = "It has no tags yet.";
        return propose(answer.free);
      });
    } else {
      present.hidden = true;
      propose("v1");
    }
    const text = row.state === "in sync" ? "Tag this version" : "Push with this tag";
    const line = make("div", { class: "gs-line hb-line" }, make("label", { class: "gs-line hb-with" }, "New tag ", field), make("button", { type: "button", class: "gs-button", onclick: send }, text));
    return make("div", { class: "hb-tagging" }, present, may ? line : null);
  }

  function open(on) {
    panel.hidden = !on;
    face.setAttribute("aria-expanded", String(on));
    element.classList.toggle("gs-open", on);
    if (on) fill();
    if (on) panel.scrollIntoView({ block: "nearest" });
  }
  face.addEventListener("click", () => open(panel.hidden));
  draw();
  return {
    element,
    show(now) {
      row = now;
      draw();
    },
    move(now) {
      move = now;
      draw();
    },
    get row() {
      return row;
    },
  };
}
