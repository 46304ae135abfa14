"""Visitors who have gone: what Gradio would remember of them for ever, and the memory in which their work was done.

Gradio notes the calls of each visit and the path of each file that was sent, and takes neither note back where the
visit has ended or the file was moved. And what the C library is given back it keeps for a next time: a server that
painted for fifty people at once stays as large as it was then.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from gan_core.ui import memory

EVERY_S = 60.0
GROWN_BYTES = 64_000_000
"""Less is not worth the milliseconds for which everything that asks for memory has to wait."""


class Forgetting:
    """Of one page. What is found twice in a row, a sweep apart, goes: no request is in the middle of using it."""

    def __init__(self, page: Any, *, trim: Callable[[], None] | None = None) -> None:
        """page: the `gr.Blocks`, with its queue."""
        self._page, self._trim = page, trim or memory.trim()
        self._idle: set[str] = set()
        self._moved: set[str] = set()
        self._least = 0

    def sweep(self) -> None:
        self._forget_calls()
        self._forget_files()
        now = memory.used_bytes()
        if self._trim and now > self._least + GROWN_BYTES:
            self._trim()
            self._least = memory.used_bytes()
        else:
            self._least = min(self._least, now)

    def _forget_calls(self) -> None:
        """Of visits whose answers Gradio keeps no more (the newest two thousand): nobody can ask after them."""
        queue = self._page._queue
        idle = {one for one in list(queue.pending_event_ids_session) if one not in queue.pending_messages_per_session}
        for visit in idle & self._idle:
            queue.pending_event_ids_session.pop(visit, None)
        self._idle = idle

    def _forget_files(self) -> None:
        noted = [(files, path) for files in self._page.temp_file_sets for path in list(files)]
        moved = {str(path) for _, path in noted if not Path(path).exists()}
        gone = moved & self._moved
        for files, path in noted:
            if str(path) in gone:
                files.discard(path)
        self._moved = moved

    def begin(self, every_s: float = EVERY_S) -> Event:
        """Sweep every so often, in a thread of its own, until the event is set."""
        over = Event()

        def work() -> None:
            while not over.wait(every_s):
                try:
                    self.sweep()
                except Exception:  # Gradio's own notes, and the disk: one bad sweep must not be the last.
                    traceback.print_exc()

        Thread(target=work, daemon=True, name="forgetting").start()
        return over
