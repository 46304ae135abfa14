"""`gan-core runs`: list, show, stop, pause, resume, set, compare, on real runs of real trainers."""

import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.cli.runs import MEASURED
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from gan_core.trash import Trash
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
        assert_in_the_pages_words(told.out)
    facts = json.loads(run("runs", "show", "3", "--json").out)
    assert facts["state"] == "finished"
    assert facts["metrics"]["step"] == facts["quality"]["step"] == 4


def assert_in_the_pages_words(told: str) -> None:
    """A panel of the page has a title, and its lines have labels: "Variety", "at one contrast"."""
    page = (Path(__file__).parents[2] / "assets" / "lab-chart-names.js").read_text()
    titles = {
        "variety": "Variety",
        "distinct": "Variety",
        "distance": "Fréchet distance",
        "nearest": "Nearest neighbour",
    }
    for name, words in MEASURED.items():
        assert f'"{titles[name]}"' in page
        assert words.lower().startswith(titles[name].lower())
        if rest := words[len(titles[name]) :].strip():
            assert f'{name}: "{rest}"' in page
        assert re.search(rf"^{words} +\d", told, re.MULTILINE), told
    assert "distinct" not in told


def test_what_is_over_says_since_when_once(run: Run, finished: Callable[..., RunFolder]) -> None:
    folder = finished("00000-dcgan-shapes")
    folder.append_event(2, "plateau", "This stopped improving.")
    folder.append_event(4, "plateau-over", "Plateau is over since step 4.")
    told = run("runs", "show", "0").out.splitlines()
    assert {"step 2: This stopped improving.", "Plateau is over since step 4."} <= set(told)


def test_compare_shows_what_differs(run: Run, finished: Callable[..., RunFolder]) -> None:
    finished("00000-dcgan-shapes", quality_steps=2)
    finished("00001-dcgan-shapes", quality_steps=2, recipe={"lr_g": 1e-3})
    told = run("runs", "compare", "0", "1").out
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines()[1:]}
    assert rows["lr_g"] == ["-", "0.001"]
    assert rows["state"] == ["finished", "finished"]
    assert_in_the_pages_words(told)
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
        (["resume", "0", "--steps", "4"], "has done its 4 steps"),
        (["branch", "0", "3"], "keeps nothing of step 3. It has 4."),
        (["rollback", "0", "3"], "keeps nothing of step 3. It has 4."),
        (["rename", "0", "x" * 81], "more than 80 characters"),
        (["delete", "7", "--yes"], "There is no run '7'"),
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


# The record: title, notes, branch, roll back, delete.


def test_titles_and_notes(run: Run, finished: Callable[..., RunFolder]) -> None:
    folder = finished("00000-dcgan-shapes")
    finished("00001-dcgan-shapes")
    assert run("runs", "rename", "0", "Warm colours").out == "00000-dcgan-shapes: title written\n"
    assert run("runs", "note", "0", "Learns too fast.").status == 0
    told = json.loads(run("runs", "note", "0", "Slower next time.", "--add", "--json").out)
    assert told["notes"] == folder.about()["notes"] == "Learns too fast.\nSlower next time."
    shown = run("runs", "show", "0").out
    assert "Warm colours" in shown
    assert "Slower next time." in shown
    rows = run("runs").out.splitlines()
    assert rows[0].split() == ["run", "state", "step", "of", "title"]
    assert rows[1].endswith("Warm colours")
    assert [row["title"] for row in json.loads(run("runs", "--json").out)] == ["Warm colours", ""]


def test_a_branch_from_the_command_line(run: Run, finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    finished("00000-dcgan-shapes", 8, snapshot_steps=4)
    assert "4 (exact), 8 (exact)" in run("runs", "show", "0").out
    told = run("runs", "branch", "0", "4")
    assert told.out.startswith("00001-dcgan-shapes goes on exactly from step 4 of 00000-dcgan-shapes.")
    assert told.out.rstrip().endswith("Train it: gan-core runs resume 00001-dcgan-shapes")
    new = RunFolder(tmp_path / "runs" / "00001-dcgan-shapes")
    assert (new.status()["state"], new.status()["step"]) == ("stopped", 4)
    shown = run("runs", "show", "1")
    assert "from 00000-dcgan-shapes at step 4, exactly as it was" in shown.out
    facts = json.loads(run("runs", "show", "1", "--json").out)
    assert facts["origin"] == {"run": "00000-dcgan-shapes", "step": 4, "exact": True}
    assert facts["points"] == [{"step": 4, "exact": True}]

    assert run("runs", "resume", "1").status == 0
    assert new.status()["state"] == "finished"
    started = run("runs", "branch", "0", "4", "--steps", "10", "--lr-g", "1e-5", "--start", "--json")
    assert json.loads(started.out)["step"] == 10
    third = RunFolder(tmp_path / "runs" / "00002-dcgan-shapes")
    assert third.config().recipe["lr_g"] == 1e-5
    told = json.loads(run("runs", "branch", "0", "8", "--json").out)
    assert (told["id"], told["state"], told["step"]) == ("00003-dcgan-shapes", "stopped", 8)


def test_weights_begin_a_branch_where_no_state_is_kept(run: Run, finished: Callable[..., RunFolder]) -> None:
    finished("00000-dcgan-shapes", 12, snapshot_steps=4, keep_states=0, state_steps=100)
    assert "4 (weights)" in run("runs", "show", "0").out
    assert "keeps only the weights of step 4" in run("runs", "rollback", "0", "4").err
    told = run("runs", "branch", "0", "4", "--steps", "2")
    assert "begins with the weights of step 4 of 00000-dcgan-shapes" in told.out
    assert run("runs", "resume", "1").status == 0
    assert "at step 4, with the weights" in run("runs", "show", "1").out


def test_a_roll_back_from_the_command_line(run: Run, finished: Callable[..., RunFolder]) -> None:
    folder = finished("00000-dcgan-shapes", 8, snapshot_steps=4)
    told = run("runs", "rollback", "0", "4")
    assert told.status == 0
    assert "is back at step 4" in told.out
    assert "aside" in told.out
    assert "00000-dcgan-shapes  stopped  4     8" in run("runs").out
    assert json.loads(run("runs", "resume", "0", "--json").out)["step"] == 8
    assert folder.status()["state"] == "finished"
    assert json.loads(run("runs", "rollback", "0", "4", "--json").out)["state"] == "stopped"


def test_a_finished_run_is_trained_longer(run: Run, finished: Callable[..., RunFolder]) -> None:
    folder = finished("00000-dcgan-shapes", recipe={"decay_from": 1.0})
    assert "gan-core runs resume 00000-dcgan-shapes --steps N" in run("runs", "resume", "0").err
    assert run("runs", "resume", "0", "--steps", "6", "--queue").status == 0
    assert (folder.status()["state"], folder.status()["step"], folder.config().train.steps) == ("finished", 6, 6)


def test_a_deleted_run_is_in_the_trash(
    run: Run, finished: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = finished("00000-dcgan-shapes")
    folder.write_status(state="running", step=4, total_steps=4)
    assert "is running. Nothing was deleted. Stop it first" in run("runs", "delete", "0", "--yes").err
    folder.write_status(state="finished", step=4, total_steps=4)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("runs", "delete", "0").status == 130, "somebody said no"
    assert folder.path.exists()
    told = json.loads(run("runs", "delete", "0", "--yes", "--json").out)
    assert not folder.path.exists()
    assert (Path(told["trash"]) / "config.json").is_file()
    assert "There are no runs" in run("runs").out
    (entry,) = Trash(tmp_path / "runs", kind="run").entries()
    assert entry["name"] == "00000-dcgan-shapes"


def test_the_place_in_the_queue_is_shown(run: Run, finished: Callable[..., RunFolder]) -> None:
    for number in range(3):
        folder = finished(f"0000{number}-dcgan-shapes", 1)
        folder.write_status(state="waiting", step=0, total_steps=9, devices=["cpu"], queued_at=100.0 - number)
    out = run("runs").out
    for number, place in enumerate(("3rd", "2nd", "1st")):
        assert f"0000{number}-dcgan-shapes  waiting ({place})" in out
    assert [row["place"] for row in json.loads(run("runs", "--json").out)] == [3, 2, 1]
    assert "waiting (2nd)" in run("runs", "show", "1").out
    assert "waits in the queue" in run("runs", "pause", "1").err
