"""What a dialect is: one project's way to write a network down, and how it is recognised.

A dialect is a module with a function `propose(state) -> Proposal | None`. It looks at the keys and shapes of one
network (prefixes such as `module.` are gone already) and says which of our networks that would be and which key is
which. It may be generous: `fit` builds the proposed network and holds the file against it, key by key and shape by
shape, so what is accepted always fits exactly, and what nearly fits is reported with the keys that do not. `None`
means: nothing like mine. The dialects stand in a list in `recognition.py`; the one that fits wins, or else the one with
the fewest misfits is named as the nearest.

One file or folder gives several networks (`Given`). Those that fit (`Fitted`) become one `Found`: for generators in
`recognition.py`, for translators, where names such as `latest_net_G_A` tell the direction, in `translators.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.config import few
from gan_core.errors import ConfigError
from gan_core.models import get_networks

State = Mapping[str, Tensor]
"""The tensors of one network by key."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """One network as it was found in a file, its meaning unknown."""

    name: str
    """What file and bundle call it: "latest_net_G_A", "netG_epoch_24", or "bundle.netG" for an entry of a bundle."""
    file: Path
    tensors: dict[str, Tensor]
    """With common prefixes stripped; float32 or as stored, on the CPU, perhaps memory-mapped."""
    notes: tuple[str, ...] = ()
    """Sentences: which copy was taken, what was left out."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a dialect takes a network for."""

    dialect: str
    """For people: "pytorch/examples DCGAN"."""
    family: str
    """Name in the registry."""
    part: str
    """Which network of the family's `build` the state fills: "generator", "discriminator"; translators: "generator_ab",
    whichever direction it will be, or "discriminator_a"."""
    network: dict[str, Any]
    """The constructor numbers that this state tells; the others keep their defaults."""
    keys: Mapping[str, str]
    """Their key -> ours. Keys of the state that stand neither here nor in `dropped` do not fit."""
    made: Mapping[str, Tensor] = field(default_factory=dict)
    """Ours -> a value that was computed from the file (a folded spectral norm, a buffer)."""
    dropped: frozenset[str] = frozenset()
    """Their keys that are known and of no use here."""
    notes: tuple[str, ...] = ()
    problem: str = ""
    """Why it cannot be taken although it is recognised, in words that continue "... : "; empty otherwise."""


Propose = Callable[[State], Proposal | None]


@dataclass(frozen=True)
class Fitted:
    """A network that was recognised and fits to the last key."""

    given: Given
    proposal: Proposal

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """The whole state under our keys, in single precision, with counters that old files lack."""
        wanted = expected(self.proposal)
        state = {ours: self.given.tensors[theirs].detach() for theirs, ours in self.proposal.keys.items()}
        state |= self.proposal.made
        state |= {key: torch.zeros(()).long() for key in wanted if key not in state and is_counter(key)}
        return {key: state[key].float() if state[key].is_floating_point() else state[key] for key in wanted}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One or several networks recognised in what was given: all that a model folder needs."""

    family: str
    """Name in the registry."""
    network: dict[str, Any]
    """Flat constructor numbers of the family's `Network`."""
    states: dict[str, dict[str, Tensor]]
    """By our file name ("generator", "discriminator", "generator_ab"), with our keys."""
    dialect: str
    """For people: "junyanz CycleGAN (ResNet, 9 blocks)"."""
    notes: tuple[str, ...] = ()
    """Sentences for people: what was dropped, chosen or assumed."""
    directions: tuple[str, ...] | None = None
    """Translators: "ab", "ba" or both; None for generators."""
    domains: dict[str, str] | None = None
    """Translators: what a and b show, where the file's name tells."""
    files: tuple[Path, ...] = ()
    """What was read."""


def is_counter(key: str) -> bool:
    """Batch norm's count of batches, which files of PyTorch 0.3 lack and nothing here uses."""
    return key.endswith(".num_batches_tracked")


def expected(proposal: Proposal) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the proposed network. Raises `ConfigError` where its numbers cannot be."""
    family = get_networks(proposal.family)
    known = {item.name for item in fields(family.Network)}
    with torch.device("meta"):  # Neither memory nor time, whatever a stranger's shapes ask for.
        network = family.build(family.Network(**{k: v for k, v in proposal.network.items() if k in known}))
    return {key: tuple(value.shape) for key, value in network[proposal.part].state_dict().items()}


@dataclass(frozen=True)
class Misfit:
    """How far a state is from what a dialect proposed."""

    proposal: Proposal
    count: int
    """Keys that do not fit; 0: it fits."""
    text: str
    """The first of those keys, for people."""


def fit(state: State, proposal: Proposal) -> Misfit:
    """Hold a state against the proposed network, key by key."""
    try:
        wanted = expected(proposal)
    except ConfigError as error:
        return Misfit(proposal, max(1, len(state) // 2), str(error).rstrip("."))
    theirs = {ours: key for key, ours in proposal.keys.items()}
    shapes = {ours: tuple(state[key].shape) for ours, key in theirs.items() if key in state}
    shapes |= {ours: tuple(value.shape) for ours, value in proposal.made.items()}
    known = set(proposal.keys) | proposal.dropped
    foreign = [key for key in state if key not in known] + [
        theirs[ours] for ours in shapes if ours not in wanted and ours in theirs
    ]
    missing = [theirs.get(key, key) for key in wanted if key not in shapes and not is_counter(key)]
    wrong = [
        f"{theirs.get(key, key)} {shapes[key]} instead of {shape}"
        for key, shape in wanted.items()
        if key in shapes and shapes[key] != shape
    ]
    problems = [
        f"{what} {few(keys)}"
        for what, keys in (("of wrong shape", wrong), ("unknown", foreign), ("missing", missing))
        if keys
    ]
    if proposal.problem:
        problems.append(proposal.problem)
    count = len(foreign) + len(missing) + len(wrong) + bool(proposal.problem)
    return Misfit(proposal, count, "; ".join(problems))
