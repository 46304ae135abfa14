"""Trainings as processes: started, seen through the run folder, stopped, gone on with, and told apart when they die."""

import errno
import os
import signal
import time
import zipfile
from contextlib import suppress

import pytest
from PIL import Image

from gan_core.errors import ConfigError, DataError, RunError
from gan_core.training import turn
from gan_core.ui.runner import Runner
from gan_core.ui.uploads import keep_upload

TINY = {"size": 16, "batch": 2}


@pytest.fixture
def runner(settings) -> Runner:
    return Runner(settings)


def wait_for(runner: Runner, run_id: str, *states: str, within_s: float = 120):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        state = runner.state(runner.find(run_id), with_speed=True)
        if state.state in states:
            return state
        if not state.active and "interrupted" not in states and state.state in ("failed", "interrupted"):
            break
        time.sleep(0.1)
    pytest.fail(f"{run_id} is {state}")


@pytest.mark.slow
def test_a_run_outlives_its_server_and_is_stopped_and_gone_on_with(runner: Runner, settings):
    run_id = runner.start("dcgan", None, TINY["size"], 100_000, TINY["batch"])
    assert run_id == "00000-dcgan-shapes"
    assert runner.state(runner.find(run_id)).state == "starting"
    try:
        wait_for(runner, run_id, "running")
        another = Runner(settings)  # A restarted server knows nothing but the folder.
        assert another.current() == run_id
        another.stop(run_id)
        stopped = wait_for(another, run_id, "stopped")
        assert 0 < stopped.step < 100_000
        another.resume(run_id)
        assert another.state(another.find(run_id)).active
        with pytest.raises(RunError, match="already training"):
            another.resume(run_id)
        wait_for(another, run_id, "running")
        pid = another.find(run_id).status()["pid"]
        os.kill(pid, signal.SIGKILL)
        assert wait_for(another, run_id, "interrupted").step >= stopped.step
    finally:
        for pid in {runner.find(run_id).status().get("pid")} - {None, os.getpid()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_stop_that_comes_while_the_trainer_loads_counts(runner: Runner):
    run_id = runner.start("dcgan", None, 16, 100_000, 2)
    runner.stop(run_id)
    assert wait_for(runner, run_id, "stopped", "interrupted", "failed").step < 100


def test_what_a_trainer_said_before_it_died_is_told(runner: Runner):
    run_id = runner.start("dcgan", None, 16, 100_000, 2)
    child, _ = runner._children[run_id]
    child.kill()
    child.wait()
    (runner.find(run_id).path / "trainer.log").write_text("a line\nError: --device cuda is not here.\n")
    state = runner.state(runner.find(run_id))
    assert (state.state, state.error) == ("failed", "--device cuda is not here.")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"family": None}, "family"),
        ({"size": 33}, "--size"),
        ({"size": None}, "Size is empty"),
        ({"steps": 0}, "--steps"),
        ({"steps": float("nan")}, "Steps"),
        ({"batch": 1.5}, "Batch"),
    ],
)
def test_options_that_cannot_work_make_no_folder(runner: Runner, options, text):
    with pytest.raises(ConfigError, match=text):
        runner.start(**{"family": "dcgan", "data": None, "size": 16, "steps": 10, "batch": 2, **options})
    assert runner.newest_first() == []


def test_an_upload_of_the_wrong_kind_is_refused(runner: Runner, tmp_path):
    archive = tmp_path / "pictures.zip"
    picture = tmp_path / "one.png"
    Image.new("RGB", (16, 16)).save(picture)
    with zipfile.ZipFile(archive, "w") as file:
        file.write(picture, "one.png")
    with pytest.raises(DataError, match="trainA"):
        runner.start("cyclegan", str(archive), 16, 10, 1)
    bad = tmp_path / "bad.zip"
    bad.write_text("no zip")
    with pytest.raises(DataError, match=r"bad\.zip"):
        runner.start("dcgan", str(bad), 16, 10, 1)
    assert runner.newest_first() == []


def test_an_upload_is_kept_where_a_resumed_run_finds_it(settings, tmp_path):
    archive = tmp_path / "My Pictures!.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(4):
            path = tmp_path / f"{number}.png"
            Image.new("RGB", (16, 16), (number, 0, 0)).save(path)
            file.write(path, path.name)
    kept = keep_upload(archive, "generator", settings)
    assert kept.is_relative_to(settings.data_dir.resolve())
    assert kept.read_bytes() == archive.read_bytes()
    assert keep_upload(archive, "generator", settings) == kept


@pytest.mark.slow
def test_a_second_run_waits_for_its_turn_and_can_leave_the_queue(runner: Runner):
    first = runner.start("dcgan", None, 16, 100_000, 2)
    try:
        wait_for(runner, first, "running")
        second, third = (runner.start("dcgan", None, 16, 3, 2) for _ in range(2))
        wait_for(runner, second, "waiting")
        wait_for(runner, third, "waiting")
        assert turn.places(runner.newest_first()) == {second: 1, third: 2}
        runner.stop(third)
        assert wait_for(runner, third, "stopped").step == 0
        runner.stop(first)
        wait_for(runner, first, "stopped")
        assert wait_for(runner, second, "finished").step == 3
        with pytest.raises(RunError, match="all of its 3 steps"):
            runner.resume(second)
        with pytest.raises(RunError, match="ask for more"):
            runner.resume(second, 2)
        runner.resume(second, 5)
        assert wait_for(runner, second, "finished").step == 5
    finally:
        for run in runner.newest_first():
            if runner.state(run).active:
                with suppress(ProcessLookupError):
                    os.kill(run.status()["pid"], signal.SIGKILL)


def test_a_full_disk_is_told(runner: Runner, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gan_core.begin.create_run", full)
    with pytest.raises(RunError, match=r"No space left on device.*Nothing was started"):
        runner.start("dcgan", None, 16, 10, 2)


def test_unknown_runs_are_refused(runner: Runner):
    for act in (runner.stop, runner.resume, runner.find):
        with pytest.raises(RunError, match="no run"):
            act("../../etc")
