import json
from dataclasses import fields, replace

import pytest

from gan_core.config import (
    ModelConfig,
    RunConfig,
    TrainConfig,
    build,
    check_name,
    few,
    field_docs,
    require_power_of_two,
    require_range,
)
from gan_core.errors import ConfigError, ModelError
from gan_core.families import FAMILIES, get_family, trainable

MODEL = {"format": 1, "family": "dcgan", "network": {"size": 16}}


def test_every_field_has_its_documentation_line():
    for config in (TrainConfig, RunConfig, ModelConfig):
        docs = field_docs(config)
        assert set(docs) == {item.name for item in fields(config)}
        assert all(len(text) > 10 and "\n" not in text for text in docs.values())


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("size", 7, "--size"),
        ("size", 64.0, "--size"),
        ("size", True, "--size"),
        ("channels", 2, "--channels"),
        ("channels", 3.0, "--channels"),
        ("channels", True, "--channels"),
        ("steps", 0, "--steps"),
        ("batch", -1, "--batch"),
        ("seed", 2**63, "--seed"),
        ("seed", -1, "--seed"),
        ("seed", "7", "--seed"),
        ("precision", "float16", "--precision"),
        ("fit", "squeeze", "--fit"),
        ("default_direction", "aa", "--default-direction"),
        ("load_size", 32, "--load-size"),
        ("log_steps", 0, "--log-steps"),
        ("sample_steps", 0, "--sample-steps"),
        ("snapshot_steps", 1.5, "--snapshot-steps"),
        ("state_steps", None, "--state-steps"),
        ("keep_snapshots", 0, "--keep-snapshots"),
        ("keep_states", -1, "--keep-states"),
        ("max_hours", 0, "--max-hours"),
        ("max_hours", float("nan"), "--max-hours"),
        ("start_from", "", "--start-from"),
        ("start_from", 7, "--start-from"),
        ("tensorboard", 1, "--tensorboard"),
        ("flip", "no", "--flip"),
        ("quarter_turns", 1, "--quarter-turns"),
        ("conditional", "yes", "--conditional"),
        ("compile", None, "--compile"),
    ],
)
def test_a_bad_option_is_refused_by_the_name_of_its_flag(name, value, flag):
    with pytest.raises(ConfigError) as refusal:
        TrainConfig(data="shapes", **{name: value})
    assert str(refusal.value).startswith(f"{flag} is ")


def test_limits_themselves_are_allowed():
    TrainConfig(data="x", size=8, steps=1, batch=1, seed=2**63 - 1, load_size=8, keep_snapshots=1)
    require_range("--x", 0.0, 0, 1)
    require_power_of_two("--x", 256, 16, 256)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", True, None])
def test_ranges_take_finite_numbers_only(value):
    with pytest.raises(ConfigError, match=r"^--lr is "):
        require_range("--lr", value, 0, 1)


def test_a_long_value_does_not_fill_the_screen():
    with pytest.raises(ConfigError) as refusal:
        TrainConfig(data="x", size="9" * 100_000)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("name", ["nouns-dcgan", "0", "a.b_c-1", "a" * 96])
def test_good_names_pass_unchanged(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "_x", "A", "a b", "a\n", "ä", "a\0b", "a" * 97, "/etc"],
)
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(ModelError, match="cannot name a model") as refusal:
        check_name(name)
    assert "\n" not in str(refusal.value)


def test_run_config_survives_json():
    run = RunConfig(
        family="dcgan",
        train=TrainConfig(data="shapes", size=16, channels=1, flip=True),
        network={"latent_dim": 8},
        recipe={"lr": 1e-4},
    )
    assert RunConfig.from_json(json.loads(json.dumps(run.to_json())), "config.json") == run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 1"),
        ({"family": "vae"}, "no model family 'vae'"),
        ({"family": ["dcgan"]}, "wrong type"),
        ({"train": None}, "wrong type"),
        ({"train": {}}, "lacks data"),
        ({"train": {"data": "x", "tpu": 1}}, "does not know: tpu"),
        ({"network": []}, "wrong type"),
        ({"colour": 1}, "does not know: colour"),
    ],
)
def test_damaged_run_configs_are_refused_in_one_sentence(change, message):
    good = RunConfig(family="dcgan", train=TrainConfig(data="x"), network={}, recipe={}).to_json()
    with pytest.raises(ConfigError, match=message) as refusal:
        RunConfig.from_json({**good, **change}, "config.json")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("values", [None, [], "text", 3, {}])
def test_run_configs_of_another_kind_are_refused(values):
    with pytest.raises(ConfigError, match=r"not a run's config.json"):
        RunConfig.from_json(values, "config.json")


def test_missing_entries_are_named():
    with pytest.raises(ConfigError, match="lacks train, network, recipe"):
        RunConfig.from_json({"format": 1, "family": "dcgan"}, "config.json")


def test_model_config_survives_json():
    config = ModelConfig(
        family="cyclegan",
        network={"blocks": 6},
        domains={"a": "Monet painting", "b": "photograph"},
        default_direction="ba",
        data={"name": "monet"},
        trained={"steps": 10},
        license="Apache-2.0",
        directions=["ba"],
    )
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json())), "config.json") == config


@pytest.mark.parametrize(
    "change",
    [
        {"family": None},
        {"family": []},
        {"family": {}},
        {"network": [1]},
        {"network": "big"},
        {"classes": "abc"},
        {"classes": [1, 2]},
        {"domains": {"a": "x"}},
        {"domains": {"a": 1, "b": 2}},
        {"domains": ["a", "b"]},
        {"default_direction": "aa"},
        {"default_direction": ["ab"]},
        {"directions": "ab"},
        {"directions": []},
        {"directions": ["ab", "ab"]},
        {"directions": ["ac"]},
        {"directions": {"ab": 1}},
        {"data": 3},
        {"trained": "long"},
        {"trained": {"steps": "many"}},
        {"license": 2},
    ],
)
def test_entries_of_a_wrong_type_are_refused(change):
    """A family that is a list ended in a TypeError of the registry, as lists cannot be looked up."""
    with pytest.raises(ModelError, match="wrong type"):
        ModelConfig.from_json({**MODEL, **change}, "config.json")


def test_a_default_direction_that_the_model_cannot_do_is_refused():
    values = {**MODEL, "family": "cyclegan", "network": {}, "directions": ["ab"], "default_direction": "ba"}
    with pytest.raises(ModelError, match="direction ba of a model that only does ab"):
        ModelConfig.from_json(values, "config.json")
    assert ModelConfig.from_json({**values, "default_direction": "ab"}, "config.json").directions == ["ab"]


def test_hostile_entry_names_stay_on_one_short_line():
    entries = {"x\ny": 1, "\x1b[2J": 2, "z" * 1_000_000: 3, "zz": 4}
    with pytest.raises(ModelError) as refusal:
        ModelConfig.from_json({**MODEL, **entries}, "config.json")
    text = str(refusal.value)
    assert text.isprintable()
    assert len(text) < 300
    assert "and 1 more" in text


def test_few_names_three():
    assert few(["a", "b"]) == "a, b"
    assert few(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_build_refuses_unknown_entries():
    with pytest.raises(ConfigError, match=r"^The network holds entries this version does not know: color"):
        build(TrainConfig, {"data": "x", "color": 1}, "The network")


def test_registry():
    assert [get_family(name).name for name in FAMILIES] == list(FAMILIES)
    assert list(trainable()) == ["dcgan", "cyclegan"]
    assert {family.kind for family in FAMILIES.values()} == {"generator", "translator"}
    with pytest.raises(ConfigError, match="Known families: dcgan, cyclegan"):
        get_family("gan")


def test_configurations_are_frozen():
    config = TrainConfig(data="x")
    with pytest.raises(AttributeError):
        config.size = 32
    assert replace(config, size=32).size == 32
