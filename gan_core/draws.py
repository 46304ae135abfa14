"""Random draws inside training: one stream a step, named by numbers, the same in every process.

The draws of a step depend on the run's seed and the step alone, not on what was drawn before. So a resumed run needs no
generator state, and the processes of a distributed run all draw for the whole batch and keep their own part of it:
together they do what one process would do.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """The part of every batch that one of `world` processes works on."""

    rank: int = 0
    world: int = 1

    def part(self, batch: int) -> slice:
        share = batch // self.world
        return slice(self.rank * share, (self.rank + 1) * share)


class Draws:
    """Numbers for one step: `Draws(seed, step, purpose)` always gives the same ones."""

    def __init__(
        self, seed: int, step: int, purpose: int = 0, *, shard: Shard | None = None, device: torch.device | str = "cpu"
    ) -> None:
        # Philox is keyed, not seeded: neighbouring keys give unrelated streams.
        self._generator = np.random.Generator(np.random.Philox(key=np.array([seed, step * 16 + purpose], np.uint64)))
        self._shard, self._device = shard or Shard(), device

    def _part(self, values: np.ndarray) -> Tensor:
        mine = np.ascontiguousarray(values[self._shard.part(len(values))])
        return torch.from_numpy(mine).to(self._device, non_blocking=True)

    def normal(self, batch: int, *shape: int) -> Tensor:
        """(batch / world, *shape) float32 from N(0, 1)."""
        return self._part(self._generator.standard_normal((batch, *shape), dtype=np.float32))

    def uniform(self, batch: int, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(batch / world, *shape) float32, uniform from low to high."""
        return self._part(self._generator.random((batch, *shape), dtype=np.float32) * (high - low) + low)

    def integers(self, batch: int, *shape: int, below: int) -> Tensor:
        """(batch / world, *shape) int64 from 0 to below - 1."""
        return self._part(self._generator.integers(0, below, (batch, *shape)))

    def coin(self) -> bool:
        """True with probability 1/2; not part of a batch."""
        return bool(self._generator.random() < 0.5)

    def whole(self, below: int) -> int:
        """A number from 0 to below - 1; not part of a batch."""
        return int(self._generator.integers(0, below))
