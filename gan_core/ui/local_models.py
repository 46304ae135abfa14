"""Models for the page itself: Explore's "in my browser" gets a generator as ONNX, and the engine that draws with it.

The folder is laid out as the static target's (see `deploy.static`): scripts, ort/, models/<name>/. It is made when
somebody first asks for it and kept beside the data sets, one for each version of the scripts; a model whose weights
have changed is exported again.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import gradio as gr

from gan_core import __version__
from gan_core.atomic import new_folder
from gan_core.config import NAME_PATTERN
from gan_core.errors import GanCoreError, ModelError
from gan_core.settings import BESIDE
from gan_core.ui.jobs import POLL_S, Jobs, Progress
from gan_core.ui.serve import Answer
from gan_core.ui.sharing import Ration, Shared

if TYPE_CHECKING:
    from gan_core.ui.services import Services

FOLDER = "in-browser"
MOST_BYTES = 500_000_000
"""Of the folders of all versions; those that were not used for longest go first."""
SCRIPTS = BESIDE / "assets" / "static"
LOOK_S = 0.1


class LocalModels:
    """Exports what a page asks for, one model at a time, and lets the page fetch it."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._jobs = Shared(Jobs(at_once=1, waiting=4), Ration())
        self.folder = services.settings.data_dir.absolute() / FOLDER / f"{__version__}-{_mark()}"

    def serve(self) -> None:
        """Let pages fetch the folder's files, and nothing beside it."""
        gr.set_static_paths([self.folder])

    def local_start(self, model: object) -> Answer:
        """Begin to make a generator ready for the page; tells the job's id. Snapshots of runs stay on the server."""
        info = self._services.info(model if isinstance(model, str) else None)
        if info.kind != "generator":
            raise ModelError(f"{info.name} is no generator. It is computed on the server.")
        if not NAME_PATTERN.fullmatch(str(model)):
            raise ModelError(
                "Runs, and models that are still on the Hub, are computed on the server. Choose a model that is here."
            )
        from gan_core.recipe import weights_sha256

        what = f"{model} {weights_sha256(info.folder)}"
        return {"job": self._jobs.start(what, lambda should_stop: self._work(str(model), info.folder, should_stop))}

    def local_poll(self, job: object) -> Progress:
        """What the job has told: at the end `base`, the folder's path, and `about`, the model's facts."""
        return self._jobs.poll(job, POLL_S)

    def local_stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}

    def _work(self, name: str, source: Path, should_stop: Callable[[], bool]) -> Iterator[Progress]:
        from gan_core.recipe import weights_sha256

        if (self.folder / "ort" / "where.json").is_file():
            with suppress(OSError):
                os.utime(self.folder)
        else:
            yield {"doing": "Fetching the engine"}
            self._lay_out()
        place = self.folder / "models" / name
        if _facts(place).get("sha256") != weights_sha256(source):
            yield {"doing": f"Packing {name}"}
            yield from self._exported(name, source, place, should_stop)
        yield {
            "base": str(self.folder),
            "about": {key: value for key, value in _facts(place).items() if key != "thumb"},
        }

    def _lay_out(self) -> None:
        from gan_core.deploy.exports import drop_old
        from gan_core.deploy.static_runtime import write_runtime

        with new_folder(self.folder, replace=True) as folder:
            for script in SCRIPTS.glob("*.js"):
                shutil.copyfile(script, folder / script.name)
            write_runtime(folder, tell=print)
        drop_old(self.folder.parent, MOST_BYTES)

    def _exported(self, name: str, source: Path, place: Path, should_stop: Callable[[], bool]) -> Iterator[Progress]:
        """Write the model. In a process of its own: tracing a network would hold up everybody's sliders."""
        from gan_core.deploy.exports import exports_folder

        kept_in = exports_folder(self._services.settings)
        with (
            new_folder(place, replace=True) as folder,
            ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_the_server) as aside,
        ):
            work: Future[None] = aside.submit(write, folder, source, name, kept_in)
            while not work.done():
                if should_stop():
                    for process in list((aside._processes or {}).values()):
                        process.terminate()
                    raise GanCoreError("Cancelled. Pictures are computed on the server.")
                time.sleep(LOOK_S)
                yield {"doing": f"Packing {name}"}
            work.result()


def end_with_the_server() -> None:
    """In the process that exports: a server that was killed would leave it waiting for more work for ever."""

    def follow() -> None:
        if server := parent_process():
            server.join()
            os._exit(1)

    Thread(target=follow, daemon=True).start()


def write(folder: Path, source: Path, name: str, kept_in: Path) -> None:
    """Write a generator's files into `folder` itself. kept_in: see `deploy.exports.exported`."""
    from gan_core.deploy.static import write_generator

    write_generator(folder, source, name=name, kept_in=kept_in)
    inside = folder / "models" / name
    for file in inside.iterdir():
        file.rename(folder / file.name)
    shutil.rmtree(folder / "models")


def _facts(place: Path) -> dict[str, Any]:
    """What stands in its model.json; nothing where it is not here, or not whole."""
    try:
        facts = json.loads((place / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _mark() -> str:
    """Changes with the scripts, so that no browser mixes those of two versions."""
    digest = hashlib.sha256()
    for script in sorted(SCRIPTS.glob("*.js")):
        digest.update(script.name.encode() + script.read_bytes())
    return digest.hexdigest()[:8]
