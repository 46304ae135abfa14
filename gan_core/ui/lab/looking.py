"""A look at the data before the start: what is there, and a few augmented pictures."""

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Any

from gan_core.config import RunConfig, few
from gan_core.errors import DataError
from gan_core.families import get_family
from gan_core.settings import Settings
from gan_core.ui.lab.sources import KNOWN, SHAPES, Sources
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.data.listing import Listing
    from gan_core.training.counting import Facts

SHOWN = 24
SIDE_PX = 128
"""Larger pictures are made smaller to be looked at."""
# Of data that is not here yet: channels, classes, pictures.
TOLD = {
    "fashion-mnist": (1, 10, 60_000),
    "mnist": (1, 10, 60_000),
    "cifar10": (3, 10, 50_000),
    "eurosat": (3, 10, 27_000),
}
DOMAINS = {"a": "trainA", "b": "trainB"}


class Looking:
    def __init__(self, sources: Sources, settings: Settings) -> None:
        self._sources, self._settings = sources, settings
        self._channels: dict[str, int] = {}

    def found(self, value: str, kind: str) -> Answer:
        """Pictures, classes and domains of what a value names; `absent` where a look would download."""
        self._sources.spec(value)
        if not self._sources.is_here(value):
            told = TOLD.get(value)
            return {
                "absent": True,
                "mb": KNOWN[value][3] if value in KNOWN else None,
                "sets": {"": told[2]} if told else None,
                "classes": None,
            }
        listings = self._fitting(value, kind)
        from gan_core.data.preview import DRAWN, counts
        from gan_core.data.shapes import CLASSES

        classes: list[str] | None
        if listings is None:
            classes, domains = (CLASSES if kind == "generator" else None), DRAWN
        else:
            classes, domains = (listings[""].classes if "" in listings else None), None
        return {
            "absent": False,
            "sets": counts(listings, kind),
            "classes": classes[:200] if classes else None,
            "uneven": self._uneven(listings),
            "domains": domains if kind == "translator" else None,
        }

    def _fitting(self, value: str, kind: str) -> "dict[str, Listing] | None":
        """The listings; raises `DataError` where the family needs other data."""
        listings = self._sources.listings(value)
        if listings is None:
            return None
        two = {"trainA", "trainB"} <= set(listings)
        if kind == "translator" and not two:
            raise DataError(
                "This data has no folders trainA and trainB, which this family needs. Nothing was started. "
                "Put the pictures of one domain into trainA and those of the other into trainB."
            )
        if kind == "generator" and "" not in listings:
            raise DataError(
                "This data holds two domains (trainA, trainB), and this family learns one set of pictures. "
                "Nothing was started. Choose one of the folders, or train a CycleGAN."
            )
        return listings

    def _uneven(self, listings: "dict[str, Listing] | None") -> str | None:
        """A word on classes of which one has ten times as many pictures as another."""
        listing = (listings or {}).get("")
        if listing is None or listing.labels is None or not listing.classes:
            return None
        numbers = Counter(listing.labels)
        (most, many), (least, little) = numbers.most_common()[0], numbers.most_common()[-1]
        if many < 10 * little:
            return None
        return f"{listing.classes[most]} has {many:,} pictures and {listing.classes[least]} {little:,}."

    def facts(self, value: str, kind: str, config: RunConfig) -> "Facts":
        """What the networks' numbers follow from. Of data that is not here, what is known without it."""
        from gan_core.training.counting import Facts

        train = config.train
        if not self._sources.is_here(value):
            channels, classes, pictures = TOLD.get(value, (3, 0, 0))
            if kind == "translator" and value in TOLD:
                raise DataError(
                    f"{KNOWN[value][0]} is one set of pictures, and this family needs two domains. Nothing was "
                    "started. Choose other data, or train a DCGAN."
                )
            return Facts(channels=train.channels or channels, classes=classes, pictures=pictures)
        found = self.found(value, kind)
        channels = train.channels or (3 if kind == "translator" else self._native(value))
        classes = len(found["classes"] or ()) if kind == "generator" else 0
        return Facts(channels=channels, classes=classes, pictures=sum(found["sets"].values()))

    def assumed(self, value: str) -> bool:
        """Whether nothing is known of data that is not here: neither channels nor how many pictures."""
        return value not in TOLD and not self._sources.is_here(value)

    def _native(self, value: str) -> int:
        from gan_core.data.decode import native_channels

        if value == SHAPES:
            return 3
        if value not in self._channels:
            listings = self._sources.listings(value) or {}
            self._channels = dict(list(self._channels.items())[-20:])
            self._channels[value] = native_channels(listings[""])
        return self._channels[value]

    # Pictures.

    def preview(self, value: str, config: RunConfig, seed: int) -> Answer:
        """About `SHOWN` pictures by set: {"sets": [{"title", "pictures": [{"url", "label"}]}], "unreadable", ...}."""
        if not self._sources.is_here(value):
            return {"absent": True, "sets": []}
        from gan_core.data.preview import View, shown
        from gan_core.training.feeds import TRANSLATOR_LOAD_RATIO

        kind, train = get_family(config.family).kind, config.train
        listings = self._fitting(value, kind)
        translator = kind == "translator"
        load_px = train.load_size or (round(train.size * TRANSLATOR_LOAD_RATIO) if translator else train.size)
        view = View(
            load_px=load_px,
            size=train.size,
            channels=train.channels or (3 if translator else None),
            fit=train.fit,
            flip=train.flip,
            quarter_turns=train.quarter_turns,
        )
        count = SHOWN // 2 if translator else SHOWN
        change = _augmentation(config)
        titles = {"a": train.domain_a or "Domain A", "b": train.domain_b or "Domain B"} if translator else {"": ""}
        sets, unreadable, widths, asked = [], [], [], 0
        for domain, title in titles.items():
            listing = listings[DOMAINS.get(domain, "")] if listings is not None else None
            found = shown(listing, view, seed=seed, count=count, domain=domain, change=change)
            asked += len(found.pictures) + len(found.unreadable)
            unreadable += found.unreadable
            widths += found.widths
            sets.append({"domain": domain, "title": title, "pictures": _drawn(found.pictures, found.labels)})
        told = None
        if unreadable:
            told = f"{len(unreadable)} of these {asked} cannot be read and will be left out: {few(unreadable)}."
        enlarged = bool(widths) and median(widths) < load_px
        small = f"Most files are {median(widths):.0f} px; they are enlarged to {load_px} px." if enlarged else None
        return {"absent": False, "sets": sets, "unreadable": told, "small": small, "size": train.size}


def _augmentation(config: RunConfig) -> Any:
    """The differentiable augmentation of the recipe, where it has one."""
    from gan_core.training import get_training
    from gan_core.training.augment import differentiable_augment

    recipe = get_training(config.family).Recipe(**config.recipe)
    names = getattr(recipe, "augmentations", ())
    return (lambda pictures, draws, number: differentiable_augment(pictures, names, draws, number)) if names else None


def _drawn(pictures: Any, labels: list[str | None]) -> list[dict[str, Any]]:
    from gan_core.images import to_pictures
    from gan_core.ui.pictures import HARD_PX, data_url, jpeg_url

    found = []
    for picture, label in zip(to_pictures(pictures.clamp(-1, 1)), labels, strict=True):
        if picture.width > HARD_PX:
            picture.thumbnail((SIDE_PX, SIDE_PX))
            found.append({"url": jpeg_url(picture.convert("RGB")), "label": label})
        else:
            found.append({"url": data_url(picture), "label": label})
    return found
