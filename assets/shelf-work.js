// Work on the server with its sign: a bar, words, Cancel. And what rows and the import have in common.

const OVER = ["done", "stopped", "failed"];

/** Where Gradio's routes are. */
function route(path) {
  const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  return `${root}${prefix}/${path}`;
}

/** To another tab; a model goes along as `value` of that tab's component, which watches it. */
function openIn(place, model) {
  props.value = JSON.stringify({ model, at: Date.now() }); // The time makes it news, should it be the same model again.
  trigger(place === "Explore" ? "open_explore" : "open_paint");
  showTab(place);
}

const placeOf = (kind) => (kind === "translator" ? "Style transfer" : "Explore");

/**
 * The sign of work under way. show(words, share) with share from 0 to 1, or null while nobody knows; cancel() is called
 * when its button is pressed.
 */
function workSign(host, label) {
  const bar = make("i");
  const meter = make("div", { class: "gs-meter", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const words = make("span", { role: "status" });
  const button = make("button", { type: "button", class: "gs-button gs-plain" }, "Cancel");
  const began = { at: 0 };
  let cancel = null;
  host.classList.add("sh-working");
  host.hidden = true;
  host.replaceChildren(meter, make("div", { class: "gs-line gs-wrap" }, words, button));
  button.addEventListener("click", () => {
    button.disabled = true;
    cancel?.();
  });
  return {
    element: host,
    begin(onCancel) {
      cancel = onCancel;
      began.at = performance.now();
      button.disabled = false;
      host.hidden = false;
    },
    show(text, share = null) {
      meter.classList.toggle("gs-unknown", share === null);
      bar.style.width = share === null ? "" : `${share * 100}%`;
      if (share === null) meter.removeAttribute("aria-valuenow");
      else meter.setAttribute("aria-valuenow", Math.round(share * 100));
      const passed = (performance.now() - began.at) / 1000;
      const left = share > 0.02 && share < 1 && passed > 2 ? `, ${seconds((passed / share) * (1 - share))} left` : "";
      const sofar = share === null && passed > 2 ? `, ${seconds(passed)} so far` : "";
      const told = `${text}${left}${sofar}`;
      if (words.textContent !== told) words.textContent = told;
    },
    end() {
      host.hidden = true;
      cancel = null;
    },
  };
}

/**
 * Ask after a job until it is over; the last answer has `ok` and, where it went wrong, `error`. Who cancels does not wait
 * until the server has come to an end: what it makes then is thrown away.
 */
async function followed(job, poll, progress, cancelled = () => false) {
  for (let lost = 0; ; ) {
    const answer = await poll(job);
    if (cancelled()) return { ok: true, state: "stopped" };
    if (!answer.ok) {
      if ((lost += 1) > 3) return answer;
      await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
      continue;
    }
    lost = 0;
    if (OVER.includes(answer.state)) return answer.state === "failed" ? { ...answer, ok: false } : answer;
    progress(answer);
  }
}
