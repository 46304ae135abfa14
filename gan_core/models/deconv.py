"""Stacks of transposed convolutions with any kernels, strides and widths: what people make of the DCGAN.

Key names are those of Gradio's guide on GANs (`network.0.weight` ...), whose 24 px RGBA generator is one of them. The
family is for imported generators; who trains takes `dcgan`.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gan_core.config import require, require_channels, require_whole, require_yes_no

REQUIRED = ("generator",)
MAX_LAYERS = 12


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers; the lists hold one number a layer, first to last."""

    size: int
    """Side of the pictures, in pixels; must be what the layers make."""
    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA."""
    classes: int = 0
    """Always 0: these generators are unconditional."""
    latent_dim: int = 100
    """Length of a latent (nz)."""
    widths: list[int] = field(default_factory=list)
    """Channels of the hidden layers, one less than there are layers."""
    kernels: list[int] = field(default_factory=list)
    """Sides of the kernels, in pixels."""
    strides: list[int] = field(default_factory=list)
    """How many pixels each layer makes of one."""
    paddings: list[int] = field(default_factory=list)
    """Pixels cut off at each side of a layer's result."""
    bias: bool = False
    """Hidden convolutions have a bias before their batch norm."""
    last_bias: bool = False
    """The layer that paints has a bias."""

    def __post_init__(self) -> None:
        require_whole("--size", self.size, 1, 1024)
        require_channels(self.channels)
        require_whole("--classes", self.classes, 0, 0)
        require_whole("--latent-dim", self.latent_dim, 1, 2048)
        require_yes_no("--bias", self.bias)
        require_yes_no("--last-bias", self.last_bias)
        for name, low, high in (("widths", 1, 4096), ("kernels", 1, 64), ("strides", 1, 8), ("paddings", 0, 63)):
            values = getattr(self, name)
            short = isinstance(values, list) and len(values) <= MAX_LAYERS
            require(short, f"--{name} must be a list of at most {MAX_LAYERS} whole numbers.")
            for value in values:
                require_whole(f"--{name}", value, low, high)
        layers = len(self.kernels)
        good = layers > 1 and len(self.strides) == len(self.paddings) == layers == len(self.widths) + 1
        require(good, "--kernels, --strides, --paddings must be of one length, at least 2, and --widths one shorter.")
        made = sides(self.kernels, self.strides, self.paddings)
        require(min(made) > 0, f"The layers make pictures of {min(made)} px.")
        require(made[-1] == self.size, f"--size is {self.size}, but the layers make pictures of {made[-1]} px.")


def sides(kernels: list[int], strides: list[int], paddings: list[int]) -> list[int]:
    """Pixels after each layer, beginning with one: (n - 1) stride - 2 padding + kernel."""
    side, found = 1, []
    for kernel, stride, padding in zip(kernels, strides, paddings, strict=True):
        side = (side - 1) * stride - 2 * padding + kernel
        found.append(side)
    return found


def build(network: Network) -> dict[str, nn.Module]:
    return {
        "generator": Generator(
            latent_dim=network.latent_dim,
            widths=[*network.widths, network.channels],
            kernels=network.kernels,
            strides=network.strides,
            paddings=network.paddings,
            bias=network.bias,
            last_bias=network.last_bias,
        )
    }


class Generator(nn.Module):
    """Latents to pictures: transposed convolutions with batch norm and ReLU between, tanh at the end."""

    classes = 0

    def __init__(
        self,
        *,
        latent_dim: int,
        widths: list[int],
        kernels: list[int],
        strides: list[int],
        paddings: list[int],
        bias: bool = False,
        last_bias: bool = False,
    ) -> None:
        """widths: channels of all layers, the last being those of the picture."""
        super().__init__()
        self.latent_dim = latent_dim
        layers: list[nn.Module] = []
        inputs = latent_dim
        shapes = list(zip(widths, kernels, strides, paddings, strict=True))
        for width, kernel, stride, padding in shapes[:-1]:
            layers += [
                nn.ConvTranspose2d(inputs, width, kernel, stride, padding, bias=bias),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            inputs = width
        width, kernel, stride, padding = shapes[-1]
        layers += [nn.ConvTranspose2d(inputs, width, kernel, stride, padding, bias=last_bias), nn.Tanh()]
        self.network = nn.Sequential(*layers)
        # Mixing and the quick way for one picture rest on a 4 px stage and doublings without biases.
        doubles = list(zip(kernels, strides, paddings, strict=True)) == [(4, 1, 0)] + [(4, 2, 1)] * (len(shapes) - 1)
        if doubles and not (bias or last_bias):
            self.stages, self.head = self._stages, self._head

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002 as all generators
        """z (B, latent_dim) -> (B, C, H, W) in [-1, 1]; there are no classes."""
        return self.network(z[:, :, None, None])

    def first_layer(self) -> Tensor:
        """(latent_dim, width * k * k): what each latent adds to the first layer's result before its padding is cut."""
        weight = self.network[0].weight
        assert isinstance(weight, Tensor)
        return weight.flatten(1)

    @torch.no_grad()
    def first_stage(self) -> tuple[Tensor, Tensor]:
        """The first stage in eval mode as a matrix: weight (latent_dim, F) and bias (F,), double precision, on the CPU.

        Convolution and batch norm of one pixel are an affine map, told by what it makes of zero and of each unit
        latent: the features, F = width * side * side, are relu(z @ weight + bias).
        """
        stage = deepcopy(self.network[:2]).cpu().double().eval()
        units = torch.cat([torch.zeros(1, self.latent_dim), torch.eye(self.latent_dim)]).double()
        made = stage(units[:, :, None, None]).flatten(1)  # (1 + latent_dim, F)
        return made[1:] - made[0], made[0]

    def _stages(self) -> list[nn.Sequential]:
        """The layers at 4 px, 8 px, ... up to half the size: convolution, batch norm, ReLU."""
        return [self.network[start : start + 3] for start in range(0, len(self.network) - 2, 3)]

    def _head(self) -> nn.Sequential:
        """The layers after the stages, which paint: convolution, tanh."""
        return self.network[-2:]
