"""The DCGAN of PyTorch-GAN (eriklindernoren): a linear layer, then nearest-neighbour enlargements and convolutions.

Key names are those of the project (`l1.0.weight`, `conv_blocks.2.weight` ...). Its batch norms after the first pass
0.8 where epsilon stands; whoever loads its weights must divide as its training did. The family is for imported
generators.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from gan_core.config import require, require_channels, require_whole

REQUIRED = ("generator",)
EPSILON = 0.8


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers."""

    size: int = 32
    """Side of the pictures, in pixels; a multiple of 4, for two enlargements."""
    channels: int = 1
    """1 grey, 3 RGB, 4 RGBA."""
    classes: int = 0
    """Always 0: these generators are unconditional."""
    latent_dim: int = 100
    """Length of a latent."""
    features: int = 128
    """Channels of the first two resolutions."""
    last_features: int = 64
    """Channels at the pictures' own resolution."""

    def __post_init__(self) -> None:
        require_whole("--size", self.size, 4, 1024)
        require(self.size % 4 == 0, f"--size is {self.size}; it must be a multiple of 4.")
        require_channels(self.channels)
        require_whole("--classes", self.classes, 0, 0)
        require_whole("--latent-dim", self.latent_dim, 1, 2048)
        require_whole("--features", self.features, 1, 4096)
        require_whole("--last-features", self.last_features, 1, 4096)


def build(network: Network) -> dict[str, nn.Module]:
    return {
        "generator": Generator(
            size=network.size,
            channels=network.channels,
            latent_dim=network.latent_dim,
            features=network.features,
            last_features=network.last_features,
        )
    }


class Generator(nn.Module):
    """Latents to pictures: linear layer at a quarter of the size, two enlargements, tanh."""

    classes = 0

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 1,
        latent_dim: int = 100,
        features: int = 128,
        last_features: int = 64,
    ) -> None:
        super().__init__()
        self.latent_dim, self.first_px = latent_dim, size // 4
        self.l1 = nn.Sequential(nn.Linear(latent_dim, features * self.first_px**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(features),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features, eps=EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(features, last_features, 3, padding=1),
            nn.BatchNorm2d(last_features, eps=EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(last_features, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002 as all generators
        """z (B, latent_dim) -> (B, C, H, W) in [-1, 1]; there are no classes."""
        x = self.l1(z).unflatten(1, (-1, self.first_px, self.first_px))  # (B, features, size / 4, size / 4)
        return self.conv_blocks(x)

    def first_layer(self) -> Tensor:
        """(latent_dim, features * (size / 4)^2): what each latent adds to the linear layer's result."""
        weight = self.l1[0].weight
        assert isinstance(weight, Tensor)
        return weight.T
