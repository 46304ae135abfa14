"""What stands in `models/toy.py`: one linear layer from latents to pictures."""

from dataclasses import dataclass

from torch import Tensor, nn

REQUIRED = ("generator",)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The constructor numbers."""

    size: int = 16
    """Side of the pictures, in pixels."""
    channels: int = 3
    """1 grey, 3 RGB, 4 RGBA."""
    latent_dim: int = 4
    """Length of a latent."""


def build(network: Network) -> dict[str, nn.Module]:
    return {"generator": Generator(size=network.size, channels=network.channels, latent_dim=network.latent_dim)}


class Generator(nn.Module):
    def __init__(self, *, size: int, channels: int, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim, self.shape = latent_dim, (channels, size, size)
        self.paint = nn.Linear(latent_dim, channels * size * size)

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002 unconditional
        """z (B, latent_dim) -> (B, C, H, W) in [-1, 1]."""
        return self.paint(z).tanh().unflatten(1, self.shape)
