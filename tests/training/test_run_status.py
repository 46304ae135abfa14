"""What a run says of its state, and who may be believed: living trainers, dead ones, other machines, hostile files."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

import psutil
import pytest

from gan_core.training import liveness
from gan_core.training.run_folder import ACTIVE, STALE_S, START_S, RunFolder


def set_status(run: RunFolder, **values) -> None:
    run.write_status(state="running", step=5, total_steps=10, device="cpu")
    path = run.path / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_status_of_a_living_trainer(run):
    run.write_status(state="running", step=5, total_steps=10, device="cpu")
    status = run.status()
    assert (status["state"], status["step"], status["total_steps"], status["pid"]) == ("running", 5, 10, os.getpid())
    assert (status["host"], status["error"]) == (socket.gethostname(), None)
    assert abs(status["heartbeat_at"] - time.time()) < 60


def test_a_new_run_is_starting_and_an_old_one_without_status_is_interrupted(run):
    assert run.status()["state"] == "starting"
    before = time.time() - START_S - 5
    os.utime(run.path / "config.json", (before, before))
    assert run.status()["state"] == "interrupted"


@pytest.mark.parametrize("state", ACTIVE)
def test_a_dead_trainer_s_run_is_interrupted(run, state):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    set_status(run, state=state, pid=gone.pid)
    assert run.status()["state"] == "interrupted"


def test_a_pid_that_was_given_out_again_is_not_the_trainer(run):
    set_status(run, pid_started_at=psutil.Process().create_time() - 3600)
    assert run.status()["state"] == "interrupted"


def test_a_trainer_that_nobody_buried_is_dead(run):
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(zombie.pid)
    started_at = process.create_time()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    set_status(run, pid=zombie.pid, pid_started_at=started_at)
    assert run.status()["state"] == "interrupted"
    zombie.wait()


def test_a_trainer_elsewhere_is_judged_by_its_heartbeat(run):
    set_status(run, host="elsewhere", pid=1)
    assert run.status()["state"] == "running"
    before = time.time() - STALE_S - 1
    os.utime(run.path / "status.json", (before, before))
    assert run.status()["state"] == "interrupted"


@pytest.mark.parametrize("ahead_s", [-3600, 3600])
def test_clocks_that_differ_do_not_matter(run, ahead_s):
    """The heartbeat of another machine is as old as its file, by the clock of the file system."""
    set_status(run, host="elsewhere", pid=1, heartbeat_at=time.time() + ahead_s)
    assert run.status()["state"] == "running"


def test_the_clock_of_the_file_system_counts_and_not_ours(run, monkeypatch):
    """This machine's clock is an hour behind: its runs were all thought to be dead, or alive for ever."""
    set_status(run, host="elsewhere", pid=1)
    now = time.time
    monkeypatch.setattr(liveness, "_clocks", {})
    monkeypatch.setattr(liveness.time, "time", lambda: now() - 3600)
    assert run.status()["state"] == "running"
    before = now() - STALE_S - 1
    os.utime(run.path / "status.json", (before, before))
    assert run.status()["state"] == "interrupted"
    assert not list(run.path.glob(".clock*")), "no rubbish"


def test_another_machine_of_the_same_name_is_judged_by_its_heartbeat(run):
    """Many are called localhost: once a process of the same number here was taken for the trainer there."""
    set_status(run, machine="another/1")
    before = time.time() - STALE_S - 1
    os.utime(run.path / "status.json", (before, before))
    assert run.status()["state"] == "interrupted"


def test_a_copy_of_a_folder_is_not_trained_but_a_moved_one_is_while_its_trainer_lives(run, tmp_path):
    """A copied folder was shown as running, because the process that its status names was alive."""
    run.write_status(state="running", step=5, total_steps=10, device="cpu")
    shutil.copytree(run.path, tmp_path / "copy")
    assert RunFolder(tmp_path / "copy").status()["state"] == "interrupted"
    run.path.rename(tmp_path / "moved")
    assert RunFolder(tmp_path / "moved").status()["state"] == "running"


DEEP = '{"state": "running", "x": ' + "[" * 100_000


@pytest.mark.parametrize("content", [DEEP, '{"state": 7}', '{"state": []}', '{"state": "flying", "step": "x"}'])
def test_a_hostile_status_is_passed_over(run, content):
    (run.path / "status.json").write_text(content)
    (run.path / "about.json").write_text(content)
    (run.path / "control.json").write_text(content if content is DEEP else "[]")
    (run.path / "metrics.jsonl").write_text(content + "\n")
    status = run.status()
    assert (status["state"], status["step"], status["total_steps"], status["error"]) == (
        "interrupted",
        0,
        0,
        None,
    )
    assert run.metrics() == []
    assert run.control() == {}
    assert run.about() == {"title": "", "notes": "", "origin": None}


def test_numbers_of_a_status_are_numbers(run):
    set_status(run, state="stopped", step="x", total_steps=None, error=["?"])
    assert {name: run.status()[name] for name in ("state", "step", "total_steps", "error")} == {
        "state": "stopped",
        "step": 0,
        "total_steps": 0,
        "error": "['?']",
    }


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_ended_states_stay(run, state):
    set_status(run, state=state, pid=2**22 + 1)
    assert run.status()["state"] == state


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "\x00"])
def test_a_damaged_status_does_not_hide_the_run(run, content):
    (run.path / "status.json").write_text(content)
    assert run.status()["state"] in ("starting", "interrupted")
