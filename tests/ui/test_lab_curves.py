"""Curves for the page: whole once, then what was appended; few points with all peaks; the same for every visitor."""

import csv
import io
import json
import threading
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from gan_core.adopt.log import adopt_log
from gan_core.config import RunConfig, train_config
from gan_core.errors import ConfigError, RunError
from gan_core.training.curves import Curves
from gan_core.training.run_folder import RunFolder, create_run
from gan_core.ui.lab import watched
from gan_core.ui.lab.curves import RunCurves, csv_parts
from gan_core.ui.services import Services


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at anew on every question."""
    monkeypatch.setattr(watched, "READ_S", -1.0)


@pytest.fixture
def run(bare: Services) -> RunFolder:
    config = RunConfig(family="dcgan", train=train_config("dcgan", data="shapes", steps=9), network={}, recipe={})
    return create_run(bare.settings.runs_dir, config, "shapes")


def write(run: RunFolder, steps: range, **values: float) -> None:
    lines = [json.dumps({"step": step, "loss_g": step / 10, **values}) + "\n" for step in steps]
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write("".join(lines))


def ask(curves: RunCurves, run: str | None, names: list[str], have: str | None = None, **more: object) -> dict:
    answer = curves.curves([{"run": run, "names": names, "have": have, "points": 1000, **more}])["runs"][0]
    json.dumps(answer, allow_nan=False)
    return answer


def unpacked(series: list) -> tuple[list[int], list[float]]:
    steps, values = (np.frombuffer(b64decode(text), kind) for text, kind in zip(series, ("<u4", "<f4"), strict=False))
    return steps.tolist(), values.tolist()


def test_whole_then_nothing_then_what_was_appended(bare: Services, run: RunFolder) -> None:
    curves = RunCurves(bare)
    assert ask(curves, run.id, [])["names"] == []
    write(run, range(10, 40, 10), d_real=0.5)
    first = ask(curves, run.id, ["loss_g", "nothing"])
    assert first["whole"]
    assert first["names"] == ["loss_g", "d_real"]
    assert first["step"] == 30
    assert list(first["series"]) == ["loss_g"]
    assert unpacked(first["series"]["loss_g"]) == ([10, 20, 30], [1.0, 2.0, 3.0])
    assert ask(curves, run.id, ["loss_g"], first["stamp"]) is None
    write(run, range(40, 60, 10))
    run.append_quality({"step": 50, "variety": 0.25})
    more = ask(curves, run.id, ["loss_g", "variety"], first["stamp"])
    assert not more["whole"]
    assert unpacked(more["series"]["loss_g"]) == ([40, 50], [4.0, 5.0])
    assert unpacked(more["series"]["variety"]) == ([50], [0.25])
    assert "variety" in more["names"]


def test_a_resumed_run_and_another_server_send_everything_anew(bare: Services, run: RunFolder) -> None:
    curves = RunCurves(bare)
    write(run, range(10, 60, 10))
    stamp = ask(curves, run.id, ["loss_g"])["stamp"]
    assert ask(RunCurves(bare), run.id, ["loss_g"], stamp)["whole"]
    write(run, range(30, 70, 10), loss_d=1.0)
    again = ask(curves, run.id, ["loss_g"], stamp)
    assert again["whole"]
    assert unpacked(again["series"]["loss_g"])[0] == [10, 20, 30, 40, 50, 60]


def test_many_points_come_as_extremes_and_averages(bare: Services, run: RunFolder) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=30_000).round(6)
    values[12_345] = 99.5
    with (run.path / "metrics.jsonl").open("w") as file:
        file.write("".join(f'{{"step": {at + 1}, "loss_g": {value}}}\n' for at, value in enumerate(values.tolist())))
    curves = RunCurves(bare)
    series = ask(curves, run.id, ["loss_g"], smooth=["loss_g"], weight=0.9)["series"]["loss_g"]
    steps, drawn = unpacked(series)
    assert len(steps) <= 1000
    assert steps[0] == 1
    assert steps[-1] == 30_000
    assert drawn[steps.index(12_346)] == 99.5
    stretch = series[2]
    ends, averages = unpacked(series[3:])
    expected, plain = by_hand(values, 0.9), ask(curves, run.id, ["loss_g"])["series"]["loss_g"]
    assert ends == [*range(stretch, 30_001, stretch), 30_000]
    assert averages == pytest.approx([expected[step - 1] for step in ends], abs=1e-5)
    assert len(plain) == 3  # Nothing was asked to be smoothed.

    part = ask(curves, run.id, ["loss_g"], first=12_000, last=12_400)["series"]["loss_g"]
    steps, drawn = unpacked(part)
    assert part[2] == 1
    assert steps == list(range(11_999, 12_402))  # One beyond each end, so that the line reaches the edges.
    assert drawn == pytest.approx(values[11_998:12_401], abs=1e-5)


def by_hand(values: np.ndarray, weight: float) -> list[float]:
    """TensorBoard's average, point by point."""
    found, last = [], 0.0
    for number, value in enumerate(values.tolist(), 1):
        last = weight * last + (1 - weight) * value
        found.append(last / (1 - weight**number))
    return found


def test_smoothing_is_the_same_at_any_length_and_zoom(bare: Services, run: RunFolder) -> None:
    """The page once averaged what it had, stretches of many lines as one: 0.60 was another curve in a longer run."""
    rng = np.random.default_rng(5)
    values = (1.5 + rng.normal(scale=0.4, size=40_000)).round(6)

    def append(low: int, high: int) -> None:
        with (run.path / "metrics.jsonl").open("a") as file:
            file.write("".join(f'{{"step": {at + 1}, "loss_g": {values[at]}}}\n' for at in range(low, high)))

    def smooth(**more: object) -> tuple[dict[int, float], dict]:
        answer = ask(curves, run.id, ["loss_g"], smooth=["loss_g"], weight=0.6, **more)
        return dict(zip(*unpacked(answer["series"]["loss_g"][3:]), strict=True)), answer

    curves = RunCurves(bare)
    append(0, 900)
    short, answer = smooth()
    assert len(short) == 900
    append(900, 1000)
    added, more = smooth(have=answer["stamp"])
    assert not more["whole"]
    assert list(added) == list(range(901, 1001))
    append(1000, 40_000)
    whole, _ = smooth()
    part, _ = smooth(first=100, last=900)
    assert {128, 256, 512} <= set(whole)
    for known in (added, whole, part):
        for step in known.keys() & short.keys():
            assert known[step] == pytest.approx(short[step], rel=0.01)
    assert all(value == pytest.approx(by_hand(values[:1000], 0.6)[step - 1], rel=1e-5) for step, value in added.items())


def test_domains_are_told_by_their_names(bare: Services) -> None:
    train = train_config("cyclegan", data="shapes", steps=9, domain_a="circle", domain_b="square")
    folder = create_run(
        bare.settings.runs_dir, RunConfig(family="cyclegan", train=train, network={}, recipe={}), "named"
    )
    write(folder, range(1, 3))
    assert ask(RunCurves(bare), folder.id, [])["domains"] == {"a": "circle", "b": "square"}


def test_long_files_are_shown_from_a_sample_until_they_are_read(
    bare: Services, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run, range(1, 120_001), d_real=0.123456789)
    gate, update = threading.Event(), Curves.update
    monkeypatch.setattr(Curves, "update", lambda self: (gate.wait(60), update(self))[1])
    monkeypatch.setattr(watched, "FIRST_S", 0.01)
    curves = RunCurves(bare)
    answer = ask(curves, run.id, ["loss_g"])
    assert answer["reading"] == 0
    steps, values = unpacked(answer["series"]["loss_g"])
    assert 200 < len(steps) <= 1000
    assert steps[0] == 1
    assert steps[-1] > 119_000
    assert values == pytest.approx([step / 10 for step in steps])
    assert ask(curves, run.id, ["loss_g"], answer["stamp"]) == {"reading": 0.0}
    gate.set()
    one = curves.watched(run.id)
    assert one._reader is not None
    one._reader.join(60)
    full = ask(curves, run.id, ["loss_g"], answer["stamp"])
    assert full["whole"]
    assert full["reading"] is None
    assert full["step"] == 120_000


def test_runs_are_found_by_their_names_alone(bare: Services, run: RunFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "metrics.jsonl").write_text('{"step": 1, "secret": 1}\n')
    curves = RunCurves(bare)
    for name in ("../outside", str(outside), f"{run.id}/../../outside", "", None):
        assert "error" in ask(curves, name, ["secret"])
    with pytest.raises(RunError):
        curves.save_curves("../outside")


def test_one_run_that_is_gone_does_not_hide_the_others(bare: Services, run: RunFolder) -> None:
    write(run, range(1, 5))
    asks = [{"run": name, "names": ["loss_g"], "points": 100} for name in (run.id, "00099-gone")]
    here, gone = RunCurves(bare).curves(asks)["runs"]
    assert here["step"] == 4
    assert "00099-gone" in gone["error"]


@pytest.mark.parametrize(
    "asks",
    [
        None,
        {},
        [{}] * 17,
        [{"run": "x", "names": None}],
        [{"run": "x", "names": ["a"] * 65}],
        [{"names": [7]}],
        ["x"],
        [{"names": [], "smooth": 7}],
    ],
)
def test_odd_questions_are_answered_with_a_sentence(bare: Services, asks: object) -> None:
    with pytest.raises(ConfigError, match=r"Nothing was drawn\."):
        RunCurves(bare).curves(asks)


@pytest.mark.parametrize(
    "odd",
    [
        {"have": "x.all.y"},
        {"have": 7},
        {"have": "..all.."},
        {"first": "x", "last": float("inf")},
        {"first": -5, "last": -7, "points": 10**9},
        {"first": float("nan"), "points": True},
        {"first": 9, "last": 2},
        {"smooth": ["loss_g", "nothing"], "weight": 10**400},
        {"smooth": ["loss_g"], "weight": "x"},
        {"smooth": ["loss_g"], "weight": -1},
    ],
)
def test_odd_parts_of_a_question_do_no_harm(bare: Services, run: RunFolder, odd: dict) -> None:
    write(run, range(1, 9))
    curves = RunCurves(bare)
    stamp = ask(curves, run.id, ["loss_g"])["stamp"]
    if str(odd.get("have", "")).startswith("."):
        odd = {"have": stamp.rpartition(".all.")[0] + ".all.999999999999999999999.1.1"}
    assert ask(curves, run.id, ["loss_g"], **odd)["whole"]


def test_many_visitors_share_one_reading(bare: Services, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write(run, range(1, 5000))
    made = []
    monkeypatch.setattr(watched, "Curves", lambda folder: made.append(folder) or Curves(folder))
    curves, answers = RunCurves(bare), []

    def visit() -> None:
        answers.append(ask(curves, run.id, ["loss_g"]))

    visitors = [threading.Thread(target=visit) for _ in range(12)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(answers) == 12
    assert all(answer == answers[0] for answer in answers)
    assert len(curves._watched) == 1


def test_runs_asked_for_long_ago_are_forgotten(bare: Services, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.ui.lab.curves.KEPT_RUNS", 2)
    curves = RunCurves(bare)
    others = [create_run(bare.settings.runs_dir, run.config(), f"other-{number}") for number in range(3)]
    for one in (run, *others):
        ask(curves, one.id, [])
    assert list(curves._watched) == [one.id for one in others[1:]]


def test_logs_of_other_projects_are_curves_too(bare: Services, tmp_path: Path) -> None:
    log = tmp_path / "loss_log.txt"
    log.write_text(
        "================ Training Loss (Mon) ================\n"
        + "".join(
            f"(epoch: 1, iters: {at}, time: 0.3, data: 0.0) D_A: 0.2 G_A: 0.{at} cycle_A: 1.5 D_B: 0.1 G_B: 0.3 \n"
            for at in range(100, 900, 100)
        )
    )
    run = adopt_log(log, bare.settings.runs_dir)
    answer = ask(RunCurves(bare), run.id, ["loss_g_ab"])
    assert {"loss_g_ab", "loss_d_b", "loss_cycle_A"} <= set(answer["names"])
    assert len(unpacked(answer["series"]["loss_g_ab"])[0]) == 8


def test_the_file_holds_everything_recorded(bare: Services, run: RunFolder) -> None:
    write(run, range(1, 50_001), loss_d=0.000012)
    run.append_quality({"step": 25_000, "variety": 0.5})
    run.append_quality({"step": 50_007, "variety": 0.75})
    curves = RunCurves(bare)
    progress = curves.save_curves(run.id)
    job = progress["job"]
    while (progress := curves.poll_curves(job))["state"] in ("waiting", "running"):
        pass
    assert progress["state"] == "done", progress["error"]
    path = Path(progress["path"])
    assert path.name == f"{run.id}.csv"
    assert progress["bytes"] == path.stat().st_size
    rows = list(csv.DictReader(path.open(newline="")))
    assert len(rows) == 50_001
    assert list(rows[0]) == ["step", "loss_g", "loss_d", "variety"]
    assert float(rows[0].pop("loss_d")) == 0.000012
    assert rows[0] == {"step": "1", "loss_g": "0.1", "variety": ""}
    assert rows[24_999]["variety"] == "0.5"
    assert rows[-1] == {"step": "50007", "loss_g": "", "loss_d": "", "variety": "0.75"}
    assert [float(row["loss_g"]) for row in rows[:-1]] == [step / 10 for step in range(1, 50_001)]


def test_odd_names_do_no_harm_in_a_spreadsheet(tmp_path: Path) -> None:
    line = {"step": 1, "=1+1": 2, 'a"b,c': 3, "loss_g": -0.5}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    record = Curves(tmp_path)
    record.update()
    text = b"".join(content for content, _ in csv_parts(record)).decode()
    head, row = csv.reader(io.StringIO(text))
    assert head == ["step", "'=1+1", 'a"b,c', "loss_g"]
    assert row == ["1", "2", "3", "-0.5"]


def test_an_empty_run_gives_a_file_with_its_head_alone(tmp_path: Path) -> None:
    assert b"".join(content for content, _ in csv_parts(Curves(tmp_path))) == b"step\r\n"
