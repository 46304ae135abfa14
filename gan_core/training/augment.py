"""Differentiable augmentation: Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020.

Real and generated pictures pass through the same kind of random change before the discriminator sees them, in the
discriminator's and in the generator's update, so that a small data set is not learnt by heart.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from gan_core.draws import Draws

POLICIES = ("color", "translation", "cutout")


def differentiable_augment(x: Tensor, policy: tuple[str, ...], draws: Draws, batch: int) -> Tensor:
    """x (B, C, H, W) in [-1, 1] -> the same shape; each named change is drawn anew for each picture."""
    for name in policy:
        x = _POLICIES[name](x, draws, batch)
    return x


def _color(x: Tensor, draws: Draws, batch: int) -> Tensor:
    """Brightness +-0.5, saturation 0 to 2, contrast 0.5 to 1.5."""
    x = x + draws.uniform(batch, 1, 1, 1, low=-0.5, high=0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draws.uniform(batch, 1, 1, 1, high=2.0)
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * draws.uniform(batch, 1, 1, 1, low=0.5, high=1.5)


def _translation(x: Tensor, draws: Draws, batch: int) -> Tensor:
    """Up to an eighth of the side in each direction; zeros (mid-grey) come in from outside."""
    height, width = x.shape[2:]
    reach_y, reach_x = height // 8, width // 8
    down = draws.integers(batch, below=2 * reach_y + 1)
    right = draws.integers(batch, below=2 * reach_x + 1)
    padded = pad(x, (reach_x, reach_x, reach_y, reach_y)).permute(0, 2, 3, 1)  # (B, H', W', C)
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = right[:, None] + torch.arange(width, device=x.device)
    index = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(x: Tensor, draws: Draws, batch: int) -> Tensor:
    """A square of half the side, at a random place, becomes zero (mid-grey)."""
    height, width = x.shape[2:]
    top = draws.integers(batch, below=height + 1)[:, None] - height // 4
    left = draws.integers(batch, below=width + 1)[:, None] - width // 4
    rows = torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device)
    in_rows = (rows >= top) & (rows < top + height // 2)  # (B, H)
    in_columns = (columns >= left) & (columns < left + width // 2)
    return x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)


_POLICIES = {"color": _color, "translation": _translation, "cutout": _cutout}
