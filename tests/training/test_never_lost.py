"""A run is never lost: trainers that are killed, disks that are full, memories that are, folders that move.

All of it with trainers in processes of their own. What is particular to states and signals stands in test_resume.py.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image

from gan_core.cli import main
from gan_core.training.heartbeat import HEARTBEAT_S
from gan_core.training.liveness import STALE_S
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.weights import load
from tests.training.test_resume import assert_identical, final_state
from tests.training.tiny import TIMES, assert_no_torn_file, command, config, finished, start, wait_for

TRUE_WITHIN_S = 60.0
"""Ten where nothing else takes the processor."""
MEASURED = (*TIMES, "memory_mb", "gpu_memory_mb", "gpu_percent")
pytestmark = pytest.mark.slow


def lines(run: RunFolder) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in MEASURED} for line in run.metrics()]


def assert_equal_runs(run: RunFolder, undisturbed: RunFolder) -> None:
    """The same curves, pictures and weights, to the last bit."""
    assert run.status()["state"] == "finished", run.status()
    assert lines(run) == lines(undisturbed)
    assert_identical(final_state(run), final_state(undisturbed))
    drawn = dict(run.samples())  # Where it was stopped it drew one more.
    for step, path in undisturbed.samples():
        assert drawn[step].read_bytes() == path.read_bytes()
    newest = [folder.newest_snapshot() for folder in (run, undisturbed)]
    for path in newest[0].glob("*.safetensors"):
        assert path.read_bytes() == (newest[1] / path.name).read_bytes()


def assert_readable(run: RunFolder) -> None:
    """Whatever is under its real name is whole."""
    assert_no_torn_file(run.path)
    for _, path in run.samples():
        with Image.open(path) as picture:
            picture.load()
    for _, path in run.states():
        torch.load(path, weights_only=True)
    for _, path in run.snapshots():
        load(path)
    steps = [line["step"] for line in run.metrics()]
    assert steps == sorted(set(steps))


def true_within(run: RunFolder, state: str) -> None:
    """Wait until the status says so."""
    began_at = time.monotonic()
    while (status := run.status())["state"] != state:
        assert time.monotonic() - began_at < TRUE_WITHIN_S, status
        time.sleep(0.02)


def start_resumed(run: RunFolder, *more: str) -> subprocess.Popen[str]:
    """The command that the page shows: go on, or begin."""
    family = run.config().family
    where = ["--run", str(run.path), "--resume", "--quiet"]
    return start([sys.executable, "-m", "gan_core", "train", family, *where, *more])


def go_on(run: RunFolder) -> None:
    run_config = run.config()
    list(train(run_config, run))


def test_a_trainer_killed_three_times_at_random_moments_ends_with_the_same_run(tmp_path: Path) -> None:
    moments = random.Random()
    changed = config("dcgan", 160, sample_steps=25, snapshot_steps=20)
    undisturbed = finished(tmp_path / "whole", changed)
    run = RunFolder(tmp_path / "killed")
    run.create(changed)
    for kill in range(3):
        process = start_resumed(run)
        if kill == 0:
            time.sleep(moments.uniform(0.1, 1.5))  # While it imports torch.
        else:
            reached = run.states()[-1][0] if run.states() else 0
            wait_for(lambda reached=reached: run.states() and run.states()[-1][0] > reached, process)
            time.sleep(moments.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if kill:
            true_within(run, "interrupted")
        assert_readable(run)
    _, errors = start_resumed(run).communicate(timeout=120)
    assert not errors, errors
    assert_equal_runs(run, undisturbed)


# A disk that is full: a real file system of a few megabytes.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here ({made.stderr.strip()})")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Take all room but `leave` bytes."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free - leave
    with ballast.open("wb") as file:
        file.write(b"x" * free)
    assert shutil.disk_usage(disk).free <= leave
    return ballast


@pytest.mark.parametrize(
    ("writing", "room"),
    [("metrics", 0), ("sample", 12_288), ("snapshot", 32_768), ("state", 90_000)],
)
def test_a_full_disk_stops_a_run_and_leaves_what_was_recorded(
    tmp_path: Path, small_disk: Path, writing: str, room: int
) -> None:
    """The trainer runs out of room while it writes something of each size; it goes on when there is room again."""
    often = {"metrics": {}, "sample": {"sample_steps": 3}, "snapshot": {"snapshot_steps": 4}, "state": {}}[writing]
    changed = config("dcgan", 30, **{"sample_steps": 1000, "snapshot_steps": 1000, "state_steps": 6, **often})
    undisturbed = finished(tmp_path / "whole", changed)
    run = RunFolder(small_disk / "00000-dcgan-shapes")
    run.create(changed)
    steps = iter(range(1, 30))
    list(train(changed, run, should_stop=lambda: next(steps) == 10))
    before = (lines(run), run.states()[-1])

    ballast = fill(small_disk, room)
    process = start_resumed(run)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert len(errors.strip().splitlines()) == 1, errors
    assert "No space left on device" in errors
    assert "Make room" in errors
    assert run.status()["state"] in ("failed", "interrupted", "stopped"), "it does not look alive"
    assert_readable(run)
    assert lines(run)[: len(before[0])] == before[0], "what was recorded stays"
    assert before[1] in run.states()

    ballast.unlink()
    go_on(run)
    assert_equal_runs(run, undisturbed)
    assert not list(run.path.rglob("*.tmp")), "nothing half-written is left"


def test_a_full_disk_is_told_where_the_run_is_looked_at(small_disk: Path) -> None:
    """Not a byte is free: the reason must reach status.json all the same."""
    changed = config("dcgan", 100_000, state_steps=50)
    run = RunFolder(small_disk / "00000-dcgan-shapes")
    run.create(changed)
    process = start_resumed(run)
    wait_for(lambda: run.states(), process)
    fill(small_disk, 0)
    _, errors = process.communicate(timeout=60)
    assert "No space left on device" in errors
    status = run.status()
    assert status["state"] == "failed"
    assert "No space left on device" in status["error"]
    assert status["step"] >= run.states()[-1][0]


# A memory that is full.

OUT_OF_MEMORY = """
import sys, torch
from gan_core.training import dcgan
step = dcgan.Training.step
def failing(self, number, batches):
    if number == 10:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return step(self, number, batches)
dcgan.Training.step = failing
from gan_core.cli import main
main(sys.argv[1:])
"""


def test_a_gpu_out_of_memory_fails_with_a_way_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Artificial: the tests' machine has no GPU, so the trainer's process raises at step 10 what torch raises there.

    The run is failed, not interrupted; its last state is kept; and the remedy that it names can be followed.
    """
    changed = config("dcgan", 24, snapshot_steps=8)
    run = RunFolder(tmp_path / "runs" / "00000-dcgan-shapes")
    run.create(changed)
    arguments = ["train", "dcgan", "--run", str(run.path), "--resume", "--quiet"]
    process = start([sys.executable, "-c", OUT_OF_MEMORY, *arguments])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    status = run.status()
    assert status["state"] == "failed"
    for text in (errors, status["error"]):
        assert "out of memory" in text
        assert "The state of step 8 is kept" in text
        assert "smaller --batch" in text
    assert "Traceback" not in errors
    assert run.states()[-1][0] == 8

    # Another batch would not be the same run: it is refused with a sentence, and a new run begins with its weights.
    with pytest.raises(SystemExit) as left:
        main(["train", "dcgan", "--run", str(run.path), "--resume", "--quiet", "--batch", "4"])
    assert left.value.code == 1
    assert "--batch cannot change" in capfd.readouterr().err
    smaller = RunFolder(tmp_path / "runs" / "00001-dcgan-shapes")
    given = ["--steps", "6", "--batch", "4", "--quiet", "--run", str(smaller.path)]
    fresh = [flag for flag in command(changed, smaller.path)[5:] if flag]
    begun = [*fresh[: fresh.index("--run")], *given, "--start-from", str(run.newest_snapshot())]
    with pytest.raises(SystemExit):
        main(["train", "dcgan", *begun])
    assert smaller.status()["state"] == "finished", capfd.readouterr().err
    assert smaller.config().train.batch == 4

    go_on(run)  # And where the memory is free again, the run goes on as it was.
    assert run.status()["state"] == "finished"


# Folders that move.


def test_a_runs_folder_that_moves_while_it_trains_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    """At the new place, and where the folder is moved back to."""
    changed = config("dcgan", 100_000, snapshot_steps=300, log_steps=20, state_steps=25)
    runs = tmp_path / "runs"
    run = RunFolder(runs / "00000-dcgan-shapes")
    run.create(changed)
    process = start_resumed(run)
    wait_for(lambda: run.states(), process)
    moved = RunFolder(tmp_path / "moved" / "runs" / run.id)
    moved.path.parent.parent.mkdir()
    runs.rename(moved.path.parent)
    true_within(moved, "interrupted")
    _, errors = process.communicate(timeout=TRUE_WITHIN_S)
    assert process.returncode == 1, "it ends by itself, with a sentence"
    assert len(errors.strip().splitlines()) == 1, errors
    assert str(run.path) in errors
    assert not runs.exists(), f"nothing is made again at the old place: {list(runs.rglob('*'))}"
    assert_readable(moved)
    reached = moved.states()[-1][0]
    assert reached >= 25
    shutil.copytree(moved.path, tmp_path / "copied" / run.id)
    moved.path.parent.rename(runs)
    assert run.status()["state"] == "interrupted"
    (tmp_path / "copied").rename(moved.path.parent)
    assert moved.status()["state"] == "interrupted"
    wanted = config("dcgan", reached + 50, snapshot_steps=300, log_steps=20, state_steps=25)
    for one in (run, moved):
        list(train(wanted, one))
        assert one.status()["state"] == "finished"
        assert one.states()[-1][0] == reached + 50
        assert [line["step"] for line in one.metrics()] == list(range(20, reached + 51, 20))


def test_a_run_that_is_deleted_while_it_trains_stays_deleted(tmp_path: Path) -> None:
    changed = config("dcgan", 100_000, sample_steps=10, snapshot_steps=20)
    run = RunFolder(tmp_path / "runs" / "00000-dcgan-shapes")
    run.create(changed)
    process = start_resumed(run)
    wait_for(lambda: run.states(), process)
    end = time.monotonic() + TRUE_WITHIN_S
    while run.path.exists() and time.monotonic() < end:
        shutil.rmtree(run.path, ignore_errors=True)
    _, errors = process.communicate(timeout=TRUE_WITHIN_S)
    assert process.returncode == 1
    assert len(errors.strip().splitlines()) == 1, errors
    assert not run.path.exists(), f"nothing is made again: {list(run.path.rglob('*'))}"
    assert list_runs(run.path.parent) == []


# Trainers that this computer's browser did not start.


def test_a_run_under_torchrun_is_seen_as_it_is(tmp_path: Path) -> None:
    """Two processes; killed at once, as a node that loses its power."""
    run = RunFolder(tmp_path / "00000-dcgan-shapes")
    arguments = command(config("dcgan", 100_000), run.path, "--quiet")[2:]
    arguments[arguments.index("--run")] = "--run-folder"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    process = start([*launcher, *arguments])
    try:
        wait_for(lambda: len(run.metrics()) >= 2, process)
        assert run.status()["state"] == "running"
        assert [found.id for found in list_runs(tmp_path)] == [run.id]
    finally:
        for one in (*psutil.Process(process.pid).children(recursive=True), process):
            one.kill()
        process.communicate()
    true_within(run, "interrupted")
    assert_readable(run)


def test_a_trainer_on_another_machine_is_believed_as_long_as_it_writes(tmp_path: Path) -> None:
    """Over a shared folder there is no process to look at, and the clocks of two machines may differ by an hour."""
    clocks = {
        RunFolder(tmp_path / f"{n:05d}-dcgan-shapes"): ahead_s for n, ahead_s in enumerate((-3600.0, 0.0, 3600.0))
    }
    for run in clocks:
        run.create(config("dcgan", 100))

    def beat(step: int, ago_s: float = 0.0) -> None:
        there = {"host": "another-machine", "machine": "another", "pid": 1, "pid_started_at": 1.0}
        for run, ahead_s in clocks.items():
            run.write_status(state="running", step=step, total_steps=100, **there, heartbeat_at=time.time() + ahead_s)
            written_at = time.time() - ago_s
            os.utime(run.path / "status.json", (written_at, written_at))

    def states() -> set[str]:
        return {run.status()["state"] for run in clocks}

    for step in range(3):
        beat(step)
        assert states() == {"running"}
    beat(3, ago_s=2 * HEARTBEAT_S)
    assert states() == {"running"}, "two beats may be late"
    beat(4, ago_s=STALE_S + 1)
    assert states() == {"interrupted"}
