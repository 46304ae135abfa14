"""The DCGAN of StudioGAN, its backbone `deep_conv`: linear layer, transposed convolutions, a convolution that paints.

Key names are those of the project (`linear0.weight`, `blocks.0.0.deconv0.weight`, `conv4.weight` ...). Its batch norms
have an epsilon of 1e-4. The family is for imported generators.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from gan_core.config import require, require_channels, require_whole

REQUIRED = ("generator",)
EPSILON = 1e-4
FIRST_PX = 4
MAX_BLOCKS = 6


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers."""

    size: int = 32
    """Side of the pictures, in pixels: 4, doubled by each block."""
    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA."""
    classes: int = 0
    """Always 0: the conditional forms are not imported."""
    latent_dim: int = 128
    """Length of a latent."""
    widths: list[int] = field(default_factory=lambda: [512, 256, 128, 64])
    """Channels at 4 px and after each block."""

    def __post_init__(self) -> None:
        require_channels(self.channels)
        require_whole("--classes", self.classes, 0, 0)
        require_whole("--latent-dim", self.latent_dim, 1, 2048)
        good = isinstance(self.widths, list) and 2 <= len(self.widths) <= MAX_BLOCKS + 1
        require(good, f"--widths must be a list of 2 to {MAX_BLOCKS + 1} whole numbers.")
        for width in self.widths:
            require_whole("--widths", width, 1, 4096)
        made = FIRST_PX * 2 ** (len(self.widths) - 1)
        require(self.size == made, f"--size is {self.size!r}, but the blocks make pictures of {made} px.")


def build(network: Network) -> dict[str, nn.Module]:
    return {
        "generator": Generator(channels=network.channels, latent_dim=network.latent_dim, widths=network.widths),
    }


class Block(nn.Module):
    """Doubles height and width: transposed convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.deconv0 = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
        self.bn0 = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, inputs, H, W) -> (B, outputs, 2 H, 2 W)."""
        return self.bn0(self.deconv0(x)).relu()


class Generator(nn.Module):
    """Latents to pictures: linear layer at 4 px, doublings, a convolution, tanh."""

    classes = 0

    def __init__(self, *, channels: int, latent_dim: int, widths: list[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.linear0 = nn.Linear(latent_dim, widths[0] * FIRST_PX**2)
        pairs = pairwise(widths)
        self.blocks = nn.ModuleList([nn.ModuleList([Block(inputs, outputs)]) for inputs, outputs in pairs])
        self.conv4 = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002 as all generators
        """z (B, latent_dim) -> (B, C, H, W) in [-1, 1]; there are no classes."""
        x = self.linear0(z).unflatten(1, (-1, FIRST_PX, FIRST_PX))  # (B, widths[0], 4, 4)
        for place in self.blocks.children():  # Each block stands in a list of its own, as StudioGAN has it.
            for block in place.children():
                x = block(x)
        return self.conv4(x).tanh()

    def first_layer(self) -> Tensor:
        """(latent_dim, widths[0] * 16): what each latent adds to the linear layer's result."""
        return self.linear0.weight.T
