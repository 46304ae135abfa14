"""A few pictures of a data set, for whoever only looks at a run: nothing is downloaded, and not all is decoded."""

from dataclasses import replace
from pathlib import Path

from gan_core.data import HUB, HUB_PATTERNS, TORCHVISION, DataOptions, _gray, _listings, short_name
from gan_core.data.decode import ImageSet, decode, native_channels
from gan_core.data.listing import Listing, list_path
from gan_core.data.shapes import CLASSES, shapes
from gan_core.errors import DataError, HubError
from gan_core.hub import download
from gan_core.settings import Settings

FOLDERS = {
    "fashion-mnist": "FashionMNIST",
    "mnist": "MNIST",
    "cifar10": "cifar-10-batches-py",
    "eurosat": "eurosat",
}
"""Where torchvision keeps what it has downloaded, under the data folder."""


def few_images(spec: str, options: DataOptions, settings: Settings, count: int) -> ImageSet:
    """About `count` pictures spread evenly over the set, so that each class is among them."""
    if spec == "shapes":
        pictures, labels = shapes(options.side, count=count)
        return ImageSet("shapes", _gray(pictures, options.channels), labels, CLASSES)
    listing = _here(spec, settings).get("")
    if listing is None:
        raise DataError(f"{spec} holds two domains, and this family learns one set of pictures. Nothing was opened.")
    return _decoded(listing, options, settings, count)


def few_domains(spec: str, options: DataOptions, settings: Settings, count: int) -> tuple[ImageSet, ImageSet]:
    """The same of the training pictures of both domains."""
    if spec == "shapes":
        a, b = (shapes(options.side, count=count, only=name) for name in ("circle", "square"))
        return tuple(ImageSet("shapes", _gray(one[0], options.channels), one[1]) for one in (a, b))  # type: ignore[return-value]
    listings = _here(spec, settings)
    if not {"trainA", "trainB"} <= set(listings):
        raise DataError(f"{spec} has no folders trainA and trainB, which this family needs. Nothing was opened.")
    if options.channels is None:
        options = replace(options, channels=max(native_channels(listings[name]) for name in ("trainA", "trainB")))
    a_set, b_set = (_decoded(listings[name], options, settings, count) for name in ("trainA", "trainB"))
    return a_set, b_set


def _here(spec: str, settings: Settings) -> dict[str, Listing]:
    """The listings of data that is on this computer already; `DataError` where it is not."""
    absent = DataError(
        f"The run's data ({spec}) is not on this computer. Nothing was opened. Put it there, or look at shapes instead."
    )
    if spec in TORCHVISION:
        if not (settings.data_dir / FOLDERS[spec]).is_dir():
            raise absent
        return _listings(spec, settings)
    if spec.startswith(HUB):
        try:
            folder = download(spec.removeprefix(HUB), patterns=HUB_PATTERNS, cached_only=True)
        except HubError:
            raise absent from None
        archives = sorted(folder.rglob("*.[zZ][iI][pP]"))
        path = archives[0] if len(archives) == 1 else folder
        return list_path(path, max_mp=settings.max_picture_mp, spec=spec, name=short_name(spec))
    if not Path(spec).expanduser().exists():
        raise absent
    return _listings(spec, settings)


def _decoded(listing: Listing, options: DataOptions, settings: Settings, count: int) -> ImageSet:
    indices = [number * len(listing) // count for number in range(count)] if len(listing) > count else None
    if indices is not None:
        labels = [listing.labels[index] for index in indices] if listing.labels is not None else None
        listing = replace(listing, names=[listing.names[index] for index in indices], labels=labels)
    return decode(
        listing, side=options.side, channels=options.channels, fit=options.fit, memory_gb=settings.data_memory_gb
    )
