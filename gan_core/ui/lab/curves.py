"""The curves of runs for the page, and everything recorded as a CSV file."""

import shutil
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np
import orjson

from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.training.curves import Curves
from gan_core.ui.film_folder import film_folder
from gan_core.ui.jobs import Jobs, Progress, Work
from gan_core.ui.lab.watched import Watched
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services
from gan_core.ui.words import in_page_words

LOOKS: dict[str, tuple[str, ...]] = {
    "curves": ("asks",),
    "save_curves": ("run",),
    "poll_curves": ("job",),
    "stop_curves": ("job",),
}
CHANGES: dict[str, tuple[str, ...]] = {}

MAX_ASKS = 16
MAX_NAMES = 64
MIN_POINTS, MAX_POINTS = 16, 16_384
MAX_STEP = 2**53
MAX_WEIGHT = 0.9999
KEPT_RUNS = 16
KEPT_BYTES = 800_000_000
CHECKED_S = 2.0
"""A run is looked for again after this time: it may have been deleted."""


class RunCurves:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._watched: OrderedDict[str, tuple[float, Watched]] = OrderedDict()
        """By run, the one asked for last at the end, and when it was last looked for."""
        self._lock = Lock()
        self._jobs = Jobs(at_once=1)

    def curves(self, asks: Any) -> Answer:
        """For each ask what the page lacks: see `Watched.answer`.

        An ask is {"run", "names", "have", "first", "last", "points", "smooth", "weight"}.

        `runs` holds null where nothing is new, and {"error"} for a run that is gone.
        """
        if not isinstance(asks, list) or len(asks) > MAX_ASKS:
            raise ConfigError(f"At most {MAX_ASKS} runs are drawn at once. Nothing was drawn. Take some away.")
        return {"runs": [self._answer(ask if isinstance(ask, dict) else {}) for ask in asks]}

    def _answer(self, ask: dict[str, Any]) -> dict[str, Any] | None:
        names, have, smooth = _names(ask.get("names")), ask.get("have"), _names(ask.get("smooth", []))
        first, points = (
            _whole(ask.get("first"), 0, MAX_STEP, 0),
            _whole(ask.get("points"), MIN_POINTS, MAX_POINTS, 1024),
        )
        last = None if ask.get("last") is None else _whole(ask["last"], 0, MAX_STEP, 0)
        try:
            watched = self.watched(ask.get("run"))
            have = have if isinstance(have, str) else None
            return watched.answer(names, have, first, last, points, smooth, _weight(ask.get("weight")))
        except (GanCoreError, OSError) as error:
            return {"error": in_page_words(str(error))}

    def watched(self, run: Any) -> Watched:
        """The curves of a run in memory. Raises `RunError` where there is none of this name."""
        if not isinstance(run, str):
            raise RunError("No run is chosen. Nothing was drawn. Choose one.")
        with self._lock:
            looked_at, watched = self._watched.get(run, (float("-inf"), None))
        if watched is None or time.monotonic() - looked_at > CHECKED_S:
            try:
                folder = self._services.run(run)
            except RunError:
                with self._lock:
                    self._watched.pop(run, None)
                raise
            with self._lock:
                _, watched = self._watched.get(run, (0.0, None))
                watched = watched or Watched(folder.path)
                self._watched[run] = (time.monotonic(), watched)
                self._watched.move_to_end(run)
                self._make_room()
        return watched

    def _make_room(self) -> None:
        total = sum(watched.nbytes for _, watched in self._watched.values())
        while len(self._watched) > 1 and (len(self._watched) > KEPT_RUNS or total > KEPT_BYTES):
            _, (_, oldest) = self._watched.popitem(last=False)
            total -= oldest.nbytes

    # As a file.

    def save_curves(self, run: Any) -> Answer:
        """Begin to write everything that a run has recorded to a CSV file; tells the job's id."""
        watched = self.watched(run)
        return {"job": self._jobs.start(_written(watched, f"{run}.csv"))}

    def poll_curves(self, job: Any, wait_s: float = 0.25) -> Progress:
        """What the job has told, `part` of the file; at the end `path`, `name` and `bytes`."""
        return self._jobs.poll(job, wait_s)

    def stop_curves(self, job: Any) -> Answer:
        self._jobs.stop(str(job))
        return {}


def _written(watched: Watched, name: str) -> Work:
    def work(should_stop: Any) -> Iterator[Progress]:
        yield {"part": 0.0}
        curves = watched.whole()
        path = film_folder().new(name)
        path.parent.mkdir(mode=0o700, parents=True)
        part = path.with_name(f".{path.name}")
        try:
            with part.open("wb") as file:
                for content, done in csv_parts(curves):
                    if should_stop():
                        raise RunError("The download was stopped. No file was made.")
                    file.write(content)
                    yield {"part": done}
            part.rename(path)
        except OSError as error:
            raise RunError(f"The file could not be written ({error.strerror or error}). Nothing was saved.") from None
        finally:
            if not path.exists():
                shutil.rmtree(path.parent, ignore_errors=True)
        yield {"part": 1.0, "path": str(path), "name": name, "bytes": path.stat().st_size}

    return work


def csv_parts(curves: Curves) -> Iterator[tuple[bytes, float]]:
    """A CSV file in parts, with the share that is done: a row for each step, a column for each name, empty for none."""
    names = curves.names()
    yield (",".join(_quoted(name) for name in ["step", *names]) + "\r\n").encode(), 0.0
    last = max(curves.last_step(), 1)
    for steps, values in curves.rows(names):
        table = np.column_stack([steps.astype(np.float64), values])
        text = orjson.dumps(table, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2] + b"]"  # [[20.0,1.5,null],[40.0,...]]
        for old, new in ((b"],[", b"]\r\n"), (b"null", b""), (b".0,", b","), (b".0]", b""), (b"]", b"")):
            text = text.replace(old, new)
        yield text + b"\r\n", min(float(steps[-1]) / last, 1.0)


def _quoted(name: str) -> str:
    # A name out of another project's log must not begin a formula in a spreadsheet.
    plain = name if name[:1].isalnum() or name[:1] == "_" else f"'{name}"
    return '"' + plain.replace('"', '""') + '"' if any(sign in plain for sign in ',"\r\n') else plain


def _whole(value: Any, low: int, high: int, otherwise: int) -> int:
    with suppress(TypeError, ValueError, OverflowError):
        if not isinstance(value, bool):
            return min(max(int(value), low), high)
    return otherwise


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_NAMES or not all(isinstance(name, str) for name in value):
        raise ConfigError(f"Up to {MAX_NAMES} curves are drawn by their names. Nothing was drawn.")
    return value


def _weight(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return round(float(min(value, MAX_WEIGHT)), 4) if good else 0.0
