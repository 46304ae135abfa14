"""What the C library keeps of memory that was given back to it."""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from mmap import PAGESIZE
from pathlib import Path

ARENAS = 2
_M_ARENA_MAX = -8  # mallopt(3)


def few_arenas() -> bool:
    """Let all threads share `ARENAS` heaps; False where the C library is not GNU's, or refuses.

    It would give each of many threads one of its own, and keep in each what its largest work once needed: a server that
    visitors come to and leave would grow for days (measured by `bench_visitors --come-and-go`). Before threads begin.
    """
    library = _gnu()
    return library is not None and bool(library.mallopt(_M_ARENA_MAX, ARENAS))


def trim() -> Callable[[], None] | None:
    """Gives what is free back to the system; None but with the GNU C library."""
    library = _gnu()
    return None if library is None else lambda: library.malloc_trim(0)


def used_bytes() -> int:
    """Of this process, as far as it is not swapped out; 0 where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE
    return 0


def _gnu() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version, library.mallopt, library.malloc_trim
        return library
    return None
