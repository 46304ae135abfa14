"""TensorBoard event files in a run's folder, beside metrics.jsonl, for people who have that open already."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from gan_core.config import RunConfig, command_line
from gan_core.errors import ConfigError
from gan_core.training.detectors import title
from gan_core.training.events import Event, Measured, Noticed, Progress, Sampled, Started
from gan_core.training.run_folder import RunFolder

FOLDER = "tensorboard"
FLUSH_S = 5

TAGS = {
    "d_real": "score/real",
    "d_fake": "score/fake",
    "d_fake_after_update": "score/fake_after_update",
    "images_per_s": "speed/images_per_s",
    "gpu_percent": "speed/gpu_percent",
}
"""Series of metrics.jsonl with a tag of their own."""
GROUPS = {"loss": "loss", "grad": "gradient", "lr": "lr", "memory": "memory", "gpu": "memory"}
"""First words of other series and what they are grouped under: loss_cycle_a is loss/cycle_a."""


def check() -> None:
    """Raise `ConfigError` where TensorBoard's package is missing."""
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "--tensorboard needs the package tensorboard, which is not installed. Nothing was started. "
            "Run pip install tensorboard, or leave --tensorboard out."
        )


@contextmanager
def recorded(config: RunConfig, run: RunFolder, rank: int = 0) -> Iterator[Callable[[Event], None]]:
    """A function that takes the loop's events; it does nothing unless the run asks for it, and in the first process."""
    if config.train.tensorboard:
        check()
    if not config.train.tensorboard or rank:
        yield lambda _: None
        return
    board = Board(run)
    try:
        yield board.event
    finally:
        board.close()


class Board:
    """One start of a training, as a file of its own in the run's tensorboard/."""

    def __init__(self, run: RunFolder) -> None:
        check()
        self._run = run
        self._writer: Any = None
        self._failed = False
        self._early: list[Event] = []
        """What happened before the step to go on from was known."""

    def event(self, event: Event) -> None:
        if self._failed:
            return
        try:
            if isinstance(event, Started):
                self._open(event.step)
            elif self._writer is None:
                self._early.append(event)
            else:
                self._write(event)
        except OSError as error:  # No reason to end a training.
            self._failed = True
            text = f"TensorBoard's files cannot be written any more ({error.strerror or error}); the training goes on."
            with suppress(OSError):
                self._run.append_event(event.step, "tensorboard", text)

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()

    def _open(self, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What an earlier start wrote after the state that this one goes on from is hidden: it will be written again.
        folder = self._run.path / FOLDER
        purged = (step + 1 if step else 0) if folder.is_dir() else None
        self._writer = SummaryWriter(str(folder), purge_step=purged, flush_secs=FLUSH_S)
        self._writer.add_text("run/command", f"`{command_line(self._run.config())}`", step)
        for event in self._early:
            self._write(event)
        self._early = []

    def _write(self, event: Event) -> None:
        match event:
            case Progress(step=step):
                # The line as it was recorded: it holds rates and memory too.
                for line in self._run.metrics(newest=1)[-1:]:
                    for name, value in line.items():
                        if name not in ("step", "images", "elapsed_s"):
                            self._writer.add_scalar(tag(name), value, step)
            case Measured(step, values):
                for name, value in values.items():
                    self._writer.add_scalar(f"quality/{name}", value, step)
            case Sampled(step, path):
                with Image.open(path) as picture:
                    self._writer.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")
            case Noticed(step, kind, text):
                self._writer.add_text(f"notices/{kind}", f"**{title(kind)}.** {text}", step)


def tag(series: str) -> str:
    """A series of metrics.jsonl under TensorBoard's headings: loss_g is loss/g."""
    if series in TAGS:
        return TAGS[series]
    first, _, rest = series.partition("_")
    return f"{GROUPS[first]}/{series if first in ('memory', 'gpu') else rest}" if first in GROUPS else f"other/{series}"
