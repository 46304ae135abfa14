"""Logs of other projects' trainings as curves: junyanz' `loss_log.txt`, and the lines that the DCGAN example prints.

A log is read as a stream, whatever stands between its lines: tables, warnings, progress bars, a torn end. Its values
get the names that the same quantities have in a run of ours; those that mean something else keep their own.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, nan
from pathlib import Path
from typing import Any

from gan_core.errors import RunError
from gan_core.families import FAMILIES

MAX_BYTES = 1_000_000_000
MAX_STEP = 10**9
MAX_NAMES = 24  # Different values in one log; the projects write four to eight.
LONGEST_LINE = 4_096  # Characters; more without a line's end is no log, and is read in parts.
LOOKED_AT_BYTES = 1_000_000
KEPT_LINES = 5_000

# Every repetition is bounded, so that no file can make the search slow.
_NUMBER = r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?(?:[eE][+-]?\d{1,3})?|nan|inf)"
_HEADER = "==== Training Loss ("
# (epoch: 178, iters: 600, time: 0.311, data: 0.000) D_A: 0.125 G_A: 0.402 ...; later versions set commas between.
_JUNYANZ = re.compile(r"\(epoch: (\d{1,9}), iters: (\d{1,9})[^()]{0,80}\)((?:[ ,]*[A-Za-z]\w{0,30}: " + _NUMBER + ")+)")
_IMAGES = re.compile(r"The number of training images = (\d{1,9})")
# [3/25][100/782] Loss_D: 0.6 Loss_G: 3.1 D(x): 0.8 D(G(z)): 0.2 / 0.06; the tutorial sets tabs between.
_DCGAN = re.compile(
    r"\[(\d{1,9})/(\d{1,9})\]\s*\[(\d{1,9})/(\d{1,9})\]"
    rf"\s*Loss_D: ({_NUMBER})\s+Loss_G: ({_NUMBER})"
    rf"\s+D\(x\): ({_NUMBER})\s+D\(G\(z\)\): ({_NUMBER}) / ({_NUMBER})(?=\s|$)"
)
_DCGAN_NAMES = ("loss_d:", "loss_g:", "d_real:", "d_fake:", "d_fake_after_update:")

# The direction trap: G_A makes b from a, and D_A judges b. Of the values that are weighted there (cycle, idt, L1, NCE)
# the log does not tell the weight, so that they are not what ours are and keep their names.
_CYCLEGAN_NAMES = {"G_A": "loss_g_ab", "G_B": "loss_g_ba", "D_A": "loss_d_b", "D_B": "loss_d_a"}


@dataclass(frozen=True, kw_only=True)
class Log:
    """A training read from its log."""

    family: str
    """The registry's family that comes nearest."""
    title: str
    """What was recognised, for people."""
    lines: list[dict[str, Any]]
    """As in metrics.jsonl: {"step": updates so far, "loss_g": ...}, steps rising, finite numbers alone."""
    total_steps: int
    """Length of the training in updates, as far as the log tells it."""
    epochs: int
    """Epochs begun."""
    notes: tuple[str, ...] = ()
    """Sentences on what the log does not tell, or what in it was odd."""


def looks_like_log(path: Path) -> bool:
    """Whether the beginning of a file is that of a log that `parse` reads. Never raises."""
    try:
        if not path.is_file():
            return False
        seen = 0
        for line in _text_lines(path):
            if _HEADER in line or _JUNYANZ.search(line) or _DCGAN.search(line):
                return True
            seen += len(line) + 1
            if seen > LOOKED_AT_BYTES:
                return False
    except (OSError, RunError):
        pass
    return False


def parse(path: Path, *, batch: int | None = None) -> Log:
    """Read a whole log. Raises `RunError` where it cannot be read or holds no line of a training.

    batch: pictures in one update, which `loss_log.txt` does not tell; None: 1, the default of its projects.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path.name} is larger than {MAX_BYTES // 10**9} GB. No run was made of it.")
        return _Reader(batch).read(path)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error}). No run was made of it.") from None


def _text_lines(path: Path) -> Iterator[str]:
    """Lines ended by \\n, \\r\\n or, as progress bars do, by a mere \\r."""
    with path.open("rb") as file:
        start = file.read(2)
    # Windows' shell writes UTF-16 where output is sent to a file.
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with path.open(encoding=encoding, errors="replace", newline=None) as file:
        try:
            while line := file.readline(LONGEST_LINE):
                yield line
        except UnicodeError:
            return  # UTF-16 that breaks off: what came before counts.


@dataclass
class _Reader:
    """Columns instead of rows while reading: a million lines take some 80 MB so."""

    batch: int | None
    kind: str | None = None
    epochs: "array[int]" = field(default_factory=lambda: array("q"))
    places: "array[int]" = field(default_factory=lambda: array("q"))
    columns: "dict[str, array[float]]" = field(default_factory=dict)
    """Values by their names in the log, which end in a colon."""
    images: int = 0
    """Pictures in an epoch, where the log says it."""
    updates: int = 0
    """Updates in an epoch, where each line says it."""
    wanted_epochs: int = 0
    restarts: int = 0
    odd: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Epoch and place at which a value was first not finite, by name."""
    before: str = ""
    """The line of values before this one."""

    def read(self, path: Path) -> Log:
        for line in _text_lines(path):
            if self.kind != "dcgan" and (found := _JUNYANZ.search(line)):
                if self._torn(line):
                    continue
                self.kind = "junyanz"
                parts = found[3].replace(",", " ").split()  # ["D_A:", "0.125", "G_A:", ...]
                self._add(int(found[1]), int(found[2]), parts[::2], parts[1::2])
            elif self.kind != "junyanz" and (found := _DCGAN.search(line)):
                if self._torn(line):
                    continue
                self.kind = "dcgan"
                epoch, self.wanted_epochs, place, self.updates = (int(found[group]) for group in range(1, 5))
                self._add(epoch, place, _DCGAN_NAMES, found.groups()[4:])
            elif found := _IMAGES.search(line):
                self.images = int(found[1])
        if not self.epochs:
            raise RunError(
                f"{path.name} holds no line of a training that is known here: neither (epoch: 1, iters: 100, ...) "
                "G_A: 0.4 ... nor [0/25][0/782] Loss_D: 1.2 Loss_G: 3.4 .... No run was made of it."
            )
        return self._finish()

    def _torn(self, line: str) -> bool:
        """Whether a last line that no line's end follows breaks off within its last number."""
        before, self.before = self.before, line
        if line.endswith("\n") or not before:
            return False
        now, then = (len(text.split()[-1].partition(".")[2]) for text in (line, before))  # Decimals.
        return now < then

    def _add(self, epoch: int, place: int, names: Sequence[str], texts: Sequence[str]) -> None:
        """A line of the log. One that does not come after the last goes back: what it repeats is forgotten."""
        if self.epochs and (epoch, place) <= (self.epochs[-1], self.places[-1]):
            self._go_back(epoch, place)
        rows = len(self.epochs)
        self.epochs.append(epoch)
        self.places.append(place)
        for name, value in zip(names, map(float, texts), strict=True):
            column = self.columns.get(name)
            if column is None:
                if len(self.columns) == MAX_NAMES:
                    continue
                column = self.columns[name] = array("d")
            if len(column) != rows:
                del column[rows:]  # A name that stands twice in one line.
                column.extend([nan] * (rows - len(column)))  # Lines without this value.
            column.append(value)
            if value - value != 0:  # NaN or infinite, in the fastest way to ask.
                self.odd.setdefault(name, (epoch, place))

    def _go_back(self, epoch: int, place: int) -> None:
        self.restarts += 1
        while self.epochs and (epoch, place) <= (self.epochs[-1], self.places[-1]):
            self.epochs.pop()
            self.places.pop()
        for column in self.columns.values():
            del column[len(self.epochs) :]
        self.odd = {name: at for name, at in self.odd.items() if at < (epoch, place)}

    def _finish(self) -> Log:
        steps, total, notes = self._dcgan_steps() if self.kind == "dcgan" else self._junyanz_steps()
        names, family, title = self._names()
        for name, (epoch, place) in self.odd.items():
            notes.append(f"{names[name]} was not finite from epoch {epoch}, iteration {place} on.")
        if self.restarts:
            times = "once" if self.restarts == 1 else f"{self.restarts} times"
            notes.append(f"The training went back {times}; of the parts it did again, the last counts.")
        lines = _thinned(steps, {names[name]: column for name, column in self.columns.items()})
        if not lines or steps[-1] > MAX_STEP:
            raise RunError("The log's numbers cannot be those of a training. No run was made of it.")
        begun = self.epochs[-1] + (self.kind == "dcgan")  # The example counts epochs from 0.
        return Log(
            family=family, title=title, lines=lines, total_steps=max(total, steps[-1]), epochs=begun, notes=tuple(notes)
        )

    def _dcgan_steps(self) -> tuple[list[int], int, list[str]]:
        """Updates done after each line: epoch and place in it both count from 0."""
        steps = [epoch * self.updates + place + 1 for epoch, place in zip(self.epochs, self.places, strict=True)]
        return _rising(steps), min(self.wanted_epochs * self.updates, MAX_STEP), []

    def _junyanz_steps(self) -> tuple[list[int], int, list[str]]:
        """Updates done until each line, which counts the pictures seen in its epoch."""
        length, batch = max(self.images, self._epoch_length()), self.batch or 1
        first = min(self.epochs[0], 1)  # Epochs are counted from 1, unless somebody had it otherwise.
        seen = [(epoch - first) * length + place for epoch, place in zip(self.epochs, self.places, strict=True)]
        notes = [] if self.batch else ["Steps are pictures seen: updates, where the batch size was 1, as by default."]
        return _rising([-(-count // batch) for count in seen]), 0, notes

    def _epoch_length(self) -> int:
        """Pictures in an epoch, which the log does not tell.

        At least as many as the highest count in it. Lines come at multiples of a fixed number of pictures *over all
        epochs*, so that the count of an epoch's first line gives away how far the epoch before it went.
        """
        highest = max(self.places)
        pairs = list(zip(self.epochs, self.places, strict=True))
        every = min((b[1] - a[1] for a, b in pairwise(pairs) if a[0] == b[0]), default=0)
        turns = [(a[1], b[1]) for a, b in pairwise(pairs) if b[0] == a[0] + 1]
        guesses = [before + every - after for before, after in turns if 0 < after <= every]
        if not guesses:
            return highest
        return max(highest, max(set(guesses), key=guesses.count))  # The most frequent: restarts do not fit.

    def _names(self) -> tuple[dict[str, str], str, str]:
        """Our names by theirs, the family, and what the log is."""
        own = {name: name.removesuffix(":") for name in self.columns}
        if self.kind == "dcgan":
            return own, "dcgan", "training lines of the DCGAN example"
        kept = {name: f"loss_{plain}" for name, plain in own.items()}
        found = set(own.values())
        if {"G_A", "G_B"} <= found:
            known = {name: _CYCLEGAN_NAMES.get(plain, kept[name]) for name, plain in own.items()}
            return known, "cyclegan", "CycleGAN's loss_log.txt"
        if "G_L1" in found:
            return kept, "pix2pix" if "pix2pix" in FAMILIES else "cyclegan", "pix2pix's loss_log.txt"
        return kept, "cyclegan", "CUT's loss_log.txt" if "NCE" in found else "a loss_log.txt"


def _rising(steps: list[int]) -> list[int]:
    """From 1 on; an epoch that was longer than the others must not let the steps fall back."""
    steps[0] = max(steps[0], 1)
    for index in range(1, len(steps)):
        steps[index] = max(steps[index], steps[index - 1] + 1)
    return steps


def _thinned(steps: list[int], columns: "dict[str, array[float]]") -> list[dict[str, Any]]:
    """Lines of metrics; of long logs the means of stretches, as our own lines are means since the one before."""
    stretch = -(-len(steps) // KEPT_LINES)
    lines = []
    for start in range(0, len(steps), stretch):
        part = slice(start, start + stretch)
        line: dict[str, Any] = {"step": steps[part][-1]}
        for name, column in columns.items():
            if values := [value for value in column[part] if isfinite(value)]:
                line[name] = round(sum(values) / len(values), 6)
        lines.append(line)
    return lines
