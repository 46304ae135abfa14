"""Pictures to tensors and back."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_core.errors import PictureError
from gan_core.images.colours import grey_levels

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def with_channels(image: Image.Image, channels: int) -> Image.Image:
    """Grey, RGB or RGBA. Transparency that is dropped is laid over white first, so that no hidden colour appears."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = grey_levels(image)
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
