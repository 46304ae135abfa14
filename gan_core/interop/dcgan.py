"""DCGAN generators and discriminators that are one `nn.Sequential`, under whatever name it has.

pytorch/examples and the PyTorch tutorial call it `main`, huggan `model`, Gradio's guide `network`; a bare Sequential
has no name. What fits the family `dcgan` goes there, every other stack of transposed convolutions to `deconv`.

A file tells kernels and widths, not strides, paddings or activations. They follow where there is one way: the first
layer makes k pixels of one; a further layer with an even kernel k doubles, since stride 2 with padding (k - 2) / 2 is
what doubles exactly. Odd kernels further on leave several ways, and are taken only in the layouts of `LAYOUTS`, which
published projects use. Activations are ReLU, and tanh at the end, as in all of them.
"""

import re
from collections import Counter
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from torch import Tensor

from gan_core.interop.dialect import Proposal, State

LAYOUTS: dict[tuple[int, ...], tuple[list[int], list[int], str]] = {
    (3, 3, 4, 4): ([1, 2, 2, 2], [0, 1, 0, 1], "those of Gradio's guide (24 px)"),
    (3, 4, 3, 4): ([2, 1, 2, 2], [0, 0, 0, 0], "the usual ones for MNIST without padding (28 px)"),
    (4, 3, 4, 4): ([1, 2, 2, 2], [0, 1, 1, 1], "the usual ones for MNIST with padding (28 px)"),
}
"""Kernels to strides, paddings and where they come from. Two of the kernels alone would leave a choice."""

NAMES = {
    "main": "pytorch/examples DCGAN",
    "model": "huggan DCGAN",
    "network": "DCGAN as in Gradio's guide",
}

_STATISTICS = (
    "Its own project may draw with batch norm as in training; here the learnt statistics are used, so that pictures of "
    "the same latents can differ."
)
_KEY = re.compile(r"(?P<root>(?:[A-Za-z_]\w*\.)*)(?P<index>\d+(?:\.\d+)*)\.(?P<leaf>\w+)")
_DCGAN_LAYERS = range(3, 8)  # 16 to 256 px.

Index = tuple[int, ...]


class _Stack(NamedTuple):
    root: str
    """With its dot, "main."; empty for a bare Sequential."""
    convolutions: list[tuple[Index, Tensor]]
    """Places and weights, first to last."""
    biased: list[bool]
    """Whether each has a bias."""


def propose(state: State) -> Proposal | None:
    stack = _stack(state)
    if stack is None:
        return None
    shapes = [tuple(weight.shape) for _, weight in stack.convolutions]
    pairs = list(pairwise(shapes))
    forwards = sum(one[1] == other[0] for one, other in pairs)  # Transposed convolutions: (in, out, k, k).
    backwards = sum(one[0] == other[1] for one, other in pairs)  # Convolutions: (out, in, k, k).
    square = all(shape[2] == shape[3] for shape in shapes)
    if not pairs or not square or max(forwards, backwards) * 2 < len(pairs):
        return None
    judge = shapes[-1][0] == 1 and shapes[0][1] <= 4 and backwards >= forwards
    return _discriminator(state, stack) if judge else _generator(state, stack)


def _stack(state: State) -> _Stack | None:
    """The Sequential that most keys belong to."""
    found = {key: match for key in state if (match := _KEY.fullmatch(key))}
    if not found:
        return None
    root = Counter(match["root"] for match in found.values()).most_common(1)[0][0]
    places = {
        tuple(map(int, match["index"].split("."))): state[key]
        for key, match in found.items()
        if match["root"] == root and match["leaf"] == "weight" and state[key].ndim == 4
    }
    convolutions = sorted(places.items())
    biased = [f"{root}{_text(index)}.bias" in state for index, _ in convolutions]
    return _Stack(root, convolutions, biased) if convolutions else None


def _text(index: Index) -> str:
    return ".".join(map(str, index))


def _keys(state: State, stack: _Stack, ours: str, places: list[int], normed: range) -> tuple[dict[str, str], str]:
    """Their key -> ours, and what is wrong with the order of the layers, if anything.

    places: our index of each convolution; normed: those that batch norm follows.
    """
    keys: dict[str, str] = {}
    problem = ""
    for number, (index, _) in enumerate(stack.convolutions):
        norm = (*index[:-1], index[-1] + 1)
        pairs = [(index, places[number])] + [(norm, places[number] + 1)] * (number in normed)
        for theirs, place in pairs:
            keys |= {
                key: f"{ours}.{place}.{leaf}"
                for leaf in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
                if (key := f"{stack.root}{_text(theirs)}.{leaf}") in state
            }
        if number and len(index) == 1:
            before = stack.convolutions[number - 1][0][0]
            step = places[number] - places[number - 1]
            if index[0] - before != step:
                problem = (
                    f"between {stack.root}{before} and {stack.root}{index[0]} lie other layers than "
                    f"{'batch norm and ' if step == 3 else ''}an activation"
                )
    return keys, problem


def _generator(state: State, stack: _Stack) -> Proposal:
    weights = [weight for _, weight in stack.convolutions]
    kernels = [weight.shape[2] for weight in weights]
    widths = [weight.shape[1] for weight in weights]
    count = len(weights)
    numbers: dict[str, Any] = {"latent_dim": weights[0].shape[0], "channels": widths[-1]}
    dialect = NAMES.get(stack.root.strip("."), "DCGAN")
    notes: tuple[str, ...] = ()
    layout = ""
    if own := _dcgan_numbers(kernels, widths, stack.biased):
        family, prefix = "dcgan", "main"
        numbers |= own
        notes = (_STATISTICS,)
    else:
        family, prefix = "deconv", "network"
        found = layout_of(kernels)
        strides, paddings, why = found or ([1] * count, [0] * count, "")
        if found is None:
            layout = (
                f"strides and paddings cannot be told from kernels of {', '.join(map(str, kernels))} px, "
                "which leave several ways"
            )
        numbers |= {
            "size": _last_side(kernels, strides, paddings),
            "widths": widths[:-1],
            "kernels": kernels,
            "strides": strides,
            "paddings": paddings,
            "bias": any(stack.biased[:-1]),
            "last_bias": stack.biased[-1],
        }
        notes = (f"Strides, paddings and activations are not in the file: taken were {why}, and ReLU and tanh.",)
    keys, order = _keys(state, stack, prefix, [3 * number for number in range(count)], range(count - 1))
    return Proposal(
        dialect=f"{dialect} ({_pixels(numbers)})",
        family=family,
        part="generator",
        network=numbers,
        keys=keys,
        notes=notes,
        problem="; ".join(filter(None, (order, layout))),
    )


def _pixels(numbers: dict[str, Any]) -> str:
    colours = {1: "grey", 3: "RGB", 4: "RGBA"}.get(numbers["channels"], f"{numbers['channels']} channels")
    return f"{numbers['size']} x {numbers['size']} px, {colours}"


def _dcgan_numbers(kernels: list[int], widths: list[int], biased: list[bool]) -> dict[str, Any] | None:
    """Numbers of the family `dcgan`; None where its rule (doubled up to a most, kernel 4, no bias) does not hold."""
    hidden = widths[-2::-1]  # From the highest resolution down.
    if set(kernels) != {4} or any(biased) or len(kernels) not in _DCGAN_LAYERS:
        return None
    most = _most(hidden)
    if most is None or hidden[0] > 512:
        return None
    return {"size": 2 ** (len(kernels) + 1), "generator_features": hidden[0], "max_features": most}


def _most(widths: list[int]) -> int | None:
    """Up to how many channels these are doubled, from the fewest on; None where they are not."""
    free = [widths[0] * 2**level for level in range(len(widths))]
    for most in (max(1024, widths[-1]), max(widths)):
        if widths == [min(width, most) for width in free]:
            return most
    return None


def layout_of(kernels: list[int]) -> tuple[list[int], list[int], str] | None:
    """Strides, paddings and the reason for them; None where kernels leave a choice."""
    if known := LAYOUTS.get(tuple(kernels)):
        return known
    if any(kernel % 2 for kernel in kernels[1:]):
        return None
    strides = [1] + [2] * (len(kernels) - 1)
    paddings = [0] + [(kernel - 2) // 2 for kernel in kernels[1:]]
    return strides, paddings, "those that double the picture with each layer"


def _last_side(kernels: list[int], strides: list[int], paddings: list[int]) -> int:
    side = 1
    for kernel, stride, padding in zip(kernels, strides, paddings, strict=True):
        side = (side - 1) * stride - 2 * padding + kernel
    return side


def _discriminator(state: State, stack: _Stack) -> Proposal:
    weights = [weight for _, weight in stack.convolutions]
    count = len(weights)
    hidden = [weight.shape[0] for weight in weights[:-1]]
    numbers = {
        "size": 2 ** (count + 1),
        "channels": weights[0].shape[1],
        "discriminator_features": hidden[0],
        "max_features": _most(hidden) or max(hidden),
    }
    places = [0, *(3 * number - 1 for number in range(1, count))]
    keys, problem = _keys(state, stack, "main", places, range(1, count - 1))
    if any(prod(weight.shape[2:]) != 16 for weight in weights):
        problem = problem or "its kernels are not of 4 px"
    return Proposal(
        dialect=f"{NAMES.get(stack.root.strip('.'), 'DCGAN')} discriminator",
        family="dcgan",
        part="discriminator",
        network=numbers,
        keys=keys,
        problem=problem,
    )
