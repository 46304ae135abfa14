"""What can be measured of a model without anything to download."""

import torch
from torch import Tensor


def pairwise_distance(x: Tensor) -> float:
    """Mean over all pairs of the root mean square difference of two pictures; x (N, C, H, W) in [-1, 1], N at least 2.

    Samples far more alike than real pictures are a sign of mode collapse.
    """
    flat = x.flatten(1).double()  # (N, C H W)
    distances = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    count = len(x)
    return float(distances.sum() / (count * (count - 1)))


def checkerboard(x: Tensor) -> float:
    """Share of a picture's energy in the finest checkerboard pattern; x (N, C, H, W) in [-1, 1].

    The mean square of the 2 x 2 correlation with [[1, -1], [-1, 1]] / 4 over the variance. Real photographs stay below
    some thousandths; the uneven overlap of transposed convolutions raises it.
    """
    pattern = (x[..., :-1, :-1] - x[..., :-1, 1:] - x[..., 1:, :-1] + x[..., 1:, 1:]) / 4
    return float(pattern.square().mean() / x.var().clamp_min(1e-12))
