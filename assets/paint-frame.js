// The frame: photograph and painting one over the other, a line between them, and the blend of both under the hand.

/**
 * photo, full, out: ImageData of one size. out = photo + strength (full - photo); with colours kept, the difference of
 * luma alone is added to red, green and blue. The same formula as the server's, which writes the files.
 */
function blendInto(out, photo, full, strength, keepColours) {
  const [o, p, f] = [out.data, photo.data, full.data]; // Clamped arrays: they round and stay within 0 to 255.
  for (let i = 0; i < p.length; i += 4) {
    const [red, green, blue] = [f[i] - p[i], f[i + 1] - p[i + 1], f[i + 2] - p[i + 2]];
    if (keepColours) {
      const luma = strength * (0.299 * red + 0.587 * green + 0.114 * blue);
      o[i] = p[i] + luma;
      o[i + 1] = p[i + 1] + luma;
      o[i + 2] = p[i + 2] + luma;
    } else {
      o[i] = p[i] + strength * red;
      o[i + 1] = p[i + 1] + strength * green;
      o[i + 2] = p[i + 2] + strength * blue;
    }
    o[i + 3] = f[i + 3];
  }
}

async function pixelsOf(url, width, height) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** The picture with its line. show({photo_url, full_url, width, height}) and look(strength, keepColours) draw it. */
function beforeAfter(figure) {
  const pair = figure.querySelector(".pt-pair");
  const [before, after] = figure.querySelectorAll("canvas");
  const split = figure.querySelector("input[type=range]");
  const [left, right] = figure.querySelectorAll(".pt-tag");
  let pictures = null; // {photo, full, out}
  let wanted = { strength: 1, keepColours: false };
  let drawing = 0;
  let newest = 0;

  const draw = () => {
    drawing = 0;
    if (!pictures) return;
    const { photo, full, out } = pictures;
    blendInto(out, photo, full, wanted.strength, wanted.keepColours);
    after.getContext("2d").putImageData(out, 0, 0);
    after.dataset.look = `${Math.round(wanted.strength * 100)}${wanted.keepColours ? " colours" : ""}`;
  };
  const place = () => {
    const share = Number(split.value);
    pair.style.setProperty("--pt-split", `${share}%`);
    split.setAttribute("aria-valuetext", `${share} % photograph`);
    left.classList.toggle("pt-away", share < 16);
    right.classList.toggle("pt-away", share > 84);
  };
  split.addEventListener("input", place);
  const follow = (event) => {
    const { left: from, width } = pair.getBoundingClientRect();
    split.value = limited(((event.clientX - from) / width) * 100, 0, 100);
    place();
  };
  pair.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pair.setPointerCapture(event.pointerId);
    follow(event);
    event.preventDefault(); // No text is marked while the line is pulled.
    split.focus({ preventScroll: true });
    split.classList.add("pt-by-hand");
  });
  pair.addEventListener("pointermove", (event) => pair.hasPointerCapture(event.pointerId) && follow(event));
  split.addEventListener("keydown", () => split.classList.remove("pt-by-hand"));
  place();

  return {
    /** True once it is drawn; false where a newer picture came in between. */
    async show({ photo_url: photoUrl, full_url: fullUrl, width, height }) {
      newest += 1;
      const mine = newest;
      const [photo, full] = await Promise.all([pixelsOf(photoUrl, width, height), pixelsOf(fullUrl, width, height)]);
      if (mine !== newest) return false;
      pictures = { photo, full, out: new ImageData(width, height) };
      for (const canvas of [before, after]) [canvas.width, canvas.height] = [width, height];
      before.getContext("2d").putImageData(photo, 0, 0);
      pair.hidden = false;
      draw();
      return true;
    },
    look(strength, keepColours) {
      wanted = { strength, keepColours };
      drawing = drawing || requestAnimationFrame(draw);
    },
    names(from, to) {
      left.textContent = from;
      right.textContent = to;
      before.setAttribute("aria-label", `Before: ${from}`);
      after.setAttribute("aria-label", `After: ${to}`);
    },
  };
}
