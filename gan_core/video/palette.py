"""The colours of a GIF: 256 for the whole film, and a dither that stands still."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

SAMPLE_PIXELS = 100_000
LEVELS = 64  # Steps a channel in the table from colours to indices: finer than any palette of 256.

# Bayer's ordered dither, 8 x 8, in (-0.5, 0.5). Error diffusion would boil from frame to frame; this pattern rests.
_TWO = np.array([[0, 2], [3, 1]])
_FOUR = np.block([[4 * _TWO + offset for offset in row] for row in _TWO])
BAYER = (np.block([[4 * _FOUR + offset for offset in row] for row in _TWO]) + 0.5) / 64 - 0.5


@dataclass(frozen=True)
class Palette:
    table: np.ndarray
    """(256, 3) uint8, red, green, blue."""
    nearest: np.ndarray | None = None
    """(64, 64, 64) uint8: the index of the nearest colour; None: a pixel is its own index."""
    spread: float = 0.0
    """Width of the dither in levels of 255, as wide as the palette is coarse."""

    def indices(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8, or (H, W) of the grey palette -> (H, W) uint8."""
        if self.nearest is None:
            return pixels
        height, width = pixels.shape[:2]
        rows, columns = np.arange(height) % 8, np.arange(width) % 8
        noise = (self.spread * BAYER[rows][:, columns]).round().astype(np.int16)[..., None]
        cells = (pixels + noise).clip(0, 255) * LEVELS // 256  # (H, W, 3)
        return self.nearest[cells[..., 0], cells[..., 1], cells[..., 2]]


def grey() -> Palette:
    """All 256 greys: nothing is lost."""
    return Palette(np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1))


def of(frames: Iterable[np.ndarray], count: int, *, dither: bool) -> Palette:
    """The palette of `count` frames (H, W, 3), for pixels from all of them alike: k-means from widely spread colours.

    dither: for smooth pictures; in large hard pixels the pattern would be seen.
    """
    sample = np.concatenate([_some(frame.reshape(-1, 3), SAMPLE_PIXELS // count) for frame in frames])
    cut = Image.fromarray(sample[None]).quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1)
    known = np.array(cut.getpalette(), np.uint8).reshape(-1, 3)[:256]
    table = np.concatenate([known, known[-1:].repeat(256 - len(known), 0)])
    nearest = _nearest(table)
    if not dither:
        return Palette(table, nearest)
    cells = sample.astype(np.int32) * LEVELS // 256
    error = table[nearest[cells[:, 0], cells[:, 1], cells[:, 2]]].astype(float) - sample
    rms = float(np.sqrt(np.square(error).mean()))
    # A uniform dither of width w has the standard deviation w / sqrt(12). Cells are 4 levels wide: below, no dither.
    return Palette(table, nearest, rms * 12**0.5 if rms > 256 / LEVELS / 2 else 0.0)


def _some(pixels: np.ndarray, wanted: int) -> np.ndarray:
    """About `wanted` pixels at even steps; the step is odd, so that it does not fall on one column of the picture."""
    step = max(1, len(pixels) // max(wanted, 64))
    return pixels[:: step + 1 - step % 2]


def _nearest(table: np.ndarray) -> np.ndarray:
    """(64, 64, 64) uint8: for the middle of each cell of colours, |c - p|^2 = |c|^2 - 2 c.p + |p|^2 at its least."""
    middles = (np.arange(LEVELS, dtype=np.float32) + 0.5) * (256 / LEVELS) - 0.5
    colours = table.astype(np.float32)
    plane = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(-1, 2)  # (64 * 64, 2)
    half = np.square(colours).sum(1) / 2
    found = [(half - plane @ colours[:, 1:].T - red * colours[:, 0]).argmin(1) for red in middles]
    return np.stack(found).reshape(LEVELS, LEVELS, LEVELS).astype(np.uint8)
