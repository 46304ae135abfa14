"""Recipes in files: a PNG's text chunk, the XMP packet of a JPEG or WebP, or plain JSON."""

import hashlib
import html
import io
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core.errors import RecipeError
from gan_core.recipe.values import Recipe

KEY = "gan-recipe"
"""Keyword of the PNG's text chunk."""
MAX_JSON_BYTES = 1_000_000
MAX_PICTURE_BYTES = 100_000_000
MAX_PICTURE_MP = 50
MAX_XMP_BYTES = 65_000  # A JPEG's segment holds 65,533 bytes.

_PICTURES = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:gan="urn:gan-studio:recipe:1"><gan:recipe>{}</gan:recipe>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)
_IN_XMP = re.compile(r"<gan:recipe>(.*?)</gan:recipe>", re.DOTALL)


def embed_png(picture: Image.Image, recipe: Recipe) -> bytes:
    """The picture as a PNG that carries its recipe."""
    return embed(picture, recipe, "PNG")


def embed(picture: Image.Image, recipe: Recipe, kind: str) -> bytes:
    """The picture as PNG, JPEG or WEBP (lossless) with its recipe inside. RecipeError where a JPEG cannot hold it."""
    text = recipe.dumps()
    options: dict[str, Any]
    if kind == "PNG":
        info = PngInfo()
        info.add_text(KEY, text)
        options = {"pnginfo": info}
    elif kind in ("JPEG", "WEBP"):
        packet = _XMP.format(html.escape(text, quote=False)).encode()
        if kind == "JPEG" and len(packet) > MAX_XMP_BYTES:
            raise RecipeError("A JPEG cannot hold a recipe of this length. Nothing was written. Save it as PNG.")
        options = {"xmp": packet, "quality": 95} if kind == "JPEG" else {"xmp": packet, "lossless": True}
        picture = picture.convert("RGB") if kind == "JPEG" and picture.mode == "RGBA" else picture
    else:
        raise RecipeError(f"{kind} pictures carry no recipe. Nothing was written. Save it as PNG, JPEG or WebP.")
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def read(source: Path | bytes, *, name: str | None = None) -> Recipe:
    """The recipe that a picture made here carries, or that of a JSON file. Raises `RecipeError` for anything else.

    name: what to call the file in the error; default: its own name.
    """
    name = name or (source.name if isinstance(source, Path) else "The file")
    content = _content(source, name) if isinstance(source, Path) else source
    kind = next((kind for kind, mark in _PICTURES.items() if content.startswith(mark)), None)
    if kind:
        text: str | bytes = _from_picture(content, kind, name)
    elif len(content) > MAX_JSON_BYTES:
        raise RecipeError(
            f"{name} is neither a PNG, JPEG or WebP picture nor a recipe of at most 1 MB. Nothing was changed. "
            "Use a picture saved here."
        )
    else:
        text = content
    return Recipe.from_json(_parsed(text, f"The recipe in {name}" if kind else name))


def loads(text: str | bytes, name: str = "The recipe") -> Recipe:
    """A recipe from JSON text. Raises `RecipeError`."""
    return Recipe.from_json(_parsed(text, name))


def _content(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise RecipeError(f"{name} is larger than {MAX_PICTURE_BYTES // 10**6} MB. It was not read.")
        return path.read_bytes()
    except FileNotFoundError:
        raise RecipeError(f"{name} is not there. Nothing was read. Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(f"{name} cannot be read ({reason}). Nothing was changed. Check the path.") from None


def _from_picture(content: bytes, kind: str, name: str) -> str:
    """The recipe's JSON text, out of a picture that is whole."""
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as picture:
            if picture.width * picture.height > MAX_PICTURE_MP * 1e6:
                raise RecipeError(f"{name} is over {MAX_PICTURE_MP} megapixels. It was not read.")
            picture.load()  # A damaged picture is told here, before anything is changed.
            info = {**picture.info, **getattr(picture, "text", {})}
    except RecipeError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on damaged input.
        detail = " ".join(str(error).split())[:120]
        raise RecipeError(
            f"{name} is damaged and could not be opened ({detail}). Nothing was changed. Use the original file."
        ) from None
    text = info.get(KEY) if kind == "PNG" else _in_xmp(info.get("xmp"))
    if not isinstance(text, str):
        raise RecipeError(
            f"{name} carries no recipe. Nothing was changed. "
            "Use a picture as it was saved here: many programs and sites drop what a picture carries. "
            "To look for a picture like it, use Find my picture."
        )
    return text


def _in_xmp(packet: Any) -> str | None:
    """A pattern instead of an XML parser: nothing in a stranger's packet is expanded."""
    if isinstance(packet, str):
        packet = packet.encode(errors="replace")
    found = _IN_XMP.search(packet.decode(errors="replace")) if isinstance(packet, bytes) else None
    return html.unescape(found[1]) if found else None


def _parsed(text: str | bytes, what: str) -> Any:
    if len(text) > MAX_JSON_BYTES:
        raise RecipeError(f"{what} is larger than {MAX_JSON_BYTES // 10**6} MB. It was not read. Use one saved here.")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
    raise RecipeError(
        f"{what} holds neither a picture nor a recipe (it is not valid JSON: {reason}). Nothing was changed. "
        "Use one saved here."
    ) from None


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model folder's generator.safetensors, by which recipes know the model; empty where there is none."""
    path = folder / "generator.safetensors"
    try:
        facts = path.stat()
        return _sha256(path, facts.st_mtime_ns, facts.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=1024)
def _sha256(path: Path, _written_at: int, _size: int) -> str:
    # A file that was written anew has another time: it is read again.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
