// Eight pictures around the one that is shown; a press on one of them goes there.

/** fetch(recipe) asks for the eight; busy() tells whether a hand is moving; go(recipe) moves. */
function neighbourhood(host, { fetch, busy, go }) {
  const cells = Array.from({ length: 9 }, (_, place) => {
    const picture = make("img", { alt: "" });
    if (place === 4) return make("span", { class: "xp-middle" }, picture);
    const number = place < 4 ? place : place - 1;
    const label = `Neighbour ${number + 1}`;
    return make("button", { type: "button", "aria-label": label, onclick: () => near[number] && go(near[number].recipe) }, picture);
  });
  host.replaceChildren(...cells);
  const middle = cells[4].firstChild;
  const others = cells.filter((cell) => cell.tagName === "BUTTON");
  let near = [];
  let centre = null;
  let inView = false;
  let due = false;

  const painter = latestOnly(fetch, (answer, recipe, newest) => {
    if (!newest || recipe !== centre) return;
    host.classList.remove("xp-stale");
    if (!answer.ok) return;
    near = answer.pictures;
    near.forEach(({ url }, number) => (others[number].firstChild.src = url));
  });
  const askSoon = whenQuiet(() => (busy() ? askSoon() : painter.ask(centre)), 150); // Whoever drags has the server first.
  const look = () => {
    due = !inView; // Out of sight it waits until it is seen.
    if (inView) askSoon();
  };
  new IntersectionObserver((entries) => {
    inView = entries.at(-1).isIntersecting;
    if (inView && due) look();
  }).observe(host);
  return {
    show({ recipe, url }, hard) {
      centre = recipe;
      middle.src = url;
      host.classList.toggle("gs-hard", hard);
      host.classList.add("xp-stale");
      look();
    },
  };
}
