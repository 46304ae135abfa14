"""Trainings as processes of their own, which outlive the page and the server.

What is known of them stands in their run folders.
"""

import os
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from gan_core.config import RunConfig, train_config
from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.families import get_family, trainable
from gan_core.mirror import Wish, write_wish
from gan_core.presets import pace
from gan_core.settings import Settings
from gan_core.training import turn
from gan_core.training.run_folder import ACTIVE, IMPORTED, RunFolder, list_runs
from gan_core.ui.limits import within_limits
from gan_core.ui.run_state import LOG, RunState, last_words, speed, total_steps
from gan_core.ui.uploads import keep_upload

SHAPES = "shapes"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Runner:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        """Processes that this server started, and when: known before they have written a word."""

    def newest_first(self) -> list[RunFolder]:
        """All runs."""
        return list_runs(self._settings.runs_dir)[::-1]

    def find(self, run_id: object) -> RunFolder:
        """A listed run: an id from the network never becomes a path."""
        for run in list_runs(self._settings.runs_dir):
            if run.id == run_id:
                return run
        raise RunError(f"There is no run {str(run_id)[:80]!r} any more. Nothing was changed. Choose another one.")

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
            # Its process, still importing, has not written its status; or it ended before it could.
            state, error = ("starting", None) if child.poll() is None else ("failed", None)
        elif child is not None:
            child.poll()  # A child that has ended is a zombie until somebody asks.
        if state in ACTIVE and run.stop_asked():
            state = "stopping"
        if state in ("failed", "interrupted") and not error:
            error = last_words(run)
        total = status["total_steps"] or total_steps(run)
        found = RunState(run.id, state, status["step"], total, error=error)
        if with_speed and state in ("running", "stopping"):
            images_per_s, left_s = speed(run, total)
            return replace(found, images_per_s=images_per_s, left_s=left_s)
        return found

    # Starting and stopping.

    def start(self, family: str | None, data: str | None, size: object, steps: object, batch: object) -> str:
        """Begin a run and return its id; raises `GanCoreError` before anything is made where it cannot work.

        data: an uploaded zip, which is kept; None: the shapes set.
        """
        if family not in trainable():
            raise ConfigError("No model family is chosen. Nothing was started. Choose one.")
        numbers = {"size": _whole("Size", size), "steps": _whole("Steps", steps), "batch": _whole("Batch", batch)}
        from gan_core.training.checks import check

        source = data or SHAPES
        config = RunConfig(
            family=family,
            train=train_config(family, data=source, **numbers, **pace(numbers["steps"])),
            network={},
            recipe={},
        )
        check(config)
        if source != SHAPES:
            kept = keep_upload(Path(source), get_family(family).kind, self._settings)
            config = replace(config, train=replace(config.train, data=str(kept)))
        return self.begin(config).id

    def begin(self, config: RunConfig, push: Wish | None = None) -> RunFolder:
        """A new run, which waits for its turn where its device is taken. Where it cannot be, nothing is made.

        push: where its trainer pushes it.
        """
        from gan_core.begin import begin

        run = begin(within_limits(config, self._settings), self._settings)
        if push is not None:
            try:
                write_wish(run, push)
            except GanCoreError:
                shutil.rmtree(run.path, ignore_errors=True)
                raise
        self.launch(run)
        return run

    def resume(self, run_id: object, steps: int | None = None) -> None:
        """Go on from the last saved state, or wake a paused run. steps: train to so many in all."""
        run = self.find(run_id)
        state = self.state(run)
        if state.state == "paused":
            run.write_control(paused=False)
            return
        if state.active:
            raise RunError(f"{run.id} is already training. Nothing was started.")
        config = run.config()
        if config.train.data.startswith(IMPORTED):
            raise RunError(
                f"{run.id} was read from another project's log: it holds curves and no weights to go on from. "
                "Nothing was started. Begin a new run."
            )
        if (steps or state.total_steps) <= state.step and state.state == "finished":
            raise RunError(
                f"{run.id} has done all of its {state.total_steps:,} steps. Nothing was started. "
                "To train longer, ask for more steps."
            )
        if steps is not None and steps <= state.step:
            raise RunError(f"{run.id} has done {state.step:,} steps. Nothing was started. Ask for more.")
        wanted = replace(config, train=replace(config.train, steps=steps or config.train.steps))
        allowed = within_limits(wanted, self._settings)  # It may have been begun elsewhere, without limits.
        if allowed != config:
            run.write_config(allowed)
        self.launch(run)

    def stop(self, run_id: object) -> None:
        """Ask a run to save and leave."""
        run = self.find(run_id)
        state = self.state(run)
        if not state.active:
            raise RunError(f"{run.id} is not training. There is nothing to stop.")
        run.ask_to_stop()  # One that waits or loads sees it too, and leaves before it begins.

    def launch(self, run: RunFolder) -> None:
        """A process in a session of its own, so that it lives on when this server ends; it waits for its turn."""
        threads = max(1, (os.cpu_count() or 2) - 1)  # One core stays free for the page.
        paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        launched_at = time.time()
        try:
            run.clear_stop()
            if run.control().get("paused"):
                run.write_control(paused=False)  # Who goes on does not want to wait at once.
            with (run.path / LOG).open("wb") as log:
                child = subprocess.Popen(
                    turn.command(run, launched_at),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(
                f"{run.id} cannot be started ({error.strerror or error}). What was trained is kept. Try again."
            ) from None
        with suppress(psutil.Error, OSError):
            psutil.Process(child.pid).nice(10)
        self._children[run.id] = (child, launched_at)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value % 1:
        shown = "empty" if value is None else f"{value!r}"
        raise ConfigError(f"{name} is {shown}. Nothing was started. Give a whole number.")
    return int(value)
