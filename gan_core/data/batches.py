"""Batches: an endless, shuffled sequence of which any part can be asked for, and its augmentation.

The picture at a position of the sequence depends on seed, stream and position alone, so that a resumed run and each
process of a distributed run find their place without reading what came before.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gan_core.data.decode import ImageSet, StreamedPictures
from gan_core.draws import Draws, Shard
from gan_core.images import to_float


@lru_cache(maxsize=8)
def _epoch(seed: int, stream: int, epoch: int, count: int) -> np.ndarray:
    key = np.array([seed, (stream << 48) + epoch], np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(count)


def order(seed: int, stream: int, start: int, length: int, count: int) -> np.ndarray:
    """Indices at positions start .. start + length of the endless sequence of shuffled epochs over `count` pictures."""
    parts = []
    position, end = start, start + length
    while position < end:
        epoch, offset = divmod(position, count)
        part = _epoch(seed, stream, epoch, count)[offset : offset + end - position]
        parts.append(part)
        position += len(part)
    return np.concatenate(parts)


def batches(
    images: ImageSet, *, batch: int, seed: int, stream: int = 0, first: int = 0, shard: Shard, device: torch.device
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """From batch number `first` on: pixels (batch / world, C, S, S) uint8 and labels (batch / world,) on the device."""

    def indices(number: int) -> np.ndarray:
        return order(seed, stream, number * batch, batch, len(images))[shard.part(batch)]

    labels = images.labels.to(device) if images.labels is not None else None
    if isinstance(images.pictures, StreamedPictures):
        yield from _streamed(images.pictures, labels, indices, first, device)
        return
    pictures = images.pictures.to(device) if _has_room(device, images.pictures.nbytes) else images.pictures
    number = first
    while True:
        chosen = torch.from_numpy(indices(number))
        pixels = pictures[chosen.to(pictures.device, non_blocking=True)].to(device, non_blocking=True)
        yield pixels, labels[chosen.to(device, non_blocking=True)] if labels is not None else None
        number += 1


def _has_room(device: torch.device, size_bytes: int) -> bool:
    """Whether a set may live on the device: at most half of what is free, the rest belongs to the networks."""
    return device.type != "cuda" or size_bytes < torch.cuda.mem_get_info(device)[0] / 2


def _streamed(
    pictures: StreamedPictures,
    labels: Tensor | None,
    indices: Callable[[int], np.ndarray],
    first: int,
    device: torch.device,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    def numbers() -> Iterator[list[int]]:
        number = first
        while True:
            yield indices(number).tolist()
            number += 1

    loader = DataLoader(pictures, batch_sampler=_Endless(numbers), num_workers=2, pin_memory=device.type == "cuda")
    for number, pixels in enumerate(loader, first):
        chosen = torch.from_numpy(indices(number)).to(device, non_blocking=True)
        yield pixels.to(device, non_blocking=True), labels[chosen] if labels is not None else None


class _Endless:
    """A batch sampler for DataLoader out of a generator function."""

    def __init__(self, numbers: Callable[[], Iterator[list[int]]]) -> None:
        self._numbers = numbers

    def __iter__(self) -> Iterator[list[int]]:
        return self._numbers()


def augmented(
    pixels: Tensor, draws: Draws, batch: int, *, crop: int, flip: bool = False, quarter_turns: bool = False
) -> Tensor:
    """(B, C, S, S) uint8 -> (B, C, crop, crop) float in [-1, 1]: random crop, flip and turn of each picture.

    batch: pictures over all processes; the draws are made for all of them.
    """
    side = pixels.shape[-1]
    if side > crop:
        spread = side - crop + 1
        steps = torch.arange(crop, device=pixels.device)
        rows = draws.integers(batch, below=spread)[:, None] + steps  # (B, crop)
        columns = draws.integers(batch, below=spread)[:, None] + steps
        index = torch.arange(len(pixels), device=pixels.device)[:, None, None]
        pixels = pixels.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if flip:
        mirrored = draws.integers(batch, below=2)[:, None, None, None].bool()
        pixels = torch.where(mirrored, pixels.flip(3), pixels)
    if quarter_turns:
        turns = draws.integers(batch, below=4)[:, None, None, None]
        upright = pixels
        for turn in (1, 2, 3):
            pixels = torch.where(turns == turn, upright.rot90(turn, (2, 3)), pixels)
    return to_float(pixels)
