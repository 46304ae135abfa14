// Push to the Hub: the fields, in the form for a new run and in the panel of each run.

/**
 * Where a run is pushed on the Hub, in a new run's form and in the panel of one that is here: repository, how often,
 * private or public. show() asks who is signed in, once; changed() after every change.
 */
function pushFields({ id, call, changed }) {
  const to = make("input", { class: "gs-input gs-slim", id: `${id}-to`, placeholder: "user/name", autocomplete: "off", spellcheck: "false", maxlength: "200", "aria-describedby": `${id}-wrong` });
  const minutes = make("input", { type: "number", class: "gs-input gs-slim", id: `${id}-minutes`, min: "0.01", step: "any", placeholder: "10", "aria-describedby": `${id}-wrong` });
  const seen = make("div", { "aria-label": "Who sees it", id: `${id}-seen` });
  const owners = make("span", { class: "lf-owners" });
  const who = make("span", { role: "status" });
  const again = make("button", { type: "button", class: "gs-button gs-plain", hidden: true }, "Check again");
  const wrong = make("p", { class: "lf-wrong", id: `${id}-wrong`, role: "alert" });
  const element = make(
    "div",
    { class: "lf-push" },
    make("div", { class: "gs-field lf-push-to" }, make("span", { class: "lf-line" }, make("label", { for: to.id }, "Repository"), owners), to),
    make("label", { class: "gs-field" }, "Every, minutes", minutes),
    make("div", { class: "gs-field" }, make("span", { class: "lf-name" }, "Who sees it"), seen),
    wrong,
    make("p", { class: "gs-small lf-line" }, who, again),
  );
  let open = false; // To everybody.
  let asked = null;
  let suggested = "";
  let name = "run";
  const press = segments(seen, { private: "Private", public: "Public" }, (chosen) => {
    open = chosen === "public";
    press(chosen);
    changed();
  });
  press("private");
  const put = (owner) => {
    suggested = to.value = `${owner}/${name}`;
  };
  async function ask(fresh) {
    again.hidden = true;
    who.textContent = "Asking the Hub who is signed in";
    const { account, why, ok, error } = await call("form_account", { fresh });
    who.textContent = ok ? (why ?? `Signed in as ${account.name}.`) : error;
    who.classList.toggle("lf-bad", !ok || Boolean(why));
    again.hidden = ok && !why;
    const names = account?.may_write ? [account.name, ...account.organisations] : [];
    const own = (owner) => make("button", { type: "button", class: "gs-button gs-plain", "aria-label": `Repository of ${owner}`, onclick: () => (put(owner), to.focus(), changed()) }, `${owner}/`);
    owners.replaceChildren(...names.map(own));
    if (names.length && !to.value) put(names[0]);
    changed();
  }
  again.addEventListener("click", () => ask(true));
  for (const input of [to, minutes]) input.addEventListener("input", changed);
  return {
    element,
    focus: () => to.focus(),
    show: () => (asked ??= ask(false)),
    /** For a run that is pushed nowhere: the name that is proposed, where it is known whose. */
    propose() {
      this.set(null);
      const owner = owners.firstElementChild?.textContent.slice(0, -1);
      if (owner) put(owner);
    },
    values: () => ({ to: to.value.trim(), minutes: minutes.validity.badInput ? "?" : minutes.value === "" ? null : Number(minutes.value), public: open }),
    /** What a run has, or null for a new one. */
    set(wish) {
      to.value = wish?.to ?? "";
      minutes.value = wish?.minutes ?? "";
      open = wish?.public ?? false;
      press(open ? "public" : "private");
    },
    /** The name that is proposed behind the owner's; one that was typed stays. */
    suggest(text) {
      name = text.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "").slice(0, 90) || "run";
      if (suggested && to.value === suggested) put(suggested.split("/")[0]);
    },
    /** Sentences at the fields; whether there are any. */
    mark({ push_to: one = "", push_minutes: other = "" }) {
      const text = [one, other].filter(Boolean).join("\n");
      if (wrong.textContent !== text) wrong.textContent = text;
      to.setAttribute("aria-invalid", String(Boolean(one)));
      minutes.setAttribute("aria-invalid", String(Boolean(other)));
      return Boolean(text);
    },
  };
}

/** The part of the form that asks for it: a tick, and behind it the fields. values() is null without the tick. */
function formPush(host, { call, changed }) {
  const tick = make("input", { type: "checkbox", id: "lf-push" });
  const fields = pushFields({ id: "lf-push", call, changed });
  const help = formHelp("pushing", "The newest snapshot and the run go to a repository on the Hub while it trains, in the background: training never waits for the Hub, and goes on elsewhere from there. Private or public is the repository that is made for it; one that is there stays as it is. The token is that of this computer: of HF_TOKEN, or of hf auth login.");
  host.append(make("div", { class: "lf-line" }, tick, make("label", { for: "lf-push", class: "lf-tick" }, "Push to the Hub"), help), fields.element);
  const draw = () => {
    fields.element.hidden = !tick.checked;
    if (tick.checked) fields.show();
  };
  tick.addEventListener("change", () => {
    draw();
    fields.mark({});
    changed();
    if (tick.checked) fields.focus();
  });
  draw();
  return {
    ...fields,
    values: () => (tick.checked ? fields.values() : null),
    set(wish) {
      tick.checked = Boolean(wish);
      fields.set(wish);
      fields.mark({});
      draw();
    },
    mark: (errors) => tick.checked && fields.mark(errors),
  };
}

/**
 * Push to the Hub: now, and as it trains. run() is the run; changed() when there is news for everybody.
 * show() when the panel opens.
 */
function controlPush({ call, run, changed }) {
  const fields = pushFields({ id: "lab-push", call, changed: () => fields.mark({}) });
  const go = make("button", { type: "submit", class: "gs-button", id: "lab-push-now" }, "Push now");
  const off = make("button", { type: "button", class: "gs-button", id: "lab-push-off", hidden: true }, "Stop pushing");
  const cancel = make("button", { type: "button", class: "gs-button", id: "lab-push-cancel", hidden: true }, "Cancel");
  const meter = make("div", { class: "gs-meter lf-meter", role: "progressbar", "aria-label": "Push", hidden: true }, make("i"));
  const line = make("p", { class: "gs-told lb-pushed", role: "status" });
  const element = make("form", { class: "lb-lines" }, fields.element, make("div", { class: "lb-row" }, go, cancel, off, meter), line);
  let shown = null; // The run whose push stands here.
  let turn = 0; // Of whoever looks: a later look ends an earlier one, which may be of another run.
  const say = (wrong, ...parts) => {
    line.replaceChildren(...parts);
    line.classList.toggle("gs-notice", wrong);
    line.classList.toggle("gs-told", !wrong);
  };

  const under = (move) => ["waiting", "running"].includes(move?.state);

  function result({ push, move }) {
    if (move.state === "failed") return say(true, move.error);
    if (move.state === "stopped") return say(false, "Cancelled; what was not sent is not there.");
    const { repository, commit, step, news } = move.more;
    const link = make("a", { href: push?.address ?? null, target: "_blank", rel: "noopener noreferrer" }, repository);
    const more = run().active && push ? ` More follows every ${push.minutes.toLocaleString("en")} min.` : "";
    return say(false, link, ` holds it up to step ${step.toLocaleString("en")}, commit ${commit.slice(0, 8)}${news ? "" : ": nothing was new"}.${more}`);
  }

  function draw({ push, move }) {
    const on = under(move);
    const inHand = [go, cancel].includes(document.activeElement);
    [go.hidden, cancel.hidden, meter.hidden, off.hidden] = [on, !on, !on, on || !push];
    if (!on) cancel.disabled = false;
    if (inHand) (on ? cancel : go).focus({ preventScroll: true });
    if (!on) return move ? result({ push, move }) : say(false, "");
    meter.firstElementChild.style.width = move.total ? `${(move.done / move.total) * 100}%` : "0";
    const part = move.total ? `Sending ${bytes(move.done)} of ${bytes(move.total)}` : "Looking at what is there";
    const ending = move.total ? "Cancelling, after the file that is on its way" : "Cancelling";
    return say(false, move.stopping ? ending : move.state === "waiting" ? "Waiting for another push" : part);
  }

  /** See a push through, as long as this run is shown; it goes on without. */
  async function follow(first) {
    const id = shown;
    const mine = (turn += 1);
    let answer = first;
    for (let lost = 0; mine === turn && shown === id; ) {
      if (answer.ok) {
        lost = 0;
        draw(answer);
        if (!under(answer.move)) break;
      } else if ((lost += 1) > 3) {
        say(true, answer.error);
        break;
      } else await new Promise((resolve) => setTimeout(resolve, 1000));
      answer = await call("push_look", { run: id });
    }
    if (mine === turn && shown === id) changed();
  }

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const id = shown;
    go.disabled = true;
    say(false, "Starting");
    const answer = await call("push_start", { run: id, push: fields.values() });
    go.disabled = false;
    if (shown !== id) return undefined; // It goes on without being looked at.
    if (answer.ok) return follow(answer);
    if (!fields.mark({ [answer.field]: answer.error })) return say(true, answer.error);
    say(false, "");
    return fields.focus();
  });
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    call("push_stop", { run: shown });
  });
  off.addEventListener("click", async () => {
    const id = shown;
    const answer = await call("push_end", { run: id });
    if (shown !== id) return changed();
    if (!answer.ok) return say(true, answer.error);
    off.hidden = true;
    go.focus();
    say(false, "It is pushed no longer. What is on the Hub stays there.");
    return changed();
  });

  return {
    element,
    async show() {
      const id = (shown = run().id);
      fields.mark({});
      say(false, "");
      fields.suggest(id.replace(/^\d+-/, ""));
      const answer = await call("push_look", { run: id });
      if (shown !== id) return;
      if (!answer.ok) return void say(true, answer.error);
      const { push } = answer;
      if (push) fields.set({ to: push.repository, minutes: push.minutes, public: !push.private });
      else fields.propose();
      fields.show();
      if (answer.move) await follow(answer);
      else draw(answer);
    },
    /** Another run is shown: its push goes on without being looked at. */
    leave: () => (shown = null),
  };
}
