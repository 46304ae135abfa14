"""Trainings as processes of their own, which outlive the page and the server.

What is known of them stands in their run folders.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from gan_core.config import RunConfig, train_config
from gan_core.errors import ConfigError, DataError, RunError
from gan_core.families import get_family, trainable
from gan_core.settings import Settings
from gan_core.training.run_folder import ACTIVE, RunFolder, create_run, list_runs

LOG = "trainer.log"
SHAPES = "shapes"
RATE_LINES = 20  # Lines of metrics that the speed is taken from.
_ERROR_LINE = re.compile(r"(\w+\.)*\w*(Error|Exception): ")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class RunState:
    """A run as the page shows it."""

    id: str
    state: str
    """A state of the run folder, or interrupted."""
    step: int
    total_steps: int
    images_per_s: float | None = None
    left_s: float | None = None
    error: str | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def part(self) -> float:
        return min(self.step / self.total_steps, 1.0) if self.total_steps else 0.0


class Runner:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        """Processes that this server started, and when: known before they have written a word."""

    def newest_first(self) -> list[RunFolder]:
        """All runs."""
        return list_runs(self._settings.runs_dir)[::-1]

    def find(self, run_id: str | None) -> RunFolder:
        for run in self.newest_first():
            if run.id == run_id:
                return run
        raise RunError(f"There is no run {run_id!r} any more. Nothing was changed. Choose another one.")

    def current(self) -> str | None:
        """The run a page opens with: one in training, else the newest."""
        runs = self.newest_first()
        training = [run.id for run in runs if self.state(run).active]
        return next(iter(training or [run.id for run in runs]), None)

    def state(self, run: RunFolder, with_speed: bool = False) -> RunState:
        status = run.status()
        state, error = status["state"], status["error"]
        child, launched_at = self._children.get(run.id, (None, 0.0))
        silent = child is not None and status.get("heartbeat_at", 0.0) < launched_at
        if silent and child is not None:
            # Its trainer, still importing, has not written its status; or it ended before it could.
            state, error = ("starting", None) if child.poll() is None else ("failed", None)
        elif child is not None:
            child.poll()  # A child that has ended is a zombie until somebody asks.
        if state in ("running", "starting") and run.stop_asked():
            state = "stopping"
        if state in ("failed", "interrupted") and not error:
            error = _last_words(run.path / LOG)
        total = status["total_steps"] or _total_steps(run)
        rate, left_s = _speed(run, total) if with_speed and state in ACTIVE else (None, None)
        return RunState(run.id, state, status["step"], total, rate, left_s, error)

    # Starting and stopping.

    def start(self, family: str | None, data: str | None, size: object, steps: object, batch: object) -> str:
        """Begin a run and return its id; raises `GanCoreError` before anything is made where it cannot work."""
        if family not in trainable():
            raise ConfigError("No model family is chosen. Nothing was started. Choose one.")
        self._refuse_second()
        numbers = {"size": _whole("Size", size), "steps": _whole("Steps", steps), "batch": _whole("Batch", batch)}
        from gan_core.data import short_name
        from gan_core.training.checks import check

        source = data or SHAPES
        config = RunConfig(
            family=family,
            train=train_config(family, data=source, **numbers, **_pace(numbers["steps"])),
            network={},
            recipe={},
        )
        check(config)
        if source != SHAPES:
            kept = self._keep_upload(Path(source), get_family(family).kind)
            config = replace(config, train=replace(config.train, data=str(kept)))
        run = create_run(self._settings.runs_dir, config, short_name(config.train.data))
        self._launch(run, family)
        return run.id

    def resume(self, run_id: str | None) -> None:
        run = self.find(run_id)
        state = self.state(run)
        if state.active:
            raise RunError(f"{run.id} is already training. Nothing was started.")
        if state.state == "finished":
            raise RunError(f"{run.id} has done all of its {state.total_steps:,} steps. Nothing was started.")
        self._refuse_second()
        self._launch(run, run.config().family)

    def stop(self, run_id: str | None) -> None:
        """Ask a run to save and leave."""
        run = self.find(run_id)
        state = self.state(run)
        if not state.active:
            raise RunError(f"{run.id} is not training. There is nothing to stop.")
        run.ask_to_stop()
        if state.state == "starting":
            # A trainer forgets an older wish to stop when it begins, so one that is only starting gets a signal.
            child, _ = self._children.get(run.id, (None, 0.0))
            with suppress(OSError, KeyError, TypeError):
                os.kill(child.pid if child else run.status()["pid"], signal.SIGTERM)

    def _refuse_second(self) -> None:
        for run in self.newest_first():
            if self.state(run).active:
                raise RunError(f"{run.id} is training. Nothing was started. Stop it first, or wait for its end.")

    def _launch(self, run: RunFolder, family: str) -> None:
        """A process in a session of its own, so that it lives on when this server ends."""
        command = [sys.executable, "-m", "gan_core", "train", family, "--run", str(run.path.resolve())]
        threads = max(1, (os.cpu_count() or 2) - 1)  # One core stays free for the page.
        paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        run.clear_stop()
        launched_at = time.time()
        with (run.path / LOG).open("wb") as log:
            child = subprocess.Popen(
                [*command, "--resume", "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        with suppress(psutil.Error, OSError):
            psutil.Process(child.pid).nice(10)
        self._children[run.id] = (child, launched_at)

    def _keep_upload(self, upload: Path, kind: str) -> Path:
        """A copy of an uploaded zip that lasts: the run reads it again whenever it is resumed."""
        from gan_core.data.listing import list_path

        try:
            found = list_path(upload, max_mp=self._settings.max_picture_mp)
        except DataError as error:
            raise DataError(str(error).replace(f"--data {upload}", upload.name)) from None  # The visitor's own name.
        if (kind == "translator") != ({"trainA", "trainB"} <= set(found)):
            wanted = "folders trainA and trainB" if kind == "translator" else "one set of pictures"
            raise DataError(f"{upload.name} does not hold {wanted}, which this family needs. Nothing was started.")
        name = re.sub(r"[^a-z0-9]+", "-", upload.stem.lower()).strip("-")[:40] or "data"
        with upload.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        kept = self._settings.data_dir.expanduser().resolve() / "uploads" / digest / f"{name}.zip"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_suffix(".part")
            shutil.copyfile(upload, partial)
            partial.replace(kept)
        return kept


def _pace(steps: int) -> dict[str, int]:
    """Lines, samples and snapshots often enough that something moves, and seldom enough to cost little."""
    return {
        "log_steps": min(max(steps // 400, 1), 20),
        "sample_steps": min(max(steps // 60, 10), 500),
        "quality_steps": min(max(steps // 30, 20), 1_000),
        "snapshot_steps": min(max(steps // 10, 50), 2_000),
        "state_steps": min(max(steps // 20, 50), 500),
    }


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value % 1:
        shown = "empty" if value is None else f"{value!r}"
        raise ConfigError(f"{name} is {shown}. Nothing was started. Give a whole number.")
    return int(value)


def _total_steps(run: RunFolder) -> int:
    try:
        return int(json.loads((run.path / "config.json").read_bytes())["train"]["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _speed(run: RunFolder, total: int) -> tuple[float | None, float | None]:
    """Pictures a second, and seconds to the end, from the last lines of the metrics."""
    lines = run.metrics()[-RATE_LINES:]
    if len(lines) < 2:
        return None, None
    first, last = lines[0], lines[-1]
    span_s = last.get("elapsed_s", 0) - first.get("elapsed_s", 0)
    if span_s <= 0:
        return None, None
    steps_per_s = (last["step"] - first["step"]) / span_s
    images_per_s = last.get("images_per_s")
    return images_per_s, (total - last["step"]) / steps_per_s if steps_per_s else None


def _last_words(log: Path) -> str | None:
    """The error a trainer left in its log, where it ended before it could write a status."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return None
    found = [line for line in lines if _ERROR_LINE.match(line)]
    return found[-1].removeprefix("Error: ")[:500] if found else None
