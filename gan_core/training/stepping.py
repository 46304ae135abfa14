"""Step by step: one training's networks on a bench, where a half step is taken on demand, looked at and undone.

The bench works on copies, and what it does ends with it; `training/opening.py` fills it from a run.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_core.config import RunConfig
from gan_core.training.formulas import formulas, what_happened
from gan_core.training.games import DomainGame, ImageGame, View
from gan_core.training.saliency import signed

Kind = Literal["d", "g", "both"]
MAX_STEPS = 10
KEPT_BYTES = 256 * 2**20
"""How much the states to go back to may hold; the last one is always kept."""


@dataclass(frozen=True)
class Layer:
    network: str
    name: str
    change: float
    """|w' - w| / |w| over the weights of the layer."""
    gradient: float | None
    """Norm of its gradient in the last step; None where it had none."""


@dataclass(frozen=True)
class Stepped:
    """What some steps have done to the shown batch."""

    before: View
    after: View
    taken: dict[str, int]
    """{"d": steps of the discriminators, "g": of the generators}"""
    layers: list[Layer]
    changed: dict[str, tuple[Tensor, float]]
    """By row: the change of its pictures or, where they stayed, of where D looks; (B, 3, H, W) uint8, amplification."""
    told: str


@dataclass
class _Kept:
    """A state to go back to."""

    modules: dict[str, dict[str, Tensor]]
    optimizers: dict[str, Any]
    extra: dict[str, Any]
    steps: dict[str, int]
    number: int
    used: int
    view: View | None

    def size_bytes(self) -> int:
        weights = sum(value.nbytes for module in self.modules.values() for value in module.values())
        return 3 * weights  # Adam keeps two moments of each.


@dataclass
class Bench:
    """Both players of a training. Not for several threads at once."""

    config: RunConfig
    kind: str
    game: ImageGame | DomainGame
    step: int
    """Step of the run that it begins at."""
    source: Literal["state", "fresh", "shapes"]
    """Weights of a run, new ones of a run's configuration, or none of a run's."""
    number: int = 0
    """The shown batch."""
    used: int = 0
    """The last batch that was shown or learnt from."""
    steps: dict[str, int] = field(default_factory=lambda: {"d": 0, "g": 0})
    history: list[_Kept] = field(default_factory=list)
    _view: View | None = None
    _start: _Kept | None = None

    def __post_init__(self) -> None:
        self.number = self.used = self.step
        self._start = self._keep()

    @property
    def loss(self) -> str:
        loss: str = self.game.training.recipe.loss
        return loss

    def formulas(self) -> dict[str, dict[str, str]]:
        return formulas(self.kind, self.game.training.recipe)

    def view(self) -> View:
        """The shown batch now."""
        if self._view is None:
            with torch.random.fork_rng(devices=[]):
                self._view = self.game.view(self.number)
        return self._view

    def another_batch(self) -> View:
        self.used += 1
        self.number, self._view = self.used, None
        return self.view()

    def take(self, kind: Kind, count: int = 1, should_stop: Callable[[], bool] = lambda: False) -> Stepped:
        """A step on the shown batch or, of several, each on a batch of its own, as in training; both: D, then G.

        `should_stop` is asked before every step but the first.
        """
        before, kept = self.view(), self._keep()
        taken = {"d": 0, "g": 0}
        with torch.random.fork_rng(devices=[]):
            for turn in range(count):
                if turn and should_stop():
                    break
                if count > 1:
                    self.used += 1
                batch = self.used if count > 1 else self.number
                for player in ("d", "g") if kind == "both" else (kind,):
                    (self.game.d_step if player == "d" else self.game.g_step)(batch)
                    taken[player] += 1
                    self.steps[player] += 1
        self._view = None
        self.history.append(kept)
        while len(self.history) > 1 and sum(one.size_bytes() for one in self.history) > KEPT_BYTES:
            self.history.pop(0)
        layers = [layer for player in taken if taken[player] for layer in self._layers(player, kept)]
        for optimizer in self.game.training.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        after = self.view()
        change, changed = changes(before, after)
        told = what_happened(self.kind, self.loss, taken, before, after, change)
        return Stepped(before, after, taken, layers, changed, told)

    def undo(self) -> bool:
        """Back to before the last `take`; False where nothing is kept."""
        if not self.history:
            return False
        self._put_back(self.history.pop())
        return True

    def reset(self) -> None:
        """Back to the beginning."""
        assert self._start is not None
        self.history.clear()
        self._put_back(self._start)

    def _keep(self) -> _Kept:
        training = self.game.training
        modules = {
            name: {key: value.clone() for key, value in module.state_dict().items()}
            for name, module in training.modules.items()
        }
        optimizers = {name: deepcopy(optimizer.state_dict()) for name, optimizer in training.optimizers.items()}
        extra = training.extra_state()
        return _Kept(modules, optimizers, extra, dict(self.steps), self.number, self.used, self._view)

    def _put_back(self, kept: _Kept) -> None:
        training = self.game.training
        for name, module in training.modules.items():
            module.load_state_dict(kept.modules[name])
        for name, optimizer in training.optimizers.items():
            optimizer.load_state_dict(deepcopy(kept.optimizers[name]))  # It would go on in the kept tensors.
        training.load_extra_state({name: list(pictures) for name, pictures in kept.extra.items()})
        self.steps, self.number, self.used, self._view = dict(kept.steps), kept.number, kept.used, kept.view

    def _layers(self, player: str, kept: _Kept) -> list[Layer]:
        found = []
        for network in self.game.players[player]:
            module, old = self.game.training.modules[network], kept.modules[network]
            for name, title in layer_titles(module).items():
                own = {key: value for key, value in module.named_parameters() if key.startswith(f"{name}.")}
                moved = torch.stack([(value.detach() - old[key]).norm() for key, value in own.items()]).norm()
                size = torch.stack([old[key].norm() for key in own]).norm()
                gradients = [value.grad.norm() for value in own.values() if value.grad is not None]
                gradient = float(torch.stack(gradients).norm()) if gradients else None
                found.append(Layer(network, title, float(moved / size.clamp_min(1e-20)), gradient))
        return found


def changes(before: View, after: View) -> tuple[float, dict[str, tuple[Tensor, float]]]:
    """How much the generated pictures changed on average, of their range of 2; and by row what changed, as pictures."""
    shown, moves = {}, []
    for old, new in zip(before.rows, after.rows, strict=True):
        difference = new.values - old.values
        if new.real is False:
            moves.append(float(difference.abs().mean()) / 2)
        if not difference.any() and old.attention is not None and new.attention is not None:
            difference = (new.attention - old.attention)[:, None]
        shown[new.id] = signed(difference)
    return sum(moves) / len(moves), shown


def layer_titles(network: nn.Module) -> dict[str, str]:
    """Layers that learn, by their name in the network, with a title: 3. 64 -> 128, 4 x 4. Norms are left out."""
    titles: dict[str, str] = {}
    for outer, child in network.named_children():
        inside = child.named_children() if isinstance(child, nn.Sequential) else [("", child)]
        for inner, layer in inside:
            if isinstance(layer, nn.modules.batchnorm._BatchNorm) or not any(True for _ in layer.parameters()):
                continue
            titles[f"{outer}.{inner}" if inner else outer] = f"{len(titles) + 1}. {_title(layer)}"
    return titles


def _title(layer: nn.Module) -> str:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return f"{layer.in_channels} → {layer.out_channels}, {layer.kernel_size[0]} × {layer.kernel_size[1]}"
    return "classes" if isinstance(layer, nn.Linear) else "residual block"
