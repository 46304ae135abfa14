"""What was asked for, and what came of it: two small files in a run folder. No token is ever written."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from gan_core.atomic import write_json
from gan_core.errors import GanCoreError, RunError
from gan_core.hub.client import Address
from gan_core.hub.files import File
from gan_core.mirror.locks import locked
from gan_core.training.records import json_object
from gan_core.training.run_folder import RunFolder

WISH = "push.json"
FOLDER = "mirror"
"""In a run folder: the record, the log of the process, locks, and what is being sent."""
RECORD = "record.json"
PATIENCE_S = 10.0
"""Writing the record takes a moment. Longer than this has only a process that somebody stopped."""


@dataclass(frozen=True)
class Wish:
    """Where a run is pushed to, and how."""

    repository: str
    minutes: float = 10.0
    """Between two pushes."""
    wait_minutes: float = 10.0
    """How long it is tried after the training has ended."""
    private: bool = True
    """Of a repository that is made for it."""


@dataclass(frozen=True)
class Sent:
    """What one commit holds of a run."""

    files: Mapping[str, File]
    """All of ours that the repository holds then, by name."""
    step: int
    state: int | None
    """Step of the state to resume from."""
    snapshot: int | None
    """Step of the model."""
    said: str
    """State of the run, such as running."""
    at: float
    state_at: float = 0.0
    """When that state was sent, in seconds since 1970."""


@dataclass(frozen=True)
class Record:
    """What came of a wish."""

    repository: str
    commit: str | None = None
    sent: Sent | None = None
    """What `commit` holds."""
    under_way: Sent | None = None
    """What a commit that may or may not have been made holds: a push was cut off."""
    total_bytes: int = 0
    """Sent since the beginning."""
    trouble: str | None = None
    """Why the last try came to nothing; it is tried again."""
    tries: int = 0
    """That came to nothing, one after the other."""
    next_at: float = 0.0
    """When it is tried again, in seconds since 1970."""
    ended: str | None = None
    """Why it is not tried again."""


def read_wish(run: RunFolder) -> Wish | None:
    """None where the run is not pushed anywhere, or nobody can tell where."""
    told = json_object(run.path / WISH)
    try:
        wish = Wish(**{item.name: told[item.name] for item in fields(Wish) if item.name in told})
        Address.parse(wish.repository)
        numbers = (wish.minutes, wish.wait_minutes)
        good = all(isinstance(number, int | float) and 0 <= number < 1e6 for number in numbers)
        return replace(wish, private=wish.private is not False) if good and wish.minutes > 0 else None
    except (GanCoreError, TypeError, AttributeError, KeyError):
        return None


def write_wish(run: RunFolder, wish: Wish) -> None:
    """Raises `RunError` where it cannot be written, and `HubError` for no repository's name."""
    address = Address.parse(wish.repository)
    if address.revision:
        raise RunError(f"{wish.repository}: a run is pushed to main. Nothing was started. Leave the revision out.")
    _write(run, run.path / WISH, asdict(replace(wish, repository=address.repository)))


def forget_wish(run: RunFolder) -> None:
    (run.path / WISH).unlink(missing_ok=True)


def read_record(run: RunFolder, repository: str) -> Record:
    """An empty one where the run was never pushed there."""
    told = json_object(run.path / FOLDER / RECORD)
    try:
        parts = {name: _sent(told[name]) for name in ("sent", "under_way")}
        record = Record(**{**told, **parts})
    except (KeyError, TypeError, AttributeError):
        return Record(repository)
    return record if record.repository == repository else Record(repository)


def write_record(run: RunFolder, record: Record) -> None:
    with _alone(run):
        _write(run, folder(run) / RECORD, asdict(record))


def amend(run: RunFolder, repository: str, **changes: Any) -> None:
    """Change entries of a repository's record on top of what others wrote; nothing where the run goes elsewhere by now.

    Two processes write: the one in the background, and a push that somebody asked for.
    """
    with _alone(run):
        wish = read_wish(run)
        if wish is None or wish.repository == repository:
            _write(run, folder(run) / RECORD, asdict(replace(read_record(run, repository), **changes)))


@contextmanager
def _alone(run: RunFolder) -> Iterator[None]:
    """One writer at a time."""
    try:
        descriptor = locked(folder(run) / "record.lock", wait_s=PATIENCE_S, pause_s=0.01)
    except OSError:
        descriptor = None  # Whatever it is, the writing inside tells it.
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def folder(run: RunFolder) -> Path:
    """`FOLDER`, made where it is missing; `RunGoneError` where the run is."""
    return run.part(FOLDER)


def _sent(told: Any) -> Sent | None:
    if told is None:
        return None
    return Sent(**{**told, "files": {name: File(**file) for name, file in told["files"].items()}})


def _write(run: RunFolder, path: Path, values: dict[str, Any]) -> None:
    try:
        write_json(path, values, make_folder=False)
    except OSError as error:
        raise RunError(f"{run.path} cannot be written ({error.strerror or error}). Make room there.") from None


@dataclass(frozen=True)
class Unsent:
    """What of a run is not on the Hub yet."""

    step: int
    """How far the run is."""
    sent_step: int | None
    """How far the Hub is; None: nothing is there."""
    state: bool = False
    snapshot: bool = False

    def __str__(self) -> str:
        since = f"steps {self.sent_step:,} to {self.step:,}" if self.sent_step is not None else "everything"
        if self.sent_step == self.step:
            since = "the newest state" if self.state else "the newest model" if self.snapshot else "how it ended"
        return since


def unsent(run: RunFolder, record: Record) -> Unsent | None:
    """What waits to be sent; None where nothing does. A run that has saved nothing yet has nothing to send."""
    states, snapshots = run.states(), run.snapshots()
    status = run.status()
    state, snapshot = (found[-1][0] if found else None for found in (states, snapshots))
    sent, step = record.sent, max(status["step"], state or 0, snapshot or 0)
    if sent is None:
        return Unsent(step, None) if states or snapshots else None
    new = Unsent(step, sent.step, state not in (None, sent.state), snapshot not in (None, sent.snapshot))
    return new if new.state or new.snapshot or step != sent.step or status["state"] != sent.said else None
