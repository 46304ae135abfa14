"""Pictures that say how they were made: written into them, and looked for in any picture."""

import io
import os
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core import __version__
from gan_core.errors import PictureError, RecipeError
from gan_core.recipe import xmp
from gan_core.recipe.checks import shown_name
from gan_core.recipe.containers import XMP, carried
from gan_core.recipe.files import KEY, parsed
from gan_core.recipe.translation import Translation
from gan_core.recipe.values import Recipe

# What Pillow remarks of odd metadata would stand on the terminal beside our own sentences.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

T = TypeVar("T")

PRODUCT = "GAN Studio"
SOFTWARE = f"{PRODUCT} {__version__}"
TRANSLATION_KEY = "gan-translation"
"""Keyword of the PNG's text chunk."""
MAX_XMP_BYTES = 65_000  # A JPEG's segment holds 65,533 bytes.
MAX_SIDES_PX = {"JPEG": 65_535, "WEBP": 16_383}

_OTHER_FORMATS = ("TIFF", "AVIF", "GIF", "BMP")  # Not written here, but programs that convert may keep the XMP.


@dataclass(frozen=True)
class Made:
    """What a picture says of how it was made here. Anybody can write such words, and take them away."""

    kind: Literal["generated", "translated"]
    recipe: Recipe | None
    """Of a generated picture; None: it says no more than that it was generated, as sheets of pictures do."""
    translation: Translation | None
    """Of a translated picture."""
    software: str | None
    """Name and version of the program."""


def embed_png(picture: Image.Image, recipe: Recipe) -> bytes:
    """The picture as a PNG that carries its recipe."""
    return embed(picture, recipe, "PNG")


def embed(picture: Image.Image, made: Recipe | Translation | None, kind: str) -> bytes:
    """The picture as PNG, JPEG or WEBP that says how it was made, and carries nothing else.

    made: None for a picture that was generated without one recipe, such as a sheet. A generated WebP is lossless, a
    translated one is not. Transparency, which JPEG has not, is laid over white. Raises `RecipeError` where a JPEG
    cannot hold the recipe, `PictureError` where the format cannot hold the picture.
    """
    source_type = xmp.TRANSLATED if isinstance(made, Translation) else xmp.GENERATED
    values = {xmp.TOOL: SOFTWARE, xmp.SOURCE_TYPE: source_type}
    options: dict[str, Any]
    if kind == "PNG":
        info = PngInfo()
        if made is not None:
            info.add_text(TRANSLATION_KEY if isinstance(made, Translation) else KEY, made.dumps())
        info.add_text("Software", SOFTWARE)
        info.add_itxt(XMP, xmp.packet(values))
        options = {"pnginfo": info, "icc_profile": None}
    elif kind in ("JPEG", "WEBP"):
        if made is not None:
            values[xmp.TRANSLATION if isinstance(made, Translation) else xmp.RECIPE] = made.dumps()
        packet = xmp.packet(values).encode()
        if kind == "JPEG" and len(packet) > MAX_XMP_BYTES:
            raise RecipeError("A JPEG cannot hold a recipe of this length. Nothing was written. Save it as PNG.")
        options = {"xmp": packet, "comment": b""} if kind == "JPEG" else {"xmp": packet}
        options |= {"quality": 95} if kind == "JPEG" or isinstance(made, Translation) else {"lossless": True}
    else:
        raise RecipeError(f"{kind} pictures carry no recipe. Nothing was written. Save it as PNG, JPEG or WebP.")
    if max(picture.size) > MAX_SIDES_PX.get(kind, max(picture.size)):
        raise PictureError(
            f"The picture has {picture.width:,} x {picture.height:,} pixels; a {kind} holds at most "
            f"{MAX_SIDES_PX[kind]:,} a side. Nothing was written. Save it as PNG."
        )
    if kind == "JPEG" and picture.mode in ("LA", "RGBA"):
        picture = _over_white(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _over_white(picture: Image.Image) -> Image.Image:
    """Without its alpha, which hides colours that nobody was meant to see."""
    white = Image.new(picture.mode[:-1], picture.size, "white")
    white.paste(picture.convert(white.mode), mask=picture.getchannel("A"))
    return white


def made_here(source: Path | bytes, *, name: str | None = None) -> Made | None:
    """What a picture says of how it was made here; None: nothing in it says so, which proves nothing.

    Reads what stands beside the pixels, and no pixel. name: what to call the file in an error; default: its own name.
    Raises `PictureError` for what cannot be read or is no picture.
    """
    name = shown_name(name or (source.name if isinstance(source, Path) else "The file"))
    try:
        if isinstance(source, bytes):
            return _said(_texts(io.BytesIO(source), name))
        if not stat.S_ISREG(source.stat().st_mode):  # A pipe would be waited for.
            raise PictureError(f"{name} is not a file. Nothing was read. Check the path.")
        with source.open("rb") as file:
            return _said(_texts(file, name))
    except FileNotFoundError:
        raise PictureError(f"{name} is not there. Nothing was read. Check the path.") from None
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise PictureError(f"{name} cannot be read ({reason}). Check the path.") from None


def _texts(file: IO[bytes], name: str) -> dict[str, str]:
    texts = carried(file, (KEY, TRANSLATION_KEY, "Software"))
    if texts is not None:
        return texts
    file.seek(0)
    try:
        with _opened(file) as image:
            packet = image.info.get("xmp")
    except Exception:  # Pillow's readers raise almost anything on damaged input.
        raise PictureError(f"{name} is not a picture that can be read. Use a picture file.") from None
    return {XMP: packet.decode(errors="replace")} if isinstance(packet, bytes) else {}


def _opened(file: IO[bytes]) -> Image.Image:
    """Only its head is read."""
    if file.read(12)[4:8] == b"ftyp":
        file.seek(0)
        try:
            from pillow_heif import HeifImageFile

            return HeifImageFile(file)
        except (ImportError, SyntaxError):
            pass  # Not installed, or an AVIF, which Pillow reads itself.
    file.seek(0)
    return Image.open(file, formats=_OTHER_FORMATS)


def _said(texts: dict[str, str]) -> Made | None:
    packet = texts.get(XMP)
    recipe = _read(Recipe.from_json, texts.get(KEY) or xmp.value(packet, xmp.RECIPE))
    translation = _read(Translation.from_json, texts.get(TRANSLATION_KEY) or xmp.value(packet, xmp.TRANSLATION))
    software = _ours(texts.get("Software")) or _ours(xmp.value(packet, xmp.TOOL))
    source_type = xmp.value(packet, xmp.SOURCE_TYPE)
    if translation or (software and source_type == xmp.TRANSLATED and not recipe):
        return Made("translated", None, translation, software)
    if recipe or (software and source_type == xmp.GENERATED):
        return Made("generated", recipe, None, software)
    return None


def _read(build: Callable[[Any], T], text: str | None) -> T | None:
    try:
        return None if text is None else build(parsed(text, "The recipe"))
    except RecipeError:
        return None  # Damaged, or of a later version: the rest may still say something.


def _ours(text: str | None) -> str | None:
    """The program's name and version, if it is this program's and fit to be shown."""
    known = text is not None and text.split(" ")[:2] == PRODUCT.split(" ") and len(text) <= 40 and text.isprintable()
    return text if known else None
