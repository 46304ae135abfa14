"""Deleted models and runs: moved aside inside their parent folder, under a name that tells which it was and when."""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gan_core.errors import GanCoreError

FOLDER = ".trash"
"""Inside the same folder, so that moving is a rename; no list shows what begins with a dot."""
KEEP_DAYS = 30
_NAME = re.compile(r"([^.].*)~([0-9]{1,12})~[0-9a-f]{8}")  # A run may lie in a folder of any name.


class Trash:
    def __init__(self, parent: Path, kind: str = "model") -> None:
        """parent: the folder of what can be deleted. kind: what to call one of it."""
        self._parent, self._kind = parent, kind
        self._folder = parent / FOLDER

    def put(self, folder: Path) -> str:
        """Move a folder here; its id. What was deleted a month ago goes for good."""
        self._folder.mkdir(exist_ok=True)
        for path, _, at in self._found():
            if time.time() - at > KEEP_DAYS * 86_400:
                shutil.rmtree(path, ignore_errors=True)
        there = self._folder / f"{folder.name}~{int(time.time())}~{secrets.token_hex(4)}"
        return folder.rename(there).name

    def entries(self) -> list[dict[str, str]]:
        """Id and name of each folder here, the one deleted last first."""
        found = sorted(self._found(), key=lambda one: one[2], reverse=True)
        return [{"id": path.name, "name": name} for path, name, _ in found]

    def take_back(self, id: object) -> str:
        """Back where it was; its name, which has a number behind it where another took it meanwhile."""
        path, name = self._find(id)
        free = free_name(self._parent, name)
        path.rename(self._parent / free)
        return free

    def remove(self, id: object) -> None:
        """For good."""
        shutil.rmtree(self._find(id)[0])

    def _found(self) -> Iterator[tuple[Path, str, int]]:
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if (match := _NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink():
                yield path, match[1], int(match[2])

    def _find(self, id: object) -> tuple[Path, str]:
        for path, name, _ in self._found():
            if path.name == id:
                return path, name
        raise GanCoreError(f"This {self._kind} is not in the trash any more. Nothing was changed. Reload the page.")


def free_name(folder: Path, name: str) -> str:
    """`name`, or with the first number behind it that no entry of the folder has."""
    number, free = 1, name
    while (folder / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free
