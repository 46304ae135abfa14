"""A picture with the look of another: feature statistics exchanged inside the generator.

Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", 2017, equation 8.
"""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from gan_core.inference.directions import Staged


def adain(x: Tensor, look: Tensor, amount: float = 1.0) -> Tensor:
    """x (B, C, H, W) with the mean and standard deviation of each channel of `look`, by `amount` (0 none, 1 full)."""
    deviation, mean = torch.std_mean(x, (2, 3), correction=0, keepdim=True)
    wanted, middle = torch.std_mean(look, (2, 3), correction=0, keepdim=True)
    return torch.lerp(x, wanted * (x - mean) / deviation.clamp_min(1e-6) + middle, amount)


def forward(
    network: nn.Module,
    z: Tensor,
    classes: Tensor | None,
    look: Tensor,
    look_classes: Tensor | None,
    stages: Collection[int],
    amount: float,
) -> Tensor:
    """Pictures (B, C, H, W) of z (B, nz), which take the look of the latents `look` (B, nz) at stages numbered from 1.

    Each goes through the network with classes (B, K) of its own. The statistics are exchanged before each ReLU, so that
    what goes on is again not negative, as the layers above have learnt it.
    """
    assert isinstance(network, Staged)
    both = torch.cat([z, look])
    if classes is not None and look_classes is not None:
        both = torch.cat([both, torch.cat([classes, look_classes])], 1)
    x = both[:, :, None, None]
    for number, stage in enumerate(network.stages(), 1):
        x = stage[:-1](x)
        if number in stages:
            own, other = x.chunk(2)
            x = torch.cat([adain(own, other, amount), other])
        x = stage[-1](x)
    return network.head()(x.chunk(2)[0])
