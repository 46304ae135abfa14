"""`shapes`: a procedural data set with known factors, for first tries and tests. Nothing to download.

Each picture shows one shape on a plain ground; shape, colour, size and place are drawn independently. The shapes are
signed distances rendered with soft edges, all pictures of a set at once.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gan_core.draws import Draws
from gan_core.images import to_uint8

CLASSES = ["circle", "square", "triangle", "ring"]
COUNT = 4096


def _circle(x: Tensor, y: Tensor) -> Tensor:
    return (x.square() + y.square()).sqrt() - 1


def _square(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x.abs(), y.abs()) - 0.85


def _triangle(x: Tensor, y: Tensor) -> Tensor:
    slope = 3**0.5
    return torch.maximum(y - 0.7, (slope * x.abs() - y) / 2 - 0.5)


def _ring(x: Tensor, y: Tensor) -> Tensor:
    return ((x.square() + y.square()).sqrt() - 0.75).abs() - 0.25


SHAPES: list[Callable[[Tensor, Tensor], Tensor]] = [_circle, _square, _triangle, _ring]


def render(shape: Tensor, hue: Tensor, radius: Tensor, center: Tensor, ground: Tensor, size: int) -> Tensor:
    """Factors of N pictures -> (N, 3, size, size) uint8.

    shape (N,) int64 index into CLASSES; hue (N,) in [0, 1); radius (N,) and center (N, 2) in parts of the side;
    ground (N,) grey level of the background, 0 to 1.
    """
    axis = (torch.arange(size) + 0.5) / size
    x = (axis[None, None, :] - center[:, 0, None, None]) / radius[:, None, None]  # (N, size, size)
    y = (axis[None, :, None] - center[:, 1, None, None]) / radius[:, None, None]
    x, y = torch.broadcast_tensors(x, y)
    distance = torch.stack([form(x, y) for form in SHAPES])[shape, torch.arange(len(shape))]  # (N, size, size)
    edge_px = distance * radius[:, None, None] * size
    cover = (0.5 - edge_px).clamp(0, 1)[:, None]  # (N, 1, size, size)
    # A hue wheel without corners: three cosines a third of a turn apart.
    turns = hue[:, None] - torch.tensor([0.0, 1 / 3, 2 / 3])
    color = (0.55 + 0.45 * torch.cos(2 * np.pi * turns))[:, :, None, None]  # (N, 3, 1, 1)
    pictures = cover * color + (1 - cover) * ground[:, None, None, None]
    return to_uint8(pictures * 2 - 1)


def shapes(size: int, *, count: int = COUNT, only: str | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(count, 3, size, size) uint8 and labels (count,) int64; `only` one class if named."""
    draws = Draws(seed, 0)
    kind = draws.integers(count, below=len(CLASSES))
    if only is not None:
        kind = torch.full_like(kind, CLASSES.index(only))
    radius = draws.uniform(count, low=0.16, high=0.32)
    center = draws.uniform(count, 2, low=0.34, high=0.66)
    hue, ground = draws.uniform(count), draws.uniform(count, low=0.02, high=0.22)
    chunks = [
        render(kind[part], hue[part], radius[part], center[part], ground[part], size)
        for part in torch.arange(count).split(512)
    ]
    return torch.cat(chunks), kind
