"""CycleGAN: Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017.

Layer for layer the networks of the authors' implementation, under its key names (`model.1.weight` ...). `generator_ab`
makes b from a and is judged by `discriminator_b`. With `downsample` and `upsample` blurred, the generators are those of
CUT (Park et al., "Contrastive learning for unpaired image-to-image translation", 2020), again under its key names.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from gan_core.config import require, require_channels, require_choice, require_whole, require_yes_no

REQUIRED = ("generator_ab", "generator_ba")

SKIP_RANGE = 0.95

Norm = Literal["instance", "batch", "none"]
Upsample = Literal["transposed", "resize", "blur"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers of both generators and both discriminators."""

    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA, in both domains."""
    channels_b: int | None = None
    """Channels of domain B where they are others than domain A's; None: the same."""
    generator_features: int = 64
    """Channels after the generator's first layer (ngf)."""
    blocks: int = 9
    """Residual blocks: 9 for 256 px, 6 for 128 px and for speed."""
    norm: Literal["instance", "batch", "none"] = "instance"
    """Norm of all four networks."""
    dropout: bool = False
    """Dropout 0.5 inside the residual blocks."""
    padding: Literal["reflect", "zero"] = "reflect"
    """What the residual blocks see beyond the edge: the picture mirrored, as in the paper, or nothing."""
    downsample: Literal["strided", "blur"] = "strided"
    """Strided convolutions as in the paper, or convolution, blur and every second pixel (Zhang, 2019), as in CUT."""
    upsample: Literal["transposed", "resize", "blur"] = "transposed"
    """Transposed convolutions as in the paper; nearest neighbour (resize) or a smooth enlargement (blur), and then a
    convolution, leave no checkerboard."""
    global_skip: bool = False
    """Learn the change to the picture instead of the picture: training begins with pictures left as they are."""
    discriminator_features: int = 64
    """Channels of the discriminator's first layer (ndf)."""
    discriminator_layers: int = 3
    """Strided layers of the discriminator; 3 gives the 70 x 70 px PatchGAN."""

    def __post_init__(self) -> None:
        require_channels(self.channels)
        if self.channels_b is not None:
            require_channels(self.channels_b)
        require_whole("--generator-features", self.generator_features, 1, 512)
        require_whole("--blocks", self.blocks, 1, 32)
        require_choice("--norm", self.norm, ("instance", "batch", "none"))
        require_yes_no("--dropout", self.dropout)
        require_choice("--padding", self.padding, ("reflect", "zero"))
        require_choice("--downsample", self.downsample, ("strided", "blur"))
        require_choice("--upsample", self.upsample, ("transposed", "resize", "blur"))
        require_yes_no("--global-skip", self.global_skip)
        require(
            not self.global_skip or self.channels_b in (None, self.channels),
            "--global-skip adds a change to the picture itself: both domains must have the same channels.",
        )
        require_whole("--discriminator-features", self.discriminator_features, 1, 512)
        require_whole("--discriminator-layers", self.discriminator_layers, 1, 6)


def build(network: Network) -> dict[str, nn.Module]:
    a, b = network.channels, network.channels_b or network.channels
    generator = partial(
        ResnetGenerator,
        features=network.generator_features,
        blocks=network.blocks,
        norm=network.norm,
        dropout=network.dropout,
        padding=network.padding,
        downsample=network.downsample,
        upsample=network.upsample,
        global_skip=network.global_skip,
    )
    discriminator = partial(
        PatchDiscriminator,
        features=network.discriminator_features,
        layers=network.discriminator_layers,
        norm=network.norm,
    )
    return {
        "generator_ab": generator(channels=a, output_channels=b),
        "generator_ba": generator(channels=b, output_channels=a),
        "discriminator_a": discriminator(channels=a),
        "discriminator_b": discriminator(channels=b),
    }


def _norm(kind: Norm, features: int) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    return nn.InstanceNorm2d(features) if kind == "instance" else nn.BatchNorm2d(features)


class ResnetGenerator(nn.Module):
    """Johnson et al.'s network: two halvings, residual blocks at a quarter of the size, two doublings.

    Height and width of the input must be multiples of 4 (`inference.translator` pads and crops).
    """

    multiple_px = 4
    """Sides of the input are multiples of it: two halvings."""
    smallest_px = 16
    """Below it, the reflections would reach beyond the picture."""

    def __init__(
        self,
        *,
        channels: int = 3,
        output_channels: int | None = None,
        features: int = 64,
        blocks: int = 9,
        norm: Norm = "instance",
        dropout: bool = False,
        padding: Literal["reflect", "zero"] = "reflect",
        downsample: Literal["strided", "blur"] = "strided",
        upsample: Upsample = "transposed",
        global_skip: bool = False,
    ) -> None:
        super().__init__()
        self.input_channels = channels
        bias = norm == "instance"  # Batch norm has a bias of its own.
        relu = partial(nn.ReLU, inplace=True)
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, features, 7, bias=bias),
            _norm(norm, features),
            relu(),
        ]
        stride = 2 if downsample == "strided" else 1
        for width in (features, 2 * features):
            layers += [nn.Conv2d(width, 2 * width, 3, stride, 1, bias=bias), _norm(norm, 2 * width), relu()]
            layers += [BlurDown(2 * width)] if downsample == "blur" else []
        block = partial(ResnetBlock, features=4 * features, norm=norm, dropout=dropout, padding=padding)
        layers += [block() for _ in range(blocks)]
        for width in (4 * features, 2 * features):
            layers += [*_up(upsample, width, bias), _norm(norm, width // 2), relu()]
        last = nn.Conv2d(features, output_channels or channels, 7)
        layers += [nn.ReflectionPad2d(3), last, nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.apply(initialize)
        self.global_skip = global_skip
        if global_skip:
            nn.init.zeros_(last.weight)  # No change yet.

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [-1, 1], H and W multiples of 4 -> the same size and range, (B, output_channels, H, W)."""
        if not self.global_skip:
            return self.model(x)
        # The sum is formed before tanh, which keeps it in range; there a white pixel lies far out, but not at infinity.
        return torch.tanh(torch.atanh(SKIP_RANGE * x) + self.model[:-1](x))


def _up(kind: Upsample, width: int, bias: bool) -> list[nn.Module]:
    """Twice the size, half the channels."""
    if kind == "transposed":
        return [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)]
    if kind == "resize":
        return [ResizeConv2d(width, width // 2, 3, padding=1, bias=bias)]
    return [BlurUp(width), nn.Conv2d(width, width // 2, 3, padding=1, bias=bias)]


class ResnetBlock(nn.Module):
    """x + two padded 3 x 3 convolutions, without an activation after the sum."""

    def __init__(
        self, *, features: int, norm: Norm, dropout: bool, padding: Literal["reflect", "zero"] = "reflect"
    ) -> None:
        super().__init__()
        mirrored = padding == "reflect"  # Zeros need no layer: as in the reference, the indices fall.
        convolution = partial(nn.Conv2d, features, features, 3, padding=int(not mirrored), bias=norm == "instance")
        self.conv_block = nn.Sequential(
            *([nn.ReflectionPad2d(1)] if mirrored else []),
            convolution(),
            _norm(norm, features),
            nn.ReLU(inplace=True),
            *([nn.Dropout(0.5)] if dropout else []),
            *([nn.ReflectionPad2d(1)] if mirrored else []),
            convolution(),
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


def _binomial(channels: int, row: tuple[int, ...], total: float) -> Tensor:
    """A blur for each channel by itself: (channels, 1, k, k), the outer product of a row, scaled to a sum."""
    taps = torch.tensor(row, dtype=torch.float32)
    kernel = taps[:, None] * taps  # (k, k)
    return (kernel * (total / kernel.sum())).repeat(channels, 1, 1, 1)


class BlurDown(nn.Module):
    """Every second pixel of the blurred input (Zhang, "Making convolutional networks shift-invariant again", 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filt: Tensor  # A fixed kernel, which CUT's files hold all the same.
        self.register_buffer("filt", _binomial(channels, (1, 2, 1), 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class BlurUp(nn.Module):
    """Twice the size by a smooth kernel: zeros between the pixels, then the blur, scaled to keep the brightness."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filt: Tensor
        self.register_buffer("filt", _binomial(channels, (1, 3, 3, 1), 4.0))

    def forward(self, x: Tensor) -> Tensor:
        edged = pad(x, (1, 1, 1, 1), mode="replicate")
        return conv_transpose2d(edged, self.filt, stride=2, padding=3, groups=x.shape[1])


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
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d) or layer.weight.is_meta:
        return  # A file will fill what has no memory yet; to draw there would import torch's decompositions, for 1.6 s.
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    else:
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
