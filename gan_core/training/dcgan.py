"""One step of DCGAN: the recipe of Radford et al., 2015, with the aids that came later as options."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_core.config import require, require_choice, require_range, require_whole
from gan_core.devices import adam, eval_mode
from gan_core.draws import Draws
from gan_core.losses import ADVERSARIAL, clip_weights, gradient_penalty, r1_penalty
from gan_core.models.dcgan import Network, build
from gan_core.training.augment import POLICIES, differentiable_augment
from gan_core.training.distributed import average_gradients
from gan_core.training.ema import follow, follower, recalibrate
from gan_core.training.feeds import ImageBatch
from gan_core.training.plan import Plan, decayed, gradient_norm, set_lr


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Objective and optimisation; the defaults are the paper's."""

    loss: Literal["bce", "least-squares", "hinge", "wasserstein"] = "bce"
    """Adversarial loss: non-saturating bce, least-squares, hinge or wasserstein."""
    lr_g: float = 2e-4
    """Learning rate of the generator."""
    lr_d: float = 2e-4
    """Learning rate of the discriminator."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    decay_from: float = 1.0
    """Part of the run after which the learning rates fall linearly to 0; 1: never."""
    discriminator_steps: int = 1
    """Discriminator updates in one step (5 in the Wasserstein papers)."""
    real_target: float = 1.0
    """The discriminator's target on real pictures; 0.9 is the usual one-sided label smoothing."""
    augment: str = ""
    """Differentiable augmentation: color, translation, cutout, joined by commas; empty: none."""
    r1_weight: float = 0.0
    """Weight gamma of the R1 penalty; 0: none."""
    r1_interval: int = 16
    """Steps between two R1 penalties, each then weighted by as much (Karras et al., 2020, appendix B)."""
    gradient_penalty_weight: float = 0.0
    """Weight lambda of the Wasserstein gradient penalty (10 in the paper); 0: none."""
    clip: float = 0.0
    """Limit of the discriminator's weights (0.01 in the Wasserstein paper); 0: none."""
    ema_decay: float = 0.999
    """Decay of the moving average of the generator, which is what is saved; 0: the generator itself."""

    def __post_init__(self) -> None:
        require_choice("--loss", self.loss, tuple(ADVERSARIAL))
        for flag in ("lr_g", "lr_d"):
            require_range(f"--{flag.replace('_', '-')}", getattr(self, flag), 0, 1)
        for flag in ("beta1", "beta2", "ema_decay"):
            value = getattr(self, flag)
            require_range(f"--{flag.replace('_', '-')}", value, 0, 0.999999)
        require_range("--decay-from", self.decay_from, 0, 1)
        require_range("--real-target", self.real_target, 0, 1)
        require_whole("--discriminator-steps", self.discriminator_steps, 1, 100)
        require_whole("--r1-interval", self.r1_interval, 1, 10_000)
        for flag in ("r1_weight", "gradient_penalty_weight", "clip"):
            require_range(f"--{flag.replace('_', '-')}", getattr(self, flag), 0, 1e6)
        unknown = set(self.augmentations) - set(POLICIES)
        require(not unknown, f"--augment knows {', '.join(POLICIES)}, but not {', '.join(sorted(unknown))}.")

    @property
    def augmentations(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.augment.split(",") if part.strip())


class Training:
    """Generator and discriminator in their game."""

    def __init__(self, network: Network, recipe: Recipe, plan: Plan) -> None:
        self.network, self.recipe, self.plan = network, recipe, plan
        networks = build(network)
        self.generator = plan.place(networks["generator"])
        self.discriminator = plan.place(networks["discriminator"])
        self.modules = {"generator": self.generator, "discriminator": self.discriminator}
        if recipe.ema_decay:
            self.modules["generator_ema"] = follower(self.generator)
        betas = (recipe.beta1, recipe.beta2)
        self.optimizers = {
            "generator": adam(self.generator.parameters(), recipe.lr_g, betas),
            "discriminator": adam(self.discriminator.parameters(), recipe.lr_d, betas),
        }
        self.batches_per_step = recipe.discriminator_steps
        self._g, self._d = plan.compiled(self.generator), plan.compiled(self.discriminator)

    def step(self, step: int, batches: list[ImageBatch]) -> dict[str, Tensor]:
        """Both halves, one after the other; `training/stepping.py` takes them one by one."""
        draws = self.plan.draws(step)
        self.schedule(step)
        fake, classes, judged = self.discriminator_half(step, batches, draws)
        fooled = self.generator_half(step, fake, classes, draws)
        names = ("loss_g", "loss_d", "d_real", "d_fake", "grad_g", "grad_d")
        return {name: (judged | fooled)[name] for name in names}

    def schedule(self, step: int) -> None:
        """Set the learning rates of this step."""
        recipe = self.recipe
        for name, lr in (("generator", recipe.lr_g), ("discriminator", recipe.lr_d)):
            set_lr(self.optimizers[name], decayed(lr, step, self.plan.steps, recipe.decay_from))

    def discriminator_half(
        self, step: int, batches: list[ImageBatch], draws: Draws
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """An update of the discriminator for each batch; the last generated pictures, their classes, what to tell."""
        # Discriminator: maximise log D(x) + log(1 - D(G(z))), real and generated pictures in batches of their own,
        # because batch norm would otherwise tell them apart for it.
        recipe, plan = self.recipe, self.plan
        loss = ADVERSARIAL[recipe.loss]
        self.discriminator.requires_grad_(True)
        for real, classes in batches:
            z = draws.normal(plan.batch, self.network.latent_dim)
            with plan.autocast():
                fake = self._g(z, classes)
                real_logits = self._d(self._augment(real, draws), classes).float()
                fake_logits = self._d(self._augment(fake.detach(), draws), classes).float()
            loss_d = loss.discriminator(real_logits, fake_logits, recipe.real_target)
            total = loss_d + self._penalties(step, real, fake, classes, draws)
            grad_d = self._update("discriminator", total, self.discriminator)
            if recipe.clip:
                clip_weights(self.discriminator.parameters(), recipe.clip)

        # D(x) and D(G(z)) as probabilities where the logits mean that, as in the example's log.
        score = torch.sigmoid if recipe.loss == "bce" else torch.nn.Identity()
        told = {
            "loss_d": loss_d.detach(),
            "d_real": score(real_logits.detach()).mean(),
            "d_fake": score(fake_logits.detach()).mean(),
            "grad_d": grad_d,
        }
        return fake, classes, told

    def generator_half(self, step: int, fake: Tensor, classes: Tensor | None, draws: Draws) -> dict[str, Tensor]:
        """An update of the generator, which drew `fake` (B, C, H, W); what to tell of it."""
        # Generator: maximise log D(G(z)) on the same pictures, scored anew by the updated discriminator.
        self.discriminator.requires_grad_(False)
        with self.plan.autocast():
            logits = self._d(self._augment(fake, draws), classes).float()
        loss_g = ADVERSARIAL[self.recipe.loss].generator(logits)
        grad_g = self._update("generator", loss_g, self.generator)
        if self.recipe.ema_decay:
            follow(self.modules["generator_ema"], self.generator, self.recipe.ema_decay, step)
        return {"loss_g": loss_g.detach(), "grad_g": grad_g}

    def _update(self, name: str, loss: Tensor, network: nn.Module) -> Tensor:
        """One update; the norm of the gradient."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(network.parameters())
        optimizer.step()
        return gradient_norm(network.parameters())

    def _augment(self, x: Tensor, draws: Draws) -> Tensor:
        return differentiable_augment(x, self.recipe.augmentations, draws, self.plan.batch)

    def _penalties(self, step: int, real: Tensor, fake: Tensor, classes: Tensor | None, draws: Draws) -> Tensor | float:
        recipe = self.recipe
        penalty: Tensor | float = 0.0

        def score(x: Tensor) -> Tensor:
            return self.discriminator(x, classes)

        if recipe.r1_weight and step % recipe.r1_interval == 0:
            penalty = penalty + recipe.r1_weight * recipe.r1_interval * r1_penalty(score, real)
        if recipe.gradient_penalty_weight:
            between = draws.uniform(self.plan.batch, 1, 1, 1)
            penalty = penalty + recipe.gradient_penalty_weight * gradient_penalty(score, real, fake.float(), between)
        return penalty

    def _shown(self) -> nn.Module:
        return self.modules.get("generator_ema", self.generator)

    def export(self) -> dict[str, nn.Module]:
        """The generator with batch norm statistics of its own, and the discriminator."""
        generator = follower(self._shown())
        inputs = [self.sample_inputs(1000 + number, 64) for number in range(16)]
        recalibrate(generator, inputs)
        return {"generator": generator.eval(), "discriminator": self.discriminator}

    def sample_inputs(self, number: int, count: int) -> tuple[Tensor, Tensor | None]:
        """Fixed latents (count, latent_dim) and classes (count, classes), class after class."""
        draws = Draws(self.plan.seed, number, 2, device=self.plan.device)
        z = draws.normal(count, self.network.latent_dim)
        if not self.network.classes:
            return z, None
        index = torch.arange(count, device=self.plan.device) % self.network.classes
        return z, torch.nn.functional.one_hot(index, self.network.classes).float()

    def sample(self, fixed: Any = None) -> Tensor:  # noqa: ARG002 generators need no pictures
        """(about 64, C, H, W): the same latents each time; with classes, one class a column."""
        generator = self.export()["generator"]
        columns = self.sample_columns()
        z, classes = self.sample_inputs(0, 64 // columns * columns)
        with eval_mode(generator):
            return generator(z, classes)

    def drawn(self, real: dict[str, Tensor], count: int) -> dict[str, Tensor]:  # noqa: ARG002 generators need none
        """(count, C, H, W) from further fixed latents, for what is measured while training."""
        generator = self.export()["generator"]
        with eval_mode(generator):
            parts = [generator(*self.sample_inputs(2000 + number, 64)) for number in range(-(-count // 64))]
        return {"": torch.cat(parts)[:count]}

    def sample_columns(self) -> int:
        """About eight; with classes, each class has columns of its own as long as they fit."""
        classes = self.network.classes
        return 8 if not classes else min(classes * max(8 // classes, 1), 16)

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        pass
