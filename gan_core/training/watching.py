"""The trainer looks at its own samples: quality.jsonl, and a notice where a curve says that something is wrong."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from gan_core.devices import all_finite
from gan_core.training.detectors import LOOK_BACK, Watch
from gan_core.training.events import Measured, Noticed
from gan_core.training.evidence import Record
from gan_core.training.feeds import DomainFeed, ImageFeed
from gan_core.training.quality import COUNTED, Quality, Yardstick
from gan_core.training.run_folder import RunFolder

NEIGHBOURS = 4096  # Pictures of the data among which the most similar one is looked for.
TRANSLATED = 32  # A translator takes as long for one picture as a generator for a hundred.


@runtime_checkable
class Drawing(Protocol):
    """What a family's `Training` must offer to have its samples measured."""

    def drawn(self, real: dict[str, Tensor], count: int) -> dict[str, Tensor]:
        """New pictures (N, C, S, S) in [-1, 1] for each domain, "" where there is but one. real: the data's, uint8."""


class Watching:
    """Measures at each sample and tells what the detectors find. Draws nothing of the training's random numbers."""

    def __init__(self, folder: RunFolder, feed: ImageFeed | DomainFeed) -> None:
        self._folder = folder
        self._real = feed.real(NEIGHBOURS)
        self._images = feed.smallest()
        # One picture has nothing to be compared with.
        real = self._real if self._images > 1 else {}
        self._yardsticks = {name: Yardstick(pictures) for name, pictures in real.items()}
        self._quality = folder.quality()
        self._watch = Watch(event["kind"] for event in folder.events())

    def due(self, step: int, every: int, ending: bool) -> bool:
        return every > 0 and (step % every == 0 or ending)

    def look(self, step: int, training: Any) -> Iterator[Measured | Noticed]:
        if self._yardsticks and isinstance(training, Drawing):
            drawn = training.drawn(self._real, COUNTED if len(self._real) == 1 else TRANSLATED)
            if all_finite(drawn.values()):  # Else the loop will find it in a loss or a weight, and say so.
                found = {name: self._yardsticks[name].measure(pictures) for name, pictures in drawn.items()}
                values = _line(found)
                self._folder.append_quality({"step": step, **values})
                # A resumed run measures again what came after its last state.
                self._quality = [row for row in self._quality if row["step"] < step] + [{"step": step, **values}]
                yield Measured(step, values)
        record = Record(
            metrics=self._folder.metrics(newest=LOOK_BACK),
            quality=self._quality,
            images=self._images,
            duplicates=max((one.duplicates for one in self._yardsticks.values()), default=0.0),
            recipe=vars(training.recipe) if getattr(training, "recipe", None) else {},
            total_steps=self._folder.status()["total_steps"] or None,
        )
        for finding in self._watch.look(record):
            self._folder.append_event(step, finding.kind, finding.text, finding.evidence)
            yield Noticed(step, finding.kind, finding.text)


def _line(found: dict[str, Quality]) -> dict[str, float]:
    """Of several domains each by its letter, and the worse one of each figure without."""
    if len(found) == 1:
        return next(iter(found.values())).to_json()
    lines = {name: quality.to_json() for name, quality in found.items()}
    worst = {
        "variety": min(line["variety"] for line in lines.values()),
        "distinct": min(line["distinct"] for line in lines.values()),
        "distance": max(line["distance"] for line in lines.values()),
        "nearest": min(line["nearest"] for line in lines.values()),
    }
    return worst | {f"{key}_{name}": value for name, line in lines.items() for key, value in line.items()}
