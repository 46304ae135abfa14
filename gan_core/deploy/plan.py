"""What a deploy changes in a Space: files by hash, against what is there and what the last deploy put there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gan_core.deploy.bundle import Target
from gan_core.hub.files import File

MANIFEST = "deployed.json"
"""In the Space: what the last deploy put there, so that any computer can tell our files from a person's."""
ATTRIBUTES = ".gitattributes"
"""Is the Hub's, which files are large; no deploy touches it."""


class Facts(NamedTuple):
    sdk: Literal["static", "gradio"]
    hardware: str | None
    """Asked for when the Space is made; None: it has none."""
    words: str


TARGETS: dict[Target, Facts] = {
    "static": Facts("static", None, "Runs in the visitor's browser, without a server. Free for everybody."),
    "zero-gpu": Facts("gradio", "zero-a10g", "The whole application, with a GPU for moments. Free accounts have two."),
    "cpu": Facts("gradio", "cpu-basic", "The whole application on two processors. Needs a paid plan."),
}


@dataclass(frozen=True)
class There:
    """A Space at one commit."""

    head: str
    files: Mapping[str, File]
    deployed: Mapping[str, File] | None
    """What `MANIFEST` says; None: no deploy of ours."""
    untouched: bool
    """It holds what the Hub puts into a new Space, and nothing else was ever in it."""


@dataclass(frozen=True)
class Plan:
    """What a deploy would do, or did."""

    send: Mapping[str, int]
    """Bytes by path."""
    delete: tuple[str, ...]
    """Ours that left the bundle."""
    kept: tuple[str, ...]
    """Put there by a person."""
    changed: tuple[str, ...]
    """Changed there by somebody else, and not what is to be sent: refused unless forced."""
    head: str | None
    """The commit that was looked at; None: the Space is to be made."""

    @property
    def bytes(self) -> int:
        return sum(self.send.values())

    @property
    def empty(self) -> bool:
        return not self.send and not self.delete


def changes(local: Mapping[str, File], there: There | None) -> Plan:
    """local: every file that the Space is to hold, `MANIFEST` among them."""
    if there is None:
        return Plan({name: file.size for name, file in local.items()}, (), (), (), None)
    ours = there.files if there.untouched else there.deployed or {}
    send = {name: file.size for name, file in local.items() if not file.same(there.files.get(name))}
    delete = tuple(name for name in sorted(ours) if name in there.files and name not in local and name != ATTRIBUTES)
    kept = tuple(name for name in sorted(there.files) if name not in local and name not in (*delete, ATTRIBUTES))
    names = sorted({*local, *ours} - {MANIFEST, ATTRIBUTES})
    changed = tuple(name for name in names if _by_another(local.get(name), there.files.get(name), ours.get(name)))
    return Plan(send, delete, kept, changed, there.head)


def _by_another(wanted: File | None, present: File | None, ours: File | None) -> bool:
    """Whether somebody else made a file what it is (or took it away), and it is not what is wanted."""
    if _same(present, ours) or _same(present, wanted):
        return False
    return wanted is not None or ours is not None


def _same(one: File | None, other: File | None) -> bool:
    return one is None and other is None if one is None or other is None else one.same(other)


def told_of(content: bytes) -> File:
    """What the Hub will tell of a file that is not on a disk."""
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return File(len(content), hashlib.sha256(content).hexdigest(), oid)


def write_manifest(target: Target, files: Mapping[str, File]) -> bytes:
    """The same bytes for the same files, so that a deploy without changes changes nothing."""
    told = {name: files[name].to_json() for name in sorted(files)}
    return (json.dumps({"format": 1, "target": target, "files": told}, indent=1) + "\n").encode()


def read_manifest(text: str) -> dict[str, File] | None:
    """None for what is no manifest: then every file there counts as a person's."""
    try:
        told = json.loads(text)["files"]
        files = {str(name): File(int(one["size"]), one["sha256"], one["oid"]) for name, one in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return files
