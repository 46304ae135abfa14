// The preview: a sheet of frames played on a canvas, the film strip, and the chart of jumps beneath it on one scale.

const STRIP_PX = 64; // About the height of the strip; its cells fill the width without a rest.
const SVG = "http://www.w3.org/2000/svg";
const PLAY = "M4.5 2.5v11l9-5.5z";
const PAUSE = "M5 3v10M11 3v10";

/**
 * parts: the tab's elements. `show(preview)` takes an answer of the server, `film({frames, fps, loop, hard})` what the
 * walk is by now. `follow(video)` plays the rendered film instead, under the same controls. Moments are parts of the
 * film, from 0 to 1.
 */
function filmPlayer(parts) {
  const { stage, strip, chart, head, scrub, clock, place, jump, button } = parts;
  const stripCanvas = strip.querySelector("canvas");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let sheet = null;
  let film = { frames: 90, fps: 30, loop: true, hard: true };
  let now = 0;
  let held = null; // The moment under the pointer.
  let playing = !still.matches;
  let visible = false;
  let last = 0;
  let drawn = -1;
  let shows = 0;
  let video = null; // The rendered film, while it is what the stage shows.

  const frameAt = (moment, count) => limited(Math.floor(moment * count), 0, count - 1);
  const paint = (paper, number, x, y, width, height) => {
    const [w, h] = sheet.cell;
    const column = number % sheet.columns;
    const row = Math.floor(number / sheet.columns);
    paper.drawImage(sheet.image, column * w, row * h, w, h, x, y, width, height);
  };

  const tell = (moment) => {
    const frame = frameAt(moment, film.frames);
    const seconds_ = (frame / film.fps).toFixed(1);
    clock.textContent = `${seconds_} / ${(film.frames / film.fps).toFixed(1)} s`;
    place.textContent = `frame ${frame + 1} of ${film.frames}`;
    head.style.left = `${moment * 100}%`;
    if (document.activeElement !== scrub || playing) scrub.value = frame;
    scrub.setAttribute("aria-valuetext", `frame ${frame + 1} of ${film.frames}, ${seconds_} s`);
  };
  const draw = () => {
    const moment = held ?? now;
    tell(moment);
    if (!sheet) return;
    const number = frameAt(moment, sheet.frames);
    if (number === drawn) return;
    drawn = number;
    const [w, h] = sheet.cell;
    if (stage.width !== w || stage.height !== h) [stage.width, stage.height] = [w, h];
    paint(stage.getContext("2d"), number, 0, 0, w, h);
    stage.dataset.frame = number;
  };

  const drawStrip = () => {
    const width = strip.clientWidth;
    if (!width) return;
    const shape = sheet ? sheet.cell[0] / sheet.cell[1] : 1;
    const count = Math.max(3, Math.round(width / (STRIP_PX * shape)));
    const cell = width / count;
    const height = Math.round(cell / shape);
    strip.style.setProperty("--ip-strip", `${height}px`);
    const scale = window.devicePixelRatio || 1;
    [stripCanvas.width, stripCanvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    if (!sheet) return;
    const paper = stripCanvas.getContext("2d");
    paper.imageSmoothingEnabled = !film.hard;
    paper.imageSmoothingQuality = "high";
    for (let number = 0; number < count; number += 1) {
      const [left, right] = [number, number + 1].map((edge) => Math.round(edge * cell * scale));
      paint(paper, frameAt((number + 0.5) / count, sheet.frames), left, 0, right - left, stripCanvas.height);
    }
    stripCanvas.dataset.cells = count;
  };

  /** Bars stand at the boundary between two frames; the highest is named. */
  const drawChart = (jumps) => {
    const svg = chart.querySelector("svg");
    svg.setAttribute("viewBox", `0 0 ${sheet.frames} 100`);
    const most = Math.max(...jumps, 0);
    const mean = jumps.reduce((sum, one) => sum + one, 0) / Math.max(1, jumps.length);
    const peak = jumps.indexOf(most);
    const bars = jumps.map((one, number) => {
      const bar = document.createElementNS(SVG, "rect");
      const height = most > 0 ? (one / most) * 100 : 0;
      const [from, to] = [number + 0.6, Math.min(number + 1.4, sheet.frames)];
      const facts = { x: from, width: to - from, y: 100 - height, height, class: number === peak && most > 0 ? "ip-peak" : "" };
      Object.entries(facts).forEach(([name, value]) => bar.setAttribute(name, value));
      return bar;
    });
    const line = document.createElementNS(SVG, "line");
    const level = most > 0 ? 100 - (mean / most) * 100 : 100;
    Object.entries({ x1: 0, x2: sheet.frames, y1: level, y2: level }).forEach(([name, value]) => line.setAttribute(name, value));
    svg.replaceChildren(...bars, line);
    const frame = frameAt((peak + 1) / sheet.frames, film.frames) + 1;
    const seam = film.loop && peak === jumps.length - 1 && jumps.length === sheet.frames;
    const where = seam ? "from the last frame to the first" : `at frame ${frame}`;
    jump.textContent = most > 0
      ? `Largest step ${where}: ${(most / mean).toFixed(1)} × the mean`
      : "Nothing moves: the key frames are one picture";
    svg.setAttribute("aria-label", `Picture distance from step to step. ${jump.textContent}.`);
  };

  const face = () => {
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    button.setAttribute("aria-pressed", String(playing));
    button.querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
  };
  let pending = 0;
  const next = () => {
    cancelAnimationFrame(pending); // There is one clock, whoever starts it.
    pending = requestAnimationFrame(tick);
  };
  const tick = (time) => {
    if (video) {
      if (video.duration) now = video.currentTime / video.duration;
      tell(held ?? now);
      next();
      return;
    }
    if (!playing || !visible) return;
    const passed = Math.min(100, time - last) / 1000;
    last = time;
    now += (passed * film.fps) / film.frames;
    if (now >= 1) now %= 1;
    if (held === null) draw();
    next();
  };
  const run = () => {
    last = performance.now();
    if (playing && visible) next();
  };
  const mark = (wanted) => {
    playing = wanted;
    face();
  };
  const play = (wanted) => {
    if (video) {
      if (wanted) video.play().catch(() => {}); // A browser that plays nothing unasked leaves it to its own controls.
      else video.pause();
    } else if (playing !== wanted) {
      mark(wanted);
      run();
    }
  };
  const go = (moment) => {
    play(false);
    now = moment;
    if (video?.duration) video.currentTime = moment * video.duration;
    else draw();
  };

  button.addEventListener("click", () => play(!playing));
  still.addEventListener("change", () => still.matches && play(false));
  new IntersectionObserver(([entry]) => {
    if (visible === entry.isIntersecting) return;
    visible = entry.isIntersecting;
    run();
  }).observe(stage);
  new ResizeObserver(drawStrip).observe(strip);

  // The range lies over strip and chart: keyboard and touch come with it, hovering is added.
  const under = (event) => {
    const box = strip.getBoundingClientRect();
    return limited((event.clientX - box.x) / box.width, 0, 1);
  };
  scrub.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    held = event.buttons ? null : under(event); // While a button is down, the range says where.
    if (held !== null) draw();
  });
  scrub.addEventListener("pointerleave", () => {
    held = null;
    draw();
  });
  scrub.addEventListener("pointerdown", (event) => {
    go(under(event));
  });
  scrub.addEventListener("input", () => {
    held = null;
    go((Number(scrub.value) + 0.5) / film.frames);
  });

  face();
  return {
    toggle: () => play(!playing),
    /** The film in place of the preview; null: the preview again. */
    follow(film_) {
      if (video === film_) return;
      video?.pause();
      video = film_;
      if (!film_) {
        mark(!still.matches);
        drawn = -1;
        draw();
        run();
        return;
      }
      mark(false);
      film_.onplay = () => video === film_ && mark(true);
      film_.onpause = () => video === film_ && mark(false);
      play(!still.matches);
      next();
    },
    pause: () => play(false),
    film(next) {
      film = { ...film, ...next };
      scrub.max = film.frames - 1;
      stage.classList.toggle("ip-hard", film.hard);
      draw();
    },
    /** False where a newer one overtook it. */
    async show(answer) {
      shows += 1;
      const mine = shows;
      const image = new Image();
      image.src = answer.sheet;
      await image.decode();
      if (mine !== shows) return false;
      sheet = { image, columns: answer.columns, cell: answer.cell, frames: answer.frames };
      drawn = -1;
      draw();
      drawStrip();
      drawChart(answer.jumps);
      return true;
    },
    /** Cells of the strip: what the first, quick preview needs. */
    cells: () => Math.max(3, Math.round((strip.clientWidth || 1200) / STRIP_PX)),
  };
}
