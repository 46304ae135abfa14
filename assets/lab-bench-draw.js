// Step by step, what is drawn: rows of pictures with D’s scores, losses before and after, and what changed in each layer.

const BENCH_SHOWS = { pictures: "Pictures", looks: "Where D looks", asks: "What D asks for", changed: "What changed" };
const BENCH_BELIEVES = "What D believes"; // Of a translator's patches, D says more than where it looks.
const BENCH_SCALES = {
  probability: "Under each picture: how probable D finds it that the picture is real.",
  target: "Under each picture: what D says of it, 1 for real and 0 for generated; of all its patches the mean.",
  score: "Under each picture: D’s score; higher is more real.",
};

/** Three digits that count. */
function benchNumber(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 10000)) return value.toExponential(1);
  return Number(value.toPrecision(3)).toString();
}

/** The score as the bar's length, 0 to 1. */
function benchPart(score, { low, high }) {
  return score === null || high <= low ? 0 : limited((score - low) / (high - low), 0, 1);
}

function benchFactor(factor) {
  return factor >= 1000 || factor < 0.01 ? factor.toExponential(0) : String(factor);
}

/** What a way of looking shows, in a sentence under the rows. */
function benchCaption(view, answer) {
  if (view === "pictures") {
    return `${BENCH_SCALES[answer.scale.kind]}${answer.taken ? " The tick is where it stood before." : ""}`;
  }
  if (view === "looks") {
    return answer.kind === "translator"
      ? "Teal: patches that D takes for real. Amber: patches that it takes for generated. Grey: it cannot tell."
      : "Bright: where a small change of the picture would change D’s score most.";
  }
  if (view === "asks") return "How each generated picture would have to change for D to find it more real; grey is no change.";
  return benchMoved(answer)
    ? "The pictures after the step less those before it; grey is no change."
    : "The pictures stayed: a step of D changes how they are judged. Bright: where D looks more than before; dark: less.";
}

/** Whether the last step changed pictures, and not only how they are judged. */
function benchMoved(answer) {
  return answer.rows.some((row) => row.changed?.what === "pictures");
}

/** The pictures of one row; `show(view, when)` changes what they show without moving anything. */
function benchRow(row, answer) {
  const size = `${row.count * 100}% 100%`;
  const tiles = row.scores.length || row.real === null ? Array.from({ length: row.count }, (_, index) => tile(index)) : [];
  const list = make("ol", { class: "lx-tiles", style: `--lx-count: ${row.count}` }, ...tiles.map((one) => one.box));
  const note = make("span", { class: "gs-small" });
  const box = make("div", { class: "lx-row", "data-row": row.id }, make("p", { class: "lx-title" }, row.title, " ", note), list);

  function tile(index) {
    const place = row.count > 1 ? `${(index / (row.count - 1)) * 100}% 0` : "0 0";
    const style = `background-size: ${size}; background-position: ${place}`;
    const was = make("span", { class: "lx-was", style });
    const now = make("span", { class: "lx-now", style });
    const picture = make("span", { class: "lx-picture", role: "img" }, now, was);
    const fill = make("i");
    const tick = make("b", { hidden: true });
    const score = make("span", { class: "lx-score" });
    const judged = row.real === null ? [] : [make("span", { class: "lx-bar", "aria-hidden": "true" }, fill, tick), score];
    return { box: make("li", { class: "lx-tile" }, picture, ...judged), picture, was, now, fill, tick, score, index };
  }

  /** What a way of looking shows of this row: its url and factor, or null. */
  function source(view) {
    if (view === "pictures") return { url: row.pictures };
    if (view === "looks") return row.looks && { url: row.looks };
    if (view === "changed" && benchMoved(answer) && row.changed?.what !== "pictures") return null;
    return row[view];
  }

  function show(view, when) {
    const found = source(view);
    const early = when === "before";
    list.classList.toggle("lx-dim", !found);
    note.textContent = found ? (found.factor ? `amplified ${benchFactor(found.factor)} times` : "") : noneWord(view);
    const fade = view === "pictures" && row.before !== null;
    for (const one of tiles) {
      one.now.style.backgroundImage = `url(${found?.url ?? row.pictures})`;
      if (row.before) one.was.style.backgroundImage = `url(${row.before})`;
      one.was.classList.toggle("lx-shown", fade && early);
      if (row.real === null) {
        one.picture.setAttribute("aria-label", `${row.title}, picture ${one.index + 1}`);
        continue;
      }
      const before = row.scores_before?.[one.index] ?? null;
      const score = early && before !== null ? before : row.scores[one.index];
      const part = benchPart(score, answer.scale);
      one.fill.style.width = `${part * 100}%`;
      one.fill.classList.toggle("lx-false", part < 0.5 && answer.scale.kind !== "score"); // Plain scores have no middle.
      one.tick.hidden = before === null;
      one.tick.style.left = `${benchPart(before, answer.scale) * 100}%`;
      one.score.textContent = score === null ? "–" : score.toFixed(2);
      const earlier = before === null ? "" : `, ${before.toFixed(2)} before the step`;
      one.picture.setAttribute("aria-label", `${row.title}, picture ${one.index + 1}: D says ${benchNumber(row.scores[one.index])}${earlier}`);
    }
  }

  function noneWord(view) {
    if (view === "asks") return row.real ? "nothing is asked of the data" : "not judged by D";
    if (view === "changed") return "no change";
    return "not judged by D";
  }

  return { box, show };
}

/** A formula with its indices below the line: D_A. */
function benchFormula(text) {
  return text.split(/(_[AB])/).map((piece) => (piece.startsWith("_") ? make("sub", {}, piece.slice(1)) : piece));
}

/** Losses of one player, before and after. */
function benchLosses(player, answer) {
  const lines = answer.losses.filter((loss) => loss.player === player);
  if (player === "g" && answer.grad_g.after !== null) {
    lines.push({ title: "Gradient of G, norm", before: answer.grad_g.before, after: answer.grad_g.after });
  }
  return lines.flatMap(({ title, before, after }) => {
    const moved = before !== null && before !== after;
    const value = make("dd", {}, moved ? `${benchNumber(before)} → ` : "", make("strong", {}, benchNumber(after)));
    return [make("dt", {}, title), value];
  });
}

/** Relative change of each layer's weights as bars, with the norm of its gradient. */
function benchLayers(layers) {
  const most = Math.max(...layers.map((layer) => layer.change ?? 0), 1e-12);
  const networks = [...new Set(layers.map((layer) => layer.network))];
  return networks.map((network) =>
    make(
      "div",
      {},
      networks.length > 1 ? make("p", { class: "gs-small" }, network) : null,
      make(
        "ol",
        { class: "lx-layers" },
        ...layers.filter((layer) => layer.network === network).map((layer) =>
          make(
            "li",
            {},
            make("span", {}, layer.name),
            make("span", { class: "lx-change" }, layer.change === null ? "–" : `${benchNumber(layer.change * 100)} %`),
            make("span", { class: "lx-norm" }, benchNumber(layer.gradient)),
            make("i", { style: `width: ${((layer.change ?? 0) / most) * 100}%` }),
          ),
        ),
      ),
    ),
  );
}
