"""The picture that shows a model: samples of a generator, drawn scenes before and after a translator."""

import io

from PIL import Image

from gan_core.images import enlarged, grid
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.scenes import EXAMPLES

LEAST_PX, MOST_PX = 64, 128  # Of one sample.


def generator_preview(model: Generator) -> Image.Image:
    """Rows of fixed seeds; with classes, one class a column."""
    columns = min(len(model.classes), 10) if model.classes else 8
    pictures = [
        model.generate([row * columns + column], label=column if model.classes else None)[0]
        for row in range(4)
        for column in range(columns)
    ]
    return grid([_sized(picture) for picture in pictures], columns)


def _sized(picture: Image.Image) -> Image.Image:
    if picture.width > MOST_PX:
        return picture.resize((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    return enlarged(picture, LEAST_PX)


def translator_preview(model: Translator) -> Image.Image:
    """Drawn scenes above, their translations below: none of the data's pictures travels with the model."""
    drawn = [scene.draw().resize((384, 256), Image.Resampling.LANCZOS) for scene in EXAMPLES.values()]
    return grid([*drawn, *(model.translate(scene) for scene in drawn)], len(drawn), gap=4)


def webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    slow = picture.mode == "RGBA"  # Its transparency is packed without loss, for seconds at the highest effort.
    picture.save(buffer, "WEBP", quality=90, method=4 if slow else 6)
    return buffer.getvalue()
