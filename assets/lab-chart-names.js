// What the recorded names mean: the panel that each belongs to, what people call it, and how its values are written.

const CHART_PANELS = {
  losses: "Losses",
  cycle: "Cycle, identity",
  total: "Total loss",
  scores: "D(x), D(G(z))",
  variety: "Variety",
  distance: "Fréchet distance",
  nearest: "Nearest neighbour",
  gradients: "Gradients",
  rates: "Learning rates",
  speed: "Speed",
  memory: "Memory",
  gpu: "GPU load",
  other: "Other",
};
/** Panels that are opened together, by one button: measurements of one kind on axes of their own. */
const CHART_TOGETHER = { variety: "quality", distance: "quality", nearest: "quality" };
const CHART_BUTTONS = { ...CHART_PANELS, quality: "Quality" };
const chartButtonOf = (panel) => CHART_TOGETHER[panel] ?? panel;
/** Noise around a course; everything else is shown as it was recorded. */
const CHART_NOISY = new Set(["losses", "cycle", "total", "scores", "gradients", "speed"]);
const CHART_UNITS = { variety: "1 as the data", speed: "images/s", memory: "MB", gpu: "%", gradients: "norm", rates: "per step" };
const CHART_CLOCK = "elapsed_s";
const CHART_NO_LINES = new Set(["step", "images", CHART_CLOCK]);
const CHART_LABELS = {
  loss_g: "G",
  loss_d: "D",
  d_real: "D(x)",
  d_fake: "D(G(z))",
  d_fake_after_update: "D(G(z)) after the update",
  images_per_s: "images/s",
  memory_mb: "trainer",
  gpu_memory_mb: "GPU",
  gpu_percent: "GPU",
  variety: "variety",
  distinct: "at one contrast",
  distance: "distance",
  nearest: "distance",
};
const CHART_PATTERNS = [
  [/^loss_(cycle|identity|idt)(_|$)/, "cycle"],
  [/^loss_/, "losses"],
  [/^d_(real|fake)/, "scores"],
  [/^grad_/, "gradients"],
  [/^lr_/, "rates"],
  [/^(variety|distinct)(_[ab])?$/, "variety"],
  [/^distance(_[ab])?$/, "distance"],
  [/^nearest(_[ab])?$/, "nearest"],
  [/^images_per_s$/, "speed"],
  [/^(gpu_)?memory_mb$/, "memory"],
  [/^gpu_percent$/, "gpu"],
];

function chartPanelOf(name) {
  const plain = name.toLowerCase();
  return CHART_PATTERNS.find(([pattern]) => pattern.test(plain))?.[1] ?? "other";
}

const chartSmooths = (name) => CHART_NOISY.has(chartPanelOf(name));

/** loss_cycle_a as "cycle A", loss_g_ab as "G A→B", variety_b as "to square"; of another project's log what it said. */
function chartLabel(name, domains = {}) {
  const quality = /^(variety|distinct|distance|nearest)_([ab])$/.exec(name);
  if (quality) return `to ${domains[quality[2]] ?? quality[2].toUpperCase()}${quality[1] === "distinct" ? ", at one contrast" : ""}`;
  if (CHART_LABELS[name]) return CHART_LABELS[name];
  const words = name.replace(/^(loss|grad|lr)_/i, "").split("_");
  const said = { ab: "A→B", ba: "B→A", idt: "identity", g: "G", d: "D", a: "A", b: "B" };
  return words.map((word) => said[word] ?? (/^idt$/i.test(word) ? "identity" : word)).join(" ");
}

/**
 * Names by panel, in the panels' order; each panel's in the order in which they are recorded. What sums up other curves
 * does not lie upon them: a total has a panel of its own, the worse one of two domains is left out.
 */
function chartGroups(names) {
  const groups = Object.fromEntries(Object.keys(CHART_PANELS).map((panel) => [panel, []]));
  const terms = names.some((name) => name.startsWith("loss_g_"));
  for (const name of names) {
    const panel = chartPanelOf(name);
    const twice = chartButtonOf(panel) === "quality" && names.includes(`${name}_a`);
    if (!CHART_NO_LINES.has(name) && !twice) groups[name === "loss_g" && terms ? "total" : panel].push(name);
  }
  return Object.fromEntries(Object.entries(groups).filter(([, found]) => found.length));
}

/** Four digits that count, so that a value that moves keeps its width. */
function chartNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 99_999.5) return value.toExponential(2).replace("e+", "e");
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return size < 0.001 ? value.toExponential(2) : value.toPrecision(4);
}

/** At an axis, where steps between the ticks are round. */
function chartTickText(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return value.toExponential().replace("e+", "e");
  return Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 });
}

/** How the steps at an axis are written: all in millions where they are as round. */
function chartStepText(ticks) {
  const millions = ticks.at(-1) >= 1e6 && ticks.every((step) => step % 1e4 === 0);
  return (step) => (millions && step ? `${step / 1e6} M` : step.toLocaleString("en"));
}

function chartTimeText(value) {
  const whole = Math.round(value);
  const [days, hours, minutes, rest] = [whole / 86400, (whole / 3600) % 24, (whole / 60) % 60, whole % 60].map(Math.floor);
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${value < 10 ? Number(value.toFixed(1)) : whole} s`;
}

/** Round numbers from low to high. */
function chartTicks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  if (!(raw > 0) || !Number.isFinite(raw)) return [low];
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((one) => one >= raw * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

function chartStepTicks(low, high, count) {
  return chartTicks(low, high, count).filter(Number.isInteger);
}

const CHART_TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

function chartTimeTicks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  const step = raw < 1 ? 0 : CHART_TIMES.find((one) => one >= raw);
  if (!step) return raw < 1 ? chartTicks(low, high, count) : chartTicks(low / 86400, high / 86400, count).map((day) => day * 86400);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(at);
  return ticks;
}

/** Powers of ten, and what lies between them where they are few; round numbers within less than a decade. */
function chartLogTicks(low, high, count) {
  const decades = Math.log10(high / low);
  if (decades < 1) return chartTicks(low, high, count).filter((value) => value > 0);
  const factors = decades > 3 ? [1] : [1, 3];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(12));
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  const every = Math.ceil(ticks.length / 8);
  return ticks.filter((_, at) => at % every === 0);
}
