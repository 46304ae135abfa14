"""Losses: pure functions of logits and pictures, each beside its formula.

D(x) stands for the discriminator's *logits* on real pictures, D(G(z)) for those on generated ones; E is the mean over
the batch and, for PatchGAN, over the patches. sigma is the logistic function.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus


def bce_discriminator(real: Tensor, fake: Tensor, real_target: float = 1.0) -> Tensor:
    """-E[t log sigma(D(x)) + (1-t) log(1 - sigma(D(x)))] - E[log(1 - sigma(D(G(z))))]; Goodfellow et al., 2014, eq. 1.

    `real_target` t below 1 is one-sided label smoothing (Salimans et al., 2016, section 3.4).
    """
    # -log sigma(x) = softplus(-x) and -log(1 - sigma(x)) = softplus(x): no overflow at any logit.
    on_real = real_target * softplus(-real) + (1 - real_target) * softplus(real)
    return on_real.mean() + softplus(fake).mean()


def bce_generator(fake: Tensor) -> Tensor:
    """-E[log sigma(D(G(z)))], the non-saturating loss; Goodfellow et al., 2014, section 3."""
    return softplus(-fake).mean()


def least_squares_discriminator(real: Tensor, fake: Tensor, real_target: float = 1.0) -> Tensor:
    """E[(D(x) - t)^2] + E[D(G(z))^2]; Mao et al., 2017, eq. 9 without the factor 1/2."""
    return (real - real_target).square().mean() + fake.square().mean()


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(z)) - 1)^2]; Mao et al., 2017, eq. 9 without the factor 1/2."""
    return (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor, real_target: float = 1.0) -> Tensor:
    """E[max(0, t - D(x))] + E[max(0, 1 + D(G(z)))]; Lim and Ye, 2017; Miyato et al., 2018, eq. 16."""
    return relu(real_target - real).mean() + relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """-E[D(G(z))]; Miyato et al., 2018, eq. 17."""
    return -fake.mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor, real_target: float = 1.0) -> Tensor:
    """E[D(G(z))] - E[D(x)], for a D kept Lipschitz by clipping or a penalty; Arjovsky et al., 2017, eq. 2.

    `real_target` scales the real term, so that every loss here takes the same arguments.
    """
    return fake.mean() - real_target * real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """-E[D(G(z))]; Arjovsky et al., 2017, algorithm 1."""
    return -fake.mean()


class AdversarialLoss(NamedTuple):
    discriminator: Callable[..., Tensor]
    """(D(x), D(G(z)), real_target) -> scalar"""
    generator: Callable[[Tensor], Tensor]
    """D(G(z)) -> scalar"""


ADVERSARIAL = {
    "bce": AdversarialLoss(bce_discriminator, bce_generator),
    "least-squares": AdversarialLoss(least_squares_discriminator, least_squares_generator),
    "hinge": AdversarialLoss(hinge_discriminator, hinge_generator),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, wasserstein_generator),
}


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """1/2 E[|grad D(x)|^2] on real pictures (B, C, H, W); Mescheder et al., 2018, eq. 9 without gamma."""
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, between: Tensor) -> Tensor:
    """E[(|grad D(x^)| - 1)^2] at x^ = e x + (1-e) G(z); Gulrajani et al., 2017, eq. 3 without lambda.

    `between` (B, 1, 1, 1) holds e, uniform in [0, 1], drawn by the caller's generator.
    """
    points = (between * real.detach() + (1 - between) * fake.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)
    # vector_norm, unlike sqrt, has a finite derivative where D is flat.
    return (torch.linalg.vector_norm(gradient, dim=(1, 2, 3)) - 1).square().mean()


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], limit: float) -> None:
    """w <- clip(w, -limit, limit) in place; Arjovsky et al., 2017, algorithm 1."""
    values: list[Tensor] = list(parameters)
    torch._foreach_clamp_min_(values, -limit)
    torch._foreach_clamp_max_(values, limit)


def cycle_consistency(recovered: Tensor, original: Tensor) -> Tensor:
    """E[|F(G(x)) - x|], the mean over pictures, channels and pixels; Zhu et al., 2017, eq. 2 without lambda."""
    return (recovered - original).abs().mean()


def identity(translated: Tensor, target: Tensor) -> Tensor:
    """E[|G(y) - y|] for y already of G's target domain; Zhu et al., 2017, section 5.2."""
    return (translated - target).abs().mean()
