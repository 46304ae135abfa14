"""Presets: options that go together, for those who do not want to choose each one.

Plain data, as the registry. A family without an entry is trained from its defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values of the options that differ from a family's defaults."""

    name: str
    title: str
    """Name for people."""
    summary: str
    """What it is for and where its numbers come from, in one or two sentences."""
    train: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    """Length as times through the data, where that is how the authors give it; `train["steps"]` serves until the
    number of pictures is known."""
    needs_gpu: bool = False
    """On a CPU this would take days."""


PRESETS: dict[str, tuple[Preset, ...]] = {
    "dcgan": (
        Preset(
            name="laptop",
            title="Two minutes on a laptop",
            summary="Small networks at 32 px: 2 min 14 s on one core of a server, shapes from start to end.",
            train={"size": 32, "batch": 32, "steps": 2_000},
            network={"generator_features": 32, "discriminator_features": 32},
            recipe={"ema_decay": 0.99},
        ),
        Preset(
            name="reference",
            title="Reference recipe",
            summary="The DCGAN example of PyTorch: 64 px, batches of 64, 25 times through the data, no averaging.",
            train={"size": 64, "batch": 64, "steps": 20_000},
            recipe={"ema_decay": 0.0},
            epochs=25,
        ),
        Preset(
            name="best",
            title="Best quality on a GPU",
            summary="128 px, with differentiable augmentation against learning by heart (Zhao et al., 2020), averaged "
            "weights and falling learning rates.",
            train={"size": 128, "batch": 64, "steps": 100_000, "flip": True},
            recipe={"augment": "color,translation,cutout", "decay_from": 0.5, "ema_decay": 0.9995},
            needs_gpu=True,
        ),
    ),
    "cyclegan": (
        Preset(
            name="laptop",
            title="Two minutes on a laptop",
            summary="Small networks, no identity loss: circles become squares in 2 min 13 s on one core of a server.",
            train={"size": 32, "batch": 4, "steps": 1_200},
            network={
                "generator_features": 16,
                "blocks": 3,
                "discriminator_features": 16,
                "discriminator_layers": 2,
            },
            recipe={"identity_weight": 0.0, "lr_g": 5e-4, "lr_d": 5e-4, "ema_decay": 0.99},
        ),
        Preset(
            name="reference",
            title="Reference recipe",
            summary="The authors' own: 256 px out of 286, 9 blocks, one pair at a time, 200 times through the data, "
            "learning rates falling in the second half.",
            train={"size": 256, "batch": 1, "steps": 200_000, "fit": "stretch"},
            recipe={"ema_decay": 0.0},
            epochs=200,
            needs_gpu=True,
        ),
        Preset(
            name="best",
            title="Best quality on a GPU",
            summary="The reference with averaged weights, and enlargements that leave no checkerboard.",
            train={"size": 256, "batch": 1, "steps": 200_000},
            network={"upsample": "resize"},
            recipe={"ema_decay": 0.999},
            epochs=200,
            needs_gpu=True,
        ),
    ),
}


def presets(family: str) -> tuple[Preset, ...]:
    """The presets of a family, quickest first; a family need not have any."""
    return PRESETS.get(family, ())


def steps_of(epochs: int, pictures: int, batch: int) -> int:
    """Steps in which each of the pictures is seen `epochs` times."""
    return max(1, ceil(epochs * pictures / batch))


def pace(steps: int) -> dict[str, int]:
    """Lines, samples and snapshots often enough that something moves, and seldom enough to cost little."""
    return {
        "log_steps": min(max(steps // 400, 1), 20),
        "sample_steps": min(max(steps // 60, 10), 500),
        "quality_steps": min(max(steps // 30, 20), 1_000),
        "snapshot_steps": min(max(steps // 10, 50), 2_000),
        "state_steps": min(max(steps // 20, 50), 500),
    }
