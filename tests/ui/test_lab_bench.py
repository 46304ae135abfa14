"""The bench as the page asks for it: sessions of visitors, bounded; nonsense is answered with a sentence."""

import base64
import io
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import RunConfig, TrainConfig
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from gan_core.ui.lab import bench as module
from gan_core.ui.lab.bench import LOOKS, SESSIONS, Bench
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from tests.training.tiny import config


@pytest.fixture
def ask(services: Services):
    """A function that asks as the page does; what comes back has gone through JSON."""
    bench = Bench(services)

    def asked(name: str, **request):
        answer = served(getattr(bench, name), LOOKS[name])(request)
        return json.loads(json.dumps(answer, allow_nan=False))

    asked.bench = bench
    return asked


@pytest.fixture
def make_run(services: Services):
    def made(family: str, steps: int = 2) -> str:
        run_config = config(family, steps)
        run = RunFolder(services.settings.runs_dir / f"00000-{family}-shapes")
        run.create(run_config)
        if steps > 1:
            list(train(run_config, run))
        return run.id

    return made


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def row(answer: dict, name: str) -> dict:
    return next(one for one in answer["rows"] if one["id"] == name)


def loss(answer: dict, name: str) -> dict:
    return next(one for one in answer["losses"] if one["id"] == name)


def test_without_a_run_small_networks_learn_shapes(ask) -> None:
    opened = ask("bench_open")
    assert opened["ok"]
    assert "No run is chosen" in opened["about"]
    assert [one["id"] for one in opened["rows"]] == ["real", "fake"]
    for one in opened["rows"]:
        assert picture(one["pictures"]).shape == (32, 8 * 32, 3)
        assert picture(one["looks"]).shape == (32, 8 * 32, 3)
        assert all(0 <= score <= 1 for score in one["scores"])
        assert one["scores_before"] is None
    assert opened["newest"] is None
    assert not opened["undo"]


def test_steps_change_what_they_should_and_are_undone(ask) -> None:
    opened = ask("bench_open")
    session = opened["session"]
    d = ask("bench_step", session=session, kind="d")
    assert d["steps"] == {"d": 1, "g": 0}
    assert row(d, "fake")["pictures"] == row(opened, "fake")["pictures"]
    assert row(d, "fake")["before"] is None
    assert row(d, "fake")["scores_before"] == row(opened, "fake")["scores"] != row(d, "fake")["scores"]
    assert row(d, "fake")["changed"]["what"] == "looks"
    assert loss(d, "loss_d")["before"] == loss(opened, "loss_d")["after"] > loss(d, "loss_d")["after"]
    assert {layer["network"] for layer in d["layers"]} == {"D"}
    g = ask("bench_step", session=session, kind="g", count=1)
    assert row(g, "fake")["before"] == row(d, "fake")["pictures"] != row(g, "fake")["pictures"]
    assert row(g, "fake")["changed"]["what"] == "pictures"
    assert row(g, "fake")["asks"]["factor"] > 0
    assert row(g, "real")["asks"] is None
    undone = ask("bench_undo", session=session)
    assert undone["rows"][1]["pictures"] == row(d, "fake")["pictures"]
    assert undone["rows"][1]["scores"] == row(d, "fake")["scores"]
    ten = ask("bench_step", session=session, kind="both", count=10)
    assert ten["steps"] == {"d": 11, "g": 10}
    reset = ask("bench_reset", session=session)
    assert reset["steps"] == {"d": 0, "g": 0}
    assert reset["rows"] == opened["rows"]
    assert not ask("bench_undo", session=session)["ok"]
    other = ask("bench_step", session=session, new_batch=True)
    assert row(other, "real")["pictures"] != row(opened, "real")["pictures"]
    assert other["steps"] == {"d": 0, "g": 0}


@pytest.mark.parametrize("family", ["dcgan", "cyclegan"])
def test_a_run_is_opened_and_not_written_to(ask, make_run, services: Services, family: str) -> None:
    run = make_run(family)
    folder = services.run(run).path
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    opened = ask("bench_open", run=run)
    assert f"Copies of {run} as of step 2" in opened["about"]
    assert opened["newest"] == opened["step"] == 2
    done = ask("bench_step", session=opened["session"], kind="both", count=2)
    assert done["steps"] == {"d": 2, "g": 2}
    if family == "cyclegan":
        assert [one["id"] for one in done["rows"]] == ["a", "ab", "aba", "b", "ba", "bab"]
        assert row(done, "ab")["looks"]
        assert "there and back" in loss(done, "loss_cycle_a")["title"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_run_without_a_state_begins_with_new_networks(ask, make_run, services: Services) -> None:
    run = make_run("dcgan", 1)
    services.run(run).write_about(title="My shapes")
    opened = ask("bench_open", run=run)
    assert opened["about"].startswith("My shapes has saved no state yet")
    assert opened["newest"] is None


def test_data_that_is_gone_is_told_and_shapes_are_there_instead(ask, services: Services) -> None:
    run = RunFolder(services.settings.runs_dir / "00003-dcgan-gone")
    run.create(RunConfig(family="dcgan", train=TrainConfig(data="/gone", size=32), network={}, recipe={}))
    refused = ask("bench_open", run=run.id)
    assert not refused["ok"]
    assert "is not on this computer" in refused["error"]
    assert ask("bench_open")["ok"]


NONSENSE = [None, 3, -1, 1.5, "x", "../..", "", [], {}, True, float("inf"), "\x00", 10**30, ["d"], {"a": 1}]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_nonsense_is_answered_with_a_sentence(ask, value) -> None:
    opened = ask("bench_open")
    requests = [
        ("bench_step", {"session": value, "kind": "d"}),
        ("bench_undo", {"session": value}),
        ("bench_reset", {"session": value}),
        ("bench_step", {"session": opened["session"], "kind": value}),
    ]
    if value not in (None, ""):
        requests.append(("bench_open", {"run": value}))
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        requests.append(("bench_open", {"step": value}))
    if value is not None and not (value == 3 and not isinstance(value, bool)):
        requests.append(("bench_step", {"session": opened["session"], "kind": "d", "count": value}))
    for name, request in requests:
        answer = ask(name, **request)
        assert not answer["ok"], (name, request)
        assert answer["error"].endswith(".")
        assert "went wrong" not in answer["error"]
    assert ask("bench_stop", session=value)["ok"]
    assert ask("bench_step", session=opened["session"], kind="d")["steps"] == {"d": 1, "g": 0}


def test_only_the_last_visitors_are_kept(ask) -> None:
    opened = [ask("bench_open")["session"] for _ in range(SESSIONS)]
    assert ask("bench_step", session=opened[0], kind="d")["ok"]  # Used: the second is now the oldest.
    newest = ask("bench_open")["session"]
    assert len({*opened, newest}) == SESSIONS + 1
    gone = ask("bench_step", session=opened[1], kind="d")
    assert not gone["ok"]
    assert gone["gone"]
    assert "Begin again" in gone["error"]
    assert ask("bench_step", session=opened[0], kind="g")["steps"] == {"d": 1, "g": 1}


def test_what_nobody_uses_is_dropped(services: Services) -> None:
    now = [0.0]
    bench = Bench(services, clock=lambda: now[0])
    session = bench.bench_open()["session"]
    now[0] = module.IDLE_S - 1
    assert "steps" in bench.bench_step(session, "d")
    now[0] += module.IDLE_S - 1
    assert "steps" in bench.bench_step(session, "d")
    now[0] += module.IDLE_S + 1
    assert bench.bench_step(session, "d")["gone"]


def test_networks_together_stay_within_the_memory(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(services)
    first = bench.bench_open()["session"]
    monkeypatch.setattr(module, "ALL_BYTES", 1.5 * bench._sessions[first].size_bytes())
    second = bench.bench_open()["session"]
    assert list(bench._sessions) == [second]


def test_networks_that_are_too_large_are_refused(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 1e5)
    answer = ask("bench_open")
    assert not answer["ok"]
    assert "Nothing was opened" in answer["error"]


def test_steps_of_many_visitors_are_taken_one_after_the_other(services: Services) -> None:
    """As many as may wait are served; whoever comes then is told to try again."""
    bench = Bench(services)
    session = bench.bench_open()["session"]
    hold, answers = threading.Event(), []
    bench._hand.submit(hold.wait)
    step = served(bench.bench_step, LOOKS["bench_step"])

    def visit() -> None:
        answers.append(step({"session": session, "kind": "d"}))

    threads = [threading.Thread(target=visit) for _ in range(module.WAITING + 1)]
    for thread in threads:
        thread.start()
    while not any(answer["ok"] is False for answer in answers):
        pass
    hold.set()
    for thread in threads:
        thread.join()
    assert [answer["ok"] for answer in answers].count(True) == module.WAITING
    refused = next(answer for answer in answers if not answer["ok"])
    assert "Try again in a few seconds" in refused["error"]
    assert bench.bench_reset(session)["steps"] == {"d": 0, "g": 0}


def test_several_steps_end_when_they_take_too_long_or_are_stopped(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAKES_S", -1.0)
    session = ask("bench_open")["session"]
    done = ask("bench_step", session=session, kind="d", count=10)
    assert done["steps"] == {"d": 1, "g": 0}
    assert done["told"].startswith("Stopped after 1 of 10 steps.")


def test_the_threads_of_others_stay_as_they_are(services: Services) -> None:
    torch.set_num_threads(2)
    bench = Bench(services)
    assert bench._hand.submit(torch.get_num_threads).result() <= 2
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert (torch.get_num_threads(), seen) == (2, [2])


def test_numbers_that_are_not_finite_reach_the_page_as_null(ask) -> None:
    session = ask("bench_open")["session"]
    networks = ask.bench._sessions[session].networks
    with torch.no_grad():
        networks.game.training.discriminator.main[0].weight.fill_(float("nan"))
    networks._view = None
    done = ask("bench_step", session=session, kind="g")
    assert done["ok"]
    assert row(done, "fake")["scores"] == [None] * 8
    assert "no longer finite" in done["told"]


def test_watching_visitors_may_use_it() -> None:
    assert module.CHANGES == {}
    assert Path(module.__file__).read_text().count("write_") == 0
