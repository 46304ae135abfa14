"""A photograph in colour, grey and with an alpha channel; how far two pictures are apart; the sentence of a refusal."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import PictureError
from gan_core.images import open_picture

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)).resize(
    (64, 48), Image.Resampling.BICUBIC
)
GREY = PHOTO.convert("L")
CLEAR = PHOTO.copy()
CLEAR.putalpha(Image.linear_gradient("L").resize(PHOTO.size))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two pictures of one mode and size, in levels."""
    assert (one.mode, one.size) == (other.mode, other.size)
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())


def heic(image: Image.Image, **options) -> bytes:
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=95, **options)
    return file.getvalue()


def sentence(source, **options) -> str:
    """The one sentence in which a picture is refused."""
    with pytest.raises(PictureError) as refusal:
        open_picture(source, **options)
    text = str(refusal.value)
    assert text.isprintable()
    assert text.endswith(".")
    assert len(text) < 400
    return text
