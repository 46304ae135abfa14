"""What stands in `training/toy.py`: the picture that is nearest to all pictures."""

from dataclasses import dataclass
from typing import Any

import torch
from gan_core.models.toy import Network, build
from torch import Tensor, nn

from gan_core.devices import adam, eval_mode
from gan_core.training.feeds import ImageBatch
from gan_core.training.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Optimisation."""

    brush_size: float = 0.01
    """Learning rate."""


class Training:
    batches_per_step = 1

    def __init__(self, network: Network, recipe: Recipe, plan: Plan) -> None:
        self.network, self.plan = network, plan
        self.generator = plan.place(build(network)["generator"])
        self.modules = {"generator": self.generator}
        self.optimizers = {"generator": adam(self.generator.parameters(), recipe.brush_size, (0.5, 0.999))}

    def step(self, step: int, batches: list[ImageBatch]) -> dict[str, Tensor]:
        ((real, _),) = batches
        z = self.plan.draws(step).normal(self.plan.batch, self.network.latent_dim)
        loss = (self.generator(z) - real).square().mean()
        self.optimizers["generator"].zero_grad()
        loss.backward()
        self.optimizers["generator"].step()
        return {"loss_g": loss.detach()}

    def export(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def sample(self, fixed: Any) -> Tensor:  # noqa: ARG002 generators need no pictures
        with eval_mode(self.generator):
            return self.generator(torch.eye(self.network.latent_dim))

    def sample_columns(self) -> int:
        return 2

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        pass
