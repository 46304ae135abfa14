// What is folded away: several models on one photograph, the way there and back, many photographs, and the checker.

const MOST_COMPARED = 4;

/** draw(model) gives a small painting; pick(model) goes on with one of them. */
function comparison(fold, { draw, pick }) {
  const choices = make("div", { class: "gs-line gs-wrap pt-choices", role: "group", "aria-label": "Models to compare" });
  const grid = make("div", { class: "pt-compare", role: "group", "aria-label": "Paintings" });
  const told = make("p", { class: "gs-small" });
  fold.querySelector("div").append(choices, told, grid);
  let models = [];
  let chosen = [];
  let present = null;
  let drawn = "";
  let turn = 0;

  const tell = (text) => (told.textContent = text);
  const toggle = (value) => {
    const without = chosen.filter((one) => one !== value);
    if (without.length === chosen.length && chosen.length >= MOST_COMPARED) return tell(`At most ${MOST_COMPARED} at once. Take one away first.`);
    chosen = without.length === chosen.length ? [...chosen, value] : without;
    return update();
  };
  const showChoices = () => {
    choices.replaceChildren(
      ...models.map((model) =>
        make("button", { type: "button", class: "gs-button", "aria-pressed": String(chosen.includes(model.value)), onclick: () => toggle(model.value) }, model.name),
      ),
    );
    choices.hidden = models.length < 3; // Of two, both.
  };
  const update = async () => {
    const key = JSON.stringify([present?.photo, chosen]);
    if (!fold.open || !present) return;
    showChoices();
    tell(models.length < 2 ? "There is one model here. Bring others in the Models tab, or train one." : "");
    mark();
    if (key === drawn || models.length < 2) return;
    drawn = key;
    turn += 1;
    const mine = turn;
    const cells = chosen.map((value) => {
      const name = models.find((one) => one.value === value)?.name ?? value;
      const frame = make("span", { class: "pt-small gs-waiting" });
      return { value, frame, button: make("button", { type: "button", "data-value": value, onclick: () => pick(value) }, frame, make("span", { class: "gs-small" }, name)) };
    });
    grid.replaceChildren(...cells.map((cell) => cell.button));
    mark();
    for (const { value, frame, button } of cells) {
      const answer = await draw(value);
      if (mine !== turn) return;
      frame.classList.remove("gs-waiting");
      if (answer.ok) frame.append(make("img", { src: answer.full_url, alt: `Painting by ${button.innerText}` }));
      else frame.append(make("span", { class: "gs-small gs-notice" }, answer.error));
    }
  };
  const mark = () => grid.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.value === present?.model)));
  fold.addEventListener("toggle", update);
  return (list, state) => {
    models = list;
    present = state;
    chosen = chosen.filter((value) => models.some((one) => one.value === value));
    if (chosen.length < 2) chosen = [...new Set([state.model, ...models.map((one) => one.value)])].slice(0, MOST_COMPARED);
    update();
  };
}

/** The round trip: fetch() gives {url, fidelity}. */
function roundTrip(fold, fetch) {
  const frame = make("span", { class: "pt-small" });
  const told = make("p", {});
  const why = make("p", { class: "gs-small" });
  fold.querySelector("div").append(make("div", { class: "pt-trip" }, frame, make("div", {}, told, why)));
  let present = null;
  let drawn = "";
  let turn = 0;
  const update = async () => {
    if (!fold.open || !present || present.key === drawn) return;
    drawn = present.key;
    turn += 1;
    const mine = turn;
    frame.classList.add("gs-waiting");
    const answer = await fetch();
    if (mine !== turn) return;
    frame.classList.remove("gs-waiting");
    if (!answer.ok) {
      drawn = "";
      told.textContent = answer.error;
      return;
    }
    frame.replaceChildren(make("img", { src: answer.url, alt: `${present.from}, painted as ${present.to} and back` }));
    told.textContent = `Fidelity ${answer.fidelity.toFixed(2)}`;
    fold.querySelector("summary .gs-small").textContent = answer.fidelity.toFixed(2);
    why.textContent = `${present.from} to ${present.to} and back. How much of the structure came back (Wang et al., 2004); 1 is all of it.`;
  };
  fold.addEventListener("toggle", update);
  return (state) => {
    fold.hidden = !state.possible;
    if (present?.key !== state.key) fold.querySelector("summary .gs-small").textContent = "";
    present = state;
    update();
  };
}

/** Whether a picture was made here: check(file); explore(recipe) opens it there. */
function checker(fold, { check, explore }) {
  const told = make("p", { role: "status", id: "paint-check-told" });
  const facts = make("p", { class: "gs-small" });
  const open = make("button", { type: "button", class: "gs-button", id: "paint-check-open", hidden: true }, "Open in Explore");
  let recipe = null;
  open.addEventListener("click", () => explore(recipe));
  const take = async ([file]) => {
    fold.open = true;
    [told.textContent, facts.textContent, open.hidden] = [`Reading ${file.name}`, "", true];
    told.classList.remove("gs-notice");
    const answer = await check(file);
    if (!answer.ok) {
      told.textContent = answer.error;
      told.classList.add("gs-notice");
      return;
    }
    const { made } = answer;
    if (!made) {
      told.textContent = `Nothing in ${file.name} says that it was made here.`;
      facts.textContent = "That proves nothing: many programs and sites drop what a picture carries.";
      return;
    }
    told.textContent = `${file.name} was ${made.kind} here${made.model ? `, by ${made.model.name}` : ""}.`;
    const { translation } = made;
    const settings = translation
      ? [`strength ${Math.round(translation.strength * 100)} %`, translation.keep_colours ? "own colours kept" : ""]
      : [made.recipe?.seed != null ? `seed ${made.recipe.seed}` : ""];
    facts.textContent = [...settings, made.model?.sha256 ? `weights ${made.model.sha256.slice(0, 12)}` : "", made.software].filter(Boolean).join(", ");
    recipe = made.recipe;
    open.hidden = !recipe;
  };
  const drop = fileDrop("Picture to check", "Choose or drop any picture", { id: "paint-check-file", take });
  fold.querySelector("div").append(drop, told, facts, open);
  return take;
}
