"""Data sets: from what `--data` names to uint8 tensors.

`load_images` gives one set, for generators; `load_domains` gives two, for translators.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_core.data.decode import ImageSet, Progress, decode, native_channels
from gan_core.data.listing import ArrayReader, FolderReader, Listing, data_name, list_path
from gan_core.data.shapes import CLASSES, COUNT, shapes
from gan_core.errors import DataError
from gan_core.hub import download
from gan_core.images import SUFFIXES
from gan_core.settings import Settings

TORCHVISION = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST", "cifar10": "CIFAR10", "eurosat": "EuroSAT"}
HUB_PATTERNS = [f"*{form}" for suffix in (".zip", *SUFFIXES) for form in (suffix, suffix.upper())]
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


def check_spec(spec: str) -> None:
    """Raise `DataError` for a name that is neither known nor a path that exists, before anything else is done."""
    if not (spec == "shapes" or spec in TORCHVISION or spec.startswith(HUB)):
        _local(spec)


def _local(spec: str) -> Path:
    """The file or folder that `spec` names."""
    try:
        path = Path(spec).expanduser()
        if path.exists():
            return path
    except (OSError, RuntimeError):
        pass  # A name that is too long, or the home of nobody: not there either.
    known = ", ".join(["shapes", *TORCHVISION])
    raise DataError(
        f"--data {spec}: there is no such file or folder, and it is no known name ({known}). Nothing was started."
    )


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
    if options.channels is None:  # Colour where one of the domains has it: both go through the same networks.
        channels = max(native_channels(listings[name]) for name in ("trainA", "trainB"))
        options = replace(options, channels=channels)
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
        return {"": _torchvision(spec, settings)}
    if spec.startswith(HUB):
        folder = download(spec.removeprefix(HUB), patterns=HUB_PATTERNS)
        archives = sorted(folder.rglob("*.[zZ][iI][pP]"))
        path = archives[0] if len(archives) == 1 else folder
        return list_path(path, max_mp=settings.max_picture_mp, spec=spec, name=short_name(spec))
    return list_path(_local(spec), max_mp=settings.max_picture_mp)


def _torchvision(name: str, settings: Settings) -> Listing:
    from torchvision import datasets  # Slow to import, and needed for these four names alone.

    root = settings.data_dir
    kind: Callable[..., Any] = getattr(datasets, TORCHVISION[name])
    try:
        root.mkdir(parents=True, exist_ok=True)
        data = kind(root, download=True)
    except Exception as error:  # torchvision raises almost anything on damaged files.
        raise DataError(
            f"--data {name} could not be downloaded to or read from {root} ({' '.join(str(error).split())}). "
            "Nothing was started. Check the connection, or put the files there and set GAN_CORE_DATA."
        ) from None
    classes = [str(item) for item in data.classes]
    if name == "eurosat":  # Files, by their path.
        paths, labels = zip(*data.samples, strict=True)
        return Listing(name, list(paths), FolderReader(Path(), settings.max_picture_mp), classes, list(labels))
    numbers = [str(index) for index in range(len(data))]
    return Listing(name, numbers, ArrayReader(np.asarray(data.data)), classes, torch.as_tensor(data.targets).tolist())


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
