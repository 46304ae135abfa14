"""Curves in memory: read once and then on, in order; many points keep their extremes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from gan_core.training.curves import Curves, thinned
from gan_core.training.smoothing import smoothed


def append(path: Path, *lines: dict) -> None:
    with path.open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def test_it_reads_what_was_appended(tmp_path: Path) -> None:
    record = Curves(tmp_path)
    assert record.update() == 0
    assert record.names() == []
    append(tmp_path / "metrics.jsonl", {"step": 20, "loss_g": 1.5}, {"step": 40, "loss_g": 1.25, "loss_d": 2})
    append(tmp_path / "quality.jsonl", {"step": 50, "variety": 0.5})
    assert record.update() == 50
    assert sorted(record.names()) == ["loss_d", "loss_g", "variety"]
    append(tmp_path / "metrics.jsonl", {"step": 60, "loss_g": 1.0})
    assert record.update() == 60
    steps, values = record.curve("loss_g")
    assert steps.tolist() == [20, 40, 60]
    assert values.tolist() == [1.5, 1.25, 1.0]
    assert record.curve("loss_d").steps.tolist() == [40]
    assert record.curve("variety").values.tolist() == [0.5]
    assert record.curve("loss_g", first=30, last=50).steps.tolist() == [40]
    assert len(record.curve("nothing").steps) == 0


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    record = Curves(tmp_path)
    append(path, {"step": 1, "loss_g": 1.0})
    with path.open("a") as file:
        file.write('{"step": 2, "los')
    assert record.update() == 1
    with path.open("a") as file:
        file.write('s_g": 2.0}\n')
    assert record.update() == 2
    assert record.curve("loss_g").values.tolist() == [1.0, 2.0]


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "loss_g": 1}\n{"step": 2, "lo\n\n[]\n7\n{"loss_g": 3}\n{"step": "x"}\n{"step": 3, "loss_g": "a"}\n'
    )
    append(path, {"step": 4, "loss_g": 4})
    record = Curves(tmp_path)
    assert record.update() == 4
    assert record.curve("loss_g").steps.tolist() == [1, 4]


def test_a_resumed_run_writes_the_last_steps_again(tmp_path: Path) -> None:
    path, record = tmp_path / "metrics.jsonl", Curves(tmp_path)
    append(path, *({"step": step, "loss_g": float(step)} for step in (10, 20, 30, 40)))
    assert record.update() == 40
    append(path, {"step": 30, "loss_g": 3.5})
    assert record.update() == 30
    assert record.curve("loss_g").values.tolist() == [10, 20, 3.5]


def test_another_folder_in_its_place_is_read_anew(tmp_path: Path) -> None:
    path, record = tmp_path / "metrics.jsonl", Curves(tmp_path)
    append(path, *({"step": step, "loss_g": 1.0} for step in range(1, 50)))
    record.update()
    other = tmp_path / "other"
    append(other, *({"step": step, "loss_d": 2.0} for step in range(1, 90)))
    os.replace(other, path)  # noqa: PTH105 as a move of folders would
    assert record.update() == 89
    assert record.names() == ["loss_d"]


def test_many_points_keep_ends_and_spikes() -> None:
    rng = np.random.default_rng(1)
    steps, values = np.arange(100_000) * 20, rng.normal(size=100_000)
    values[[40_123, 77_777]] = 50, -60
    few = thinned(steps, values, 800)
    assert len(few.steps) <= 800
    assert (np.diff(few.steps) > 0).all()
    assert (few.steps[0], few.steps[-1]) == (steps[0], steps[-1])
    assert {50.0, -60.0} <= set(few.values.tolist())
    assert few.values.max() == values.max()
    assert few.values[few.steps == 77_777 * 20].tolist() == [-60]


@pytest.mark.parametrize("points", [1, 2, 3, 5])
def test_very_few_points_are_still_a_curve(points: int) -> None:
    few = thinned(np.arange(1000), np.sin(np.arange(1000) / 50), points)
    assert 1 <= len(few.steps) <= max(points, 4)


def test_a_flat_curve_stays_short() -> None:
    assert len(thinned(np.arange(50_000), np.ones(50_000), 200).steps) <= 200


def plain(path: Path) -> dict[int, dict]:
    """What stands in the file, line by line; a later line counts."""
    return {line["step"]: line for line in map(json.loads, path.read_text().splitlines())}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"loss_g": None},
        {"loss_g": "a"},
        {"loss_g": True},
        {"loss_g": 1e-30},
        {"loss_g": -12},
        {"loss_1": 5.0, "loss_2": 6.0},
        {"other": 3},
    ],
    ids=str,
)
def test_equal_lines_are_read_at_once_and_odd_ones_alike(tmp_path: Path, odd: dict) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": step, "loss_g": step / 7, "lr_g": 2e-5, "images": step * 3} for step in range(1, 400)]
    lines[200] = {**lines[200], **odd}
    lines[300] = {name: lines[300][name] for name in ("images", "step", "lr_g", "loss_g")}
    append(path, *lines)
    record = Curves(tmp_path)
    record.update()
    for name in {name for line in lines for name in line} - {"step"}:
        steps, values = record.curve(name, points=1000)
        known = {step: line.get(name) for step, line in plain(path).items()}
        expected = {step: float(value) for step, value in known.items() if isinstance(value, int | float)}
        assert dict(zip(steps.tolist(), values.tolist(), strict=True)) == expected


def test_names_that_differ_in_digits_alone_are_not_mixed_up(tmp_path: Path) -> None:
    append(tmp_path / "metrics.jsonl", {"step": 1, "a1": 1.5, "a2": 2.5}, {"step": 2, "a2": 2.5, "a1": 1.5})
    record = Curves(tmp_path)
    record.update()
    assert record.curve("a1").values.tolist() == [1.5, 1.5]


def test_stretches_stay_where_they_are_while_a_curve_grows_and_moves(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=5000).round(6).tolist()
    append(tmp_path / "metrics.jsonl", *({"step": at + 1, "x": value} for at, value in enumerate(values[:4000])))
    record = Curves(tmp_path)
    record.update()
    before = record.reduced("x", points=400, weight=0.9)
    part = record.reduced("x", first=1000, last=3000, points=400)
    append(tmp_path / "metrics.jsonl", *({"step": at + 4001, "x": value} for at, value in enumerate(values[4000:])))
    record.update()
    after = record.reduced("x", points=400, weight=0.9)
    assert before.stretch == after.stretch == 32
    assert before.smooth is not None
    assert after.smooth is not None
    assert after.smooth.steps.tolist()[: len(before.smooth.steps)] == before.smooth.steps.tolist()
    assert after.smooth.values[: len(before.smooth.values)] == pytest.approx(before.smooth.values)
    inner = {step for step in after.line.steps.tolist() if step < 4000}
    assert inner <= set(before.line.steps.tolist())
    moved = record.reduced("x", first=1100, last=3100, points=400)
    both = [{s for s in one.line.steps.tolist() if 1200 < s < 2900} for one in (part, moved)]
    assert both[0] == both[1]


def test_what_was_appended_and_what_was_replaced_is_told(tmp_path: Path) -> None:
    path, record = tmp_path / "metrics.jsonl", Curves(tmp_path)
    append(path, *({"step": step, "loss_g": float(step)} for step in (10, 20, 30)))
    record.update()
    replaced, *counts = record.stamp()
    append(path, {"step": 40, "loss_g": 4.0}, {"step": 50})
    record.update()
    assert record.since("loss_g", counts).line.steps.tolist() == [40]
    assert record.stamp() == (replaced, 5, 0)
    append(path, {"step": 20, "loss_g": 2.5})
    record.update()
    assert record.stamp()[0] == replaced + 1
    assert record.last_step() == 20


def test_a_sample_of_a_long_file_holds_its_own_lines(tmp_path: Path) -> None:
    append(tmp_path / "metrics.jsonl", *({"step": step, "loss_g": step / 4} for step in range(1, 50_001)))
    sample = Curves.sampled(tmp_path, lines=300)
    steps, values = sample.curve("loss_g", points=1000)
    assert len(steps) == 300
    assert steps[0] == 1
    assert steps[-1] > 49_000
    assert (values == steps / 4).all()
    assert Curves.sampled(tmp_path / "none").names() == []


def plain_average(values: list[float], weight: float) -> list[float]:
    found, last = [], 0.0
    for number, value in enumerate(values, 1):
        last = weight * last + (1 - weight) * value
        found.append(last / (1 - weight**number))
    return found


@pytest.mark.parametrize("weight", [0.01, 0.6, 0.97, 0.999])
@pytest.mark.parametrize(("low", "stretch"), [(0, 1), (0, 64), (4000, 1), (2048, 32), (4096, 256)])
def test_averages_are_exact_wherever_they_are_asked_for(weight: float, low: int, stretch: int) -> None:
    values = np.random.default_rng(8).normal(2, 1, size=5003)
    places, averages = smoothed(values, weight, low, len(values), stretch)
    expected = plain_average(values.tolist(), weight)
    assert places.tolist() == sorted({*range(low + stretch - 1, 5003, stretch), 5002})
    assert averages == pytest.approx([expected[at] for at in places], abs=1e-6)


def test_averages_of_a_name_with_gaps_go_over_what_is_there(tmp_path: Path) -> None:
    path, record = tmp_path / "metrics.jsonl", Curves(tmp_path)
    values = np.random.default_rng(9).normal(size=400).round(6).tolist()
    append(path, *({"step": at + 1, **({} if at % 3 else {"x": value})} for at, value in enumerate(values[:300])))
    record.update()
    _, *counts = record.stamp()
    append(path, *({"step": at + 1, "x": value} for at, value in enumerate(values[300:], 300)))
    record.update()
    more = record.since("x", counts, 0.9)
    assert more.smooth is not None
    expected = plain_average([*values[:300:3], *values[300:]], 0.9)[100:]
    assert more.smooth.values == pytest.approx(expected)
    assert more.smooth.steps.tolist() == list(range(301, 401))
