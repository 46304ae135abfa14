"""What pictures there are: folders and zips, listed and checked before any is decoded."""

import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from gan_core.errors import DataError
from gan_core.images import SUFFIXES, open_picture

MAX_MEMBER_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Listing:
    """Pictures that can be read one by one, from several threads."""

    name: str
    """Short name of the data set, for run ids and cards."""
    names: list[str]
    """One name a picture, for messages and for `open`."""
    open: Callable[[str], Image.Image]
    """Name to decoded picture; raises PictureError or DataError."""
    classes: list[str] | None = None
    labels: list[int] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> Image.Image:
        return self.open(self.names[index])


def list_path(path: Path, *, max_mp: float, spec: str = "", name: str = "") -> dict[str, Listing]:
    """The listings in a folder or zip: {"": all pictures}, or one each for trainA, trainB, testA, testB.

    spec, name: what to call the data in messages and in run ids, where that is not the path.
    """
    spec, name = spec or str(path), name or data_name(path)
    if not path.is_file():  # A folder, or the place of one: a Hub's data set without pictures leaves none in the cache.
        members = [file.relative_to(path).as_posix() for file in sorted(path.rglob("*")) if file.is_file()]
        return _group(spec, name, members, FolderReader(path, max_mp))
    reader = ZipReader(path, max_mp)
    try:
        infos = [info for info in reader.archive().infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"--data {spec} is neither a folder nor a readable zip ({error}). Nothing was started."
        ) from None
    for info in infos:
        _check_member(spec, info)
    return _group(spec, name, sorted({info.filename for info in infos}), reader)


@dataclass(frozen=True)
class FolderReader:
    folder: Path
    max_mp: float

    def __call__(self, name: str) -> Image.Image:
        return open_picture(self.folder / name, name=name, max_mp=self.max_mp)


@dataclass(frozen=True)
class ArrayReader:
    """Pictures out of an array (N, H, W) or (N, H, W, 3) uint8, by number."""

    pictures: np.ndarray

    def __call__(self, name: str) -> Image.Image:
        return Image.fromarray(self.pictures[int(name)])


class ZipReader:
    """Reads pictures out of an archive, which is never unpacked to disk."""

    def __init__(self, path: Path, max_mp: float) -> None:
        self.path, self.max_mp = path, max_mp
        self._opened: tuple[int, zipfile.ZipFile] | None = None

    def archive(self) -> zipfile.ZipFile:
        # Processes that share one open file share its position too: each opens the archive for itself.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), zipfile.ZipFile(self.path)
        return self._opened[1]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "max_mp": self.max_mp, "_opened": None}

    def __call__(self, name: str) -> Image.Image:
        archive = self.archive()
        try:
            with archive.open(name) as file:
                # A header may lie about the size: one byte more than promised is enough to notice.
                content = file.read(archive.getinfo(name).file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise DataError(f"{name} cannot be unpacked: {str(error).rstrip('.')}.") from None
        return open_picture(content, name=name, max_mp=self.max_mp)


def _check_member(spec: str, info: zipfile.ZipInfo) -> None:
    parts = PurePosixPath(info.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in info.filename.partition("/")[0]:
        raise DataError(
            f"--data {spec} holds {info.filename!r}, a name that leaves the archive. The whole archive was refused."
        )
    if info.file_size > MAX_MEMBER_BYTES:
        size = info.file_size / 2**20
        raise DataError(
            f"--data {spec} holds {info.filename!r} of {size:.0f} MB unpacked. The whole archive was refused."
        )


DOMAINS = ("trainA", "trainB", "testA", "testB")


def _group(spec: str, name: str, members: list[str], read: Callable[[str], Image.Image]) -> dict[str, Listing]:
    """Sort the pictures' names into domains, or into classes by their first folder."""
    split = {member: PurePosixPath(member.replace("\\", "/")).parts for member in members}
    parts = {
        member: p
        for member, p in split.items()
        if member.lower().endswith(SUFFIXES) and not any(part.startswith((".", "__MACOSX")) for part in p)
    }
    pictures = list(parts)
    if not pictures:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(f"--data {spec} holds no pictures ({kinds}). Nothing was started.")
    # An archive often wraps everything in one or two folders.
    depth = 0
    while all(len(p) > depth + 1 for p in parts.values()) and len({p[depth] for p in parts.values()}) == 1:
        if parts[pictures[0]][depth] in DOMAINS:
            break
        depth += 1
    tops = {member: p[depth] if len(p) > depth + 1 else None for member, p in parts.items()}

    def listing(chosen: list[str], classes: list[str] | None = None, labels: list[int] | None = None) -> Listing:
        return Listing(name, chosen, read, classes, labels)

    if {"trainA", "trainB"} <= set(tops.values()):
        return {
            domain: listing([member for member in pictures if tops[member] == domain])
            for domain in DOMAINS
            if domain in tops.values()
        }
    folders = sorted({top for top in tops.values() if top is not None})
    if None in tops.values() or len(folders) < 2:
        return {"": listing(pictures)}
    index = {folder: number for number, folder in enumerate(folders)}
    return {"": listing(pictures, folders, [index[tops[member] or ""] for member in pictures])}


def data_name(path: Path) -> str:
    """A short name for run ids: the file's name in small letters, without its ending."""
    stem = path.resolve().stem if path.is_file() else path.resolve().name
    return "".join(c if c.isalnum() else "-" for c in stem.lower()).strip("-") or "data"
