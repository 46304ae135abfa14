"""Photographs for the painter, and paintings waited for."""

import base64
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.painter import Painter
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.services import Services

MODEL = "tiny-cyclegan"
LAKE = "example:lake"


def painter_of(services: Services, tmp_path: Path, films: FilmFolder, uploads: Path) -> Painter:
    return Painter(services, PhotoFolder(tmp_path / "photos"), films, uploads)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A photograph of noise and a slope, the same each time."""
    rng = np.random.default_rng(width * height)
    slope = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 55, (height, width, 4))
    return Image.fromarray(slope.astype(np.uint8), "RGBA").convert(mode)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def over(painter: Painter, job: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (told := painter.poll(job, wait_s=0.02))["state"] not in ("done", "stopped", "failed"):
        assert time.monotonic() < end, told
    return told


def painted(painter: Painter, photo: str, direction: str = "ba") -> dict[str, Any]:
    told = over(painter, painter.paint(MODEL, direction, photo)["job"])
    assert told["state"] == "done", told
    return told["painting"]


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)
