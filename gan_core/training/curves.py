"""A run's curves in memory: read once, then only what was appended; drawn with no more points than a screen has.

For whoever watches. A million lines are read in seconds, once, and shown at once from a sample of them; any part of
them is asked for in milliseconds, by any number of visitors.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from gan_core.training.columns import Table
from gan_core.training.smoothing import reach, smoothed

FILES = ("metrics.jsonl", "quality.jsonl")


class Curve(NamedTuple):
    steps: np.ndarray
    """(P,) int64, rising."""
    values: np.ndarray
    """(P,) float64; NaN where a line held none."""


class Reduced(NamedTuple):
    """A curve as a screen needs it."""

    line: Curve
    """Its points, or the lowest and the highest of each stretch."""
    smooth: Curve | None
    """The moving average at the end of each stretch, over all that was recorded. None: not asked for."""
    stretch: int
    """Recorded points in one stretch; 1: `line` holds every point."""


class Curves:
    """metrics.jsonl and quality.jsonl of a run folder as columns. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._tables = [Table(folder / name) for name in FILES]
        self._lock = Lock()

    @classmethod
    def sampled(cls, folder: Path, lines: int = 2000) -> "Curves":
        """A first look at long files: some of their lines, evenly spread. Not to be updated."""
        curves = cls(folder)
        for table in curves._tables:
            table.sample(lines)
        return curves

    def update(self) -> int:
        """Read what was appended since the last time; gives back the newest step."""
        with self._lock:
            return max(table.update() for table in self._tables)

    def names(self) -> list[str]:
        with self._lock:
            return [name for table in self._tables for name in table.columns]

    def stamp(self) -> tuple[int, ...]:
        """How often recorded lines were replaced, and the lines of each file: other figures mean other curves."""
        with self._lock:
            return (sum(table.replaced for table in self._tables), *(table.count for table in self._tables))

    def last_step(self) -> int:
        with self._lock:
            return max(table.last_step() for table in self._tables)

    def bytes_read(self) -> int:
        return sum(table.offset for table in self._tables)  # Without the lock: asked for while it reads.

    @property
    def nbytes(self) -> int:
        """Memory that the columns take, about."""
        return sum(8 * table.room * (len(table.columns) + 1) for table in self._tables)

    def curve(self, name: str, first: int = 0, last: int | None = None, points: int = 1000) -> Curve:
        """One series from step `first` to `last`, at most `points` of it: the lowest and the highest of each stretch.

        Empty for a name that is not recorded.
        """
        steps, values = self._column(name)
        low = int(np.searchsorted(steps, first))
        high = int(np.searchsorted(steps, last, "right")) if last is not None else len(steps)
        return thinned(steps[low:high], values[low:high], points)

    def reduced(
        self, name: str, first: int = 0, last: int | None = None, points: int = 1000, weight: float | None = None
    ) -> Reduced:
        """As `curve`, with the moving average of a weight; whole stretches, so it reaches a little further both ways.

        Stretches are powers of two and begin at the same places whatever part is asked for: what is drawn of a
        growing curve does not flicker, nor when it is moved.
        """
        steps, values = self._column(name)
        low = max(int(np.searchsorted(steps, first)) - 1, 0)
        high = min(int(np.searchsorted(steps, last, "right")) + 1, len(steps)) if last is not None else len(steps)
        stretch = _stretch(high - low, points)
        low = low // stretch * stretch
        high = min(-(-high // stretch) * stretch, len(steps))
        smooth = _smooth(steps, values, weight, low, high, stretch)
        steps, values = steps[low:high], values[low:high]
        line = Curve(steps, values) if stretch == 1 else _extremes(steps, values, stretch)
        return Reduced(line, smooth, stretch)

    def since(self, name: str, counts: Sequence[int], weight: float | None = None) -> Reduced:
        """The points of a series in lines after so many of each file (the later figures of a `stamp`)."""
        with self._lock:
            for table, count in zip(self._tables, counts, strict=True):
                if name in table.columns:
                    # As many lines before as count in the average; from the first on where some hold no value.
                    for start in (max(count - reach(weight), 0) if weight else count, 0):
                        steps, values = table.column(name, start)
                        there = np.isfinite(values)
                        if weight is None or there[: count - start].all():
                            break
                    low = int(there[: count - start].sum())
                    steps, values = steps[there], values[there]
                    smooth = _smooth(steps, values, weight, low, len(values), 1)
                    return Reduced(Curve(steps[low:], values[low:]), smooth, 1)
        return Reduced(_EMPTY, None if weight is None else _EMPTY, 1)

    def rows(self, names: Sequence[str], chunk: int = 20_000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Steps (P,) and the values of `names` at them (P, N), NaN where none is recorded, in parts; of all files."""
        with self._lock:
            tables = [(table.column(""), {n: table.column(n)[1] for n in names if n in table.columns})
                      for table in self._tables]  # fmt: skip
        every = np.unique(np.concatenate([steps for (steps, _), _ in tables]))
        for start in range(0, len(every), chunk):
            part = every[start : start + chunk]
            values = np.full((len(part), len(names)), np.nan)
            for (steps, _), columns in tables:
                low, high = np.searchsorted(steps, part[0]), np.searchsorted(steps, part[-1], "right")
                places = np.searchsorted(part, steps[low:high])
                for name, column in columns.items():
                    values[places, names.index(name)] = column[low:high]
            yield part, values

    def _column(self, name: str) -> Curve:
        with self._lock:
            table = next((table for table in self._tables if name in table.columns), None)
            return _EMPTY if table is None else _finite(*table.column(name))


_EMPTY = Curve(np.empty(0, np.int64), np.empty(0))


def _finite(steps: np.ndarray, values: np.ndarray) -> Curve:
    there = np.isfinite(values)
    return Curve(steps, values) if there.all() else Curve(steps[there], values[there])


def thinned(steps: np.ndarray, values: np.ndarray, points: int) -> Curve:
    """At most `points` of a curve (P,), with its ends and the lowest and highest of each stretch: no spike is lost."""
    stretch = _stretch(len(steps), points)
    return Curve(steps, values) if stretch == 1 else _extremes(steps, values, stretch)


def _stretch(count: int, points: int) -> int:
    """Points in one stretch, a power of two, so that its two extremes each and both ends are at most `points`."""
    stretch = 1
    while stretch < count > points and 2 * -(-count // stretch) + 2 > points:
        stretch *= 2
    return stretch


def _extremes(steps: np.ndarray, values: np.ndarray, stretch: int) -> Curve:
    starts = np.arange(0, len(values), stretch)
    # The last stretch is filled up with its last value, of which the first place is found, so never one beyond.
    rows = np.concatenate([values, np.full(-len(values) % stretch, values[-1])]).reshape(-1, stretch)
    kept = np.unique(np.concatenate([[0, len(values) - 1], starts + rows.argmin(1), starts + rows.argmax(1)]))
    return Curve(steps[kept], values[kept])


def _smooth(
    steps: np.ndarray, values: np.ndarray, weight: float | None, low: int, high: int, stretch: int
) -> Curve | None:
    if weight is None:
        return None
    places, averages = smoothed(values, weight, low, high, stretch)
    return Curve(steps[places], averages)
