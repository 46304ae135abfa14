"""The list of runs, one of them, and what it can be asked for."""

import hashlib
import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from gan_core.config import command_line
from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.mirror.record import FOLDER as MIRROR
from gan_core.mirror.record import RECORD
from gan_core.mirror.record import WISH as PUSH
from gan_core.training.beginning import BEGUN, first_config, goes_on_from, reached
from gan_core.training.branching import points
from gan_core.training.run_folder import RunFolder
from gan_core.trash import Trash
from gan_core.ui.lab.changing import INTERVALS, RATES, current, rate, recipe_defaults, whole
from gan_core.ui.lab.complaints import told as told_at_field
from gan_core.ui.lab.events import page_words, told
from gan_core.ui.lab.overview import FRESH_S, Overview, mark
from gan_core.ui.lab.pushing import told as told_push
from gan_core.ui.lab.sending import Sending
from gan_core.ui.run_state import ENDED
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services
from gan_core.ui.words import in_page_words

LOOKS: dict[str, tuple[str, ...]] = {
    "watch": ("run", "stamp", "list_stamp"),
    "run_settings": ("run",),
    "deleted_runs": (),
}
CHANGES: dict[str, tuple[str, ...]] = {
    "stop_run": ("run",),
    "pause_run": ("run",),
    "resume_run": ("run",),
    "lengthen_run": ("run", "steps"),
    "set_run": ("run", "values"),
    "rename_run": ("run", "title"),
    "note_run": ("run", "notes"),
    "delete_run": ("run",),
    "restore_run": ("id",),
    "discard_run": ("id",),
    "push_look": ("run",),
    "push_start": ("run", "push"),
    "push_stop": ("run",),
    "push_end": ("run",),
}
MOVING = ("running", "paused", "stopping", "interrupted")


class Runs:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._overview = Overview(services)
        self._trash = Trash(services.settings.runs_dir, kind="run")
        self._sending = Sending(services)
        self._lock, self._looking = Lock(), Lock()
        self._looks: dict[str, tuple[float, str, dict[str, Any]]] = {}
        """What was shown of a run, when, and its stamp: visitors who look at the same run share it."""

    # What is here.

    def list_runs(self, stamp: object) -> Answer:
        """All runs in the order of the list, or what changed since the `stamp` of an earlier answer."""
        return self._overview.since(stamp)

    def look(self, run: object, stamp: object) -> Answer:
        """What the page shows of one run, or `same` where nothing changed since `stamp`."""
        with self._looking:
            read_at, now, shown = self._looks.get(run if isinstance(run, str) else "", (float("-inf"), "", {}))
            if time.monotonic() - read_at > FRESH_S:
                folder = self._services.runs.find(run)
                shown = self._shown(folder)
                now = hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()[:16]
                self._looks[folder.id] = (time.monotonic(), now, shown)
        return {"stamp": now, "same": True} if now == stamp else {"stamp": now, "run": shown}

    def watch(self, run: object, stamp: object, list_stamp: object) -> Answer:
        """The list and one run in one answer: what the page asks for once a second."""
        listed = self.list_runs(list_stamp)
        if not isinstance(run, str):
            return {"list": listed, "look": None}
        try:
            return {"list": listed, "look": self.look(run, stamp)}
        except GanCoreError as error:
            return {"list": listed, "look": {"error": in_page_words(str(error)), "gone": True}}

    def run_settings(self, run: object) -> Answer:
        """What can be changed while a run goes on, as it is now; the rates its family has."""
        folder = self._services.runs.find(run)
        config, asked = folder.config(), folder.control()
        recipe = recipe_defaults(config.family) | config.recipe
        values = {name: recipe[name] for name in RATES if name in recipe}
        values |= {name: getattr(config.train, name) for name in INTERVALS}
        return {"values": values | {name: value for name, value in asked.items() if name in values}}

    def deleted_runs(self) -> Answer:
        """What lies in the trash."""
        return {"deleted": self._trash.entries()}

    def _shown(self, run: RunFolder) -> dict[str, Any]:
        kept, path = self._overview.kept(run), run.path
        row, about, state = self._overview.row(run.id), self._overview.about(run), self._overview.state(run)
        if row is None:  # Begun within the last half second.
            self._overview.since(None, fresh=True)
            row = self._overview.row(run.id)
        if row is None:
            raise RunError(f"There is no run {run.id!r} any more. Nothing was changed. Choose another one.")
        settings = self._services.settings
        status = kept.get("status", mark(path / "status.json"), run.status)
        lines = kept.get("last", mark(path / "metrics.jsonl"), lambda: run.metrics(newest=1)[-1:])
        samples = kept.get("samples", mark(path / "samples"), lambda: [step for step, _ in run.samples()])
        snapshots = kept.get("snapshots", mark(path / "snapshots", path / "state"), lambda: points(run))
        events = kept.get("events", mark(path / "events.jsonl"), lambda: told(run, settings))
        control = kept.get("control", mark(path / "control.json"), run.control)
        places = (PUSH, f"{MIRROR}/{RECORD}", "status.json", "state", "snapshots")
        pushed = kept.get("push", mark(*(path / one for one in places)), lambda: told_push(run, settings))
        written = mark(path / "metrics.jsonl", path / "quality.jsonl")
        step, total = row["step"], row["total_steps"]
        if state.state in MOVING:  # Its curves and samples stand beside it, and they are newer than its status.
            marks = mark(path / "status.json", path / "metrics.jsonl", path / "samples")
            step = max(step, kept.get("reached", marks, lambda: reached(run, status)))
        return {
            **row,
            "step": step,
            "part": min(round(step / total, 4), 1.0) if total else 0.0,
            "resumes_at": kept.get("resumes_at", mark(path / "state"), lambda: goes_on_from(run)),
            "images_per_s": state.images_per_s,
            "error": page_words(state.error, settings) if state.error else about.error,
            "notes": about.notes,
            "origin": about.origin,
            "device": None if row["imported"] else status.get("device"),
            "started_at": about.started_at,
            "ended_at": None if state.active else status.get("heartbeat_at"),
            "trained_s": lines[0].get("elapsed_s") if lines and not row["imported"] else None,
            "samples": samples,
            "snapshots": snapshots,
            "events": events,
            "push": pushed,
            "control": {"paused": control.get("paused") is True, **current(about.config, control)},
            "written": [size for _, size in written],
            "resumable": state.state in ENDED and not row["imported"],
            **self._commands(run, about.config, row),
        }

    def _commands(self, run: RunFolder, config: Any, row: dict[str, Any]) -> dict[str, str | None]:
        """command_of: `begun`, the run as it began; `changed`, that too, but it did not stay so; `now`, as it is."""
        if config is None or row["imported"]:
            return {"command": None, "resume_command": None, "command_of": None}
        where = str(Path(self._services.settings.runs_dir) / run.id)
        resume = ["gan-core", "train", config.family, "--run", where, "--resume"]
        if row["state"] == "finished":
            resume = ["gan-core", "runs", "resume", where, "--steps", str(2 * config.train.steps)]
        seen = mark(run.path / BEGUN, run.path / "metrics.jsonl")
        first = self._overview.kept(run).get("first", (seen[0], seen[1][1] > 0), lambda: first_config(run))
        untouched = first is None and not seen[1][1]  # It has not begun.
        of = "begun" if untouched or first == config else "changed" if first else "now"
        return {"command": command_line(first or config), "resume_command": shlex.join(resume), "command_of": of}

    # What it can be asked for.

    def stop_run(self, run: object) -> Answer:
        """Save and leave; one that waits leaves the queue."""
        self._services.runs.stop(run)
        return self._changed()

    def pause_run(self, run: object) -> Answer:
        """Save and wait."""
        folder = self._services.runs.find(run)
        state = self._overview.state(folder)
        if state.state != "running":
            raise RunError(f"{folder.id} is {state.state}. Nothing was changed. Only a run that trains can pause.")
        folder.write_control(paused=True)
        return self._changed()

    def resume_run(self, run: object) -> Answer:
        """Go on: a paused run, or one that was stopped, failed or interrupted."""
        with self._lock:
            self._services.runs.resume(run)
        return self._changed()

    def lengthen_run(self, run: object, steps: object) -> Answer:
        """Go on to more steps in all."""
        number = whole("Steps", steps)
        with self._lock:
            self._services.runs.resume(run, number)
        return self._changed()

    def set_run(self, run: object, values: object) -> Answer:
        """Learning rates and intervals; the trainer takes them up between two steps, or when it goes on."""
        folder = self._services.runs.find(run)
        if not isinstance(values, dict) or not values:
            raise ConfigError("Nothing was given. Nothing was changed.")
        state, now = self._overview.state(folder), self.run_settings(run)["values"]
        if state.state == "finished":
            raise RunError(f"{folder.id} is finished. Nothing was changed. Train it longer first.")
        if foreign := [str(name)[:40] for name in values if name not in now]:
            raise ConfigError(f"{foreign[0]} cannot be changed in this run. Nothing was changed.")
        wanted = {
            name: rate(RATES[name], value) if name in RATES else whole(INTERVALS[name], value)
            for name, value in values.items()
        }
        changed = {name: value for name, value in wanted.items() if value != now[name]}
        if changed:
            folder.write_control(**changed)
        return {"changed": sorted(changed), "active": state.active, **self._changed()}

    def rename_run(self, run: object, title: object) -> Answer:
        """Another title; its folder and its id stay. An empty one takes the title away."""
        wanted = " ".join(str(title if title is not None else "").split())
        folder = self._services.runs.find(run)
        with self._writing():
            folder.write_about(title="" if wanted == folder.id else wanted)
        return self._changed()

    def note_run(self, run: object, notes: object) -> Answer:
        """What a person has to say about a run."""
        text = notes if isinstance(notes, str) else ""
        folder = self._services.runs.find(run)
        with self._writing():
            folder.write_about(notes=text)
        return self._changed()

    def delete_run(self, run: object) -> Answer:
        """Move a run into the trash, where it stays for 30 days; tells the id that `restore_run` takes."""
        folder = self._services.runs.find(run)
        if self._overview.state(folder).active or self._services.runs.state(folder).active:
            raise RunError(f"{folder.id} has not ended. It was not deleted. Stop it first.")
        with self._writing():
            id = self._trash.put(folder.path)
        return {"id": id, **self._changed(), **self.deleted_runs()}

    def restore_run(self, id: object) -> Answer:
        """Bring a deleted run back."""
        with self._writing():
            name = self._trash.take_back(id)
        return {"run": name, **self._changed(), **self.deleted_runs()}

    def discard_run(self, id: object) -> Answer:
        """Remove a deleted run for good."""
        with self._writing():
            self._trash.remove(id)
        return self.deleted_runs()

    # Its pushes to the Hub, see `sending`.

    def push_look(self, run: object) -> Answer:
        return self._sending.look(run)

    def push_start(self, run: object, push: object) -> Answer:
        return told_at_field(lambda: self._sending.start(run, push))

    def push_stop(self, run: object) -> Answer:
        return self._sending.stop(run)

    def push_end(self, run: object) -> Answer:
        return self._sending.end(run) | self._changed()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One change at a time; what the disk refuses is told in a sentence."""
        try:
            with self._lock:
                yield
        except OSError as error:
            raise RunError(
                f"The runs folder could not be written ({error.strerror or error}). Nothing was changed."
            ) from None

    def _changed(self) -> Answer:
        with self._looking:
            self._looks.clear()
        self._overview.since(None, fresh=True)  # Whoever changed something sees it at once.
        return {}
