// Rendering: a job on the server with time left and Cancel, then the film in the player's place and a link to keep it.

/**
 * part(id): the tab's elements. start(), poll(job), stop(job) ask the server, which answers a poll when there is something
 * to tell; text() is what a film is made from, so that `stale(text)` knows whether the film still shows it.
 */
function filmPanel(part, { start, poll, stop, text, player }) {
  const [video, image, canvas] = [part("video"), part("image"), part("player").querySelector("canvas")];
  const [render, cancel, meter, link] = ["render", "cancel", "meter", "download"].map(part);
  const line = part("told");
  const told = (words, wrong = false) => {
    if (line.textContent !== words) line.textContent = words;
    line.classList.toggle("gs-notice", wrong);
    line.classList.toggle("gs-told", !wrong);
  };
  let job = null;
  let made = null; // {text, url, picture} of the film that can be seen; picture: it is shown as one, and moves by itself.

  const view = (which) => {
    const film = which === "film" && made;
    const moving = film && !made.picture;
    [canvas.hidden, video.hidden, image.hidden] = [Boolean(film), !moving, !film || moving];
    part("play").disabled = Boolean(film && !moving); // A GIF plays by itself, and nothing can stop it.
    if (film && !moving) player.pause();
    player.follow(moving ? video : null);
    press(which);
  };
  const press = segments(part("view"), { preview: "Preview", film: "Film" }, view);

  const busy = (on) => {
    render.disabled = on;
    cancel.hidden = !on;
    cancel.disabled = false;
    meter.hidden = !on;
    if (on) {
      link.hidden = true;
      progress(0);
    } else if (document.activeElement === document.body) render.focus();
  };
  const progress = (share) => {
    meter.firstElementChild.style.width = `${share * 100}%`;
    meter.setAttribute("aria-valuenow", Math.round(share * 100));
  };

  const tellProgress = ({ state, frame = 0, frames = 0, elapsed_s: elapsed }) => {
    if (state === "waiting") return told("Waiting for another film on this server");
    const share = frames ? frame / frames : 0;
    progress(share);
    const left = frame && frame < frames && elapsed > 1 ? `, ${seconds((elapsed * (frames - frame)) / frame)} left` : "";
    return told(frame && frame === frames ? "Packing" : `Frame ${frame} of ${frames || "…"}${left}`);
  };

  const finish = (answer, from) => {
    const name = answer.name;
    made = { text: from, url: fileUrl(answer.path), picture: /\.(gif|webp)$/.test(name) };
    told(`${name}, ${answer.seconds.toFixed(1)} s, ${bytes(answer.bytes)}`);
    link.href = made.url;
    link.download = name;
    link.hidden = false;
    video.removeAttribute("src");
    image.removeAttribute("src");
    if (made.picture) image.src = made.url;
    else video.src = made.url;
    part("view").hidden = false;
    view(from === text() ? "film" : "preview");
  };

  render.addEventListener("click", async () => {
    told("Starting");
    busy(true);
    const from = text();
    const begun = await start();
    if (!begun.ok) {
      busy(false);
      return told(begun.error, true);
    }
    job = begun.job;
    let lost = 0;
    for (;;) {
      const answer = await poll(job);
      if (!answer.ok) {
        if ((lost += 1) <= 3) {
          await new Promise((resolve) => setTimeout(resolve, 1000)); // The net may be back by then.
          continue;
        }
        told(answer.error, true);
        break;
      }
      lost = 0;
      if (answer.state === "failed") {
        told(answer.error, true);
        break;
      }
      if (answer.state === "stopped") {
        told("Cancelled; nothing was kept.");
        break;
      }
      if (answer.state === "done") {
        finish(answer, from);
        break;
      }
      tellProgress(answer);
    }
    job = null;
    return busy(false);
  });
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    if (job) stop(job);
  });
  part("view").hidden = true;
  press("preview");

  return {
    /** The walk was changed: the preview shows it, the film no longer does. */
    stale(now) {
      if (made && made.text !== now && canvas.hidden) view("preview");
    },
  };
}
