"""Progress of a training on standard error: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gan_core.training.events import Ended, Noticed, Progress, Started

LINE_S = 15.0


@contextmanager
def show(folder: Path) -> Iterator["_Bar | _Lines"]:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(folder)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True),
    )
    with RichProgress(*columns, console=console) as bars:
        yield _Bar(folder, bars)


def _losses(metrics: dict[str, float]) -> str:
    discriminator = [value for name, value in metrics.items() if name.startswith("loss_d")]
    return f"G {metrics['loss_g']:.2f}  D {sum(discriminator):.2f}" if "loss_g" in metrics else ""


class _Bar:
    def __init__(self, folder: Path, bars: Any) -> None:
        self._folder, self._bars = folder, bars
        self._task = bars.add_task("Reading data", total=None, note="")

    def decoded(self, done: int, total: int) -> None:
        self._bars.update(self._task, completed=done, total=total)

    def event(self, event: object) -> None:
        match event:
            case Started(step, total, device):
                self._bars.remove_task(self._task)
                self._bars.console.print(f"{self._folder} on {device}")
                self._task = self._bars.add_task("Training", total=total, completed=step, note="")
            case Progress(step, total, metrics, rate, _):
                note = f"{rate:,.0f} images/s  {_losses(metrics)}"
                self._bars.update(self._task, completed=step, total=total, note=note)
            case Noticed(step, _, text):
                self._bars.console.print(f"step {step:,}: {text}")
            case Ended(step, state):
                self._bars.update(self._task, completed=step)
                self._bars.console.print(_closing(self._folder, step, state))


class _Lines:
    def __init__(self, folder: Path) -> None:
        self._folder, self._at = folder, 0.0

    def decoded(self, done: int, total: int) -> None:
        if done == total:
            click.echo(f"read {total:,} pictures", err=True)

    def event(self, event: object) -> None:
        match event:
            case Started(step, total, device):
                click.echo(f"{self._folder} on {device}, step {step:,} of {total:,}", err=True)
            case Progress(step, total, metrics, rate, left_s) if time.monotonic() - self._at > LINE_S:
                self._at = time.monotonic()
                text = f"step {step:,}/{total:,}  {rate:,.0f} images/s  {_losses(metrics)}  {left_s / 60:.0f} min left"
                click.echo(text, err=True)
            case Noticed(step, _, text):
                click.echo(f"step {step:,}: {text}", err=True)
            case Ended(step, state):
                click.echo(_closing(self._folder, step, state), err=True)


def _closing(folder: Path, step: int, state: str) -> str:
    if state == "finished":
        return f"Finished at step {step:,}: {folder}/snapshots/{step:06d}"
    return f"Stopped at step {step:,} and saved. Go on with --run {folder} --resume"
