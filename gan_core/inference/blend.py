"""How much of a painting is shown over its photograph, and whose colours."""

import numpy as np
from PIL import Image

from gan_core.images import MODES, with_channels

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue are to the eye.
STRIP_PX = 1 << 20  # Pixels in float at a time.


def blend(photo: Image.Image, full: Image.Image, strength: float, keep_colours: bool) -> Image.Image:
    """photo + strength * (full - photo) for each channel, clipped; transparency is that of `full`, or of the photo.

    photo, full: of one size. strength: 0 the photograph, 1 the painting, above 1 beyond it. keep_colours: the
    difference in luma alone, strength * (Y(full) - Y(photo)), added to red, green and blue; Y = 0.299 R + 0.587 G +
    0.114 B. The result is grey where both are, and where it is the painting alone.
    """
    grey = _is_grey(photo) and _is_grey(full)
    if strength == 1 and (grey or not keep_colours):
        return _with_alpha(full, photo)  # The painting itself.
    channels = 1 if grey else 3
    before, after = _colours(photo, channels), _colours(full, channels)
    mixed = Image.new(before.mode, before.size)
    rows = max(1, STRIP_PX // before.width)
    for top in range(0, before.height, rows):
        box = (0, top, before.width, min(top + rows, before.height))
        x = np.asarray(before.crop(box), dtype=np.float32)
        change = np.asarray(after.crop(box), dtype=np.float32) - x
        if keep_colours and not grey:
            change = (change @ np.array(LUMA, dtype=np.float32))[..., None]
        strip = np.rint(x + strength * change).clip(0, 255).astype(np.uint8)
        mixed.paste(Image.fromarray(strip), box)
    return _with_alpha(mixed, full if full.has_transparency_data else photo)


def carried(photo: Image.Image, laid: Image.Image, painted: Image.Image) -> Image.Image:
    """The painting of a photograph with transparency: the change from `laid`, which was painted, put on its colours.

    laid: the photograph over white. Where it is half transparent, the white would otherwise shine through twice.
    """
    channels = 1 if _is_grey(photo) and _is_grey(painted) else 3
    before, under, after = (_colours(image, channels) for image in (photo, laid, painted))
    mixed = Image.new(before.mode, before.size)
    rows = max(1, STRIP_PX // before.width)
    for top in range(0, before.height, rows):
        box = (0, top, before.width, min(top + rows, before.height))
        x, y, z = (np.asarray(image.crop(box), dtype=np.int16) for image in (before, under, after))
        mixed.paste(Image.fromarray((x + z - y).clip(0, 255).astype(np.uint8)), box)
    return _with_alpha(mixed, photo)


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA")


def _colours(image: Image.Image, channels: int) -> Image.Image:
    """L or RGB as the file has them, whatever lies under transparent pixels."""
    if image.has_transparency_data:
        image = image.convert("RGBA").convert("RGB")
    return image if image.mode == MODES[channels] else with_channels(image, channels)  # Copies are large.


def _with_alpha(image: Image.Image, other: Image.Image) -> Image.Image:
    """The picture with the transparency of another; without any where that has none."""
    if not other.has_transparency_data:
        return image
    image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    image = image.copy()
    image.putalpha(other.getchannel("A") if other.mode in ("LA", "RGBA") else other.convert("RGBA").getchannel("A"))
    return image
