"""One at a time: who starts a run, or takes it back, holds a lock on the runs folder while looking and writing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gan_core.errors import RunError
from gan_core.training.run_folder import RunFolder

LOCK = ".lock"


@contextmanager
def claim(run: RunFolder) -> Iterator[None]:
    """Hold the lock of the folder in which the run stands; waits for whoever holds it (they do so for milliseconds).

    Raises `RunError` where the folder cannot be written to.
    """
    folder = run.path.absolute().parent
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written to ({error.strerror or error}). Nothing was started or changed. "
            "Make room there, or make it writable."
        ) from None
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # Which also gives the lock back.


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        with suppress(
            OSError
        ):  # Some network file systems have no locks; what is read next is then nearly always true.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
