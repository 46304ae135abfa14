"""pix2pix: Isola et al., "Image-to-image translation with conditional adversarial networks", 2017.

Layer for layer the U-Net of the authors' PyTorch implementation, under its key names (`model.model.0.weight` ...).
Its models are imported: there is no training of pairs here, and so no discriminator.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from gan_core.config import require_channels, require_choice, require_whole, require_yes_no

REQUIRED = ("generator_ab", "generator_ba")

Norm = Literal["instance", "batch", "none"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers of both generators; most models have one of them."""

    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA, in both domains."""
    channels_b: int | None = None
    """Channels of domain B where they are others than domain A's; None: the same."""
    generator_features: int = 64
    """Channels after the first layer (ngf); doubled at each halving up to eight times as many."""
    halvings: int = 8
    """How often the picture is halved (num_downs): 8 brings 256 px to 1 px, 7 does so with 128 px."""
    norm: Literal["instance", "batch", "none"] = "batch"
    """Norm after each inner convolution."""
    dropout: bool = True
    """Dropout 0.5 in the inner levels; it acts in training only."""
    bias: bool | None = None
    """Biases in every convolution; None: only where no batch norm has one (early files have them in any case)."""

    def __post_init__(self) -> None:
        require_channels(self.channels)
        if self.channels_b is not None:
            require_channels(self.channels_b)
        require_whole("--generator-features", self.generator_features, 1, 512)
        require_whole("--halvings", self.halvings, 5, 9)
        require_choice("--norm", self.norm, ("instance", "batch", "none"))
        require_yes_no("--dropout", self.dropout)
        if self.bias is not None:
            require_yes_no("--bias", self.bias)


def build(network: Network) -> dict[str, nn.Module]:
    a, b = network.channels, network.channels_b or network.channels
    generator = partial(
        UnetGenerator,
        features=network.generator_features,
        halvings=network.halvings,
        norm=network.norm,
        dropout=network.dropout,
        bias=network.bias,
    )
    return {
        "generator_ab": generator(channels=a, output_channels=b),
        "generator_ba": generator(channels=b, output_channels=a),
    }


class UnetGenerator(nn.Module):
    """Halvings down to a few pixels and as many doublings, each of which also sees what its halving began from.

    Height and width of the input must be multiples of 2 ** halvings (`inference.translator` pads and crops).
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        output_channels: int = 3,
        features: int = 64,
        halvings: int = 8,
        norm: Norm = "batch",
        dropout: bool = True,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        self.input_channels = channels
        self.multiple_px = self.smallest_px = 2**halvings
        biased = norm == "instance" if bias is None else bias
        widths = [features * min(2**level, 8) for level in range(halvings)]  # After each halving.
        inside = None
        for level in reversed(range(1, halvings)):
            inside = UnetLevel(
                inputs=widths[level - 1],
                outputs=widths[level - 1],
                features=widths[level],
                inside=inside,
                norm=norm,
                dropout=dropout and 4 <= level < halvings - 1,
                bias=biased,
            )
        self.model = UnetLevel(
            inputs=channels, outputs=output_channels, features=features, inside=inside, outermost=True, bias=biased
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [-1, 1], sides multiples of 2 ** halvings -> (B, output_channels, H, W) in [-1, 1]."""
        return self.model(x)


class UnetLevel(nn.Module):
    """One halving, all that lies deeper, and one doubling.

    (B, inputs, H, W) -> (B, inputs + outputs, H, W), the level's own input before its result; the outermost level gives
    the picture alone.
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int,
        features: int,
        inside: "UnetLevel | None" = None,
        outermost: bool = False,
        norm: Norm = "none",
        dropout: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(inputs, features, 4, 2, 1, bias=bias)
        doubled = features if inside is None else 2 * features  # What lies deeper comes with the skip beside it.
        # The authors' outermost doubling has no norm after it, and so always a bias.
        up = nn.ConvTranspose2d(doubled, outputs, 4, 2, 1, bias=bias or outermost)
        if outermost:
            assert inside is not None
            layers: list[nn.Module] = [down, inside, nn.ReLU(), up, nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, _norm(norm, outputs)]
        else:
            layers = [nn.LeakyReLU(0.2), down, _norm(norm, features), inside, nn.ReLU(), up, _norm(norm, outputs)]
            layers += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.outermost:
            return self.model(x)
        # The authors' first layer works in place, and thus also on the skip: what is handed on is leaky_relu(x).
        first, *others = self.model
        x = first(x)
        y = x
        for layer in others:
            y = layer(y)
        return torch.cat([x, y], 1)


def _norm(kind: Norm, features: int) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    return nn.InstanceNorm2d(features) if kind == "instance" else nn.BatchNorm2d(features)
