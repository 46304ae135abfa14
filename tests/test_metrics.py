"""Measures against formulas of their own."""

import itertools

import pytest
import torch

from gan_core.metrics import checkerboard, pairwise_distance


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
