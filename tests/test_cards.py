"""Cards: the head that the Hub reads, and what becomes of a card that a person edited."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gan_core.cards import addressed, imported_card, model_card, renewed
from gan_core.cards.curve import curve_picture
from gan_core.cards.front_matter import divided
from gan_core.cards.renewal import BEGIN, END
from gan_core.config import ModelConfig
from gan_core.weights import read_config

CONFIG = ModelConfig(
    family="dcgan",
    network={"size": 32},
    data={"name": "hub:user/ducks@v1", "images": 12},
    trained={"steps": 10, "command": "gan-core train dcgan --data hub:user/ducks"},
    license="mit",
)
METRICS = {"pairwise_distance": {"samples": 0.4, "real": 0.5}, "data": "ducks", "pictures_compared": 64}


def test_the_head_is_what_the_hub_reads():
    card = model_card("ducks", CONFIG, METRICS, curve="curve.png")
    head, text = divided(card)
    assert head["library_name"] == "gan-core"
    assert head["pipeline_tag"] == "unconditional-image-generation"
    assert head["license"] == "mit"
    assert head["datasets"] == ["user/ducks"]
    assert "gan-core" in head["tags"]
    (result,) = head["model-index"][0]["results"]
    assert [(one["name"], one["value"]) for one in result["metrics"]] == [
        ("pairwise distance, samples", 0.4),
        ("pairwise distance, real", 0.5),
        ("pictures compared", 64),
    ]
    for words in ("![Samples](preview.webp)", "(curve.png)", "gan-core train dcgan", "## Limits", "## Intended use"):
        assert words in text


def test_what_a_person_wrote_stays_and_the_rest_is_renewed():
    old = model_card("ducks", CONFIG, METRICS)
    head, text = divided(old)
    edited = (
        f"---\n{yaml.safe_dump({**head, 'license': 'gpl', 'widget': ['mine']})}---\nMy own words.\n{text}\nAnd below.\n"
    )
    new = model_card("ducks", CONFIG, {"pairwise_distance": {"samples": 0.9, "real": 0.5}})
    card = renewed(edited, new)
    head, text = divided(card)
    assert head["widget"] == ["mine"]
    assert head["license"] == "gpl", "the configuration's went over a person's"
    assert "My own words." in text
    assert "And below." in text
    assert "0.9" in text
    assert "0.4 " not in text
    assert renewed(card, new) == card, "once is enough"


def test_a_card_written_by_hand_stays_whole():
    new = model_card("ducks", CONFIG, METRICS)
    for card in ("# Mine\n", "", BEGIN, f"{END}{BEGIN}", "---\n: [\n---\n", new.replace(END, "")):
        assert renewed(card, new) == card
    inside = f"---\n# {BEGIN}\nlicense: mit\n---\n# Mine\n{END}\n"
    assert renewed(inside, new) == inside, "a mark in the head is none"


@pytest.mark.parametrize(
    ("license", "told"),
    [
        ("mit", {"license": "mit"}),
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("Unsplash licence", {"license": "other", "license_name": "unsplash-licence"}),
        ("GPL-3.0-only", {"license": "other", "license_name": "gpl-3.0-only"}),
        ("?", {"license": "other", "license_name": "unknown"}),
        (None, {}),
    ],
)
def test_a_licence_is_one_that_the_hub_knows_or_other(license: str | None, told: dict[str, str]):
    """With any other word the Hub refuses the whole commit."""
    head, _ = divided(model_card("ducks", replace(CONFIG, license=license), METRICS))
    assert {name: value for name, value in head.items() if name.startswith("license")} == told


def test_when_it_was_measured_is_no_result():
    head, text = divided(model_card("ducks", CONFIG, {"step": 400, "variety": 0.9}))
    (result,) = head["model-index"][0]["results"]
    assert [one["type"] for one in result["metrics"]] == ["variety"]
    assert "400" in text


def test_only_repositories_are_named_as_data_sets():
    for name, found in {"hub:user/ducks@v1": ["user/ducks"], "fashion-mnist": None, "hub:../x": None, "": None}.items():
        head, _ = divided(model_card("ducks", replace(CONFIG, data={"name": name}), METRICS))
        assert head.get("datasets") == found
        (result,) = head["model-index"][0]["results"]
        plain = {"fashion-mnist": "fashion-mnist", "hub:../x": "hub-..-x"}.get(name, "unknown")
        assert result["dataset"]["type"] == (found[0] if found else plain)


@pytest.mark.parametrize("family", ["dcgan", "cyclegan"])
def test_the_hubs_own_client_reads_the_results(family: str):
    from huggingface_hub import ModelCard

    config = CONFIG
    if family == "cyclegan":
        config = ModelConfig(family="cyclegan", network={}, domains={"a": "painting", "b": "photograph"})
    card = ModelCard(model_card("ducks", config, METRICS))
    assert card.data.library_name == "gan-core"
    assert card.data.pipeline_tag in ("unconditional-image-generation", "image-to-image")
    assert card.data.model_name == "ducks"
    told = [(one.metric_type, one.metric_value) for one in card.data.eval_results]
    assert told == [("pairwise_distance_samples", 0.4), ("pairwise_distance_real", 0.5), ("pictures_compared", 64)]
    assert {one.task_type for one in card.data.eval_results} == {card.data.pipeline_tag}
    assert all(one.dataset_name and one.dataset_type for one in card.data.eval_results)
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()


# How the model is used.

PAINTER = ModelConfig(family="cyclegan", network={}, domains={"a": "painting", "b": "photograph"})
CLASSES = replace(CONFIG, classes=["T-shirt/top", "Ankle boot"])


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        (CONFIG, ("pictures = model.generate(seeds=[7, 8])", "gan-core generate {} --seeds 0-15 --out grid.png")),
        (PAINTER, ('picture = model.translate("photo.jpg")', "gan-core translate {} photo.jpg --out painted")),
        (
            replace(CLASSES, classes=["Ankle boot"]),
            ('label="Ankle boot")', "gan-core generate {} --seeds 0-15 --label 'Ankle boot' --out grid.png"),
        ),
    ],
)
@pytest.mark.parametrize("name", ["ducks", "hub:user/ducks"])
def test_a_card_says_how_its_model_is_used(name: str, config: ModelConfig, lines: tuple[str, ...]):
    card = model_card("ducks", config, METRICS, loads=name)
    for line in (f'model = gan_core.load("{name}")', "With GAN Studio installed:", *lines):
        assert line.format(name) in card
    assert card.count("gan_core.load(") == 1


@pytest.mark.parametrize("config", [CONFIG, PAINTER, CLASSES])
def test_where_it_was_pushed_is_what_its_examples_load(config: ModelConfig):
    """Whoever found the card on the Hub was told to load a name of the author's own machine."""
    here, there = (model_card("ducks", config, METRICS, loads=name) for name in (None, "hub:user/ducks"))
    assert addressed(here, config, "hub:user/ducks") == there
    assert addressed(there, config, "hub:user/ducks") == there, "once is enough"
    assert addressed(there, config, "hub:bob/ducks") == model_card("ducks", config, METRICS, loads="hub:bob/ducks")
    known = replace(config, trained={"imported_as": "junyanz"})
    imported = addressed(imported_card("ducks", known, []), known, "hub:user/ducks")
    assert 'load("hub:user/ducks")' in imported
    assert 'load("ducks")' not in imported


@pytest.mark.parametrize("name", ["nouns-dcgan", "fashion-mnist-dcgan", "monet2photo-cyclegan"])
def test_the_cards_of_earlier_versions_are_addressed_too(name: str):
    folder = Path(__file__).resolve().parent.parent / "pretrained" / name
    card = addressed((folder / "README.md").read_text(), read_config(folder, check_network=False), f"hub:user/{name}")
    assert f'load("hub:user/{name}")' in card
    assert f'load("{name}")' not in card
    assert "With GAN Studio installed:" in card


def test_examples_that_a_person_wrote_stay():
    card = model_card("ducks", CONFIG, METRICS)
    for mine in (card.replace("seeds=[7, 8]", "seeds=[1]"), "# Mine\n", ""):
        assert addressed(mine, CONFIG, "hub:user/ducks") == mine
    example = card[card.index("```python") : card.index("```\n\n```\ngan-core")] + "```\n"
    below = addressed(f"{card}\n{example}", CONFIG, "hub:user/ducks")
    assert below.endswith(f"{END}\n\n{example}"), "what stands outside of the marks is no affair of ours"
    assert below.count('load("hub:user/ducks")') == 1


# The picture of the training.


def recorded(folder: Path, **names: float) -> Path:
    lines = [{"step": step, **{name: value / step for name, value in names.items()}} for step in range(1, 200)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_curves_are_drawn_where_they_were_recorded(tmp_path: Path):
    assert curve_picture(tmp_path, 100) is None
    one = curve_picture(recorded(tmp_path, loss_g=3.0, loss_d=1.0, lr_g=0.1), 199)
    (tmp_path / "quality.jsonl").write_text('{"step": 10, "variety": 0.4}\n{"step": 90, "variety": 0.9}\n')
    two = curve_picture(tmp_path, 199)
    assert one is not None
    assert two is not None
    assert two.height == 2 * one.height, "quality has a panel of its own"
    inks = {colour for _, colour in one.getcolors(2**20)}
    assert {(15, 118, 110), (180, 83, 9)} <= inks, "one colour each for G and D"


def test_curves_end_where_the_model_was_taken(tmp_path: Path):
    recorded(tmp_path, loss_g=3.0)
    early, late = curve_picture(tmp_path, 50), curve_picture(tmp_path, 199)
    assert early is not None
    assert late is not None
    assert early.tobytes() != late.tobytes()


@pytest.mark.parametrize("value", [float("nan"), 0.0, 1e12, -5.0])
def test_odd_values_are_drawn_or_passed_over(tmp_path: Path, value: float):
    line = json.dumps({"step": 1, "loss_g": value}) + "\n" + json.dumps({"step": 2, "loss_g": value}) + "\n"
    (tmp_path / "metrics.jsonl").write_text(line)
    picture = curve_picture(tmp_path, 2)
    assert (picture is None) == (value != value)
