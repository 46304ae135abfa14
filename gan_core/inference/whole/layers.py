"""Layers of a network as streams of rows: whoever is given rows of a picture hands on rows of the result, in order.

A layer keeps the few rows at the edge of a block that the next block needs, so nothing is computed twice and nothing
differs from the layer on the whole picture. Blocks are (n, W, C) float32: in this order of the axes a convolution is
fastest on a CPU, and rows lie together in memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

from gan_core.inference.whole.winograd import MIN_CHANNELS, Winograd

Blocks = Iterator[Tensor]
"""(n, W, C) each, n as it comes."""
Edge = Literal["reflect", "replicate", "zeros"]
TOGETHER = 4  # Neighbouring pixels that a convolution with few results makes at once.


class Layer(Protocol):
    @property
    def scale(self) -> Fraction:
        """Rows, and columns, that come out for each that goes in."""
        ...

    def channels(self, before: int) -> int:
        """That come out."""
        ...

    def products(self, before: int) -> int:
        """Multiplications for each pixel that comes out: what progress is counted in."""
        ...

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:
        """turned: rows are the picture's columns."""
        ...


@dataclass(frozen=True, eq=False)
class Convolution:
    """A square kernel, with padding of its own."""

    weight: Tensor
    """(out, in / groups, k, k)"""
    bias: Tensor | None
    stride: int = 1
    pad: int = 0
    edge: Edge = "zeros"
    groups: int = 1

    @property
    def scale(self) -> Fraction:
        return Fraction(1, self.stride)

    def channels(self, before: int) -> int:  # noqa: ARG002
        return len(self.weight)

    def products(self, before: int) -> int:  # noqa: ARG002
        return self.weight.numel()

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:
        weight = self.weight.transpose(2, 3) if turned else self.weight
        size = weight.shape[2]
        product = self._product(weight)
        for window in windows(blocks, size, self.stride, self.pad, self.edge):
            yield product(window)

    def _product(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """(m + k - 1, W + k - 1, in) -> (m, W, out); the fastest way that this kernel can be had."""
        results, inputs = weight.shape[:2]
        plain = self.stride == 1 and self.groups == 1
        if plain and weight.shape[2] == 3 and weight.is_cpu and min(results, inputs) >= MIN_CHANNELS:
            return Winograd(weight, self.bias)
        if plain and results <= 4 and weight.is_cpu:
            return self._few(weight)
        weight = weight.contiguous(memory_format=torch.channels_last)
        return lambda window: _rows(conv2d(_picture(window), weight, self.bias, self.stride, groups=self.groups))

    def _few(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """Three colours fill a fifth of a processor's vector: four pixels side by side are made as twelve colours."""
        results, size = len(weight), weight.shape[2]
        wide = weight.new_zeros(TOGETHER, *weight.shape[:3], size + TOGETHER - 1)
        for place in range(TOGETHER):
            wide[place, ..., place : place + size] = weight
        wide = wide.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias.repeat(TOGETHER)

        def product(window: Tensor) -> Tensor:
            width = window.shape[1] - size + 1
            window = pad(window, (0, 0, 0, -width % TOGETHER))
            y = _rows(conv2d(_picture(window), wide, bias, (1, TOGETHER)))  # (m, W / 4, 4 out)
            return y.reshape(len(y), -1, results)[:, :width]

        return product


@dataclass(frozen=True, eq=False)
class Doubling:
    """A transposed convolution of stride 2."""

    weight: Tensor
    """(in, out, k, k)"""
    bias: Tensor | None
    pad: int
    output_pad: int = 0

    scale = Fraction(2)

    def channels(self, before: int) -> int:  # noqa: ARG002
        return self.weight.shape[1]

    def products(self, before: int) -> int:  # noqa: ARG002
        return self.weight.numel() // 4

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:
        weight = self.weight.transpose(2, 3) if turned else self.weight
        weight = weight.contiguous(memory_format=torch.channels_last)
        over = weight.shape[2] - 2  # Rows that a block gives to the next.
        sides = (0, self.pad), (0, self.output_pad)
        carried: Tensor | None = None
        for block in blocks:
            y = _rows(conv_transpose2d(_picture(block), weight, self.bias, 2, *sides))
            if carried is None:
                done = y[self.pad : -over]
            else:
                y[:over] += carried
                done = y[:-over]
            carried = y[-over:].clone()
            if self.bias is not None:
                carried -= self.bias  # The next block adds it too.
            yield done
        if carried is not None and (left := over - self.pad + self.output_pad):
            carried = carried[:left]
            yield carried if self.bias is None else carried + self.bias


@dataclass(frozen=True, eq=False)
class SmoothDoubling:
    """Twice the size by a kernel for each channel, with the edge repeated (Zhang, 2019)."""

    kernel: Tensor
    """(C, 1, 4, 4)"""

    scale = Fraction(2)

    def channels(self, before: int) -> int:
        return before

    def products(self, before: int) -> int:
        return 4 * before

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:
        kernel = self.kernel.transpose(2, 3) if turned else self.kernel
        for window in windows(blocks, 3, 1, 1, "replicate"):
            yield _rows(conv_transpose2d(_picture(window), kernel, stride=2, padding=3, groups=len(kernel)))


@dataclass(frozen=True, eq=False)
class Scaling:
    """A norm whose statistics are known: x * gain + shift."""

    gain: Tensor
    shift: Tensor

    scale = Fraction(1)

    def channels(self, before: int) -> int:
        return before

    def products(self, before: int) -> int:
        return before

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:  # noqa: ARG002
        for block in blocks:
            yield torch.addcmul(self.shift, block, self.gain)


@dataclass(frozen=True, eq=False)
class Activation:
    """Each number by itself."""

    function: Callable[[Tensor], Tensor]
    """May work in place."""

    scale = Fraction(1)

    def channels(self, before: int) -> int:
        return before

    def products(self, before: int) -> int:
        return before

    def stream(self, blocks: Blocks, turned: bool) -> Blocks:  # noqa: ARG002
        for block in blocks:
            yield self.function(block)


def windows(blocks: Blocks, size: int, stride: int, margin: int, edge: Edge) -> Blocks:
    """Blocks with `margin` more columns on both sides, and with the rows above that a kernel of `size` still needs.

    (n, W, C) -> (m, W + 2 margin, C); the kernel finds room in each window, and everywhere in the picture once.
    """
    kept: Tensor | None = None  # The last rows, margins included.
    skipped = 0  # So many of them are kept for the mirror at the lower edge alone.
    waiting: list[Tensor] = []
    for block in blocks:
        if kept is None:
            waiting.append(block)
            if sum(map(len, waiting)) <= margin:
                continue  # The mirror at the upper edge needs more.
            block = torch.cat(waiting) if len(waiting) > 1 else block
        above = margin if kept is None else len(kept)
        rows, width, channels = block.shape
        padded = block.new_empty(above + rows, width + 2 * margin, channels)
        inside = padded[above:]
        inside[:, margin : margin + width] = block
        if margin:
            columns = inside.transpose(0, 1)
            columns[:margin] = _before(columns[margin:], margin, edge)
            columns[margin + width :] = _after(columns[: margin + width], margin, edge)
        padded[:above] = _before(inside, margin, edge) if kept is None else kept
        window = padded[skipped:]
        count = max(0, (len(window) - size) // stride + 1)
        if count:
            yield window[: (count - 1) * stride + size]
        used = skipped + count * stride
        first = min(used, len(padded) - margin - 1)
        skipped = used - first
        kept = padded[first:].clone()
    assert kept is not None, "a picture has more rows than a layer pads"
    if margin:
        window = torch.cat([kept, _after(kept, margin, edge)])[skipped:]
        if len(window) >= size:
            yield window[: (len(window) - size) // stride * stride + size]


def _after(rows: Tensor, count: int, edge: Edge) -> Tensor:
    """`count` rows that lie below the last of the rows (n, ...)."""
    return _before(rows[-count - 1 :].flip(0), count, edge).flip(0)


def _before(rows: Tensor, count: int, edge: Edge) -> Tensor:
    """`count` rows that lie above the first of the rows (n, ...)."""
    if edge == "reflect":
        return rows[1 : count + 1].flip(0)
    if edge == "replicate":
        return rows[:1].expand(count, *rows.shape[1:])
    return rows.new_zeros(count, *rows.shape[1:])


def _picture(rows: Tensor) -> Tensor:
    """(n, W, C) -> (1, C, n, W), the same memory."""
    return rows.permute(2, 0, 1)[None]


def _rows(picture: Tensor) -> Tensor:
    """(1, C, n, W) -> (n, W, C), without a copy where the layer kept the order."""
    return picture[0].permute(1, 2, 0).contiguous()
