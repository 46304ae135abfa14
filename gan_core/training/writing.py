"""What a training writes into its run folder. One of several processes writes; the others pass over it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from math import ceil
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from gan_core import weights
from gan_core.config import ModelConfig, TrainConfig
from gan_core.errors import RunError
from gan_core.images import grid
from gan_core.training.diagnosis import OUT_OF_ROOM, not_finite, out_of_room
from gan_core.training.events import Noticed, Sampled, Snapshotted
from gan_core.training.heartbeat import Heartbeat
from gan_core.training.run_folder import RunFolder, RunGoneError
from gan_core.training.state import save_state
from gan_core.training.tidying import thin_states
from gan_core.training.turn import gpus

GAP_PX = 2


class Writer:
    def __init__(self, folder: RunFolder, writes: bool, facts: Callable[[], dict[str, Any]]) -> None:
        """facts: what a status says of the training besides its state."""
        self.folder, self.writes = folder, writes
        self._heartbeat = Heartbeat(folder, facts)

    # Status and notices.

    def status(self, state: str, error: str | None = None) -> None:
        if self.writes:
            self._heartbeat.tell(state, error)

    def end(self) -> None:
        self._heartbeat.end()

    def check_place(self) -> None:
        """Raise `RunGoneError` where the folder is not ours to write to any more; costs nothing."""
        if self._heartbeat.lost:
            raise RunGoneError(self._heartbeat.lost)

    def fail(self, error: Exception) -> None:
        if isinstance(error, RunGoneError):
            return  # There is nothing to write to, or it is another's.
        text = str(error) or type(error).__name__
        try:
            self.status("failed", error=text)
        except OSError:  # A full disk must not hide what happened.
            with suppress(OSError, RunError):
                self._heartbeat.tell_in_place("failed", text)

    def told(self, error: Exception, step: int, device: torch.device) -> Exception:
        """The error as a person should read it."""
        why = self._heartbeat.lost
        if self.writes and self.folder.is_gone():
            why = f"{self.folder.path} is gone: it was moved or deleted."
        if why:
            return RunGoneError(
                f"Training stopped at step {step}: {why} Nothing more was written. All that was saved is kept in the "
                "folder: where it is now, go on with --run FOLDER --resume."
            )
        return RunError(out_of_room(error, step, self.folder, device)) if isinstance(error, OUT_OF_ROOM) else error

    def notice(self, step: int, kind: str, text: str) -> Noticed:
        if self.writes:
            self.folder.append_event(step, kind, text)
        return Noticed(step, kind, text)

    def not_finite(self, what: str, step: int) -> RunError:
        text = not_finite(what, step, self.folder)
        self.notice(step, "non-finite", text)
        return RunError(text)

    # The record.

    def metrics(self, line: dict[str, Any]) -> None:
        if self.writes:
            self.folder.append_metrics(line)

    def sample(self, step: int, pictures: list[Image.Image], columns: int) -> Iterator[Sampled]:
        columns = min(columns, len(pictures))
        self.folder.write_layout(columns, ceil(len(pictures) / columns), pictures[0].width, GAP_PX)
        yield Sampled(step, self.folder.write_sample(step, grid(pictures, columns, GAP_PX)))

    def snapshot(
        self, step: int, config: ModelConfig, networks: Mapping[str, nn.Module], train: TrainConfig
    ) -> Iterator[Snapshotted]:
        self.folder.part("snapshots")
        folder = self.folder.snapshot_folder(step)
        try:
            weights.save(folder, config, networks, make_parent=False)
        except SafetensorError as error:
            if number := re.search(r"os error (\d+)", str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
            raise
        self.folder.thin_snapshots(train.keep_snapshots)
        yield Snapshotted(step, folder)

    def state(self, step: int, training: Any, pending: list[Tensor], elapsed_s: float, train: TrainConfig) -> None:
        if self.writes:
            save_state(self.folder.part("state"), step, training, pending, elapsed_s)
            thin_states(self.folder, train.keep_states)


def devices_in_use(device: torch.device) -> list[str]:
    """The devices that this training holds, as the queue counts them."""
    if device.type != "cuda":
        return [device.type]
    if "LOCAL_WORLD_SIZE" in os.environ and "LOCAL_RANK" in os.environ:
        return gpus(range(int(os.environ["LOCAL_WORLD_SIZE"])))
    return gpus([device.index or 0])
