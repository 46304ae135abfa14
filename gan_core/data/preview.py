"""A look at a data set before it is trained on: how many pictures of what, and a few as the trainer will see them.

Files are listed, and only the few that are shown are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from gan_core.data.batches import augmented
from gan_core.data.decode import native_channels, squared
from gan_core.data.listing import Listing
from gan_core.data.shapes import CLASSES, COUNT, shapes
from gan_core.draws import Draws
from gan_core.errors import DataError, PictureError
from gan_core.images import to_array, with_channels

Change = Callable[[Tensor, Draws, int], Tensor]
"""Pictures (B, C, H, W) in [-1, 1], draws and their number -> as many changed pictures."""
DRAWN = {"a": "circle", "b": "square"}
"""The domains of `shapes`, for translators."""


@dataclass(frozen=True)
class View:
    """How pictures become those of a batch; the options of TrainConfig."""

    load_px: int
    size: int
    channels: int | None = None
    fit: str = "crop"
    flip: bool = False
    quarter_turns: bool = False


@dataclass
class Shown:
    """A few pictures of one set."""

    pictures: Tensor
    """(N, C, H, W) in [-1, 1], as the discriminator is shown them"""
    labels: list[str | None]
    """The class of each."""
    unreadable: list[str] = field(default_factory=list)
    """Those among the few that cannot be read."""
    widths: list[int] = field(default_factory=list)
    """Shorter sides of the files, in pixels."""


def counts(listings: dict[str, Listing] | None, kind: str) -> dict[str, int]:
    """Pictures by set: "" for generators; a, b and what is held out for translators. None: of `shapes`."""
    if listings is None:
        return {"": COUNT} if kind == "generator" else {"a": COUNT // 4, "b": COUNT // 4}
    names = {"": "", "trainA": "a", "trainB": "b", "testA": "held-out a", "testB": "held-out b"}
    return {names[key]: len(listing) for key, listing in listings.items()}


def shown(
    listing: Listing | None, view: View, *, seed: int, count: int, domain: str = "", change: Change | None = None
) -> Shown:
    """Up to `count` pictures drawn by `seed`, augmented as in training. listing: None for `shapes`."""
    found = _procedural(view, seed, count, domain) if listing is None else _read(listing, view, seed, count)
    pixels = found.pictures
    number = len(pixels)
    if number:
        draws = Draws(seed, 0, 4 + (domain == "b"))
        pictures = augmented(pixels, draws, number, crop=view.size, flip=view.flip, quarter_turns=view.quarter_turns)
        found.pictures = change(pictures, draws, number) if change else pictures
    return found


def _procedural(view: View, seed: int, count: int, domain: str) -> Shown:
    pictures, labels = shapes(view.load_px, count=count, only=DRAWN.get(domain), seed=seed)
    if view.channels == 1:
        pictures = pictures.float().mean(1, keepdim=True).round().to(torch.uint8)
    order = labels.argsort(stable=True)
    return Shown(pictures[order], [None if domain else CLASSES[label] for label in labels[order].tolist()])


def _read(listing: Listing, view: View, seed: int, count: int) -> Shown:
    """(N, C, load_px, load_px) uint8, class after class."""
    chosen = _chosen(listing, seed, count)
    channels = view.channels or native_channels(listing)
    pixels: list[Tensor] = []
    labels: list[str | None] = []
    unreadable: list[str] = []
    widths: list[int] = []
    for index in chosen:
        try:
            image = listing.read(index)
            square = squared(with_channels(image, channels), view.load_px, view.fit)
            pixels.append(torch.from_numpy(to_array(square).copy()))
        except (PictureError, DataError):
            unreadable.append(listing.names[index])
            continue
        widths.append(min(image.size))
        label = listing.labels[index] if listing.labels is not None else None
        labels.append(listing.classes[label] if label is not None and listing.classes else None)
    side = view.load_px
    pictures = torch.stack(pixels) if pixels else torch.empty(0, channels, side, side, dtype=torch.uint8)
    return Shown(pictures, labels, unreadable, widths)


def _chosen(listing: Listing, seed: int, count: int) -> Sequence[int]:
    """Which pictures: by chance, but of every class as many as there is room for."""
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(listing)).tolist()
    if listing.labels is None:
        return order[:count]
    turns: dict[int, int] = {}
    ranked = []
    for index in order:
        label = listing.labels[index]
        ranked.append((turns.get(label, 0), index))
        turns[label] = turns.get(label, 0) + 1
    few = [index for _, index in sorted(ranked, key=lambda one: one[0])[:count]]
    return sorted(few, key=lambda index: listing.labels[index] if listing.labels is not None else 0)
