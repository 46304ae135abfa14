"""`gan-core train` in one process; signals, kills and torchrun stand in tests/training."""

import json
import shlex
import threading
import time
from pathlib import Path

from gan_core.training.run_folder import RunFolder
from tests.cli.conftest import Run
from tests.training.tiny import command, config

TINY = [str(part) for part in command(config("dcgan", 4), Path("runs/x"))[3:]]


def test_train_to_resume_to_models(run: Run, tmp_path: Path) -> None:
    first = run(*TINY, "--json")
    assert first.status == 0
    assert json.loads(first.out) == {"run": "runs/x", "state": "finished", "step": 4}
    assert "Finished at step 4" in first.err
    again = run(*TINY)
    assert again.status == 1
    assert "runs/x exists" in again.err
    more = run("train", "dcgan", "--run", "runs/x", "--resume", "--steps", "6", "--quiet")
    assert more == (0, "", "")
    folder = RunFolder(tmp_path / "runs" / "x")
    assert folder.config().train.steps == 6
    assert [line["step"] for line in folder.metrics()] == [2, 4, 6]


def test_the_command_of_a_resumed_run_is_that_of_the_whole_run(run: Run, tmp_path: Path) -> None:
    """Once the card of a resumed run told `--run X --resume --steps N`, from which nobody could repeat it."""
    run(*TINY)
    run("train", "dcgan", "--run", "runs/x", "--resume", "--steps", "6", "--quiet")
    config_json = json.loads((tmp_path / "runs" / "x" / "snapshots" / "000006" / "config.json").read_text())
    command = config_json["trained"]["command"]
    assert command.startswith("gan-core train dcgan --data shapes --size 16 --conditional --steps 6 --batch 8")
    again = [*shlex.split(command)[1:], "--run", "runs/y", "--quiet"]
    assert run(*again).status == 0
    x, y = (RunFolder(tmp_path / "runs" / name).config() for name in "xy")
    assert x == y


def test_a_run_is_not_resumed_to_less_than_it_has(run: Run, tmp_path: Path) -> None:
    run(*TINY)
    result = run("train", "dcgan", "--run", "runs/x", "--resume", "--steps", "2")
    assert result.status == 1
    assert "less than the 4 steps done" in result.err
    assert RunFolder(tmp_path / "runs" / "x").config().train.steps == 4


def test_runs_with_names_of_their_own_are_listed(run: Run) -> None:
    run(*TINY)
    assert "x    finished  4     4" in run("runs").out


def test_the_classes_are_kept_with_the_model(run: Run, tmp_path: Path) -> None:
    run(*TINY)
    config_json = json.loads((tmp_path / "runs" / "x" / "snapshots" / "000004" / "config.json").read_text())
    assert config_json["classes"] == ["circle", "square", "triangle", "ring"]


def test_what_may_not_change_on_resume_is_named(run: Run) -> None:
    run(*TINY)
    for flag, value in (("--lr-g", "0.1"), ("--batch", "16"), ("--latent-dim", "4")):
        result = run("train", "dcgan", "--run", "runs/x", "--resume", flag, value)
        assert result.status == 1
        assert f"{flag} cannot change" in result.err
    result = run("train", "cyclegan", "--run", "runs/x", "--resume")
    assert "trains dcgan, not cyclegan" in result.err


def test_resume_begins_a_run_that_has_not_begun(run: Run) -> None:
    result = run(*TINY, "--resume", "--json", "--quiet")
    assert json.loads(result.out)["state"] == "finished"


def test_numbered_runs_and_their_list(run: Run, tmp_path: Path) -> None:
    numbered = [part for part in TINY if part not in ("--run", "runs/x")]
    assert run(*numbered, "--quiet").status == 0
    assert run(*numbered, "--quiet").status == 0
    listed = json.loads(run("runs", "--json").out)
    assert [item["id"] for item in listed] == ["00000-dcgan-shapes", "00001-dcgan-shapes"]
    assert {item["state"] for item in listed} == {"finished"}
    assert "00001-dcgan-shapes  finished" in run("runs").out
    # A snapshot inside a run is a model like any other.
    result = run("generate", tmp_path / "runs" / "00000-dcgan-shapes", "--seeds", "3", "--out", "one.png")
    assert result.status == 0


def test_a_run_that_failed_says_why_in_the_list(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("train", "dcgan", "--data", "empty", "--size", "16")
    assert result.status == 1
    assert "holds no pictures" in result.err
    listed = run("runs").out
    assert "failed" in listed
    assert "holds no pictures" in listed


def test_help_shows_a_family_s_own_options_in_sections(run: Run) -> None:
    """Once all options stood in one list, among them those of the other kind of family."""
    translator, generator = run("train", "cyclegan", "--help").out, run("train", "dcgan", "--help").out
    for text in (translator, generator):
        sections = [line.rstrip(":") for line in text.splitlines() if line[:1].strip() and line.endswith(":")]
        assert sections == ["Training", "Network", "Recipe", "Run", "Hub", "Other"]
    assert "--domain-a" in translator
    assert "--domain-a" not in generator
    assert "--conditional" in generator
    assert "--conditional" not in translator


def test_a_run_starts_from_a_model(run: Run, dcgan_folder: Path, tmp_path: Path) -> None:
    short = ["--data", "shapes", "--steps", "1", "--batch", "4", "--device", "cpu", "--quality-steps", "0"]
    told = run("train", "dcgan", *short, "--start-from", "tiny-dcgan", "--quiet", "--json")
    assert told.status == 0
    folder = RunFolder(tmp_path / "runs" / "00000-dcgan-shapes")
    assert folder.about()["origin"] == {"model": "tiny-dcgan"}
    assert folder.config().train.size == 16
    assert (folder.path / "start" / "generator.safetensors").read_bytes() == (
        dcgan_folder / "generator.safetensors"
    ).read_bytes()
    assert "with the weights of tiny-dcgan" in run("runs", "show", "0").out
    # The command of the run can be given again.
    line = json.loads((folder.newest_snapshot() / "config.json").read_text())["trained"]["command"]
    assert run(*shlex.split(line)[1:], "--quiet").status == 0
    again = RunFolder(tmp_path / "runs" / "00001-dcgan-shapes")
    assert again.config() == folder.config()
    refused = run("train", "dcgan", *short, "--start-from", "tiny-dcgan", "--size", "32")
    assert refused.status == 1
    assert "--size 32 does not fit tiny-dcgan" in refused.err


def test_a_queue_of_one_begins_at_once(run: Run) -> None:
    result = run(*TINY, "--queue", "--json", "--quiet")
    assert result.status == 0
    assert json.loads(result.out)["state"] == "finished"


def test_waiting_tells_for_whom_and_ends_by_the_stop_file(run: Run, tmp_path: Path) -> None:
    run(*TINY, "--quiet")
    other = RunFolder(tmp_path / "runs" / "x")
    other.write_status(state="running", step=1, total_steps=4, devices=["cpu"])
    mine = RunFolder(tmp_path / "runs" / "y")
    stopper = threading.Thread(target=_stop_when_waiting, args=(mine,))
    stopper.start()
    arguments = [part if part != "runs/x" else "runs/y" for part in TINY]
    result = run(*arguments, "--queue", "--json")
    stopper.join()
    assert "runs/y waits for x, as number 1 of the queue" in result.err
    assert json.loads(result.out)["state"] == "stopped"


def _stop_when_waiting(folder: RunFolder) -> None:
    end = time.monotonic() + 60
    while folder.written_status().get("state") != "waiting" and time.monotonic() < end:
        time.sleep(0.05)
    folder.ask_to_stop()


def test_a_run_is_not_started_twice(run: Run, tmp_path: Path) -> None:
    run(*TINY, "--quiet")
    folder = RunFolder(tmp_path / "runs" / "x")
    folder.write_status(state="running", step=1, total_steps=4, host="elsewhere", pid=1)
    result = run("train", "dcgan", "--run", "runs/x", "--resume", "--steps", "9")
    assert result.status == 1
    assert "runs/x is running, as process 1 on elsewhere. Nothing was started." in result.err
    assert folder.config().train.steps == 4, "and nothing was changed"
