"""What the server holds: accounts, repositories with their commits, and contents on disk."""

import hashlib
import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import BinaryIO

LFS_FROM_BYTES = 1_000_000
LFS_SUFFIXES = (".safetensors", ".bin", ".onnx", ".zip", ".pt", ".pth", ".webp", ".png", ".mp4")
BLOCK = 1 << 20


@dataclass
class Account:
    name: str
    organisations: dict[str, str] = field(default_factory=dict)
    """Role (admin, write, read) by organisation."""
    role: str = "write"
    """What the token may do."""
    pro: bool = False

    def may_write(self, namespace: str) -> bool:
        if self.role != "write":
            return False
        return namespace == self.name or self.organisations.get(namespace) in ("admin", "write")

    def may_read(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.organisations


@dataclass(frozen=True)
class Blob:
    """One file of a commit. The content lies in the store under its SHA-256."""

    size: int
    sha256: str
    oid: str
    """Git's own SHA-1 of the content, or of the LFS pointer."""
    lfs: bool


@dataclass(frozen=True)
class Commit:
    sha: str
    parent: str | None
    title: str
    files: dict[str, Blob]
    at: float


class Conflict(Exception):  # noqa: N818 - an answer, not an error
    """The parent that a commit names is not the head."""


class Repository:
    def __init__(self, store: "Store", kind: str, name: str, *, private: bool = False, **more: object) -> None:
        self.store, self.kind, self.name, self.private = store, kind, name, private
        self.gated = False
        self.more = more
        """Of a Space: sdk, hardware, variables, secrets, stages, logs."""
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        first = {".gitattributes": self.store.keep(b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n")}
        self._add(first, None, "initial commit")

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def head(self) -> str:
        return self.branches["main"]

    @property
    def files(self) -> dict[str, Blob]:
        return self.commits[self.head].files

    def content(self, path: str) -> bytes:
        return self.store.path(self.files[path].sha256).read_bytes()

    def resolve(self, revision: str) -> Commit | None:
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(sha)

    def replace(self, files: dict[str, bytes]) -> str:
        """A commit that holds these files and no others."""
        return self._add({path: self.store.keep(data, path) for path, data in files.items()}, self.head, "replace")

    def change(self, changed: dict[str, bytes | None], title: str = "by somebody else") -> str:
        """A commit by another hand: contents by path, None for what goes."""
        files = dict(self.files)
        for path, data in changed.items():
            files.pop(path, None)
            if data is not None:
                files[path] = self.store.keep(data, path)
        return self._add(files, self.head, title)

    def commit(self, edit: Callable[[dict[str, Blob]], None], parent: str | None, title: str, branch: str) -> str:
        """Apply `edit` to the files of the branch. Raises `Conflict` where `parent` is not its head."""
        with self.store.lock:
            if parent is not None and parent != self.branches[branch]:
                raise Conflict
            files = dict(self.commits[self.branches[branch]].files)
            edit(files)
            return self._add(files, self.branches[branch], title, branch)

    def _add(self, files: dict[str, Blob], parent: str | None, title: str, branch: str = "main") -> str:
        sha = hashlib.sha1(f"{self.name}{parent}{secrets.token_hex(8)}".encode()).hexdigest()
        with self.store.lock:
            self.commits[sha] = Commit(sha, parent, title, files, time.time())
            self.branches[branch] = sha
        return sha


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = RLock()
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}

    def find(self, kind: str, name: str) -> Repository | None:
        return self.repositories.get((kind, name))

    def create(self, kind: str, name: str, **options: object) -> Repository:
        with self.lock:
            repository = self.repositories[kind, name] = Repository(self, kind, name, **options)  # type: ignore[arg-type]
        return repository

    def path(self, sha256: str) -> Path:
        return self.folder / sha256

    def has(self, sha256: str) -> bool:
        return self.path(sha256).exists()

    def keep(self, data: bytes, path: str = "") -> Blob:
        return self.blob(self.take(io.BytesIO(data), len(data)), path)

    def take(self, source: BinaryIO, length: int) -> str:
        """Read `length` bytes into the store; the SHA-256. Raises `ConnectionError` where fewer come."""
        digest, partial = hashlib.sha256(), self.folder / f"partial-{secrets.token_hex(8)}"
        with partial.open("wb") as file:
            while length:
                block = source.read(min(length, BLOCK))
                if not block:
                    partial.unlink()
                    raise ConnectionError("the sender is gone")
                digest.update(block)
                file.write(block)
                length -= len(block)
        partial.replace(self.path(digest.hexdigest()))
        return digest.hexdigest()

    def blob(self, sha256: str, path: str) -> Blob:
        """What a commit holds of a content that is in the store."""
        size = self.path(sha256).stat().st_size
        lfs = is_lfs(path, size)
        content = self.path(sha256).read_bytes() if not lfs else pointer(sha256, size)
        return Blob(size, sha256, hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), lfs)


def is_lfs(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LFS_SUFFIXES) or size >= LFS_FROM_BYTES)


def pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
