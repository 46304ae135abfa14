"""Branches and roll backs: exact ones end with the bits of a run that nobody touched, and nothing is lost."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from gan_core.begin import begin, resolved
from gan_core.errors import ConfigError, GanCoreError, ModelError, RunError
from gan_core.settings import Settings
from gan_core.training import branching
from gan_core.training.branching import ASIDE, START, branch, points, roll_back
from gan_core.training.curves import Curves
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.weights import load
from tests.training.test_resume import assert_identical, final_state, run_for
from tests.training.tiny import FAMILIES, config, lines

both_families = pytest.mark.parametrize("family", list(FAMILIES))
OFTEN = {"snapshot_steps": 3, "sample_steps": 3, "keep_states": 9}


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a folder, to the byte and the moment."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def same_weights(a: Path, b: Path) -> bool:
    names = sorted(path.name for path in a.glob("*.safetensors"))
    return bool(names) and all((a / name).read_bytes() == (b / name).read_bytes() for name in names)


@both_families
def test_an_exact_branch_ends_with_the_bits_of_an_undisturbed_run(tmp_path: Path, family: str) -> None:
    runs = tmp_path / "runs"
    parent = run_for(runs / f"00000-{family}-shapes", config(family, 11, **OFTEN))
    assert {"step": 6, "exact": True} in points(parent)
    before = files(parent.path)
    new = branch(parent, 6, runs)
    assert files(parent.path) == before, "the parent is not touched"
    assert new.id == f"00001-{family}-shapes"
    assert new.about()["origin"] == {"run": parent.id, "step": 6, "exact": True}
    assert (new.status()["state"], new.status()["step"], new.status()["total_steps"]) == ("stopped", 6, 11)
    assert [line["step"] for line in new.metrics()] == [2, 4, 6]
    assert [step for step, _ in new.samples()] == [0, 3, 6]
    assert (new.path / "samples" / "layout.json").is_file()
    assert [point["step"] for point in points(new)] == [3, 6]
    assert "Branched from" in new.events()[-1]["text"]

    list(train(new.config(), new))
    assert new.status()["state"] == "finished"
    assert lines(new) == lines(parent)
    assert_identical(final_state(new), final_state(parent))
    assert same_weights(new.newest_snapshot(), parent.newest_snapshot())
    assert files(parent.path) == before


def test_a_branch_without_a_state_begins_with_the_weights(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    parent = run_for(runs / "00000-dcgan-shapes", config("dcgan", 12, snapshot_steps=3, keep_states=0, state_steps=100))
    assert points(parent)[0] == {"step": 3, "exact": False}
    before = files(parent.path)
    new = branch(parent, 3, runs, steps=2)
    assert new.about()["origin"] == {"run": parent.id, "step": 3, "exact": False}
    assert new.config().train.start_from == f"run:{parent.id}@3"
    assert (new.status()["state"], new.status()["step"]) == ("stopped", 0)
    assert new.metrics() == []
    assert same_weights(new.path / START, parent.snapshot_folder(3))
    list(train(new.config(), new))
    assert "Began with the weights of" in new.events()[0]["text"]
    assert [line["step"] for line in new.metrics()] == [2]
    assert files(parent.path) == before


def test_a_branch_may_have_other_rates_and_more_steps(tmp_path: Path) -> None:
    parent = run_for(tmp_path / "runs" / "00000-dcgan-shapes", config("dcgan", 6, **OFTEN))
    new = branch(parent, 3, tmp_path / "runs", steps=9, lr_g=1e-5)
    assert (new.config().train.steps, new.config().recipe["lr_g"]) == (9, 1e-5)
    list(train(new.config(), new))
    assert new.status()["step"] == 9
    with pytest.raises(ConfigError, match="--size cannot change in a branch"):
        branch(parent, 3, tmp_path / "runs", size=32)
    with pytest.raises(ConfigError, match="--steps 2 is less than the 3 steps done"):
        branch(parent, 3, tmp_path / "runs", steps=2)
    with pytest.raises(RunError, match=r"keeps nothing of step 5\. It has 3, 6"):
        branch(parent, 5, tmp_path / "runs")
    assert len(list_runs(tmp_path / "runs")) == 2, "what was refused left nothing"


def test_a_branch_has_the_rates_of_its_step(tmp_path: Path) -> None:
    """The learning rate was changed at step 4: a branch from step 3 goes on as the run did then."""
    parent = run_for(tmp_path / "runs" / "00000-dcgan-shapes", config("dcgan", 6, **OFTEN), stop_after=4)
    changed = parent.config()
    changed.recipe["lr_g"] = 0.5
    parent.write_config(changed)
    assert branch(parent, 3, tmp_path / "runs").config().recipe.get("lr_g") != 0.5


def test_a_disk_that_fills_while_branching_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = run_for(tmp_path / "runs" / "00000-dcgan-shapes", config("dcgan", 3, **OFTEN))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(branching, "_link", full)
    with pytest.raises(RunError, match="No space left on device"):
        branch(parent, 3, tmp_path / "runs")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [parent.id]


# Roll backs.


@both_families
def test_a_roll_back_is_exact_and_loses_nothing(tmp_path: Path, family: str) -> None:
    whole = run_for(tmp_path / "whole", config(family, 11, **OFTEN))
    run = run_for(tmp_path / "runs" / f"00000-{family}-shapes", config(family, 11, **OFTEN))
    run.append_event(9, "collapse", "All samples look alike.")
    recorded = (run.path / "metrics.jsonl").read_bytes()
    curves = Curves(run.path)
    assert curves.update() == 10
    assert roll_back(run, 6)
    assert (run.status()["state"], run.status()["step"], run.status()["total_steps"]) == ("stopped", 6, 11)
    assert [line["step"] for line in run.metrics()] == [2, 4, 6]
    assert curves.update() == 6, "whoever watches sees it too"
    assert (run.path / "metrics.jsonl").read_bytes().startswith(recorded), "lines are only ever appended"
    assert [point["step"] for point in points(run)] == [3, 6]
    assert [step for step, _ in run.samples()] == [0, 3, 6]
    assert [event["kind"] for event in run.events()] == ["rolled-back"]
    (aside,) = (run.path / ASIDE).iterdir()
    assert {path.name for path in (aside / "snapshots").iterdir()} == {"000009", "000011"}
    assert {path.name for path in (aside / "samples").iterdir()} == {"000009.webp", "000011.webp"}
    assert "000011.pt" in {path.name for path in (aside / "state").iterdir()}

    list(train(run.config(), run))
    assert lines(run) == lines(whole)
    assert_identical(final_state(run), final_state(whole))
    assert same_weights(run.newest_snapshot(), whole.newest_snapshot())
    assert roll_back(run, 6), "and once more"
    assert len(list((run.path / ASIDE).rglob("000011.pt"))) == 2


def test_before_the_first_line_the_curve_is_empty_again(tmp_path: Path) -> None:
    run = run_for(tmp_path / "00000-dcgan-shapes", config("dcgan", 8, log_steps=5, **OFTEN))
    roll_back(run, 3)
    assert [line["step"] for line in run.metrics()] == [3]
    list(train(run.config(), run))
    assert [line["step"] for line in run.metrics()] == [3, 5]


def test_what_cannot_be_rolled_back_is_as_it_was(tmp_path: Path) -> None:
    run = run_for(tmp_path / "00000-dcgan-shapes", config("dcgan", 12, snapshot_steps=3, keep_states=0))
    before = files(run.path)
    with pytest.raises(RunError, match=r"keeps only the weights of step 3.*Branch from that step"):
        roll_back(run, 3)
    with pytest.raises(RunError, match="keeps nothing of step 4"):
        roll_back(run, 4)
    assert files(run.path) == before
    run.write_status(state="running", step=12, total_steps=12, device="cpu")
    with pytest.raises(RunError, match=r"is running\. Nothing was changed\. Stop it first"):
        roll_back(run, 9)


# Beginning with a model's weights.


def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs")


def test_a_run_begins_with_a_model_s_weights(tmp_path: Path, dcgan_folder: Path) -> None:
    where = settings(tmp_path)
    wanted = {"data": "shapes", "start_from": "tiny-dcgan", "steps": 1, "batch": 4, "device": "cpu", "quality_steps": 0}
    run = begin(resolved("dcgan", wanted, {}, {"lr_g": 0.0, "lr_d": 0.0, "ema_decay": 0.5}, where), where)
    assert run.about()["origin"] == {"model": "tiny-dcgan"}
    assert run.config().train.size == 16
    assert run.config().network["latent_dim"] == 8
    list(train(run.config(), run))
    model, start = load(run.newest_snapshot()), load(dcgan_folder)
    assert torch.equal(
        model.networks["generator"].state_dict()["main.0.weight"],
        start.networks["generator"].state_dict()["main.0.weight"],
    ), "with learning rates of 0 the weights stay those of the model"
    state = final_state(run)["modules"]
    assert_identical(state["generator"]["main.0.weight"], state["generator_ema"]["main.0.weight"])
    assert run.events()[0]["text"] == "Began with the weights of tiny-dcgan."
    assert "--start-from tiny-dcgan" in model.config.trained["command"]


def test_a_model_without_a_discriminator_gets_a_new_one(tmp_path: Path, dcgan_folder: Path) -> None:
    (dcgan_folder / "discriminator.safetensors").unlink()
    wanted = {"data": "shapes", "start_from": "tiny-dcgan", "steps": 1, "batch": 4, "device": "cpu", "quality_steps": 0}
    run = begin(resolved("dcgan", wanted, {}, {}, settings(tmp_path)), settings(tmp_path))
    list(train(run.config(), run))
    assert "holds no discriminator, which began anew" in run.events()[0]["text"]


def test_a_translator_goes_on_too(tmp_path: Path, cyclegan_folder: Path) -> None:
    wanted = {"data": "shapes", "start_from": str(cyclegan_folder), "steps": 1, "size": 16, "device": "cpu"}
    where = settings(tmp_path)
    run = begin(resolved("cyclegan", {**wanted, "quality_steps": 0}, {}, {"lr_g": 0.0}, where), where)
    assert run.config().network["blocks"] == 1
    list(train(run.config(), run))
    name = "model.1.weight"
    assert torch.equal(
        load(run.newest_snapshot()).networks["generator_ab"].state_dict()[name],
        load(cyclegan_folder).networks["generator_ab"].state_dict()[name],
    )


def test_a_run_begins_with_a_snapshot_of_another(tmp_path: Path) -> None:
    where = settings(tmp_path)
    parent = run_for(where.runs_dir / "00000-dcgan-shapes", config("dcgan", 6, **OFTEN))
    for name, step in ((f"run:{parent.id}", 6), (f"run:{parent.id}@3", 3), (str(parent.path), 6)):
        run = begin(resolved("dcgan", {"data": "shapes", "start_from": name}, {}, {}, where), where)
        assert run.about()["origin"] == {"run": parent.id, "step": step, "exact": False}
        assert run.config().train.conditional, "as the model has classes"
        assert same_weights(run.path / START, parent.snapshot_folder(step))


@pytest.mark.parametrize(
    ("family", "train_options", "network", "sentence"),
    [
        ("dcgan", {"size": 32}, {}, "--size 32 does not fit tiny-dcgan, which draws 16 px"),
        ("dcgan", {"channels": 1}, {}, "--channels 1 does not fit tiny-dcgan, whose pictures have 3"),
        ("dcgan", {"conditional": True}, {}, "--conditional does not fit tiny-dcgan, which knows no classes"),
        ("dcgan", {}, {"latent_dim": 9}, "--latent-dim 9 contradicts tiny-dcgan, which has 8"),
        ("cyclegan", {}, {}, "tiny-dcgan is a DCGAN model, and cannot start a CycleGAN"),
        ("dcgan", {"start_from": "nothing"}, {}, "There is no model 'nothing'"),
        ("dcgan", {"start_from": "run:nothing"}, {}, "There is no run 'nothing'"),
    ],
)
@pytest.mark.usefixtures("dcgan_folder")
def test_contradictions_are_refused_by_name(
    tmp_path: Path, family: str, train_options: dict, network: dict, sentence: str
) -> None:
    with pytest.raises(GanCoreError, match=sentence):
        resolved(
            family, {"data": "shapes", "start_from": "tiny-dcgan", **train_options}, network, {}, settings(tmp_path)
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("conditional_folder")
def test_classes_must_be_as_many(tmp_path: Path) -> None:
    where = settings(tmp_path)
    run = begin(resolved("dcgan", {"data": "shapes", "start_from": "tiny-conditional"}, {}, {}, where), where)
    with pytest.raises(RunError, match="tiny-conditional knows 3 classes and the data has 4"):
        list(train(run.config(), run))


@pytest.mark.usefixtures("dcgan_folder")
def test_a_damaged_start_stops_the_run_with_a_sentence(tmp_path: Path) -> None:
    where = settings(tmp_path)
    wanted = {"data": "shapes", "start_from": "tiny-dcgan", "device": "cpu"}
    run = begin(resolved("dcgan", wanted, {}, {}, where), where)
    (run.path / START / "generator.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="damaged or not a safetensors file"):
        list(train(run.config(), run))
    assert run.status()["state"] == "failed"


def test_a_long_run_keeps_points_to_go_back_to(tmp_path: Path) -> None:
    run = run_for(tmp_path / "run", config("dcgan", 24, snapshot_steps=1, state_steps=100, keep_states=3))
    found = points(run)
    exact = [point["step"] for point in found if point["exact"]]
    assert len(found) == 8
    assert exact[0] == 1
    assert exact[-2:] == [23, 24]
    assert len(exact) == 5
    assert max(b - a for a, b in pairwise([point["step"] for point in found])) <= 9


def test_origin_survives_json(tmp_path: Path) -> None:
    run = run_for(tmp_path / "runs" / "mine", config("dcgan", 3, **OFTEN))
    new = branch(run, 3, tmp_path / "runs", steps=5)
    assert new.id == "00000-dcgan-mine"
    assert json.loads((new.path / "about.json").read_text())["origin"]["run"] == "mine"
    assert RunFolder(new.path).about()["title"] == ""
