// Find my picture: look for the latent of a picture of one's own, and go on from there.

const ASK_MS = 200;
const LARGEST_MB = 30;

/** `start(file, label)`, `poll(job)` and `stop(job)` ask the server; become(recipe) goes on from what was found. */
function findPanel(fold, { start, poll, stop, become, complain }) {
  const file = make("input", { type: "file", accept: "image/*", class: "gs-aside", "aria-label": "Your picture" });
  const drop = make("label", { class: "gs-drop xp-drop" }, file, "Choose, drop or paste a picture");
  const select = make("select", { class: "gs-input gs-slim" });
  const classes = make("label", { class: "gs-field" }, "Look in class ", select);
  const figure = (text) => {
    const frame = make("div", { class: "xp-frame" });
    return [make("figure", {}, frame, make("figcaption", { class: "gs-small" }, text)), frame];
  };
  const [yours, yourFrame] = figure("Yours, at the size of the model");
  const [nearest, nearFrame] = figure("Nearest so far");
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Progress of the search" });
  const told = make("p", { class: "gs-small xp-told", "aria-live": "off" });
  const stopButton = make("button", { type: "button", class: "gs-button", id: "explore-find-stop" }, "Stop");
  const goOn = make("button", { type: "button", class: "gs-button", id: "explore-find-continue" }, "Continue from here");
  const result = make(
    "div",
    { class: "xp-found", hidden: true },
    make("div", { class: "xp-pair" }, yours, nearest),
    bar,
    told,
    make("div", { class: "xp-line" }, goOn, stopButton),
  );
  fold.querySelector("div").append(make("div", { class: "xp-line" }, drop, classes), result);

  let job = null;
  let best = null;
  let hard = true;

  const put = (frame, url, alt) => {
    const picture = frame.querySelector("img") ?? frame.appendChild(make("img", { class: "gs-picture" }));
    picture.classList.toggle("gs-hard", hard);
    picture.src = url;
    picture.alt = alt;
  };
  const say = (answer) => {
    const { state, step = 0, steps = 0, distance, scale, elapsed_s: elapsed = 0 } = answer;
    bar.value = steps ? step / steps : 0;
    if (state === "waiting") told.textContent = "Waits for other searches to end.";
    if (distance === undefined) return;
    const measure = `distance ${distance.toFixed(3)} (two pictures of this model: ${scale.toFixed(3)} on average)`;
    const left = step ? seconds((elapsed / step) * (steps - step)) : "";
    const ends = { running: `Step ${step} of ${steps}, ${left} left`, stopped: `Stopped at step ${step}`, done: "Done" };
    told.textContent = `${ends[state] ?? `Step ${step}`}: ${measure}`;
  };
  const over = (answer) => {
    job = null;
    stopButton.disabled = true;
    nearest.querySelector("figcaption").textContent = "Nearest";
    if (answer.error) complain(answer.error);
  };
  const follow = async (mine) => {
    while (job === mine) {
      const answer = await poll(mine);
      if (job !== mine) return;
      if (!answer.ok) return over(answer);
      if (answer.url) {
        put(nearFrame, answer.url, "The nearest picture of the model so far");
        best = answer.recipe;
        goOn.disabled = false;
      }
      say(answer);
      if (!["waiting", "running"].includes(answer.state)) return over(answer);
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  };
  const take = async (picture) => {
    if (!picture) return;
    if (picture.size > LARGEST_MB * 1e6) return complain(`${picture.name} is over ${LARGEST_MB} MB. It was not read. Choose a smaller one.`);
    const before = job;
    if (before) stop(before);
    job = null;
    drop.classList.add("xp-waiting");
    const answer = await start(picture, select.value || null);
    drop.classList.remove("xp-waiting");
    if (!answer.ok) return complain(answer.error);
    complain("");
    fold.open = true;
    hard = answer.side <= HARD_PX;
    best = null;
    nearFrame.replaceChildren();
    nearest.querySelector("figcaption").textContent = "Nearest so far";
    put(yourFrame, answer.target, "Your picture, as the model could draw it");
    told.textContent = "Begins.";
    bar.value = 0;
    result.hidden = false;
    stopButton.disabled = false;
    goOn.disabled = true;
    job = answer.job;
    follow(job);
  };
  file.addEventListener("change", () => {
    take(file.files[0]);
    file.value = ""; // The same file may be taken again.
  });
  stopButton.addEventListener("click", () => {
    stopButton.disabled = true;
    if (job) stop(job);
  });
  goOn.addEventListener("click", () => {
    if (job) stop(job);
    if (best) become(best);
  });
  return {
    take,
    open(names) {
      if (job) stop(job);
      job = null;
      result.hidden = true;
      classes.hidden = !names?.length;
      select.replaceChildren(make("option", { value: "" }, "Any class"), ...(names ?? []).map((name) => make("option", { value: name }, name)));
    },
  };
}
