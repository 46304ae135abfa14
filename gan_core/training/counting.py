"""What one step of a training asks for, counted without computing it.

A whole step runs on the `meta` device, where tensors have shapes and no contents: that counts its floating point
operations and the bytes that live at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from weakref import finalize

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from gan_core.config import RunConfig, build
from gan_core.draws import Shard
from gan_core.families import get_family
from gan_core.models import get_networks
from gan_core.training import get_training
from gan_core.training.feeds import DomainBatch, ImageBatch
from gan_core.training.plan import Plan
from gan_core.training.quality import COUNTED
from gan_core.training.watching import TRANSLATED, Drawing

META = torch.device("meta")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What follows from the data."""

    channels: int = 3
    classes: int = 0
    pictures: int = 0
    """In all, over both domains of a translator."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one step, and of what comes between steps."""

    step_flops: float
    sample_flops: float
    """Of one sample picture."""
    measure_flops: float
    """Of one measurement of the samples' quality."""
    bytes: float
    """Most that live at once: weights, gradients, moments and activations."""


class _Count(TorchDispatchMode):
    """Floating point operations, and bytes of tensors that are alive and were at most, of what happens inside."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.alive = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket not in flop_registry:
            with self:  # In inference mode, a convolution comes as what it is made of.
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        result = func(*args, **(kwargs or {}))
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.see(tensor)
        return result

    def see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


def make(config: RunConfig, facts: Facts, device: torch.device, *, shrunk: dict[str, Any] | None = None) -> Any:
    """The family's `Training` for these options. Raises `ConfigError` for options that do not go together.

    shrunk: size and batch that are others than the configuration's.
    """
    train = replace(config.train, **(shrunk or {}))
    module = get_training(config.family)
    networks = get_networks(config.family).Network
    known = {item.name for item in fields(networks)}
    given = {"size": train.size, "channels": facts.channels, "classes": facts.classes if train.conditional else 0}
    network = build(
        networks, {**{name: value for name, value in given.items() if name in known}, **config.network}, "The network"
    )
    plan = Plan(
        size=train.size,
        steps=10**9,
        batch=train.batch,
        seed=0,
        device=device,
        shard=Shard(),
        precision=train.precision,
    )
    with torch.device(device):
        training = module.Training(network, build(module.Recipe, config.recipe, "The recipe"), plan)
    if device == META:
        for optimizer in training.optimizers.values():
            for group in optimizer.param_groups:
                group.update(fused=False, foreach=False)  # One kernel for everything: not for shapes alone.
        for module in training.modules.values():
            for name, buffer in list(module.named_buffers()):
                if name.endswith("num_batches_tracked"):  # Batch norm divides by it: it must be a number.
                    owner = module.get_submodule(name.rpartition(".")[0])
                    owner.num_batches_tracked = torch.zeros_like(buffer, device="cpu")
    return training


def check_fit(config: RunConfig, facts: Facts) -> None:
    """Raise `ConfigError` where options, size and data do not go together. Nothing of any size is made."""
    make(config, facts, META)


def counted(config: RunConfig, facts: Facts, shrunk: dict[str, Any] | None = None) -> tuple[Any, float, float]:
    """A training without numbers, the operations of its step, and the bytes that live at once in it."""
    training = make(config, facts, META, shrunk=shrunk)
    translator = get_family(config.family).kind == "translator"
    recipe: Any = getattr(training, "recipe", None)
    every = recipe.r1_interval if getattr(recipe, "r1_weight", 0) else 1
    lead: int = getattr(recipe, "discriminator_lead", 0)
    first = -(-lead // every) * every  # A step with everything in it.
    with _Count() as count:
        for module in training.modules.values():
            for tensor in (*module.parameters(), *module.buffers()):
                count.see(tensor)
        _step(training, facts, translator, first)
    whole = float(count.flops)
    usual = _flops(lambda: _step(training, facts, translator, first + 1)) if every > 1 else whole
    return training, usual + (whole - usual) / every, float(count.peak)


def cost(config: RunConfig, facts: Facts) -> Cost:
    """What one step asks for, counted without computing it."""
    training, step_flops, peak = counted(config, facts)
    translator = get_family(config.family).kind == "translator"
    sampled = _flops(lambda: training.sample(noise(training, facts, translator, 6) if translator else None))
    drawn = 0.0
    if isinstance(training, Drawing):
        side, pictures = config.train.size, TRANSLATED if translator else COUNTED
        real = torch.empty(pictures, facts.channels, side, side, dtype=torch.uint8, device=META)
        drawn = _flops(lambda: training.drawn({"a": real, "b": real} if translator else {"": real}, pictures))
    return Cost(step_flops=step_flops, sample_flops=sampled, measure_flops=drawn, bytes=peak)


def _flops(work: Callable[[], object]) -> float:
    with _Count() as count:
        work()
    return float(count.flops)


def _step(training: Any, facts: Facts, translator: bool, step: int) -> None:
    training.step(step, [noise(training, facts, translator) for _ in range(training.batches_per_step)])


def noise(training: Any, facts: Facts, translator: bool, count: int | None = None) -> ImageBatch | DomainBatch:
    """Pictures of noise, as many as a step takes."""
    plan, network = training.plan, training.network
    side = plan.size
    shape = (count or plan.batch, getattr(network, "channels", facts.channels), side, side)
    pictures = torch.rand(shape, device=plan.device) * 2 - 1
    if translator:
        return DomainBatch(pictures, pictures.clone())
    classes = getattr(network, "classes", 0)
    if not classes:
        return ImageBatch(pictures, None)
    return ImageBatch(pictures, torch.eye(classes, device=plan.device)[:1].repeat(shape[0], 1))
