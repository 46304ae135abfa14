"""The list of runs and one of them, as the page asks for them."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from gan_core.config import RunConfig, command_line, train_config
from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.training.beginning import remember_beginning
from gan_core.training.run_folder import RunFolder, create_run
from gan_core.ui.lab import overview
from gan_core.ui.lab import runs as module
from gan_core.ui.lab.runs import Runs
from gan_core.ui.run_state import speed
from gan_core.ui.services import Services

ME = {"pid": os.getpid(), "pid_started_at": psutil.Process().create_time()}
NOBODY = {"pid": 2**22 - 1, "pid_started_at": 1.0}


def make(settings, state: str, *, step: int = 50, data: str = "shapes", **more) -> RunFolder:
    """A run without a trainer; where it should seem alive, this process stands for one."""
    config = RunConfig(family="dcgan", train=train_config("dcgan", data=data, steps=100), network={}, recipe={})
    run = create_run(settings.runs_dir, config, Path(data).stem)
    run.write_status(state=state, step=step, total_steps=100, device="CPU", **{**ME, **more})
    return run


def log(run: RunFolder, *steps: int) -> None:
    for step in steps:
        run.append_metrics({"step": step, "elapsed_s": step / 5, "loss_g": 1.0, "images_per_s": 160.0})


@pytest.fixture
def runs(bare: Services, monkeypatch) -> Runs:
    """What is asked is looked at anew."""
    for place in (module, overview):
        monkeypatch.setattr(place, "FRESH_S", -1.0)
    monkeypatch.setattr(overview, "SETTLED_S", -1.0)
    return Runs(bare)


def listed(runs: Runs) -> list[str]:
    answer = runs.list_runs(None)
    assert {row["id"] for row in answer["rows"]} == set(answer["order"])
    return answer["order"]


def test_runs_that_train_come_first_then_those_that_wait_then_the_newest(runs: Runs, settings):
    finished = make(settings, "finished", step=100)
    waiting = [make(settings, "waiting", step=0, queued_at=at) for at in (2.0, 1.0)]
    stopped = make(settings, "stopped")
    running = make(settings, "running")
    assert listed(runs) == [running.id, waiting[1].id, waiting[0].id, stopped.id, finished.id]
    rows = {row["id"]: row for row in runs.list_runs(None)["rows"]}
    assert [rows[run.id]["place"] for run in waiting] == [2, 1]
    assert (rows[running.id]["state"], rows[running.id]["part"], rows[running.id]["active"]) == ("running", 0.5, True)
    assert (rows[stopped.id]["family"], rows[stopped.id]["data"], rows[stopped.id]["size"]) == ("DCGAN", "shapes", 64)


def test_only_what_changed_is_sent(runs: Runs, settings):
    first, second = make(settings, "stopped"), make(settings, "running")
    whole = runs.list_runs(None)
    assert whole["whole"]
    assert runs.list_runs(whole["stamp"]) == {"stamp": whole["stamp"], "same": True}
    second.write_status(state="running", step=60, total_steps=100, device="CPU")
    news = runs.list_runs(whole["stamp"])
    assert [row["id"] for row in news["rows"]] == [second.id]
    assert "order" not in news
    second.write_status(state="finished", step=100, total_steps=100, device="CPU")
    runs.delete_run(first.id)
    news = runs.list_runs(news["stamp"])
    assert news["order"] == [second.id]
    assert runs.list_runs("another server's:7")["whole"]


def test_one_run_is_sent_again_only_when_it_changed(runs: Runs, settings):
    run = make(settings, "running", step=20)
    log(run, 10, 20)
    seen = runs.look(run.id, None)
    shown = seen["run"]
    assert (shown["state"], shown["step"], shown["total_steps"], shown["images_per_s"]) == ("running", 20, 100, 160.0)
    assert shown["left_s"] == 16  # 80 steps at 5 a second.
    assert runs.look(run.id, seen["stamp"]) == {"stamp": seen["stamp"], "same": True}
    log(run, 30)
    again = runs.look(run.id, seen["stamp"])
    assert again["run"]["written"][0] > shown["written"][0]


def test_both_in_one_answer_and_a_run_that_is_gone_is_told(runs: Runs, settings):
    run = make(settings, "stopped")
    answer = runs.watch(run.id, None, None)
    assert answer["look"]["run"]["id"] == run.id
    again = runs.watch(run.id, answer["look"]["stamp"], answer["list"]["stamp"])
    assert (again["look"]["same"], again["list"]["same"]) == (True, True)
    gone = runs.watch("../../etc", None, None)["look"]
    assert gone["gone"]
    assert "no run" in gone["error"]
    assert runs.watch(None, None, None)["look"] is None


def test_the_disk_is_read_once_for_all_visitors(bare: Services, settings, monkeypatch):
    for _ in range(3):
        make(settings, "stopped")
    runs = Runs(bare)
    answer = runs.list_runs(None)
    read = []
    monkeypatch.setattr(overview, "list_runs", lambda *_: read.append(1) or [])
    for _ in range(50):
        assert runs.list_runs(answer["stamp"])["same"]
    assert not read


def test_files_that_did_not_change_are_not_read_again(runs: Runs, settings, monkeypatch):
    run = make(settings, "stopped")
    runs.look(run.id, None)
    for name in ("config", "events", "control", "about", "status", "metrics"):
        monkeypatch.setattr(RunFolder, name, lambda *_, name=name, **__: pytest.fail(f"{name} was read again"))
    assert runs.look(run.id, None)["run"]["id"] == run.id


def test_a_trainer_that_died_is_shown_as_interrupted(runs: Runs, settings):
    run = make(settings, "running", **NOBODY)
    (run.path / "trainer.log").write_text("a line\nRuntimeError: the lights went out\n")
    shown = runs.look(run.id, None)["run"]
    assert (shown["state"], shown["resumable"], shown["active"]) == ("interrupted", True, False)
    assert "the lights went out" in shown["error"]


def test_a_run_whose_configuration_is_damaged_is_listed_and_told(runs: Runs, settings):
    run = make(settings, "stopped")
    (run.path / "config.json").write_text("{")
    shown = runs.look(run.id, None)["run"]
    assert shown["id"] in listed(runs)
    assert "damaged" in shown["error"]
    assert shown["command"] is None


def test_findings_are_told_apart_from_notices_and_speak_without_flags(runs: Runs, settings):
    run = make(settings, "stopped")
    run.append_event(10, "control", "Changed while training: --lr-d 0.0001.")
    run.append_event(20, "plateau", "This stopped improving. Lower --lr-d.")
    events = runs.look(run.id, None)["run"]["events"]
    assert [(event["step"], event["finding"]) for event in events] == [(10, False), (20, True)]
    assert events[0]["text"] == "Changed while training: learning rate of D 0.0001."
    assert events[1]["text"] == "This stopped improving. Lower learning rate of D."


def test_a_card_counts_the_findings_that_are_open(runs: Runs, settings):
    run = make(settings, "stopped")
    for step, kind in enumerate(["control", "plateau", "oscillation", "plateau", "plateau-over", "interrupted"]):
        run.append_event(step, kind, "A sentence.")
    assert runs.look(run.id, None)["run"]["findings"] == ["Oscillation"]


def test_settings_are_written_for_the_trainer_and_nonsense_is_refused(runs: Runs, settings):
    run = make(settings, "running")
    now = runs.run_settings(run.id)["values"]
    assert (now["lr_g"], now["sample_steps"]) == (0.0002, 500)
    answer = runs.set_run(run.id, {**now, "lr_d": 1e-4, "sample_steps": 50.0})
    assert answer["changed"] == ["lr_d", "sample_steps"]
    assert run.control() == {"lr_d": 1e-4, "sample_steps": 50}
    assert runs.run_settings(run.id)["values"]["lr_d"] == 1e-4
    assert runs.set_run(run.id, {"lr_d": 1e-4})["changed"] == []
    bad = [{"lr_g": 5}, {"lr_g": None}, {"lr_g": float("nan")}, {"sample_steps": 0}, {"sample_steps": 1.5}]
    for values in [*bad, {"sample_steps": True}, {"lr_g": "fast"}, {"seed": 3}, {}, None, {"lr_g": [1]}]:
        with pytest.raises(ConfigError, match="Nothing was changed"):
            runs.set_run(run.id, values)
    assert run.control() == {"lr_d": 1e-4, "sample_steps": 50}
    done = make(settings, "finished", step=100)
    with pytest.raises(RunError, match="is finished"):
        runs.set_run(done.id, {"lr_g": 1e-4})


def test_pausing_and_waking(runs: Runs, settings):
    run = make(settings, "running")
    runs.pause_run(run.id)
    assert runs.look(run.id, None)["run"]["control"]["paused"] is True
    run.write_status(state="paused", step=50, total_steps=100, device="CPU")
    runs.resume_run(run.id)
    assert run.control()["paused"] is False
    for state in ("finished", "paused", "waiting"):
        run.write_status(state=state, step=100, total_steps=100, device="CPU")
        with pytest.raises(RunError, match="Only a run that trains"):
            runs.pause_run(run.id)


def test_title_and_notes(runs: Runs, settings):
    run = make(settings, "stopped")
    runs.rename_run(run.id, "  Lower   rates ")
    runs.note_run(run.id, "As in the paper.\nOr nearly.")
    shown = runs.look(run.id, None)["run"]
    assert (shown["title"], shown["notes"], shown["id"]) == ("Lower rates", "As in the paper.\nOr nearly.", run.id)
    runs.rename_run(run.id, "")
    assert runs.look(run.id, None)["run"]["title"] == run.id
    with pytest.raises(GanCoreError, match="80"):
        runs.rename_run(run.id, "x" * 81)
    with pytest.raises(GanCoreError, match="20,000"):
        runs.note_run(run.id, "x" * 20_001)


def test_a_run_goes_to_the_trash_and_comes_back_or_goes_for_good(runs: Runs, settings):
    active, run = make(settings, "running"), make(settings, "stopped")
    with pytest.raises(RunError, match="Stop it first"):
        runs.delete_run(active.id)
    answer = runs.delete_run(run.id)
    assert listed(runs) == [active.id]
    assert [one["name"] for one in answer["deleted"]] == [run.id]
    assert runs.restore_run(answer["id"])["run"] == run.id
    assert run.id in listed(runs)
    again = runs.delete_run(run.id)
    assert runs.discard_run(again["id"])["deleted"] == []
    for id in (again["id"], "../..", None, 3):
        with pytest.raises(GanCoreError, match="not in the trash"):
            runs.restore_run(id)


def test_a_run_in_a_folder_of_any_name_can_be_deleted_and_restored(runs: Runs, settings):
    run = make(settings, "stopped")
    named = RunFolder(run.path.rename(run.path.with_name("My first Run")))
    answer = runs.delete_run(named.id)
    assert runs.restore_run(answer["id"])["run"] == named.id


def test_commands_run_it_again_or_on(runs: Runs, settings):
    run = make(settings, "stopped")
    shown = runs.look(run.id, None)["run"]
    assert shown["command"].startswith("gan-core train dcgan --data shapes --steps 100")
    assert shown["resume_command"] == f"gan-core train dcgan --run {settings.runs_dir / run.id} --resume"


def test_the_command_is_that_of_the_beginning_whatever_was_changed_since(runs: Runs, settings):
    """It named the learning rate and the steps of now, and called that the same training."""
    run = make(settings, "stopped", step=0)
    assert runs.look(run.id, None)["run"]["command_of"] == "begun"
    remember_beginning(run)
    log(run, 10)
    first = run.config()
    assert runs.look(run.id, None)["run"]["command_of"] == "begun"
    run.write_config(replace(first, train=replace(first.train, steps=200), recipe={"lr_g": 0.001}))
    run.write_status(state="finished", step=200, total_steps=200, device="CPU")
    shown = runs.look(run.id, None)["run"]
    assert (shown["command_of"], shown["command"]) == ("changed", command_line(first))
    assert shown["resume_command"] == f"gan-core runs resume {settings.runs_dir / run.id} --steps 400"
    (run.path / "begun.json").unlink()  # A run of before.
    shown = runs.look(run.id, None)["run"]
    assert (shown["command_of"], "--lr-g 0.001" in shown["command"]) == ("now", True)


def test_begun_does_not_move_when_settings_change(runs: Runs, settings):
    """It was the time of config.json, which is written anew whenever a setting changes."""
    run = make(settings, "stopped", step=0)
    os.utime(run.path / "config.json", (1000.0, 1000.0))
    remember_beginning(run)
    run.write_config(run.config())
    remember_beginning(run)
    assert runs.look(run.id, None)["run"]["started_at"] == 1000.0


def test_the_step_is_not_behind_the_samples_that_stand_beside_it(runs: Runs, settings):
    """The status is written every two seconds, samples may be newer."""
    run = make(settings, "running", step=20)
    log(run, 10, 20, 30)
    run.write_sample(32, Image.new("RGB", (8, 8)))
    shown = runs.look(run.id, None)["run"]
    assert (shown["step"], shown["part"]) == (32, 0.32)
    # What an earlier trainer wrote is of steps that are to be done again.
    for path in (run.path / "metrics.jsonl", run.path / "samples" / "000032.webp"):
        os.utime(path, (ME["pid_started_at"] - 1, ME["pid_started_at"] - 1))
    run.write_status(state="running", step=21, total_steps=100, device="CPU")
    assert runs.look(run.id, None)["run"]["step"] == 21


def test_an_interrupted_run_tells_where_it_goes_on(runs: Runs, settings):
    run = make(settings, "running", step=42, **NOBODY)
    assert runs.look(run.id, None)["run"]["resumes_at"] == 0
    (run.part("state") / "000040.pt").touch()
    assert runs.look(run.id, None)["run"]["resumes_at"] == 40


def test_the_speed_is_that_of_the_last_ten_seconds(settings):
    """It was that of the newest line alone, and leapt."""
    run = make(settings, "running")
    assert speed(run, 100) == (None, None)
    for second in range(30):
        steps = second + max(0, second - 15)  # From the 16th second on, twice as fast.
        run.append_metrics(
            {"step": steps + 1, "elapsed_s": second, "images": 8 * steps, "images_per_s": 999.0 * second}
        )
    assert speed(run, 101) == (16.0, (101 - 44) / 2)


def test_hundreds_of_runs_cost_little(bare: Services, settings):
    """Once seen, a look at 300 runs takes a fraction of a second, on a busy machine too."""
    first = make(settings, "stopped")
    content = {name: (first.path / name).read_bytes() for name in ("config.json", "status.json")}
    for number in range(1, 300):
        folder = settings.runs_dir / f"{number:05d}-dcgan-shapes"
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    runs = Runs(bare)
    stamp = runs.list_runs(None)["stamp"]
    began_at = time.process_time()
    answer = runs._overview.since(stamp, fresh=True)
    assert answer["same"]
    assert time.process_time() - began_at < 0.25
    assert len(json.dumps(answer)) < 100
