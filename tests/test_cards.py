"""Cards: the head that the Hub reads, and what becomes of a card that a person edited."""

import yaml

from gan_core.cards import model_card, renewed
from gan_core.cards.front_matter import divided
from gan_core.cards.renewal import BEGIN, END
from gan_core.config import ModelConfig

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
    assert head["license"] == "mit", "the configuration says so"
    assert "My own words." in text
    assert "And below." in text
    assert "0.9" in text
    assert "0.4 " not in text
    assert renewed(card, new) == card, "once is enough"


def test_a_card_written_by_hand_stays_whole():
    new = model_card("ducks", CONFIG, METRICS)
    for card in ("# Mine\n", "", BEGIN, f"{END}{BEGIN}", "---\n: [\n---\n", new.replace(END, "")):
        assert renewed(card, new) == card
