"""Measures against formulas of their own."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_core.metrics import checkerboard, pairwise_distance, picture_distance, seam, structural_similarity


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


def similarity_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two grey pictures of 0 to 255, window by window, with weighted moments (Wang, 2004)."""
    distance = np.arange(11) - 5
    row = np.exp(-(distance**2) / (2 * 1.5**2))
    window = np.outer(row, row) / row.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for top in range(a.shape[0] - 10):
        for left in range(a.shape[1] - 10):
            x, y = a[top : top + 11, left : left + 11], b[top : top + 11, left : left + 11]
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            both = (window * (x - mx) * (y - my)).sum()
            found.append((2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(found))


def test_structural_similarity_is_its_formula() -> None:
    a = np.random.default_rng(0).uniform(0, 255, (24, 20))
    b = np.clip(a + np.random.default_rng(1).normal(0, 40, a.shape), 0, 255)
    x, y = (torch.from_numpy(picture / 127.5 - 1)[None, None] for picture in (a, b))
    assert float(structural_similarity(x, y)) == pytest.approx(similarity_by_hand(a, b), abs=1e-9)


def test_structural_similarity_of_equal_and_of_opposite_pictures() -> None:
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert structural_similarity(x, x).tolist() == pytest.approx([1, 1])
    assert structural_similarity(x, -x).max() < 0
    assert structural_similarity(x[..., :1, :1], x[..., :1, :1]).tolist() == pytest.approx([1, 1])


def test_seam_sees_a_line_of_steps_and_nothing_in_what_lies_evenly() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 64, 48)
    grain = picture + 0.01 * torch.randn_like(picture)
    tones = grain + 0.05 * (torch.arange(64) // 16 % 2)[:, None]
    assert seam(picture, picture, 16) == 1
    assert seam(grain, picture, 16) == pytest.approx(1, abs=0.3)
    assert seam(tones, picture, 16) > 4
    assert seam(tones, picture, 24) < 4
