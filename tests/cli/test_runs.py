"""`gan-core runs`: list, show, stop, pause, resume, set, compare, on real runs of real trainers."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from tests.cli.conftest import Run
from tests.training.tiny import command, config, start, wait_for


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., RunFolder]:
    def make(name: str, steps: int = 4, **changed: object) -> RunFolder:
        run = RunFolder(tmp_path / "runs" / name)
        run.create(config("dcgan", steps, **changed))
        list(train(run.config(), run))
        return run

    return make


def test_show_tells_state_figures_notices_and_command(run: Run, finished: Callable[..., RunFolder]) -> None:
    finished("00003-dcgan-shapes", quality_steps=2)
    for name in ("00003-dcgan-shapes", "3", "runs/00003-dcgan-shapes"):
        told = run("runs", "show", name)
        assert told.status == 0
        for part in ("finished", "4 of 4", "loss_g", "grad_d", "variety", "gan-core train dcgan --data shapes"):
            assert part in told.out
    facts = json.loads(run("runs", "show", "3", "--json").out)
    assert facts["state"] == "finished"
    assert facts["metrics"]["step"] == facts["quality"]["step"] == 4


def test_compare_shows_what_differs(run: Run, finished: Callable[..., RunFolder]) -> None:
    finished("00000-dcgan-shapes", quality_steps=2)
    finished("00001-dcgan-shapes", quality_steps=2, recipe={"lr_g": 1e-3})
    told = run("runs", "compare", "0", "1").out
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines()[1:]}
    assert rows["lr_g"] == ["-", "0.001"]
    assert rows["state"] == ["finished", "finished"]
    assert "variety" in rows
    assert "batch" not in rows
    assert json.loads(run("runs", "compare", "0", "1", "--json").out)["00001-dcgan-shapes"]["lr_g"] == 1e-3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "7"], "There is no run '7'"),
        (["stop", "0"], "is not running, it is finished"),
        (["pause", "0"], "is not running"),
        (["set", "0", "--lr-g", "1e-4"], "is not running"),
        (["resume", "0"], "has done its 4 steps"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    run: Run, finished: Callable[..., RunFolder], arguments: list[str], sentence: str
) -> None:
    finished("00000-dcgan-shapes")
    told = run("runs", *arguments)
    assert told.status == 1
    assert sentence in told.err
    assert run("runs", "set", "0").status == 2


def test_a_run_is_paused_changed_resumed_stopped_and_gone_on_with(run: Run, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "00000-dcgan-shapes")
    wanted = config("dcgan", 100_000, recipe={"decay_from": 1.0})
    process = start(command(wanted, folder.path, "--quiet"))
    try:
        wait_for(lambda: folder.path.exists() and folder.metrics(), process)
        assert run("runs", "pause", "0").status == 0
        wait_for(lambda: folder.status()["state"] == "paused", process)
        step = folder.status()["step"]
        assert run("runs", "set", "0", "--lr-g", "1e-5").status == 0
        time.sleep(1.2)
        assert folder.status()["step"] == step
        assert run("runs", "resume", "0").out.strip().endswith("goes on")
        wait_for(lambda: folder.status()["step"] > step, process)
        assert folder.config().recipe["lr_g"] == 1e-5
        told = run("runs", "stop", "0")
        assert "stopped at step" in told.out
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    reached = folder.status()["step"]
    folder.write_config(config("dcgan", reached + 2, recipe={"decay_from": 1.0, "lr_g": 1e-5}))
    assert run("runs", "resume", "0").status == 0
    assert folder.status()["state"] == "finished"
    assert folder.status()["step"] == reached + 2


def test_a_log_of_elsewhere_offers_no_command(run: Run, tmp_path: Path) -> None:
    lines = [f"(epoch: {n}, iters: 100, time: 0.3, data: 0.0) D_A: 0.2 G_A: 0.3 cycle_A: 0.5 D_B: 0.1" for n in (1, 2)]
    (tmp_path / "loss_log.txt").write_text("\n".join(lines) + "\n")
    assert run("import", "loss_log.txt").status == 0
    told = run("runs", "show", "0").out
    assert "nothing to go on with" in told
    assert "gan-core train" not in told
    assert {"loss_D_A", "loss_G_A"} <= set(told.split())
    assert "nothing to go on with" in run("runs", "resume", "0").err
    assert "batch" not in run("runs", "compare", "0").out
