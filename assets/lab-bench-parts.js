// Step by step, what stands on the board: buttons and facts of each player, and the help.

const BENCH_PLAYERS = { d: "Discriminator", g: "Generator" };

/** A button that does `kind`; while something is under way it is only said to be disabled, and keeps the focus. */
function benchPress(kind, title, onclick, more = {}) {
  return make("button", { type: "button", class: "gs-button", "data-do": kind, onclick, ...more }, title);
}

/** What stands on the board for one of the players: what is pressed, and the facts of its last step. */
function benchPlayer(player, take) {
  const letter = player.toUpperCase();
  const count = make("span", { class: "gs-small", "data-count": player });
  const losses = make("dl", { class: "lx-losses" });
  const formula = make("p", { class: "lx-formula" });
  const source = make("p", { class: "gs-small" });
  const layers = make("div", { class: "lx-chart", tabindex: "0", role: "region", "aria-label": `Layers of the ${BENCH_PLAYERS[player].toLowerCase()}` });
  return {
    count,
    losses,
    formula,
    source,
    layers,
    press: make(
      "div",
      { class: `lx-press lx-${player}` },
      make("p", { class: "lx-name" }, make("strong", {}, BENCH_PLAYERS[player]), count),
      benchPress(player, `${letter} step`, () => take({ kind: player }, `${letter} step`), { class: "gs-button lx-big" }),
      benchPress(`ten-${player}`, `Ten ${letter} steps`, () => take({ kind: player, count: 10 }, `Ten ${letter} steps`), { class: "gs-button gs-plain" }),
    ),
    facts: make(
      "section",
      { class: `lx-facts lx-of-${player}`, "aria-label": BENCH_PLAYERS[player] },
      losses,
      formula,
      source,
      make("p", { class: "lx-heads gs-small" }, make("span", {}, "Layer"), make("span", {}, "Change"), make("span", {}, "Gradient")),
      layers,
    ),
  };
}

function benchNothing() {
  return make("p", { class: "gs-small" }, "A step shows which layers it changes.");
}

function benchHelp() {
  const lines = [
    "A training is a game in two halves. The discriminator D learns to tell real pictures from generated ones; the generator G learns to be taken for real. Here you take the halves one by one, on copies of the networks: the run is not touched.",
    "Where D looks is |d score / d x|, the gradient of D’s score with respect to each pixel, the largest over the channels (saliency; Simonyan et al., 2013). Each map is scaled to its own brightest hundredth and smoothed a little. For a translator the map shows what D says of each patch (Isola et al., 2017).",
    "What D asks for is −dL/dx, with L the loss of G: this is all that G ever learns about the data.",
    "Try only steps of D: it soon wins, its scores go to 1 and 0. Then try only steps of G. Ten of each goes on as a training does, each step on a new batch.",
  ];
  return make("details", { class: "gs-help" }, make("summary", { "aria-label": "About step by step" }, "?"), make("div", {}, ...lines.map((line) => make("p", {}, line))));
}
