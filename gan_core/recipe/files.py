"""Recipes out of files: a PNG's text chunk, the XMP packet of a JPEG or WebP, or plain JSON."""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from gan_core.errors import RecipeError
from gan_core.recipe import xmp
from gan_core.recipe.values import Recipe

KEY = "gan-recipe"
"""Keyword of the PNG's text chunk."""
MAX_JSON_BYTES = 1_000_000
MAX_PICTURE_BYTES = 100_000_000
MAX_PICTURE_MP = 50

_PICTURES = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}


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
    return Recipe.from_json(parsed(text, f"The recipe in {name}" if kind else name))


def loads(text: str | bytes, name: str = "The recipe") -> Recipe:
    """A recipe from JSON text. Raises `RecipeError`."""
    return Recipe.from_json(parsed(text, name))


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
    text = info.get(KEY) if kind == "PNG" else xmp.value(info.get("xmp"), xmp.RECIPE)
    if not isinstance(text, str):
        raise RecipeError(
            f"{name} carries no recipe. Nothing was changed. "
            "Use a picture as it was saved here: many programs and sites drop what a picture carries. "
            "To look for a picture like it, use Find my picture."
        )
    return text


def parsed(text: str | bytes, what: str) -> Any:
    """JSON of a stranger. Raises `RecipeError`, which calls it `what`."""
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
