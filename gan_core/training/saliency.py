"""What a discriminator looks at and asks for, as gradients with respect to pictures, and as pictures of those.

`attention` is the saliency map of Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", 2013, section 3:
|d score / d x|, the largest over the channels.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad

from gan_core.images import to_uint8

Norms = (nn.BatchNorm1d, nn.BatchNorm2d)
FACTORS = (1, 2, 5)  # Times a power of ten: what differences are amplified by.
LARGEST_FACTOR = 10_000
COLD, HOT = (0.70, 0.22, 0.05), (1.0, 0.93, 0.70)
GENERATED, REAL = (0.85, 0.42, 0.08), (0.10, 0.56, 0.52)


@contextmanager
def unchanged(*networks: nn.Module) -> Iterator[None]:
    """Inside the block the networks compute as in training; what that leaves in their buffers is undone after it."""
    kept = [[buffer.clone() for buffer in network.buffers()] for network in networks]
    modes = [network.training for network in networks]
    try:
        yield
    finally:
        for network, buffers, mode in zip(networks, kept, modes, strict=True):
            with torch.no_grad():
                for buffer, value in zip(network.buffers(), buffers, strict=True):
                    buffer.copy_(value)
            network.train(mode)


@contextmanager
def statistics_held(network: nn.Module, *inputs: Tensor | None) -> Iterator[None]:
    """Batch norm inside the block uses the statistics of this batch as constants.

    In training the pictures of a batch share their statistics, so that the score of one depends on all others, and the
    gradients of all scores together are not what each picture by itself is judged by. Held fixed, every picture has the
    score it has in training, and a gradient of its own.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, Norms)]

    def keep(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        dims = [dim for dim in range(arguments[0].dim()) if dim != 1]
        measured[layer] = (arguments[0].mean(dims), arguments[0].var(dims, unbiased=False))

    measured: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    with unchanged(network):
        hooks = [norm.register_forward_pre_hook(keep) for norm in norms]
        try:
            with torch.no_grad():
                network(*inputs)
        finally:
            for hook in hooks:
                hook.remove()
        for norm in norms:
            assert isinstance(norm.running_mean, Tensor)
            assert isinstance(norm.running_var, Tensor)
            norm.running_mean.copy_(measured[norm][0])
            norm.running_var.copy_(measured[norm][1])
        network.eval()
        yield


def attention(score: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """|d score / d x|, the largest over the channels: pictures (B, C, H, W) -> (B, H, W).

    score: (B, C, H, W) -> one score a picture, each a function of its own picture alone.
    """
    x = pictures.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(x).sum(), x)
    return gradient.abs().amax(1)


def pushed(loss: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """-dL/dx: the direction in which each picture would have to change for a smaller loss; (B, C, H, W)."""
    x = pictures.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    return -gradient


def smoothed(maps: Tensor) -> Tensor:
    """A binomial blur over 5 x 5 pixels: maps (B, H, W), the same out. Single pixels of a gradient are noise."""
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = (row[:, None] * row)[None, None]  # (1, 1, 5, 5)
    return conv2d(pad(maps[:, None].float(), (2, 2, 2, 2), mode="replicate"), kernel)[:, 0]


def normalised(maps: Tensor) -> Tensor:
    """Each map (B, H, W) over its 99th percentile, from 0 to 1: a single bright pixel does not darken the rest."""
    top = maps.flatten(1).quantile(0.99, dim=1)[:, None, None]
    return (maps / top.clamp_min(1e-20)).clamp(0, 1)


def amplified(values: Tensor) -> tuple[Tensor, float]:
    """Signed values (B, C, H, W), 0 is grey, times a round factor that makes them visible -> ([-1, 1], the factor)."""
    top = float(values.abs().flatten().quantile(0.99)) if values.numel() < 2**23 else float(values.abs().max())
    if not 0 < top < float("inf"):
        return torch.zeros_like(values), 1.0
    factor = 10.0**-12
    for power in range(-12, 13):
        for digit in FACTORS:
            if digit * 10.0**power * top <= 1:
                factor = digit * 10.0**power
    return (values * factor).clamp(-1, 1), factor


# As pictures, (B, 3, H, W) uint8.


def grey(pictures: Tensor) -> Tensor:
    """(B, C, H, W) in [-1, 1] -> brightness (B, 1, H, W) from 0 to 1; of RGBA the colours."""
    return (pictures[:, :3].float().mean(1, keepdim=True) + 1) / 2


def heat(maps: Tensor, pictures: Tensor) -> Tensor:
    """Maps (B, H, W) from 0 to 1 as a glow over the grey pictures, which are seen where it is weak."""
    h = maps[:, None]
    cover = h.square()
    cold, hot = (torch.tensor(colour)[None, :, None, None] for colour in (COLD, HOT))
    return to_uint8((grey(pictures) * 0.7 * (1 - cover) + (cold + (hot - cold) * h) * cover) * 2 - 1)


def belief(real: Tensor, pictures: Tensor) -> Tensor:
    """Patch maps (B, 1, h, w) from 0 generated, amber, to 1 real, teal, over the pictures; undecided is grey."""
    height, width = pictures.shape[-2:]
    p = interpolate(real.float().clamp(0, 1), size=(height, width), mode="bilinear", align_corners=False)
    false, true = (torch.tensor(colour)[None, :, None, None] for colour in (GENERATED, REAL))
    colour = torch.where(p > 0.5, true, false)
    weight = (p - 0.5).abs() * 2 * 0.8
    base = 0.15 + grey(pictures) * 0.6
    return to_uint8((base * (1 - weight) + (0.25 + 0.75 * grey(pictures)) * colour * weight) * 2 - 1)


def signed(values: Tensor) -> tuple[Tensor, float]:
    """A change of pictures (B, C, H, W) around grey, and what it was multiplied by to be seen."""
    shown, factor = amplified(values[:, :3])
    return to_uint8(shown.expand(-1, 3, -1, -1) if shown.shape[1] == 1 else shown), factor
