// The data as the trainer sees it, and what the training will cost.

const FORM_TILES = 24;

/** Augmented real pictures; the room for them is always there. failed(): there were none, so that they are asked again. */
function formPreview(host, { call, failed }) {
  const again = make("button", { type: "button", class: "gs-button" }, "Again");
  const help = formHelp("the preview", "Real pictures, cropped, mirrored, turned and augmented as each batch of the training will be. Differentiable augmentation changes generated pictures in the same way. Again draws others.");
  const head = make("div", { class: "lf-line" }, make("h4", {}, "As the trainer sees them"), help, again);
  const sets = make("div", { class: "lf-sets" });
  const told = make("p", { class: "gs-small lf-told", role: "status" });
  host.append(head, sets, told);
  let number = 0;
  let asked = null;

  const tile = (picture, size) => {
    const image = picture ? make("img", { src: picture.url, alt: picture.label ?? "Picture of the data", class: size <= HARD_PX ? "lf-hard" : null }) : make("span", { class: "lf-blank" });
    return make("figure", {}, image, make("figcaption", {}, picture?.label ?? ""));
  };
  const fill = (answer, two) => {
    const groups = answer?.sets?.length ? answer.sets : two ? [{ title: "Domain A" }, { title: "Domain B" }] : [{ title: "" }];
    const each = FORM_TILES / groups.length;
    sets.classList.toggle("lf-two", groups.length > 1);
    sets.replaceChildren(
      ...groups.map((group) => {
        const pictures = Array.from({ length: each }, (_, at) => tile(group.pictures?.[at], answer?.size ?? 64));
        return make("div", { class: "lf-set" }, groups.length > 1 ? make("p", { class: "gs-small" }, group.title) : null, make("div", { class: "lf-tiles" }, ...pictures));
      }),
    );
  };
  const request = latestOnly(
    (form) => call("form_preview", { form, number }),
    (answer, form, newest) => {
      if (!newest) return;
      sets.classList.remove("lf-wait");
      if (!answer.ok) {
        failed();
        if (answer.field === "data") fill(null, sets.classList.contains("lf-two"));
        // What is wrong is told where it is.
        told.textContent = answer.field === "data" ? "There is nothing to show before data is chosen." : answer.field ? "" : answer.error;
        return;
      }
      fill(answer, sets.classList.contains("lf-two"));
      told.textContent = answer.absent ? "Pictures are shown once the data is here." : [answer.unreadable, answer.small].filter(Boolean).join(" ");
    },
  );
  const ask_ = (form) => {
    asked = form;
    sets.classList.add("lf-wait");
    request.ask(form);
  };
  again.addEventListener("click", () => {
    number = Math.floor(Math.random() * 2 ** 30);
    if (asked) ask_(asked);
  });
  fill(null, false);
  return {
    ask: ask_,
    domains(two) {
      if (sets.classList.contains("lf-two") !== two) fill(null, two);
    },
  };
}

/** Seconds as one would say them: about 2 min, about 3 h, about 6 days. */
function formSpan(value) {
  if (value < 90) return `About ${Math.max(5, Math.round(value / 5) * 5)} s`;
  const minutes = value / 60;
  if (minutes < 59.5) return `About ${Math.round(minutes)} min`;
  const hours = Math.round(minutes / 6) / 10;
  if (hours < 9.95) return `About ${hours} h`;
  if (hours < 47.5) return `About ${Math.round(hours)} h`;
  return `About ${Math.round(hours / 24)} days`;
}

const formGB = (count) => (count / 1e9).toFixed(count < 9.95e9 ? 1 : 0);

/** Time and memory of what is chosen: ask(form), and drop(text) where there is nothing to tell. */
function formCost(host, { call, pictures, known }) {
  const time = make("strong", { class: "lf-time" }, "\u00a0");
  const device = make("span", { class: "gs-small" }, "\u00a0");
  const bar = make("i");
  const meter = make("div", { class: "gs-meter lf-meter", role: "img", "aria-label": "Memory" }, bar);
  const memory = make("span", { class: "gs-small" }, "\u00a0");
  const warning = make("p", { class: "lf-warn", role: "status" });
  const help = formHelp("the estimate", "A few small steps of the same networks are timed on the device, and scaled by the operations that a whole step asks for. It holds for a device that does nothing else; sampling and saving are in it, downloads are not.");
  host.append(make("div", { class: "lf-line" }, time, device, help), make("div", { class: "lf-line" }, meter, memory), warning);
  const request = latestOnly(
    (form) => call("form_estimate", { form }),
    (answer, form, newest) => {
      if (!newest || form !== wanted) return;
      host.classList.remove("lf-wait");
      if (answer.ok) land(answer.estimate);
      else drop(answer.error);
    },
  );
  let wanted = null; // What the estimate is of that stands here, or is to come.
  let assumed = false;
  function land(found) {
    time.textContent = formSpan(found.total_s);
    const step = found.step_s < 0.995 ? `${Math.max(1, Math.round(found.step_s * 1000))} ms` : `${found.step_s.toFixed(1)} s`;
    device.textContent = `${found.device.replace(/\b1 threads/, "1 thread")}, ${step} a step`;
    memory.textContent = `${formGB(found.memory_bytes)} GB of ${formGB(found.memory_total_bytes)} GB memory`;
    const share = found.memory_bytes / found.memory_total_bytes;
    bar.style.width = `${Math.min(1, share) * 100}%`;
    const short = found.memory_bytes > found.memory_free_bytes;
    meter.classList.toggle("lf-over", short);
    const days = found.total_s > 2 * 86400 && !known().gpu ? "There is no GPU here, and this asks for one. " : "";
    warning.textContent = short
      ? `It needs about ${formGB(found.memory_bytes)} GB and ${formGB(found.memory_free_bytes)} GB are free: it will most likely fail. Choose a smaller batch or size.`
      : days
        ? `${days}Choose smaller pictures, smaller networks or fewer steps.`
        : assumed
          ? "Assumed: pictures in colour. The data is not here, so nothing is known of it yet."
          : "";
    warning.classList.toggle("lf-plain", !short && !days);
  }
  function drop(text) {
    host.classList.remove("lf-wait");
    time.textContent = text ? "" : "\u00a0";
    device.textContent = text || "\u00a0";
    memory.textContent = "\u00a0";
    bar.style.width = "0";
    warning.textContent = "";
  }
  function wait() {
    host.classList.add("lf-wait");
    if (time.textContent.trim()) return;
    time.textContent = "Measuring";
    device.textContent = "\u00a0";
  }
  return {
    wait,
    /** guessed: the data is not here, and what it is like is assumed. */
    ask(form, guessed) {
      wanted = form;
      assumed = guessed;
      wait();
      request.ask(form);
    },
    drop(text = "") {
      wanted = null; // An answer under way is of what cannot be any more.
      request.drop();
      drop(text);
    },
  };
}
