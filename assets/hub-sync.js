// Sync all: first what would move, each with a tick; then it moves.

const HUB_SIDES = { ahead: "push", behind: "pull", "only here": "push", "only there": "pull" };
const HUB_NEW = ["only here", "only there"];

/** check() looks at everything anew and gives the rows, or null; run(row, side) begins one. */
function hubSync(form, button, { check, run }) {
  const close = () => {
    form.hidden = true;
    form.replaceChildren();
    button.disabled = false;
    button.focus();
  };

  function line(row) {
    const side = HUB_SIDES[row.state];
    const [moved, gone] = side === "push" ? [row.send, row.lost_there] : [row.fetch, row.lost_here];
    const tick = make("input", { type: "checkbox", checked: !HUB_NEW.includes(row.state) && !row.pinned, onchange: total });
    const text = `${side} ${side === "push" ? "to" : "from"} ${row.repository ?? "a new repository"}`;
    const files = make("details", { class: "hb-few" }, make("summary", {}, hubAmount(moved, gone)), hubFiles("", moved, gone));
    const size = Object.values(moved).reduce((sum, one) => sum + one, 0);
    const item = make("li", {}, make("label", { class: "gs-line hb-with" }, tick, make("b", {}, row.name)), make("span", {}, `${row.state}${row.pinned ? `, pinned at ${row.pinned}` : ""}: ${text}`), files);
    return { item, tick, size, row, side };
  }

  let lines = [];
  const words = make("span", { class: "gs-told", role: "status" });
  const go = make("button", { type: "submit", class: "gs-button gs-main" }, "Sync");
  function total() {
    const chosen = lines.filter((one) => one.tick.checked);
    const size = chosen.reduce((sum, one) => sum + one.size, 0);
    go.disabled = !chosen.length;
    go.textContent = chosen.length ? `Sync ${hubCount(chosen.length, "model")}, ${bytes(size)}` : "Nothing chosen";
  }

  function show(rows) {
    lines = rows.filter((row) => HUB_SIDES[row.state] && !row.error).map(line);
    const torn = rows.filter((row) => row.state === "diverged").map((row) => row.name);
    const unsure = rows.filter((row) => row.error || row.state === "unknown").map((row) => row.name);
    words.textContent = [torn.length ? `Changed on both sides, to be chosen in the row: ${torn.join(", ")}.` : "", unsure.length ? `Nothing can be said of ${unsure.join(", ")}.` : ""].filter(Boolean).join(" ");
    const cancel = make("button", { type: "button", class: "gs-button", onclick: close }, lines.length ? "Cancel" : "Close");
    const nothing = torn.length || unsure.length ? "Nothing else would move." : "Everything is in sync.";
    form.replaceChildren(
      make("h4", {}, lines.length ? "This would move" : nothing),
      make("ul", {}, ...lines.map((one) => one.item)),
      words,
      make("div", { class: "gs-line hb-line" }, lines.length ? go : null, cancel),
    );
    form.hidden = false;
    button.disabled = true;
    total();
    (lines[0]?.tick ?? cancel).focus();
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    const rows = await check();
    if (rows) return show(rows);
    return (button.disabled = false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = lines.filter((one) => one.tick.checked);
    close();
    for (const { row, side } of chosen) run(row, side);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && close());
}
