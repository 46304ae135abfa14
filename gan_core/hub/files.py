"""What a model folder holds here and what its repository holds there, file by file, by hash: nothing is downloaded."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gan_core.errors import HubError
from gan_core.hub.client import Address, api, explained

OURS = re.compile(r"[A-Za-z0-9][\w.-]*\.(safetensors|json|webp|png|csv|md)|LICENSE")
"""Files of a model folder that travel. Everything else stays where it is, here and there."""
MAX_FILES = 1000
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

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "sha256": self.sha256, "oid": self.oid}


@dataclass(frozen=True)
class Remote:
    """A repository at one commit."""

    head: str
    files: Mapping[str, File]
    """Ours alone: see `OURS`."""
    foreign: tuple[str, ...] = ()
    """Names of the others."""


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
    return _hashed(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(1024)
def _hashed(path: Path, changed_at: int, size: int) -> File:  # noqa: ARG001 - another time or size is another file
    sha256, oid = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            oid.update(block)
    return File(size, sha256.hexdigest(), oid.hexdigest())


def remote_files(address: Address, *, token: str | bool | None = None) -> Remote | None:
    """What a repository holds; None where there is none. Raises `HubError`, also for names that leave the folder."""
    from huggingface_hub.hf_api import RepoFile

    undone = f"{address} was not looked at"
    hub = api(token)
    try:
        with explained(undone, what="model", revision=address.revision):
            head = hub.model_info(address.repository, revision=address.revision).sha
            entries = list(hub.list_repo_tree(address.repository, revision=head, recursive=True))
    except HubError as error:
        if error.reason == "missing":
            return None
        raise
    files, foreign = {}, []
    for entry in entries:
        if not isinstance(entry, RepoFile):
            continue
        if OURS.fullmatch(entry.path):
            lfs = entry.lfs
            files[entry.path] = File(entry.size, lfs.sha256 if lfs else None, None if lfs else entry.blob_id)
        else:
            foreign.append(entry.path)
    if len(entries) > MAX_FILES or sum(file.size for file in files.values()) > MAX_BYTES:
        raise HubError(
            f"{undone}: it is too large for a model ({len(entries):,} files). Nothing was fetched.", "foreign"
        )
    assert head is not None
    return Remote(head, files, tuple(foreign))
