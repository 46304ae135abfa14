"""Pictures that come with the models of a static page: what is seen first, and what the picker shows."""

import base64
import io

from PIL import Image, ImageOps

THUMB_PX = 64


def webp(picture: Image.Image, *, quality: int = 92, lossless: bool = False) -> bytes:
    """quality: of 100; where nothing may be lost, how hard it is packed."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, lossless=lossless, method=6)
    return buffer.getvalue()


def thumb(picture: Image.Image) -> str:
    """A data URL of a small square, its middle where the picture is none."""
    small = ImageOps.fit(picture.convert("RGB"), (THUMB_PX, THUMB_PX))
    return "data:image/webp;base64," + base64.b64encode(webp(small, quality=80)).decode()
