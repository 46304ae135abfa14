"""3 x 3 convolutions with a quarter of the products: Lavin and Gray, "Fast algorithms for convolutional neural
networks", 2016, F(4 x 4, 3 x 3).

Y = A^T [(G w G^T) * (B^T x B)] A for each tile of 6 x 6 px, of which 4 x 4 px come out; over the channels the product
in the middle is 36 small matrix products. In float32 the result is the convolution's to about 1e-5 of its largest
number.
"""

from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import pad

MIN_CHANNELS = 16  # Below, turning the tiles costs more than it saves.
TILES = 128  # At once: with 128 channels the tiles fill a core's second cache, not more.
_CHANNELS = 128

_G = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))  # / 24
_B = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_A = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class Winograd:
    """A 3 x 3 convolution of stride 1 without padding: (m + 2, W + 2, in) -> (m, W, out)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight (out, in, 3, 3)"""
        g = torch.tensor(_G, dtype=torch.float64) / 24
        spread = torch.kron(g, g)  # (36, 9): both directions at once.
        kernels = spread.float().to(weight.device) @ weight.permute(2, 3, 1, 0).reshape(9, -1).float()
        self._kernels = kernels.view(36, weight.shape[1], weight.shape[0])
        b, a = torch.tensor(_B, dtype=torch.float32), torch.tensor(_A, dtype=torch.float32)
        self._into = torch.kron(b, b).to(weight.device)  # (36, 36)
        self._out = torch.kron(a, a).to(weight.device)  # (16, 36)
        self._bias = bias

    def __call__(self, window: Tensor) -> Tensor:
        rows, width = window.shape[0] - 2, window.shape[1] - 2
        high, wide = ceil(rows / 4), ceil(width / 4)
        if rows % 4 or width % 4:
            window = pad(window, (0, 0, 0, 4 * wide - width, 0, 4 * high - rows))
        inputs, results = self._kernels.shape[1:]
        y = window.new_empty(high, 4, wide, 4, results)
        most = max(16, TILES * _CHANNELS // max(inputs, results))
        across = ceil(wide / ceil(wide / most))
        down = max(1, most // across)
        for top in range(0, high, down):
            for left in range(0, wide, across):
                count = min(down, high - top), min(across, wide - left)
                tiles = self._tiles(window[4 * top :, 4 * left :], *count)
                turned = (self._into @ tiles).view(36, -1, inputs)
                made = torch.bmm(turned, self._kernels)  # (36, tiles, out)
                made = (self._out @ made.view(36, -1)).view(4, 4, *count, results)
                y[top : top + count[0], :, left : left + count[1]] = made.permute(2, 0, 3, 1, 4)
        y = y.view(4 * high, 4 * wide, results)[:rows, :width]
        return y if self._bias is None else y.add_(self._bias)

    @staticmethod
    def _tiles(window: Tensor, high: int, wide: int) -> Tensor:
        """(36, high * wide * in): for each place in a tile, what is there in all of them."""
        row, column, channel = window.stride()
        size, stride = (6, 6, high, wide, window.shape[2]), (row, column, 4 * row, 4 * column, channel)
        return window.as_strided(size, stride).reshape(36, -1)
