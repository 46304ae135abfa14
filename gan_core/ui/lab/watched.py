"""One run's curves as visitors share them: read once, however many look, and packed for the page."""

import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np

from gan_core.training.curves import FILES, Curve, Curves, Reduced

READ_S = 0.25
"""Files are looked at no more often than this."""
FIRST_S = 0.3
"""Long files that take longer to read are shown from a sample of their lines until they are read."""
KEPT_ANSWERS = 32  # Of a hundred kB at most; a stranger can ask for any range.
LARGEST = float(np.finfo(np.float32).max)


class Watched:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._curves = Curves(folder)
        self._sample: Curves | None = None
        self._reader: Thread | None = None
        self._updated_at = float("-inf")
        self._token = secrets.token_hex(4)
        """Stamps of another reading of the same run do not fit this one."""
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._kept_for: str | None = None
        self._named: dict[str, str] | None = None
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        return self._curves.nbytes

    def whole(self) -> Curves:
        """Everything that is recorded; waits until it is read."""
        self._curves.update()
        return self._curves

    def answer(
        self,
        names: list[str],
        have: str | None,
        first: int,
        last: int | None,
        points: int,
        smooth: Collection[str] = (),
        weight: float = 0.0,
    ) -> dict[str, Any] | None:
        """What the page lacks; None: nothing.

        have: the stamp of what it has of these names, this range and this smoothing; None: nothing yet.
        smooth: the names that are drawn as moving averages of this weight.
        `whole` tells whether the series stand in the place of what it has, or are to be added at its end. Each is
        [steps, values, stretch, steps of averages, averages], uint32 and float32 in base64, the averages for `smooth`.
        """
        with self._lock:
            curves = self._fresh()
            figures = curves.stamp()
            stamp = ".".join([self._token, "sample" if curves is self._sample else "all", *map(str, figures)])
            if have == stamp:
                # A sample has no news but how far the reading is.
                return {"reading": self._part_read()} if self._sample else None
            known = set(names).intersection(curves.names())
            counts = self._counts_of(have, figures) if last is None and not self._sample else None
            weights = {name: weight if name in smooth and weight > 0 else None for name in known}
            if counts and sum(figures[1:]) - sum(counts) <= points:
                series = self._added(curves, stamp, counts, weights)
            else:
                counts = None
                series = {
                    name: self._packed(curves, stamp, name, first, last, points, one) for name, one in weights.items()
                }
            return {
                "stamp": stamp,
                "whole": counts is None,
                "names": curves.names(),
                "step": curves.last_step(),
                "domains": self._domains(),
                "series": series,
                "reading": self._part_read() if self._sample else None,
            }

    def _fresh(self) -> Curves:
        """What is read by now, or a sample while the first reading takes its time."""
        if self._reader is None and self._size() > 4_000_000:
            self._reader = Thread(target=self._curves.update, daemon=True, name="curves")
            self._reader.start()
            self._reader.join(FIRST_S)
            if self._reader.is_alive():
                self._sample = Curves.sampled(self._folder)
        if self._sample and self._reader and self._reader.is_alive():
            return self._sample
        self._sample = None
        if time.monotonic() - self._updated_at > READ_S:
            self._curves.update()
            self._updated_at = time.monotonic()
        return self._curves

    def _size(self) -> int:
        return sum(path.stat().st_size for name in FILES if (path := self._folder / name).is_file())

    def _part_read(self) -> float:
        return min(self._curves.bytes_read() / max(self._size(), 1), 1.0)

    def _counts_of(self, have: str | None, figures: tuple[int, ...]) -> tuple[int, ...] | None:
        """How many lines of each file the page has, if they still stand as they did."""
        token, _, rest = (have or "").partition(".all.")
        if token != self._token:
            return None
        if not re.fullmatch(r"\d{1,18}(\.\d{1,18}){2}", rest):
            return None
        replaced, *counts = map(int, rest.split("."))
        good = replaced == figures[0] and len(counts) == len(figures) - 1
        return tuple(counts) if good and all(a <= b for a, b in zip(counts, figures[1:], strict=True)) else None

    def _domains(self) -> dict[str, str]:
        """What a translator's two domains are called, where they have names."""
        if self._named is None:
            self._named = {}
            with suppress(OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
                train = json.loads((self._folder / "config.json").read_bytes())["train"]
                names = {end: train.get(f"domain_{end}") for end in ("a", "b")}
                self._named = {end: name for end, name in names.items() if isinstance(name, str) and name}
        return self._named

    def _packed(self, curves: Curves, stamp: str, *asked: Any) -> list[Any]:
        """The same for all who look at the same."""
        found: list[Any] = self._shared(stamp, asked, lambda: packed(curves.reduced(*asked)))
        return found

    def _added(
        self, curves: Curves, stamp: str, counts: tuple[int, ...], weights: dict[str, float | None]
    ) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = self._shared(
            stamp,
            (counts, frozenset(weights.items())),
            lambda: {name: packed(curves.since(name, counts, weight)) for name, weight in weights.items()},
        )
        return found

    def _shared(self, stamp: str, key: tuple[Any, ...], made: Callable[[], Any]) -> Any:
        if self._kept_for != stamp or len(self._kept) >= KEPT_ANSWERS:
            self._kept, self._kept_for = {}, stamp
        if key not in self._kept:
            self._kept[key] = made()
        return self._kept[key]


def packed(reduced: Reduced) -> list[Any]:
    found: list[Any] = [*_columns(reduced.line), reduced.stretch]
    return found if reduced.smooth is None else [*found, *_columns(reduced.smooth)]


def _columns(curve: Curve) -> list[str]:
    steps, values = curve.steps.clip(0, 2**32 - 1).astype("<u4"), curve.values.clip(-LARGEST, LARGEST).astype("<f4")
    return [b64encode(steps.tobytes()).decode(), b64encode(values.tobytes()).decode()]
