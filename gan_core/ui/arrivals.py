"""Where uploads arrive: under names by chance, in number and bytes as much as there is room for, and not for ever.

Gradio names an upload's folder by its content: whoever has a photograph could ask whether somebody else has brought it,
and take that copy away. So each is moved to a folder that nobody can guess before its path is told.
"""

import atexit
import os
import secrets
import shutil
import tempfile
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from threading import Event, Lock, Thread

from gan_core.ui.film_folder import PREFIX
from gan_core.ui.public import MB, Limits

PLACE = "GRADIO_TEMP_DIR"
SWEEP_S = 60.0
FETCHED_S = 120.0
MOST_VISITORS = 5000
MANY = "You have sent much in the last minutes. This file was not taken. Try again in ten minutes."
FULL = "This server's room for uploads is full for now. The file was not taken. Try again in a few minutes."


class Arrivals:
    def __init__(self, folder: Path, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._limits, self._clock = folder, limits, clock
        self._seen: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()
        """When and how much each visitor sent, the one who sent last at the end."""
        self._coming: list[tuple[str | None, int]] = []
        """Whose uploads are on their way, and how large."""
        self._lock = Lock()

    def begin(self, who: str | None, expected: int) -> str | None:
        """Make room for an upload of so many bytes; a sentence where it is refused. Whoever begins must `end`."""
        with self._lock:
            if who is not None:
                # What is on its way counts: forty slow uploads at once would take all the room there is.
                sizes = [size for _, size in self._recent(who)] + [size for one, size in self._coming if one == who]
                if len(sizes) >= self._limits.window_files or sum(sizes) + expected > self._limits.window_bytes:
                    return MANY
            if not self._room(expected):
                self.sweep(FETCHED_S)  # What the page asked for is fetched in a moment; the rest was sent to lie here.
                if not self._room(expected):
                    return FULL
            self._coming.append((who, expected))
        return None

    def _room(self, expected: int) -> bool:
        room = self._limits.kept_bytes - sum(size for _, size in self._coming) - expected
        return room == inf or sum(size for _, size, _ in self._files()) <= room

    def end(self, who: str | None, expected: int) -> None:
        with self._lock:
            self._coming.remove((who, expected))

    def arrived(self, who: str | None, paths: list[str]) -> list[str]:
        """The same files under paths that nobody can guess; they count as sent by `who`."""
        moved = []
        for path in map(Path, paths):
            place = self._folder / secrets.token_hex(16) / path.name
            size = 0
            with suppress(OSError):  # Gone, or not there yet: it stays where it was told to be.
                place.parent.mkdir()
                path.rename(place)
                size = place.stat().st_size
                with suppress(OSError):
                    path.parent.rmdir()
            if not size:
                with suppress(OSError):
                    place.parent.rmdir()
            moved.append(str(place if place.exists() else path))
            if who is not None:
                with self._lock:
                    self._recent(who).append((self._clock(), size))
        return moved

    def sweep(self, kept_s: float | None = None) -> None:
        """Remove what is older than `kept_s` (None: the limits'), and the oldest where all together are too much."""
        kept_s = self._limits.kept_s if kept_s is None else kept_s
        now, total = time.time(), 0
        for changed_at, size, path in sorted(self._files(), reverse=True):
            total += size
            if now - changed_at > kept_s or total > self._limits.kept_bytes:
                with suppress(OSError):
                    path.unlink()
                if path.parent != self._folder:
                    with suppress(OSError):
                        path.parent.rmdir()
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:  # A photograph that was fetched leaves its folder behind.
                with suppress(OSError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > FETCHED_S:
                        Path(entry.path).rmdir()  # It fails where something is inside.

    def keep_tidy(self, every_s: float = SWEEP_S) -> Event:
        """Sweep every so often, in a thread of its own, until the event is set."""
        over = Event()

        def work() -> None:
            while not over.wait(every_s):
                self.sweep()

        Thread(target=work, daemon=True, name="arrivals").start()
        return over

    def _recent(self, who: str) -> deque[tuple[float, int]]:
        """What a visitor sent within the window; the lock is held."""
        sent = self._seen.setdefault(who, deque())
        self._seen.move_to_end(who)
        while len(self._seen) > MOST_VISITORS:
            self._seen.popitem(last=False)
        while sent and sent[0][0] < self._clock() - self._limits.window_s:
            sent.popleft()
        return sent

    def _files(self) -> list[tuple[float, int, Path]]:
        """When written, bytes, path. Those that are arriving, or broke off, lie in the folder itself."""
        found, folders = [], [self._folder]
        for folder in folders:
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        found.append((facts.st_mtime, facts.st_size, Path(entry.path)))
                    elif folder == self._folder:
                        folders.append(Path(entry.path))
        return found


def own_place() -> Path | None:
    """A private folder for uploads, made for this process and removed with it; None where GRADIO_TEMP_DIR names one.

    Gradio's own is /tmp/gradio, which other applications use too: nothing could be removed there.
    """
    if os.environ.get(PLACE):
        return None
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}uploads-")).resolve()
    os.environ[PLACE] = str(path)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def megabytes(size: float) -> str:
    return f"{size / MB:,.0f} MB"
