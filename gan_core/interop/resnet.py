"""The dialects of Johnson et al.'s ResNet generator: junyanz' CycleGAN, CUT, PyTorch-GAN and what was made after them.

All are one `nn.Sequential`: a convolution, two halvings, residual blocks, two doublings, a convolution. The projects
differ in which index each layer stands at, in the blocks' name, in how they halve and double, and in norm and dropout;
all of that shows in keys and shapes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gan_core.interop.dialect import Proposal, State

_BLOCK = re.compile(r"(?P<root>.*?)(?P<index>[0-9]{1,4})\.(?P<name>conv_block|block)\.(?P<place>[0-9])\.weight")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

EVAL = (
    "The network paints as a finished one does, {what}. The authors' own test command leaves this as in training "
    "unless it is given --eval, and its pictures differ from these."
)
LEGACY_NORM = (
    "The running statistics of instance norm that files of 2017 and 2018 carry were dropped, as nothing uses them."
)
FOLDED = (
    "Biases before batch norm, which this network does without, were taken off its running means: the same picture."
)


@dataclass(frozen=True)
class Shape:
    """What keys and shapes of a generator tell."""

    root: str
    """What stands before the indices: "model." """
    blocks: int
    block: str
    """What a block calls its layers: conv_block or block."""
    blur_down: bool
    up: str
    """transposed, blur, resize (at one index), nested (a Sequential at one index) or apart (at two indices)."""
    zero: bool
    """Zero padding inside the blocks, which has no layer."""
    dropout: bool


def propose(state: State) -> Proposal | None:
    """A ResNet generator, from its keys and shapes; None where nothing in the state is a residual block."""
    shape = _shape(state)
    if shape is None:
        return None
    first = state.get(f"{shape.root}1.weight")
    if first is None or first.ndim != 4:
        return None
    layers = dict(_layers(shape))
    keys = {key: ours for key in state if (ours := _renamed(key, shape.root, layers))}
    norm = _norm(state, shape.root)
    legacy = frozenset(key for key in keys if norm != "batch" and key.endswith(_STATISTICS))
    folded = _folded(state, keys) if norm == "batch" else {}
    last = state.get(f"{shape.root}{list(layers)[-1]}.weight")
    inputs = first.shape[1]
    outputs = inputs if last is None or last.ndim != 4 else last.shape[0]
    network = {
        "channels": inputs,
        "channels_b": None if outputs == inputs else outputs,
        "generator_features": first.shape[0],
        "blocks": shape.blocks,
        "norm": norm,
        "dropout": shape.dropout,
        "padding": "zero" if shape.zero else "reflect",
        "downsample": "blur" if shape.blur_down else "strided",
        "upsample": shape.up if shape.up in ("transposed", "blur") else "resize",
    }
    return Proposal(
        dialect=_title(state, shape, norm),
        family="cyclegan",
        part="generator_ab",
        network=network,
        keys={key: ours for key, ours in keys.items() if key not in legacy and key not in folded},
        made={keys[mean]: state[mean] - state[bias] for bias, mean in folded.items()},
        dropped=legacy | folded.keys(),
        notes=notes(norm, shape.dropout, bool(legacy)) + ((FOLDED,) if folded else ()),
        problem=_problem(state, shape, inputs),
    )


def notes(norm: str, dropout: bool, legacy: bool) -> tuple[str, ...]:
    """What has to be said of norm and dropout, also by the U-Net."""
    statistics, none = "with the running averages of batch norm", "without dropout"
    finished = [what for what, there in ((statistics, norm == "batch"), (none, dropout)) if there]
    said = (EVAL.format(what=" and ".join(finished)),) if finished else ()
    return ((LEGACY_NORM,) if legacy else ()) + said


def _shape(state: State) -> Shape | None:
    found = [match for key in state if (match := _BLOCK.fullmatch(key)) and state[key].ndim == 4]
    if not found:
        return None
    root, name = found[0]["root"], found[0]["name"]
    indices = {int(match["index"]) for match in found if match["root"] == root}
    places = sorted({int(match["place"]) for match in found if match["root"] == root})
    after = max(indices) + 1
    return Shape(
        root=root,
        blocks=len(indices),
        block=name,
        blur_down=f"{root}7.filt" in state,
        up=_up(state, root, after),
        zero=places[0] == 0,
        dropout=places[-1] == (4 if places[0] == 0 else 6),
    )


def _up(state: State, root: str, after: int) -> str:
    if f"{root}{after}.filt" in state:
        return "blur"
    if f"{root}{after}.1.weight" in state:
        return "nested"
    if (weight := state.get(f"{root}{after}.weight")) is None:
        return "apart"
    # Half the channels come out: second of a transposed convolution's numbers, first of a convolution's.
    return "transposed" if weight.ndim == 4 and weight.shape[0] > weight.shape[1] else "resize"


def _layers(shape: Shape) -> Iterator[tuple[str, str]]:
    """Their layer -> ours, of all layers that hold tensors."""
    yield from (("1", "model.1"), ("2", "model.2"))
    theirs = 4
    for _ in range(2):
        yield from ((f"{theirs + step}", f"model.{theirs + step}") for step in range(2))
        theirs += 3
        if shape.blur_down:
            yield f"{theirs}", f"model.{theirs}"
            theirs += 1
    step = -1 if shape.zero else 0
    places = [1 + step, 2 + step, (6 if shape.dropout else 5) + 2 * step, (7 if shape.dropout else 6) + 2 * step]
    for _ in range(shape.blocks):
        yield from ((f"{theirs}.{shape.block}.{place}", f"model.{theirs}.conv_block.{place}") for place in places)
        theirs += 1
    ours = theirs
    for _ in range(2):
        if shape.up == "blur":
            yield f"{theirs}", f"model.{ours}"
            theirs, ours = theirs + 1, ours + 1
        elif shape.up == "apart":
            theirs += 1
        yield (f"{theirs}.1" if shape.up == "nested" else f"{theirs}"), f"model.{ours}"
        yield f"{theirs + 1}", f"model.{ours + 1}"
        theirs, ours = theirs + 3, ours + 3
    yield f"{theirs + 1}", f"model.{ours + 1}"


def _renamed(key: str, root: str, layers: Mapping[str, str]) -> str | None:
    layer, _, last = key.removeprefix(root).rpartition(".")
    return f"{layers[layer]}.{last}" if key.startswith(root) and layer in layers else None


def _folded(state: State, keys: Mapping[str, str]) -> dict[str, str]:
    """Biases of convolutions with a batch norm behind them, as early files have them -> that norm's running means."""
    theirs = {ours: key for key, ours in keys.items()}
    folded = {}
    for key, ours in keys.items():
        layer, _, index = ours.removesuffix(".bias").rpartition(".")
        mean = theirs.get(f"{layer}.{int(index) + 1}.running_mean") if ours.endswith(".bias") else None
        if mean is not None and state[mean].shape == state[key].shape:
            folded[key] = mean
    return folded


def _norm(state: State, root: str) -> str:
    """Batch norm has weights, instance norm leaves the biases to the convolutions, and without a norm there is none."""
    if f"{root}2.weight" in state:
        return "batch"
    return "instance" if f"{root}1.bias" in state else "none"


def _problem(state: State, shape: Shape, inputs: int) -> str:
    if f"{shape.root}2.weight" in state and f"{shape.root}2.running_mean" not in state:
        return "instance norm with learned scales, which these generators do not have"
    if shape.block == "block" and inputs != 3:
        return f"PyTorch-GAN pads by as many pixels as there are channels, and with {inputs} its pictures change size"
    return ""


def _title(state: State, shape: Shape, norm: str) -> str:
    details = [f"ResNet, {shape.blocks} block{'s' if shape.blocks > 1 else ''}"]
    details += {"batch": ["batch norm"], "none": ["no norm"]}.get(norm, [])
    details += ["dropout"] if shape.dropout else []
    if shape.block == "block":
        project = "PyTorch-GAN CycleGAN"
    elif any(key.endswith(".filt") for key in state):
        project = "CUT"
    else:
        project = "junyanz CycleGAN" if shape.root else "UPIT CycleGAN"
    return f"{project} ({', '.join(details)})"
