"""Listings to tensors: decoded once and in parallel where they fit, streamed through worker processes where not."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from gan_core.data.listing import Listing
from gan_core.errors import DataError, PictureError
from gan_core.images import to_array, with_channels

Progress = Callable[[int, int], None]


@dataclass
class ImageSet:
    """Square pictures of one size and, where the data has classes, their labels."""

    name: str
    pictures: "Tensor | StreamedPictures"
    """(N, C, S, S) uint8, or a stream of (C, S, S)."""
    labels: Tensor | None = None
    """(N,) int64 on the CPU."""
    classes: list[str] | None = None
    skipped: list[str] = field(default_factory=list)
    """Names of the pictures that could not be read."""

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def channels(self) -> int:
        return self.pictures.shape[1] if isinstance(self.pictures, Tensor) else self.pictures.channels


def native_channels(listing: Listing) -> int:
    """1 where the first readable picture is grey, otherwise 3. Transparency is kept only when asked for."""
    for index in range(min(len(listing), 16)):
        try:
            return 1 if listing.read(index).mode in ("1", "L", "LA", "I", "F", "I;16") else 3
        except (PictureError, DataError):
            continue
    return 3


def squared(image: Image.Image, side: int, fit: str) -> Image.Image:
    """Square of `side` px: the middle of the picture (crop) or all of it, out of proportion (stretch)."""
    if fit == "crop":
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        image = image.crop((left, top, left + short, top + short))
    if image.size == (side, side):
        return image
    # Averaging whole blocks is exact for enlarged pixel art, which Lanczos would ring on.
    whole = image.width % side == 0 and image.height % side == 0
    return image.resize((side, side), Image.Resampling.BOX if whole else Image.Resampling.LANCZOS)


def read_squared(listing: Listing, index: int, side: int, channels: int, fit: str) -> np.ndarray:
    """(channels, side, side) uint8."""
    image = squared(with_channels(listing.read(index), channels), side, fit)
    return to_array(image)


def decode(
    listing: Listing,
    *,
    side: int,
    channels: int | None = None,
    fit: str = "crop",
    memory_gb: float = 4,
    progress: Progress | None = None,
) -> ImageSet:
    """All pictures of a listing at `side` px. Unreadable ones are skipped and named; none left is an error."""
    channels = channels or native_channels(listing)
    if len(listing) * channels * side * side > memory_gb * 2**30:
        return _stream(listing, side, channels, fit, progress)
    pictures = torch.empty(len(listing), channels, side, side, dtype=torch.uint8)

    def work(index: int) -> None:
        pictures[index] = torch.from_numpy(read_squared(listing, index, side, channels, fit).copy())

    return _without_bad(listing, pictures, _each(work, len(listing), progress))


def _each(work: Callable[[int], None], count: int, progress: Progress | None) -> dict[int, str]:
    """Do `work` for all pictures; the reasons why some cannot be read, by index."""
    reasons: dict[int, str] = {}

    def attempt(index: int) -> None:
        try:
            work(index)
        except (PictureError, DataError) as error:
            reasons[index] = str(error)

    # Pillow decodes and scales outside the interpreter lock, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, _ in enumerate(pool.map(attempt, range(count)), 1):
            if progress is not None:
                progress(done, count)
    return reasons


def _without_bad(listing: Listing, pictures: "Tensor | StreamedPictures", reasons: dict[int, str]) -> ImageSet:
    good = [index for index in range(len(listing)) if index not in reasons]
    if not good:
        raise DataError(
            f"None of the {len(listing)} pictures of {listing.name} can be read. Nothing was started. "
            f"The first one: {reasons[0]}"
        )
    skipped = [listing.names[index] for index in sorted(reasons)]
    keep = torch.tensor(good)
    labels = torch.tensor(listing.labels)[keep] if listing.labels is not None else None
    if skipped:
        pictures = pictures[keep] if isinstance(pictures, Tensor) else pictures.subset(good)
    return ImageSet(listing.name, pictures, labels, listing.classes, skipped)


class StreamedPictures(Dataset[Tensor]):
    """Pictures decoded when asked for, by the worker processes of a DataLoader."""

    def __init__(self, listing: Listing, side: int, channels: int, fit: str, indices: list[int]) -> None:
        self.listing, self.side, self.channels, self.fit, self.indices = listing, side, channels, fit, indices

    def subset(self, keep: list[int]) -> "StreamedPictures":
        chosen = [self.indices[index] for index in keep]
        return StreamedPictures(self.listing, self.side, self.channels, self.fit, chosen)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Tensor:
        # Every picture was good when the set was listed; one that went bad since is replaced by its neighbour.
        for neighbour in range(16):
            source = self.indices[(index + neighbour) % len(self.indices)]
            try:
                pixels = read_squared(self.listing, source, self.side, self.channels, self.fit)
                return torch.from_numpy(pixels.copy())
            except (PictureError, DataError):
                continue
        raise DataError(
            f"16 pictures in a row of {self.listing.name} cannot be read, from {self.listing.names[source]}."
        )


def _stream(listing: Listing, side: int, channels: int, fit: str, progress: Progress | None) -> ImageSet:
    def work(index: int) -> None:
        with_channels(listing.read(index), channels)

    pictures = StreamedPictures(listing, side, channels, fit, list(range(len(listing))))
    return _without_bad(listing, pictures, _each(work, len(listing), progress))
