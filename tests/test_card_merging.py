"""Two people edit one card: each change stays, and where both changed the same part nobody chooses unasked."""

from dataclasses import replace

import pytest
import yaml

from gan_core.cards import model_card
from gan_core.cards.front_matter import divided
from gan_core.cards.renewal import merged, renewed
from gan_core.config import ModelConfig

CONFIG = ModelConfig(family="dcgan", network={"size": 32}, data={"name": "ducks"}, trained={"steps": 10}, license="mit")


def card(steps: int = 10, above: str = "", below: str = "", **head: object) -> str:
    entries, text = divided(model_card("ducks", replace(CONFIG, trained={"steps": steps}), {}))
    return f"---\n{yaml.safe_dump({**entries, **head})}---\n{above}\n{text}\n{below}\n"


WAS = card()


def test_a_card_without_marks_stays_on_the_side_that_changed_it():
    assert merged("# Ducks", "# Ducks\nmine", "# Ducks") == "# Ducks\nmine"
    assert merged("# Ducks", "# Ducks", "# Ducks\ntheirs") == "# Ducks\ntheirs"
    assert merged("# Ducks", "# Both", "# Both") == "# Both"
    assert merged("# Ducks", "# Ducks\nmine", "# Ducks\ntheirs") is None
    assert merged("# Ducks", "# Ducks\nmine", "# Ducks\ntheirs", mine_wins=True) == "# Ducks\nmine"


def test_each_part_is_that_of_the_side_that_changed_it():
    mine, theirs = card(20, above="Mine."), card(below="Theirs.", widget=["theirs"])
    both = merged(WAS, mine, theirs)
    assert both is not None
    head, text = divided(both)
    assert head["widget"] == ["theirs"]
    assert all(words in text for words in ("Mine.", "Theirs.", "| Steps | 20 |"))
    assert "| Steps | 10 |" not in text
    assert merged(WAS, both, theirs) == both, "once is enough"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"above": "Mine."}, {"above": "Theirs."}),
        ({"below": "Mine."}, {"below": "Theirs."}),
        ({"license": "apache-2.0"}, {"license": "cc0-1.0"}),
        ({"tags": ["mine"]}, {"tags": ["theirs"]}),
        ({"steps": 20}, {"steps": 30}),
    ],
)
def test_the_same_part_on_both_sides_is_nobodys_to_choose(mine: dict, theirs: dict):
    assert merged(WAS, card(**mine), card(**theirs)) is None
    chosen = merged(WAS, card(**mine), card(**theirs), mine_wins=True)
    assert chosen is not None
    assert divided(chosen) == divided(card(**mine))


def test_what_is_generated_tells_of_the_weights_that_win():
    chosen = merged(WAS, card(above="Mine."), card(30, below="Theirs."), mine_wins=True)
    assert chosen is not None
    assert "| Steps | 10 |" in chosen
    assert "Mine." in chosen
    assert "Theirs." in chosen, "nobody else changed it"
    assert "| Steps | 30 |" in str(merged(WAS, WAS, card(30, below="Theirs.")))
    assert "| Steps | 10 |" in str(merged(WAS, WAS, card(30, below="Theirs."), mine_wins=True))


def test_a_card_that_became_one_by_hand_stays_whole():
    assert merged(WAS, card(20), "# By hand") == "# By hand", "only what is generated changed here"
    assert merged(WAS, "# By hand", card(20)) == "# By hand"
    assert merged(WAS, card(above="Mine."), "# By hand") is None


def test_where_nobody_knows_what_it_was_nothing_is_chosen():
    assert merged(None, card(above="Mine."), card(above="Theirs.")) is None
    assert merged(None, card(20), WAS) is None
    assert merged(None, "# a", "# b") is None
    added = merged(None, card(mine=1), card(theirs=2))
    assert added is not None
    assert divided(added)[0].keys() >= {"mine", "theirs"}, "entries that one side has alone are both kept"


HAND = "license: mit  # I asked\nlanguage: no\nversion: 1.10\nalso: &a [1]\n"


def test_a_head_stays_as_it_is_written():
    """Read as YAML and written again, Norwegian became false, 1.10 became 1.1, and comments went."""
    assert WAS.count("license: mit\n") == 1
    theirs, mine = WAS.replace("license: mit\n", HAND), f"{WAS}Mine.\n"
    for kept in (
        merged(WAS, mine, theirs),
        merged(WAS, theirs, mine),
        renewed(theirs.replace("license: mit  #", "x: 1 #"), mine),
    ):
        assert kept is not None
        assert HAND.partition("\n")[2] in kept
        assert "# I asked" in kept
    assert merged(WAS, mine, theirs) == f"{theirs}Mine.\n"
    assert merged(WAS, WAS.replace("license:", "x: 1\nlicense:"), theirs.replace("[1]", "[1]\nb: *a")) is not None
    named = theirs.replace("[1]", "[1]\nb: *a")
    assert merged(theirs, theirs.replace("&a [1]", "[1]"), named) is None, "what stands in b would be gone"


def test_a_head_that_nobody_can_read_makes_the_card_one_by_hand():
    """It got a second head above its own."""
    for theirs in (WAS.replace("\n", "\r\n"), WAS.replace("license: mit", "license: [mit"), f"---\n{{}}{WAS[3:]}"):
        assert renewed(theirs, WAS) == theirs
        assert merged(WAS, card(license="apache-2.0"), theirs) is None
        assert merged(WAS, card(20), theirs) == theirs, "what is generated anew does not count"


def test_a_card_without_a_head_gets_none():
    theirs = WAS.partition("\n---\n")[2]
    assert merged(WAS, f"{WAS}Mine.\n", theirs) == f"{theirs}Mine.\n"


def test_tags_of_a_person_stay_when_a_card_is_renewed():
    theirs = card(tags=["birds", "gan", "dcgan", "gan-core"])
    assert divided(renewed(theirs, card(20)))[0]["tags"] == ["birds", "gan", "dcgan", "gan-core"]
    assert divided(renewed(card(tags=["birds"]), WAS))[0]["tags"] == ["birds", "gan", "dcgan", "gan-core"]
    assert renewed(theirs, WAS) == theirs


DATA = replace(CONFIG, data={"name": "hub:user/ducks"})
"""What the card was generated for, and the metrics that are measured now."""
NOW = model_card("ducks", replace(DATA, trained={"steps": 20}), {"distance": 0.25})


def edited(**head: object) -> str:
    """A generated card whose head a person changed. None: they took the entry out."""
    entries, text = divided(model_card("ducks", DATA, {"distance": 0.5}))
    changed = {name: value for name, value in {**entries, **head}.items() if value is not None}
    return f"---\n{yaml.safe_dump(changed, sort_keys=False)}---\n{text}"


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "hand",
    [
        {"license": "apache-2.0"},
        {"license": "other", "license_name": "mine", "license_link": "LICENSE"},
        {"datasets": ["user/ducks", "user/geese"]},
        {"datasets": ["user/geese"]},
        {"language": "no", "thumbnail": "x.png", "version": "1.10"},
        {"tags": ["gan", "dcgan", "gan-core", "birds"]},
    ],
)
def test_what_a_person_changed_in_a_head_stays_and_what_was_measured_is_renewed(hand: dict, known: bool):
    """Our licence and data sets went over theirs with each push."""
    card = renewed(edited(**hand), NOW, DATA if known else None)
    head, text = divided(card)
    assert {name: head[name] for name in hand} == hand
    assert head["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.25
    assert "| Steps | 20 |" in text
    assert {name: head[name] for name in ("library_name", "pipeline_tag")} == {
        "library_name": "gan-core",
        "pipeline_tag": "unconditional-image-generation",
    }
    assert renewed(card, NOW, DATA if known else None) == card, "once is enough"


def test_what_a_person_took_out_of_a_head_stays_out():
    taken = {"license": None, "datasets": None, "tags": ["gan-core"], "pipeline_tag": "other"}
    head, _ = divided(renewed(edited(**taken), NOW, DATA))
    assert "license" not in head
    assert "datasets" not in head
    assert (head["tags"], head["pipeline_tag"]) == (["gan-core"], "other")


def test_what_nobody_touched_in_a_head_is_renewed():
    """The repository is filled with another run: what told of the first one is no person's word."""
    geese = replace(CONFIG, family="cyclegan", data={"name": "hub:user/geese"}, license="Mine", network={})
    geese = replace(geese, domains={"a": "geese", "b": "ducks"})
    ours = model_card("geese", geese, {})
    head, _ = divided(renewed(edited(language="no", **{"model-index": None}), ours, DATA))
    assert head == {**divided(ours)[0], "language": "no"}
    mine = {"license": "mit", "license_name": "x"}
    kept, _ = divided(renewed(edited(**mine), ours, DATA))
    assert {name: kept[name] for name in mine} == mine, "they say one thing together"
    alone, _ = divided(renewed(edited(), ours))
    assert "license_name" not in alone, "it would be the name of another licence"
