"""A file of JSON lines as columns of numbers, read once and then only what was appended."""

import json
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

try:
    import orjson  # Twice as fast, and there wherever Gradio is.
except ImportError:
    orjson = None  # type: ignore[assignment]

CHUNK_BYTES = 1 << 20  # What else this process does gets its turn between two of them.
SAMPLED_BYTES = 4096  # Holds the rest of a line and a whole one.
_OF_NUMBERS = b"0123456789.-+eE"
_WITHOUT_NUMBERS = str.maketrans("", "", _OF_NUMBERS.decode())


class Table:
    """One file of lines as columns that grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.replaced = 0
        """How often lines that had been read were taken back."""
        self._forget()

    def _forget(self) -> None:
        self.offset = self.count = 0
        self._inode: int | None = None
        self._steps = np.empty(1024, np.int64)
        self.columns: dict[str, np.ndarray] = {}

    @property
    def room(self) -> int:
        return len(self._steps)

    def last_step(self) -> int:
        return int(self._steps[self.count - 1]) if self.count else 0

    def column(self, name: str, after: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values in lines after so many; NaN for a name that is not there."""
        steps = self._steps[after : self.count].copy()
        values = self.columns.get(name)
        return steps, np.full(len(steps), np.nan) if values is None else values[after : self.count].copy()

    def update(self) -> int:
        try:
            facts = self._path.stat()
            if facts.st_size < self.offset or facts.st_ino != self._inode:
                self.replaced += self.count > 0
                self._forget()  # Another file by now: a folder that was put in the place of one.
                self._inode = facts.st_ino
            if facts.st_size > self.offset:
                self._read()
        except OSError:
            pass  # Not there yet, or on a disk that is away: what is known stays.
        return self.last_step()

    def _read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self.offset)
            while content := file.read(CHUNK_BYTES):
                whole = content.rfind(b"\n") + 1
                if not whole:
                    break  # A line that is being written.
                self._add(content[:whole])
                self.offset += whole
                file.seek(self.offset)

    def sample(self, lines: int) -> None:
        """Read only so many lines, one after each of as many places in the file."""
        found = []
        try:
            with self._path.open("rb") as file:
                size = self._path.stat().st_size
                for place in np.linspace(0, max(size - SAMPLED_BYTES, 0), lines).astype(int).tolist():
                    file.seek(place)
                    block = file.read(SAMPLED_BYTES)
                    start = 0 if place == 0 else block.find(b"\n") + 1
                    end = block.find(b"\n", start) + 1
                    found += [block[start:end]] if end else []
        except OSError:
            pass
        self._add(b"".join(dict.fromkeys(found)))

    def _add(self, content: bytes) -> None:
        names = _same_names(content)
        lines = _parsed(content)
        if names and len(names) * len(lines) == sum(map(len, lines)):
            table = np.fromiter(chain.from_iterable(map(dict.values, lines)), np.float64, len(names) * len(lines))
            columns = dict(zip(names, table.reshape(-1, len(names)).T, strict=True))
            steps = columns.pop("step").astype(np.int64)
        else:
            lines = [line for line in lines if type(line.get("step")) is int and abs(line["step"]) < 2**53]
            steps = np.array([line["step"] for line in lines], np.int64)
            every = dict.fromkeys(name for line in lines for name in line if name != "step")
            columns = {name: np.array([_number(line.get(name)) for line in lines]) for name in every}
        # A resumed run goes back to its last state and writes the steps after it again: each stretch that rises is
        # added at once, in the place of what it repeats.
        starts = [0, *(np.flatnonzero(np.diff(steps) <= 0) + 1).tolist(), len(steps)]
        for low, high in pairwise(starts):
            if high > low:
                self._append(steps[low:high], {name: values[low:high] for name, values in columns.items()})

    def _append(self, steps: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        low = int(np.searchsorted(self._steps[: self.count], steps[0]))
        self.replaced += low < self.count
        high = low + len(steps)
        while high > self.room:
            self._grow()
        self._steps[low:high] = steps
        for name in columns:
            self.columns.setdefault(name, np.full(self.room, np.nan))
        for name, values in self.columns.items():
            values[low:high] = columns.get(name, np.nan)
        self.count = high

    def _grow(self) -> None:
        room = self.room
        self._steps = np.concatenate([self._steps, np.empty(room, np.int64)])
        for name, values in self.columns.items():
            self.columns[name] = np.concatenate([values, np.full(room, np.nan)])


def _same_names(content: bytes) -> list[str]:
    """The names in some lines, where all hold the same ones in the same order, and plain numbers; else none.

    Then the lines differ in nothing but what numbers are made of.
    """
    end = content.find(b"\n") + 1
    outline = content[:end].translate(None, _OF_NUMBERS)
    try:
        first = json.loads(content[:end])
    except (ValueError, RecursionError):
        return []
    if not isinstance(first, dict) or not {type(value) for value in first.values()} <= {int, float}:
        return []
    if type(first.get("step")) is not int:
        return []
    if len({name.translate(_WITHOUT_NUMBERS) for name in first}) < len(first):
        return []  # Names that differ in digits alone could have changed places.
    rest = content.translate(None, _OF_NUMBERS)
    return list(first) if rest == outline * content.count(b"\n") else []


def _parsed(content: bytes) -> list[dict[str, Any]]:
    """The objects in some lines. All at once, which is three times as fast, unless one of them is torn."""
    try:
        lines = (orjson or json).loads(b"[" + b",".join(content.splitlines()) + b"]")
    except (ValueError, RecursionError):
        lines = []
        for line in content.splitlines():
            try:
                lines.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
    return [line for line in lines if isinstance(line, dict)]


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, int | float) else float("nan")
    except OverflowError:  # A whole number of hundreds of digits.
        return float("nan")
