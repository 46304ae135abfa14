"""Pictures side by side, and enlarged."""

from collections.abc import Sequence
from math import ceil

from PIL import Image

from gan_core.errors import PictureError


def grid(pictures: Sequence[Image.Image], columns: int | None = None, gap: int = 2) -> Image.Image:
    """Pictures of one size in rows on white, `gap` px apart; as square as possible without `columns`."""
    if not pictures:
        raise PictureError("A grid needs at least one picture. Nothing was drawn.")
    columns = min(columns or ceil(len(pictures) ** 0.5), len(pictures))
    rows = ceil(len(pictures) / columns)
    width, height = pictures[0].size
    size = (columns * (width + gap) - gap, rows * (height + gap) - gap)
    sheet = Image.new(pictures[0].mode, size, "white")
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(picture, (column * (width + gap), row * (height + gap)))
    return sheet


def enlarged(image: Image.Image, side: int, smooth: bool = False) -> Image.Image:
    """At least `side` px wide: by a whole factor with hard pixels, or smoothly to exactly `side`."""
    if smooth:
        return image.resize((side, round(side * image.height / image.width)), Image.Resampling.LANCZOS)
    factor = max(1, ceil(side / image.width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
