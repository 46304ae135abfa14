"""Data sets: from what `--data` names to uint8 tensors.

`load_images` gives one set, for generators; `load_domains` gives two, for translators.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from gan_core.data.decode import ImageSet, Progress, decode
from gan_core.data.listing import Listing, data_name, list_path
from gan_core.data.shapes import CLASSES, COUNT, shapes
from gan_core.errors import DataError
from gan_core.hub import download
from gan_core.settings import Settings

TORCHVISION = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST", "cifar10": "CIFAR10", "eurosat": "EuroSAT"}
HUB_PATTERNS = ["*.zip", "*.png", "*.jpg", "*.jpeg", "*.webp", "*.bmp", "*.gif", "*.tif", "*.tiff"]
HUB = "hub:"


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How pictures become tensors."""

    side: int
    """Height and width in pixels."""
    channels: int | None = None
    """1, 3 or 4; None: as the data has."""
    fit: str = "crop"
    """crop or stretch."""


@dataclass(frozen=True)
class Domains:
    """The two sets of a translator, with held-out pictures where the data has them."""

    a: ImageSet
    b: ImageSet
    test_a: ImageSet
    test_b: ImageSet


def short_name(spec: str) -> str:
    """The data's part of a run id: nouns64 of /data/nouns64.zip, and so on."""
    if spec in TORCHVISION or spec == "shapes":
        return spec
    if spec.startswith(HUB):
        return spec.removeprefix(HUB).partition("@")[0].rpartition("/")[2].lower()
    return data_name(Path(spec))


def load_images(spec: str, options: DataOptions, settings: Settings, progress: Progress | None = None) -> ImageSet:
    if spec == "shapes":
        pictures, labels = shapes(options.side)
        return ImageSet("shapes", _gray(pictures, options.channels), labels, CLASSES)
    listings = _listings(spec, settings)
    if "" not in listings:
        raise DataError(
            f"--data {spec} holds two domains (trainA, trainB), and this family learns one set of pictures. "
            "Nothing was started. Name one of the folders, or train cyclegan."
        )
    return _decoded(listings[""], options, settings, progress)


def load_domains(spec: str, options: DataOptions, settings: Settings, progress: Progress | None = None) -> Domains:
    if spec == "shapes":
        sets = [_shape_domain(name, options, seed) for seed in (0, 1) for name in ("circle", "square")]
        return Domains(*sets)
    listings = _listings(spec, settings)
    if not {"trainA", "trainB"} <= set(listings):
        raise DataError(
            f"--data {spec} has no folders trainA and trainB, which this family needs. Nothing was started. "
            "Put the pictures of one domain into trainA and those of the other into trainB."
        )
    a, b = (_decoded(listings[name], options, settings, progress) for name in ("trainA", "trainB"))
    held = [
        _decoded(listings[name], options, settings, None) if name in listings else train
        for name, train in (("testA", a), ("testB", b))
    ]
    return Domains(a, b, *held)


def _decoded(listing: Listing, options: DataOptions, settings: Settings, progress: Progress | None) -> ImageSet:
    return decode(
        listing,
        side=options.side,
        channels=options.channels,
        fit=options.fit,
        memory_gb=settings.data_memory_gb,
        progress=progress,
    )


def _listings(spec: str, settings: Settings) -> dict[str, Listing]:
    if spec in TORCHVISION:
        return {"": _torchvision(spec, settings.data_dir)}
    if spec.startswith(HUB):
        folder = download(spec.removeprefix(HUB), kind="dataset", patterns=HUB_PATTERNS)
        archives = sorted(folder.rglob("*.zip"))
        return list_path(archives[0] if len(archives) == 1 else folder, max_mp=settings.max_picture_mp)
    return list_path(Path(spec).expanduser(), max_mp=settings.max_picture_mp)


def _torchvision(name: str, root: Path) -> Listing:
    from torchvision import datasets  # Slow to import, and needed for these four names alone.

    root.mkdir(parents=True, exist_ok=True)
    kind: Callable[..., Any] = getattr(datasets, TORCHVISION[name])
    try:
        data = kind(root, download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"--data {name} could not be downloaded to {root} ({error}). Nothing was started. "
            "Check the connection, or put the files there and set GAN_CORE_DATA."
        ) from None
    if name == "eurosat":
        samples = data.samples

        def open_file(key: str) -> Image.Image:
            return Image.open(samples[int(key)][0])

        opener, labels = open_file, [label for _, label in samples]
    else:
        arrays = np.asarray(data.data)

        def open_array(key: str) -> Image.Image:
            return Image.fromarray(arrays[int(key)])

        opener, labels = open_array, torch.as_tensor(data.targets).tolist()
    classes = [str(item) for item in data.classes]
    return Listing(name, [str(index) for index in range(len(data))], opener, classes, labels)


def _shape_domain(name: str, options: DataOptions, seed: int) -> ImageSet:
    count = COUNT // 4 if seed == 0 else 64
    pictures, labels = shapes(options.side, count=count, only=name, seed=seed)
    return ImageSet("shapes", _gray(pictures, options.channels), labels)


def _gray(pictures: torch.Tensor, channels: int | None) -> torch.Tensor:
    if channels in (None, 3):
        return pictures
    if channels == 1:
        return pictures.float().mean(1, keepdim=True).round().to(torch.uint8)
    opaque = torch.full_like(pictures[:, :1], 255)
    return torch.cat([pictures, opaque], 1)
