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
SAME = 1 / 255  # Root mean square between two pictures that count as one.
FLAT = 0.02  # Root mean square under which a picture shows nothing but its own colour.


@dataclass(frozen=True)
class Quality:
    """One line of quality.jsonl."""

    variety: float
    """Mean distance of two samples over that of two real pictures: 1 as varied as the data, near 0 all alike."""
    distinct: float
    """The same of pictures brought to one contrast: near 0 where all show one pattern, however loud it is."""
    distance: float
    """Fréchet distance of the features of samples and data, over the variance of the data's: 0 alike."""
    nearest: float
    """Distance of a sample to the most similar real picture, over that of a real one to the next, all brought to one
    contrast: near 0 a copy, though it be a pale one."""

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
        flat = torch.cat([shrunk(part, NEAREST_PX).flatten(1) for part in real.split(COUNTED)])  # (N, C * 256)
        pixels = _without_itself(torch.cdist(flat[:COUNTED], flat)) / flat.shape[1] ** 0.5
        self.duplicates = float((pixels.min(1).values < SAME).float().mean())
        """Share of the pictures that have a twin."""
        self._even = torch.cat([_even(part) for part in real.split(COUNTED)])
        self._unlike = max(_unlike(self._even[:COUNTED]), 1e-6)
        # Twins aside, or a set with many would look as if all were copies of all.
        others = _without_itself(1 - self._even[:COUNTED] @ self._even.T).masked_fill(pixels < SAME, float("inf"))
        next_ = others.min(1).values
        self._next = max(float(next_[next_.isfinite()].median()), 1e-6) if next_.isfinite().any() else 1.0

    def measure(self, samples: Tensor) -> Quality:
        """samples: (M, C, S, S) in [-1, 1], M at least 2."""
        mean, covariance = _moments(features(samples))
        even = _even(samples)
        self._even = self._even.to(even.device)
        nearest = (1 - even @ self._even.T).min(1).values.clamp_min(0).median()
        return Quality(
            variety=pairwise_distance(shrunk(samples, SIDE_PX)) / self._pair,
            distinct=_unlike(even) / self._unlike,
            distance=frechet_distance(mean, covariance, self._mean, self._covariance) / self._spread,
            nearest=float(nearest) / self._next,
        )


def _even(x: Tensor) -> Tensor:
    """(N, C, S, S) -> (N, C * 256): without each channel's mean, of length 1; what is all but flat stays near 0.

    The product of two is their correlation.
    """
    x = shrunk(x, NEAREST_PX)
    x = (x - x.mean((2, 3), keepdim=True)).flatten(1)
    return x / x.norm(dim=1, keepdim=True).clamp_min(FLAT * x.shape[1] ** 0.5)


def _unlike(even: Tensor) -> float:
    """1 - the mean correlation of two pictures, each with every other."""
    count = len(even)
    return float(1 - (even.sum(0).square().sum() - even.square().sum()) / (count * (count - 1)))


def _without_itself(distances: Tensor) -> Tensor:
    distances[range(len(distances)), range(len(distances))] = float("inf")
    return distances


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
    return torch.cat([_features(part) for part in x.split(CHUNK)]).cpu().double()


def _features(x: Tensor) -> Tensor:
    x = shrunk(x, SIDE_PX)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x[:, :3]
    found = []
    for number, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        x = leaky_relu(
            conv2d(x, _weights(number, inputs, outputs).to(x), stride=1 if number == 0 else 2, padding=1), 0.2
        )
        found += [x.mean((2, 3)), x.std((2, 3))]
    return torch.cat(found, 1)


def _weights(number: int, inputs: int, outputs: int) -> Tensor:
    noise = np.random.Generator(np.random.Philox(key=number)).standard_normal((outputs, inputs, 3, 3))
    return torch.from_numpy((noise / (9 * inputs) ** 0.5).astype(np.float32))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(0), torch.cov(x.T)


def shrunk(x: Tensor, side: int) -> Tensor:
    """At most `side` px, by averaging, as float32 in [-1, 1]; on the GPU where it lies there."""
    x = x if x.device.type == "cuda" else x.cpu()  # MPS cannot average to any side.
    x = to_float(x) if x.dtype == torch.uint8 else x.float()
    return x if x.shape[-1] <= side else adaptive_avg_pool2d(x, side)
