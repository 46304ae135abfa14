"""What every step needs to know of the run around it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core.devices import autocast
from gan_core.draws import Draws, Shard


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The run's numbers, and the device it runs on."""

    size: int
    """Side of the training pictures, in pixels."""
    steps: int
    batch: int
    """Pictures in a step over all processes."""
    seed: int
    device: torch.device
    shard: Shard
    precision: str = "auto"
    compile: bool = False

    def draws(self, step: int, purpose: int = 0) -> Draws:
        return Draws(self.seed, step, purpose, shard=self.shard, device=self.device)

    def place(self, network: nn.Module) -> nn.Module:
        """On the device; channels_last on CUDA, as its convolutions want it. On CPUs it was measured to be slower."""
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        return network.to(self.device).to(memory_format=layout)

    def compiled(self, network: nn.Module) -> nn.Module:
        """The same weights behind a compiled forward, or the network itself."""
        return torch.compile(network) if self.compile else network  # type: ignore[return-value]

    def autocast(self) -> AbstractContextManager[object]:
        return autocast(self.device, self.precision)


def decayed(lr: float, step: int, steps: int, decay_from: float) -> float:
    """Constant up to the part `decay_from` of the run, then linear to 0 at its end (Zhu et al., 2017, section 7.1)."""
    start = decay_from * steps
    return lr if step < start else lr * (steps - step) / max(steps - start, 1)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Euclidean norm of all gradients together; a scalar on the device, 0 where there are none."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    return torch.stack(torch._foreach_norm(gradients)).norm()


def initial_generator(seed: int) -> None:
    """Seed the framework's global generator, from which layers draw their initial weights (and dropout its masks)."""
    torch.manual_seed(seed)
