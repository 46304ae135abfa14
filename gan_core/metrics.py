"""What can be measured of a model without anything to download."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d


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


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Mean structural similarity of two pictures; a, b (B, C, H, W) in [-1, 1] -> (B,), 1 for equal ones.

    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004,
    equation 13 with their constants: a Gaussian window of 11 x 11 px with a standard deviation of 1.5 px, K1 0.01, K2
    0.03. Smaller pictures have a window of their smaller side.
    """
    a, b = (a.double() + 1) / 2, (b.double() + 1) / 2
    size = min(11, *a.shape[-2:])
    places = torch.arange(size, dtype=torch.float64, device=a.device) - (size - 1) / 2
    weights = torch.exp(-places.square() / (2 * 1.5**2))
    weights /= weights.sum()

    def mean(x: Tensor) -> Tensor:
        """Within the window at each of its places, (B C, 1, H', W')."""
        x = conv2d(x.flatten(0, 1)[:, None], weights.view(1, 1, -1, 1))
        return conv2d(x, weights.view(1, 1, 1, -1))

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a.square(), mean(b * b) - mean_b.square()
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    alike = alike / ((mean_a.square() + mean_b.square() + c1) * (variance_a + variance_b + c2))
    return alike.view(len(a), -1).mean(1)


def seam(painted: Tensor, reference: Tensor, step_px: int) -> float:
    """How much a line shows every `step_px` rows; painted, reference (B, C, H, W) in any one range -> 1 for none.

    With e the error painted - reference, the mean of |e(y + 1) - e(y)| over the pairs of rows that a border divides,
    over the same mean everywhere else. Where pieces of a picture differ in tone, the error jumps at their borders and
    nowhere else; an error that lies evenly gives 1, and so does none. Turn the pictures for lines between columns.
    """
    error = (painted - reference).double()
    jumps = (error[..., 1:, :] - error[..., :-1, :]).abs().mean((0, 1, 3))  # (H - 1,)
    borders = torch.arange(1, len(jumps) + 1) % step_px == 0
    there, elsewhere = float(jumps[borders].mean()), float(jumps[~borders].mean())
    return 1.0 if there == elsewhere == 0 else there / max(elsewhere, 1e-12)
