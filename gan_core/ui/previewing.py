"""Photographs painted small, to look at: one after another, and those of the examples for everybody at once."""

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image

from gan_core.ui.aside import previews
from gan_core.ui.photos import EXAMPLE, Photo, Photos

if TYPE_CHECKING:
    from gan_core.inference.translator import Direction, Translator

MOST_KEPT = 60
"""About a megabyte each. Every visitor begins with an example."""

Drawn = tuple[Image.Image, Image.Image, float]
"""The photograph made smaller, its painting, and the seconds that it took."""


class Previews:
    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._kept: OrderedDict[tuple[str, ...], Drawn] = OrderedDict()
        self._lock = Lock()

    def draw(self, translator: "Translator", photo: Photo, way: "Direction", px: int) -> Drawn:
        """The photograph and its painting, at most `px` long. Raises `GanCoreError` where too many are waiting."""
        ref = translator.ref
        key = (str(translator.folder), ref.sha256 or "" if ref else "", way, photo.id, str(px))

        def work() -> Drawn:
            # Somebody before us in the line may have asked for the same.
            return self._find(key) or self._painted(translator, photo, way, px, key)

        return self._find(key) or previews().do(work)

    def _find(self, key: tuple[str, ...]) -> Drawn | None:
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
            return found

    def _painted(
        self, translator: "Translator", photo: Photo, way: "Direction", px: int, key: tuple[str, ...]
    ) -> Drawn:
        began_at = time.perf_counter()
        before, after = translator.preview(self._photos.small(photo), way, side=px)
        drawn = before, after, time.perf_counter() - began_at
        if photo.id.startswith(EXAMPLE):  # Of visitors' own photographs nothing stays.
            with self._lock:
                self._kept[key] = drawn
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return drawn
