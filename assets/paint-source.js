// Where photographs come from: files, the clipboard, the camera. Each goes to the server once and has a name there that
// only this page knows.

/** One file to the server; `answer` is that of `take`, or a sentence. mostMb(): what may be sent. */
function sender({ upload, take, mostMb }) {
  return async (file) => {
    if (file.size > mostMb() * 1e6) {
      return { ok: false, error: `${file.name} has ${bytes(file.size)}; at most ${mostMb()} MB are taken. It was not sent. Choose a smaller one.` };
    }
    if (!file.size) return { ok: false, error: `${file.name} is empty. It was not sent. Choose another one.` };
    let sent;
    try {
      sent = await upload(file);
    } catch (error) {
      const told = /"error": ?"([^"]+)"/.exec(error?.message)?.[1]; // The server's own words, where it refused.
      return { ok: false, error: told ?? `${file.name} did not reach the server. Nothing was changed. Try it once more.` };
    }
    return take({ path: sent.path, name: file.name || "pasted.png" });
  };
}

const CAMERA_WORDS = {
  NotAllowedError: "The browser may not use the camera. Nothing was taken. Allow it in the address bar, then try again.",
  NotFoundError: "There is no camera. Nothing was taken. Choose a file instead.",
  NotReadableError: "Another program uses the camera. Nothing was taken. Close it, then try again.",
};

/** The camera in the frame: open(), and take(file) with what was taken. */
function webcam(panel, { take, complain }) {
  const video = panel.querySelector("video");
  const [shoot, leave] = panel.querySelectorAll("button");
  let stream = null;
  const close = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    panel.hidden = true;
  };
  leave.addEventListener("click", close);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  shoot.addEventListener("click", async () => {
    const canvas = new OffscreenCanvas(video.videoWidth || 1, video.videoHeight || 1);
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    close();
    take(new File([blob], "webcam.png", { type: "image/png" }));
  });
  return {
    close,
    async open() {
      if (!navigator.mediaDevices?.getUserMedia) {
        return complain("This browser gives pages no camera here; it does on https and on this machine itself. Choose a file instead.");
      }
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } } });
        video.srcObject = stream;
        await video.play();
      } catch (error) {
        close();
        return complain(CAMERA_WORDS[error.name] ?? "The camera does not answer. Nothing was taken. Choose a file instead.");
      }
      panel.hidden = false;
      shoot.focus();
      return complain("");
    },
  };
}

/** Files that are dragged or pasted: `take(files, element)` with where they were let go. */
function filesFromAnywhere(root, take) {
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (target) => {
    const fold = target?.closest?.("#paint-many, #paint-check") ?? null;
    root.querySelectorAll(".gs-drop-on").forEach((one) => one !== fold && one.classList.remove("gs-drop-on"));
    fold?.classList.add("gs-drop-on");
    root.classList.toggle("gs-drop-here", Boolean(target) && !fold);
  };
  root.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(event.target);
  });
  root.addEventListener("dragleave", (event) => !root.contains(event.relatedTarget) && mark(null));
  root.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(null);
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files], event.target);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (root.offsetParent !== null && files.length) take(files, root.contains(event.target) ? event.target : root);
  });
}

/** A choice of files inside of a fold: take(files). */
function fileDrop(label, text, { id, multiple = false, take }) {
  const input = make("input", { type: "file", class: "gs-aside", id, multiple, accept: "image/*,.heic,.heif,.avif,.tif,.tiff", "aria-label": label });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // The same file may be taken again.
    if (files.length) take(files);
  });
  return make("label", { class: "gs-drop pt-drop" }, input, text);
}
