"""Curves in memory: read once and then on, in order; many points keep their extremes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from gan_core.training.curves import Curves, thinned


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
