"""What is known of all runs, read once for all visitors: files that did not change are not read again.

A row is a run in the list; a `Seen` holds more of one. Times are checked by what the disk says of a file (its time of
change and its size): looking at hundreds of runs costs some thousand such questions a second, and hardly any reading.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from gan_core.config import RunConfig
from gan_core.errors import GanCoreError
from gan_core.families import FAMILIES
from gan_core.mirror.plain import plain
from gan_core.training import turn
from gan_core.training.beginning import BEGUN, begun_at
from gan_core.training.run_folder import IMPORTED, RunFolder, list_runs
from gan_core.ui.lab.events import open_findings
from gan_core.ui.run_state import WAITING, RunState, speed
from gan_core.ui.services import Services
from gan_core.ui.words import in_page_words

FRESH_S = 0.5
SETTLED_S = 2.0
"""Runs that nobody trains are looked at no more often than this."""
Row = dict[str, Any]
Mark = tuple[tuple[int, int], ...]


def mark(*paths: Path) -> Mark:
    """Time of change and size of files; zeros for what is not there."""
    found = []
    for path in paths:
        try:
            told = path.stat()
            found.append((told.st_mtime_ns, told.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)


@dataclass
class Kept:
    """Values by name, each computed again when its mark is another."""

    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def get(self, name: str, seen: Any, work: Callable[[], Any]) -> Any:
        before = self.values.get(name)
        if before is not None and before[0] == seen:
            return before[1]
        value = work()
        self.values[name] = (seen, value)
        return value


@dataclass(frozen=True)
class About:
    """What of a run hardly ever changes."""

    config: RunConfig | None
    """None: it cannot be read."""
    error: str | None
    title: str
    notes: str
    origin: dict[str, Any] | None
    started_at: float


class Overview:
    """The list of all runs, at most `FRESH_S` old, with what changed in it since a visitor's last look."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runs_dir = services.settings.runs_dir
        self._lock = Lock()
        self._kept: dict[str, Kept] = {}
        self._epoch = secrets.token_hex(4)  # Stamps of a server before this one mean nothing here.
        self._version = 0
        self._read_at = self._whole_at = float("-inf")
        self._order: list[str] = []
        self._ordered_at = 0
        self._rows: dict[str, tuple[int, Row]] = {}

    def since(self, stamp: object, *, fresh: bool = False) -> dict[str, Any]:
        """Rows that changed since `stamp`, all of them where it says nothing; `order` where that changed."""
        with self._lock:
            if fresh or time.monotonic() - self._read_at > FRESH_S:
                self._read(fresh or time.monotonic() - self._whole_at > SETTLED_S)
            epoch, _, number = stamp.partition(":") if isinstance(stamp, str) else ("", "", "")
            known = int(number) if epoch == self._epoch and number.isdecimal() else -1
            now = f"{self._epoch}:{self._version}"
            if known == self._version:
                return {"stamp": now, "same": True}
            rows = [row for version, row in self._rows.values() if version > known]
            order = {"order": list(self._order)} if self._ordered_at > known else {}
            return {"stamp": now, "rows": rows, **order, "whole": known < 0}

    def row(self, run_id: str) -> Row | None:
        """A run as it stands in the list now."""
        self.since(None)
        with self._lock:
            found = self._rows.get(run_id)
            return found[1] if found else None

    def _read(self, whole: bool) -> None:
        """whole: runs too that had ended when they were looked at last."""
        runs = {run.id: run for run in list_runs(self._runs_dir)}
        self._kept = {run_id: kept for run_id, kept in self._kept.items() if run_id in runs}
        settled = {} if whole else {run_id: row for run_id, (_, row) in self._rows.items() if not row["active"]}
        rows = {run_id: settled.get(run_id) or self._row(run) for run_id, run in runs.items()}
        for run_id, place in turn.places(
            runs[run_id] for run_id, row in rows.items() if row["state"] == WAITING
        ).items():
            rows[run_id]["place"] = place
        version = self._version + 1
        changed = False
        for run_id, row in rows.items():
            before = self._rows.get(run_id)
            if before is None or before[1] != row:
                self._rows[run_id] = (version, row)
                changed = True
        for run_id in self._rows.keys() - rows.keys():
            del self._rows[run_id]
            changed = True
        order = [row["id"] for row in sorted(rows.values(), key=_rank)]
        if order != self._order:
            self._order, self._ordered_at, changed = order, version, True
        if changed:
            self._version = version
        self._read_at = time.monotonic()
        self._whole_at = self._read_at if whole else self._whole_at

    def _row(self, run: RunFolder) -> Row:
        state, about = self.state(run), self.about(run)
        config = about.config
        family = FAMILIES.get(config.family) if config else None
        return {
            "id": run.id,
            "title": about.title or run.id,
            "state": state.state,
            "active": state.active,
            "step": state.step,
            "total_steps": state.total_steps,
            "part": round(state.part, 4),
            "left_s": round(state.left_s) if state.left_s is not None else None,
            "family": family.title if family else "",
            "kind": family.kind if family else "generator",
            "data": data_title(config.train.data) if config else "",
            "size": config.train.size if config else None,
            "imported": bool(config and config.train.data.startswith(IMPORTED)),
            "since": about.started_at,
            "findings": self.kept(run).get("findings", mark(run.path / "events.jsonl"), lambda: open_findings(run)),
            "place": None,
        }

    # One run.

    def kept(self, run: RunFolder) -> Kept:
        return self._kept.setdefault(run.id, Kept())

    def state(self, run: RunFolder) -> RunState:
        """Read again while a process may be alive, else when its files changed."""
        kept = self.kept(run)
        seen = mark(*(run.path / name for name in ("status.json", "config.json", "stop")))
        before = kept.values.get("state")
        if before is None or before[0] != seen or before[1].active:
            state = self._services.runs.state(run)
            kept.values["state"] = (seen, state)
        else:
            state = before[1]
        if state.state in ("running", "stopping"):
            total = state.total_steps
            images_per_s, left_s = kept.get("speed", mark(run.path / "metrics.jsonl"), lambda: speed(run, total))
            return RunState(run.id, state.state, state.step, total, images_per_s, left_s, state.error)
        return state

    def about(self, run: RunFolder) -> About:
        names = ("config.json", "about.json", BEGUN, "samples/000000.webp")
        about: About = self.kept(run).get("about", mark(*(run.path / name for name in names)), lambda: _about(run))
        return about


def _about(run: RunFolder) -> About:
    config, error = None, None
    try:
        config = run.config()
    except GanCoreError as problem:
        error = in_page_words(str(problem))
    told = run.about()
    return About(
        config=config,
        error=error,
        title=plain(told.get("title") or ""),
        notes=plain(told.get("notes") or "", lines=True),
        origin=_origin(told.get("origin")),
        started_at=begun_at(run),
    )


def _origin(told: Any) -> dict[str, Any] | None:
    """Where a run comes from; it may have come from the Hub, with whatever somebody wrote there."""
    if not isinstance(told, dict):
        return None
    words = {name: plain(told[name]) for name in ("model", "run") if isinstance(told.get(name), str)}
    step = told.get("step")
    return {**words, "step": step if isinstance(step, int) else 0, "exact": told.get("exact") is True}


def data_title(spec: str) -> str:
    """What a run was trained on, in a word or two: no path of the server."""
    if spec.startswith(IMPORTED):
        return spec.removeprefix(IMPORTED)
    name = spec.rstrip("/").rpartition("/")[2] if not spec.startswith("hub:") else spec.removeprefix("hub:")
    return plain(name.removesuffix(".zip") or spec)


def _rank(row: Row) -> tuple[int, int, float, str]:
    """Those that train, then those that wait, then the rest, newest first."""
    group = 1 if row["state"] == WAITING else 0 if row["active"] else 2
    if group == 1:
        return group, row["place"] or 0, 0.0, row["id"]
    return group, 0, -float(int(row["since"])), _backwards(row["id"])


def _backwards(text: str) -> str:
    """A key that sorts the other way round: ids of one second, the later number first."""
    return "".join(chr(0x10FFFF - ord(sign)) for sign in text)
