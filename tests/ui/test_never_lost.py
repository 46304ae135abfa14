"""A run is never lost: applications that are killed, two of them on one runs folder, and folders that are damaged.

Real applications and real trainers, each in a process of its own; the applications are asked as their pages ask.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from gan_core.training.run_folder import OCCUPIES, RunFolder, list_runs
from tests.serving import App, serve
from tests.training.damage import DAMAGED, damage
from tests.training.test_never_lost import TRUE_WITHIN_S
from tests.training.tiny import config

START = ["dcgan", None, 16, 100_000, 2]
WAIT_S = 90.0
pytestmark = pytest.mark.slow


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "runs"
    folder.mkdir()
    (tmp_path / "models").mkdir()
    yield folder
    for run in list_runs(folder):  # Trainings outlive the application by design.
        pid = run.status().get("pid")
        if isinstance(pid, int) and pid > 1:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                if run.id in " ".join(process.cmdline()):
                    process.kill()


def open_app(runs: Path) -> Any:
    return serve(runs.parent / "apps", runs=runs, models=runs.parent / "models")


def rows(app: App) -> dict[str, dict[str, Any]]:
    """The list as a page that is opened now shows it."""
    listed = app.call("lab", "watch", {"run": None})["list"]
    return {row["id"]: row for row in listed["rows"]}


def look(app: App, run: str) -> dict[str, Any]:
    """One run, as that page shows it."""
    return app.call("lab", "watch", {"run": run})["look"]


def wait_for(what: Callable[[], Any], within_s: float = WAIT_S) -> float:
    """Seconds until it is so."""
    began_at = time.monotonic()
    while not what():
        assert time.monotonic() - began_at < within_s, "that did not come to be"
        time.sleep(0.1)
    return time.monotonic() - began_at


def state(app: App, run: str) -> str:
    return str(rows(app)[run]["state"])


def training(runs: Path) -> list[str]:
    """The runs that hold the device now."""
    found = [(run.id, run.status()) for run in list_runs(runs)]
    return [id for id, status in found if status["state"] in OCCUPIES and "pid" in status]  # Not before it has begun.


def begin(app: App) -> str:
    kind, told = app.api("start_training", START)
    assert kind == "complete", told
    return str(told[0])


def test_an_application_that_is_killed_takes_no_run_with_it(runs: Path) -> None:
    """kill -9 of the application while one run trains and one waits; then of the trainer."""
    with open_app(runs) as app:
        first, second = begin(app), begin(app)
        wait_for(lambda: state(app, first) == "running" and state(app, second) == "waiting")
        reached = RunFolder(runs / first).status()["step"]
        app.kill()
    wait_for(lambda: RunFolder(runs / first).status()["step"] > reached)
    with open_app(runs) as app:
        found = rows(app)
        assert (found[first]["state"], found[second]["state"]) == ("running", "waiting")
        assert found[second]["place"] == 1
        assert look(app, first)["run"]["step"] >= reached, "a visitor who comes now"
        looks = [look(app, first)["run"]["state"] for _ in range(2)]
        assert looks == ["running", "running"], "and another one see the same"

        os.kill(RunFolder(runs / first).status()["pid"], signal.SIGKILL)
        seconds = wait_for(lambda: state(app, first) == "interrupted", TRUE_WITHIN_S)
        assert seconds < TRUE_WITHIN_S
        assert look(app, first)["run"]["resumable"] is True
        wait_for(lambda: state(app, second) == "running")

        assert app.call("lab", "resume_run", {"run": first})["ok"], "it offers to resume: now that one waits"
        wait_for(lambda: state(app, first) == "waiting")
        assert app.call("lab", "stop_run", {"run": second})["ok"]
        wait_for(lambda: (state(app, second), state(app, first)) == ("stopped", "running"))
        assert app.call("lab", "stop_run", {"run": first})["ok"]
        wait_for(lambda: state(app, first) == "stopped")
    for run in (RunFolder(runs / first), RunFolder(runs / second)):
        steps = [line["step"] for line in run.metrics()]
        assert steps == sorted(set(steps))
        assert run.states()[-1][0] == run.status()["step"], "what was trained is saved"


def test_two_applications_on_one_folder_train_in_turn_and_say_the_same(runs: Path) -> None:
    with open_app(runs) as one, open_app(runs) as other, ThreadPoolExecutor(4) as hands:
        begun = [found.result() for found in [hands.submit(begin, app) for app in (one, other)]]
        assert len(set(begun)) == 2, "both started at once: two runs"
        together = []

        def settled() -> bool:
            together.append(training(runs))
            states = [sorted(row["state"] for row in rows(app).values()) for app in (one, other)]
            return states == [["running", "waiting"]] * 2

        wait_for(settled)
        (at_work,) = training(runs)
        (queued,) = set(begun) - {at_work}

        # Both write about the same runs, again and again.
        run = RunFolder(runs / queued)

        def write(app: App, text: str) -> None:
            for number in range(15):
                assert app.call("lab", "note_run", {"run": queued, "notes": f"{text} {number} " * 100})["ok"]
                assert app.call("lab", "set_run", {"run": at_work, "values": {"sample_steps": 100 + number}})["ok"]
                json.loads((run.path / "about.json").read_bytes())
                json.loads((runs / at_work / "control.json").read_bytes())

        for written in [hands.submit(write, app, text) for app, text in ((one, "ant"), (other, "bee"))]:
            written.result()
        notes = run.about()["notes"]
        assert notes in ("ant 14 " * 100, "bee 14 " * 100), "one of the two, whole"
        assert look(one, queued)["run"]["notes"] == notes

        # Both stop the one that trains; the other one then trains, and no moment saw two.
        asked = [hands.submit(app.call, "lab", "stop_run", {"run": at_work}) for app in (one, other)]
        answers = [answer.result() for answer in asked]
        assert any(answer["ok"] for answer in answers)
        wait_for(lambda: together.append(training(runs)) or RunFolder(runs / queued).status()["state"] == "running")
        assert RunFolder(runs / at_work).status()["state"] == "stopped"
        assert max(map(len, together)) == 1, together
        assert [state(app, queued) for app in (one, other)] == ["running", "running"]
        one.call("lab", "stop_run", {"run": queued})
        wait_for(lambda: state(other, queued) == "stopped")


def test_damaged_runs_hide_nothing(runs: Path) -> None:
    """Each is listed, and says what is wrong with it; a good one among them is shown as ever."""
    good = RunFolder(runs / "00000-dcgan-shapes")
    good.create(config("dcgan", 100))
    good.append_metrics({"step": 2, "loss_g": 1.0})
    good.write_status(state="stopped", step=2, total_steps=100, device="CPU")
    for number, what in enumerate(DAMAGED):
        damage(runs / f"{number + 1:05d}-dcgan-damaged", what)
    with open_app(runs) as app:
        found = rows(app)
        assert set(found) == {run.id for run in list_runs(runs)}
        assert len(found) == len(DAMAGED) + 1
        whole = look(app, good.id)["run"]
        assert (whole["state"], whole["step"], whole["error"]) == ("stopped", 2, None)
        for number, what in enumerate(DAMAGED):
            run = f"{number + 1:05d}-dcgan-damaged"
            answer = look(app, run)
            assert "That went wrong" not in str(answer.get("error")), (what, answer)
            shown = answer["run"]
            assert isinstance(shown["state"], str), what
            assert not shown["active"], what
            if "config.json" in DAMAGED[what]:
                assert shown["error"], (what, shown)
            for name, sent in (("curves", {"asks": [{"run": run, "names": ["loss_g"]}]}), ("sheets", {"run": run})):
                answer = app.call("lab", name, sent)
                assert "That went wrong" not in str(answer), (what, name, answer)
        again = app.call("lab", "watch", {"run": good.id, "stamp": None, "list_stamp": None})
        assert again["look"]["run"]["id"] == good.id
    assert "Traceback" not in app.log()
