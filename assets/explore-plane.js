// The seed plane: a map of all seeds under a fixed cross. The seed to the right is one more, the one below a hundred more.

const CELL_PX = 88; // From one seed to the next.
const ROW = 100;
const STEP = 0.1;
const GLIDE_MS = 300; // A page that is being scrolled goes on scrolling when the plane comes under the pointer.

/** A place on the plane with its shift in [0, 1), to four decimals. */
function placed({ seed, x, y }) {
  const round = (value) => Math.round(value * 1e4) / 1e4;
  const right = Math.floor(round(x));
  const down = Math.floor(round(y));
  return { seed: seedPlus(seed, right + ROW * down), x: round(round(x) - right), y: round(round(y) - down) };
}

function snapped({ seed, x, y }) {
  return placed({ seed, x: Math.round(x), y: Math.round(y) });
}

/** preview(place), commit(place, single); set(place) or set(null) where the picture has no seed. */
function seedPlane(host, { preview, commit }) {
  const canvas = host.querySelector("canvas");
  const paper = canvas.getContext("2d");
  let place = null;
  let hand = null;
  let drawn = null; // The seed whose surroundings are on the canvas: while it stays, only the canvas moves.

  /** Seeds around the one in the middle, a cell more to the right and down: the canvas moves left and up. */
  const draw = () => {
    const { clientWidth, clientHeight } = host;
    if (!clientWidth) return;
    const [width, height] = [clientWidth + CELL_PX, clientHeight + CELL_PX];
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    drawn = place?.seed ?? null;
    if (!place) return;
    const style = getComputedStyle(host);
    const [rule, quiet] = ["--gs-track", "--gs-quiet"].map((name) => style.getPropertyValue(name));
    paper.setTransform(scale, 0, 0, scale, 0, 0);
    paper.strokeStyle = rule;
    paper.fillStyle = quiet;
    paper.font = `11px ${style.fontFamily}`;
    const columns = Math.ceil(width / CELL_PX / 2) + 1;
    const rows = Math.ceil(height / CELL_PX / 2) + 1;
    for (let row = -rows; row <= rows; row += 1) {
      for (let column = -columns; column <= columns; column += 1) {
        const x = Math.floor(clientWidth / 2) + column * CELL_PX + 0.5;
        const y = Math.floor(clientHeight / 2) + row * CELL_PX + 0.5;
        paper.globalAlpha = 0.7;
        paper.strokeRect(x, y, CELL_PX, CELL_PX);
        paper.globalAlpha = 1;
        paper.fillRect(x - 2, y - 2, 4, 4);
        const seed = seedPlus(place.seed, column + ROW * row);
        paper.fillText(seed.length > 8 ? `…${seed.slice(-7)}` : seed, x + 6, y + 14);
      }
    }
  };

  const show = () => {
    if (drawn !== (place?.seed ?? null)) draw();
    const [x, y] = [place?.x ?? 0, place?.y ?? 0];
    canvas.style.transform = `translate(${-Math.round(x * CELL_PX)}px, ${-Math.round(y * CELL_PX)}px)`;
  };
  let planned = 0;
  const drawSoon = () => {
    planned = planned || requestAnimationFrame(() => {
      planned = 0;
      show();
    });
  };
  const go = (next, done) => {
    place = next;
    if (done) commit(place, true);
    else preview(place);
    drawSoon();
  };
  const commitSoon = whenQuiet(() => place && !hand && commit(place, false), 250);

  host.addEventListener("pointerdown", (event) => {
    if (!place || event.button !== 0) return;
    host.setPointerCapture(event.pointerId);
    host.focus({ preventScroll: true });
    hand = { id: event.pointerId, x: event.clientX, y: event.clientY, from: place, moved: false };
    host.classList.add("xp-grabbed");
  });
  const drag = (event) => {
    if (!hand || event.pointerId !== hand.id) return;
    const x = event.clientX - hand.x;
    const y = event.clientY - hand.y;
    if (!hand.moved && Math.hypot(x, y) < 3) return; // A click is no drag.
    hand.moved = true;
    const { seed, x: fromX, y: fromY } = hand.from;
    const next = placed({ seed, x: fromX - x / CELL_PX, y: fromY - y / CELL_PX });
    if (next.seed !== place.seed || next.x !== place.x || next.y !== place.y) go(next, false);
  };
  host.addEventListener("pointerrawupdate", drag); // As soon as the hand moves, where the browser has it,
  host.addEventListener("pointermove", drag); // else with the next frame.
  const release = (event) => {
    if (!hand || event.pointerId !== hand.id) return;
    const { moved } = hand;
    hand = null;
    host.classList.remove("xp-grabbed");
    if (moved) commit(place, true);
  };
  host.addEventListener("pointerup", release);
  host.addEventListener("pointercancel", release);

  host.addEventListener("dblclick", (event) => {
    if (!place) return;
    const box = host.getBoundingClientRect();
    const x = (event.clientX - box.left - box.width / 2) / CELL_PX;
    const y = (event.clientY - box.top - box.height / 2) / CELL_PX;
    go(snapped({ seed: place.seed, x: place.x + x, y: place.y + y }), true);
  });

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  host.addEventListener("keydown", (event) => {
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === "Home") go(snapped(place), true);
    else if (steps[event.key]) {
      const far = event.shiftKey ? 1 : STEP;
      const [right, down] = steps[event.key];
      go(placed({ seed: place.seed, x: place.x + right * far, y: place.y + down * far }), false);
      commitSoon();
    } else return;
    event.preventDefault();
  });

  let scrolledElsewhere = -Infinity;
  window.addEventListener(
    "wheel",
    (event) => {
      const going = event.timeStamp - scrolledElsewhere < GLIDE_MS;
      if (!host.contains(event.target) || going) scrolledElsewhere = event.timeStamp;
    },
    { passive: true, capture: true },
  );
  host.addEventListener(
    "wheel",
    (event) => {
      if (!place || event.ctrlKey || event.timeStamp - scrolledElsewhere < GLIDE_MS) return;
      event.preventDefault();
      // A notch of a mouse wheel is 100 to 120 px and counts as one step; a track pad moves smoothly.
      const unit = event.deltaMode === 0 ? STEP / 100 : STEP;
      const far = event.shiftKey ? 10 : 1;
      const x = place.x + event.deltaX * unit * far;
      const y = place.y + event.deltaY * unit * far;
      go(placed({ seed: place.seed, x, y }), false);
      commitSoon();
    },
    { passive: false },
  );

  new ResizeObserver(draw).observe(host);
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return {
    set(next) {
      if (hand || (next && place && next.seed === place.seed && next.x === place.x && next.y === place.y)) return;
      place = next;
      host.classList.toggle("xp-off", !place);
      drawSoon();
    },
  };
}
