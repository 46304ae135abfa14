"""The reference projects' generators, built by hand from their published layouts, and weights as after a training."""

from itertools import pairwise

import torch
from torch import Tensor, nn


class Named(nn.Module):
    """A Sequential under the name that a project gives it."""

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__()
        self.add_module(name, network)


def stack(
    nz: int, widths: list[int], kernels: list[int], strides: list[int], paddings: list[int], *, bias: bool = False
) -> nn.Sequential:
    """Transposed convolutions with batch norm and ReLU between, tanh at the end; widths end with the picture's."""
    layers: list[nn.Module] = []
    inputs = nz
    for width, kernel, stride, padding in zip(widths, kernels, strides, paddings, strict=True):
        layers += [
            nn.ConvTranspose2d(inputs, width, kernel, stride, padding, bias=bias),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        inputs = width
    return nn.Sequential(*layers[:-2], nn.Tanh())


def dcgan(nz: int = 100, ngf: int = 64, nc: int = 3, layers: int = 5) -> nn.Sequential:
    """pytorch/examples: 4 px, doubled by each layer after the first."""
    widths = [ngf * 2**level for level in reversed(range(layers - 1))]
    return stack(nz, [*widths, nc], [4] * layers, [1] + [2] * (layers - 1), [0] + [1] * (layers - 1))


def dcgan_discriminator(ndf: int = 64, nc: int = 3, layers: int = 5) -> nn.Sequential:
    found: list[nn.Module] = [nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for level in range(layers - 2):
        width = ndf * 2**level
        found += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*found, nn.Conv2d(ndf * 2 ** (layers - 2), 1, 4, 1, 0, bias=False), nn.Sigmoid())


class PyTorchGan(nn.Module):
    """eriklindernoren/PyTorch-GAN dcgan.py, whose batch norms pass 0.8 for epsilon."""

    def __init__(self, size: int = 32, channels: int = 1, latent_dim: int = 100) -> None:
        super().__init__()
        self.start = size // 4
        self.l1 = nn.Sequential(nn.Linear(latent_dim, 128 * self.start**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, stride=1, padding=1),
            nn.BatchNorm2d(128, 0.8),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, stride=1, padding=1),
            nn.BatchNorm2d(64, 0.8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, channels, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.conv_blocks(self.l1(z).view(len(z), 128, self.start, self.start))


class _StudioBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, spectral: bool) -> None:
        super().__init__()
        convolution = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
        self.deconv0 = nn.utils.spectral_norm(convolution, eps=1e-6) if spectral else convolution
        self.bn0 = nn.BatchNorm2d(outputs, eps=1e-4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn0(self.deconv0(x)))


class StudioGan(nn.Module):
    """POSTECH-CVLab's deep_conv without classes: 32 px, batch norm with an epsilon of 1e-4."""

    def __init__(self, z_dim: int = 128, *, width: int = 64, spectral: bool = False) -> None:
        super().__init__()
        wrap = (lambda layer: nn.utils.spectral_norm(layer, eps=1e-6)) if spectral else (lambda layer: layer)
        widths = [width * 8, width * 4, width * 2, width]
        self.first = widths[0]
        self.linear0 = wrap(nn.Linear(z_dim, widths[0] * 16))
        pairs = pairwise(widths)
        self.blocks = nn.ModuleList([nn.ModuleList([_StudioBlock(*pair, spectral=spectral)]) for pair in pairs])
        self.conv4 = wrap(nn.Conv2d(width, 3, 3, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        x = self.linear0(z).view(len(z), self.first, 4, 4)
        for place in self.blocks:
            x = place[0](x)
        return torch.tanh(self.conv4(x))


def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in eval mode with weights and statistics as after a training, not as after an initialisation.

    Its pictures are neither flat nor at the ends of the tanh, so that they differ where a network does.
    """
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            noise = torch.randn(value.shape, generator=draws)
            if value.ndim > 1:
                value.copy_(noise * 2 * (min(value.shape[:2]) / value.numel()) ** 0.5)
            elif key.endswith("running_var"):
                value.copy_(noise.abs() + 0.5)
            elif value.is_floating_point():
                value.copy_(noise * 0.2 + (1.0 if key.endswith("weight") else 0.0))
    return network.eval()


def without_counters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As PyTorch 0.3 wrote it."""
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
