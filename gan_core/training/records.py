"""Lines of a run folder: appended one by one, read in the order of their steps, whatever a kill left torn."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINE_BYTES = 768  # No line of metrics is longer.
MAX_STEP = 2**53  # Whoever draws a curve counts in numbers of 64 bits.
ROLLED_BACK = "rolled-back"
"""Kind of the event behind which a run begins anew from its step."""


def append(path: Path, line: dict[str, Any]) -> None:
    """One line in one write. After a torn line (a kill in the middle of a write) a new one is begun."""
    text = json.dumps(line, allow_nan=False) + "\n"
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode())


def in_order(path: Path, newest: int | None = None) -> list[dict[str, Any]]:
    """Lines by step; a line of an earlier step than those before it takes their place."""
    lines: list[dict[str, Any]] = []
    for line in json_lines(path, newest):
        while lines and lines[-1]["step"] >= line["step"]:
            lines.pop()
        lines.append(line)
    return lines


def told(path: Path) -> list[dict[str, Any]]:
    """Events as they were written, without those of steps that the run was rolled back over."""
    events: list[dict[str, Any]] = []
    for event in json_lines(path):
        if event.get("kind") == ROLLED_BACK:
            events = [earlier for earlier in events if earlier["step"] <= event["step"]]
        events.append(event)
    return events


def json_lines(path: Path, newest: int | None = None) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            if newest is not None:
                file.seek(max(file.seek(0, os.SEEK_END) - newest * LINE_BYTES, 0))
            content = file.read()
    except OSError:
        return
    for line in content.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue  # Torn, or empty, or of nobody who means well.
        if isinstance(value, dict) and type(step := value.get("step")) is int and 0 <= step < MAX_STEP:
            yield value


def by_step(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    """What stands in a folder under the number of a step."""
    if not folder.is_dir():
        return []
    named = [path for path in folder.iterdir() if path.suffix == suffix]
    found = [path for path in named if path.stem.isascii() and path.stem.isdecimal()]
    return sorted((int(path.stem), path) for path in found)


def json_object(path: Path) -> dict[str, Any]:
    """Parsed JSON; empty where there is none or it is damaged."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def read_status(path: Path) -> tuple[dict[str, Any], float]:
    """A status, empty where there is none, and when it was written by the clock of its file system."""
    try:
        with path.open("rb") as file:  # Opening asks a network file system anew.
            written_at = os.fstat(file.fileno()).st_mtime
            values = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}, 0.0
    return (values if isinstance(values, dict) else {}), written_at


def whole(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0


def crowded(steps: list[int], keep: int, held: frozenset[int] = frozenset()) -> list[int]:
    """Which of some rising steps go so that `keep` stay, as evenly spread as can be; first and newest stay.

    held: those that go last of all.
    """
    left, gone = list(steps), []
    while len(left) > keep:
        if keep <= 1:
            places = [0]
        else:
            inner = range(1, len(left) - 1)
            places = [place for place in inner if left[place] not in held] or list(inner) or [0]
        # The one whose going leaves the smallest gap.
        gone.append(left.pop(min(places, key=lambda place: _gap(left, place))))
    return gone


def _gap(steps: list[int], place: int) -> int:
    return steps[place + 1] - steps[place - 1] if 0 < place < len(steps) - 1 else 0
