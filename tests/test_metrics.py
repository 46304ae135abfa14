"""Measures against formulas of their own."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_core.metrics import checkerboard, pairwise_distance, picture_distance


def test_pairwise_distance_is_the_mean_over_all_pairs() -> None:
    x = torch.randn(5, 3, 4, 4)
    pairs = [(a - b).square().mean().sqrt() for a, b in itertools.combinations(x, 2)]
    assert pairwise_distance(x) == pytest.approx(float(sum(pairs) / len(pairs)), rel=1e-5)


def test_pairwise_distance_of_a_collapsed_model_is_zero() -> None:
    assert pairwise_distance(torch.randn(1, 3, 8, 8).expand(6, -1, -1, -1)) == pytest.approx(0, abs=1e-7)


def test_checkerboard_is_one_for_a_checkerboard_and_small_for_what_is_smooth() -> None:
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    board = ((rows + columns) % 2 * 2.0 - 1)[None, None]
    assert checkerboard(board) == pytest.approx(1, rel=0.01)
    wave = torch.sin(rows / 5.0)[None, None]
    assert checkerboard(wave) < 1e-4
    assert checkerboard(torch.zeros(1, 1, 8, 8)) == 0


def by_hand(a: Tensor, b: Tensor) -> float:
    """picture_distance of two pictures (C, H, W), in NumPy and by reshaping instead of pooling."""
    d = (a.numpy().astype(np.float64) - b.numpy()) / 2
    energies = []
    while True:
        energies.append(sum(np.mean(part**2) for part in (d, np.diff(d, axis=1), np.diff(d, axis=2))))
        if min(d.shape[1:]) // 2 < 4:
            return float(np.sqrt(np.mean(energies)))
        channels, height, width = d.shape
        d = d.reshape(channels, height // 2, 2, width // 2, 2).mean((2, 4))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 16, 64), (4, 8, 8), (1, 4, 4)])
def test_picture_distance_is_its_formula(shape: tuple[int, ...]) -> None:
    a, b = torch.rand(2, 5, *shape) * 2 - 1
    assert picture_distance(a, b).tolist() == pytest.approx(
        [by_hand(x, y) for x, y in zip(a, b, strict=True)], rel=1e-4
    )


def test_picture_distance_of_flat_pictures_is_that_of_their_colours() -> None:
    white = torch.ones(1, 3, 16, 16)
    assert float(picture_distance(white, -white)) == pytest.approx(1, rel=1e-5)
    assert float(picture_distance(white, 0.5 * white)) == pytest.approx(0.25, rel=1e-5)


def test_picture_distance_is_a_metric() -> None:
    a, b, c = torch.rand(3, 4, 3, 16, 16) * 2 - 1
    assert picture_distance(a, a).tolist() == [0] * 4
    assert torch.equal(picture_distance(a, b), picture_distance(b, a))
    assert bool((picture_distance(a, c) <= picture_distance(a, b) + picture_distance(b, c)).all())


def test_picture_distance_forgives_a_small_shift_more_than_pixels_do() -> None:
    """The coarse scales: a form that moved by one pixel is nearer than another form."""
    near, far, form = (torch.full((1, 1, 32, 32), -1.0) for _ in range(3))
    form[..., 8:16, 8:16] = near[..., 8:16, 9:17] = far[..., 18:26, 18:26] = 1
    assert float(picture_distance(form, near)) < 0.5 * float(picture_distance(form, far))


def test_picture_distance_has_a_gradient_everywhere() -> None:
    a, b = (torch.rand(2, 1, 3, 8, 8, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert torch.autograd.gradcheck(picture_distance, (a, b))
    same = a.detach().float().requires_grad_()
    (gradient,) = torch.autograd.grad(picture_distance(same, same.detach()).sum(), same)
    assert bool(gradient.isfinite().all())
