"""Pictures to tensors and back: the one place that knows of files, colour modes and the range [-1, 1]."""

import io
import warnings
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_core.errors import PictureError

# Our own limit is the one that counts. (A filter set and reset around each picture would not be safe in threads.)
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")


def open_picture(source: str | Path | bytes | IO[bytes], *, name: str | None = None, max_mp: float = 50) -> Image.Image:
    """A decoded, upright picture. Raises `PictureError` for what is none, is damaged or is over `max_mp` megapixels."""
    name = name or (Path(source).name if isinstance(source, str | Path) else "The upload")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
            # The header tells the size before a pixel is decoded: a bomb costs nothing.
            if width * height > max_mp * 1e6:
                raise PictureError(
                    f"{name} has {width * height / 1e6:.1f} megapixels; at most {max_mp:g} are opened. "
                    "It was not read. Make it smaller, or raise GAN_CORE_MAX_PICTURE_MP."
                )
            image.load()
            return ImageOps.exif_transpose(image)
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
    except Exception as error:  # Pillow's decoders raise almost anything on damaged input.
        unknown = isinstance(error, Image.UnidentifiedImageError)
        detail = "it is not a picture that can be read" if unknown else " ".join(str(error).split())
        raise PictureError(f"{name} could not be opened: {detail}. Use a PNG, JPEG or WebP file.") from None


def with_channels(image: Image.Image, channels: int) -> Image.Image:
    """Grey, RGB or RGBA. Transparency that is dropped is laid over white first, so that no hidden colour appears."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        deep = image.mode.startswith("I;16") or values.max(initial=0) > 255
        image = Image.fromarray((values / (65535 if deep else 255) * 255).clip(0, 255).round().astype(np.uint8))
    try:
        if channels < 4 and image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        return image.convert(MODES[channels])
    except ValueError:
        raise PictureError(f"Pictures of the colour mode {image.mode} are not read. Save it as RGB or grey.") from None


def to_array(image: Image.Image) -> np.ndarray:
    """(C, H, W) uint8."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def to_tensor(image: Image.Image, channels: int = 3) -> Tensor:
    """(1, channels, H, W) float32 in [-1, 1]."""
    return to_float(torch.from_numpy(to_array(with_channels(image, channels)).copy()))[None]


def to_float(pixels: Tensor) -> Tensor:
    """uint8 0..255 -> float32 [-1, 1], any shape."""
    return pixels.float() / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """float [-1, 1] -> uint8 0..255, rounded to the nearest level, any shape."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def to_pictures(x: Tensor) -> list[Image.Image]:
    """(B, C, H, W) float in [-1, 1] -> B pictures, grey for C 1, RGB for 3, RGBA for 4."""
    pixels = to_uint8(x).permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, C)
    return [Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture) for picture in pixels]


def grid(pictures: Sequence[Image.Image], columns: int | None = None, gap: int = 2) -> Image.Image:
    """Pictures of one size in rows on white, `gap` px apart; as square as possible without `columns`."""
    if not pictures:
        raise PictureError("A grid needs at least one picture. Nothing was drawn.")
    columns = min(columns or ceil(len(pictures) ** 0.5), len(pictures))
    rows = ceil(len(pictures) / columns)
    width, height = pictures[0].size
    size = (columns * (width + gap) - gap, rows * (height + gap) - gap)
    sheet = Image.new(pictures[0].mode, size, "white")
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(picture, (column * (width + gap), row * (height + gap)))
    return sheet


def enlarged(image: Image.Image, side: int, smooth: bool = False) -> Image.Image:
    """At least `side` px wide: by a whole factor with hard pixels, or smoothly to exactly `side`."""
    if smooth:
        return image.resize((side, round(side * image.height / image.width)), Image.Resampling.LANCZOS)
    factor = max(1, ceil(side / image.width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
