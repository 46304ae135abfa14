"""Thumbnails of generators for the model picker: one picture of each, without loading its weights where that can be."""

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gan_core.ui.pictures import thumbnail_url

if TYPE_CHECKING:
    from gan_core.library import ModelInfo

SIDE_PX = 64
GAP_PX = 2  # Between the pictures of a sheet: `images.grid`.
KEPT = 256


class Thumbnails:
    """Data URLs, kept until the model's files change."""

    def __init__(self, draw: Callable[[str], Image.Image]) -> None:
        """draw(value): a picture of that model; called where no sheet of pictures lies beside the weights."""
        self._draw = draw
        self._kept: dict[tuple[Path, int], str] = {}

    def of(self, value: str, info: "ModelInfo", samples: Path | None = None) -> str:
        """samples: the sheet of a run, where the model is a snapshot of one."""
        sheet = info.preview or samples
        key = (sheet or info.folder, (sheet or info.folder).stat().st_mtime_ns)
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            tile = first_tile(sheet, info.size or 0) if sheet else None
            self._kept[key] = thumbnail_url(tile or self._draw(value), SIDE_PX)
        return self._kept[key]


def first_tile(path: Path, size: int) -> Image.Image | None:
    """The first picture of a sheet of pictures of `size` px, or None where it is no such sheet."""
    try:
        with Image.open(path) as sheet:
            # A preview's pictures are enlarged by a whole factor to at least 64 px, those of a run are not.
            for side in (size * max(1, ceil(SIDE_PX / max(size, 1))), size):
                if side and all((length + GAP_PX) % (side + GAP_PX) == 0 for length in sheet.size):
                    return sheet.crop((0, 0, side, side)).convert("RGB")
    except OSError:
        pass
    return None
