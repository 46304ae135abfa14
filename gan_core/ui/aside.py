"""Long work beside what people move: it steps back for it, and what is quickly shown waits in one short line.

Whoever drags a slider looks at the picture while it moves. A painting under way would share the processors with it as
an equal, and every thread that computes brings helpers of its own.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from threading import Lock, get_native_id
from typing import TypeVar

from gan_core.errors import GanCoreError

T = TypeVar("T")
NICE = 10  # A tenth of a processor's time where somebody else wants it, all of it where nobody does.
PREVIEW_NICE = 3
MOST_WAITING = 24
BUSY = "This server is busy. Nothing was changed. Try again in a moment."


def step_back(nice: int = NICE) -> None:
    """Let this thread, and those that it will start, wait for others. It cannot be taken back.

    Linux alone knows priorities of single threads; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), nice)


class Aside:
    """One piece of work at a time, on a thread of its own that steps back."""

    def __init__(self, *, most_waiting: int = MOST_WAITING, nice: int = PREVIEW_NICE) -> None:
        self._hand = ThreadPoolExecutor(1, "aside", initializer=step_back, initargs=(nice,))
        self._most, self._under_way, self._lock = most_waiting, 0, Lock()

    def do(self, work: Callable[[], T]) -> T:
        """What `work` gives back. Raises `GanCoreError` at once where too many are waiting."""
        with self._lock:
            if self._under_way > self._most:
                raise GanCoreError(BUSY)
            self._under_way += 1
        try:
            return self._hand.submit(work).result()
        finally:
            with self._lock:
                self._under_way -= 1


@cache
def previews() -> Aside:
    """Where this process paints what is shown of photographs: two at once would take as long each."""
    return Aside()


@cache
def walks() -> Aside:
    """Where it draws what is shown of films, which takes a twentieth of that."""
    return Aside(nice=0)
