"""What the tests of the Training tab and the Hub share: the page's functions in a process with the real client."""

import json
import time
from pathlib import Path
from typing import Any

from tests.hub.conftest import Process

NAME = "user/ducks"
TINY = {"generator_features": 4, "discriminator_features": 4}
FORM = {
    "family": "dcgan",
    "data": "shapes",
    "train": {"size": 16, "steps": 4, "batch": 2, "device": "cpu"},
    "network": TINY,
    "recipe": {},
}
OVER = ("done", "failed", "stopped")
WITHIN_S = 90.0
READY = """
from dataclasses import replace
import gan_core.mirror.stage as stage
import gan_core.ui.lab.pushing as pushing
from gan_core.settings import Settings
from gan_core.ui.lab import form as form_module, runs as runs_module
from gan_core.ui.serve import served
from gan_core.ui.services import Services
stage.DRAW_S = 0.001  # The picture has a test of its own.
pushing.PATIENCE_S = 20.0
launched = []
def lab(runs_dir):
    global parts, services
    settings = Settings(runs_dir=Path(runs_dir), models_dir=Path(runs_dir) / "m", data_dir=Path(runs_dir) / "d")
    services = Services(settings)
    services.runs.launch = lambda run: launched.append(run.id)
    parts = {form_module: form_module.Form(services), runs_module: runs_module.Runs(services)}
    launched.clear()
def call(name, sent):
    (found,) = [(module, part) for module, part in parts.items() if name in module.CHANGES or name in module.LOOKS]
    module, part = found
    return served(getattr(part, name), {**module.LOOKS, **module.CHANGES}[name])(sent)
"""


class Lab:
    """The tab's functions with runs of the test's own; trainers are named in `launched` and never started."""

    def __init__(self, process: Process, runs: Path) -> None:
        self.process, self.runs = process, runs
        runs.mkdir(parents=True, exist_ok=True)
        process.run(f"lab({str(runs)!r})")

    def __call__(self, name: str, /, **sent: Any) -> dict[str, Any]:
        return self.process.run(f"call({name!r}, {sent!r})")

    @property
    def launched(self) -> list[str]:
        return self.process.run("launched")

    def start(self, **push: Any) -> dict[str, Any]:
        return self("start", form={**FORM, "push": push})

    def ended(self, job: str) -> dict[str, Any]:
        """What a job came to."""
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            told = self("bring_poll", job=job)
            if told["state"] in OVER:
                return told
        raise AssertionError("it does not end")

    def pushed(self, run: str, **push: Any) -> dict[str, Any]:
        """What a push from the panel came to."""
        begun = self("push_start", run=run, push=push)
        return self.moved(run) if begun["ok"] else begun

    def moved(self, run: str) -> dict[str, Any]:
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            move = self("push_look", run=run)["move"]
            if move["state"] in OVER:
                return move
        raise AssertionError("it does not end")


def started(endpoint: str, home: Path, token: str | None = "hf_user") -> Process:
    process = Process(endpoint, home, **({"HF_TOKEN": token} if token else {}))
    process.run(f"exec({READY!r})")
    return process


def without_tokens(folder: Path) -> None:
    """No file of a run folder holds the token."""
    for path in folder.rglob("*"):
        assert not path.is_file() or b"hf_" not in path.read_bytes(), path


def read(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text())
