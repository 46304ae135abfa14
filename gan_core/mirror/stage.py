"""A copy of what is pushed, which nobody changes while it is sent: links to files that are written whole, and lines."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_core.cards import model_card
from gan_core.cards.curve import FILE as CURVE
from gan_core.cards.curve import curve_webp
from gan_core.errors import RunError
from gan_core.mirror.record import Sent, Wish, folder
from gan_core.training.records import crowded
from gan_core.training.run_folder import ACTIVE, RunFolder
from gan_core.weights import CONFIG, read_config

RUN = "run/"
"""Begins the names of a run's own files in its repository; the others are the model's."""
CARD, PREVIEW, STATUS = "README.md", "preview.webp", f"{RUN}status.json"
MODEL = re.compile(r"config\.json|README\.md|(preview|curves?)\.webp|[a-z0-9_]+\.safetensors")
"""What a snapshot becomes, beside `RUN`."""
WHOLE = ("config.json", "about.json", "begun.json", "samples/layout.json")
LINES = ("metrics.jsonl", "quality.jsonl", "events.jsonl")
SAMPLES = 24
STATE_BYTES_PER_HOUR = 600_000_000
"""A state as large as this goes once an hour, a smaller one more often: each stays in the repository's history."""
DRAW_S = 300.0
_LINK_TRIES = 5


@dataclass
class Stage:
    """What a commit would hold."""

    files: dict[str, Path] = field(default_factory=dict)
    """Where each lies here, by its name in the repository."""
    kept: set[str] = field(default_factory=set)
    """Names in the repository that stay as they are."""
    step: int = 0
    state: int | None = None
    snapshot: int | None = None
    said: str = ""
    state_at: float = 0.0


@contextmanager
def staged(run: RunFolder, wish: Wish, sent: Sent | None) -> Iterator[Stage]:
    """The run as it is now. sent: what the repository holds. The copy goes when the block ends.

    Raises `OSError` where there is no room, and `GanCoreError` where the run cannot be read.
    """
    place = folder(run) / "stage"
    shutil.rmtree(place, ignore_errors=True)  # What a killed process left.
    place.mkdir()
    try:
        # The state comes first: lines that are read after it reach at least as far.
        stage = Stage()
        status = run.status()
        stage.said, ended = status["state"], status["state"] not in ACTIVE
        _state(run, place, stage, sent, ended)
        _model(run, place, stage, sent, wish.repository)
        _run(run, place, stage)
        stage.step = max(status["step"], stage.state or 0, stage.snapshot or 0)
        # Not its words on an error, which may name files of this machine, nor the machine.
        told = {name: status.get(name) for name in ("step", "total_steps", "device", "heartbeat_at")}
        _put(
            place, stage, STATUS, {"state": stage.said, **told, "pushed_at": time.time(), "every_s": 60 * wish.minutes}
        )
        yield stage
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _state(run: RunFolder, place: Path, stage: Stage, sent: Sent | None, ended: bool) -> None:
    """The newest state, where it is time for it."""
    for _ in range(_LINK_TRIES):
        states = run.states()
        if not states:
            return
        step, path = states[-1]
        name = f"{RUN}state/{path.name}"
        if sent is not None and sent.state is not None and sent.state != step and not ended:
            with suppress(OSError):
                pause_s = 3600 * path.stat().st_size / STATE_BYTES_PER_HOUR
                if time.time() - sent.state_at < pause_s:
                    step, name = sent.state, next(one for one in sent.files if one.startswith(f"{RUN}state/"))
        if sent is not None and sent.state == step and name in sent.files:
            stage.state, stage.state_at = step, sent.state_at
            stage.kept.add(name)
            return
        with suppress(FileNotFoundError):  # Thinned out while we looked.
            _link(path, _target(place, name))
            stage.files[name], stage.state, stage.state_at = place / name, step, time.time()
            return
    raise _restless(run)


def _model(run: RunFolder, place: Path, stage: Stage, sent: Sent | None, repository: str) -> None:
    """The newest snapshot as a model folder: what draws, with a card and a picture."""
    for _ in range(_LINK_TRIES):
        snapshots = run.snapshots()
        step, source = snapshots[-1] if snapshots else (None, run.path)
        if step is None or (sent is not None and sent.snapshot == step):
            stage.snapshot = step
            stage.kept |= {name for name in (sent.files if sent else ()) if not name.startswith(RUN)}
            return
        with suppress(FileNotFoundError):
            paths = [source / CONFIG, *sorted(source.glob("*.safetensors"))]
            drawn = [path for path in paths if not path.name.startswith("discriminator")]  # Those stay in the state.
            for path in drawn:
                _link(path, _target(place, path.name))
            stage.files |= {path.name: place / path.name for path in drawn}
            stage.snapshot = step
            _show(place, stage, run, repository)
            return
    raise _restless(run)


def _restless(run: RunFolder) -> RunError:
    return RunError(f"{run.id} changed faster than it could be copied. Nothing was sent.")


def _show(place: Path, stage: Stage, run: RunFolder, repository: str) -> None:
    """Preview and card. The picture is drawn by a process of its own, which takes its memory along when it ends."""
    command = [sys.executable, "-m", "gan_core.mirror.portrait", str(place), str(place / PREVIEW)]
    with suppress(OSError, subprocess.SubprocessError):  # Without room for it there is none.
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DRAW_S,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
        stage.files[PREVIEW] = place / PREVIEW
    measured = [row for row in run.quality() if row.get("step", 0) <= (stage.snapshot or 0)]
    newest = {key: value for key, value in (measured[-1] if measured else {}).items() if isinstance(value, int | float)}
    config, name = read_config(place, check_network=False), repository.partition("/")[2]
    if curve := curve_webp(run.path, stage.snapshot or 0):
        (place / CURVE).write_bytes(curve)
        stage.files[CURVE] = place / CURVE
    card = model_card(name, config, newest, curve=CURVE if curve else None, loads=f"hub:{repository}")
    (place / CARD).write_text(card, encoding="utf-8")
    stage.files[CARD] = place / CARD


def _run(run: RunFolder, place: Path, stage: Stage) -> None:
    for name in WHOLE:
        with suppress(FileNotFoundError):
            _link(run.path / name, _target(place, RUN + name))
            stage.files[RUN + name] = place / RUN / name
    for name in LINES:
        with suppress(FileNotFoundError):
            content = (run.path / name).read_bytes()
            content = content[: content.rfind(b"\n") + 1]  # Without a line that is being written.
            packed = f"{RUN}{name}.gz"
            _target(place, packed).write_bytes(gzip.compress(content, mtime=0))
            stage.files[packed] = place / packed
    samples = dict(run.samples())
    for step in crowded(list(samples), SAMPLES):
        del samples[step]
    for path in samples.values():
        name = f"{RUN}samples/{path.name}"
        with suppress(FileNotFoundError):
            _link(path, _target(place, name))
            stage.files[name] = place / name


def _put(place: Path, stage: Stage, name: str, values: dict[str, Any]) -> None:
    _target(place, name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    stage.files[name] = place / name


def _target(place: Path, name: str) -> Path:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _link(source: Path, target: Path) -> None:
    """A second name for bytes that nobody changes in their place: it takes no room; else a copy."""
    target.unlink(missing_ok=True)  # Of an earlier try: a copy into it would go into the run's own file.
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


ALLOWED: dict[re.Pattern[str], int] = {
    re.compile(r"run/(config|about|begun|status)\.json"): 4_000_000,
    re.compile(r"run/(metrics|quality|events)\.jsonl\.gz"): 100_000_000,
    re.compile(r"run/samples/(\d{6,15}\.webp|layout\.json)"): 50_000_000,
    re.compile(r"run/state/\d{6,15}\.pt"): 20_000_000_000,
}
"""Names of a run's files in a repository, and the most bytes of each. Nothing else is fetched, whatever is there."""


def allowed(name: str, size: int) -> bool:
    return any(pattern.fullmatch(name) and size <= most for pattern, most in ALLOWED.items())
