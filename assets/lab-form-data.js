// Where the pictures come from: ready-made sets, folders and zips of the server, an upload, the Hub.

/** One file to Gradio's upload route. done: {path}, {error} or {stopped}; share(part) while it goes; stop() breaks off. */
function formSend(file, most, share) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("files", file, file.name);
  const done = new Promise((resolve) => {
    request.upload.addEventListener("progress", (event) => share(event.lengthComputable ? event.loaded / event.total : null));
    request.addEventListener("load", () => {
      if (request.status === 413) return resolve({ error: `${file.name} is over ${most} MB. It was not kept.` });
      try {
        const [path] = JSON.parse(request.responseText);
        return resolve(path ? { path } : { error: NO_ANSWER });
      } catch {
        return resolve({ error: NO_ANSWER });
      }
    });
    request.addEventListener("error", () => resolve({ error: NO_ANSWER }));
    request.addEventListener("abort", () => resolve({ stopped: true }));
  });
  const { root: base = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  request.open("POST", `${base}${prefix}/upload`);
  request.send(body);
  return { done, stop: () => request.abort() };
}

const FORM_SOURCES = { ready: "Ready-made", server: "On the server", upload: "Upload", hub: "Hub" };

/** family() -> its name; changed(value) when other data is chosen. */
function formData(host, { call, family, changed }) {
  let known = { known: [], uploaded: [], roots: false, max_upload_mb: 500 };
  let value = "shapes";
  let title = "Shapes";
  let kind = "ready";
  let refused = ""; // Why there is no data: what was offered last was not taken.
  let sending = null;
  const tabs = make("div", { "aria-label": "Source" });
  const panel = make("div", { class: "lf-source" });
  const found = make("p", { class: "lf-found", role: "status" });
  host.append(tabs, panel, found);
  const press = segments(tabs, FORM_SOURCES, (picked) => {
    kind = picked;
    draw();
  });
  const say = (text, wrong = false) => {
    found.replaceChildren(text);
    found.classList.toggle("lf-bad", wrong);
  };
  const choose = (picked, name) => {
    value = picked;
    title = name;
    refused = "";
    changed(value);
    return look();
  };
  const reject = (text) => {
    value = title = "";
    facts = null;
    refused = text;
    say(text, true);
    changed(value);
  };

  // What is there, asked of the newest choice alone.
  const looking = latestOnly(
    (asked) => call("form_data", asked),
    (answer, asked, newest) => {
      if (!newest || asked.data !== value) return;
      if (!answer.ok) return say(answer.error, true);
      land(answer);
    },
  );
  let facts = null;
  let arrived = () => {};
  function land(answer) {
    facts = answer;
    arrived(answer);
    if (answer.absent) {
      const size = answer.mb ? ` (${answer.mb} MB)` : "";
      const then = value.startsWith("hub:") ? "; whether it exists is seen when the training starts. " : `${size}: it downloads when the training starts. `;
      const now = make("button", { type: "button", class: "gs-button", onclick: () => fetchNow(now) }, "Download now");
      say("");
      return found.append(`${title} is not here yet${then}`, now);
    }
    const sets = answer.sets;
    const parts = [];
    if ("" in sets) parts.push(`${sets[""].toLocaleString("en")} pictures`);
    else parts.push(`${sets.a.toLocaleString("en")} and ${sets.b.toLocaleString("en")} pictures in two domains`);
    if (answer.classes) parts.push(`${answer.classes.length} classes: ${answer.classes.slice(0, 6).join(", ")}${answer.classes.length > 6 ? ", \u2026" : ""}`);
    say(`${title}: ${parts.join("; ")}.${answer.uneven ? ` ${answer.uneven}` : ""}`);
    return undefined;
  }
  function look() {
    facts = null;
    if (!value) return undefined;
    say(`${title}: looking`);
    return looking.ask({ data: value, family: family() });
  }
  async function fetchNow(button) {
    const asked = value;
    button.disabled = true;
    button.textContent = "Downloading";
    const begun = await call("form_fetch", { data: asked });
    let answer = begun;
    while (begun.ok && answer.ok && !["done", "failed", "stopped"].includes(answer.state)) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      answer = await call("form_fetch_poll", { job: begun.job });
      button.textContent = `Downloading, ${seconds(answer.elapsed_s ?? 0)}`;
    }
    if (asked !== value) return;
    if (!answer.ok || answer.error) {
      say(answer.error ?? NO_ANSWER, true);
      return;
    }
    await look();
    changed(value);
  }

  // The four panels.

  const pickers = {
    ready() {
      const name = (one) => `${one.title}${one.here ? "" : `, downloads ${one.mb} MB`}`;
      const select = make("select", { class: "gs-input", id: "lf-ready", "aria-label": "Ready-made data" }, ...known.known.map((one) => make("option", { value: one.value }, name(one))));
      const told = make("p", { class: "gs-small" });
      const tell_ = () => {
        const one = known.known.find((each) => each.value === select.value);
        told.textContent = one?.summary ?? "";
        return one;
      };
      if (known.known.some((one) => one.value === value)) select.value = value;
      select.addEventListener("change", () => choose(select.value, tell_().title));
      const one = tell_();
      if (one && value !== one.value) choose(one.value, one.title);
      return [select, told];
    },
    server() {
      if (!known.roots) {
        return [make("p", { class: "gs-small" }, "No folder of this server is offered here. Whoever runs it names folders with GAN_CORE_DATA_ROOTS, or puts pictures into the folder data beside it.")];
      }
      const where = make("span", { class: "lf-where" });
      const up = make("button", { type: "button", class: "gs-button gs-plain" }, "Up");
      const take = make("button", { type: "button", class: "gs-button" }, "Use this folder");
      const list = make("ul", { class: "lf-list", "aria-label": "Folders and zips" });
      const browse = async (place, focus = false) => {
        const answer = await call("form_browse", { place });
        if (!answer.ok) return say(answer.error, true);
        where.textContent = answer.title;
        up.disabled = answer.parent === null;
        up.onclick = () => browse(answer.parent, true);
        take.disabled = !answer.place;
        take.onclick = () => choose(answer.place, answer.title.split("/").pop());
        const rows = answer.entries.map((entry) =>
          make(
            "li",
            {},
            make(
              "button",
              {
                type: "button",
                class: `lf-${entry.kind}`,
                onclick: () => (entry.kind === "zip" ? choose(entry.value, entry.name) : browse(entry.value, true)),
              },
              entry.name,
              make("span", { class: "gs-small" }, entry.kind),
            ),
          ),
        );
        if (!rows.length) rows.push(make("li", { class: "gs-small" }, "No folders or zips in here."));
        if (answer.more) rows.push(make("li", { class: "gs-small" }, `${answer.more.toLocaleString("en")} more are not listed.`));
        list.replaceChildren(...rows);
        if (focus) list.querySelector("button")?.focus();
        return undefined;
      };
      browse("");
      return [make("div", { class: "lf-line" }, up, where, take), list];
    },
    upload() {
      const input = make("input", { type: "file", class: "gs-aside", id: "lf-zip", accept: ".zip,application/zip" });
      const usual = `A zip of pictures: flat, a folder for each class, or trainA and trainB; up to ${known.max_upload_mb} MB`;
      const words = make("span", { role: "status" }, usual);
      const drop = make("label", { class: "lf-drop", for: "lf-zip" }, input, make("span", {}, "Choose or drop a zip"), words);
      const bar = make("i");
      const meter = make("div", { class: "gs-meter lf-meter", role: "progressbar", "aria-label": "Upload" }, bar);
      const cancel = make("button", { type: "button", class: "gs-button gs-plain", onclick: () => sending?.stop() }, "Cancel");
      const way = make("div", { class: "lf-line lf-way" }, meter, cancel);
      const sent = (on) => way.classList.toggle("lf-on", on);
      const send = async (file) => {
        if (!file || sending) return;
        if (file.size > known.max_upload_mb * 1e6) return reject(`${file.name} has ${bytes(file.size)}; at most ${known.max_upload_mb} MB are taken. It was not sent.`);
        sending = formSend(file, known.max_upload_mb, (share) => {
          bar.style.width = share === null ? "" : `${share * 100}%`;
          words.textContent = share === 1 ? "Reading" : `Sending ${bytes(file.size)}`;
        });
        sent(true);
        const arrived = await sending.done;
        sending = null;
        sent(false);
        bar.style.width = "0";
        const answer = arrived.path ? await call("form_upload", { path: arrived.path, family: family() }) : arrived;
        words.textContent = answer.data ? `${file.name} is here` : usual;
        if (answer.error) return reject(answer.error);
        if (answer.stopped) return say(`Cancelled; nothing was kept.${title ? ` ${title} stays chosen.` : ""}`);
        const name = file.name.replace(/\.zip$/i, "");
        const kept = { value: answer.data, title: name, at: Date.now() / 1000, bytes: file.size };
        known.uploaded = [kept, ...known.uploaded.filter((one) => one.value !== answer.data)];
        list(answer.data);
        return choose(answer.data, name);
      };
      input.addEventListener("change", () => {
        send(input.files[0]);
        input.value = "";
      });
      drop.addEventListener("dragover", (event) => {
        event.preventDefault();
        drop.classList.add("lf-over");
      });
      drop.addEventListener("dragleave", () => drop.classList.remove("lf-over"));
      drop.addEventListener("drop", (event) => {
        event.preventDefault();
        drop.classList.remove("lf-over");
        send(event.dataTransfer.files[0]);
      });
      const before = make("select", { class: "gs-input gs-slim", "aria-label": "Uploaded before" });
      const list = (chosen) => {
        const when = (at) => new Date(at * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
        const rows = known.uploaded.map((one) => make("option", { value: one.value }, `${one.title}, ${bytes(one.bytes)}, ${when(one.at)}`));
        before.replaceChildren(make("option", { value: "" }, rows.length ? "Uploaded before" : "Nothing was uploaded before"), ...rows);
        before.disabled = !rows.length;
        before.value = known.uploaded.some((one) => one.value === chosen) ? chosen : "";
      };
      list(value);
      before.addEventListener("change", () => before.value && choose(before.value, known.uploaded.find((one) => one.value === before.value).title));
      return [drop, way, before];
    },
    hub() {
      const input = make("input", { class: "gs-input", id: "lf-hub", placeholder: "user/name", "aria-label": "Data set on the Hub", autocomplete: "off", spellcheck: "false" });
      if (value.startsWith("hub:")) input.value = value.slice(4);
      const take = make("button", { type: "button", class: "gs-button" }, "Use");
      const use = () => {
        const name = input.value.trim().replace(/^hub:/, "");
        if (name) choose(`hub:${name}`, name);
      };
      take.addEventListener("click", use);
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        use();
      });
      return [make("div", { class: "lf-line" }, input, take), make("p", { class: "gs-small" }, "A data set of pictures or of one zip, such as user/flowers; @revision may follow.")];
    },
  };
  function draw() {
    press(kind);
    panel.replaceChildren(...pickers[kind]());
  }

  return {
    fill(answer) {
      known = answer;
      draw();
    },
    value: () => value,
    title: () => title,
    facts: () => facts,
    onFacts: (then) => (arrived = then),
    look,
    refuse: (text) => say(refused || text, true),
  };
}
