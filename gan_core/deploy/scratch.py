"""Temporary folders that go with the work they are for; what a killed process left goes before the next one's."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "gan-core-deploy-"
YOUNG_S = 60.0
"""A folder is there for a moment before it is locked."""


@contextmanager
def scratch_folder(what: str, within: Path | None = None) -> Iterator[Path]:
    """An empty folder while the block runs. within: where; None: where this computer keeps such folders."""
    home = within or Path(tempfile.gettempdir())
    sweep(home)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{what}-", dir=home, ignore_cleanup_errors=True) as folder:
        held = _locked(Path(folder))
        try:
            yield Path(folder)
        finally:
            if held is not None:
                os.close(held)


def sweep(home: Path) -> None:
    """Delete the folders here of processes that are no more: the system took their locks away."""
    if not hasattr(os, "getuid"):  # No locks of this kind.
        return
    for left in home.glob(f"{PREFIX}*"):
        with suppress(OSError):
            facts = left.lstat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < YOUNG_S:
                continue
            held = _locked(left)
            if held is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(held)


def _locked(folder: Path) -> int | None:
    """An open descriptor that holds the folder; None where somebody else does, or it cannot be held."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
