// The options behind "More", made from what the server tells of them. Only what was changed is sent.

const FORM_EMPTY = { channels: "as the data", load_size: "by the family", max_hours: "no limit" }; // What an empty field means.

function formHelp(label, text) {
  const details = make("details", { class: "gs-help" }, make("summary", { "aria-label": `About ${label}` }, "?"), make("div", {}, make("p", {}, text)));
  closesItself(details);
  return details;
}

/**
 * One option: its control, read() what differs from the default (undefined: nothing), write(value), and fallback(value):
 * what holds while nothing is chosen here, for it follows from the model to begin with.
 */
function formOption(option, id, changed) {
  const { kind, choices, label } = option;
  let usual = option.default;
  if (kind === "yesno") {
    const box = make("input", { type: "checkbox", id, onchange: changed });
    box.checked = Boolean(usual);
    return {
      control: box,
      read: () => (box.checked === Boolean(usual) ? undefined : box.checked),
      write: (value) => (box.checked = Boolean(value ?? usual)),
      fallback(value) {
        if (box.checked !== Boolean(usual)) return;
        usual = value;
        box.checked = Boolean(value);
      },
      focusable: box,
    };
  }
  if (kind === "choice") {
    const select = make("select", { class: "gs-input gs-slim", id, onchange: changed }, ...choices.map((choice) => make("option", { value: choice }, choice)));
    select.value = usual;
    return {
      control: select,
      read: () => (select.value === String(usual) ? undefined : select.value),
      write: (value) => (select.value = value ?? usual),
      fallback: () => {},
      focusable: select,
    };
  }
  if (kind === "several") {
    const picked = new Set();
    const buttons = choices.map((choice) =>
      make(
        "button",
        {
          type: "button",
          "aria-pressed": "false",
          onclick: () => {
            if (!picked.delete(choice)) picked.add(choice);
            draw();
            changed();
          },
        },
        choice,
      ),
    );
    const draw = () => buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(picked.has(choices[at]))));
    const group = make("div", { class: "gs-segments", role: "group", "aria-label": label, id }, ...buttons);
    return {
      control: group,
      read: () => (picked.size ? choices.filter((choice) => picked.has(choice)).join(",") : undefined),
      write(value) {
        picked.clear();
        String(value ?? "").split(",").map((one) => one.trim()).filter((one) => choices.includes(one)).forEach((one) => picked.add(one));
        draw();
      },
      fallback: () => {},
      focusable: buttons[0],
    };
  }
  const number = kind !== "text";
  const empty = (value) => value ?? FORM_EMPTY[option.name] ?? "none";
  const input = make("input", {
    class: "gs-input gs-slim",
    id,
    type: number ? "number" : "text",
    step: kind === "whole" ? "1" : "any",
    placeholder: empty(usual),
    autocomplete: "off",
    spellcheck: "false",
    oninput: changed,
  });
  return {
    control: input,
    read() {
      const text = input.value.trim();
      if (number && input.validity.badInput) return input.value || "?";
      if (text === "") return undefined;
      return number && Number.isSafeInteger(Math.trunc(Number(text))) ? Number(text) : text;
    },
    write: (value) => (input.value = value ?? ""),
    fallback: (value) => (input.placeholder = empty(value)),
    focusable: input,
  };
}

/** The folded options. changed() after each; values() -> {train, network, recipe}. */
function formOptions(host, { changed }) {
  const summary = make("span", { class: "gs-small" });
  const body = make("div", { class: "lf-sections" });
  const fold = make("details", { class: "gs-fold lf-more" }, make("summary", {}, "More", summary), body);
  let options = []; // {part, name, read, write, base(value of the preset), ...}
  host.append(fold);

  const count = () => {
    const other = (one) => (one.read() ?? one.usual) !== (one.base ?? one.usual);
    const touched = options.filter(other).length;
    summary.textContent = touched ? `${touched} changed` : "network, recipe and training";
    for (const one of options) one.cell.classList.toggle("lf-changed", other(one));
  };
  const touch = () => {
    count();
    changed();
  };

  return {
    draw(sections) {
      options = [];
      body.replaceChildren(
        ...sections.map(({ part, title, options: described }) => {
          const cells = described.map((option) => {
            const id = `lf-${part}-${option.name}`;
            const made = formOption(option, id, touch);
            const wrong = make("span", { class: "lf-wrong", id: `${id}-wrong`, role: "alert" });
            const name = option.kind === "several" ? make("span", { class: "lf-name" }, option.label) : make("label", { for: id }, option.label);
            const reset = make("button", { type: "button", class: "gs-button gs-plain lf-reset" }, "\u21ba");
            const entry = { part, name: option.name, label: option.label, usual: option.default, base: undefined, reset, wrong, ...made };
            const cell = make(
              "div",
              { class: `lf-option lf-${option.kind}` },
              make("div", { class: "lf-line" }, name, option.help ? formHelp(option.label, option.help) : null, reset),
              made.control,
              wrong,
            );
            reset.addEventListener("click", () => {
              made.write(entry.base);
              touch();
              made.focusable.focus();
            });
            options.push(Object.assign(entry, { cell }));
            return cell;
          });
          return make("fieldset", {}, make("legend", {}, title), make("div", { class: "lf-cells" }, ...cells));
        }),
      );
      count();
    },
    values() {
      const found = { train: {}, network: {}, recipe: {} };
      for (const { part, name, read } of options) {
        const value = read();
        if (value !== undefined) found[part][name] = value;
      }
      return found;
    },
    /** Exactly these values, a preset's; all others back to their defaults. */
    set(values) {
      for (const one of options) {
        one.base = values[one.part]?.[one.name];
        one.write(one.base);
        const where = `back to the ${one.base === undefined ? "default" : "preset"}`;
        one.reset.title = where[0].toUpperCase() + where.slice(1);
        one.reset.setAttribute("aria-label", `${one.label}: ${where}`);
      }
      count();
    },
    /** What holds where nothing was chosen. asked: what the answer is to, in which what was chosen is no fallback. */
    fallbacks({ train, network }, asked) {
      for (const { part, name, fallback } of options) {
        const from = part === "train" ? train : part === "network" ? network : null;
        if (from && name in from && !(name in asked[part])) fallback(from[name]);
      }
    },
    /** Options that follow from the model to start from. */
    lock(on) {
      for (const { part, name, control, write } of options) {
        if (part !== "network" && name !== "conditional" && name !== "channels") continue;
        if (on) write(undefined);
        for (const one of control.matches("div") ? control.children : [control]) one.disabled = on;
      }
      count();
    },
    /** Show sentences at the options of these names; the options that have one. */
    mark(errors) {
      const found = [];
      for (const one of options) {
        const here = errors[one.name] ?? "";
        if (one.wrong.textContent !== here) one.wrong.textContent = here;
        one.focusable.setAttribute("aria-invalid", String(Boolean(here)));
        if (here) {
          one.focusable.setAttribute("aria-describedby", one.wrong.id);
          found.push(one);
        }
      }
      if (found.length) fold.open = true;
      return found;
    },
  };
}
