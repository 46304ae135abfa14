"""DCGAN: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional GANs", 2015.

Layer for layer the network of pytorch/examples, under its key names (`main.0.weight` ...), for every power of two from
16 to 256 px. The discriminator gives logits: its sigmoid, which has no weights, belongs to the loss.
"""

from dataclasses import dataclass
from math import log2

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as with_spectral_norm

from gan_core.config import require_channels, require_power_of_two, require_whole, require_yes_no

REQUIRED = ("generator",)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers of both networks."""

    size: int = 64
    """Side of the pictures, in pixels."""
    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA."""
    classes: int = 0
    """Number of classes to choose from; 0: unconditional."""
    latent_dim: int = 100
    """Length of a latent (nz)."""
    generator_features: int = 64
    """Channels of the generator's last hidden layer (ngf); doubled at each halving of the resolution."""
    discriminator_features: int = 64
    """Channels of the discriminator's first layer (ndf); doubled at each halving of the resolution."""
    max_features: int = 1024
    """Channels are doubled up to this number."""
    spectral_norm: bool = False
    """Spectral norm instead of batch norm in the discriminator (Miyato et al., 2018)."""

    def __post_init__(self) -> None:
        require_power_of_two("--size", self.size, 16, 256)
        require_channels(self.channels)
        require_whole("--classes", self.classes, 0, 1000)
        require_whole("--latent-dim", self.latent_dim, 1, 2048)
        require_whole("--generator-features", self.generator_features, 1, 512)
        require_whole("--discriminator-features", self.discriminator_features, 1, 512)
        require_whole("--max-features", self.max_features, 1, 4096)
        require_yes_no("--spectral-norm", self.spectral_norm)


def build(network: Network) -> dict[str, nn.Module]:
    shared = {
        "size": network.size,
        "channels": network.channels,
        "classes": network.classes,
        "max_features": network.max_features,
    }
    return {
        "generator": Generator(**shared, latent_dim=network.latent_dim, features=network.generator_features),
        "discriminator": Discriminator(
            **shared, features=network.discriminator_features, spectral_norm=network.spectral_norm
        ),
    }


def _widths(size: int, features: int, max_features: int) -> list[int]:
    """Channels at size/2, size/4, ..., 4 px."""
    return [min(features * 2**level, max_features) for level in range(int(log2(size)) - 2)]


class Generator(nn.Module):
    """Latents to pictures: one 4 px layer, then doublings, tanh at the end."""

    def __init__(
        self,
        *,
        size: int = 64,
        channels: int = 3,
        classes: int = 0,
        latent_dim: int = 100,
        features: int = 64,
        max_features: int = 1024,
    ) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        *widths, last = reversed(_widths(size, features, max_features))
        layers: list[nn.Module] = []
        inputs, stride, padding = latent_dim + classes, 1, 0  # The first layer turns 1 px into 4 px.
        for width in [*widths, last]:
            layers += [
                nn.ConvTranspose2d(inputs, width, 4, stride, padding, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            inputs, stride, padding = width, 2, 1
        layers += [nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.main = nn.Sequential(*layers)
        self.apply(initialize)

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """z (B, latent_dim) -> (B, C, H, W) in [-1, 1]; classes (B, classes): weights, one-hot for a pure class."""
        if self.classes:
            assert classes is not None, "a conditional generator needs classes"
            z = torch.cat([z, classes], 1)
        return self.main(z[:, :, None, None])

    def stages(self) -> list[nn.Sequential]:
        """The layers at 4 px, 8 px, ... up to half the size: convolution, batch norm, ReLU."""
        return [self.main[start : start + 3] for start in range(0, len(self.main) - 2, 3)]

    def head(self) -> nn.Sequential:
        """The layers after the stages, which paint: convolution, tanh."""
        return self.main[-2:]

    def first_stage(self) -> tuple[Tensor, Tensor]:
        """The first stage in eval mode as a matrix, on the CPU in double precision.

        weight (latent_dim + classes, F) and bias (F,), F = width * 4 * 4. Since a transposed convolution of one pixel
        is a matrix product, the features are relu([z, classes] @ weight + bias).
        """
        convolution, norm = self.main[0], self.main[1]
        assert isinstance(convolution, nn.ConvTranspose2d)
        assert isinstance(norm, nn.BatchNorm2d)
        values = (convolution.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        weight, gain, offset, mean, variance = (value.detach().cpu().double() for value in values if value is not None)
        gain = gain / (variance + norm.eps).sqrt()  # (width,)
        scaled = weight * gain[:, None, None]  # (latent_dim + classes, width, 4, 4)
        return scaled.flatten(1), (offset - mean * gain).repeat_interleave(weight.shape[2] * weight.shape[3])


class Discriminator(nn.Module):
    """Pictures to one logit each; with classes, by projection (Miyato, Koyama, 2018): f(h) + <embed(class), sum h>."""

    def __init__(
        self,
        *,
        size: int = 64,
        channels: int = 3,
        classes: int = 0,
        features: int = 64,
        max_features: int = 1024,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        first, *widths = _widths(size, features, max_features)
        layers: list[nn.Module] = [nn.Conv2d(channels, first, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
        inputs = first
        for width in widths:
            norm = nn.Identity() if spectral_norm else nn.BatchNorm2d(width)
            layers += [nn.Conv2d(inputs, width, 4, 2, 1, bias=False), norm, nn.LeakyReLU(0.2, inplace=True)]
            inputs = width
        layers += [nn.Conv2d(inputs, 1, 4, 1, 0, bias=False)]
        self.main = nn.Sequential(*layers)
        self.embed = nn.Linear(classes, inputs, bias=False) if classes else None
        self.apply(initialize)
        if spectral_norm:
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    with_spectral_norm(layer)

    def forward(self, x: Tensor, classes: Tensor | None = None) -> Tensor:
        """x (B, C, H, W) in [-1, 1]; classes (B, classes) -> logits (B,)."""
        h = self.main[:-1](x)  # (B, width, 4, 4)
        logits = self.main[-1](h).flatten()  # (B, 1, 1, 1) -> (B,)
        if self.embed is not None:
            assert classes is not None, "a conditional discriminator needs classes"
            logits = logits + (self.embed(classes) * h.sum((2, 3))).sum(1)
        return logits


def initialize(layer: nn.Module) -> None:
    """Convolutions N(0, 0.02), batch norm weights N(1, 0.02): section 4 of the paper."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d) or layer.weight.is_meta:
        return  # A file will fill what has no memory yet; to draw there would import much of torch first.
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    else:
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
