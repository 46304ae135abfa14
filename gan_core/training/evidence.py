"""What a judgement on a run rests on, and how advice is put. Plain numbers, no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

Row = dict[str, Any]

WINDOW = 12  # Lines of metrics that a judgement rests on.


@dataclass(frozen=True)
class Diagnosis:
    kind: str
    text: str
    """What happens; the evidence; the remedy."""
    evidence: dict[str, float] = field(default_factory=dict)
    """The figures in the text, by the names of the series that they come from."""


@dataclass(frozen=True)
class Record:
    """What is known of a run so far."""

    metrics: Sequence[Row]
    """Lines of metrics.jsonl, the newest at the end."""
    quality: Sequence[Row]
    """Lines of quality.jsonl."""
    images: int | None = None
    """Pictures in the data (the smaller domain's); None: not known."""
    duplicates: float = 0.0
    """Share of pictures that have a twin."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The recipe's options, all of them; empty: not known."""
    total_steps: int | None = None
    """Steps that the run is to have; None: not known."""

    @property
    def step(self) -> int:
        """How far the record goes."""
        return max((rows[-1]["step"] for rows in (self.metrics, self.quality) if rows), default=0)

    @property
    def measured(self) -> list[Row]:
        """Lines of quality.jsonl since something was learnt."""
        return [row for row in self.quality if row["step"] > 0]

    @property
    def probabilities(self) -> bool:
        """d_real and d_fake are probabilities."""
        if "loss" in self.recipe:
            return bool(self.recipe["loss"] == "bce")
        return all(0 <= row.get(name, 0) <= 1 for row in self.metrics for name in ("d_real", "d_fake"))

    def last(self, name: str, count: int = WINDOW) -> list[float]:
        """The newest values of one series; empty where there are fewer than `count`."""
        values = [row[name] for row in self.metrics[-count:] if name in row]
        return values if len(values) == count else []

    def mean(self, name: str) -> float | None:
        values = self.last(name)
        return fmean(values) if values else None

    def faded(self, name: str) -> float | None:
        """What is left of a series, as a share of its size at the record's beginning; None: more than a hundredth."""
        values = [row[name] for row in self.metrics if name in row]
        if len(values) < 4 * WINDOW or not (first := median(values[: len(values) // 4])):
            return None
        left = median(values[-WINDOW:]) / first
        return left if left < 0.01 else None

    def rate(self, name: str) -> str:
        """The option of a learning rate, with what it is now: older records have it in the recipe alone."""
        now = (self.metrics[-1] if self.metrics else {}).get(name, self.recipe.get(name))
        return f"--{name.replace('_', '-')}" + ("" if now is None else f", {now:.3g} now")

    def advice(self, now: str, *options: str) -> str:
        """What to do now, or with which of these options to begin again: those the recipe has and does not use."""
        fitting = [BEGIN_AGAIN[name][1] for name in options if self._advised(name)]
        if not fitting:
            return f"{now}."
        *most, last = fitting
        return f"{now}, or begin again with {', '.join(most)}{' or ' if most else ''}{last}."

    def _advised(self, option: str) -> bool:
        if not self.recipe:
            return True
        return option in self.recipe and BEGIN_AGAIN[option][0](self.recipe[option])


def two_digits(value: float) -> str:
    """Two digits that count: 24, 0.43, 310."""
    return f"{float(f'{value:.2g}'):g}"


BEGIN_AGAIN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "augment": (lambda now: not now, "augmentation (--augment color,translation)"),
    "loss": (lambda now: now != "hinge", "the hinge loss (--loss hinge)"),
    "real_target": (lambda now: now == 1, "smoothed labels (--real-target 0.9)"),
    "discriminator_steps": (lambda now: now == 1, "more steps of the discriminator (--discriminator-steps 2)"),
    "beta1": (lambda now: now > 0.5, "less momentum (--beta1 0.5)"),
}
"""Options that cannot change while a run goes on: when to advise them, and in which words."""
