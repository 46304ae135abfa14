"""Files of strangers to pictures: decoded, upright, in sRGB, and with nothing else that the file carried."""

import io
import os
import stat
import warnings
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageFile

from gan_core.errors import PictureError
from gan_core.images.colours import plain
from gan_core.images.kinds import HEAD_BYTES, HEIF, RAW, TIFF, WEBP, kind_of, stranger, webp_size
from gan_core.recipe.checks import shown_name

# Our own limit is the one that counts. (A filter set and reset around each picture would not be safe in threads.)
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What Pillow remarks of odd metadata would stand on the terminal beside our own sentences.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".heif",
)
MAX_SIDE_PX = 65_535
"""What a JPEG can have; a picture of one row and millions of columns would cost more than its pixels."""
MAX_BYTES_A_PIXEL = 16
"""Four channels of four bytes, uncompressed: a file that is larger holds something else."""
DETAIL_LETTERS = 120

_ORIGINAL = "Use the original file, or save it anew as PNG, JPEG or WebP"
_ORIENTATION = 0x0112
_DNG_VERSION, _SUBFILE_TYPE, _SUB_IFDS = 50706, 254, 330
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(source: str | Path | bytes | IO[bytes], *, name: str | None = None, max_mp: float = 50) -> Image.Image:
    """A decoded, upright picture in sRGB, of mode L, LA, RGB or RGBA. Its metadata stays behind, places included.

    Reads JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP and, with pillow-heif, HEIC: what the content is, whatever the name
    says. Of a film or of several pages, the first. name: what to call it in an error; default: its own name. Raises
    `PictureError` for what is no picture, is damaged, or is over `max_mp` megapixels.
    """
    name = shown_name(name or (Path(source).name if isinstance(source, str | Path) else "The upload"))
    try:
        return _from(source, name, max_mp)
    except PictureError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, which comes before ours.
        raise PictureError(
            f"{name} has over {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels; at most {max_mp:g} are opened. "
            "It was not read. Make it smaller."
        ) from None
    except FileNotFoundError:
        raise PictureError(f"{name} is not there. Nothing was read. Check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"{name} is a folder, not a picture. Nothing was read.") from None
    except PermissionError:
        raise PictureError(f"{name} may not be read by this user. Nothing was read.") from None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory. It was not read. Make it smaller.") from None
    except Exception as error:
        raise _unopened(name, _reason(error)) from None


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # A decoder may quote what the file holds.
    letters = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return letters[:DETAIL_LETTERS].rstrip(".") or type(error).__name__


def _unopened(name: str, why: str, remedy: str = "Use a PNG, JPEG or WebP file") -> PictureError:
    return PictureError(f"{name} could not be opened: {why}. {remedy}.")


def _from(source: str | Path | bytes | IO[bytes], name: str, max_mp: float) -> Image.Image:
    if isinstance(source, str | Path):
        facts = os.stat(source)  # noqa: PTH116
        # A pipe would be waited for, and a device such as /dev/zero never ends.
        if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):
            raise PictureError(f"{name} is not a file. Nothing was read. Check the path.")
        _check_bytes(facts.st_size, name, max_mp)
        with open(source, "rb") as file:  # noqa: PTH123
            return _read(file, name, max_mp)
    if isinstance(source, bytes):
        _check_bytes(len(source), name, max_mp)
        source = io.BytesIO(source)
    elif not source.seekable():
        source = io.BytesIO(source.read())
    source.seek(0)
    return _read(source, name, max_mp)


def _check_bytes(count: int, name: str, max_mp: float) -> None:
    most_mb = max_mp * MAX_BYTES_A_PIXEL + 10
    if count > most_mb * 1e6:
        raise PictureError(
            f"{name} has {count / 1e6:,.0f} MB; at most {most_mb:,.0f} are opened. It was not read. Make it smaller."
        )


def _check_size(size: tuple[int, int], name: str, max_mp: float) -> None:
    width, height = size
    if width * height > max_mp * 1e6:
        raise PictureError(
            f"{name} has {width * height / 1e6:.1f} megapixels; at most {max_mp:g} are opened. "
            "It was not read. Make it smaller, or raise GAN_CORE_MAX_PICTURE_MP."
        )
    if max(size) > MAX_SIDE_PX:
        raise PictureError(
            f"{name} has {width:,} x {height:,} pixels; at most {MAX_SIDE_PX:,} a side are opened. "
            "It was not read. Cut it into parts."
        )


def _read(file: IO[bytes], name: str, max_mp: float) -> Image.Image:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = kind_of(head)
    if kind is None:
        raise _unopened(name, *(stranger(head) or ("it is not a picture that can be read",)))
    if kind == WEBP and (promised := webp_size(head)):
        _check_size(promised, name, max_mp)
    try:
        with _decoder(file, kind, name, max_mp) as image:
            return _decoded(image, kind, name, max_mp)
    except (PictureError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on damaged input.
        if "MAX_TEXT" in str(error):  # Pillow's names for its limits on texts and profiles.
            raise _unopened(name, "a text or profile in it unpacks to over a megabyte", _ORIGINAL) from None
        raise _unopened(name, f"it is a damaged {_shown_kind(kind)} file ({_reason(error)})", _ORIGINAL) from None


def _decoded(image: Image.Image, kind: str, name: str, max_mp: float) -> Image.Image:
    # The header tells the size before a pixel is decoded: a bomb costs nothing.
    _check_size(image.size, name, max_mp)
    if kind == TIFF and _is_raw(image):
        raise _unopened(name, *RAW)
    image.load()
    _check_size(image.size, name, max_mp)  # A first frame may be larger than what the header said.
    picture = plain(image, image.info.get("icc_profile"))
    turn = None if kind == HEIF else _UPRIGHT.get(_orientation(image))  # HEIC's own decoder has turned it.
    if turn is not None:
        picture = picture.transpose(turn)
    if isinstance(picture, ImageFile.ImageFile):
        picture = picture.copy()
    picture.info = {}
    return picture


def _decoder(file: IO[bytes], kind: str, name: str, max_mp: float) -> Image.Image:
    """Pillow's reader of that one kind: others, such as PostScript's, would start programs."""
    if kind == HEIF:
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise PictureError(
                f"{name} is a HEIC picture, which this installation cannot read. Nothing was read. "
                "Save it as JPEG, or install pillow-heif: pip install pillow-heif."
            ) from None
        return HeifImageFile(file)
    if max_mp * 1e6 > 2 * (Image.MAX_IMAGE_PIXELS or float("inf")):
        Image.MAX_IMAGE_PIXELS = int(max_mp * 1e6)  # Whoever raised our limit meant it.
    try:
        return Image.open(file, formats=[kind])
    except Image.UnidentifiedImageError:
        why = f"it is damaged, or a kind of {_shown_kind(kind)} that is not read"
        raise _unopened(name, why, _ORIGINAL) from None


def _shown_kind(kind: str) -> str:
    return {WEBP: "WebP", HEIF: "HEIC"}.get(kind, kind)


def _is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's: DNG says so itself; NEF and ARW begin with a thumbnail that names the rest."""
    tags: Any = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or (_SUB_IFDS in tags and tags.get(_SUBFILE_TYPE) == 1)


def _orientation(image: Image.Image) -> Any:
    """EXIF's number for how the camera was held; damaged metadata must not cost the picture."""
    try:
        turned = image.getexif().get(_ORIENTATION)
    except Exception:
        return None
    return turned if isinstance(turned, int) else None
