// One model: a row, and what is behind it.

const PACKS = {
  folder: ["Download", "The model folder as a zip"],
  onnx: ["Export ONNX", "Checked against PyTorch before you get it"],
  torch: ["Export PyTorch", "File names and keys of the reference project"],
};

/**
 * model: what the server lists. may: whether it may be renamed and deleted. call(name, request) asks the server;
 * changed(answer) takes a new list; removed(answer, row) one in which this row is missing.
 */
function modelRow(model, { may, call, changed, removed, open = false }) {
  const id = `shelf-row-${model.value.replace(/[^a-z0-9-]/gi, "_")}`;
  const face = make(
    "button",
    { type: "button", class: "gs-name", "aria-expanded": "false", "aria-controls": id },
    make("span", { class: "gs-word" }, model.name),
    model.license && model.kind ? make("span", { class: "gs-small" }, model.license) : null,
  );
  const picture = model.url ? make("img", { class: "sh-thumb", src: model.url, alt: "" }) : make("span", { class: "sh-thumb" });
  const cells = model.error
    ? [make("span", { class: "sh-broken" }, make("b", {}, "Damaged. "), model.error)]
    : [
        make("span", {}, model.family),
        make("span", { class: "sh-right", "data-px": true }, model.px),
        make("span", { class: "sh-data", title: model.data || model.imported_as }, model.data || (model.imported_as ? "unknown" : "not stated")),
        make("span", {}, model.measured || "–"),
      ];
  const summary = [model.family, model.px === "any" ? "" : `${model.px} px`, model.measured, bytes(model.bytes)];
  if (!model.error) cells.unshift(make("span", { class: "sh-summary" }, summary.filter(Boolean).join(", ")));
  face.setAttribute("aria-description", model.error ? `Damaged. ${model.error}` : summary.filter(Boolean).join(", "));
  const go = model.error
    ? make("span")
    : make("button", { type: "button", class: "gs-button", "aria-label": `Open ${model.name} in ${placeOf(model.kind)}`, onclick: () => openIn(placeOf(model.kind), model.value) }, "Open");
  const line = make("div", { class: model.error ? "sh-row sh-bad" : "sh-row" }, picture, face, ...cells, make("span", { class: "sh-right" }, model.bytes ? bytes(model.bytes) : ""), go);
  const panel = make("div", { class: "sh-panel", id, hidden: true });
  const item = make("li", { "data-model": model.value }, line, panel);
  let filled = false;

  const expand = async (on) => {
    panel.hidden = !on;
    face.setAttribute("aria-expanded", String(on));
    item.classList.toggle("gs-open", on);
    if (!on || filled) return;
    filled = true;
    panel.setAttribute("aria-busy", "true");
    const answer = await call("look", { model: model.value });
    panel.removeAttribute("aria-busy");
    filled = answer.ok;
    panel.replaceChildren(...(answer.ok ? behind(answer) : [make("p", { class: "gs-notice", role: "alert" }, answer.error)]));
  };
  face.addEventListener("click", () => expand(panel.hidden));
  line.addEventListener("click", (event) => {
    if (!event.target.closest("button, a, summary, details")) face.click();
  });

  /** Actions, card, facts and files. */
  function behind(look) {
    const told = make("p", { class: "gs-told sh-told", role: "alert" });
    const tell = notices(told);
    const sign = workSign(make("div"), `Work on ${model.name}`);
    const asking = make("div", { class: "gs-line gs-wrap sh-ask", hidden: true });
    const made = make("a", { class: "gs-link", hidden: true });
    const button = (text, title, act, kind = "") => make("button", { type: "button", class: `gs-button ${kind}`, title, onclick: act }, text);
    const packs = model.error ? { folder: PACKS.folder } : PACKS;
    const mine = may && model.group === "Here";
    const tools = make(
      "div",
      { class: "gs-line gs-wrap sh-tools", role: "toolbar", "aria-label": model.name },
      model.error ? null : button(`Open in ${placeOf(model.kind)}`, "", () => openIn(placeOf(model.kind), model.value)),
      ...Object.entries(packs).map(([kind, [text, title]]) => button(text, title, () => pack(kind))),
      mine ? button("Rename", "", rename, "gs-plain") : null,
      mine ? button("Delete", "Into the trash, for 30 days", remove, "gs-plain") : null,
    );

    const question = (...parts) => {
      tell("");
      made.hidden = true;
      asking.replaceChildren(...parts);
      asking.hidden = !parts.length;
      asking.querySelector("input, button")?.focus();
    };
    asking.addEventListener("keydown", (event) => {
      if (event.key === "Escape") back(asking.querySelector("input") ? "Rename" : "Delete");
    });
    const back = (text) => {
      question();
      [...tools.children].find((one) => one.textContent === text)?.focus();
    };

    async function pack(kind) {
      question();
      const begun = await call("pack", { model: model.value, kind });
      if (!begun.ok) return tell(begun.error);
      for (const one of tools.children) one.disabled = true;
      let cancelled = false;
      sign.begin(() => {
        cancelled = true;
        call("pack_stop", { job: begun.job });
      });
      sign.show("Starting");
      const progress = ({ state, told: words, share }) => {
        sign.show(state === "waiting" ? "Waiting for other work on this server" : (words ?? "Starting"), share ?? null);
      };
      const answer = await followed(begun.job, (job) => call("pack_poll", { job }), progress, () => cancelled);
      sign.end();
      for (const one of tools.children) one.disabled = false;
      if (!answer.ok) return tell(answer.error);
      if (answer.state === "stopped") return tell("Cancelled; nothing was kept.", { passing: true });
      made.href = fileUrl(answer.path);
      made.download = answer.name;
      made.textContent = `${answer.name}, ${bytes(answer.bytes)}`;
      made.hidden = false;
      return made.click();
    }

    function rename() {
      const field = make("input", { class: "gs-input gs-slim", value: model.name, "aria-label": "New name", autocomplete: "off", spellcheck: "false", maxlength: "96" });
      const act = async () => {
        const answer = await call("rename", { model: model.value, name: field.value });
        if (!answer.ok) return tell(answer.error);
        return changed(answer, answer.value);
      };
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter") act();
      });
      question(field, button("Rename", "", act), button("Cancel", "", () => back("Rename"), "gs-plain"));
      field.select();
    }

    function remove() {
      const act = async () => {
        const answer = await call("delete", { model: model.value });
        if (!answer.ok) return tell(answer.error);
        return removed(answer, item);
      };
      const words = make("span", {}, `Delete ${model.name}? It can be brought back for 30 days.`);
      question(words, button("Delete", "", act, "sh-danger"), button("Keep it", "", () => back("Delete"), "gs-plain"));
    }

    const words = look.card ? card(look.card) : [make("p", { class: "gs-told" }, "It has no card.")];
    const fold = (title, note, inside) => make("details", { class: "gs-fold" }, make("summary", {}, title, make("span", { class: "gs-small" }, note)), make("div", {}, inside));
    const total = look.files.reduce((sum, file) => sum + file.bytes, 0);
    return [
      tools,
      make("div", { class: "sh-under" }, asking, sign.element, made, told),
      make(
        "div",
        { class: "sh-about" },
        make(
          "div",
          { class: "sh-side" },
          look.preview ? make("img", { class: "gs-picture", src: look.preview, alt: `Pictures of ${model.name}` }) : null,
          look.measures.length ? fold("Measured", model.measured, pairs(look.measures)) : null,
          look.facts.length ? fold("Facts", "", pairs(look.facts)) : null,
          fold("Files", `${look.files.length}, ${bytes(total)}`, files(look.files)),
        ),
        make("article", { class: "sh-card", "aria-label": `Card of ${model.name}` }, ...words),
      ),
    ];
  }

  if (!model.url && !model.error) {
    call("thumbnail", { model: model.value }).then((answer) => {
      if (answer.ok && answer.url) picture.replaceWith(make("img", { class: "sh-thumb", src: answer.url, alt: "" }));
    });
  }
  if (open) expand(true);
  return item;
}

function pairs(rows) {
  return make("dl", { class: "sh-pairs" }, ...rows.flatMap(([label, value]) => [make("dt", {}, label), make("dd", {}, value)]));
}

function files(list) {
  const row = ({ name, bytes: size, sha256 }) => {
    const copy = make("button", { type: "button", class: "gs-button gs-plain sh-sha", title: "Copy the SHA-256", "aria-label": `Copy the SHA-256 of ${name}` }, `${sha256.slice(0, 12)}…`);
    copy.addEventListener("click", async () => {
      const done = await copyText(sha256, copy.parentElement);
      copy.textContent = done ? "Copied" : sha256;
      if (done) setTimeout(() => (copy.textContent = `${sha256.slice(0, 12)}…`), 2000);
    });
    return make("li", {}, make("span", {}, name), make("span", { class: "sh-right" }, bytes(size)), copy);
  };
  return make("ul", { class: "sh-files" }, ...list.map(row));
}
