// Many photographs at once: a list with what becomes of each, and one zip.

const STATE_WORDS = { sending: "sending", ready: "ready", waiting: "waits", painting: "painting", done: "done", failed: "left out" };

/**
 * send(file) takes a file to the server; start(photos), poll(job), stop(job) are the job; most() says how many files and
 * how many MB together; sends() whether files leave this machine.
 */
function manyPhotos(fold, { send, start, poll, stop, most, sends }) {
  const list = make("ul", { class: "pt-list", "aria-label": "Photographs" });
  const go = make("button", { type: "button", class: "gs-button", id: "paint-many-go", disabled: true }, "Paint all");
  const cancel = make("button", { type: "button", class: "gs-button", id: "paint-many-cancel", hidden: true }, "Cancel");
  const clear = make("button", { type: "button", class: "gs-button gs-plain", id: "paint-many-clear", hidden: true }, "Clear");
  const link = make("a", { class: "gs-button", id: "paint-many-zip", hidden: true }, "Download zip");
  const meter = make("div", { class: "gs-meter", role: "progressbar", "aria-label": "Painting all", "aria-valuemin": 0, "aria-valuemax": 100, hidden: true }, make("i"));
  const told = make("p", { class: "gs-small", id: "paint-many-told", role: "status" });
  const drop = fileDrop("Photographs to paint at once", "Choose or drop several photos", { id: "paint-many-file", multiple: true, take: (files) => add(files) });
  fold.querySelector("div").append(drop, list, meter, make("div", { class: "gs-line gs-wrap" }, go, cancel, link, clear), told);

  let entries = []; // {file, photo, state, error, row}
  let job = null;
  let sending = 0;

  const tell = (text, wrong = false) => {
    if (told.textContent !== text) told.textContent = text;
    told.classList.toggle("gs-notice", wrong);
  };
  const ready = () => entries.filter((entry) => entry.photo);
  const draw = () => {
    for (const entry of entries) {
      const { row, state, error, share } = entry;
      const calm = state === "sending" && !sends() ? "opening" : STATE_WORDS[state];
      const words = state === "painting" && share ? `${Math.round(share * 100)} %` : calm;
      row.dataset.state = state;
      row.querySelector(".pt-state").textContent = words;
      row.querySelector(".pt-error").textContent = error ?? "";
      row.querySelector("button").disabled = Boolean(job);
    }
    const count = ready().length;
    go.disabled = Boolean(job) || sending > 0 || !count;
    go.textContent = count ? `Paint ${count} ${count === 1 ? "photo" : "photos"}` : "Paint all";
    [go.hidden, cancel.hidden, meter.hidden] = [Boolean(job), !job, !job];
    clear.hidden = !entries.length || Boolean(job);
    fold.querySelector("summary .gs-small").textContent = entries.length ? `${entries.length}` : "";
  };
  const rowOf = (entry) => {
    const remove = make("button", { type: "button", class: "gs-button gs-icon gs-plain", "aria-label": `Remove ${entry.file.name}`, title: "Remove" }, "×");
    remove.addEventListener("click", () => {
      entries = entries.filter((one) => one !== entry);
      entry.row.remove();
      draw();
    });
    return make(
      "li",
      {},
      make("span", { class: "pt-name", title: entry.file.name }, entry.file.name),
      make("span", { class: "gs-small pt-state" }),
      remove,
      make("span", { class: "gs-small gs-notice pt-error" }),
    );
  };

  async function add(files) {
    fold.open = true;
    if (job) return tell("They are being painted. Nothing was added. Wait, or cancel first.", true);
    const { files: count, mb } = most();
    if (entries.length + files.length > count) return tell(`At most ${count} photos are painted at once; these would be ${entries.length + files.length}. None was added.`, true);
    const together = [...entries.map((entry) => entry.file), ...files].reduce((sum, file) => sum + file.size, 0);
    if (together > mb * 1e6) return tell(`These are ${bytes(together)} together; at most ${mb} MB are taken at once. None was added.`, true);
    tell("");
    link.hidden = true;
    const added = files.map((file) => ({ file, state: "sending", photo: null }));
    for (const entry of added) list.append((entry.row = rowOf(entry)));
    entries = [...entries, ...added];
    sending += 1;
    draw();
    for (const entry of added) {
      if (!entries.includes(entry)) continue; // Removed in the meantime.
      const answer = await send(entry.file);
      Object.assign(entry, answer.ok ? { photo: answer.photo, state: "ready" } : { state: "failed", error: answer.error });
      draw();
    }
    sending -= 1;
    return draw();
  }

  const progress = (answer, painted) => {
    const share = answer.share ?? 0;
    meter.firstElementChild.style.width = `${share * 100}%`;
    meter.setAttribute("aria-valuenow", Math.round(share * 100));
    (answer.files ?? []).forEach((one, place) => Object.assign(painted[place], { state: one.state, share: one.share, error: one.error }));
    const left = share > 0.02 && share < 1 ? `, ${seconds((answer.elapsed_s * (1 - share)) / share)} left` : "";
    const waits = answer.place ? `, ${answer.place} before it` : "";
    tell(answer.count ? `${answer.done} of ${answer.count}${waits || left}` : "Starting");
    draw();
  };
  go.addEventListener("click", async () => {
    const painted = ready();
    for (const entry of painted) Object.assign(entry, { state: "waiting", share: 0, error: null });
    link.hidden = true;
    tell("Starting");
    go.disabled = true;
    const begun = await start(painted.map((entry) => entry.photo.id));
    const back = (text, wrong) => {
      job = null;
      for (const entry of painted) if (["waiting", "painting"].includes(entry.state)) entry.state = "ready";
      tell(text, wrong);
      draw();
    };
    if (!begun.ok) return back(begun.error, true);
    job = begun.job;
    draw();
    cancel.disabled = false;
    const answer = await followJob(job, { poll, told: (one) => progress(one, painted) });
    progress(answer, painted);
    if (answer.state === "stopped") return back("Cancelled; nothing was kept.");
    if (answer.state !== "done") return back(answer.error, true);
    link.href = fileUrl(answer.path);
    link.download = answer.name;
    link.hidden = false;
    const failed = painted.filter((entry) => entry.state === "failed").length;
    back(`${painted.length - failed} of ${painted.length} painted, ${bytes(answer.bytes)}`);
    link.focus({ preventScroll: true });
    return undefined;
  });
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    if (job) stop(job);
  });
  clear.addEventListener("click", () => {
    entries = [];
    list.replaceChildren();
    link.hidden = true;
    tell("");
    draw();
  });
  draw();
  return add;
}
