"""The form for a new run: its options, their types, and that what is chosen arrives in the run."""

import json

import pytest

from gan_core.errors import ConfigError
from gan_core.families import trainable
from gan_core.ui.lab.options import sections, typed
from tests.ui.lab_forms import answer, asked, form, root, uploads

__all__ = ["form", "root", "uploads"]


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


def test_helps_speak_of_fields_instead_of_flags():
    for family in trainable():
        helps = [option["help"] for section in sections(family) for option in section["options"]]
        assert not [text for text in helps if "--" in text or "None:" in text or "joined by commas" in text]


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
