// Work that the server does for the page while it waits, and the film of a run, which is such work.

/**
 * Work of the server that the page waits for: a button begins it, a bar tells how far it is, Cancel gives it up.
 * begin() answers {ok, job}; words(progress) is what to tell, done(answer) what to do at the end.
 */
function travelJob({ button, begin, poll, stop, words, done }) {
  const meter = make("div", { class: "gs-meter lt-meter", role: "progressbar", "aria-label": "Progress", hidden: true }, make("i"));
  const cancel = make("button", { type: "button", class: "gs-button", hidden: true }, "Cancel");
  const line = make("p", { class: "gs-told lt-line", role: "status" });
  let job = null;
  const tell = (text, wrong = false) => {
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("gs-notice", wrong);
  };
  const busy = (on) => {
    const inHand = document.activeElement === cancel || document.activeElement === button;
    [button.hidden, cancel.hidden, meter.hidden, cancel.disabled] = [on, !on, !on, false];
    if (inHand) (on ? cancel : button).focus({ preventScroll: true });
  };
  const progress = (share) => {
    meter.classList.toggle("gs-unknown", share == null);
    meter.firstElementChild.style.width = share == null ? "" : `${share * 100}%`;
    if (share == null) meter.removeAttribute("aria-valuenow");
    else meter.setAttribute("aria-valuenow", Math.round(share * 100));
  };
  const run = async () => {
    tell("Starting");
    progress(null);
    busy(true);
    const begun = await begin();
    if (!begun.ok) {
      busy(false);
      return tell(begun.error, true);
    }
    job = begun.job;
    for (let lost = 0; ; ) {
      const answer = await poll(job);
      if (!answer.ok) {
        if ((lost += 1) > 3) {
          tell(answer.error, true);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
        continue;
      }
      lost = 0;
      if (answer.state === "failed") tell(answer.error, true);
      else if (answer.state === "stopped") tell("Cancelled; nothing was kept.");
      else if (answer.state === "done") {
        tell("");
        done(answer);
      } else {
        const [text, share] = answer.state === "waiting" ? ["Waiting for other work on this server", null] : words(answer);
        tell(text);
        progress(share);
        continue;
      }
      break;
    }
    job = null;
    return busy(false);
  };
  button.addEventListener("click", run);
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    if (job) stop(job);
  });
  return { parts: [button, cancel, meter, line], tell };
}

/** What is wrong with a number that was typed, by the name of its field; "" where it can be. */
function travelWrong(name, input) {
  const { min, max, value, validity } = input;
  if (validity.valid && value.trim() !== "") return "";
  const typed = validity.badInput ? "is no number" : value.trim() === "" ? "is empty" : `cannot be ${value}`;
  return `${name} ${typed}: give a number from ${min} to ${Number(max).toLocaleString("en")}.`;
}

/** The panel that has the film written. run() is the run that is shown. */
function travelFilm({ call, run }) {
  const number = (label, value, min, max) => {
    const input = make("input", { type: "number", class: "gs-input gs-slim", value, min, max, step: "any" });
    return { label, input, field: make("label", { class: "gs-field" }, label, input) };
  };
  const fps = number("Frames a second", 30, 1, 60);
  const span = number("Seconds", 10, 0.5, 120);
  const size = number("Size, px", 768, 64, 2048);
  const choice = (label, options) => {
    const select = make("select", { class: "gs-input gs-slim" }, ...Object.entries(options).map(([value, text]) => make("option", { value }, text)));
    return { select, field: make("label", { class: "gs-field" }, label, select) };
  };
  const between = choice("Between samples", { fade: "Crossfade", cut: "Hard cut" });
  const kind = choice("Format", { mp4: "MP4", webm: "WebM", gif: "GIF", webp: "WebP" });
  const steps = make("input", { type: "checkbox", checked: true });
  const result = make("p", { class: "gs-told lt-made", hidden: true });
  const button = make("button", { type: "button", class: "gs-button" }, "Make film");
  const numbers = [fps, span, size];
  const mark = ({ label, input }) => {
    const wrong = travelWrong(label, input);
    input.setAttribute("aria-invalid", String(Boolean(wrong)));
    return wrong;
  };
  for (const one of numbers) {
    one.input.addEventListener("input", () => {
      if (one.input.getAttribute("aria-invalid") !== "true") return;
      mark(one);
      const wrong = numbers.filter(({ input }) => input.getAttribute("aria-invalid") === "true").map(({ label, input }) => travelWrong(label, input));
      job.tell(wrong.join(" "), wrong.length > 0); // What is mended is no longer complained of.
    });
  }
  const options = () => ({
    fps: Number(fps.input.value),
    seconds: Number(span.input.value),
    size: Number(size.input.value),
    kind: kind.select.value,
    fade: between.select.value === "fade",
    steps: steps.checked,
  });
  kind.select.addEventListener("change", () => {
    fps.input.max = kind.select.value === "gif" ? 50 : 60;
  });
  const job = travelJob({
    button,
    begin: async () => {
      result.hidden = true;
      const wrong = numbers.map(mark).filter(Boolean);
      if (wrong.length) {
        numbers.find(({ input }) => input.getAttribute("aria-invalid") === "true").input.focus();
        return { ok: false, error: `${wrong.join(" ")} No film was made.` };
      }
      return call("travel_film", { run: run().id, options: options() });
    },
    poll: (id) => call("travel_film_poll", { job: id }),
    stop: (id) => call("travel_film_stop", { job: id }),
    words: ({ frame = 0, frames = 0, read, sheets, elapsed_s: elapsed }) => {
      if (!frames) return [sheets ? `Reading sheet ${read + 1} of ${sheets}` : "Reading", null];
      const left = frame && frame < frames && elapsed > 1 ? `, ${seconds((elapsed * (frames - frame)) / frame)} left` : "";
      return [frame === frames ? "Packing" : `Frame ${frame} of ${frames}${left}`, frame / frames];
    },
    done: (answer) => {
      const left = answer.left_out ? ` ${answer.left_out} ${answer.left_out === 1 ? "sheet" : "sheets"} could not be used.` : "";
      const link = make("a", { class: "gs-button lt-link", href: fileUrl(answer.path), download: answer.name }, "Download");
      result.replaceChildren(link, ` ${answer.name}, ${answer.seconds.toFixed(1)} s, ${bytes(answer.bytes)}.${left}`);
      result.hidden = false;
    },
  });
  const [begin, cancel, meter, line] = job.parts;
  const element = make(
    "div",
    { class: "lt-panel", role: "group", "aria-label": "Film", hidden: true },
    make("h3", {}, "Film of the samples"),
    make("div", { class: "lt-fields" }, fps.field, span.field, size.field, between.field, kind.field),
    make("label", { class: "lt-check" }, steps, "Write the step beneath"),
    make("div", { class: "lt-row" }, begin, cancel, meter, line),
    result,
  );
  return {
    element,
    show(few) {
      begin.disabled = few;
      job.tell(few ? "A film needs two sheets of samples. Wait for the next one." : "");
    },
    reset() {
      result.hidden = true;
      numbers.forEach(({ input }) => input.removeAttribute("aria-invalid"));
      job.tell("");
    },
  };
}
