"""The game of the two networks as something to look at: what each family's batch, pictures, scores and losses are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.losses import ADVERSARIAL
from gan_core.training.feeds import DomainBatch, ImageBatch
from gan_core.training.saliency import (
    attention,
    belief,
    heat,
    normalised,
    pushed,
    signed,
    smoothed,
    statistics_held,
    unchanged,
)

MIDDLE = {"bce": 0.5, "least-squares": 0.5, "hinge": 0.0, "wasserstein": None}
"""The score between real and generated; where a loss has none, scores only compare."""


@dataclass(frozen=True)
class Row:
    """Pictures of one kind, and what the discriminator says of each."""

    id: str
    title: str
    values: Tensor
    """(B, C, H, W) in [-1, 1]"""
    real: bool | None = None
    """Whether they are of the data; None: nobody judges them."""
    scores: list[float] = field(default_factory=list)
    """A probability under bce, the discriminator's output otherwise; of patches the mean."""
    looks: Tensor | None = None
    """(B, 3, H, W) uint8: where the discriminator looks, or what it believes of each patch."""
    attention: Tensor | None = None
    """(B, H, W): the gradient behind `looks`, smoothed, not normalised."""
    asks: Tensor | None = None
    """(B, 3, H, W) uint8: -dL/dx around grey."""
    asks_factor: float = 1.0


@dataclass(frozen=True)
class View:
    """A batch as both networks see it now."""

    rows: list[Row]
    losses: dict[str, float]
    grad_g: float | None = None
    """Norm of the gradient that the generator would get now."""

    def row(self, row_id: str) -> Row:
        return next(row for row in self.rows if row.id == row_id)

    def apart(self, loss: str) -> tuple[int, int] | None:
        """How many pictures are on their side of the middle, of how many; None where there is no middle."""
        middle = MIDDLE[loss]
        if middle is None:
            return None
        judged = [(score > middle) == row.real for row in self.rows if row.real is not None for score in row.scores]
        return sum(judged), len(judged)


class ImageGame:
    """A generator and its discriminator (DCGAN)."""

    players = {"d": ("discriminator",), "g": ("generator",)}

    def __init__(self, training: Any, feed: Any) -> None:
        self.training, self.feed = training, feed

    def batch(self, number: int) -> ImageBatch:
        return next(self.feed.batches(number, self.training.plan))

    def _latents(self, number: int) -> Tensor:
        """The latents that the step draws for this batch."""
        return self.training.plan.draws(number).normal(self.training.plan.batch, self.training.network.latent_dim)

    def d_step(self, number: int) -> None:
        training = self.training
        training.schedule(number)
        training.discriminator_half(number, [self.batch(number)], training.plan.draws(number))

    def g_step(self, number: int) -> None:
        training, batch = self.training, self.batch(number)
        training.schedule(number)
        draws = training.plan.draws(number)
        fake = training.generator(draws.normal(training.plan.batch, training.network.latent_dim), batch.classes)
        training.generator_half(number, fake, batch.classes, draws)

    def view(self, number: int) -> View:
        training, (real, classes) = self.training, self.batch(number)
        generator, discriminator = training.generator, training.discriminator
        recipe, loss = training.recipe, ADVERSARIAL[training.recipe.loss]

        def score(x: Tensor) -> Tensor:
            return discriminator(x, classes)

        with unchanged(generator, discriminator):
            fake = generator(self._latents(number), classes)  # (B, C, H, W)
            on_real, on_fake = score(real).detach(), score(fake.detach()).detach()
            losses = {
                "loss_d": loss.discriminator(on_real, on_fake, recipe.real_target),
                "loss_g": loss.generator(on_fake),
            }
            weights = list(generator.parameters())
            *gradients, push = torch.autograd.grad(loss.generator(score(fake)), [*weights, fake])
            grad_g = torch.stack([gradient.norm() for gradient in gradients]).norm()
        asks, factor = signed(-push)
        maps = [self._attention(score, x, classes) for x in (real, fake.detach())]
        probability = torch.sigmoid if recipe.loss == "bce" else torch.nn.Identity()
        rows = [
            Row("real", "Real", real, True, probability(on_real).tolist(), *_glow(maps[0], real)),
            Row(
                "fake",
                "Generated",
                fake.detach(),
                False,
                probability(on_fake).tolist(),
                *_glow(maps[1], fake.detach()),
                asks,
                factor,
            ),
        ]
        return View(rows, {name: float(value.detach()) for name, value in losses.items()}, float(grad_g))

    def _attention(self, score: Callable[[Tensor], Tensor], x: Tensor, classes: Tensor | None) -> Tensor:
        with statistics_held(self.training.discriminator, x, classes):
            return attention(score, x)


class DomainGame:
    """Two generators, there and back, and a discriminator for each domain (CycleGAN)."""

    players = {"d": ("discriminator_a", "discriminator_b"), "g": ("generator_ab", "generator_ba")}

    def __init__(self, training: Any, feed: Any) -> None:
        self.training, self.feed = training, feed

    def batch(self, number: int) -> DomainBatch:
        return next(self.feed.batches(number, self.training.plan))

    def d_step(self, number: int) -> None:
        training, batch = self.training, self.batch(number)
        training.schedule(number)
        with torch.no_grad():
            made = training.translated(*batch)
        training.discriminator_half(made, [batch], training.plan.draws(number))

    def g_step(self, number: int) -> None:
        self.training.schedule(number)
        self.training.generator_half(number, self.batch(number))

    def view(self, number: int) -> View:
        training, (a, b) = self.training, self.batch(number)
        nets: list[nn.Module] = [training.modules[name] for name in (*self.players["g"], *self.players["d"])]
        judges = {"a": nets[2], "b": nets[3]}
        loss = ADVERSARIAL[training.recipe.loss]
        training.schedule(number)  # It seeds the masks of dropout, too.
        with unchanged(*nets), torch.no_grad():
            made = training.translated(a, b)
            said = {
                "a": judges["a"](a),
                "ba": judges["a"](made.fake_a),
                "b": judges["b"](b),
                "ab": judges["b"](made.fake_b),
            }  # (B, 1, h, w) each
            losses = {"loss_d_a": 0.5 * loss.discriminator(said["a"], said["ba"])}
            losses["loss_d_b"] = 0.5 * loss.discriminator(said["b"], said["ab"])
        asks = {}
        for name, x, domain in (("ab", made.fake_b, "b"), ("ba", made.fake_a, "a")):
            with unchanged(judges[domain]):
                asks[name] = signed(pushed(lambda y, judge=judges[domain]: loss.generator(judge(y)), x))  # type: ignore[misc]
        probability = torch.sigmoid if training.recipe.loss == "bce" else torch.nn.Identity()
        words = self.feed.domains()

        def row(name: str, title: str, x: Tensor, real: bool | None) -> Row:
            if real is None:
                return Row(name, title, x)
            p = probability(said[name])
            shown = p if training.recipe.loss in ("bce", "least-squares") else torch.sigmoid(said[name])
            told = asks.get(name, (None, 1.0))
            return Row(name, title, x, real, p.mean((1, 2, 3)).tolist(), belief(shown, x), None, *told)

        rows = [
            row("a", f"Real: {words['a']}", a, True),
            row("ab", f"As {words['b']}", made.fake_b, False),
            row("aba", "And back", made.back_a, None),
            row("b", f"Real: {words['b']}", b, True),
            row("ba", f"As {words['a']}", made.fake_a, False),
            row("bab", "And back", made.back_b, None),
        ]
        terms = {**losses, "loss_g": made.loss, **made.losses}
        return View(rows, {name: float(value) for name, value in terms.items()})


GAMES: dict[str, type[ImageGame] | type[DomainGame]] = {"generator": ImageGame, "translator": DomainGame}
"""By the kind of family."""


def _glow(maps: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The heat picture of a gradient map, and the smoothed map."""
    smooth = smoothed(maps)
    return heat(normalised(smooth), pictures), smooth
