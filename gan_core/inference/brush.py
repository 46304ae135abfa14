"""How fine a photograph is painted: a network's strokes have a size in pixels, which a large photograph makes small.

Fine paints every pixel. A broader brush paints the photograph made smaller, as its preview shows it, and lays what has
changed over the whole photograph, whose own detail stays:  photograph + enlarged(painting - small photograph).
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gan_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan_core.inference.translator import Direction, Translator

BRUSHES = {"broad": 512, "medium": 1280, "fine": None}
"""Long side in px at which the network paints; None: the photograph's own."""


def brush_px(brush: object, size: tuple[int, int]) -> int | None:
    """The long side that the network paints of a photograph; None where it is the whole. None is the fine brush."""
    if brush is not None and (not isinstance(brush, str) or brush not in BRUSHES):
        raise ConfigError(f"{str(brush)[:80]!r} is no brush. Nothing was painted. Take {', '.join(BRUSHES)}.")
    px = BRUSHES[brush] if isinstance(brush, str) else None
    return px if px is not None and max(size) > px else None


def painted(
    translator: "Translator",
    photo: Image.Image,
    direction: "Direction",
    px: int | None,
    report: "Callable[[float], None]",
) -> Image.Image:
    """The photograph at full strength and of its own size."""
    if px is None:
        return translator.translate(photo, direction, progress=report)
    report(0.0)
    small, painting = translator.preview(photo, direction, side=px)
    report(0.5)
    return laid_over(photo, small, painting)


def laid_over(photo: Image.Image, small: Image.Image, painting: Image.Image) -> Image.Image:
    """photo + enlarged(painting - small), of the painting's mode; one colour after another, so that memory stays small.

    Transparency is the photograph's.
    """
    mode = painting.mode
    bands = []
    for name, base, before, after in zip(
        painting.getbands(),
        photo.convert(mode).split(),
        small.convert(mode).split(),
        painting.split(),
        strict=True,
    ):
        if name == "A":
            bands.append(base)
            continue
        change = Image.fromarray(np.asarray(after, np.float32) - np.asarray(before, np.float32))
        total = np.asarray(change.resize(photo.size, Image.Resampling.BICUBIC)) + np.asarray(base, np.float32)
        bands.append(Image.fromarray(total.round().clip(0, 255).astype(np.uint8)))
    return Image.merge(mode, bands)
