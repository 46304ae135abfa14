"""What a training tells whoever runs it. The loop yields these and knows nothing of screens."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Started:
    step: int
    total_steps: int
    device: str


@dataclass(frozen=True)
class Progress:
    """A line of metrics.jsonl has been written."""

    step: int
    total_steps: int
    metrics: dict[str, float]
    images_per_s: float
    left_s: float


@dataclass(frozen=True)
class Sampled:
    step: int
    path: Path


@dataclass(frozen=True)
class Measured:
    """A line of quality.jsonl has been written."""

    step: int
    values: dict[str, float]
    """variety, distance, nearest; of translators also variety_a and so on."""


@dataclass(frozen=True)
class Snapshotted:
    step: int
    folder: Path


@dataclass(frozen=True)
class Noticed:
    """Something a person should know; also a line of events.jsonl."""

    step: int
    kind: str
    text: str


@dataclass(frozen=True)
class Ended:
    """finished: all steps done. stopped: asked to stop, saved, can be resumed."""

    step: int
    state: str


Event = Started | Progress | Sampled | Measured | Snapshotted | Noticed | Ended
