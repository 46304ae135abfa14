"""How a folder here and a repository there stand to each other, seen from where they last met."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gan_core.atomic import write_json
from gan_core.hub.files import File, Remote

MARK = ".hub.json"
"""In a model folder: where it last was the same as a repository. It stays here."""

State = Literal["in sync", "ahead", "behind", "diverged", "only here", "only there"]


@dataclass(frozen=True)
class Meeting:
    """The last time both were the same."""

    repository: str
    commit: str
    files: Mapping[str, File]
    pinned: str | None = None
    """The tag, commit or branch beside main that it was pulled at, on purpose: nothing but a pull by name moves it."""


@dataclass(frozen=True)
class Comparison:
    state: State
    mine: tuple[str, ...] = ()
    """Files that changed here since both were the same."""
    theirs: tuple[str, ...] = ()
    """Files that changed there."""
    differ: tuple[str, ...] = ()
    """Files that are not the same now."""
    strangers: bool = False
    """Whether both hold something and, for all that is known, never were the same."""


def compare(local: Mapping[str, File], remote: Remote | None, met: Meeting | None) -> Comparison:
    """State of a folder (empty: there is none) against its repository (None: there is none).

    Folders that never met and differ are diverged: nobody can tell which one is newer.
    """
    if remote is None or not remote.files:
        return Comparison("only here", mine=tuple(local), differ=tuple(local))
    if not local:
        return Comparison("only there", theirs=tuple(remote.files), differ=tuple(remote.files))
    differ = changed(local, remote.files)
    if not differ:
        return Comparison("in sync")
    if met is None:
        return Comparison("diverged", mine=differ, theirs=differ, differ=differ, strangers=True)
    mine, theirs = changed(local, met.files), changed(remote.files, met.files)
    state: State = "diverged" if mine and theirs else "ahead" if mine else "behind"
    return Comparison(state, mine, theirs, differ)


def changed(one: Mapping[str, File], other: Mapping[str, File]) -> tuple[str, ...]:
    """Names that are in one alone, or hold something else."""
    names = sorted({*one, *other})
    return tuple(name for name in names if name not in one or not one[name].same(other.get(name)))


def read_meeting(folder: Path, repository: str | None = None) -> Meeting | None:
    """What `MARK` says; None where it says nothing of this repository. repository: None is whichever it names."""
    try:
        told = json.loads((folder / MARK).read_bytes())
        files = {name: File(**file) for name, file in told["files"].items()}
        met = Meeting(told["repository"], told["commit"], files, told.get("pinned"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return met if repository in (None, met.repository) else None


def write_meeting(
    folder: Path, repository: str, commit: str, files: Mapping[str, File], *, pinned: str | None = None
) -> None:
    told: dict[str, Any] = {"repository": repository, "commit": commit}
    told["files"] = {name: file.to_json() for name, file in files.items()}
    write_json(folder / MARK, {**told, "pinned": pinned} if pinned else told)
