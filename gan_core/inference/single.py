"""One picture at a time on a CPU, which is what a moving hand asks for: convolutions as matrix products.

A transposed convolution is a product with its weights and a sum of overlapping patches. For one latent that is a third
faster on two threads than the general layer, which prepares itself for larger batches, and batch norm, which in eval
mode scales and shifts channels, disappears into weights and offsets.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_core.inference.directions import Staged


class _Doubling(NamedTuple):
    """A layer from h to 2h px (kernel 4, stride 2, padding 1)."""

    weight: Tensor
    """(out * 16, in)"""
    offset: Tensor | None
    """(out, 1), then ReLU; None for the layer that paints, without either."""


class SinglePicture:
    """A DCGAN generator in eval mode, for one latent on the CPU; equal to the network's own forward to 1e-5.

    Holds folded weights of its own: what is learnt later is not seen.
    """

    @torch.inference_mode()
    def __init__(self, network: nn.Module) -> None:
        assert isinstance(network, Staged)
        weight, offset = network.first_stage()  # (nz + classes, out * 16), (out * 16,)
        self._first = weight.float(), offset.float()
        self._doublings = [_folded(*stage[:2]) for stage in network.stages()[1:]]
        paint = network.head()[0].weight
        assert isinstance(paint, Tensor)
        self._doublings.append(_Doubling(paint.flatten(1).T.contiguous(), None))

    def __call__(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """z (1, nz), classes (1, K) -> (1, C, H, W) in [-1, 1]."""
        z = z if classes is None else torch.cat([z, classes], 1)
        weight, offset = self._first
        x = torch.addmv(offset, weight.T, z[0]).relu_().view(-1, 16)  # (channels, h * h)
        side = 4
        for layer in self._doublings:
            side *= 2
            x = functional.fold(layer.weight @ x, (side, side), 4, padding=1, stride=2).flatten(1)
            if layer.offset is not None:
                x = x.add_(layer.offset).relu_()
        return x.tanh_().view(1, -1, side, side)


def _folded(convolution: nn.Module, norm: nn.Module) -> _Doubling:
    assert isinstance(convolution, nn.ConvTranspose2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()  # (out,)
    weight = convolution.weight.double() * gain[:, None, None]  # (in, out, 4, 4)
    offset = norm.bias.double() - norm.running_mean.double() * gain
    return _Doubling(weight.flatten(1).T.float().contiguous(), offset.float()[:, None])
