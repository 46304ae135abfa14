"""Deleted models: moved aside inside the models folder, under a name that tells which it was and when."""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gan_core.errors import ModelError

FOLDER = ".trash"
"""Inside the models folder, so that moving is a rename; no list of models shows it."""
KEEP_DAYS = 30
_NAME = re.compile(r"([a-z0-9][a-z0-9._-]*)~([0-9]{1,12})~[0-9a-f]{8}")


class Trash:
    def __init__(self, models: Path) -> None:
        self._models = models
        self._folder = models / FOLDER

    def put(self, folder: Path) -> str:
        """Move a model folder here; its id. What was deleted a month ago goes for good."""
        self._folder.mkdir(exist_ok=True)
        for path, _, at in self._found():
            if time.time() - at > KEEP_DAYS * 86_400:
                shutil.rmtree(path, ignore_errors=True)
        there = self._folder / f"{folder.name}~{int(time.time())}~{secrets.token_hex(4)}"
        return folder.rename(there).name

    def entries(self) -> list[dict[str, str]]:
        """Id and name of each model here, the one deleted last first."""
        found = sorted(self._found(), key=lambda one: one[2], reverse=True)
        return [{"id": path.name, "name": name} for path, name, _ in found]

    def take_back(self, id: object) -> str:
        """Back among the models; its name, which has a number behind it where another model took it meanwhile."""
        path, name = self._find(id)
        free = free_name(self._models, name)
        path.rename(self._models / free)
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
        raise ModelError("This model is not in the trash any more. Nothing was changed. Reload the page.")


def free_name(folder: Path, name: str) -> str:
    """`name`, or with the first number behind it that no entry of the folder has."""
    number, free = 1, name
    while (folder / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free
