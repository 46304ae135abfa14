"""Files and folders that are either wholly there or not at all, whatever happens while they are written."""

import ctypes
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

LEFT_S = 3600.0  # Nobody is at work on something that did not change for so long.


def _sync(path: Path) -> None:
    """Ask the disk to keep a file or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # Some network file systems cannot sync a folder; the rename below is atomic all the same.
    finally:
        os.close(descriptor)


def temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")


def write_file(path: Path, write: Callable[[Path], object], *, make_folder: bool = True) -> None:
    """`write(temporary path)`, then rename to `path`. make_folder: False where a folder that is gone must stay so."""
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        write(temporary)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, make_folder: bool = True) -> None:
    write_file(path, lambda temporary: temporary.write_bytes(content), make_folder=make_folder)


def write_json(path: Path, values: Any, *, make_folder: bool = True) -> None:
    content = (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    write_bytes(path, content, make_folder=make_folder)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step, as Linux can; False where that cannot be done."""
    here, swap = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2).
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0


def _replace(path: Path, new: Path) -> None:
    if _exchange(new, path):
        shutil.rmtree(new, ignore_errors=True)
        return
    # A folder cannot be renamed onto a full one: for a moment `path` is missing.
    old = temporary_name(path)
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _hold(folder: Path) -> int | None:
    """A lock on a folder that is being filled, which goes with its process; None where there are no such locks.

    Raises `BlockingIOError` where another writer has it.
    """
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


def _release(held: int | None) -> None:
    if held is not None:
        os.close(held)


def _tidy(path: Path) -> None:
    """Remove what writers that were killed long ago left beside the folder, now that it is there whole."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")  # And not those of NAME.OTHER.
    for left in path.parent.glob(".*.tmp"):
        with suppress(OSError):
            if ours.fullmatch(left.name) and time.time() - left.stat().st_mtime > LEFT_S:
                held = _hold(left)  # One that waits for a slow download did not change for long either.
                shutil.rmtree(left, ignore_errors=True)
                _release(held)


@contextmanager
def new_folder(path: Path, *, replace: bool = False, make_parent: bool = True) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends without an error.

    replace: in the place of an older one; otherwise `OSError` where there is one, so that of two writers one wins.
    make_parent: False where a parent that is gone must stay so.
    """
    if make_parent:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    temporary.mkdir()
    held = _hold(temporary)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        if replace and path.exists():
            _replace(path, temporary)
        else:
            temporary.rename(path)
        _sync(path.parent)
        _tidy(path)
    finally:
        _release(held)
        shutil.rmtree(temporary, ignore_errors=True)
