// Key frames as chips: a thumbnail and a seed each; chosen by click, reordered by drag and Alt+arrows, removed by Delete.

const MAX_KEYS = 64;
const FOUND = "found"; // What stands for a key frame without a seed: a latent that Explore found for a picture.
const DRAG_PX = 6; // A press that moves less is a click.

function seedName(key) {
  return key.seed == null ? FOUND : String(key.seed);
}

/** "2 directions, 1 latent, between seeds, mix with seed 9", or nothing. */
function editsOf(key) {
  const count = (edits, name) => {
    const many = Object.keys(edits ?? {}).length;
    return many ? `${many} ${name}${many > 1 ? "s" : ""}` : null;
  };
  const shifted = (key.shift ?? [0, 0]).some((part) => part !== 0) ? "between seeds" : null;
  const mixed = key.mix ? `mix with seed ${key.mix.seed}` : null;
  return [count(key.directions, "direction"), count(key.latents, "latent"), shifted, mixed].filter(Boolean).join(", ");
}

/** A key frame as a sentence for those who do not see it. */
function spokenKey(key, place, count) {
  const edits = editsOf(key);
  const base = key.seed == null ? "found picture" : `seed ${key.seed}`;
  return `Key frame ${place + 1} of ${count}, ${base}, truncation ${Number(key.truncation.toFixed(2))}${edits ? `, ${edits}` : ""}`;
}

/**
 * The list "7, 42, 10-12, found" as key frames; those of the present keys that it names keep their edits.
 * Returns {keys} or {error}, one sentence.
 */
function keysOfText(text, present, plainKey) {
  const left = [...present];
  const keys = [];
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const wrong = (what) => ({ error: `${what}. The key frames stay. Type seeds such as 7, 42, 1234 or a range such as 10-15.` });
  for (const word of words) {
    const range = /^([0-9]+)-([0-9]+)$/.exec(word);
    const ends = (range ? range.slice(1) : [word, word]).map((end) => (word === FOUND ? FOUND : seedOf(end)));
    if (ends.includes(null)) return wrong(`“${word.length > 40 ? `${word.slice(0, 40)}…` : word}” is not a seed`);
    const count = word === FOUND ? 1 : BigInt(ends[1]) - BigInt(ends[0]) + 1n;
    if (count < 1) return wrong(`“${word}” runs backwards`);
    if (BigInt(keys.length) + BigInt(count) > MAX_KEYS) return wrong(`These are more than ${MAX_KEYS} key frames`);
    for (let step = 0; step < Number(count); step += 1) {
      const seed = word === FOUND ? FOUND : seedPlus(ends[0], step);
      const known = left.findIndex((key) => seedName(key) === seed);
      if (known < 0 && seed === FOUND) return wrong("There is no found picture to add; Explore finds some");
      keys.push(known < 0 ? plainKey(seed) : left.splice(known, 1)[0]);
    }
  }
  return keys.length ? { keys } : wrong("The list is empty");
}

/** The row of chips. move(from, to), choose(place), remove(place). */
function keyChips(list, { choose, move, remove }) {
  let chips = [];
  let chosen = 0;

  const button = (place) => chips[place]?.querySelector("button");
  const draw = (keys, urls, selected) => {
    const focused = list.contains(document.activeElement);
    chosen = selected;
    // Chips are kept: focus stays, and pictures do not flicker.
    while (chips.length > keys.length) chips.pop().remove();
    while (chips.length < keys.length) {
      chips.push(chip());
      list.append(chips.at(-1));
    }
    keys.forEach((key, place) => {
      const face = button(place);
      const picture = face.querySelector("img");
      const url = urls[place];
      if (url && picture.getAttribute("src") !== url) picture.src = url;
      picture.hidden = !url;
      face.setAttribute("aria-label", spokenKey(key, place, keys.length));
      face.setAttribute("aria-current", String(place === selected));
      face.tabIndex = place === selected ? 0 : -1;
      face.querySelector(".ip-edited").hidden = !editsOf(key);
      const name = face.querySelector(".ip-seed");
      name.textContent = seedName(key);
      face.title = `${seedName(key)}. Drag or Alt+arrows to reorder, Delete to remove.`;
    });
    if (focused) button(selected)?.focus({ preventScroll: true });
    const box = chips[selected];
    const [left, right] = [box.offsetLeft - list.offsetLeft, box.offsetLeft - list.offsetLeft + box.offsetWidth];
    if (left < list.scrollLeft) list.scrollLeft = left; // Not scrollIntoView: the page must not move.
    else if (right > list.scrollLeft + list.clientWidth) list.scrollLeft = right - list.clientWidth;
  };

  const chip = () => {
    const face = make(
      "button",
      { type: "button", class: "ip-chip" },
      make("span", { class: "ip-thumb" }, make("img", { alt: "", draggable: "false", hidden: true })),
      make("span", { class: "ip-seed gs-small" }),
      make("span", { class: "ip-edited", title: "With edits", hidden: true }),
    );
    const item = make("li", {}, face);
    const place = () => chips.indexOf(item);
    face.addEventListener("click", () => choose(place()));
    face.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? chips.length - 1 : place() + (step ?? 0);
      if (step || event.key === "Home" || event.key === "End") {
        event.preventDefault();
        if (to < 0 || to >= chips.length) return;
        if (event.altKey || event.ctrlKey || event.shiftKey) move(place(), to);
        else choose(to);
        button(to)?.focus();
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        remove(place());
      }
    });
    face.addEventListener("pointerdown", (event) => startDrag(event, item));
    return item;
  };

  /** The place whose middle is nearest to the pointer, by where the chips were when the drag began. */
  const nearest = (boxes, x, y) => {
    const away = boxes.map((box) => Math.hypot(box.x + box.width / 2 - x, 2 * (box.y + box.height / 2 - y)));
    return away.indexOf(Math.min(...away));
  };
  const startDrag = (down, item) => {
    if (down.button !== 0 || chips.length < 2 || down.pointerType === "touch") return; // A finger scrolls the row.
    const face = item.querySelector("button");
    const boxes = chips.map((one) => one.getBoundingClientRect());
    const from = chips.indexOf(item);
    let to = from;
    let dragging = false;
    const onMove = (event) => {
      const [dx, dy] = [event.clientX - down.clientX, event.clientY - down.clientY];
      if (!dragging && Math.hypot(dx, dy) < DRAG_PX) return;
      if (!dragging) face.setPointerCapture(event.pointerId);
      dragging = true;
      list.classList.add("ip-dragging");
      item.classList.add("ip-held");
      to = nearest(boxes, event.clientX, event.clientY);
      // Only looks are moved until it is let go: nothing is drawn anew under the pointer.
      const order = chips.map((_, place) => place).filter((place) => place !== from);
      order.splice(to, 0, from);
      order.forEach((place, slot) => {
        const shift = place === from ? [dx, dy] : [boxes[slot].x - boxes[place].x, boxes[slot].y - boxes[place].y];
        chips[place].style.transform = `translate(${shift[0]}px, ${shift[1]}px)`;
      });
    };
    const done = (event) => {
      face.removeEventListener("pointermove", onMove);
      face.removeEventListener("pointerup", done);
      face.removeEventListener("pointercancel", done);
      if (!dragging) return;
      list.classList.remove("ip-dragging");
      item.classList.remove("ip-held");
      chips.forEach((one) => (one.style.transform = ""));
      const swallow = (click) => click.stopPropagation(); // The click at a drag's end chooses nothing.
      list.addEventListener("click", swallow, { once: true, capture: true });
      setTimeout(() => list.removeEventListener("click", swallow, { capture: true }), 0);
      if (event.type === "pointerup" && to !== from) move(from, to);
    };
    face.addEventListener("pointermove", onMove);
    face.addEventListener("pointerup", done);
    face.addEventListener("pointercancel", done);
  };

  return { draw, focus: (place) => button(place)?.focus() };
}
