import numpy as np
import pytest
import torch

from gan_core.draws import Draws, Shard
from gan_core.training.augment import POLICIES, differentiable_augment


def pictures(batch: int = 6, channels: int = 3, height: int = 16, width: int = 24) -> torch.Tensor:
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def augment(x: torch.Tensor, *policy: str, step: int = 0) -> torch.Tensor:
    return differentiable_augment(x, policy, Draws(0, step), len(x))


@pytest.mark.parametrize("policy", [(), *((name,) for name in POLICIES), POLICIES])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes_and_gradients(policy, channels):
    x = pictures(channels=channels).requires_grad_()
    y = augment(x, *policy)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert torch.equal(y, x) == (not policy)
    y.square().sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad.abs().sum((1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", POLICIES)
def test_each_picture_has_its_own_change_that_depends_on_the_step_alone(name):
    x = pictures(1).expand(6, -1, -1, -1)
    first = augment(x, name)
    assert len({picture.numpy().tobytes() for picture in first}) > 3
    assert torch.equal(first, augment(x, name))
    assert not torch.equal(first, augment(x, name, step=1))


@pytest.mark.parametrize("policy", [*((name,) for name in POLICIES), POLICIES])
@pytest.mark.parametrize("world", [2, 4])
def test_shards_do_what_one_process_does(policy, world):
    x = pictures(8)
    whole = augment(x, *policy)
    parts = []
    for rank in range(world):
        shard = Shard(rank, world)
        parts.append(differentiable_augment(x[shard.part(8)], policy, Draws(0, 0, shard=shard), 8))
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-6)


def test_color_is_brightness_then_saturation_then_contrast():
    x = pictures()
    draws = Draws(0, 0)
    brightness = draws.uniform(6, 1, 1, 1).numpy() - 0.5
    saturation = draws.uniform(6, 1, 1, 1).numpy() * 2
    contrast = draws.uniform(6, 1, 1, 1).numpy() + 0.5
    for picture, ours, b, s, c in zip(
        x.numpy(), augment(x, "color").numpy(), brightness, saturation, contrast, strict=True
    ):
        expected = picture + b
        grey = expected.mean(0, keepdims=True)
        expected = grey + s * (expected - grey)
        expected = expected.mean() + c * (expected - expected.mean())
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_translation_moves_up_to_an_eighth_and_fills_with_grey():
    x = pictures(300) + 2  # Never zero, so that what comes in from outside is told.
    moves = set()
    for picture, ours in zip(x, augment(x, "translation"), strict=True):
        rows, columns = (torch.nonzero(ours.abs().sum((0, axis)) > 0).flatten() for axis in (2, 1))
        top, left = int(rows[0]), int(columns[0])
        down = top if top or len(rows) == 16 else len(rows) - 16
        right = left if left or len(columns) == 24 else len(columns) - 24
        moves.add((down, right))
        seen = picture[:, max(0, -down) : 16 - max(0, down), max(0, -right) : 24 - max(0, right)]
        assert torch.equal(ours[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], seen)
    assert {down for down, _ in moves} == set(range(-2, 3))
    assert {right for _, right in moves} == set(range(-3, 4))


def test_cutout_takes_one_square_of_half_the_side():
    x = pictures(400) + 2
    areas = []
    for picture, ours in zip(x, augment(x, "cutout"), strict=True):
        gone = (ours == 0).all(0)
        rows, columns = (torch.nonzero(gone.any(axis)).flatten() for axis in (1, 0))
        areas.append(int(gone.sum()))
        assert areas[-1] == len(rows) * len(columns), "a rectangle"
        assert torch.equal(ours[:, ~gone], picture[:, ~gone])
    assert max(areas) == 8 * 12
    assert min(areas) >= 4 * 6, "a quarter of it at least, in a corner"
