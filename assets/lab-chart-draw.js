// Curves on a canvas: one panel at a time, into the page or into a picture to save.

const CHART_LEFT = 54; // Room for the values at the axis.
const CHART_RIGHT = 10;
const CHART_TOP = 8;
const CHART_BELOW = 22; // Room for the steps, under the last panel.
const CHART_FOOT = 8; // Room for the lower half of the lowest value, under the others.
const CHART_DOT = 2.5;
const CHART_HUES = 6;
const CHART_DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 4]];

/** The theme's colours, as they are now. */
function chartTheme(host) {
  const style = getComputedStyle(host);
  const colour = (name) => style.getPropertyValue(name).trim() || "#808080";
  return {
    lines: Array.from({ length: CHART_HUES }, (_, at) => colour(`--gs-line-${at}`)),
    rule: colour("--gs-rule"),
    quiet: colour("--gs-quiet"),
    ink: colour("--gs-ink"),
    page: colour("--body-background-fill"),
    accent: colour("--gs-accent"),
    font: style.fontFamily,
  };
}

/** Lowest and highest of what is drawn between two places; without the rarest hundredth at both ends where `clipped`. */
function chartExtent(lines, [low, high], { log, clipped }) {
  let bottom = Infinity;
  let top = -Infinity;
  for (const { x, y } of lines) {
    const from = Math.max(chartPlace(x, low) - 1, 0);
    const to = Math.min(chartPlace(x, high) + 1, x.length);
    let part = y.subarray(from, to);
    if (log) part = part.filter((value) => value > 0);
    if (clipped && part.length > 50) {
      part = part.slice().sort();
      part = part.subarray(Math.floor(part.length * 0.01), Math.ceil(part.length * 0.99));
    }
    for (const value of part) {
      if (value < bottom) bottom = value;
      if (value > top) top = value;
    }
  }
  return bottom <= top ? [bottom, top] : null;
}

/** The axis' ends for what is shown: with some air, from 0 where that is near or `floor`, from 0 to `top` for shares. */
function chartAxis(extent, { log, top, floor }) {
  if (!extent) return log ? [0.1, 1] : [0, 1];
  let [low, high] = extent;
  if (log) {
    // A span of at least two times: less would make a cliff of next to nothing.
    const air = Math.max((high / low) ** 0.04, floor || low === high ? Math.sqrt(2 / (high / low)) : 1);
    return [low / air, high * air];
  }
  if (top && low >= 0 && high <= top) return [0, top];
  if (low === high) {
    const air = Math.abs(low) / 2 || 1;
    return [low >= 0 ? 0 : low - air, high + air];
  }
  const air = (high - low) * 0.05;
  const near = low >= 0 && (floor || low < (high - low) * 0.6);
  return near ? [0, high + (floor ? high * 0.08 : air)] : [low - air, high + air];
}

/**
 * Draw a panel. box: {left, top, width, height} of the plot itself. scene: {x: [low, high], y: [low, high], log, xTicks,
 * xText, yTicks, lines: [{x, y, colour, dash, alpha, width, dots}], ticks: places marked at the foot, labelled}.
 */
function chartPaint(context, box, scene, theme) {
  const { left, top, width, height } = box;
  const [x0, x1] = scene.x;
  const up = scene.log ? Math.log : (value) => value;
  const [y0, y1] = scene.y.map(up);
  const across = width / (x1 - x0 || 1);
  const toX = (value) => left + (value - x0) * across;
  const toY = (value) => top + height - ((up(value) - y0) / (y1 - y0 || 1)) * height;

  context.font = `12px ${theme.font}`;
  context.lineWidth = 1;
  context.strokeStyle = theme.rule;
  context.fillStyle = theme.quiet;
  context.setLineDash([]);
  context.beginPath();
  for (const tick of scene.yTicks) {
    const y = Math.round(toY(tick)) + 0.5;
    context.moveTo(left, y);
    context.lineTo(left + width, y);
  }
  for (const tick of scene.ticks) {
    const x = Math.round(toX(tick)) + 0.5;
    if (x < left || x > left + width) continue;
    context.moveTo(x, top + height);
    context.lineTo(x, top + height - 5);
  }
  context.stroke();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of scene.yTicks) context.fillText(chartTickText(tick), left - 8, toY(tick) + 0.5);
  if (scene.labelled) {
    context.textBaseline = "top";
    for (const tick of scene.xTicks) {
      const text = scene.xText(tick);
      const half = context.measureText(text).width / 2;
      context.textAlign = "center";
      context.fillText(text, limited(toX(tick), left - 40 + half, left + width + CHART_RIGHT - half), top + height + 7);
    }
  }

  context.save();
  context.beginPath();
  context.rect(left, top - 1, width, height + 2);
  context.clip();
  context.lineJoin = "bevel";
  for (const line of scene.lines) {
    context.globalAlpha = line.alpha;
    context.lineWidth = line.width;
    context.strokeStyle = line.colour;
    context.setLineDash(line.dash);
    chartTrace(context, line, [x0, x1], toX, toY, scene.log);
    if (line.dots) chartDots(context, line, [x0, x1], toX, toY);
  }
  context.restore();
}

function chartTrace(context, { x, y, colour }, [low, high], toX, toY, log) {
  const from = Math.max(chartPlace(x, low) - 1, 0);
  const to = Math.min(chartPlace(x, high) + 1, x.length);
  let drawn = 0;
  let last = [0, 0];
  context.beginPath();
  for (let at = from; at < to; at++) {
    if (log && !(y[at] > 0)) continue; // Has no logarithm: the line goes on at the next point.
    last = [toX(x[at]), toY(y[at])];
    if (drawn++) context.lineTo(last[0], last[1]);
    else context.moveTo(last[0], last[1]);
  }
  if (drawn > 1) return context.stroke();
  if (!drawn) return;
  context.fillStyle = colour; // One point is no line, and is seen all the same.
  context.beginPath();
  context.arc(last[0], last[1], 3, 0, 7);
  context.fill();
}

/** Each measurement as a dot, as long as they do not run together. */
function chartDots(context, { x, y, colour }, [low, high], toX, toY) {
  const from = chartPlace(x, low);
  const to = Math.min(chartPlace(x, high) + 1, x.length);
  if (to - from > 1 && (toX(x[to - 1]) - toX(x[from])) / (to - from - 1) < 3 * CHART_DOT) return;
  context.fillStyle = colour;
  for (let at = from; at < to; at++) {
    context.beginPath();
    context.arc(toX(x[at]), toY(y[at]), CHART_DOT, 0, 7);
    context.fill();
  }
}

/** A canvas as sharp as the screen, cleared. */
function chartCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** All panels one under another, twice as fine, with names and values: a PNG. panels: [{title, keys, scene}]. */
function chartPicture(panels, { title, width, heights, theme }) {
  const head = 34;
  const canvas = make("canvas");
  const context = canvas.getContext("2d");
  const rows = panels.map(({ keys }) => chartKeyRows(context, keys, width, theme));
  const size = heights.map((height, at) => height + 22 * (rows[at].length + 1));
  Object.assign(canvas, { width: width * 2, height: (head + size.reduce((sum, one) => sum + one, 0) + 8) * 2 });
  context.scale(2, 2);
  context.fillStyle = theme.page;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = theme.ink;
  context.font = `bold 15px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillText(title, 12, 20, width - 24);
  let top = head;
  panels.forEach((panel, at) => {
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = theme.ink;
    context.font = `bold 13px ${theme.font}`;
    context.fillText(panel.title, 12, top + 11);
    rows[at].forEach((row, line) => chartKeys(context, row, 12, top + 33 + 22 * line, theme));
    const below = panel.scene.labelled ? CHART_BELOW : CHART_FOOT;
    const box = { left: CHART_LEFT, top: top + 22 * (rows[at].length + 1) + CHART_TOP, width: width - CHART_LEFT - CHART_RIGHT };
    chartPaint(context, { ...box, height: heights[at] - CHART_TOP - below }, panel.scene, theme);
    top += size[at];
  });
  return canvas;
}

/** Keys as rows that fit. */
function chartKeyRows(context, keys, width, theme) {
  context.font = `13px ${theme.font}`;
  const rows = [];
  let free = 0;
  for (const key of keys) {
    const needs = 22 + context.measureText(key.text).width + 16;
    if (needs > free) {
      rows.push([]);
      free = width - 24;
    }
    rows.at(-1).push({ ...key, needs });
    free -= needs;
  }
  return rows;
}

function chartKeys(context, row, left, middle, theme) {
  context.font = `13px ${theme.font}`;
  for (const { text, colour, dash, needs } of row) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(left, middle);
    context.lineTo(left + 16, middle);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = theme.ink;
    context.fillText(text, left + 22, middle);
    left += needs;
  }
}
