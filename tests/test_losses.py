"""Each loss against an independent formula; D(x) and D(G(z)) are logits."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import l1_loss, mse_loss

from gan_core.losses import (
    ADVERSARIAL,
    bce_discriminator,
    bce_generator,
    clip_weights,
    cycle_consistency,
    gradient_penalty,
    hinge_discriminator,
    hinge_generator,
    identity,
    least_squares_discriminator,
    least_squares_generator,
    r1_penalty,
    wasserstein_discriminator,
    wasserstein_generator,
)

# A DCGAN's logits, and a PatchGAN's.
SHAPES = [(7,), (2, 1, 5, 5)]


@pytest.fixture(params=SHAPES, ids=str)
def logits(request) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(3 * torch.randn(request.param, generator=generator) for _ in range(2))


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_bce(logits, target):
    real, fake = logits
    expected = bce(real, torch.full_like(real, target)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(bce_discriminator(real, fake, target), expected)
    torch.testing.assert_close(bce_generator(fake), bce(fake, torch.ones_like(fake)))


def test_bce_does_not_overflow():
    far = torch.tensor([1e4, -1e4], requires_grad=True)
    loss = bce_discriminator(far, far) + bce_generator(far)
    loss.backward()
    assert loss.item() == pytest.approx(1.5e4)
    assert far.grad.isfinite().all()


def test_bce_of_a_discriminator_that_knows_nothing_is_two_log_two():
    zero = torch.zeros(4)
    assert bce_discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_least_squares(logits, target):
    real, fake = logits
    expected = mse_loss(real, torch.full_like(real, target)) + mse_loss(fake, torch.zeros_like(fake))
    torch.testing.assert_close(least_squares_discriminator(real, fake, target), expected)
    torch.testing.assert_close(least_squares_generator(fake), mse_loss(fake, torch.ones_like(fake)))


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_hinge(logits, target):
    real, fake = (values.double().numpy() for values in logits)
    expected = np.maximum(0, target - real).mean() + np.maximum(0, 1 + fake).mean()
    assert hinge_discriminator(*logits, target).item() == pytest.approx(expected, rel=1e-6)
    assert hinge_generator(logits[1]).item() == pytest.approx(-fake.mean(), rel=1e-6)


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_wasserstein(logits, target):
    real, fake = (values.double().numpy() for values in logits)
    assert wasserstein_discriminator(*logits, target).item() == pytest.approx(
        fake.mean() - target * real.mean(), rel=1e-5
    )
    assert wasserstein_generator(logits[1]).item() == pytest.approx(-fake.mean(), rel=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_pair_of_losses_pulls_both_sides_the_right_way(name):
    loss = ADVERSARIAL[name]
    real, fake = torch.full((3,), 0.1, requires_grad=True), torch.full((3,), 0.2, requires_grad=True)
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all(), "logits of real pictures rise"
    assert (fake.grad > 0).all(), "logits of generated ones fall"
    fake.grad = None
    loss.generator(fake).backward()
    assert (fake.grad < 0).all(), "the generator wants them to rise"


# Penalties, with discriminators whose gradients are known.


def quadratic(x: torch.Tensor) -> torch.Tensor:
    """D(x) = |x|^2, so that grad D(x) = 2 x."""
    return x.square().sum((1, 2, 3))


def test_r1_of_a_quadratic_discriminator():
    x = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    expected = np.mean([np.sum((2 * picture.numpy()) ** 2) for picture in x]) / 2
    assert r1_penalty(quadratic, x).item() == pytest.approx(expected, rel=1e-5)


def test_r1_of_patches_sums_over_them_as_finite_differences_do():
    torch.manual_seed(0)
    conv = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Tanh(), torch.nn.Conv2d(2, 1, 2)).double()
    x = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    total, step = 0.0, 1e-5
    for index in np.ndindex(*x.shape):
        up, down = x.clone(), x.clone()
        up[index] += step
        down[index] -= step
        with torch.no_grad():
            total += ((conv(up).sum() - conv(down).sum()) / (2 * step)).item() ** 2
    assert r1_penalty(conv, x).item() == pytest.approx(total / 2 / 2, rel=1e-6)


def test_r1_reaches_the_weights_and_leaves_the_pictures_alone():
    scale = torch.tensor(1.5, requires_grad=True)
    x = torch.randn(2, 1, 4, 4)
    r1_penalty(lambda pictures: scale * quadratic(pictures), x).backward()
    # Half the mean of |2 s x|^2, by s: 4 s times the mean of |x|^2.
    assert scale.grad.item() == pytest.approx(4 * 1.5 * x.square().sum((1, 2, 3)).mean().item(), rel=1e-5)
    assert not x.requires_grad


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_discriminator(slope):
    direction = torch.randn(3, 4, 4)
    direction *= slope / direction.norm()
    real, fake, between = torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4), torch.rand(5, 1, 1, 1)
    penalty = gradient_penalty(lambda x: (x * direction).sum((1, 2, 3)), real, fake, between)
    assert penalty.item() == pytest.approx((slope - 1) ** 2, abs=1e-5)


def test_gradient_penalty_stands_between_real_and_generated():
    real, fake = torch.full((2, 1, 2, 2), 1.0), torch.full((2, 1, 2, 2), 3.0)
    between = torch.tensor([0.25, 1.0])[:, None, None, None]
    # x^ is 2.5 and 1, |grad| = 2 |x^| = 2 * 2.5 * sqrt(4 px) and 2 * 1 * 2.
    expected = ((10 - 1) ** 2 + (4 - 1) ** 2) / 2
    assert gradient_penalty(quadratic, real, fake, between).item() == pytest.approx(expected)


def test_gradient_penalty_of_a_flat_discriminator_does_not_poison_the_weights():
    """The root of a sum of squares has no derivative at 0: one dead discriminator made every weight NaN."""
    weight = torch.zeros(1, requires_grad=True)
    x = torch.ones(2, 1, 2, 2)
    penalty = gradient_penalty(lambda pictures: weight * pictures.sum((1, 2, 3)), x, x, torch.ones(2, 1, 1, 1))
    penalty.backward()
    assert penalty.item() == 1
    assert weight.grad.isfinite().all()


def test_clipping_in_place():
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-5.0, -0.01, 0.0], [0.01, 0.02, 5.0]]))
    stored = layer.weight.data_ptr()
    clip_weights(layer.parameters(), 0.01)
    torch.testing.assert_close(layer.weight.data, torch.tensor([[-0.01, -0.01, 0.0], [0.01, 0.01, 0.01]]))
    assert layer.weight.data_ptr() == stored
    assert layer.bias.abs().max() <= 0.01


def test_cycle_and_identity_are_mean_absolute_errors():
    a, b = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(cycle_consistency(a, b), l1_loss(a, b))
    torch.testing.assert_close(identity(a, b), torch.from_numpy(np.abs((a - b).numpy())).mean())
