"""The loss curve: few points, no lost spike, round numbers at the axes."""

import re

import pytest

from gan_core.ui.curves import decimate, plot, ticks, words


def test_few_points_are_left_as_they_are():
    points = [(float(step), 1.0) for step in range(200)]
    assert decimate(points) == points


def test_many_points_become_few_and_keep_extremes_and_ends():
    points = [(float(step), 0.5) for step in range(5000)]
    points[1234] = (1234.0, 9.0)
    points[4000] = (4000.0, -3.0)
    kept = decimate(points)
    assert len(kept) <= 200
    assert {(1234.0, 9.0), (4000.0, -3.0), points[0], points[-1]} <= set(kept)
    assert kept == sorted(kept)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 7.3), (-2, 2), (0, 40_000), (0, 0.003)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)


def test_a_line_for_each_loss_and_no_other_metric():
    html = plot([{"step": 10, "loss_g": 1.0, "loss_d_a": 0.5, "images_per_s": 900}, {"step": 20, "loss_g": 2.0}], 100)
    assert html.count("<polyline") == 2
    assert "Loss G" in html
    assert "Loss D a" in html
    assert "images" not in html
    points = re.search(r'points="([^"]+)"', html).group(1)
    assert points == "500.0,500.0 1000.0,0.0"


def test_no_two_of_twelve_losses_look_alike():
    html = plot([{"step": 10, **{f"loss_{letter}": 1.0 for letter in "abcdefghijkl"}}], 100)
    assert len(set(re.findall(r'<polyline class="([^"]+)"', html))) == 12
    assert len(set(re.findall(r'<i class="([^"]+)"', html))) == 12


def test_without_lines_the_plot_says_so():
    assert "appear" in plot([], 100)


def test_names_are_words():
    assert words("loss_cycle") == "Loss cycle"
    assert words("loss_G_L1") == "Loss G L1"  # Out of another project's log.
