"""Pictures as HTML: inside the page, without a file on the server for every frame of a drag."""

from base64 import b64encode
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image

HARD_PX = 128  # Up to this side single pixels are the content and stay square.


def data_url(picture: Image.Image) -> str:
    """A lossless PNG. Fast compression: at these sizes the time to encode is what a person waits for."""
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return _url("png", buffer.getvalue())


def jpeg_url(picture: Image.Image) -> str:
    """Not quite what it was, in a thirtieth of the time: for pictures that the next one replaces at once."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return _url("jpeg", buffer.getvalue())


def file_url(path: Path) -> str:
    return _url(path.suffix.removeprefix("."), path.read_bytes())


def _url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def sheet(path: Path, *, alt: str, caption: str) -> str:
    """A sample sheet of a run."""
    return (
        f'<figure class="gs-figure"><img class="gs-picture gs-sheet" src="{file_url(path)}" alt="{escape(alt)}">'
        f"<figcaption><span>{escape(caption)}</span></figcaption></figure>"
    )


def empty(text: str) -> str:
    """A quiet place for what is not there yet: one line that says what to do."""
    return f'<div class="gs-empty"><p>{escape(text)}</p></div>'


def thumbnail_url(picture: Image.Image, width: int = 160) -> str:
    small = picture.convert("RGB")
    small.thumbnail((width, width))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return _url("jpeg", buffer.getvalue())
