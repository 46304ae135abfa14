"""The exponential moving average of a network: the one that is shown and saved."""

from copy import deepcopy

import torch
from torch import Tensor, nn


def follower(network: nn.Module) -> nn.Module:
    """A copy that `follow` keeps near the network; it is never trained itself."""
    return deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """average <- d average + (1 - d) network; buffers are copied.

    d = min(decay, (1 + step) / (10 + step)), so that a young average does not hold on to the initial weights.
    torch.optim.swa_utils.AveragedModel does the same with a transfer to the host at each step.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
    if buffers := list(network.buffers()):
        torch._foreach_copy_(list(average.buffers()), buffers)


@torch.no_grad()
def recalibrate(network: nn.Module, inputs: list[tuple[Tensor, Tensor | None]]) -> None:
    """Measure batch norm statistics anew with the network's present weights, over batches of inputs.

    Averaged weights have other activations than the networks that they average, whose statistics they would inherit.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    mode = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # None: the plain mean over all batches.
    network.train()
    for arguments in inputs:
        network(*arguments)
    network.train(mode)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
