"""Locks between processes, each a file that is held open: it goes when that is closed, or its process ends."""

import os
import sys
import time
from pathlib import Path

PAUSE_S = 0.2


def locked(path: Path, *, wait_s: float = 0.0, pause_s: float = PAUSE_S) -> int | None:
    """Its open descriptor, to be closed by whoever asked; None where another has it all the time. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    end = time.monotonic() + wait_s
    while not _try_lock(descriptor):
        if time.monotonic() > end:
            os.close(descriptor)
            return None
        time.sleep(pause_s)
    return descriptor


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import errno
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # Some network file systems have no locks.
        return True
