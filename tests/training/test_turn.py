"""The queue: one run at a time on a device, in the order in which they came, whoever dies meanwhile."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from gan_core.errors import RunError
from gan_core.training import turn
from gan_core.training.claims import LOCK, claim
from gan_core.training.liveness import STALE_S
from gan_core.training.run_folder import OCCUPIES, RunFolder, create_run, list_runs
from tests.training.tiny import command, config, start, wait_for

FOREVER = config("dcgan", 1_000_000, recipe={"decay_from": 1.0})


def new_run(runs: Path, run_config=FOREVER) -> RunFolder:
    return create_run(runs, run_config, "shapes")


def state(run: RunFolder) -> str:
    return str(run.status()["state"])


def until(run: RunFolder, wanted: str, process: subprocess.Popen[str]) -> None:
    wait_for(lambda: state(run) == wanted, process)


def end(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_runs_wait_in_order_and_go_on_whoever_dies(tmp_path: Path) -> None:
    """Stopped, killed while waiting, killed while training: the next one always moves up."""
    a, b, c, d = runs = [new_run(tmp_path) for _ in range(4)]
    first = start(command(FOREVER, a.path, "--resume", "--quiet"))
    waiting = []
    try:
        until(a, "running", first)
        for run in (b, c, d):
            waiting.append(start(turn.command(run, time.time())))
            until(run, "waiting", waiting[-1])
        assert turn.places(runs) == {b.id: 1, c.id: 2, d.id: 3}
        assert b.status()["pid"] == waiting[0].pid

        # One that waits is stopped by a stop file, and asks no more.
        c.ask_to_stop()
        assert waiting[1].wait(120) == 0
        assert (state(c), c.stop_asked()) == ("stopped", False)
        assert turn.places(runs) == {b.id: 1, d.id: 2}

        # The trainer is killed: the first one takes its place, as the same process.
        first.kill()
        until(b, "running", waiting[0])
        assert b.status()["pid"] == waiting[0].pid
        assert state(a) == "interrupted"
        assert turn.places(runs) == {d.id: 1}

        # The run that trains is stopped, and the next one is on its own.
        b.ask_to_stop()
        until(d, "running", waiting[2])
        assert state(b) == "stopped"
        d.ask_to_stop()
        assert waiting[2].wait(120) == 0
        assert state(d) == "stopped"
    finally:
        end(first, *waiting)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_and_the_run_can_be_resumed(tmp_path: Path, number: signal.Signals) -> None:
    a, b = new_run(tmp_path), new_run(tmp_path)
    a.write_status(state="running", step=1, total_steps=2, device="cpu", devices=["cpu"])
    process = start(turn.command(b, time.time()))
    try:
        until(b, "waiting", process)
        process.send_signal(number)
        assert process.wait(120) == 0
        assert state(b) == "stopped"
    finally:
        end(process)


def test_a_killed_waiter_is_interrupted_and_the_next_moves_up(tmp_path: Path) -> None:
    a, b, c = (new_run(tmp_path) for _ in range(3))
    a.write_status(state="paused", step=1, total_steps=2, device="cpu", devices=["cpu"])
    processes = []
    try:
        for run in (b, c):
            processes.append(start(turn.command(run, time.time())))
            until(run, "waiting", processes[-1])
        processes[0].kill()
        processes[0].wait()
        assert state(b) == "interrupted"
        assert turn.places([a, b, c]) == {c.id: 1}
        a.write_status(state="stopped", step=1, total_steps=2, device="cpu", devices=["cpu"])
        wait_for(lambda: state(c) in OCCUPIES, processes[1])
    finally:
        end(*processes)


def test_a_wish_to_stop_holds_while_the_trainer_is_loading(tmp_path: Path) -> None:
    """A stop asked for while the waiting process became the trainer was forgotten."""
    run = new_run(tmp_path)
    process = start(turn.command(run, time.time()))
    try:
        wait_for(lambda: state(run) == "starting" and "pid" in run.status(), process)
        run.ask_to_stop()
        assert process.wait(120) == 0
        assert state(run) == "stopped"
        assert not run.stop_asked()
    finally:
        end(process)


def _take_turns(folder: Path, times: "multiprocessing.Queue[tuple[float, float]]") -> None:
    run = RunFolder(folder)
    assert turn.wait(run)
    began_at = time.monotonic()
    time.sleep(0.3)
    times.put((began_at, time.monotonic()))
    run.write_status(state="stopped", step=0, total_steps=1)


@pytest.mark.skipif(os.name != "posix", reason="forks processes")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_two_never_start_together(tmp_path: Path) -> None:
    runs = [new_run(tmp_path) for _ in range(6)]
    context = multiprocessing.get_context("fork")
    times = context.Queue()
    processes = [context.Process(target=_take_turns, args=(run.path, times)) for run in runs]
    for process in processes:
        process.start()
    found = sorted(times.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert {path.name for path in tmp_path.iterdir()} == {run.id for run in runs} | {LOCK}
    assert len(list_runs(tmp_path)) == 6


def test_a_run_is_started_once(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    try:
        import psutil

        started_at = psutil.Process(other.pid).create_time()
        run.write_status(state="waiting", step=0, total_steps=2, pid=other.pid, pid_started_at=started_at)
        for begin in (turn.start, turn.wait):
            with pytest.raises(RunError, match=f"is waiting, as process {other.pid}"):
                begin(run)
    finally:
        end(other)
    turn.start(run)
    assert state(run) == "starting"
    turn.start(run)  # This very process has it.


GONE = {"pid": 2**22 - 1, "pid_started_at": 1.0}


def test_whoever_goes_on_after_a_death_tells_it_and_the_step_it_goes_on_from(tmp_path: Path) -> None:
    """A trainer killed while it was starting left `step 0` behind, though its state was of step 4,000."""
    run = new_run(tmp_path)
    (run.part("state") / "004000.pt").touch()
    run.write_status(state="running", step=4256, total_steps=9000, **GONE)
    turn.start(run)
    assert (state(run), run.status()["step"]) == ("starting", 4000)
    told = "The trainer was gone after step 4,256; training goes on from the state of step 4,000."
    (event,) = run.events()
    assert (event["step"], event["kind"], event["text"]) == (4000, turn.INTERRUPTED, told)

    # One that waits and is killed has lost nothing, and neither does one that was stopped.
    for name, who in (("waiting", GONE), ("stopped", {})):
        run.write_status(state=name, step=4000, total_steps=9000, **who)
        assert turn.wait(run)
        assert (len(run.events()), run.status()["step"]) == (1, 4000)


def test_a_run_elsewhere_does_not_hold_this_machine_s_device(tmp_path: Path) -> None:
    a, b = new_run(tmp_path), new_run(tmp_path)
    a.write_status(state="running", step=1, total_steps=2, devices=["cpu"], host="elsewhere", machine="another/1")
    assert turn.wait(b)
    b.write_status(state="stopped", step=0, total_steps=2)
    # Nor does one there whose heartbeat ended.
    before = time.time() - STALE_S - 1
    os.utime(a.path / "status.json", (before, before))
    assert state(a) == "interrupted"


def test_runs_on_other_devices_do_not_wait_for_each_other(tmp_path: Path) -> None:
    gpu = replace(FOREVER, train=replace(FOREVER.train, device="cuda:1"))
    a, b, c = new_run(tmp_path), new_run(tmp_path, gpu), new_run(tmp_path, gpu)
    a.write_status(state="running", step=1, total_steps=2, devices=["cpu"])
    b.write_status(state="waiting", step=0, total_steps=2, devices=["cuda:1"], queued_at=5.0)
    c.write_status(state="waiting", step=0, total_steps=2, devices=["cuda:1"], queued_at=6.0)
    a.write_status(state="waiting", step=1, total_steps=2, devices=["cpu"], queued_at=9.0)
    assert turn.places([a, b, c]) == {a.id: 1, b.id: 1, c.id: 2}


@pytest.mark.parametrize(
    ("device", "visible", "there", "devices"),
    [
        ("cpu", None, True, ["cpu"]),
        ("auto", None, False, ["cpu"]),
        ("auto", None, True, ["cuda:0"]),
        ("auto", "", True, ["cpu"]),
        ("auto", "3", True, ["cuda:3"]),
        ("cuda", "2,5", True, ["cuda:2"]),
        ("cuda:1", "2,5", True, ["cuda:5"]),
        ("cuda:1", None, True, ["cuda:1"]),
        ("mps", None, False, ["mps"]),
    ],
)
def test_devices_are_known_without_torch(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, there: bool, devices: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(turn.sys, "platform", "linux")
    monkeypatch.setattr(turn, "_torch_has_cuda", lambda: True)
    monkeypatch.setattr(turn, "_gpu_there", lambda: there)
    assert turn.devices_of(replace(FOREVER, train=replace(FOREVER.train, device=device))) == devices


def test_the_queue_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys, gan_core.training.turn; print(sorted({'torch', 'numpy', 'gradio'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert found.stdout.strip() == "[]", found.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("gan_core.training.claims.os.open", refuse)
        with pytest.raises(RunError, match=r"cannot be written to .Read-only file system"), claim(run):
            pass
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_status", refuse)
        with pytest.raises(RunError, match=r"cannot be written .Read-only file system.\. Nothing was started"):
            turn.start(run)
    assert turn.main([str(tmp_path / "none"), "0"]) == 1
    assert turn.main([]) == 2
