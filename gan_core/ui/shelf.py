"""The server side of the Models tab: what is here, what is known of each, its name, and what was deleted.

Every public method takes what the page sent, checks all of it and gives back what JSON can hold. Nothing here imports
torch but a thumbnail of a model without a preview. Packing and exporting stand in `packing.py`, imports in `intake.py`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan_core.config import check_name
from gan_core.errors import GanCoreError, ModelError
from gan_core.recipe import Recipe
from gan_core.trash import Trash
from gan_core.ui.model_facts import card_text, facts, flat, measured, metrics, own_files, plain, sha256, short
from gan_core.ui.pictures import file_url
from gan_core.ui.serve import Answer
from gan_core.ui.services import RUN
from gan_core.ui.thumbnails import Thumbnails

if TYPE_CHECKING:
    from gan_core.library import ModelInfo
    from gan_core.ui.services import Services

MAX_PREVIEW_BYTES = 8_000_000
GROUPS = ("Here", "In training", "Runs")
_UNREADABLE = (GanCoreError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class Shelf:
    def __init__(self, services: "Services") -> None:
        self._services = services
        self._folder = services.settings.models_dir
        self._thumbnails = Thumbnails(self._picture)
        self._trash = Trash(self._folder)
        self._lock = Lock()

    # What is here.

    def list_models(self) -> Answer:
        """All models, damaged ones too, then the newest snapshot of each run; and what was deleted."""
        rows = [self._row(value, info) for value, info in self._all().items()]
        return {
            "models": sorted(rows, key=lambda row: GROUPS.index(row["group"])),
            "deleted": self._trash.entries(),
        }

    def _all(self) -> "dict[str, ModelInfo]":
        from gan_core.library import describe, list_models
        from gan_core.training.run_folder import list_runs

        found = {info.name: info for info in list_models(self._services.settings)}
        for run in reversed(list_runs(self._services.settings.runs_dir)):
            if snapshot := run.newest_snapshot():
                found[RUN + run.id] = describe(snapshot)
        return found

    def info(self, value: object) -> "ModelInfo":
        """A listed model. Raises `ModelError` where it is gone: a name from the network never becomes a path."""
        found = self._all().get(value if isinstance(value, str) else "")
        if found is None:
            name = str(value).removeprefix(RUN)[:80]
            raise ModelError(f"There is no model {name!r} here any more. Nothing was done. Reload the list.")
        return found

    def _row(self, value: str, info: "ModelInfo") -> dict[str, Any]:
        group, samples = 0, None
        if value.startswith(RUN):
            run = self._services.run(value.removeprefix(RUN))
            group = 1 if self._services.runs.state(run).active else 2
            samples = next((path for _, path in reversed(run.samples())), None)
        seen = {"value": value, "name": value.removeprefix(RUN), "group": GROUPS[group], "bytes": info.bytes}
        if error := info.error or ("" if info.bytes else f"{info.name} has no weights. Fetch the whole folder again."):
            return {**seen, "error": error.replace(f"{info.folder.parent}{os.sep}", "")}
        url = None
        if info.preview or samples:
            with suppress(*_UNREADABLE):  # A picture that is damaged is not worth a word in a list.
                url = self._thumbnails.of(value, info, samples)
        pixels = f"{info.size:,}" if info.size else "any"
        told = {
            "family": info.title,
            "kind": info.kind,
            "px": pixels,
            "data": short(info.data, 120),
            "imported_as": short(info.imported_as, 120),
            "license": short(info.license or "", 40),
        }
        return {**seen, **told, "measured": measured(metrics(info.folder)), "url": url}

    def thumbnail(self, model: object) -> Answer:
        """A small picture of a model without a preview, drawn by itself; `url` is None where it cannot."""
        info = self.info(model)
        try:
            return {"url": self._thumbnails.of(str(model), info)}
        except _UNREADABLE:
            return {"url": None}

    def _picture(self, value: str) -> Image.Image:
        info = self.info(value)
        if info.preview:
            with Image.open(info.preview) as sheet:
                side = sheet.height // 2  # A translator's: photographs above, what it makes of them below.
                return sheet.crop((0, sheet.height - side, min(side, sheet.width), sheet.height)).convert("RGB")
        if info.kind != "generator":
            raise ModelError(f"{info.name} has no preview.")
        generator = self._services.generator(value)
        return self._services.at_hand(lambda: generator.picture(Recipe(seed=0)))

    # One model.

    def look(self, model: object) -> Answer:
        """Card, files with their sizes and digests, facts and measures of a model, for its opened row."""
        from gan_core.weights import read_config

        info = self.info(model)
        files = [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)} for path in own_files(info.folder)
        ]
        named = {file["name"] for file in files}
        card = card_text(info.folder / "README.md") if "README.md" in named else ""
        told: Answer = {"card": card, "files": files, "facts": [], "measures": [], "preview": None}
        if not info.error:
            config = read_config(info.folder, check_network=False)
            told["facts"] = facts(info, config)
            told["measures"] = [[label, plain(value)] for label, value in flat(metrics(info.folder))]
            shown = info.preview if "preview.webp" in named else None
            if shown and shown.stat().st_size <= MAX_PREVIEW_BYTES:
                told["preview"] = file_url(shown)
        return told

    # Changes.

    def rename(self, model: object, name: object) -> Answer:
        """Give a model of the models folder another name; its card follows."""
        present = self._mine(model, "renamed")
        wanted = check_name(str(name).strip())
        with self._changing():
            if wanted == present.name:
                return {"value": wanted, **self.list_models()}
            self._free(wanted, "Nothing was renamed.")
            new = present.folder.rename(self._folder / wanted)
        with suppress(OSError):  # The card is worth less than the name.
            _rename_in_card(new / "README.md", present.name, wanted)
        return {"value": wanted, **self._changed()}

    def delete(self, model: object) -> Answer:
        """Move a model into the trash, where it stays for 30 days; tells the id that `restore` takes."""
        present = self._mine(model, "deleted")
        with self._changing():
            id = self._trash.put(present.folder)
        return {"id": id, **self._changed()}

    def restore(self, id: object) -> Answer:
        """Bring a deleted model back, under a free name where its own was taken meanwhile."""
        with self._changing():
            name = self._trash.take_back(id)
        return {"value": name, **self._changed()}

    def discard(self, id: object) -> Answer:
        """Remove a deleted model for good."""
        with self._changing():
            self._trash.remove(id)
        return self._changed()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; what the disk refuses is told in a sentence."""
        try:
            with self._lock:
                yield
        except OSError as error:
            raise ModelError(
                f"The models folder could not be written ({error.strerror or error}). Nothing was changed."
            ) from None

    def _mine(self, model: object, done: str) -> "ModelInfo":
        info = self.info(model)
        if str(model).startswith(RUN):
            raise ModelError(f"{info.name} belongs to a run. It was not {done}. Runs are looked after in Training.")
        return info

    def _free(self, name: str, so: str) -> None:
        if (self._folder / name).exists():
            raise ModelError(f"There is a model {name} already. {so} Choose another name.")

    def _changed(self) -> Answer:
        self._services.generators(fresh=True)  # The other tabs ask a list that is kept for some seconds.
        return self.list_models()


def _rename_in_card(path: Path, old: str, new: str) -> None:
    """Title and example of a card that was written here; other words stay as they are."""
    from gan_core.atomic import write_bytes

    if not path.is_file() or path.is_symlink():
        return
    card = path.read_text(encoding="utf-8", errors="replace")
    changed = re.sub(rf"(?m)^# {re.escape(old)}$", f"# {new}", card, count=1)
    changed = changed.replace(f'gan_core.load("{old}")', f'gan_core.load("{new}")')
    if changed != card:
        write_bytes(path, changed.encode())
