"""Visitors' photographs and what was painted from them: a private folder that no address leads to.

Each file has a name by chance, which only the page that brought it knows. It goes an hour after it was used last, and
the ones used longest ago go earlier where all together are too many or too large.
"""

import atexit
import secrets
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock, Timer

from gan_core.errors import PictureError
from gan_core.ui.film_folder import PREFIX

KEEP_S = 3600.0
KEEP_BYTES = 2 * 10**9
MOST_FILES = 400


@dataclass
class _Kept:
    path: Path
    bytes: int
    used_at: float


class PhotoFolder:
    def __init__(
        self,
        path: Path,
        *,
        keep_s: float = KEEP_S,
        keep_bytes: int = KEEP_BYTES,
        most_files: int = MOST_FILES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = path
        self._keep_s, self._keep_bytes, self._most_files, self._clock = keep_s, keep_bytes, most_files, clock
        self._files: OrderedDict[str, _Kept] = OrderedDict()  # The one used longest ago comes first.
        self._lock = Lock()
        self._timer: Timer | None = None
        self._forget: list[Callable[[str], None]] = []

    def when_gone(self, forget: Callable[[str], None]) -> None:
        """Call `forget(id)` of each file that goes: nothing of it may stay elsewhere."""
        self._forget.append(forget)

    def take(self, source: Path) -> str:
        """Move a file in; its id. Raises `PictureError` where it cannot be taken."""
        file_id = secrets.token_hex(16)
        path = self._folder / file_id
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)  # The system may have tidied its temporary files.
            shutil.move(source, path)
        except FileNotFoundError:
            raise PictureError("The file did not arrive whole. Nothing was changed. Try it once more.") from None
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise PictureError(f"The file cannot be kept ({error.strerror}). Nothing was changed.") from None
        self._keep(file_id, path)
        return file_id

    def lend(self, path: Path) -> None:
        """A file that lies elsewhere, alone in its folder, goes as the others go: a result, to be fetched once."""
        self._keep(secrets.token_hex(16), path)

    def _keep(self, file_id: str, path: Path) -> None:
        with self._lock:
            self._files[file_id] = _Kept(path, path.stat().st_size, self._clock())
        self.sweep()

    def find(self, file_id: object) -> Path:
        """The file of an id; it counts as used now. Raises `PictureError` where it is not kept any more."""
        self.sweep()
        with self._lock:
            kept = self._files.get(file_id) if isinstance(file_id, str) else None
            if kept is not None and kept.path.exists():
                kept.used_at = self._clock()
                self._files.move_to_end(str(file_id))
                return kept.path
        raise PictureError("This photograph is not kept any more. Nothing was painted. Choose it again.")

    def drop(self, file_id: str) -> None:
        with self._lock:
            kept = self._files.pop(file_id, None)
        if kept:
            self._remove(file_id, kept.path)

    def sweep(self) -> None:
        """Remove what is old or too much."""
        now, gone = self._clock(), list[tuple[str, Path]]()
        with self._lock:
            total = sum(kept.bytes for kept in self._files.values())
            for file_id, kept in list(self._files.items()):
                too_much = total > self._keep_bytes or len(self._files) > self._most_files
                if now - kept.used_at > self._keep_s or (too_much and len(self._files) > 1):
                    total -= kept.bytes
                    gone.append((file_id, self._files.pop(file_id).path))
            if self._timer is None and self._files:  # Nobody need come back for a photograph to go.
                self._timer = Timer(self._keep_s, self._again)
                self._timer.daemon = True
                self._timer.start()
        for file_id, path in gone:
            self._remove(file_id, path)

    def _remove(self, file_id: str, path: Path) -> None:
        for forget in self._forget:
            forget(file_id)
        path.unlink(missing_ok=True)
        if path.parent != self._folder:
            with suppress(OSError):
                path.parent.rmdir()

    def _again(self) -> None:
        self._timer = None
        self.sweep()


@cache
def photo_folder() -> PhotoFolder:
    """The folder of this process, made on the first call and removed when the process ends."""
    # With the films' prefix: what a killed process left behind is removed with its films.
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}photos-")).resolve()
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return PhotoFolder(path)
