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

  const draw = () => {
    const { clientWidth: width, clientHeight: height } = host;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(host);
    const [rule, quiet, accent] = ["--gs-track", "--gs-quiet", "--gs-accent"].map((name) => style.getPropertyValue(name));
    paper.setTransform(scale, 0, 0, scale, 0, 0);
    paper.clearRect(0, 0, width, height);
    const middle = { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
    if (place) {
      const columns = Math.ceil(width / CELL_PX / 2) + 1;
      const rows = Math.ceil(height / CELL_PX / 2) + 1;
      paper.font = `11px ${style.fontFamily}`;
      for (let row = -rows; row <= rows; row += 1) {
        for (let column = -columns; column <= columns; column += 1) {
          const x = Math.round(middle.x + (column - place.x) * CELL_PX) + 0.5;
          const y = Math.round(middle.y + (row - place.y) * CELL_PX) + 0.5;
          paper.strokeStyle = rule;
          paper.globalAlpha = 0.7;
          paper.strokeRect(x, y, CELL_PX, CELL_PX);
          paper.globalAlpha = 1;
          paper.fillStyle = quiet;
          paper.fillRect(x - 2, y - 2, 4, 4);
          const seed = seedPlus(place.seed, column + ROW * row);
          paper.fillText(seed.length > 8 ? `…${seed.slice(-7)}` : seed, x + 6, y + 14);
        }
      }
    }
    paper.strokeStyle = place ? accent : rule;
    paper.lineWidth = 1.5;
    paper.beginPath();
    paper.arc(middle.x, middle.y, 7, 0, 7);
    paper.moveTo(middle.x - 13, middle.y);
    paper.lineTo(middle.x + 13, middle.y);
    paper.moveTo(middle.x, middle.y - 13);
    paper.lineTo(middle.x, middle.y + 13);
    paper.stroke();
    paper.lineWidth = 1;
  };

  let planned = 0;
  const drawSoon = () => {
    planned = planned || requestAnimationFrame(() => {
      planned = 0;
      draw();
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
  host.addEventListener("pointermove", (event) => {
    if (!hand || event.pointerId !== hand.id) return;
    const x = event.clientX - hand.x;
    const y = event.clientY - hand.y;
    if (!hand.moved && Math.hypot(x, y) < 3) return; // A click is no drag.
    hand.moved = true;
    const { seed, x: fromX, y: fromY } = hand.from;
    go(placed({ seed, x: fromX - x / CELL_PX, y: fromY - y / CELL_PX }), false);
  });
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
