"""The form for a new run: what may be chosen, what is told before the start, and what is refused."""

import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.config import RunConfig, TrainConfig, train_config
from gan_core.errors import ConfigError, DataError
from gan_core.families import trainable
from gan_core.settings import Settings
from gan_core.training.run_folder import create_run
from gan_core.ui.lab import form as form_module
from gan_core.ui.lab.form import CHANGES, LOOKS, Form
from gan_core.ui.lab.options import sections, typed
from gan_core.ui.lab.sources import Sources
from gan_core.ui.limits import LimitError, within_limits
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from tests.data.pictures import png, write_folder

TINY = {"generator_features": 4, "discriminator_features": 4}


def asked(family="dcgan", **changed):
    train = {"size": 16, "steps": 4, "batch": 2}
    values = {"family": family, "data": "shapes", "train": train, "network": TINY, "recipe": {}}
    if family == "cyclegan":
        values["network"] = {**TINY, "blocks": 1, "discriminator_layers": 1}
    return {**values, **changed, "train": {**train, **changed.get("train", {})}}


@pytest.fixture(autouse=True)
def uploads(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(form_module, "get_upload_folder", lambda: str(folder))
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    """An allowed root with a folder of two classes, a zip, two domains, and what must not be seen."""
    root = tmp_path / "root"
    files = {f"{name}/{number}.png": png(number) for name in ("ants", "bees") for number in range(4)}
    write_folder(root / "insects", files)
    write_folder(root / "pairs", {f"train{side}/{number}.png": png(number) for side in "AB" for number in range(3)})
    with zipfile.ZipFile(root / "flat.zip", "w") as archive:
        archive.writestr("one.png", png(1))
        archive.writestr("two.png", b"broken")
    (root / "notes.txt").write_text("not data")
    (root / ".hidden").mkdir()
    secret = write_folder(tmp_path / "secret", {"a.png": png(1)})
    (root / "way-out").symlink_to(secret)
    (root / "loop").symlink_to(root / "loop")
    (root / "inside").symlink_to(root / "insects")
    return root


@pytest.fixture
def form(settings: Settings, root: Path) -> Form:
    return Form(Services(replace(settings, data_roots=(root,))))


def answer(made: Form, name: str, /, **request):
    return served(getattr(made, name), CHANGES[name])(request)


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


def test_options_are_those_of_the_command_line():
    from gan_core.training import get_training

    found = {section["part"]: {one["name"]: one for one in section["options"]} for section in sections("dcgan")}
    assert set(found["recipe"]) == set(get_training("dcgan").Recipe.__dataclass_fields__)
    assert found["recipe"]["loss"]["choices"] == ["bce", "least-squares", "hinge", "wasserstein"]
    assert found["train"]["flip"]["kind"] == "yesno"
    assert found["train"]["precision"]["kind"] == "choice"
    assert found["network"]["latent_dim"]["default"] == 100
    assert "classes" not in found["network"], "it follows from the data"
    assert "domain_a" not in found["train"]
    cyclegan = {one["name"] for section in sections("cyclegan") for one in section["options"]}
    assert "conditional" not in cyclegan
    assert "cycle_weight" in cyclegan


def test_a_family_without_presets_works_too(form, monkeypatch):
    monkeypatch.setattr(form_module, "presets", lambda _: ())
    assert all(family["presets"] == [] for family in answer(form, "form_open")["families"])


# Values that come over the network.


@pytest.mark.parametrize(
    ("part", "values", "text"),
    [
        ("train", {"size": 32.5}, "--size is '32.5'; it takes a whole number"),
        ("train", {"steps": float("inf")}, "--steps is 'inf'"),
        ("train", {"flip": 1}, "--flip is '1'; it takes yes or no"),
        ("train", {"device": ["cpu"]}, "--device is"),
        ("train", {"device": "x" * 300}, "--device is"),
        ("recipe", {"lr_g": "fast"}, "--lr-g is 'fast'; it takes a number"),
        ("recipe", {"lr_g": True}, "--lr-g is 'True'"),
        ("network", {"__class__": 1}, "no option '__class__'"),
        ("train", {"domain_a": "x"}, "no option 'domain_a'"),
    ],
)
def test_values_of_another_type_are_refused_by_their_flag(part, values, text):
    with pytest.raises(ConfigError) as refused:
        typed("dcgan", part, values)
    assert str(refused.value).startswith(text) or text in str(refused.value)


def test_good_values_get_their_type():
    found = typed("dcgan", "train", {"size": 32.0, "seed": "9223372036854775807", "load_size": None, "device": "cpu"})
    assert found == {"size": 32, "seed": 2**63 - 1, "device": "cpu"}
    assert typed("dcgan", "recipe", {"lr_g": 1}) == {"lr_g": 1}
    assert typed("dcgan", "recipe", "nonsense") == {}


@pytest.mark.parametrize("sent", [None, 3, {}, {"family": "pix2pix"}, {"family": ["dcgan"]}, {"family": "dcgan"}])
def test_rubbish_is_answered_with_a_sentence(form, sent):
    for name in ("form_check", "form_estimate", "start"):
        found = answer(form, name, form=sent)
        assert not found["ok"]
        assert found["error"].endswith(("Choose one.", "Choose some."))


# Data.


def test_roots_show_folders_and_zips_and_nothing_else(form, root):
    top = answer(form, "form_browse", place="")
    assert [entry["name"] for entry in top["entries"]] == [root.name]
    found = answer(form, "form_browse", place=top["entries"][0]["value"])
    listed = [(entry["name"], entry["kind"]) for entry in found["entries"]]
    assert listed == [("insects", "folder"), ("inside", "folder"), ("pairs", "folder"), ("flat.zip", "zip")]
    below = answer(form, "form_browse", place="at:0/insects")
    assert [entry["value"] for entry in below["entries"]] == ["at:0/insects/ants", "at:0/insects/bees"]
    assert below["parent"] == "at:0/"


@pytest.mark.parametrize(
    "value",
    [
        "at:0/../secret",
        "at:0/way-out",
        "at:0/way-out/a.png",
        "at:0//etc",
        "at:0/insects/../../secret",
        "at:1/",
        "at:0/loop",
        "at:0/notes.txt",
        "at:0/\0",
        "at:-1/",
        "/etc",
        "upload:../../x/a.zip",
        "upload:000000000000/a.zip",
        "hub:../..",
        "hub:user",
        "",
        None,
        7,
    ],
)
def test_nothing_outside_of_the_roots_is_taken(form, value):
    for name, request in (
        ("form_data", {"data": value, "family": "dcgan"}),
        ("form_preview", {"form": asked(data=value)}),
        ("start", {"form": asked(data=value)}),
    ):
        found = answer(form, name, **request)
        assert not found["ok"], (name, value)
        assert found["field"] == "data"
        assert "secret" not in found["error"].replace(str(value), "")


@pytest.mark.parametrize("place", ["at:0/../secret", "at:0/way-out", "at:0/flat.zip", "at:9/", "at:0/insects/0.png"])
def test_nothing_outside_of_the_roots_is_listed(form, place):
    assert not answer(form, "form_browse", place=place)["ok"]


def test_without_roots_nothing_of_the_disk_is_offered(bare):
    empty = Form(bare)
    assert answer(empty, "form_browse", place="")["entries"] == []
    assert not answer(empty, "form_browse", place="at:0/")["ok"]
    assert not answer(empty, "form_open")["roots"]


def test_what_data_holds_is_told(form):
    found = answer(form, "form_data", data="at:0/insects", family="dcgan")
    assert (found["sets"], found["classes"]) == ({"": 8}, ["ants", "bees"])
    found = answer(form, "form_data", data="at:0/pairs", family="cyclegan")
    assert found["sets"] == {"a": 3, "b": 3}
    refused = answer(form, "form_data", data="at:0/insects", family="cyclegan")
    assert refused["error"].startswith("This data has no folders trainA and trainB")
    refused = answer(form, "form_data", data="at:0/pairs", family="dcgan")
    assert refused["error"].startswith("This data holds two domains")


def test_what_would_download_is_not_looked_at(form):
    found = answer(form, "form_data", data="fashion-mnist", family="dcgan")
    assert (found["absent"], found["mb"], found["sets"]) == (True, 31, {"": 60_000})
    assert answer(form, "form_preview", form=asked(data="fashion-mnist"))["absent"]
    assert answer(form, "form_check", form=asked(data="fashion-mnist"))["ok"], "it can be started all the same"
    assert answer(form, "form_data", data="hub:user/name", family="dcgan")["absent"]


def test_preview_shows_labels_domains_and_what_is_unreadable(form):
    found = answer(form, "form_preview", form=asked(data="at:0/insects"), number=3)
    pictures = found["sets"][0]["pictures"]
    assert [one["label"] for one in pictures] == ["ants"] * 4 + ["bees"] * 4
    assert all(one["url"].startswith("data:image/png") for one in pictures)
    other = answer(form, "form_preview", form=asked(data="at:0/insects", train={"flip": True}), number=4)
    assert other["sets"] != found["sets"]
    broken = answer(form, "form_preview", form=asked(data="at:0/flat.zip"))
    assert broken["unreadable"] == "1 of these 2 cannot be read and will be left out: two.png."
    names = {"train": {"domain_a": "circle"}}
    two = answer(form, "form_preview", form=asked("cyclegan", data="at:0/pairs", **names))
    assert [(one["title"], len(one["pictures"])) for one in two["sets"]] == [("circle", 3), ("Domain B", 3)]


def test_preview_shows_the_recipe_s_augmentation(form):
    plain = answer(form, "form_preview", form=asked(), number=1)
    changed = answer(form, "form_preview", form=asked(recipe={"augment": "cutout"}), number=1)
    assert plain["sets"] != changed["sets"]


def test_an_upload_is_kept_and_can_be_chosen_again(form, uploads, settings):
    sent = uploads / "abc" / "My Insects.zip"
    sent.parent.mkdir()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("one.png", png(1))
    found = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert found["data"].endswith("/my-insects.zip")
    assert not sent.exists(), "the visitor's copy goes"
    assert answer(form, "form_data", data=found["data"], family="dcgan")["sets"] == {"": 1}
    (listed,) = answer(form, "form_open")["uploaded"]
    assert listed["value"] == found["data"]
    assert listed["bytes"] > 0
    assert listed["at"] > 0
    assert str(settings.data_dir) in answer(form, "form_check", form=asked(data=found["data"]))["command"]


def test_only_what_was_uploaded_is_taken_for_an_upload(form, root, uploads):
    (uploads / "link.zip").symlink_to(root / "flat.zip")
    for path in (str(root / "flat.zip"), str(uploads / "link.zip"), str(uploads), "", None, 3, "\0"):
        refused = answer(form, "form_upload", path=path, family="dcgan")
        assert refused["error"].startswith("The file did not arrive")
    assert (root / "flat.zip").exists()


def test_a_refused_upload_leaves_nothing(form, uploads, settings):
    sent = uploads / "bad.zip"
    sent.write_bytes(b"no zip")
    refused = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert refused["error"] == "bad.zip is not a readable zip. Choose another file."
    assert not sent.exists()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("notes.txt", b"x")
    refused = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert refused["error"].startswith("bad.zip holds no pictures")
    assert refused["error"].endswith("Nothing was kept. Choose another file.")
    assert not list(settings.data_dir.rglob("*.zip"))


def test_an_upload_over_the_limit_is_refused(bare, uploads):
    sources = Sources(replace(bare.settings, max_upload_mb=0.001), uploads)
    sent = uploads / "large.zip"
    sent.write_bytes(os.urandom(2000))
    with pytest.raises(DataError, match=r"over 0\.001 MB"):
        sources.receive(str(sent), "generator")


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


def test_helps_speak_of_fields_instead_of_flags():
    for family in trainable():
        helps = [option["help"] for section in sections(family) for option in section["options"]]
        assert not [text for text in helps if "--" in text or "None:" in text or "joined by commas" in text]


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

    def begin(config):
        given.append(config)
        return create_run(form._services.settings.runs_dir, config, "data")

    monkeypatch.setattr(form._services.runs, "begin", begin)
    return given


def test_start_hands_over_what_was_chosen(form, begun, root):
    found = answer(form, "start", form=asked(data="at:0/insects", train={"conditional": True}))
    assert found == {"ok": True, "run": begun and create_id(form)}
    (config,) = begun
    assert (config.train.data, config.train.size, config.train.conditional) == (str(root / "insects"), 16, True)
    assert config.network == TINY


def create_id(form):
    (run,) = form._services.runs.newest_first()
    return run.id


OTHER = {
    "seed": "9223372036854775807",
    "device": "cpu",
    "augment": "color,cutout",
    "load_size": 20,
    "size": 32,
    "discriminator_layers": 2,
}
"""Values of options whose others are not found by their kind alone."""


def other_value(option):
    """A value that may be chosen and is not the default."""
    name, kind, usual = option["name"], option["kind"], option["default"]
    if name in OTHER:
        return OTHER[name]
    if name == "channels":
        return 1
    if kind == "yesno":
        return not usual
    if kind == "choice":
        return next(one for one in option["choices"] if one != usual)
    if kind == "whole":
        return usual + 1
    return 0.25 if usual != 0.25 else 0.5


def every_option():
    for family in trainable():
        yield family, "train", {"name": "size", "kind": "whole", "default": None}
        for name in ("steps", "batch"):
            yield family, "train", {"name": name, "kind": "whole", "default": 6}
        if family == "cyclegan":
            for name in ("domain_a", "domain_b"):
                yield family, "train", {"name": name, "kind": "choice", "default": None, "choices": ["in words"]}
            yield family, "train", {"name": "default_direction", "kind": "choice", "default": "ab", "choices": ["ba"]}
        for section in sections(family):
            for option in section["options"]:
                yield family, section["part"], option


EVERY = list(every_option())


@pytest.mark.parametrize(("family", "part", "option"), EVERY, ids=[f"{f}-{p}-{o['name']}" for f, p, o in EVERY])
def test_what_is_chosen_arrives_in_the_run(form, monkeypatch, family, part, option):
    """A newcomer ticked TensorBoard, and the run that was started did not have it."""
    launched = []
    monkeypatch.setattr(form._services.runs, "launch", launched.append)
    value = other_value(option)
    sent = asked(family)
    sent[part] = {**sent[part], option["name"]: value}
    found = answer(form, "start", form=sent)
    assert found["ok"], found
    (run,) = launched
    config = json.loads((run.path / "config.json").read_text())
    assert config[part][option["name"]] == (int(value) if option["name"] == "seed" else value)
    checked = answer(form, "form_check", form=sent)
    assert checked["resolved"]["train"] == config["train"], "the command told is of what was started"


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
    (config,) = begun
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

    def begin(config):
        given.append(config)
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
