"""The loop: run folders, events, and what happens when a training goes wrong."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_core.devices import pick_device
from gan_core.errors import ConfigError, DataError, GanCoreError, RunError
from gan_core.training import dcgan, heartbeat
from gan_core.training.checks import check
from gan_core.training.events import Ended, Progress, Sampled, Snapshotted, Started
from gan_core.training.liveness import STALE_S
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder, RunGoneError
from gan_core.weights import load
from tests.training.tiny import FAMILIES, config


def new_run(folder: Path, run_config) -> RunFolder:
    run = RunFolder(folder)
    run.create(run_config)
    return run


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_run_folder_holds_all_that_was_promised(tmp_path: Path, family: str) -> None:
    run_config = config(family, 8, sample_steps=4, snapshot_steps=4)
    run = new_run(tmp_path / "run", run_config)
    events = list(train(run_config, run))
    assert isinstance(events[0], Started)
    assert [type(event) for event in events].count(Progress) == 4
    assert [event.step for event in events if isinstance(event, Sampled)] == [0, 4, 8]
    assert [event.step for event in events if isinstance(event, Snapshotted)] == [4, 8]
    assert events[-1] == Ended(8, "finished")

    assert run.config() == run_config
    status = run.status()
    assert {"state", "step", "total_steps", "pid", "host", "device", "heartbeat_at", "error"} <= set(status)
    assert (status["state"], status["step"], status["total_steps"], status["error"]) == ("finished", 8, 8, None)
    assert [step for step, _ in run.samples()] == [0, 4, 8]
    for _, path in run.samples():
        with Image.open(path) as picture:
            assert min(picture.size) >= 16
    assert {"step", "elapsed_s", "images", "loss_g"} <= set(run.metrics()[0])
    model = load(run.newest_snapshot())
    assert model.config.trained["steps"] == 8
    assert model.config.trained["seed"] == 0


def test_the_recipe_brings_the_losses_where_they_belong(tmp_path: Path) -> None:
    """A healthy short training: the discriminator learns, and pictures leave the initial grey."""
    healthy = config("dcgan", 60, batch=32, load_size=None, recipe={"augment": "", "discriminator_steps": 1})
    run = new_run(tmp_path / "run", healthy)
    list(train(healthy, run))
    first, last = run.metrics()[0], run.metrics()[-1]
    assert last["d_real"] > last["d_fake"] + 0.2
    assert last["loss_d"] < first["loss_d"]
    before, after = (Image.open(path).convert("L") for _, path in (run.samples()[0], run.samples()[-1]))
    spread = [picture.crop((0, 0, 16, 16)).getextrema() for picture in (before, after)]
    assert spread[1] != spread[0]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = dcgan.Training.step

    def poisoned(self, number, batches):
        metrics = step(self, number, batches)
        if number == 8:
            with torch.no_grad():
                next(self.generator.parameters()).fill_(float("nan"))
            metrics["loss_g"] = torch.tensor(float("nan"))
        return metrics

    monkeypatch.setattr(dcgan.Training, "step", poisoned)
    run_config = config("dcgan", 40)
    run = new_run(tmp_path / "run", run_config)
    with pytest.raises(RunError, match="stopped at step 9: loss_g is nan"):
        list(train(run_config, run))
    assert run.status()["state"] == "failed"
    assert "Lower the learning rates" in run.status()["error"]
    assert run.events()[-1]["kind"] == "non-finite"
    assert run.states()[-1][0] == 8
    assert run.metrics()[-1]["step"] == 8

    monkeypatch.setattr(dcgan.Training, "step", step)
    list(train(config("dcgan", 12), run))
    assert run.status()["state"] == "finished"


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of a step is computed before its update: a state saved right after must look at the weights."""
    step = dcgan.Training.step

    def poisoned(self, number, batches):
        metrics = step(self, number, batches)
        if number == 7:
            with torch.no_grad():
                next(self.generator.parameters()).fill_(float("inf"))
        return metrics

    monkeypatch.setattr(dcgan.Training, "step", poisoned)
    run_config = config("dcgan", 40)
    run = new_run(tmp_path / "run", run_config)
    with pytest.raises(RunError, match="a weight is not finite"):
        list(train(run_config, run))
    assert run.states()[-1][0] == 4


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "No space left on device. The state of step 4 is kept. Make room"),
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            "out of memory. The state of step 4 is kept. Begin a new run with a smaller --batch",
        ),
    ],
)
def test_a_full_disk_or_memory_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    step = dcgan.Training.step

    def failing(self, number, batches):
        if number == 6:
            raise error
        return step(self, number, batches)

    monkeypatch.setattr(dcgan.Training, "step", failing)
    run = new_run(tmp_path / "run", config("dcgan", 8))
    with pytest.raises(RunError, match="Training stopped at step 6") as caught:
        list(train(config("dcgan", 8), run))
    assert text in str(caught.value)
    assert run.status()["state"] == "failed"


def test_while_it_loads_the_status_tells_the_step_that_it_goes_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told step 0, and a trainer killed at that moment seemed to have lost all."""
    run = new_run(tmp_path / "run", config("dcgan", 4))
    list(train(config("dcgan", 4), run))
    seen = []
    monkeypatch.setattr(RunFolder, "write_status", lambda _, **values: seen.append((values["state"], values["step"])))
    events = train(config("dcgan", 8), run)
    assert next(events).step == 4
    events.close()
    assert seen[0] == ("starting", 4)


def test_a_failure_stands_in_the_status(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run_config = config("dcgan", 4, data=str(tmp_path / "empty"))
    run = new_run(tmp_path / "run", run_config)
    with pytest.raises(DataError, match="holds no pictures"):
        list(train(run_config, run))
    assert run.status()["state"] == "failed"
    assert "holds no pictures" in run.status()["error"]


def test_unreadable_pictures_are_named_in_the_events(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for index in range(9):
        Image.new("RGB", (16, 16), (index * 20, 0, 0)).save(data / f"{index}.png")
    (data / "broken.png").write_bytes(b"\x89PNG nothing")
    run_config = config("dcgan", 2, data=str(data), conditional=False, channels=3)
    run = new_run(tmp_path / "run", run_config)
    list(train(run_config, run))
    assert "broken.png" in run.events()[0]["text"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 24, "load_size": None}, "--size is 24"),
        ({"data": "no/such/place"}, "no such file"),
        ({"recipe": {"lr_g": -1.0}}, "--lr-g is -1.0"),
        ({"recipe": {"augment": "colour"}}, "--augment knows color"),
        ({"network": {"latent_dim": 0}}, "--latent-dim is 0"),
        ({"network": {"nonsense": 1}}, "nonsense"),
    ],
)
def test_options_are_checked_before_anything_is_started(changed: dict, message: str) -> None:
    with pytest.raises(GanCoreError, match=message):
        check(config("dcgan", 4, **changed))


def test_classes_must_be_there_to_be_learnt(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    Image.new("RGB", (16, 16)).save(data / "only.png")
    run_config = config("dcgan", 2, data=str(data))
    with pytest.raises(DataError, match="--conditional needs classes"):
        list(train(run_config, new_run(tmp_path / "run", run_config)))


def test_a_device_that_is_not_here_is_named() -> None:
    with pytest.raises(ConfigError, match="--device cuda:77"):
        pick_device("cuda:77")


def test_wasserstein_with_penalty_and_with_clipping(tmp_path: Path) -> None:
    for name, aid in (("penalty", {"gradient_penalty_weight": 10.0}), ("clip", {"clip": 0.01})):
        run_config = config("dcgan", 4, recipe={"loss": "wasserstein", "r1_weight": 0.0, **aid})
        run = new_run(tmp_path / name, run_config)
        list(train(run_config, run))
        assert run.status()["state"] == "finished"
    weights = load(run.newest_snapshot()).networks["discriminator"].state_dict()
    assert (
        max(float(weights[key].abs().max()) for key in weights if key.endswith("weight") and "embed" not in key)
        <= 0.0101
    )


# Time limit, layout, heartbeat, and a folder that goes away.


def test_the_time_limit_saves_and_stops(tmp_path: Path) -> None:
    run_config = config("dcgan", 100_000, max_hours=1e-4)  # 0.36 s
    run = new_run(tmp_path / "run", run_config)
    events = list(train(run_config, run))
    assert isinstance(events[-1], Ended)
    assert events[-1].state == run.status()["state"] == "stopped"
    assert run.events()[-1]["text"] == "The time limit of 0.0001 h is reached; resume to go on."
    assert run.states()[-1][0] == run.status()["step"] == run.snapshots()[-1][0]


@pytest.mark.parametrize(
    ("family", "layout"),
    [
        ("dcgan", {"columns": 8, "rows": 8, "cell_px": 16, "gap_px": 2}),
        ("cyclegan", {"columns": 4, "rows": 6, "cell_px": 16, "gap_px": 2}),
    ],
)
def test_the_layout_of_the_samples_fits_them(tmp_path: Path, family: str, layout: dict) -> None:
    run_config = config(family, 1)
    run = new_run(tmp_path / "run", run_config)
    list(train(run_config, run))
    assert json.loads((run.path / "samples" / "layout.json").read_text()) == layout
    with Image.open(run.samples()[0][1]) as picture:
        step = layout["cell_px"] + layout["gap_px"]
        assert picture.size == (layout["columns"] * step - 2, layout["rows"] * step - 2)


def test_a_state_stands_beside_every_snapshot(tmp_path: Path) -> None:
    run_config = config("dcgan", 9, snapshot_steps=3, state_steps=100)
    run = new_run(tmp_path / "run", run_config)
    list(train(run_config, run))
    assert [step for step, _ in run.states()] == [step for step, _ in run.snapshots()] == [3, 6, 9]


def test_the_first_state_comes_with_a_snapshot(tmp_path: Path) -> None:
    """A run that is pushed is a model at once, and a run can be looked at long before the interval is over."""
    run_config = config("dcgan", 9, snapshot_steps=7, state_steps=2)
    run = new_run(tmp_path / "run", run_config)
    list(train(run_config, run))
    assert [step for step, _ in run.snapshots()] == [2, 7, 9]
    goes_on = replace(run_config, train=replace(run_config.train, steps=12))
    run.write_config(goes_on)
    list(train(goes_on, run))
    assert [step for step, _ in run.snapshots()] == [2, 7, 9, 12], "there is one already"


def test_the_heart_beats_while_a_step_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher elsewhere took a trainer for dead that read a large data set, or compiled its networks."""
    run_config = config("dcgan", 1)
    run = new_run(tmp_path / "run", run_config)
    step = dcgan.Training.step
    beats = []

    def slow(self, number, batches):
        before = run.written_status()["heartbeat_at"]
        end = time.monotonic() + 30
        while run.written_status()["heartbeat_at"] == before and time.monotonic() < end:
            time.sleep(0.01)
        beats.append(run.written_status()["heartbeat_at"] - before)
        return step(self, number, batches)

    monkeypatch.setattr(dcgan.Training, "step", slow)
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 0.1)
    list(train(run_config, run))
    assert 0 < beats[0] < STALE_S
    assert run.status()["state"] == "finished"
    assert [thread for thread in threading.enumerate() if thread.name == "heartbeat"] == []


def test_a_folder_that_goes_away_ends_the_training_and_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 0.05)
    run_config = config("dcgan", 100_000)
    run = new_run(tmp_path / "runs" / "run", run_config)

    def move_at_step_6() -> None:
        for event in train(run_config, run):
            if isinstance(event, Progress) and event.step == 6:
                (tmp_path / "runs").rename(tmp_path / "moved")

    with pytest.raises(RunGoneError, match=r"Training stopped at step \d+: .*run is gone.*--resume"):
        move_at_step_6()
    assert not (tmp_path / "runs").exists()
    moved = RunFolder(tmp_path / "moved" / "run")
    assert [line["step"] for line in moved.metrics()] == [2, 4, 6]
    shorter = config("dcgan", 10, recipe={"decay_from": 1.0})
    list(train(shorter, moved))
    assert moved.status()["state"] == "finished"


def test_a_folder_that_another_process_took_over_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 0.05)
    run_config = config("dcgan", 100_000)
    run = new_run(tmp_path / "run", run_config)
    theirs = {"state": "running", "step": 1, "total_steps": 2, "pid": 1, "host": "elsewhere"}

    def take_over_at_step_2() -> None:
        for event in train(run_config, run):
            if isinstance(event, Progress) and event.step == 2:
                run.write_status(**theirs)

    with pytest.raises(RunGoneError, match=r"is written by another process now \(1 on elsewhere\)"):
        take_over_at_step_2()
    assert run.written_status()["host"] == "elsewhere"
