"""Feeds: the data of a run as the steps want it, one for generators and one for translators."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

import gan_core
from gan_core.config import ModelConfig, RunConfig, TrainConfig, command_line
from gan_core.data import DataOptions, load_domains, load_images
from gan_core.data.batches import augmented, batches
from gan_core.data.decode import ImageSet, Progress
from gan_core.errors import DataError
from gan_core.images import to_float
from gan_core.settings import Settings
from gan_core.training.plan import Plan

AUGMENT_A, AUGMENT_B = 4, 5  # Purposes of the augmentation's draws; the steps use 0 and 2.
STREAMED = 256
TRANSLATOR_LOAD_RATIO = 286 / 256  # The authors scale to 286 px and crop 256 px.


class ImageBatch(NamedTuple):
    pictures: Tensor
    """(B, C, H, W) in [-1, 1]"""
    classes: Tensor | None
    """(B, classes), one-hot"""


class DomainBatch(NamedTuple):
    a: Tensor
    """(B, C, H, W) in [-1, 1]"""
    b: Tensor
    """(B, C, H, W) in [-1, 1]"""


@dataclass
class ImageFeed:
    """One set of pictures, with classes where the run is conditional."""

    images: ImageSet
    train: TrainConfig

    @classmethod
    def load(cls, train: TrainConfig, settings: Settings, progress: Progress | None) -> "ImageFeed":
        options = DataOptions(side=train.load_size or train.size, channels=train.channels, fit=train.fit)
        images = load_images(train.data, options, settings, progress)
        if train.conditional and not images.classes:
            raise DataError(
                f"--conditional needs classes, and {train.data} has none. Nothing was started. "
                "Put each class into a folder of its own, or leave --conditional out."
            )
        return cls(images, train)

    @property
    def classes(self) -> list[str] | None:
        return self.images.classes if self.train.conditional else None

    def facts(self) -> dict[str, Any]:
        """What follows from the data and the general options, for the networks that ask for it."""
        return {
            "size": self.train.size,
            "channels": self.images.channels,
            "classes": len(self.classes) if self.classes else 0,
        }

    def description(self) -> dict[str, Any]:
        return {"name": self.images.name, "images": len(self.images), "skipped": len(self.images.skipped)}

    def skipped(self) -> list[str]:
        return self.images.skipped

    def domains(self) -> None:
        return None

    def batches(self, first: int, plan: Plan) -> Iterator[ImageBatch]:
        raw = batches(self.images, batch=plan.batch, seed=plan.seed, first=first, shard=plan.shard, device=plan.device)
        for number, (pixels, labels) in enumerate(raw, first):
            pictures = augmented(
                pixels,
                plan.draws(number, AUGMENT_A),
                plan.batch,
                crop=self.train.size,
                flip=self.train.flip,
                quarter_turns=self.train.quarter_turns,
            )
            classes = None
            if self.classes is not None and labels is not None:
                classes = one_hot(labels, len(self.classes)).float()
            yield ImageBatch(pictures, classes)

    def real(self, count: int) -> dict[str, Tensor]:
        """Up to `count` pictures of the data, (N, C, S, S) uint8."""
        return {"": _raw(self.images, count)}

    def smallest(self) -> int:
        """Pictures in the data."""
        return len(self.images)

    def fixed(self, plan: Plan) -> None:  # noqa: ARG002 the samples of a generator need no pictures
        return None


@dataclass
class DomainFeed:
    """Two sets of pictures without pairs."""

    a: ImageSet
    b: ImageSet
    test_a: ImageSet
    test_b: ImageSet
    train: TrainConfig

    classes = None

    @classmethod
    def load(cls, train: TrainConfig, settings: Settings, progress: Progress | None) -> "DomainFeed":
        side = train.load_size or round(train.size * TRANSLATOR_LOAD_RATIO)
        channels = train.channels or 3
        loaded = load_domains(train.data, DataOptions(side=side, channels=channels, fit=train.fit), settings, progress)
        return cls(loaded.a, loaded.b, loaded.test_a, loaded.test_b, train)

    def facts(self) -> dict[str, Any]:
        return {"channels": self.a.channels, "size": self.train.size}

    def description(self) -> dict[str, Any]:
        return {"name": self.a.name, "images_a": len(self.a), "images_b": len(self.b), "skipped": len(self.skipped())}

    def skipped(self) -> list[str]:
        return self.a.skipped + self.b.skipped

    def domains(self) -> dict[str, str]:
        """What the domains show, in words for people."""
        train = self.train
        return {"a": train.domain_a or f"{self.a.name} A", "b": train.domain_b or f"{self.b.name} B"}

    def batches(self, first: int, plan: Plan) -> Iterator[DomainBatch]:
        sides = []
        for stream, images in enumerate((self.a, self.b), 1):
            sides.append(
                batches(
                    images,
                    batch=plan.batch,
                    seed=plan.seed,
                    stream=stream,
                    first=first,
                    shard=plan.shard,
                    device=plan.device,
                )
            )
        for number, pair in enumerate(zip(*sides, strict=True), first):
            a, b = (
                augmented(
                    pixels,
                    plan.draws(number, purpose),
                    plan.batch,
                    crop=self.train.size,
                    flip=self.train.flip,
                    quarter_turns=self.train.quarter_turns,
                )
                for purpose, (pixels, _) in zip((AUGMENT_A, AUGMENT_B), pair, strict=True)
            )
            yield DomainBatch(a, b)

    def real(self, count: int) -> dict[str, Tensor]:
        """Up to `count` pictures of each domain, (N, C, S, S) uint8."""
        return {"a": _raw(self.a, count), "b": _raw(self.b, count)}

    def smallest(self) -> int:
        """Pictures in the smaller domain."""
        return min(len(self.a), len(self.b))

    def fixed(self, plan: Plan) -> DomainBatch:
        """The first six held-out pictures of each domain, whole."""
        return DomainBatch(*(_first(images, 6).to(plan.device) for images in (self.test_a, self.test_b)))


def _raw(images: ImageSet, count: int) -> Tensor:
    """The first pictures, (N, C, S, S) uint8; those of a stream are decoded for it, so that few are taken."""
    pictures = images.pictures
    if isinstance(pictures, Tensor):
        return pictures[:count].cpu()
    return torch.stack([pictures[i] for i in range(min(count, len(images), STREAMED))])


def _first(images: ImageSet, count: int) -> Tensor:
    pixels = _raw(images, count)
    side = pixels.shape[-1] // 4 * 4  # The networks halve twice.
    return to_float(pixels[..., :side, :side])


def model_config(
    config: RunConfig, feed: ImageFeed | DomainFeed, network: dict[str, Any], trained: dict[str, Any]
) -> ModelConfig:
    """What a snapshot's config.json says of it. trained: steps, images, device and time so far."""
    train, domains = config.train, feed.domains()
    return ModelConfig(
        family=config.family,
        network=network,
        classes=feed.classes,
        domains=domains,
        default_direction=train.default_direction if domains else None,
        data=feed.description(),
        trained={
            **trained,
            "seed": train.seed,
            "size": train.size,
            "code_version": gan_core.__version__,
            "torch_version": torch.__version__,
            "command": command_line(config),
            "recipe": config.recipe,
        },
    )


FEEDS: dict[str, type[ImageFeed] | type[DomainFeed]] = {"generator": ImageFeed, "translator": DomainFeed}
