// The picker's way to the Hub: a name that is typed or pasted there is fetched, told in bytes and in time left, and opened.

/**
 * The line of a picker that tells of what is being fetched, with Cancel. begin(name); opened(value, note) once it is here.
 * A name that is begun takes the place of the one before it.
 */
function hubLine({ start, poll, stop }, opened) {
  const name = make("span", { class: "gs-fetch-name" });
  const told = make("span", { class: "gs-small", role: "status" });
  const meter = make("span", { class: "gs-meter", role: "progressbar", "aria-label": "Fetched" }, make("i"));
  const button = make("button", { type: "button", class: "gs-button" }, "Cancel");
  const line = make("div", { class: "gs-fetch", hidden: true }, make("div", {}, name, told), button, meter);
  const left = pace();
  let turn = 0;
  let job = null;

  const show = (share, text, error = false) => {
    line.classList.toggle("gs-fetch-failed", error);
    told.setAttribute("role", error ? "alert" : "status");
    told.textContent = text;
    meter.hidden = error;
    meter.firstElementChild.style.width = `${(share ?? 0) * 100}%`;
    if (share == null) meter.removeAttribute("aria-valuenow");
    else meter.setAttribute("aria-valuenow", Math.round(share * 100));
    button.textContent = error ? "Close" : "Cancel";
  };
  const end = () => {
    turn += 1;
    if (job) stop(job);
    job = null;
    line.hidden = true;
  };
  const follow = async (mine) => {
    for (let lost = 0; mine === turn; ) {
      const answer = await poll(job);
      if (mine !== turn) return null;
      if (answer.ok && !["waiting", "running"].includes(answer.state)) return answer;
      if (!answer.ok && (lost += 1) > 3) return { state: "failed", error: answer.error };
      if (answer.ok) {
        lost = 0;
        const { done, total } = answer;
        if (total) show(done / total, `${bytes(done)} of ${bytes(total)}${leftWords(left(mine, done, total))}`);
        else if (answer.state === "waiting") show(null, "Waits for its turn");
      } else await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
    }
    return null;
  };
  const begin = async (wanted) => {
    end();
    const mine = turn;
    name.textContent = wanted;
    line.hidden = false;
    show(null, "Asking the Hub");
    const begun = await start(wanted);
    if (mine !== turn) {
      if (begun.job) stop(begun.job);
      return;
    }
    job = begun.job ?? null;
    const answer = job ? await follow(mine) : begun;
    if (mine !== turn || !answer) return;
    job = null;
    if (answer.value) {
      end();
      opened(answer.value, answer.note ?? null);
    } else if (answer.error) show(null, answer.error, true);
    else end();
  };
  button.addEventListener("click", () => {
    end();
    line.dispatchEvent(new CustomEvent("gs-fetch-end", { bubbles: true }));
  });
  return { element: line, begin, end };
}
