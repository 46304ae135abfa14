// Import: files go to the server as they are, which tells what they hold; a name, and they are a model.

/** Files to Gradio's upload route, streamed. done: paths, or {error}; share(part) while they go; stop() breaks off. */
function upload(files, { share, most }) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  const done = new Promise((resolve) => {
    request.upload.addEventListener("progress", (event) => share(event.lengthComputable ? event.loaded / event.total : null));
    request.addEventListener("load", () => {
      if (request.status === 413) return resolve({ error: `A file is over ${most} MB. Nothing was read.` });
      try {
        const paths = JSON.parse(request.responseText);
        return resolve(Array.isArray(paths) ? { paths } : { error: NO_ANSWER });
      } catch {
        return resolve({ error: NO_ANSWER });
      }
    });
    request.addEventListener("error", () => resolve({ error: NO_ANSWER }));
    request.addEventListener("abort", () => resolve({ stopped: true }));
  });
  request.open("POST", route("upload"));
  request.send(form);
  return { done, stop: () => request.abort() };
}

const WEIGHTS = /\.(pth|pt|bin|ckpt|safetensors|json)$/i;

/** What was dropped: files, and of folders those files that may hold weights. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      for (;;) {
        const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!batch.length) break;
        for (const one of batch) {
          if (one.isFile && WEIGHTS.test(one.name)) found.push(await new Promise((resolve, reject) => one.file(resolve, reject)));
        }
      }
    }
  }
  return entries.length ? found : [...transfer.files];
}

/** part(id): elements of the tab. call(name, request) asks the server; added() has the list drawn anew. */
function bringPanel(part, { call, added }) {
  const [drop, input, form] = [part("drop"), part("files"), part("found")];
  const tell = notices(part("refused"));
  const sign = workSign(part("sign"), "Import");
  let limits = { max_mb: 500, max_files: 12 };
  let waiting = null; // The token of what was recognised and has no name yet.
  let busy = false;

  const work = async (begin, words) => {
    const begun = await begin();
    if (!begun.ok) return begun;
    sign.begin(() => call("bring_stop", { job: begun.job }));
    sign.show(words);
    return followed(begun.job, (job) => call("bring_poll", { job }), ({ state, told }) => {
      sign.show(state === "waiting" ? "Waiting for another import on this server" : (told ?? words));
    });
  };
  const idle = () => {
    busy = false;
    sign.end();
    drop.classList.remove("sh-off");
    input.disabled = false;
  };
  const forget = () => {
    if (waiting) call("bring_stop", { token: waiting });
    waiting = null;
    form.hidden = true;
    form.replaceChildren();
  };

  async function take(files) {
    if (busy || !files.length) return;
    tell("");
    const over = files.find((file) => file.size > limits.max_mb * 1e6);
    if (over) return tell(`${over.name} is over ${limits.max_mb} MB. It was not sent. On the server's computer, use gan-core import.`);
    if (files.length > limits.max_files) return tell(`These are ${files.length} files. None was sent. Bring those of one model, up to ${limits.max_files}.`);
    forget();
    busy = true;
    input.disabled = true;
    drop.classList.add("sh-off");
    const total = bytes(files.reduce((sum, file) => sum + file.size, 0));
    const sending = upload(files, { share: (share) => sign.show(`Sending ${total}`, share), most: limits.max_mb });
    sign.begin(() => sending.stop());
    sign.show(`Sending ${total}`, 0);
    const sent = await sending.done;
    const answer = sent.paths ? await work(() => call("bring", { paths: sent.paths }), "Reading") : sent;
    idle();
    if (answer.error) return tell(answer.error);
    if (answer.stopped || answer.state === "stopped") return tell("Cancelled; nothing was kept.", { passing: true });
    if (answer.kind === "run") return logAdded(answer);
    return recognised(answer);
  }

  function logAdded() {
    const see = make("button", { type: "button", class: "gs-button", onclick: () => showTab("Training") }, "Open");
    form.replaceChildren(make("p", {}, "A training log: it is in the Training tab now, with its curves."), make("div", { class: "gs-line gs-wrap" }, see));
    form.hidden = false;
  }

  /** What was recognised, with the few things that no file tells. */
  function recognised(found) {
    waiting = found.token;
    const translator = found.kind === "translator" && !found.own; // Ours knows what it turns into what.
    const field = (label, attributes) => {
      const box = make("input", { class: "gs-input", autocomplete: "off", spellcheck: "false", ...attributes });
      return [make("label", { class: "gs-field" }, label, box), box];
    };
    const [nameLabel, name] = field("Name", { value: found.name, maxlength: "96", id: "shelf-name" });
    const direction = found.directions.length === 1 ? found.directions[0] : null;
    const [start, end] = direction === "ba" ? ["b", "a"] : ["a", "b"];
    const [fromLabel, from] = field("Turns", { value: found.domains[start] ?? "", placeholder: "such as photograph", maxlength: "80", id: "shelf-from" });
    const [toLabel, to] = field("into", { value: found.domains[end] ?? "", placeholder: "such as painting", maxlength: "80", id: "shelf-to" });
    const turn = make("button", { type: "button", class: "gs-button", id: "shelf-turn", title: "It is the other way round" }, "Turn round");
    turn.addEventListener("click", () => {
      [from.value, to.value] = [to.value, from.value];
      nameWays();
    });
    const words = make("p", { class: "gs-told", role: "alert" });
    const complain = notices(words);
    const add = make("button", { type: "submit", class: "gs-button gs-main", id: "shelf-add" }, "Add");
    const cancel = make("button", { type: "button", class: "gs-button", onclick: forget }, "Cancel");
    const first = make("select", { class: "gs-input", id: "shelf-first" }, make("option", { value: "ab" }), make("option", { value: "ba" }));
    const firstLabel = make("label", { class: "gs-field" }, "Opens with", first);
    const both = translator && !direction;
    const nameWays = () => {
      const [one, other] = [from.value.trim() || "A", to.value.trim() || "B"];
      first.options[0].text = `${one} \u2192 ${other}`;
      first.options[1].text = `${other} \u2192 ${one}`;
    };
    for (const box of [from, to]) box.addEventListener("input", nameWays);
    nameWays();
    form.replaceChildren(
      make("h4", {}, found.dialect),
      make("p", { class: "gs-small" }, found.facts),
      found.notes.length ? make("ul", { class: "sh-notes" }, ...found.notes.map((note) => make("li", {}, note))) : "",
      make(
        "div",
        { class: "sh-fields" },
        nameLabel,
        translator ? fromLabel : null,
        translator ? toLabel : null,
        translator ? turn : null,
        both ? firstLabel : null,
      ),
      translator ? make("p", { class: "gs-small" }, `Files do not tell what ${both ? "the first generator turns into what; the second goes back" : "they turn into what"}. If a result shows it is the other way, turn it round.`) : "",
      words,
      make("div", { class: "gs-line gs-wrap" }, add, cancel),
    );
    form.hidden = false;
    form.onsubmit = async (event) => {
      event.preventDefault();
      if (busy) return;
      const typed = from.value.trim() || to.value.trim();
      const domains = translator && typed ? { [start]: from.value, [end]: to.value } : null;
      // The second generator first: it becomes that from a to b, and the words change places with it.
      const back = both && first.value === "ba";
      const given = back && domains ? { a: domains.b, b: domains.a } : domains;
      busy = true;
      add.disabled = true;
      const answer = await work(() => call("bring_add", { token: found.token, name: name.value, direction: back ? "ba" : null, domains: given }), "Adding");
      idle();
      add.disabled = false;
      if (!answer.ok) return complain(answer.error);
      if (answer.state === "stopped") return complain("Cancelled; nothing was added.", { passing: true });
      waiting = null;
      const open = make("button", { type: "button", class: "gs-button", onclick: () => openIn(placeOf(answer.kind), answer.value) }, `Open in ${placeOf(answer.kind)}`);
      form.replaceChildren(make("p", {}, `${answer.value} is here.`), make("div", { class: "gs-line gs-wrap" }, open));
      await added(answer.value);
      return open.focus();
    };
    name.focus();
    name.select();
  }

  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // The same file may be taken again.
  });
  return {
    take: async (transfer) => {
      try {
        return take(await dropped(transfer));
      } catch {
        return tell("What was dropped could not be read. Nothing was sent. Choose the files instead.");
      }
    },
    limit: (known) => (limits = known),
  };
}
