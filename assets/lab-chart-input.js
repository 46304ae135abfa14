// Hands on a chart: pointing, choosing a part, wheel, two fingers, keys.

const CHART_GRIP = 6; // So near to the cursor's line, in px, a drag moves the line.
const CHART_CLICK = 4; // A press that moves less is a click.
const CHART_DOUBLE_MS = 320; // A click counts once it is no half of a double click.

/**
 * Wire a plot. area() gives {left, width, foot} of the plots on the screen; get() gives {view, whole, cursor} in places
 * of the axis; set(low, high) shows a part, reset() all; point(part|null) tells where the pointer is, 0 to 1 of the width; choose(place) sets the cursor;
 * nudge(points) moves it by recorded points; band(from|null, to) shows the part that a drag would choose.
 */
function chartHands(plots, { area, get, set, reset, point, choose, nudge, band }) {
  const fingers = new Map();
  let drag = null;
  let clicked;

  const partAt = (clientX) => {
    const { left, width } = area();
    return limited((clientX - left) / width, 0, 1);
  };
  const placeAt = (clientX) => {
    const [low, high] = get().view;
    return low + partAt(clientX) * (high - low);
  };
  const zoom = (factor, place) => {
    const [low, high] = get().view;
    set(place - (place - low) * factor, place + (high - place) * factor);
  };
  const pan = (part) => {
    const [low, high] = get().view;
    const [first, last] = get().whole;
    const moved = limited((high - low) * part, first - low, last - high);
    set(low + moved, high + moved);
  };
  const pixels = (place) => {
    const { left, width } = area();
    const [low, high] = get().view;
    return left + ((place - low) / (high - low)) * width;
  };

  plots.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || !event.target.closest(".lc-plot")) return;
    fingers.set(event.pointerId, event.clientX);
    plots.setPointerCapture(event.pointerId);
    plots.focus({ preventScroll: true });
    if (fingers.size === 2) {
      band(null);
      drag = { kind: "pinch", places: [...fingers.values()].map(placeAt) };
      return;
    }
    const { cursor, view } = get();
    const near = cursor !== null && Math.abs(pixels(cursor) - event.clientX) <= CHART_GRIP;
    const foot = event.clientY > area().foot;
    const moves = near || foot || event.pointerType === "touch";
    const kind = event.shiftKey || event.button === 1 ? "pan" : moves ? "cursor" : "part";
    drag = { kind, from: event.clientX, view: [...view], moved: false };
    if (kind === "pan") event.preventDefault();
  });

  plots.addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.clientX);
    const inside = event.target.closest?.(".lc-plot") || drag;
    if (event.pointerType !== "touch") point(inside ? partAt(event.clientX) : null);
    if (!drag) return;
    if (drag.kind === "pinch") return pinch();
    drag.moved ||= Math.abs(event.clientX - drag.from) >= CHART_CLICK;
    if (!drag.moved) return;
    if (drag.kind === "cursor") choose(placeAt(event.clientX));
    else if (drag.kind === "part") band(placeAt(drag.from), placeAt(event.clientX));
    else panFrom(event.clientX);
  });

  function panFrom(clientX) {
    const { width } = area();
    const [low, high] = drag.view;
    const [first, last] = get().whole;
    const moved = limited(((drag.from - clientX) / width) * (high - low), first - low, last - high);
    set(low + moved, high + moved);
  }

  /** What was under the fingers stays under them. */
  function pinch() {
    const { left, width } = area();
    const [a, b] = [...fingers.values()].map((clientX) => (clientX - left) / width);
    const [from, to] = drag.places;
    if (Math.abs(a - b) < 0.02 || from === to) return;
    const span = (to - from) / (b - a);
    if (span > 0) set(from - a * span, from + (1 - a) * span);
  }

  const over = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    const ended = drag;
    drag = null;
    band(null);
    if (!ended || event.type === "pointercancel") return;
    if (ended.kind === "pinch") return;
    const place = placeAt(event.clientX);
    clearTimeout(clicked);
    if (!ended.moved) clicked = setTimeout(() => choose(place), CHART_DOUBLE_MS);
    else if (ended.kind === "part") set(...[placeAt(ended.from), placeAt(event.clientX)].sort((a, b) => a - b));
  };
  plots.addEventListener("pointerup", over);
  plots.addEventListener("pointercancel", over);
  plots.addEventListener("pointerleave", () => drag || point(null));
  // A captured pointer's clicks are told to who has captured it: the target is no longer the plot.
  plots.addEventListener("dblclick", (event) => {
    if (event.target.closest("button")) return;
    clearTimeout(clicked);
    reset();
  });

  plots.addEventListener(
    "wheel",
    (event) => {
      if (!event.target.closest(".lc-plot")) return;
      const { view, whole } = get();
      const all = view[0] <= whole[0] && view[1] >= whole[1];
      const zooms = event.ctrlKey || event.metaKey;
      const sideways = !zooms && Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // A plain turn scrolls the page, which the chart must not hold fast.
      if (!zooms && (all || !sideways)) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 16 : 1;
      if (sideways) pan((event.deltaX * unit) / area().width);
      else zoom(Math.exp(limited(event.deltaY * unit, -120, 120) * (Math.abs(event.deltaY * unit) < 30 ? 0.01 : 0.0025)), placeAt(event.clientX));
    },
    { passive: false },
  );

  plots.addEventListener("keydown", (event) => {
    if (event.target !== plots || event.ctrlKey || event.metaKey || event.altKey) return;
    const { view, whole, cursor } = get();
    const middle = cursor !== null && cursor >= view[0] && cursor <= view[1] ? cursor : (view[0] + view[1]) / 2;
    const keys = {
      ArrowLeft: () => (event.shiftKey ? pan(-0.2) : nudge(-1)),
      ArrowRight: () => (event.shiftKey ? pan(0.2) : nudge(1)),
      PageUp: () => nudge(-20),
      PageDown: () => nudge(20),
      Home: () => choose(whole[0]),
      End: () => choose(whole[1]),
      "+": () => zoom(0.5, middle),
      "=": () => zoom(0.5, middle),
      "-": () => zoom(2, middle),
      0: reset,
      Escape: reset,
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
