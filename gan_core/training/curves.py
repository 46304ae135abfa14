"""A run's curves in memory: read once, then only what was appended; drawn with no more points than a screen has.

For whoever watches. A million recorded points are opened in a second and asked for in milliseconds, by any number of
visitors.
"""

import json
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

CHUNK_BYTES = 1 << 24
FILES = ("metrics.jsonl", "quality.jsonl")


class Curve(NamedTuple):
    steps: np.ndarray
    """(P,) int64, rising."""
    values: np.ndarray
    """(P,) float64; NaN where a line held none."""


class Curves:
    """metrics.jsonl and quality.jsonl of a run folder as columns. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._tables = [_Table(folder / name) for name in FILES]
        self._lock = Lock()

    def update(self) -> int:
        """Read what was appended since the last time; gives back the newest step."""
        with self._lock:
            return max(table.update() for table in self._tables)

    def names(self) -> list[str]:
        with self._lock:
            return [name for table in self._tables for name in table.columns]

    def curve(self, name: str, first: int = 0, last: int | None = None, points: int = 1000) -> Curve:
        """One series from step `first` to `last`, at most `points` of it: the lowest and the highest of each stretch.

        Empty for a name that is not recorded.
        """
        with self._lock:
            table = next((table for table in self._tables if name in table.columns), None)
            if table is None:
                return Curve(np.empty(0, np.int64), np.empty(0))
            steps, values = table.column(name)
        low = int(np.searchsorted(steps, first))
        high = int(np.searchsorted(steps, last, "right")) if last is not None else len(steps)
        steps, values = steps[low:high], values[low:high]
        there = ~np.isnan(values)
        return thinned(steps[there], values[there], points)


def thinned(steps: np.ndarray, values: np.ndarray, points: int) -> Curve:
    """At most `points` of a curve (P,), with its ends and the lowest and highest of each stretch: no spike is lost."""
    count = len(steps)
    if count <= points:
        return Curve(steps, values)
    stretches = max((points - 2) // 2, 1)
    edges = np.linspace(0, count, stretches + 1).astype(int)
    starts = edges[:-1]
    # reduceat gives the extremes, not their places: a place is the first that reaches them.
    stretch = np.repeat(np.arange(stretches), np.diff(edges))
    low = values == np.minimum.reduceat(values, starts)[stretch]
    high = values == np.maximum.reduceat(values, starts)[stretch]
    kept = np.zeros(count, bool)
    kept[[0, -1]] = True
    for found in (np.flatnonzero(low), np.flatnonzero(high)):
        _, first = np.unique(stretch[found], return_index=True)
        kept[found[first]] = True
    return Curve(steps[kept], values[kept])


class _Table:
    """One file of lines as columns that grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._offset = self._count = 0
        self._inode: int | None = None
        self._steps = np.empty(1024, np.int64)
        self.columns: dict[str, np.ndarray] = {}

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._steps[: self._count].copy(), self.columns[name][: self._count].copy()

    def update(self) -> int:
        try:
            with self._path.open("rb") as file:
                facts = self._path.stat()
                if facts.st_size < self._offset or facts.st_ino != self._inode:
                    self._forget()  # Another file by now: a folder that was put in the place of one.
                    self._inode = facts.st_ino
                file.seek(self._offset)
                while content := file.read(CHUNK_BYTES):
                    whole = content.rfind(b"\n") + 1
                    if not whole:
                        break  # A line that is being written.
                    self._add(content[:whole])
                    self._offset += whole
                    file.seek(self._offset)
        except OSError:
            pass  # Not there yet, or on a disk that is away: what is known stays.
        return int(self._steps[self._count - 1]) if self._count else 0

    def _add(self, content: bytes) -> None:
        lines = [line for line in _parsed(content) if type(line.get("step")) is int]
        steps = np.array([line["step"] for line in lines], np.int64)
        # A resumed run goes back to its last state and writes the steps after it again: each stretch that rises is
        # added at once, in the place of what it repeats.
        starts = [0, *(np.flatnonzero(np.diff(steps) <= 0) + 1).tolist(), len(lines)]
        for low, high in pairwise(starts):
            if high > low:
                self._append(steps[low:high], lines[low:high])

    def _append(self, steps: np.ndarray, lines: list[dict[str, Any]]) -> None:
        self._count = int(np.searchsorted(self._steps[: self._count], steps[0]))
        low, high = self._count, self._count + len(steps)
        while high > len(self._steps):
            self._grow()
        self._steps[low:high] = steps
        for name in dict.fromkeys(name for line in lines for name in line if name != "step"):
            self.columns.setdefault(name, np.full(len(self._steps), np.nan))
        for name, values in self.columns.items():
            values[low:high] = [_number(line.get(name)) for line in lines]
        self._count = high

    def _grow(self) -> None:
        room = len(self._steps)
        self._steps = np.concatenate([self._steps, np.empty(room, np.int64)])
        for name, values in self.columns.items():
            self.columns[name] = np.concatenate([values, np.full(room, np.nan)])


def _parsed(content: bytes) -> list[dict[str, Any]]:
    """The objects in some lines. All at once, which is three times as fast, unless one of them is torn."""
    try:
        lines = json.loads(b"[" + b",".join(content.splitlines()) + b"]")
    except ValueError:
        lines = []
        for line in content.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
    return [line for line in lines if isinstance(line, dict)]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
