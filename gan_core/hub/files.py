"""What a model folder holds here and what its repository holds there, file by file, by hash: nothing is downloaded."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from gan_core.errors import HubError
from gan_core.hub.client import Address, api, explained

OURS = re.compile(r"[A-Za-z0-9][\w.-]*\.(safetensors|json|webp|png|csv|md)|LICENSE")
"""Files of a model folder that travel. Everything else stays where it is, here and there."""
MAX_FILES = 1000
"""Of a model's repository."""
MAX_ENTRIES = 5000
"""Of any repository."""
MAX_BYTES = 20 * 10**9
BLOCK = 1 << 20


@dataclass(frozen=True)
class File:
    size: int
    sha256: str | None
    """Of the content; the Hub tells it of large files alone."""
    oid: str | None
    """Git's SHA-1 of the content, which the Hub tells of small files."""

    def same(self, other: "File | None") -> bool:
        if other is None or self.size != other.size:
            return False
        if self.sha256 and other.sha256:
            return self.sha256 == other.sha256
        return self.oid is not None and self.oid == other.oid

    @classmethod
    def of(cls, content: bytes) -> "File":
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return cls(len(content), hashlib.sha256(content).hexdigest(), oid)

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "sha256": self.sha256, "oid": self.oid}


@dataclass(frozen=True)
class Tree:
    """A repository at one commit, whatever its files are called: nobody has checked their names."""

    head: str | None
    """None: there is no such repository, or this account may not see it."""
    files: Mapping[str, File]


@dataclass(frozen=True)
class Remote:
    """A model's repository at one commit."""

    head: str
    files: Mapping[str, File]
    """Ours alone: see `OURS`."""
    foreign: Mapping[str, File] = field(default_factory=dict)
    """The others, by names that nobody has checked."""


def local_files(folder: Path) -> dict[str, File]:
    """The files of a folder that travel, by name. A link that leads elsewhere is none of them."""
    inside = folder.resolve()
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if OURS.fullmatch(path.name) and path.is_file() and path.resolve().parent == inside:
            found[path.name] = hashed(path)
    return found


def hashed(path: Path) -> File:
    """Size and hashes of a file; one that did not change is not read again."""
    facts = path.stat()
    return _hashed(path, (facts.st_ino, facts.st_mtime_ns), facts.st_size)


@lru_cache(1024)
def _hashed(path: Path, stamp: tuple[int, int], size: int) -> File:  # noqa: ARG001 - another stamp is another file
    sha256, oid = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            oid.update(block)
    return File(size, sha256.hexdigest(), oid.hexdigest())


def look(
    address: Address,
    undone: str,
    *,
    what: str = "a repository",
    most: int = MAX_ENTRIES,
    kind: str = "model",
    token: str | bool | None = None,
) -> Tree:
    """What a repository holds. undone: how errors begin. Raises `HubError`, also for more files than `most`."""
    from huggingface_hub.hf_api import RepoFile

    hub = api(token)
    try:
        with explained(undone, what=kind, revision=address.revision):
            head = hub.repo_info(address.repository, revision=address.revision, repo_type=kind).sha
            listed = hub.list_repo_tree(address.repository, revision=head, recursive=True, repo_type=kind)
            entries = list(islice(listed, most + 1))  # A hostile list has no end.
    except HubError as error:
        if error.reason == "missing":
            return Tree(None, {})
        raise
    if len(entries) > most:
        raise HubError(f"{undone}: it is too large for {what} (more than {most:,} files). Choose another.", "foreign")
    files = {}
    for entry in entries:
        if isinstance(entry, RepoFile):
            lfs = entry.lfs
            files[entry.path] = File(entry.size, lfs.sha256 if lfs else None, None if lfs else entry.blob_id)
    return Tree(head, files)


def remote_files(address: Address, *, token: str | bool | None = None) -> Remote | None:
    """What a model's repository holds; None where there is none. Raises `HubError`, also where it is too large."""
    undone = f"{address} was not looked at"
    tree = look(address, undone, what="a model", most=MAX_FILES, token=token)
    if tree.head is None:
        return None
    files = {name: file for name, file in tree.files.items() if OURS.fullmatch(name)}
    refuse_absurd(files, undone)
    return Remote(tree.head, files, {name: file for name, file in tree.files.items() if name not in files})


def refuse_absurd(files: Mapping[str, File], undone: str) -> None:
    """Raise `HubError` for more bytes than any model has."""
    size = sum(file.size for file in files.values())
    if size > MAX_BYTES:
        raise HubError(f"{undone}: it is too large for a model ({size / 1e9:,.0f} GB). Nothing was fetched.", "foreign")
