// The parts of the form for a new run.

const FORM_NUMBERS = { size: "Size", steps: "Steps", batch: "Batch" };

/** A preset as a card: what it is for, and its numbers. */
function formPresetCard(preset, family, gpu, take) {
  const { size, steps, batch } = { ...family.defaults, ...preset.train };
  const length = preset.epochs ? `${preset.epochs} times through the data` : `${steps.toLocaleString("en")} steps`;
  const lacks = preset.needs_gpu && !gpu ? make("span", { class: "lf-lacks" }, "There is no GPU here: this would take days.") : null;
  return make(
    "button",
    { type: "button", class: "lf-preset", "data-preset": preset.name, "aria-pressed": "false", onclick: take },
    make("strong", {}, preset.title),
    make("span", {}, `${size} px, ${length}, batch ${batch}`),
    make("span", { class: "gs-small" }, preset.summary),
    lacks,
  );
}

/** Whether what is chosen is a preset's, as it came. byEpochs: the steps still follow from the number of pictures. */
function formHolds(preset, family, chosen, numbers, byEpochs) {
  const { size, steps, batch } = { ...family.defaults, ...preset.train };
  const is = (name, value) => Number(numbers[name].input.value) === value;
  const same = (part) => {
    const wanted = Object.fromEntries(Object.entries(preset[part]).filter(([name]) => !(name in FORM_NUMBERS)));
    const usual = family.usual[part];
    return Object.keys({ ...wanted, ...chosen[part] }).every((name) => (chosen[part][name] ?? usual[name]) === (wanted[name] ?? usual[name]));
  };
  return is("size", size) && is("batch", batch) && (preset.epochs ? byEpochs : is("steps", steps)) && ["train", "network", "recipe"].every(same);
}

function formParts() {
  const families = make("div", { "aria-label": "Family" });
  const close = make("button", { type: "button", class: "gs-button gs-plain", id: "lf-close" }, "Close");
  const summary = make("p", { class: "gs-small lf-summary" });
  const presetRow = make("div", { class: "lf-presets", role: "group", "aria-label": "Presets" });
  const dataHost = make("section", { class: "lf-data", "aria-label": "Data" }, make("h4", {}, "Data"));
  const lookHost = make("section", { class: "lf-look", "aria-label": "Preview" });
  const origin = make("select", { class: "gs-input", id: "lf-origin" });
  const numbers = Object.fromEntries(
    Object.entries(FORM_NUMBERS).map(([name, label]) => {
      const input = make("input", { type: "number", class: "gs-input", id: `lf-${name}`, min: "1", step: "1", list: name === "size" ? "lf-sizes" : null, "aria-describedby": "lf-numbers-wrong" });
      return [name, { input, field: make("label", { class: "gs-field" }, label, input) }];
    }),
  );
  const sizes = make("datalist", { id: "lf-sizes" }, ...[32, 64, 128, 256].map((px) => make("option", { value: px })));
  const numbersWrong = make("p", { class: "lf-wrong", id: "lf-numbers-wrong", role: "alert" });
  const numbersNote = make("p", { class: "lf-note", role: "status" });
  const words = { domain_a: make("input", { class: "gs-input", id: "lf-domain-a", maxlength: "80", placeholder: "such as painting" }), domain_b: make("input", { class: "gs-input", id: "lf-domain-b", maxlength: "80", placeholder: "such as photograph" }) };
  const direction = make("select", { class: "gs-input", id: "lf-direction" }, make("option", { value: "ab" }), make("option", { value: "ba" }));
  const domains = make(
    "div",
    { class: "lf-domains" },
    make("label", { class: "gs-field" }, "Domain A", words.domain_a),
    make("label", { class: "gs-field" }, "Domain B", words.domain_b),
    make("label", { class: "gs-field" }, "Opens with", direction),
  );
  const bringHost = make("div", { class: "lf-bring", hidden: true });
  const pushHost = make("section", { class: "lf-pushing", "aria-label": "Push to the Hub" });
  const costHost = make("section", { class: "lf-cost", "aria-label": "Estimate" });
  const command = make("code", { id: "lf-command", class: "lf-words", tabindex: "0", "aria-label": "Command" });
  const copy = make("button", { type: "button", class: "gs-button" }, "Copy");
  const queue = make("p", { class: "gs-small lf-queue", role: "status" });
  const go = make("button", { type: "submit", class: "gs-button gs-main", id: "lf-start" }, "Start");
  const wrong = make("p", { class: "gs-told lf-refused", role: "alert" });
  const moreHost = make("div", { class: "lf-rest" });
  const form = make(
    "form",
    { class: "lf", novalidate: true, "aria-label": "New run" },
    make("div", { class: "lf-head" }, make("h3", {}, "New run"), families, close),
    summary,
    presetRow,
    make(
      "div",
      { class: "lf-main" },
      make("div", { class: "lf-left" }, dataHost, lookHost),
      make(
        "div",
        { class: "lf-right" },
        make("label", { class: "gs-field" }, "Begin with", origin),
        bringHost,
        make("div", { class: "lf-numbers" }, ...Object.values(numbers).map((one) => one.field), sizes),
        make("div", { class: "lf-under" }, numbersWrong, numbersNote),
        domains,
        pushHost,
        costHost,
        make("div", { class: "lf-act" }, go, make("div", {}, queue, wrong)),
        make("div", { class: "lf-command" }, command, copy),
      ),
    ),
    moreHost,
  );
  return { families, close, summary, presetRow, dataHost, lookHost, origin, numbers, numbersWrong, numbersNote, words, direction, domains, bringHost, pushHost, costHost, command, copy, queue, go, wrong, moreHost, form };
}
