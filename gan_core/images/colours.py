"""Colours as the networks know them: sRGB, eight bits a channel, grey or RGB, with or without alpha."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms

from gan_core.errors import PictureError

PLAIN = ("L", "LA", "RGB", "RGBA")
MAX_PROFILE_BYTES = 8_000_000
SAME_LEVELS = 2
"""A profile that moves no colour by more than this is sRGB by another name."""

_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_PLAIN_OF = {
    "1": "L",
    "La": "LA",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
_SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}


def plain(image: Image.Image, profile: bytes | None = None) -> Image.Image:
    """The picture as L, LA, RGB or RGBA, in sRGB where a colour profile tells what it was.

    profile: an ICC profile of the picture; one that is damaged or does not fit is ignored. Raises `PictureError` for
    a colour mode that has no way to RGB.
    """
    if image.mode == "CMYK" and (transform := _transform(profile, "CMYK")):
        return _applied(image, transform)
    image = _eight_bits(image)
    if image.mode == "LA":
        if _transform(profile, "L"):
            grey, alpha = image.split()
            return Image.merge("LA", (plain(grey, profile), alpha))
        return image
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    if image.mode == "L":
        return _applied(image, transform).convert("L")
    return _applied(image, transform)


def grey_levels(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits, whole numbers or floats as L. Floats count from 0 to 1, to 255 or to 65,535."""
    if image.mode.startswith("I;16"):
        # 65,536 entries: rounded once, and nothing as large as the picture but its result.
        table = (np.arange(65536) / 65535 * 255).round().astype(np.uint8)
        return Image.fromarray(table[np.asarray(image)])
    values = np.asarray(image, dtype=np.float32)
    top = float(np.nanmax(values, initial=0, where=np.isfinite(values)))
    if image.mode == "F" and top <= 1:
        white = 1.0
    elif top <= 255:
        white = 255.0
    else:
        white = 65535.0 if top <= 65535 else 2.0**31 if image.mode == "I" else top
    values = np.nan_to_num(values, nan=0, posinf=white, neginf=0)  # A copy, which may be changed.
    np.multiply(values, 255 / white, out=values)
    np.clip(values, 0, 255, out=values)
    return Image.fromarray(np.round(values, out=values).astype(np.uint8))


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP:
        grey = grey_levels(image)
        key = image.info.get("transparency")
        if not isinstance(key, int):
            return grey
        alpha = np.where(np.asarray(image) == key, np.uint8(0), np.uint8(255))
        return Image.merge("LA", (grey, Image.fromarray(alpha)))
    try:
        if image.mode == "P":
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
        if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
            return _with_key(image)
        return image if image.mode in PLAIN else image.convert(_PLAIN_OF[image.mode])
    except (KeyError, ValueError):
        raise PictureError(f"Pictures of the colour mode {image.mode} are not read. Save it as RGB or grey.") from None


def _with_key(image: Image.Image) -> Image.Image:
    """A picture with one colour that counts as transparent, as PNG has it."""
    key = image.info["transparency"]
    if isinstance(key, tuple) and max(key) > 255:
        image = image.copy()
        image.info["transparency"] = tuple(part >> 8 for part in key)  # Of sixteen bits, as the pixels were.
    return image.convert("RGBA" if image.mode == "RGB" else "LA")


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    result = ImageCms.applyTransform(image, transform)
    return image if result is None else result


def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way to sRGB; None where there is none to go: no profile, one of no use, or sRGB already."""
    if not isinstance(profile, bytes) or not 0 < len(profile) <= MAX_PROFILE_BYTES:
        return None
    return _built(profile, mode)


@lru_cache(maxsize=8)  # The pictures of one camera share a profile, and building costs more than a small picture.
def _built(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        out = "RGBA" if mode == "RGBA" else "RGB"
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, out)
        return None if transform is None or _changes_nothing(transform, mode) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    ramp = Image.linear_gradient("L").resize((16, 16))
    if mode != "L":
        turned = ramp.transpose(Image.Transpose.ROTATE_90)
        ramp = Image.merge("RGB", (ramp, turned, ImageChops.invert(ramp))).convert(mode)
    before, after = ramp.convert("RGB"), _applied(ramp, transform).convert("RGB")
    return max(high for _, high in ImageChops.difference(before, after).getextrema()) <= SAME_LEVELS  # type: ignore[misc]
