"""Where rendered films lie: a private folder in which nobody can guess a path, kept small.

Gradio serves whole folders, so this one holds what was made for visitors and nothing else, and no page ever lists it.
Each file has a folder of its own with a name by chance: the file's own name is what a browser saves it under.
"""

import atexit
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "gan-studio-films-"
KEEP_S = 86_400
KEEP_BYTES = 10**9


class FilmFolder:
    """Films older than a day go; so do the oldest when all together are over 1 GB."""

    def __init__(self, path: Path, *, keep_s: float = KEEP_S, keep_bytes: int = KEEP_BYTES) -> None:
        self.path = path
        self._keep_s, self._keep_bytes = keep_s, keep_bytes

    def new(self, name: str) -> Path:
        """A path for a new file, 128 bits of chance in it; its folder is made by who writes it. Makes room first."""
        self.sweep()
        self.path.mkdir(mode=0o700, exist_ok=True)  # The system may have tidied its temporary files.
        return self.path / secrets.token_hex(16) / name

    def sweep(self) -> None:
        now, total = time.time(), 0
        for changed_at, size, path in sorted(self._files(), reverse=True):
            total += size
            if now - changed_at > self._keep_s or total > self._keep_bytes:
                shutil.rmtree(path.parent, ignore_errors=True)

    def _files(self) -> list[tuple[float, int, Path]]:
        """When written, bytes, path; not those being written, whose names begin with a dot."""
        found = []
        for path in self.path.glob("*/[!.]*"):
            with suppress(FileNotFoundError):  # Another thread may have swept it.
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        return found


@cache
def film_folder() -> FilmFolder:
    """The folder of this process, made on the first call and removed when the process ends."""
    _remove_orphans()
    path = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return FilmFolder(path)


def _remove_orphans() -> None:
    """Folders of processes that were killed, a day later."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            facts = folder.stat(follow_symlinks=False)
            mine = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
            if mine and not folder.is_symlink() and time.time() - facts.st_mtime > KEEP_S:
                shutil.rmtree(folder, ignore_errors=True)
