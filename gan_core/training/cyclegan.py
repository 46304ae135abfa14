"""One step of CycleGAN: the recipe of Zhu et al., 2017, section 7.1, and the authors' implementation."""

from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from gan_core.config import require, require_choice, require_range, require_whole
from gan_core.devices import adam, eval_mode
from gan_core.draws import Draws
from gan_core.images import to_float
from gan_core.losses import ADVERSARIAL, AdversarialLoss, cycle_consistency, identity
from gan_core.models.cyclegan import Network, build
from gan_core.training.distributed import average_gradients
from gan_core.training.ema import follow, follower
from gan_core.training.feeds import DomainBatch
from gan_core.training.plan import Plan, decayed, gradient_norm, set_lr
from gan_core.training.pool import ImagePool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Objective and optimisation; the defaults are the paper's."""

    loss: Literal["bce", "least-squares", "hinge"] = "least-squares"
    """Adversarial loss: least-squares, bce or hinge."""
    lr_g: float = 2e-4
    """Learning rate of both generators."""
    lr_d: float = 2e-4
    """Learning rate of both discriminators."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    decay_from: float = 0.5
    """Part of the run after which the learning rates fall linearly to 0; 1: never."""
    cycle_weight: float = 10.0
    """Weight lambda of the cycle-consistency loss."""
    identity_weight: float = 5.0
    """Weight of the identity loss, which keeps colours; 0 saves a third of the time."""
    discriminator_steps: int = 1
    """Updates of the discriminators for each of the generators; those after the first see pictures out of the pool."""
    discriminator_lead: int = 0
    """Steps at the beginning in which the discriminators alone learn, so that generators are not led by a guess."""
    pool_size: int = 50
    """Older generated pictures that the discriminators are shown; 0: none."""
    ema_decay: float = 0.999
    """Decay of the moving average of the generators, which is what is saved; 0: the generators themselves."""

    def __post_init__(self) -> None:
        require_choice("--loss", self.loss, ("bce", "least-squares", "hinge"))
        for flag in ("lr_g", "lr_d"):
            require_range(f"--{flag.replace('_', '-')}", getattr(self, flag), 0, 1)
        for flag in ("beta1", "beta2", "ema_decay"):
            require_range(f"--{flag.replace('_', '-')}", getattr(self, flag), 0, 0.999999)
        require_range("--decay-from", self.decay_from, 0, 1)
        require_range("--cycle-weight", self.cycle_weight, 0, 1e6)
        require_range("--identity-weight", self.identity_weight, 0, 1e6)
        require_whole("--discriminator-steps", self.discriminator_steps, 1, 100)
        require(
            self.discriminator_steps == 1 or self.pool_size > 0,
            f"--discriminator-steps {self.discriminator_steps} needs older pictures: --pool-size must not be 0.",
        )
        require_whole("--discriminator-lead", self.discriminator_lead, 0, 10**9)
        require_whole("--pool-size", self.pool_size, 0, 100_000)


class Translated(NamedTuple):
    """What the generators make of a batch: pictures (B, C, H, W) of both domains, and their losses."""

    fake_a: Tensor
    fake_b: Tensor
    back_a: Tensor
    """a -> b -> a"""
    back_b: Tensor
    """b -> a -> b"""
    losses: dict[str, Tensor]
    """Each term by itself, without its weight."""
    loss: Tensor
    """The weighted sum of the terms."""


class Training:
    """Two generators, there and back, and a discriminator for each domain."""

    def __init__(self, network: Network, recipe: Recipe, plan: Plan) -> None:
        # The generators halve twice; the discriminators' last norm needs more than one patch to measure.
        smallest = 4 * 2**network.discriminator_layers
        require(
            plan.size % 4 == 0 and plan.size >= smallest,
            f"--size {plan.size} does not suit this network: it must be a multiple of 4 and, with "
            f"--discriminator-layers {network.discriminator_layers}, at least {smallest}.",
        )
        self.network, self.recipe, self.plan = network, recipe, plan
        self.batches_per_step = recipe.discriminator_steps
        self.modules = {name: plan.place(module) for name, module in build(network).items()}
        g_ab, g_ba, d_a, d_b = self.modules.values()
        self._generators, self._discriminators = (g_ab, g_ba), (d_a, d_b)
        if recipe.ema_decay:
            self.modules["generator_ab_ema"] = follower(g_ab)
            self.modules["generator_ba_ema"] = follower(g_ba)
        betas = (recipe.beta1, recipe.beta2)
        self.optimizers = {
            "generators": adam(_parameters(self._generators), recipe.lr_g, betas),
            "discriminators": adam(_parameters(self._discriminators), recipe.lr_d, betas),
        }
        self.pools = {"a": ImagePool(recipe.pool_size), "b": ImagePool(recipe.pool_size)}
        self._g_ab, self._g_ba, self._d_a, self._d_b = (plan.compiled(net) for net in (g_ab, g_ba, d_a, d_b))

    def step(self, step: int, batches: list[DomainBatch]) -> dict[str, Tensor]:
        """Both halves, one after the other; `training/stepping.py` takes them one by one."""
        draws = self.plan.draws(step)
        self.schedule(step)
        made, grad_g = self.generator_half(step, batches[0])
        reported = {"loss_g": made.loss, **made.losses, **self.discriminator_half(made, batches, draws)}
        reported |= {"grad_g": grad_g, "grad_d": gradient_norm(_parameters(self._discriminators))}
        return {name: value.detach().float() for name, value in reported.items()}

    def schedule(self, step: int) -> None:
        """Set the learning rates of this step, and name its draws of dropout."""
        recipe, plan = self.recipe, self.plan
        for name, lr in (("generators", recipe.lr_g), ("discriminators", recipe.lr_d)):
            set_lr(self.optimizers[name], decayed(lr, step, plan.steps, recipe.decay_from))
        if self.network.dropout:
            torch.manual_seed(plan.seed + step * plan.shard.world + plan.shard.rank)

    def translated(self, a: Tensor, b: Tensor) -> Translated:
        """Both domains there and back, and what the generators' losses say of it."""
        # Generators: fool both discriminators, come back to where they started, leave alone what needs no change.
        recipe, loss = self.recipe, ADVERSARIAL[self.recipe.loss]
        with self.plan.autocast():
            fake_b, same_b = self._translate(self._g_ab, a, b)
            fake_a, same_a = self._translate(self._g_ba, b, a)
            back_a, back_b = self._g_ba(fake_b), self._g_ab(fake_a)
            logits_a, logits_b = self._d_a(fake_a), self._d_b(fake_b)
        losses = {
            "loss_g_ab": loss.generator(logits_b.float()),
            "loss_g_ba": loss.generator(logits_a.float()),
            "loss_cycle_a": cycle_consistency(back_a, a),
            "loss_cycle_b": cycle_consistency(back_b, b),
        }
        cycle = losses["loss_cycle_a"] + losses["loss_cycle_b"]
        loss_g = losses["loss_g_ab"] + losses["loss_g_ba"] + recipe.cycle_weight * cycle
        if same_a is not None and same_b is not None:
            losses["loss_identity_a"], losses["loss_identity_b"] = identity(same_a, a), identity(same_b, b)
            loss_g = loss_g + recipe.identity_weight * (losses["loss_identity_a"] + losses["loss_identity_b"])
        return Translated(fake_a, fake_b, back_a, back_b, losses, loss_g)

    def generator_half(self, step: int, batch: DomainBatch) -> tuple[Translated, Tensor]:
        """An update of both generators; what they made before it, and the norm of their gradient."""
        for discriminator in self._discriminators:
            discriminator.requires_grad_(False)
        learning = step >= self.recipe.discriminator_lead
        with torch.set_grad_enabled(learning):
            made = self.translated(*batch)
        grad_g = self._update("generators", made.loss, self._generators) if learning else torch.zeros_like(made.loss)
        for name, network in (("generator_ab", self._generators[0]), ("generator_ba", self._generators[1])):
            if self.recipe.ema_decay:
                follow(self.modules[f"{name}_ema"], network, self.recipe.ema_decay, step)
        return made, grad_g

    def discriminator_half(self, made: Translated, batches: list[DomainBatch], draws: Draws) -> dict[str, Tensor]:
        """An update of both discriminators for each batch; their losses."""
        # Discriminators: 1 for pictures of the domain, 0 for generated ones out of the pool; half the loss, so that
        # they learn more slowly than the generators.
        loss = ADVERSARIAL[self.recipe.loss]
        for discriminator in self._discriminators:
            discriminator.requires_grad_(True)
        (a, b), *more = batches
        old_a = self.pools["a"].swap(made.fake_a.detach(), draws)
        old_b = self.pools["b"].swap(made.fake_b.detach(), draws)
        losses_d = [self._judge(loss, a, old_a, b, old_b)]
        for a, b in more:
            old_a, old_b = self.pools["a"].draw(len(a), draws), self.pools["b"].draw(len(b), draws)
            losses_d.append(self._judge(loss, a, old_a, b, old_b))
        loss_d_a, loss_d_b = torch.stack(losses_d).mean(0)
        return {"loss_d_a": loss_d_a, "loss_d_b": loss_d_b}

    def _translate(self, generator: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """G(source) and, for the identity loss, G(target)."""
        if not self.recipe.identity_weight:
            return generator(source), None
        if self.network.norm == "instance":
            # Each picture is normalised by itself, so that one pass over both gives what two passes would, sooner.
            both = generator(torch.cat([source, target]))
            return both.split(len(source))
        return generator(source), generator(target)

    def _judge(self, loss: AdversarialLoss, a: Tensor, fake_a: Tensor, b: Tensor, fake_b: Tensor) -> Tensor:
        """One update of both discriminators; their losses (2,)."""
        with self.plan.autocast():
            pairs = [(self._d_a(a), self._d_a(fake_a)), (self._d_b(b), self._d_b(fake_b))]
        losses = torch.stack([0.5 * loss.discriminator(real.float(), fake.float()) for real, fake in pairs])
        self._update("discriminators", losses.sum(), self._discriminators)
        return losses.detach()

    def _update(self, name: str, loss: Tensor, networks: tuple[nn.Module, ...]) -> Tensor:
        """One update; the norm of the gradient."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(_parameters(networks))
        optimizer.step()
        return gradient_norm(_parameters(networks))

    def export(self) -> dict[str, nn.Module]:
        """Both generators. The discriminators stay in the state: no one translates with them."""
        suffix = "_ema" if self.recipe.ema_decay else ""
        return {name: self.modules[name + suffix] for name in ("generator_ab", "generator_ba")}

    def sample(self, fixed: DomainBatch) -> Tensor:
        """Rows of four: a, G_ab(a), b, G_ba(b), for each of the fixed pictures."""
        nets = self.export()
        with eval_mode(*nets.values()):
            columns = [fixed.a, nets["generator_ab"](fixed.a), fixed.b, nets["generator_ba"](fixed.b)]
        return torch.stack(columns, 1).flatten(0, 1)  # (B, 4, C, H, W) -> (4 B, C, H, W)

    def drawn(self, real: dict[str, Tensor], count: int) -> dict[str, Tensor]:
        """Up to `count` pictures of each domain made from the other's, for what is measured while training."""
        nets = self.export()
        made: dict[str, Tensor] = {}
        with eval_mode(*nets.values()):
            for source, target in (("a", "b"), ("b", "a")):
                side = real[source].shape[-1] // 4 * 4  # The networks halve twice.
                pictures = to_float(real[source][:count, :, :side, :side]).to(self.plan.device)
                parts = pictures.split(self.plan.batch)
                made[target] = torch.cat([nets[f"generator_{source}{target}"](part) for part in parts])
        return made

    def sample_columns(self) -> int:
        return 4

    def extra_state(self) -> dict[str, Any]:
        return {name: list(pool.pictures) for name, pool in self.pools.items()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        for name, pool in self.pools.items():
            pool.pictures = [picture.to(self.plan.device) for picture in state[name]]


def _parameters(networks: tuple[nn.Module, ...]) -> list[nn.Parameter]:
    return list(chain.from_iterable(network.parameters() for network in networks))
