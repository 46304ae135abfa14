"""Run folders: the one record of a training that command line, browser and a resumed process share.

Standard library and Pillow alone, so that whoever only watches a run need not import torch.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from gan_core.atomic import new_folder, write_file, write_json
from gan_core.config import RunConfig
from gan_core.errors import RunError
from gan_core.training.liveness import STALE_S, alive, this_process
from gan_core.training.records import (
    LINE_BYTES,
    append,
    by_step,
    crowded,
    in_order,
    json_object,
    read_status,
    told,
    whole,
)

__all__ = ["ACTIVE", "IMPORTED", "LINE_BYTES", "OCCUPIES", "STALE_S", "RunFolder", "RunGoneError"]
__all__ += ["create_run", "list_runs"]

OCCUPIES = ("starting", "running", "paused", "stopping")
"""States of a run that holds its device."""
ACTIVE = ("waiting", *OCCUPIES)
"""States of a run that a process looks after."""
STATES = (*ACTIVE, "finished", "stopped", "failed", "interrupted")
IMPORTED = "log:"  # Begins the `data` of a run that was read from another project's log.
START_S = 10.0  # A folder without a status is given so long until its process writes one.
MAX_TITLE, MAX_NOTES = 80, 20_000
_NUMBERED = re.compile(r"(\d{5})-[a-z0-9][a-z0-9._-]*")


class RunGoneError(RunError):
    """A run's folder is not where it was."""


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    # What stands in the folder.

    def config(self) -> RunConfig:
        where = self.path / "config.json"
        try:
            return RunConfig.from_json(json.loads(where.read_bytes()), str(where))
        except FileNotFoundError:
            raise RunError(f"{self.path} is not a run folder: it has no config.json.") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunError(f"{where} is damaged ({error}). The run cannot be read.") from None

    def about(self) -> dict[str, Any]:
        """What people say of it: title, notes, and where it comes from (origin).

        origin: {"run", "step", "exact"} of a branch, {"model"} of one that began with a model's weights, or None.
        """
        found = json_object(self.path / "about.json")
        origin = found.get("origin")
        texts = {name: found[name] if isinstance(found.get(name), str) else "" for name in ("title", "notes")}
        return {**texts, "origin": origin if isinstance(origin, dict) else None}

    def status(self) -> dict[str, Any]:
        """status.json, with the state `interrupted` where a trainer died without a word."""
        found, written_at = read_status(self.path / "status.json")
        status = {**found, "step": whole(found.get("step")), "total_steps": whole(found.get("total_steps"))}
        status["error"] = None if found.get("error") is None else str(found["error"])
        if status.get("state") not in STATES:
            new = not (self.path / "status.json").exists() and self._is_new()
            return {**status, "state": "starting" if new else "interrupted"}
        if status["state"] in ACTIVE and not alive(status, self.path, written_at):
            status["state"] = "interrupted"
        return status

    def written_status(self) -> dict[str, Any]:
        """status.json as it stands there; empty where there is none."""
        return json_object(self.path / "status.json")

    def _is_new(self) -> bool:
        """Made so lately that its process may not have written its status yet."""
        try:
            return time.time() - (self.path / "config.json").stat().st_mtime < START_S
        except OSError:
            return False

    def metrics(self, newest: int | None = None) -> list[dict[str, Any]]:
        """Lines of metrics.jsonl in the order of their steps; newest: about so many, from the end of the file.

        A resumed run goes back to its last state and writes the steps after it again: the later lines count.
        """
        return in_order(self.path / "metrics.jsonl", newest)

    def quality(self) -> list[dict[str, Any]]:
        """Lines of quality.jsonl, as `metrics`: {"step", "variety", "distance", "nearest"}, see training/quality.py."""
        return in_order(self.path / "quality.jsonl")

    def events(self) -> list[dict[str, Any]]:
        """Lines of events.jsonl, without those of steps that the run was rolled back over."""
        return told(self.path / "events.jsonl")

    def samples(self) -> list[tuple[int, Path]]:
        return by_step(self.path / "samples", ".webp")

    def snapshots(self) -> list[tuple[int, Path]]:
        return by_step(self.path / "snapshots", "")

    def states(self) -> list[tuple[int, Path]]:
        return by_step(self.path / "state", ".pt")

    def newest_snapshot(self) -> Path | None:
        snapshots = self.snapshots()
        return snapshots[-1][1] if snapshots else None

    # Asking a run for something, and saying something of it.

    def write_control(self, **values: Any) -> None:
        """paused, lr_g, lr_d, sample_steps, snapshot_steps: what is not named stays as it was asked for before."""
        self._write("control.json", {**self.control(), **values})

    def control(self) -> dict[str, Any]:
        """control.json; empty where there is none or it is damaged."""
        return json_object(self.path / "control.json")

    def control_written_at(self) -> int:
        try:
            return (self.path / "control.json").stat().st_mtime_ns
        except OSError:
            return 0

    def ask_to_stop(self) -> None:
        with self._there():
            (self.path / "stop").touch()

    def stop_asked(self) -> bool:
        return (self.path / "stop").exists()

    def clear_stop(self, before: float | None = None) -> None:
        """Forget the wish to stop; before: only one that is older than this time."""
        stop = self.path / "stop"
        with suppress(FileNotFoundError):
            if before is None or stop.stat().st_mtime < before:
                stop.unlink()

    def write_about(self, **changed: Any) -> None:
        """title, notes, origin: what is not named stays. Raises `RunError` for a text that is too long."""
        about = {**self.about(), **changed}
        about["title"] = " ".join(str(about["title"]).split())
        for name, most in (("title", MAX_TITLE), ("notes", MAX_NOTES)):
            if len(str(about[name])) > most:
                raise RunError(f"The {name} has more than {most:,} characters. Nothing was changed. Shorten it.")
        self._write("about.json", {name: about[name] for name in ("title", "notes", "origin")})

    # What the trainer writes. A folder that was moved or deleted meanwhile is not made again: `RunGoneError`.

    def create(self, config: RunConfig, fill: Callable[[Path], object] | None = None) -> None:
        """The folder with its configuration, both at once; `FileExistsError` where it is taken.

        fill: puts more into the folder, given by a temporary name, before it is there for others.
        """
        if self.path.exists():
            raise FileExistsError(self.path)
        with new_folder(self.path) as temporary:
            write_json(temporary / "config.json", config.to_json())
            if fill is not None:
                fill(temporary)

    def write_config(self, config: RunConfig) -> None:
        self._write("config.json", config.to_json())

    def write_status(self, **values: Any) -> None:
        with self._there():
            self._write("status.json", {**this_process(self.path), "error": None, **values})

    def overwrite_status(self, **values: Any) -> None:
        """As `write_status`, in the place of the file's own bytes. A torn one reads as `interrupted`."""
        text = json.dumps({**this_process(self.path), "error": None, **values})
        with (self.path / "status.json").open("r+b") as file:
            file.write(text.encode())
            file.truncate()
            os.fsync(file.fileno())

    def append_metrics(self, line: dict[str, Any]) -> None:
        self._append("metrics.jsonl", line)

    def append_quality(self, line: dict[str, Any]) -> None:
        self._append("quality.jsonl", line)

    def append_event(self, step: int, kind: str, text: str, evidence: dict[str, float] | None = None) -> None:
        """evidence: the figures that the text rests on, by name."""
        line: dict[str, Any] = {"step": step, "at": time.time(), "kind": kind, "text": text}
        if evidence:
            line["evidence"] = {name: round(value, 6) for name, value in evidence.items()}
        self._append("events.jsonl", line)

    def write_sample(self, step: int, picture: Image.Image) -> Path:
        path = self.part("samples") / f"{step:06d}.webp"
        with self._there():
            write_file(path, lambda file: picture.save(file, "WEBP", quality=90, method=2), make_folder=False)
        return path

    def write_layout(self, columns: int, rows: int, cell_px: int, gap_px: int) -> None:
        """samples/layout.json: where the pictures of a sample sheet stand."""
        layout = {"columns": columns, "rows": rows, "cell_px": cell_px, "gap_px": gap_px}
        if json_object(self.part("samples") / "layout.json") != layout:
            self._write("samples/layout.json", layout)

    def snapshot_folder(self, step: int) -> Path:
        return self.path / "snapshots" / f"{step:06d}"

    def thin_snapshots(self, keep: int) -> None:
        """Keep `keep` snapshots, as evenly spread as can be; first and newest stay, and those with a state longest."""
        snapshots = dict(self.snapshots())
        held = frozenset(step for step, _ in self.states())
        for step in crowded(list(snapshots), keep, held):
            shutil.rmtree(snapshots[step], ignore_errors=True)

    def part(self, name: str) -> Path:
        """A folder inside, made where it is missing."""
        with self._there():
            (self.path / name).mkdir(exist_ok=True)
        return self.path / name

    def is_gone(self) -> bool:
        try:
            (self.path / "config.json").stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # A disk that is away for a moment.
        return False

    def _write(self, name: str, values: dict[str, Any]) -> None:
        with self._there():
            write_json(self.path / name, values, make_folder=False)

    def _append(self, name: str, line: dict[str, Any]) -> None:
        with self._there():
            append(self.path / name, line)

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            if self.is_gone():
                raise RunGoneError(f"{self.path} is gone: it was moved or deleted. Nothing was written.") from None
            raise


def create_run(
    runs_dir: Path, config: RunConfig, data_name: str, fill: Callable[[Path], object] | None = None
) -> RunFolder:
    """A new run folder with the next free number: number-family-data. fill: see `RunFolder.create`."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    tail = re.sub(r"[^a-z0-9._-]+", "-", f"{config.family}-{data_name}".lower())[:60]
    while True:
        numbers = [int(run.id[:5]) for run in list_runs(runs_dir) if _NUMBERED.fullmatch(run.id)]
        number = max(numbers, default=-1) + 1
        path = runs_dir / f"{number:05d}-{tail}"
        run = RunFolder(path)
        try:
            run.create(config, fill)
        except OSError:
            if path.exists():
                continue  # Somebody else was quicker.
            raise
        return run


def list_runs(runs_dir: Path) -> list[RunFolder]:
    """Run folders by name, which for numbered ones means oldest first."""
    if not runs_dir.is_dir():
        return []
    named = [path for path in sorted(runs_dir.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    return [RunFolder(path) for path in named if _NUMBERED.fullmatch(path.name) or (path / "config.json").is_file()]
