"""A network as a list of layers that can be streamed, and the passes over the picture that it takes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_core.inference.whole.layers import Activation, Convolution, Doubling, Edge, Layer, Scaling, SmoothDoubling
from gan_core.models.cyclegan import BlurDown, BlurUp, ResizeConv2d, ResnetBlock, ResnetGenerator

EDGES: dict[type[nn.Module], Edge] = {
    nn.ReflectionPad2d: "reflect",
    nn.ReplicationPad2d: "replicate",
    nn.ZeroPad2d: "zeros",
}


@dataclass(frozen=True, eq=False)
class Norm:
    """A norm whose statistics are the picture's own: they must be known before it can be streamed."""

    eps: float
    weight: Tensor | None
    bias: Tensor | None

    def scaling(self, mean: Tensor, variance: Tensor, device: torch.device) -> Scaling:
        """mean, variance (C,); in double precision on the CPU, since not every device has it."""
        gain = (variance.cpu().double() + self.eps).rsqrt()
        gain = gain if self.weight is None else gain * self.weight.cpu().double()
        shift = -mean.cpu().double() * gain
        shift = shift if self.bias is None else shift + self.bias.cpu().double()
        return Scaling(gain.float().to(device), shift.float().to(device))


class Fork:
    """A residual block begins: what comes here is also added at the next `Join`."""


class Join:
    """A residual block ends."""


Element = Layer | Norm | Fork | Join


class UnknownLayerError(Exception):
    """The network holds a layer that cannot be streamed."""


@dataclass(frozen=True, eq=False)
class Program:
    elements: tuple[Element, ...]
    inputs: int
    """Channels of the picture."""
    global_skip: bool
    """The result is a change to the picture, before tanh."""

    def shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """(H, W, C) before each element, and at last of the result."""
        found = [(height, width, self.inputs)]
        for element in self.elements:
            rows, columns, channels = found[-1]
            if not isinstance(element, Norm | Fork | Join):
                rows, columns = int(rows * element.scale), int(columns * element.scale)
                channels = element.channels(channels)
            found.append((rows, columns, channels))
        return found


@dataclass(frozen=True)
class Pass:
    """One way over the picture: from what is held (at first the picture) to the next norm, or to the result."""

    start: int
    """Index of the first element: 0, or the norm whose input is held."""
    stop: int
    """Index after the last: a norm, whose statistics this pass finds out, or the end."""
    keep: bool
    """What comes out is held for the next pass; otherwise that pass computes it again."""
    products: int
    """Multiplications, about: how long it takes."""


def program(network: nn.Module) -> Program | None:
    """None where the network holds anything but layers that are known here."""
    if not isinstance(network, ResnetGenerator):
        return None
    layers = list(network.model)
    if network.global_skip and isinstance(layers[-1], nn.Tanh):
        del layers[-1]
    try:
        return Program(tuple(_elements(layers)), network.input_channels, network.global_skip)
    except UnknownLayerError:
        return None


def passes(program: Program, height: int, width: int, room: int, itemsize: int) -> list[Pass]:
    """What to hold, and what to compute again because it would not fit into `room` bytes.

    At the size of the residual blocks everything is held, in a block both branches. What is larger takes fewer
    products to compute again than a block does, so it is held only where there is room beside them.
    """
    shapes = program.shapes(height, width)
    sizes = [rows * columns * channels * itemsize for rows, columns, channels in shapes]
    costs = [
        0 if isinstance(element, Norm | Fork | Join) else element.products(before[2]) * after[0] * after[1]
        for element, (before, after) in zip(program.elements, pairwise(shapes), strict=True)
    ]
    blocks = {shapes[index] for index, element in enumerate(program.elements) if isinstance(element, Fork)}
    most = 2 * max((rows * columns * channels * itemsize for rows, columns, channels in blocks), default=0)
    found = []
    start = main = 0  # The source of the pass, and its bytes.
    fork: int | None = None
    for stop, element in enumerate(program.elements):
        if isinstance(element, Fork):
            fork = stop
        elif isinstance(element, Join):
            fork = None
        elif isinstance(element, Norm):
            keep = fork is not None or shapes[stop] in blocks or main + most + sizes[stop] <= room
            found.append(Pass(start, stop, keep, sum(costs[start:stop])))
            if keep:
                start, main = stop, 0 if shapes[stop] in blocks else sizes[stop]
    return [*found, Pass(start, len(costs), False, sum(costs[start:]))]


def _elements(layers: Iterable[nn.Module]) -> list[Element]:
    found: list[Element] = []
    padding: tuple[int, Edge] | None = None
    for layer in layers:
        edge = EDGES.get(type(layer))
        if edge is not None:
            sides = set(layer.padding)  # type: ignore[arg-type]
            if padding is not None or len(sides) != 1:
                raise UnknownLayerError
            padding = (sides.pop(), edge)
        elif type(layer) is nn.Conv2d:
            found.append(_convolution(layer, padding))
            padding = None
        elif padding is not None:
            raise UnknownLayerError
        elif isinstance(layer, ResnetBlock):
            found += [Fork(), *_elements(layer.conv_block), Join()]
        elif not isinstance(layer, nn.Identity | nn.Dropout):
            _one(layer, found)
    if padding is not None:
        raise UnknownLayerError
    return found


def _one(layer: nn.Module, found: list[Element]) -> None:
    """Append what streams the layer."""
    if isinstance(layer, ResizeConv2d):
        if layer.kernel_size != (3, 3) or layer.padding != (1, 1):
            raise UnknownLayerError
        found.append(Doubling(_spread(layer.weight.detach()), _detached(layer.bias), 1))
    elif type(layer) is nn.ConvTranspose2d:
        found.append(_doubling(layer))
    elif isinstance(layer, BlurDown):
        found.append(Convolution(layer.filt, None, 2, 1, "reflect", len(layer.filt)))
    elif isinstance(layer, BlurUp):
        found.append(SmoothDoubling(layer.filt))
    elif isinstance(layer, nn.InstanceNorm2d) and layer.running_mean is None:
        # It takes away what a bias before it added.
        if found and isinstance(found[-1], Convolution | Doubling):
            found[-1] = replace(found[-1], bias=None)
        found.append(Norm(layer.eps, _detached(layer.weight), _detached(layer.bias)))
    elif isinstance(layer, nn.BatchNorm2d | nn.InstanceNorm2d):
        if layer.running_mean is None or layer.running_var is None:
            raise UnknownLayerError
        norm = Norm(layer.eps, _detached(layer.weight), _detached(layer.bias))
        found.append(norm.scaling(layer.running_mean, layer.running_var, layer.running_mean.device))
    else:
        # What a fork remembers must not change under it.
        fresh = bool(found) and not isinstance(found[-1], Fork)
        found.append(Activation(_function(layer, fresh)))


def _spread(weight: Tensor) -> Tensor:
    """(out, in, 3, 3) after a doubling by nearest neighbour -> (in, out, 4, 4) of the transposed convolution it is."""
    turned = weight.flip(2, 3).transpose(0, 1)
    return sum(nn.functional.pad(turned, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1))  # type: ignore[return-value]


def _function(layer: nn.Module, fresh: bool) -> Callable[[Tensor], Tensor]:
    if isinstance(layer, nn.ReLU):
        return torch.relu_ if fresh else torch.relu
    if isinstance(layer, nn.Tanh):
        return torch.tanh_ if fresh else torch.tanh
    if isinstance(layer, nn.LeakyReLU):
        return partial(nn.functional.leaky_relu, negative_slope=layer.negative_slope)
    raise UnknownLayerError


def _convolution(layer: nn.Conv2d, padding: tuple[int, Edge] | None) -> Convolution:
    size, stride, own = layer.kernel_size, layer.stride, layer.padding
    square = size[0] == size[1] and stride[0] == stride[1] and not isinstance(own, str) and own[0] == own[1]
    if not square or layer.dilation != (1, 1) or layer.padding_mode != "zeros" or (padding and own[0]):
        raise UnknownLayerError
    margin, edge = padding or (int(own[0]), "zeros")
    return Convolution(layer.weight.detach(), _detached(layer.bias), stride[0], margin, edge, layer.groups)


def _doubling(layer: nn.ConvTranspose2d) -> Doubling:
    size, margin, beyond = layer.kernel_size[0], int(layer.padding[0]), int(layer.output_padding[0])
    square = layer.kernel_size == (size, size) and layer.padding == (margin, margin)
    doubles = layer.stride == (2, 2) and size - 2 * margin + beyond == 2 and 0 < margin <= size - 2 + beyond
    if not square or not doubles or layer.dilation != (1, 1) or layer.groups != 1 or size < 3:
        raise UnknownLayerError
    return Doubling(layer.weight.detach(), _detached(layer.bias), margin, beyond)


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
