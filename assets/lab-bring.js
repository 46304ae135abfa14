// A run on the Hub, to go on with here.

/** What a job of the server came to; told(answer) while it is under way. */
async function formJob(call, job, told) {
  for (let lost = 0; ; ) {
    const answer = await call("bring_poll", { job });
    if (["done", "failed", "stopped"].includes(answer.state)) return answer;
    if (!answer.ok) {
      if ((lost += 1) > 3) return { state: "failed", error: answer.error };
      await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
      continue;
    }
    lost = 0;
    told(answer);
  }
}

/** A run of the Hub to go on with: its name, a look at it, and its way here. looked(found): null for nothing. */
function formBring(host, { call, looked, changed }) {
  const input = make("input", { class: "gs-input", id: "lf-from", placeholder: "user/name", autocomplete: "off", spellcheck: "false", maxlength: "200", "aria-describedby": "lf-from-told" });
  const look = make("button", { type: "button", class: "gs-button", id: "lf-from-look" }, "Look");
  const line = make("p", { class: "lf-found", id: "lf-from-told", role: "status" });
  const bar = make("i");
  const meter = make("div", { class: "gs-meter lf-meter", role: "progressbar", "aria-label": "Fetching" }, bar);
  const cancel = make("button", { type: "button", class: "gs-button gs-plain", id: "lf-from-cancel" }, "Cancel");
  const way = make("div", { class: "lf-line lf-way" }, meter, cancel);
  host.append(make("label", { class: "gs-field" }, "Run on the Hub", make("span", { class: "lf-line" }, input, look)), line, way);
  let found = null;
  let seenAs = "";
  let job = null;
  let turn = 0;
  const usual = "A repository that a run was pushed to; @revision may follow.";
  const say = (text, wrong = false) => {
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("lf-bad", wrong);
    input.setAttribute("aria-invalid", String(wrong));
  };
  say(usual);

  /** Begin a job and see it through: its last answer. */
  async function follow(name, sent, told) {
    const begun = await call(name, sent);
    if (!begun.ok) return { state: "failed", error: begun.error, field: begun.field };
    job = begun.job;
    way.classList.add("lf-on");
    cancel.disabled = false;
    const answer = await formJob(call, job, told);
    if (job === begun.job) {
      job = null;
      way.classList.remove("lf-on");
    }
    bar.style.width = "0";
    return answer;
  }

  function facts(run) {
    const size = [run.title, run.data, `${run.size} px`].filter(Boolean).join(", ");
    const steps = `step ${run.step.toLocaleString("en")} of ${run.total_steps.toLocaleString("en")}`;
    const data = run.data_here ? "" : ` Its pictures are not here: choose the same ones.`;
    return `${size}; ${steps}; ${bytes(run.bytes)} to fetch.${data}${run.alive ? ` ${run.alive}` : ""}`;
  }

  async function see() {
    const name = input.value.trim();
    if (found && seenAs === name) return undefined; // By Enter, and again when the field is left.
    seenAs = name;
    turn += 1;
    const mine = turn;
    found = null;
    looked(null);
    if (!name) return say(usual);
    say("Looking");
    const answer = await follow("bring_look", { name }, () => {});
    if (mine !== turn) return undefined;
    if (answer.state !== "done") return say(answer.error ?? usual, Boolean(answer.error));
    found = answer.found;
    say(facts(found));
    return looked(found);
  }

  look.addEventListener("click", see);
  input.addEventListener("change", see);
  input.addEventListener("input", () => {
    turn += 1; // What is being looked at is not meant any more.
    found = null;
    looked(null);
    say(usual);
    changed();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    see();
  });
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    if (job) call("bring_stop", { job });
  });
  return {
    name: () => input.value.trim(),
    found: () => found,
    focus: () => input.focus(),
    refuse: (text) => say(text, true),
    /** Fetch it and train on; the run's id, or null: what happened is told here. */
    async start(more) {
      turn += 1;
      say("Starting");
      const answer = await follow("bring_start", { name: input.value.trim(), ...more }, ({ told, done, total }) => {
        say(total ? `${told} ${bytes(done)} of ${bytes(total)}` : (told ?? "Waiting for other work on this server"));
        bar.style.width = total ? `${(done / total) * 100}%` : "0";
      });
      if (answer.state === "done") {
        say(usual);
        return answer;
      }
      say(answer.error ?? "Cancelled; nothing was kept.", Boolean(answer.error));
      return null;
    },
  };
}
