"""What can be measured of a model without anything to download."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


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


def picture_distance(a: Tensor, b: Tensor) -> Tensor:
    """How far apart two pictures look; a, b (B, C, H, W) in [-1, 1] -> (B,), 0 for equal ones. Differentiable.

    With d = (a - b) / 2 halved in size by averaging until a side would be under 4 px, and dx, dy the differences of
    neighbours, it is the root of the mean over these scales of

        mean d^2  +  mean (dx d)^2  +  mean (dy d)^2

    The coarse scales see form and colour where single pixels do not meet, the differences see edges. Flat
    pictures are as far apart as their colours: black and white by 1. As the length of a linear map of a - b
    it is a metric, so lengths of walks can be measured with it.
    """
    d = (a - b) / 2
    scales = []
    while True:
        rows, columns = d[..., 1:, :] - d[..., :-1, :], d[..., 1:] - d[..., :-1]
        energy = d.square().flatten(1).mean(1)
        for edges in (rows, columns):
            if edges.numel():  # A picture one pixel wide has none.
                energy = energy + edges.square().flatten(1).mean(1)
        scales.append(energy)
        if min(d.shape[-2:]) < 8:
            break
        d = avg_pool2d(d, 2)
    # The root is infinitely steep at 0: lifted by less than a thousandth of a grey level.
    lift = 1e-6
    return (torch.stack(scales).mean(0) + lift**2).sqrt() - lift
