"""Run folders: the one record of a training that command line, browser and a resumed process share.

Standard library and Pillow alone, so that whoever only watches a run need not import torch.
"""

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from gan_core.atomic import new_folder, write_file, write_json
from gan_core.config import RunConfig
from gan_core.errors import RunError

ACTIVE = ("starting", "running", "paused", "stopping")
IMPORTED = "log:"  # Begins the `data` of a run that was read from another project's log.
STALE_S = 60.0  # A heartbeat of another machine older than this means that its trainer is gone.
LINE_BYTES = 512  # No line of metrics is longer.
_NUMBERED = re.compile(r"(\d{5})-[a-z0-9][a-z0-9._-]*")


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
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{where} is damaged ({error}). The run cannot be read.") from None

    def status(self) -> dict[str, Any]:
        """status.json, with the state `interrupted` where a trainer died without a word."""
        empty = {"state": "starting", "step": 0, "total_steps": 0, "error": None}
        try:
            status = {**empty, **json.loads((self.path / "status.json").read_bytes())}
        except (FileNotFoundError, ValueError, TypeError):
            return {**empty, "state": "starting" if self._is_new() else "interrupted"}
        if status["state"] in ACTIVE and not _alive(status):
            status["state"] = "interrupted"
        return status

    def _is_new(self) -> bool:
        """Made so lately that its trainer may still be loading torch."""
        try:
            return time.time() - (self.path / "config.json").stat().st_mtime < STALE_S
        except FileNotFoundError:
            return False

    def metrics(self, newest: int | None = None) -> list[dict[str, Any]]:
        """Lines of metrics.jsonl in the order of their steps; newest: about so many, from the end of the file.

        A resumed run goes back to its last state and writes the steps after it again: the later lines count.
        """
        return _in_order(self.path / "metrics.jsonl", newest)

    def quality(self) -> list[dict[str, Any]]:
        """Lines of quality.jsonl, as `metrics`: {"step", "variety", "distance", "nearest"}, see training/quality.py."""
        return _in_order(self.path / "quality.jsonl")

    def events(self) -> list[dict[str, Any]]:
        return list(_json_lines(self.path / "events.jsonl"))

    def samples(self) -> list[tuple[int, Path]]:
        return _by_step(self.path / "samples", ".webp")

    def snapshots(self) -> list[tuple[int, Path]]:
        return _by_step(self.path / "snapshots", "")

    def states(self) -> list[tuple[int, Path]]:
        return _by_step(self.path / "state", ".pt")

    def newest_snapshot(self) -> Path | None:
        snapshots = self.snapshots()
        return snapshots[-1][1] if snapshots else None

    # Asking a run for something.

    def write_control(self, **values: Any) -> None:
        """paused, lr_g, lr_d, sample_steps, snapshot_steps: what is not named stays as it was asked for before."""
        write_json(self.path / "control.json", {**self.control(), **values})

    def control(self) -> dict[str, Any]:
        """control.json; empty where there is none or it is damaged."""
        try:
            values = json.loads((self.path / "control.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def control_written_at(self) -> int:
        try:
            return (self.path / "control.json").stat().st_mtime_ns
        except OSError:
            return 0

    def ask_to_stop(self) -> None:
        (self.path / "stop").touch()

    def stop_asked(self) -> bool:
        return (self.path / "stop").exists()

    def clear_stop(self) -> None:
        (self.path / "stop").unlink(missing_ok=True)

    # What the trainer writes.

    def create(self, config: RunConfig) -> None:
        """The folder with its configuration, both at once; `FileExistsError` where it is taken."""
        if self.path.exists():
            raise FileExistsError(self.path)
        with new_folder(self.path) as temporary:
            write_json(temporary / "config.json", config.to_json())

    def write_config(self, config: RunConfig) -> None:
        write_json(self.path / "config.json", config.to_json())

    def write_status(self, **values: Any) -> None:
        write_json(
            self.path / "status.json",
            {
                "pid": os.getpid(),
                "pid_started_at": psutil.Process().create_time(),
                "host": socket.gethostname(),
                "heartbeat_at": time.time(),
                "error": None,
                **values,
            },
        )

    def append_metrics(self, line: dict[str, Any]) -> None:
        _append(self.path / "metrics.jsonl", line)

    def append_quality(self, line: dict[str, Any]) -> None:
        _append(self.path / "quality.jsonl", line)

    def append_event(self, step: int, kind: str, text: str) -> None:
        _append(self.path / "events.jsonl", {"step": step, "at": time.time(), "kind": kind, "text": text})

    def write_sample(self, step: int, picture: Image.Image) -> Path:
        path = self.path / "samples" / f"{step:06d}.webp"
        write_file(path, lambda temporary: picture.save(temporary, "WEBP", quality=90, method=2))
        return path

    def snapshot_folder(self, step: int) -> Path:
        return self.path / "snapshots" / f"{step:06d}"

    def thin_snapshots(self, keep: int) -> None:
        """Keep `keep` snapshots, as evenly spread as can be; first and newest stay."""
        snapshots = self.snapshots()
        while len(snapshots) > keep:
            if keep == 1:
                crowded = 0
            else:
                # The one whose going leaves the smallest gap.
                gaps = [snapshots[i + 1][0] - snapshots[i - 1][0] for i in range(1, len(snapshots) - 1)]
                crowded = 1 + gaps.index(min(gaps)) if gaps else 0
            shutil.rmtree(snapshots.pop(crowded)[1], ignore_errors=True)


def create_run(runs_dir: Path, config: RunConfig, data_name: str) -> RunFolder:
    """A new run folder with the next free number: number-family-data."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    tail = re.sub(r"[^a-z0-9._-]+", "-", f"{config.family}-{data_name}".lower())[:60]
    while True:
        numbers = [int(run.id[:5]) for run in list_runs(runs_dir) if _NUMBERED.fullmatch(run.id)]
        number = max(numbers, default=-1) + 1
        path = runs_dir / f"{number:05d}-{tail}"
        run = RunFolder(path)
        try:
            run.create(config)
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


def _alive(status: dict[str, Any]) -> bool:
    try:
        if status.get("host") != socket.gethostname():
            return time.time() - float(status["heartbeat_at"]) < STALE_S
        process = psutil.Process(status["pid"])
        # A number is given out again after a while: the process must also be as old as ours was.
        return abs(process.create_time() - status["pid_started_at"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _by_step(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix == suffix and path.stem.isdigit()]
    return sorted((int(path.stem), path) for path in found)


def _append(path: Path, line: dict[str, Any]) -> None:
    """One line in one write. After a torn line (a kill in the middle of a write) a new one is begun."""
    text = json.dumps(line, allow_nan=False) + "\n"
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode())


def _in_order(path: Path, newest: int | None = None) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for line in _json_lines(path, newest):
        while lines and lines[-1]["step"] >= line["step"]:
            lines.pop()
        lines.append(line)
    return lines


def _json_lines(path: Path, newest: int | None = None) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            if newest is not None:
                file.seek(max(file.seek(0, os.SEEK_END) - newest * LINE_BYTES, 0))
            content = file.read()
    except FileNotFoundError:
        return
    for line in content.split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue  # Torn, or empty.
        if isinstance(value, dict) and isinstance(value.get("step"), int):
            yield value
