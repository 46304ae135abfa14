"""Real trainers that push in the background: whatever the Hub does, the training does not mind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import gan_core.mirror.keeper
from gan_core.mirror import Wish, read_record, unsent, write_wish
from gan_core.mirror.keeper import Keeper
from gan_core.mirror.process import FIRST_S, LONGEST_S, pause_s
from gan_core.mirror.stage import _link
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
from gan_core.ui.runner import Runner
from tests.hub.conftest import Process
from tests.hub_server import HubServer
from tests.training.tiny import command, config

pytestmark = pytest.mark.slow
NAME = "user/ducks"
PUSH = ("--push-to", NAME, "--push-minutes", "0.02")
WITHIN_S = 90.0


class Machine:
    """Where trainers run, with an account of its own."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.home, self.run = home, RunFolder(home / "runs" / "00000-dcgan-shapes")
        more = {"HF_TOKEN": "hf_user", "GAN_CORE_RUNS": str(home / "runs"), "OMP_NUM_THREADS": "1"}
        self.environment = Process.environment(endpoint, home / "hf", **more)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "gan_core", *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, env=self.environment, cwd=self.home, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def train(self, steps: int, *more: str, **changed: Any) -> subprocess.Popen[str]:
        return self.start(*command(config("dcgan", steps, **changed), self.run.path)[3:], *more)

    def call(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=200)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def said(self) -> list[str]:
        return [event["text"] for event in self.run.events() if event["kind"] == "hub"]


@pytest.fixture
def machine(hub: HubServer, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(hub.endpoint, tmp_path)
    yield machine
    for process in machine.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.02)


def test_a_hub_that_is_down_costs_the_training_nothing(hub: HubServer, machine: Machine):
    hub.failures.add("", "drop")
    process = machine.train(20, *PUSH, "--push-wait", "0.06", "--json")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert (told["state"], told["step"]) == ("finished", 20)
    assert told["push"]["pending"] == "everything"
    assert "the Hub cannot be reached" in told["push"]["trouble"]
    assert f"Not sent to {NAME} yet: everything. Send it later: gan-core runs push {machine.run.id}" in err
    assert sum("cannot be reached" in text for text in machine.said()) == 1, "said once, however often it is tried"
    for words in (("runs",), ("runs", "show", "0")):
        listed = machine.call(*words).stdout
        assert NAME in listed
        assert "pending: everything" in listed
    hub.failures.rules.clear()
    sent = machine.call("runs", "push", "0")
    assert sent.returncode == 0, sent.stderr
    assert hub.repository(NAME).head[:8] in sent.stdout
    assert "run/state/000020.pt" in hub.repository(NAME).files
    assert "pending" not in machine.call("runs").stdout


def test_a_hub_that_hangs_holds_up_nothing(machine: Machine):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        machine.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = machine.train(20, *PUSH, "--push-wait", "0.03")
        until(lambda: machine.run.status()["state"] == "finished")
        finished_at = time.monotonic()
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        assert time.monotonic() - finished_at < 90.0
        assert "Not sent to" in err


def test_what_the_hub_refuses_is_said_while_it_trains_and_sent_when_it_is_mended(hub: HubServer, machine: Machine):
    hub.failures.add("POST .*/commit/", "quota")
    process = machine.train(1_000_000, *PUSH)
    until(lambda: any("storage is full" in text for text in machine.said()))
    reached = machine.run.status()["step"]
    until(lambda: machine.run.status()["step"] > reached)
    hub.failures.rules.clear()
    until(lambda: any("Pushed to" in text for text in machine.said()))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "All of it is at" in err
    assert unsent(machine.run, read_record(machine.run, NAME)) is None


def test_a_killed_trainer_s_last_state_is_sent_and_its_next_start_pushes_on(hub: HubServer, machine: Machine):
    process = machine.train(1_000_000, *PUSH)
    until(lambda: hub.store.find("model", NAME) and "run/state" in str(hub.repository(NAME).files))
    process.kill()
    process.wait()
    until(lambda: unsent(machine.run, read_record(machine.run, NAME)) is None)
    step, path = machine.run.states()[-1]
    assert hub.repository(NAME).content(f"run/state/{step:06d}.pt") == path.read_bytes()
    assert json.loads(hub.repository(NAME).content("run/status.json"))["state"] == "interrupted"
    # The address stands in the run's folder: whoever goes on with it, the page too, pushes on.
    runner = Runner(Settings(runs_dir=machine.home / "runs"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in machine.environment.items():
            patch.setenv(name, value)
        runner.launch(machine.run)
    until(lambda: read_record(machine.run, NAME).sent.said == "running")
    machine.run.ask_to_stop()
    until(lambda: read_record(machine.run, NAME).sent.said == "stopped")
    newest = machine.run.states()[-1][0]
    assert f"run/state/{newest:06d}.pt" in hub.repository(NAME).files


def test_when_somebody_else_pushes_the_training_goes_on_alone(hub: HubServer, machine: Machine):
    process = machine.train(1_000_000, *PUSH)
    until(lambda: hub.store.find("model", NAME) and "run/state" in str(hub.repository(NAME).files))
    repository = hub.repository(NAME)

    def taken() -> bool:
        repository.change({"run/status.json": b"theirs"})
        return any("somebody else" in text for text in machine.said())

    until(taken)
    reached = machine.run.status()["step"]
    until(lambda: machine.run.status()["step"] > reached)
    assert repository.content("run/status.json") == b"theirs"
    shown = machine.call("runs", "show", "0").stdout
    assert "Nothing was overwritten" in shown
    elsewhere = machine.call("runs", "push", "0", "user/others")
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert "run/config.json" in hub.repository("user/others").files
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    until(lambda: b'"stopped"' in hub.repository("user/others").content("run/status.json"))
    assert repository.content("run/status.json") == b"theirs"


def test_a_killed_background_process_is_started_again(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    """Killed in the middle of sending; the training need not be there for it."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gan_core.mirror.keeper, "AGAIN_S", 0.0)
    assert machine.train(8, "--quiet").wait(100) == 0
    wish = Wish(NAME, minutes=0.02)
    write_wish(machine.run, wish)
    hub.failures.add("POST .*/commit/", "slow", times=1)
    keeper = Keeper(machine.run, wish, "0")
    until(lambda: hub.asked("POST /api/models/user/ducks/commit"))
    os.kill(keeper._child.pid, signal.SIGKILL)
    until(lambda: not keeper.at_work())
    keeper.news()
    assert keeper.at_work()
    told: list[str] = []
    assert keeper.wait(told.append) is None
    assert any(NAME in text for text in told)
    assert "run/state/000008.pt" in hub.repository(NAME).files
    assert len(hub.repository(NAME).commits) <= 3
    log = (machine.run.path / "mirror" / "log").read_text()
    assert "Traceback" not in log
    assert "hf_user" not in log


def test_pauses_grow_to_an_end_and_differ_by_chance():
    pauses = [pause_s(tries, "down", 600.0, lambda: 0.5) for tries in range(1, 12)]
    assert pauses[0] == FIRST_S
    assert all(later == 2 * earlier for earlier, later in pairwise(pauses[:7]))
    assert pauses[-1] == LONGEST_S
    assert pause_s(10**9, "down", 1.0, lambda: 1.0) < 60
    assert pause_s(1, "limit", 600.0, lambda: 0.0) > 200, "asking often makes a limit last longer"
    assert pause_s(3, "down", 600.0, lambda: 0.0) < pause_s(3, "down", 600.0, lambda: 1.0)


def test_a_second_try_at_a_copy_leaves_the_run_s_own_files_alone(tmp_path: Path):
    """A copy over a link would have gone into the file that the link leads to."""
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    _link(tmp_path / "first", tmp_path / "target")
    _link(tmp_path / "second", tmp_path / "target")
    assert (tmp_path / "first").read_text() == "first"
    assert (tmp_path / "target").read_text() == "second"
