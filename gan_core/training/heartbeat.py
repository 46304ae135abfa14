"""The heartbeat of a trainer: its status, written every two seconds by a thread of its own.

So it goes on while data is read, networks are compiled and samples drawn, and a watcher elsewhere knows within
`STALE_S` that a trainer is gone.
"""

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any

from gan_core.training.liveness import is_ours
from gan_core.training.run_folder import RunFolder, RunGoneError

HEARTBEAT_S = 2.0


class Heartbeat:
    """Writes what `facts()` tells together with the state that was last told."""

    def __init__(self, folder: RunFolder, facts: Callable[[], dict[str, Any]]) -> None:
        self._folder, self._facts = folder, facts
        self._state: str | None = None
        self._lock, self._ended = Lock(), Event()
        self._thread: Thread | None = None
        self.lost: str | None = None
        """Why this process must not write here any more, in one sentence."""

    def tell(self, state: str, error: str | None = None) -> None:
        """Write the status now, and keep it fresh from now on."""
        with self._lock:
            self._state = state
            self._folder.write_status(state=state, error=error, **self._facts())
        if self._thread is None and not self._ended.is_set():
            self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def tell_in_place(self, state: str, error: str) -> None:
        """Overwrite the status where it stands: a full disk has room for that, and none for a new file."""
        with self._lock:
            self._state = None
            self._folder.overwrite_status(state=state, error=error, **self._facts())

    def end(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                with self._lock:
                    self.lost = self.lost or self._why_lost()
                    if self.lost is None and self._state and not self._ended.is_set():
                        self._folder.write_status(state=self._state, **self._facts())
            except RunGoneError as error:
                self.lost = str(error)
            except OSError:
                continue  # A full disk: the training will find it itself, and say so.

    def _why_lost(self) -> str | None:
        path = self._folder.path
        if self._folder.is_gone():
            return f"{path} is gone: it was moved or deleted."
        status = self._folder.written_status()
        if status and not is_ours(status):
            return f"{path} is written by another process now ({status.get('pid')} on {status.get('host')})."
        return None
