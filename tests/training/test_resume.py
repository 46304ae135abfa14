"""Exact resume: N steps, then M more, are the same as N + M in one go, to the last bit."""

import signal
import time
from pathlib import Path

import pytest
import torch

from gan_core.training.events import Progress
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from tests.training.tiny import FAMILIES, assert_no_torn_file, command, config, lines, start, wait_for

both_families = pytest.mark.parametrize("family", list(FAMILIES))


def run_for(folder: Path, run_config, stop_after: int | None = None) -> RunFolder:
    run = RunFolder(folder)
    if not folder.exists():
        run.create(run_config)
    steps = 0

    def should_stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_after

    list(train(run_config, run, should_stop=should_stop))
    return run


def final_state(run: RunFolder) -> dict:
    return torch.load(run.states()[-1][1], weights_only=True)


def assert_identical(a, b, where: str = "state") -> None:
    """Bit by bit, through all nesting, times aside."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - {"elapsed_s"}:
            assert_identical(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            assert_identical(left, right, f"{where}[{index}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


@both_families
@pytest.mark.parametrize("stop_after", [1, 5, 8])
def test_stopping_and_resuming_changes_no_bit(tmp_path: Path, family: str, stop_after: int) -> None:
    whole = run_for(tmp_path / "whole", config(family, 11))
    parts = run_for(tmp_path / "parts", config(family, 11), stop_after)
    assert parts.status()["state"] == "stopped"
    assert parts.status()["step"] == stop_after
    parts = run_for(tmp_path / "parts", config(family, 11))
    assert parts.status()["state"] == "finished"
    assert lines(parts) == lines(whole)
    assert len(lines(whole)) == 5
    assert_identical(final_state(parts), final_state(whole))
    snapshots = [run.newest_snapshot() for run in (parts, whole)]
    for name in [path.name for path in snapshots[0].glob("*.safetensors")]:
        assert (snapshots[0] / name).read_bytes() == (snapshots[1] / name).read_bytes()


def test_a_finished_run_goes_on_with_more_steps(tmp_path: Path) -> None:
    """Constant learning rates, so that the longer run's schedule is the shorter one's."""
    constant = {"recipe": {"decay_from": 1.0}}
    whole = run_for(tmp_path / "whole", config("dcgan", 8, **constant))
    parts = run_for(tmp_path / "parts", config("dcgan", 5, **constant))
    parts = run_for(tmp_path / "parts", config("dcgan", 8, **constant))
    assert lines(parts) == lines(whole)
    assert_identical(final_state(parts), final_state(whole))


def test_dropout_is_resumed_too(tmp_path: Path) -> None:
    dropout = {"network": {"dropout": True}}
    whole = run_for(tmp_path / "whole", config("cyclegan", 4, **dropout))
    run_for(tmp_path / "parts", config("cyclegan", 4, **dropout), 3)
    parts = run_for(tmp_path / "parts", config("cyclegan", 4, **dropout))
    assert_identical(final_state(parts), final_state(whole))


@pytest.mark.slow
@both_families
def test_kill_9_at_any_moment_loses_no_more_than_the_last_state(tmp_path: Path, family: str) -> None:
    """Two processes are killed at arbitrary moments; the third ends with the bits of an undisturbed run."""
    whole = run_for(tmp_path / "whole", config(family, 60, snapshot_steps=6, sample_steps=5))
    changed = config(family, 60, snapshot_steps=6, sample_steps=5)
    folder = tmp_path / "killed"
    arguments = [*command(changed, folder, "--resume", "--quiet"), "--snapshot-steps", "6", "--sample-steps", "5"]
    run = RunFolder(folder)
    for kill in range(2):
        process = start(arguments)
        reached = len(run.states()) and run.states()[-1][0]
        wait_for(lambda reached=reached: run.states() and run.states()[-1][0] > reached, process)
        time.sleep(0.02 * kill)  # Not always right after a rename.
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert run.status()["state"] in ("interrupted", "finished")
        assert_no_torn_file(folder)
    # What a kill in the middle of an append leaves.
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 999, "loss')
    _, errors = start(arguments).communicate(timeout=120)
    assert run.status()["state"] == "finished", errors
    assert lines(run) == lines(whole)
    assert_identical(final_state(run), final_state(whole))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_and_leave_within_one_step(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    run = RunFolder(folder)
    process = start(command(config("dcgan", 100_000), folder))
    wait_for(lambda: len(run.metrics()) >= 2, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    status = run.status()
    assert status["state"] == "stopped"
    assert run.states()[-1][0] == status["step"]
    assert "--resume" in errors


def test_the_stop_file_stops_and_is_taken_away(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 50))
    for event in train(config("dcgan", 50), run):
        if isinstance(event, Progress) and event.step == 2:
            run.ask_to_stop()
    assert run.status()["state"] == "stopped"
    assert run.status()["step"] == 2
    assert not run.stop_asked()


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path: Path) -> None:
    whole = run_for(tmp_path / "whole", config("dcgan", 12))
    run = run_for(tmp_path / "run", config("dcgan", 12), 9)
    newest = run.states()[-1][1]
    newest.write_bytes(newest.read_bytes()[:5000])
    run = run_for(tmp_path / "run", config("dcgan", 12))
    assert "cannot be read" in run.events()[-1]["text"]
    assert lines(run) == lines(whole)
    assert_identical(final_state(run), final_state(whole))
