// Models: the list, what was deleted, and what is dropped anywhere on it.

const root = element.querySelector(".sh");
const part = (id) => root.querySelector(`#shelf-${id}`);
const tell = notices(part("message"));
const list = part("list");
const FILTER_FROM = 8;

let listed = { models: [], deleted: [], may: true };
const call = (name, request) => ask(server, name, request);

/** A new list from the server; `open`: the model whose row is opened. Rows that are open stay so. */
function draw(answer, open = null) {
  listed = { ...listed, ...answer };
  const opened = new Set([...list.querySelectorAll("li.gs-open")].map((item) => item.dataset.model));
  const kept = new Map([...list.querySelectorAll("li[data-model]")].map((item) => [item.dataset.state, item]));
  const words = part("filter").value.toLowerCase().split(/\s+/);
  const shown = listed.models.filter((one) => words.every((word) => `${one.name} ${one.family} ${one.data}`.toLowerCase().includes(word)));
  const items = [];
  let group = "Here";
  for (const model of shown) {
    if (model.group !== group) items.push(make("li", { class: "sh-group gs-small" }, model.group));
    group = model.group;
    const state = JSON.stringify([model, listed.may]);
    const row = kept.get(state) ?? modelRow(model, { may: listed.may, call, changed: draw, removed, open: opened.has(model.value) || model.value === open });
    row.dataset.state = state; // A row that says the same stays, with what was opened and typed in it.
    items.push(row);
  }
  list.replaceChildren(...items);
  list.setAttribute("aria-busy", "false");
  part("head").hidden = !shown.length;
  const all = listed.models.length;
  part("count").textContent = all ? `${all} ${all === 1 ? "model" : "models"}, ${bytes(listed.models.reduce((sum, one) => sum + one.bytes, 0))}` : "";
  part("filter").hidden = listed.models.length < FILTER_FROM;
  drawNothing(shown.length);
  drawDeleted();
  part("bring").hidden = !listed.may;
  if (open) list.querySelector(`li[data-model="${CSS.escape(open)}"] .gs-name`)?.scrollIntoView({ block: "nearest" });
}

function drawNothing(count) {
  const nothing = part("nothing");
  nothing.hidden = count > 0;
  if (count) return;
  const train = make("button", { type: "button", class: "gs-button", onclick: () => showTab("Training") }, "Train one");
  const words = listed.models.length ? "No model of that name." : "No models yet.";
  nothing.replaceChildren(make("p", {}, words), listed.models.length ? "" : train);
}

/** In place of a row: what became of it, and the way back. */
function removed(answer, row) {
  const next = row.nextElementSibling?.dataset.model;
  draw(answer);
  const undo = make("button", { type: "button", class: "gs-button" }, "Undo");
  const line = make("li", { class: "sh-gone" }, make("span", { role: "status" }, `${row.querySelector(".gs-word").textContent} was deleted. It stays in the trash for 30 days.`), undo);
  undo.addEventListener("click", () => restore(answer.id));
  list.insertBefore(line, next ? list.querySelector(`li[data-model="${CSS.escape(next)}"]`) : null);
  undo.focus();
}

async function restore(id) {
  const answer = await call("restore", { id });
  if (!answer.ok) return tell(answer.error);
  draw(answer, null);
  tell(`${answer.value} is back.`, { passing: true });
  return list.querySelector(`li[data-model="${CSS.escape(answer.value)}"] .gs-name`)?.focus();
}

function drawDeleted() {
  const fold = part("deleted");
  fold.hidden = !listed.deleted.length || !listed.may;
  fold.querySelector("summary .gs-small").textContent = `${listed.deleted.length} in the trash`;
  const row = ({ id, name }) => {
    const back = make("button", { type: "button", class: "gs-button", "aria-label": `Restore ${name}`, onclick: () => restore(id) }, "Restore");
    const away = make("button", { type: "button", class: "gs-button gs-plain", "aria-label": `Remove ${name} for good` }, "Remove for good");
    away.addEventListener("click", async () => {
      if (away.dataset.sure) {
        const answer = await call("discard", { id });
        return answer.ok ? draw(answer) : tell(answer.error);
      }
      away.dataset.sure = "1";
      away.classList.add("sh-danger");
      return (away.textContent = "Press again: this cannot be undone");
    });
    return make("li", { class: "gs-line gs-wrap" }, make("span", {}, name), back, away);
  };
  fold.querySelector("ul").replaceChildren(...listed.deleted.map(row));
}

/** fresh: a model that was added just now. */
async function refresh(fresh = null) {
  const answer = await call("list_models");
  if (!answer.ok) return tell(answer.error);
  bring.limit(answer);
  part("limits").textContent = `.pth, .pt, .bin, .ckpt, .safetensors, or a training log; several files of one model together, up to ${answer.max_mb} MB each`;
  part("why").textContent = answer.why ?? "";
  draw(answer);
  list.querySelector(`li[data-model="${CSS.escape(fresh ?? "")}"]`)?.classList.add("sh-fresh");
}

const bring = bringPanel(part, { call, added: refresh });

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
root.addEventListener("dragover", (event) => {
  if (!carriesFiles(event) || !listed.may) return;
  event.preventDefault();
  root.classList.add("sh-dropping");
});
root.addEventListener("dragleave", (event) => !root.contains(event.relatedTarget) && root.classList.remove("sh-dropping"));
root.addEventListener("drop", (event) => {
  if (!carriesFiles(event) || !listed.may) return;
  event.preventDefault();
  root.classList.remove("sh-dropping");
  bring.take(event.dataTransfer);
});
part("filter").addEventListener("input", () => draw({}));
root.querySelectorAll(".gs-help").forEach(closesItself);

// Looked at anew whenever the tab is: trainings and other visitors change what is here.
new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting) refresh();
}).observe(root);
