"""CycleGAN: Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017.

Layer for layer the networks of the authors' implementation, under its key names (`model.1.weight` ...). `generator_ab`
makes b from a and is judged by `discriminator_b`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, pad

from gan_core.config import require_channels, require_choice, require_whole, require_yes_no

REQUIRED = ("generator_ab", "generator_ba")

SKIP_RANGE = 0.95

Norm = Literal["instance", "batch"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers of both generators and both discriminators."""

    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA, in both domains."""
    generator_features: int = 64
    """Channels after the generator's first layer (ngf)."""
    blocks: int = 9
    """Residual blocks: 9 for 256 px, 6 for 128 px and for speed."""
    norm: Literal["instance", "batch"] = "instance"
    """Norm of all four networks."""
    dropout: bool = False
    """Dropout 0.5 inside the residual blocks."""
    upsample: Literal["transposed", "resize"] = "transposed"
    """Transposed convolutions as in the paper, or nearest neighbour and convolution, which leaves no checkerboard."""
    global_skip: bool = False
    """Learn the change to the picture instead of the picture: training begins with pictures left as they are."""
    discriminator_features: int = 64
    """Channels of the discriminator's first layer (ndf)."""
    discriminator_layers: int = 3
    """Strided layers of the discriminator; 3 gives the 70 x 70 px PatchGAN."""

    def __post_init__(self) -> None:
        require_channels(self.channels)
        require_whole("--generator-features", self.generator_features, 1, 512)
        require_whole("--blocks", self.blocks, 1, 32)
        require_choice("--norm", self.norm, ("instance", "batch"))
        require_yes_no("--dropout", self.dropout)
        require_choice("--upsample", self.upsample, ("transposed", "resize"))
        require_yes_no("--global-skip", self.global_skip)
        require_whole("--discriminator-features", self.discriminator_features, 1, 512)
        require_whole("--discriminator-layers", self.discriminator_layers, 1, 6)


def build(network: Network) -> dict[str, nn.Module]:
    generator = partial(
        ResnetGenerator,
        channels=network.channels,
        features=network.generator_features,
        blocks=network.blocks,
        norm=network.norm,
        dropout=network.dropout,
        upsample=network.upsample,
        global_skip=network.global_skip,
    )
    discriminator = partial(
        PatchDiscriminator,
        channels=network.channels,
        features=network.discriminator_features,
        layers=network.discriminator_layers,
        norm=network.norm,
    )
    return {
        "generator_ab": generator(),
        "generator_ba": generator(),
        "discriminator_a": discriminator(),
        "discriminator_b": discriminator(),
    }


def _norm(kind: Norm, features: int) -> nn.Module:
    return nn.InstanceNorm2d(features) if kind == "instance" else nn.BatchNorm2d(features)


class ResnetGenerator(nn.Module):
    """Johnson et al.'s network: two halvings, residual blocks at a quarter of the size, two doublings.

    Height and width of the input must be multiples of 4 (`inference.translator` pads and crops).
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        features: int = 64,
        blocks: int = 9,
        norm: Norm = "instance",
        dropout: bool = False,
        upsample: Literal["transposed", "resize"] = "transposed",
        global_skip: bool = False,
    ) -> None:
        super().__init__()
        bias = norm == "instance"  # Batch norm has a bias of its own.
        relu = partial(nn.ReLU, inplace=True)
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, features, 7, bias=bias),
            _norm(norm, features),
            relu(),
        ]
        for width in (features, 2 * features):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), _norm(norm, 2 * width), relu()]
        layers += [ResnetBlock(features=4 * features, norm=norm, dropout=dropout) for _ in range(blocks)]
        for width in (4 * features, 2 * features):
            if upsample == "transposed":
                up: nn.Module = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)
            else:
                up = ResizeConv2d(width, width // 2, 3, padding=1, bias=bias)
            layers += [up, _norm(norm, width // 2), relu()]
        last = nn.Conv2d(features, channels, 7)
        layers += [nn.ReflectionPad2d(3), last, nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.apply(initialize)
        self.global_skip = global_skip
        if global_skip:
            nn.init.zeros_(last.weight)  # No change yet.

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [-1, 1], H and W multiples of 4 -> the same shape and range."""
        if not self.global_skip:
            return self.model(x)
        # The sum is formed before tanh, which keeps it in range; there a white pixel lies far out, but not at infinity.
        return torch.tanh(torch.atanh(SKIP_RANGE * x) + self.model[:-1](x))


class ResnetBlock(nn.Module):
    """x + two padded 3 x 3 convolutions, without an activation after the sum."""

    def __init__(self, *, features: int, norm: Norm, dropout: bool) -> None:
        super().__init__()
        bias = norm == "instance"
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(features, features, 3, bias=bias),
            _norm(norm, features),
            nn.ReLU(inplace=True),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(features, features, 3, bias=bias),
            _norm(norm, features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class ResizeConv2d(nn.Conv2d):
    """Nearest-neighbour doubling, then a 3 x 3 convolution (Odena et al., 2016); keys as a plain convolution's."""

    def forward(self, x: Tensor) -> Tensor:
        # Both together are a transposed convolution whose kernel is the turned 3 x 3 one spread by a 2 x 2 box: the
        # same sums with 16 products for each input pixel instead of 36.
        turned = self.weight.flip(2, 3).transpose(0, 1)  # (in, out, 3, 3)
        shifts = [(0, 1, 0, 1), (1, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0)]
        a, b, c, d = (pad(turned, shift) for shift in shifts)
        kernel = a + b + c + d  # (in, out, 4, 4)
        return conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al., 2017): one logit for each overlapping patch."""

    def __init__(self, *, channels: int = 3, features: int = 64, layers: int = 3, norm: Norm = "instance") -> None:
        super().__init__()
        bias = norm == "instance"
        parts: list[nn.Module] = [nn.Conv2d(channels, features, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        inputs = features
        for level in range(1, layers + 1):
            width = features * min(2**level, 8)
            stride = 2 if level < layers else 1
            parts += [
                nn.Conv2d(inputs, width, 4, stride, 1, bias=bias),
                _norm(norm, width),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            inputs = width
        parts += [nn.Conv2d(inputs, 1, 4, 1, 1)]
        self.model = nn.Sequential(*parts)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [-1, 1] -> logits (B, 1, H', W'); 256 px give 30 x 30 patches of 70 px."""
        return self.model(x)


def initialize(layer: nn.Module) -> None:
    """Convolutions N(0, 0.02) with zero bias, batch norm weights N(1, 0.02): section 7.1 of the paper."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
