"""How good the samples are, measured while training goes on: nothing to download, little to compute, no random state.

Fréchet distance on features of a small network with fixed random weights: such features rank models much as learnt ones
do (Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, section 4). The figures compare
snapshots of one run and runs on the same data; they are not FID.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, leaky_relu

from gan_core.images import to_float
from gan_core.metrics import pairwise_distance

SIDE_PX = 32  # What is smaller than this side can show hardly matters to whether a picture is like the others.
NEAREST_PX = 16
WIDTHS = (3, 16, 24, 24)
COUNTED = 256  # Pictures on either side of a comparison.
CHUNK = 64


@dataclass(frozen=True)
class Quality:
    """One line of quality.jsonl."""

    variety: float
    """Mean distance of two samples over that of two real pictures: 1 as varied as the data, near 0 all alike."""
    distance: float
    """Fréchet distance of the features of samples and data, over the variance of the data's: 0 alike."""
    nearest: float
    """Distance of a sample to the most similar real picture, over that of a real one to the next: near 0 a copy."""

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 6) for name, value in vars(self).items()}


class Yardstick:
    """The data, as samples are held against them. Measured once.

    real: (N, C, S, S) in [-1, 1] or uint8, N at least 2; the first `COUNTED` give the features, all the neighbours.
    """

    def __init__(self, real: Tensor) -> None:
        some = shrunk(real[:COUNTED], SIDE_PX)
        self._pair = max(pairwise_distance(some), 1e-6)
        self._mean, self._covariance = _moments(features(some))
        self._spread = max(float(self._covariance.trace()), 1e-12)
        self._flat = torch.cat([shrunk(part, NEAREST_PX) for part in real.split(COUNTED)]).flatten(1)  # (N, C * 256)
        self.real_nearest, self.duplicates = self._neighbours()

    def _neighbours(self) -> tuple[float, float]:
        """Median distance of a real picture to the next, and the share that has a twin."""
        some = self._flat[:COUNTED]
        distances = torch.cdist(some, self._flat) / some.shape[1] ** 0.5
        distances[range(len(some)), range(len(some))] = float("inf")
        nearest = distances.min(1).values
        return max(float(nearest.median()), 1e-6), float((nearest < 1 / 255).float().mean())

    def measure(self, samples: Tensor) -> Quality:
        """samples: (M, C, S, S) in [-1, 1], M at least 2."""
        mean, covariance = _moments(features(samples))
        flat = shrunk(samples, NEAREST_PX).flatten(1)
        nearest = (torch.cdist(flat, self._flat) / flat.shape[1] ** 0.5).min(1).values.median()
        return Quality(
            variety=pairwise_distance(shrunk(samples, SIDE_PX)) / self._pair,
            distance=frechet_distance(mean, covariance, self._mean, self._covariance) / self._spread,
            nearest=float(nearest) / self.real_nearest,
        )


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Dowson and Landau, 1982); m (D,), C (D, D) double."""
    values, vectors = torch.linalg.eigh(covariance_a)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    between = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp_min(0).sqrt().sum()
    gap = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * between
    return float(gap.clamp_min(0))


@torch.inference_mode()
def features(x: Tensor) -> Tensor:
    """(N, C, H, W) in [-1, 1] -> (N, 128) on the CPU: mean and deviation of each channel of three random layers."""
    return torch.cat([_features(part) for part in x.split(CHUNK)])


def _features(x: Tensor) -> Tensor:
    x = shrunk(x, SIDE_PX)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x[:, :3]
    found = []
    for number, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        x = leaky_relu(conv2d(x, _weights(number, inputs, outputs), stride=1 if number == 0 else 2, padding=1), 0.2)
        found += [x.mean((2, 3)), x.std((2, 3))]
    return torch.cat(found, 1).double()


def _weights(number: int, inputs: int, outputs: int) -> Tensor:
    noise = np.random.Generator(np.random.Philox(key=number)).standard_normal((outputs, inputs, 3, 3))
    return torch.from_numpy((noise / (9 * inputs) ** 0.5).astype(np.float32))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(0), torch.cov(x.T)


def shrunk(x: Tensor, side: int) -> Tensor:
    """At most `side` px, by averaging, as float32 in [-1, 1] on the CPU."""
    x = to_float(x.cpu()) if x.dtype == torch.uint8 else x.float().cpu()
    return x if x.shape[-1] <= side else adaptive_avg_pool2d(x, side)
