"""The form for a new run: what is told before the start, what is refused, and the start."""

import json
import shutil
from dataclasses import replace

import pytest

from gan_core.config import RunConfig, TrainConfig, train_config
from gan_core.families import trainable
from gan_core.settings import Settings
from gan_core.training.run_folder import create_run
from gan_core.ui.lab import form as form_module
from gan_core.ui.lab.form import CHANGES, LOOKS, Form
from gan_core.ui.limits import LimitError, within_limits
from gan_core.ui.services import Services
from tests.ui.lab_forms import TINY, answer, asked, form, root, uploads

__all__ = ["form", "root", "uploads"]


# What there is to choose from.


def test_nothing_of_it_is_for_those_who_only_watch():
    assert not LOOKS
    assert all(callable(getattr(Form, name)) for name in CHANGES)


def test_open_describes_every_family_that_is_trained(form):
    found = answer(form, "form_open")
    json.dumps(found)
    assert [family["name"] for family in found["families"]] == list(trainable())
    for family in found["families"]:
        assert family["defaults"]["steps"] == train_config(family["name"], data="").steps
        for section in family["sections"]:
            assert all(option["help"] for option in section["options"]), "every option has its documentation line"
    assert found["known"][0]["value"] == "shapes"
    assert found["known"][0]["here"]
    assert not found["known"][1]["here"]


def test_a_family_without_presets_works_too(form, monkeypatch):
    monkeypatch.setattr(form_module, "presets", lambda _: ())
    assert all(family["presets"] == [] for family in answer(form, "form_open")["families"])


# Check, estimate, start.


def test_command_is_the_one_that_runs_the_same_again(form):
    found = answer(form, "form_check", form=asked(recipe={"augment": "color,cutout"}))
    assert found["command"].startswith("gan-core train dcgan --data shapes --size 16 --steps 4 --batch 2")
    assert found["command"].endswith("--generator-features 4 --discriminator-features 4 --augment color,cutout")
    assert found["resolved"]["train"]["log_steps"] == 1


@pytest.mark.parametrize(
    ("changed", "field", "text"),
    [
        ({"train": {"size": 48}}, "size", "Size is 48; it must be a power of two"),
        ({"train": {"batch": 0}}, "batch", "Batch is 0;"),
        ({"recipe": {"lr_g": 3}}, "lr_g", "Learning rate G is 3.0;"),
        ({"recipe": {"augment": "rain"}}, "augment", "Augment knows"),
        ({"network": {"latent_dim": 0}}, "latent_dim", "Latent dim is 0;"),
        ({"data": "at:0/flat.zip", "train": {"conditional": True}}, "conditional", "Conditional needs classes"),
        ({"data": "at:0/pairs"}, "data", "This data holds two domains"),
        ({"family": "cyclegan", "train": {"size": 30}}, "size", "Size 30 does not suit"),
        ({"family": "cyclegan", "data": "mnist"}, "data", "MNIST is one set of pictures"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(form, settings, changed, field, text):
    sent = asked(**changed)
    for name in ("form_check", "start"):
        found = answer(form, name, form=sent)
        assert (found["ok"], found["field"]) == (False, field)
        assert found["error"].startswith(text)
    assert not settings.runs_dir.exists(), "nothing was made"


def test_everything_that_is_wrong_is_told_at_once(form):
    sent = asked(data="at:0/pairs", train={"size": 48, "batch": 0}, network={"latent_dim": 0}, recipe={"lr_g": 7})
    found = answer(form, "form_check", form=sent)
    assert set(found["errors"]) == {"data", "size", "batch", "latent_dim", "lr_g"}
    assert found["errors"]["lr_g"] == "Learning rate G is 7.0; it must lie between 0 and 1."
    assert answer(form, "start", form=sent)["errors"] == found["errors"]


@pytest.mark.parametrize("size", [5, 33, 512, 32.5, "?"])
def test_a_size_is_told_the_whole_rule(form, size):
    found = answer(form, "form_check", form=asked(train={"size": size}))
    assert found["errors"]["size"].endswith("it must be a power of two from 16 to 256.")


def test_data_that_nobody_has_seen_is_assumed(form):
    assert answer(form, "form_check", form=asked(data="hub:user/name"))["assumed"]
    assert not answer(form, "form_check", form=asked(data="fashion-mnist"))["assumed"]
    assert not answer(form, "form_check", form=asked())["assumed"]


def test_estimate_is_made_beside_the_server_and_remembered(form):
    try:
        found = answer(form, "form_estimate", form=asked())
        assert found["ok"], found
        assert found["estimate"]["total_s"] > found["estimate"]["step_s"] > 0
        process = form._estimator._process
        assert answer(form, "form_estimate", form=asked()) == found
        assert form._estimator._process is process
    finally:
        form._estimator.close()


@pytest.fixture
def begun(form, monkeypatch):
    """What was given to the runner, which starts nothing."""
    given = []

    def begin(config, push=None):
        given.append((config, push))
        return create_run(form._services.settings.runs_dir, config, "data")

    monkeypatch.setattr(form._services.runs, "begin", begin)
    return given


def test_start_hands_over_what_was_chosen(form, begun, root):
    found = answer(form, "start", form=asked(data="at:0/insects", train={"conditional": True}))
    assert found == {"ok": True, "run": begun and create_id(form)}
    ((config, push),) = begun
    assert push is None
    assert (config.train.data, config.train.size, config.train.conditional) == (str(root / "insects"), 16, True)
    assert config.network == TINY


def create_id(form):
    (run,) = form._services.runs.newest_first()
    return run.id


def test_tensorboard_chosen_in_the_form_leaves_event_files(form):
    pytest.importorskip("tensorboard")
    found = answer(form, "start", form=asked(train={"tensorboard": True, "device": "cpu"}))
    run = form._services.runs.find(found["run"])
    child, _ = form._services.runs._children[run.id]
    assert child.wait(120) == 0, (run.path / "trainer.log").read_text()
    assert run.status()["state"] == "finished"
    assert list((run.path / "tensorboard").glob("events.out.tfevents.*"))


def test_start_from_a_model_takes_its_networks(begun_services):
    form, begun = begun_services
    sent = {"family": "dcgan", "data": "shapes", "train": {"steps": 4, "batch": 2}, "start_from": "tiny-dcgan"}
    found = answer(form, "start", form=sent)
    assert found["ok"], found
    ((config, push),) = begun
    assert push is None
    assert (config.train.start_from, config.train.size) == ("tiny-dcgan", 16)
    assert config.network["generator_features"] == 8
    other = answer(form, "start", form={**sent, "start_from": "tiny-cyclegan"})
    assert not other["ok"]
    for stranger in ("../secret", "/etc", "hub:user/name", "run:x@1", 7):
        assert not answer(form, "start", form={**sent, "start_from": stranger})["ok"]
    assert len(begun) == 1


@pytest.fixture
def begun_services(services, monkeypatch):
    given = []

    def begin(config, push=None):
        given.append((config, push))
        return create_run(services.settings.runs_dir, config, "data")

    monkeypatch.setattr(services.runs, "begin", begin)
    return Form(services), given


def test_a_stopped_run_can_be_gone_on_with(form, settings, monkeypatch):
    config = RunConfig(family="dcgan", train=train_config("dcgan", data="shapes", steps=50), network={}, recipe={})
    run = create_run(settings.runs_dir, config, "shapes")
    run.write_status(state="stopped", step=20, total_steps=50, device="CPU")
    (listed,) = answer(form, "form_open")["runs"]
    assert (listed["id"], listed["step"], listed["state"]) == (run.id, 20, "stopped")
    assert listed["command"].endswith(f"--run {run.path} --resume")
    given = []
    monkeypatch.setattr(form._services.runs, "resume", lambda *asked: given.append(asked))
    assert answer(form, "form_resume", run=run.id, steps=80)["ok"]
    assert answer(form, "form_resume", run=run.id, steps=50)["ok"]
    assert given == [(run.id, 80), (run.id, None)]
    assert answer(form, "form_resume", run=run.id, steps="x")["field"] == "steps"
    assert not answer(form, "form_resume", run="../x", steps=5)["ok"]


# Limits.


def limited(**limits):
    return Settings(**limits)


def test_limits_name_who_set_them():
    config = RunConfig(family="dcgan", train=TrainConfig(data="shapes", steps=6000, size=64), network={}, recipe={})
    with pytest.raises(LimitError, match=r"^This server trains at most 5,000 steps\. Nothing was started\. .*STEPS"):
        within_limits(config, limited(max_steps=5000))
    with pytest.raises(LimitError, match=r"^This server trains at most 32 px\. Nothing was started\. .*MAX_SIZE"):
        within_limits(config, limited(max_size=32))
    assert within_limits(config, limited()) is config
    assert within_limits(config, limited(max_hours=2)).train.max_hours == 2
    shorter = replace(config, train=replace(config.train, max_hours=1.0))
    assert within_limits(shorter, limited(max_hours=2)).train.max_hours == 1


def test_limits_hold_for_check_start_and_resume(settings):
    form = Form(Services(replace(settings, max_steps=3, max_hours=0.5)))
    for name in ("form_check", "start"):
        found = answer(form, name, form=asked())
        assert (found["field"], found["error"][:41]) == ("steps", "This server trains at most 3 steps. Nothi")
    assert "--max-hours 0.5" in answer(form, "form_check", form=asked(train={"steps": 2}))["command"]
    config = RunConfig(family="dcgan", train=train_config("dcgan", data="shapes", steps=2), network={}, recipe={})
    run = create_run(settings.runs_dir, config, "shapes")
    assert answer(form, "form_resume", run=run.id, steps=8)["field"] == "steps"
    shutil.rmtree(run.path)
