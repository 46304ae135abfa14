"""Explore in a real browser: what is kept, carried away and opened again: undo, favourites, names, files, links."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.models import dcgan
from gan_core.recipe import Recipe, embed_png, read
from gan_core.weights import network_json, save
from tests.browser.explore_page import (
    PICTURE,
    direction,
    drag,
    drop,
    pixels,
    ready,
    recipe,
    says,
    settled,
    source,
    wait_for_state,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GREY = dcgan.Network(size=16, channels=1, latent_dim=8, generator_features=8, discriminator_features=8)


@pytest.fixture(scope="module")
def grey(models: Path) -> Iterator[str]:
    """A second generator, without classes."""
    torch.manual_seed(5)
    save(models / "tiny-grey", ModelConfig(family="dcgan", network=network_json(GREY)), dcgan.build(GREY))
    yield "tiny-grey"
    shutil.rmtree(models / "tiny-grey")  # Other tests find the models that they know.


def test_names_are_saved_with_the_model_and_found_again(explore, models: Path) -> None:
    explore.fill("[data-id=sefa-4] .xp-name", "Taller")
    explore.keyboard.press("Enter")
    explore.hover("[data-id=sefa-5]")
    explore.click("[data-id=sefa-5] .xp-eye")
    explore.wait_for_selector("[data-id=sefa-5]", state="detached")
    explore.click("#explore-save")
    says(explore, "Saved in directions.json")
    stored = json.loads((models / "tiny-dcgan" / "directions.json").read_text())["directions"]
    named = {one["id"]: (one["name"], one["hidden"]) for one in stored}
    assert named["sefa-4"] == ("Taller", False)
    assert named["sefa-5"][1] is True
    explore.reload()
    explore.wait_for_selector("[data-id=sefa-4]")
    assert explore.input_value("[data-id=sefa-4] .xp-name") == "Taller"
    assert explore.get_attribute(direction("sefa-4"), "aria-label") == "Taller"
    assert explore.locator("[data-id=sefa-5]").count() == 0
    explore.click("#explore-hidden")
    explore.click("[data-id=sefa-5] .xp-eye")
    explore.click("#explore-save")
    says(explore, "Saved in directions.json")


def test_undo_survives_a_reload(explore, models: Path) -> None:
    first = source(explore)
    drag(explore, direction("sefa-1"), 0.5, 0.8)
    wait_for_state(explore, "r.directions['sefa-1'] > 2")
    moved = settled(explore, models)
    explore.wait_for_function("JSON.parse(sessionStorage['gan-studio:explore-history']).entries.length === 2")
    explore.reload()
    explore.wait_for_selector("#explore-directions input[type=range]")
    assert explore.locator("#explore-history .xp-thumb").count() == 2
    explore.click("#explore-undo")
    wait_for_state(explore, "!r.directions['sefa-1']")
    assert source(explore) == first
    explore.click("#explore-redo")
    wait_for_state(explore, "r.directions['sefa-1']")
    assert settled(explore, models) == moved


def test_favourites_survive_a_reload_and_the_state_does_too(explore, models: Path) -> None:
    explore.click("#explore-dice")
    explore.wait_for_function("!document.querySelector('#explore-undo').disabled")
    kept = settled(explore, models)
    picture = source(explore)
    explore.click("#explore-favourite")
    explore.wait_for_selector("#explore-favourites .xp-thumb")
    explore.click("#explore-dice")
    wait_for_state(explore, f"r.seed !== '{kept['seed']}'")
    last = settled(explore, models)
    explore.reload()
    explore.wait_for_selector(PICTURE, state="attached")
    assert recipe(explore) == last
    explore.click("#explore-favourites .xp-thumb")
    wait_for_state(explore, f"r.seed === '{kept['seed']}'")
    assert settled(explore, models) == kept
    assert source(explore) == picture
    assert explore.get_attribute("#explore-favourite", "aria-pressed") == "true"
    explore.click("#explore-favourite")
    explore.wait_for_selector("#explore-favourites", state="hidden")


def rich(page) -> None:
    """A state in which every part of a recipe says something."""
    page.fill("#explore-seed input", "9007199254740993")  # Above 2^53: no number in JavaScript.
    page.keyboard.press("Enter")
    page.select_option("#explore-class select", "bee")
    drag(page, direction("sefa-2"), 0.5, 0.7)
    drag(page, "#explore-truncation input[type=range]", 0.5, 0.4)
    page.focus("#explore-plane")
    page.keyboard.press("ArrowRight")
    wait_for_state(page, "r.shift && r.truncation < 1 && r.label === 'bee' && r.directions['sefa-2']")


def test_a_downloaded_picture_restores_the_state_exactly(explore, models: Path) -> None:
    rich(explore)
    state, shown = settled(explore, models), source(explore)
    with explore.expect_download() as download:
        explore.click("#explore-download")
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == "tiny-dcgan-seed-9007199254740993.png"
    assert read(content).to_json() == Recipe.from_json(state).to_json()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels(shown))

    explore.click("#explore-reset")
    explore.click("#explore-dice")
    wait_for_state(explore, "!r.shift && !r.directions['sefa-2']")
    drop(explore, content, "mine.png")
    wait_for_state(explore, "r.seed === '9007199254740993' && r.shift")
    assert settled(explore, models) == state
    assert source(explore) == shown

    drop(explore, content[: len(content) // 2], "half.png")
    says(explore, "half.png is damaged")
    plain = io.BytesIO()
    Image.new("RGB", (8, 8)).save(plain, "PNG")
    drop(explore, plain.getvalue(), "plain.png")
    says(explore, "plain.png carries no recipe")
    nonsense = json.dumps({"format": 1, "model": {"name": "tiny-dcgan"}, "seed": -5}).encode()
    drop(explore, nonsense, "nonsense.json")
    says(explore, "The recipe's seed is -5")
    assert recipe(explore) == state
    assert source(explore) == shown


def test_a_picture_of_a_model_that_is_not_here_names_it(explore) -> None:
    state = recipe(explore)
    foreign = Recipe.from_json({**state, "model": {"name": "faces", "sha256": "0" * 64, "hub": "someone/faces"}})
    drop(explore, embed_png(Image.new("RGB", (8, 8)), foreign), "foreign.png")
    says(explore, "someone/faces")
    assert recipe(explore) == state


def test_a_link_opens_the_same_picture(browser, address: str, models: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    ready(page, address)
    rich(page)
    state, shown = settled(page, models), source(page)
    page.click("#explore-link")
    says(page, "copied")
    link = page.evaluate("navigator.clipboard.readText()")
    context.close()

    other = browser.new_context()
    page = other.new_page()
    ready(page, link)
    assert recipe(page) == state
    assert source(page) == shown
    assert "recipe=" not in page.url
    page.goto(f"{address}/?recipe=no-recipe!")
    says(page, "Nothing was changed")
    page.wait_for_selector(PICTURE)
    other.close()


def test_another_model_keeps_the_seed_and_undo_comes_back(explore, grey: str, models: Path) -> None:
    explore.select_option("#explore-class select", "bee")
    wait_for_state(explore, "r.label === 'bee'")
    before = settled(explore, models)
    explore.click("#explore-model button")
    explore.wait_for_selector("#explore-model [role=option]")
    explore.keyboard.type("grey")
    explore.wait_for_function("document.querySelectorAll('#explore-model [role=option]').length === 1")
    explore.keyboard.press("Enter")
    wait_for_state(explore, f"r.model.name === '{grey}'")
    state = settled(explore, models)
    assert (state["seed"], state["label"]) == (before["seed"], None)
    assert explore.is_hidden("#explore-classes")
    explore.click("#explore-undo")
    wait_for_state(explore, "r.model.name === 'tiny-dcgan'")
    assert settled(explore, models) == before
    explore.click("#explore-redo")
    wait_for_state(explore, f"r.model.name === '{grey}'")
    explore.evaluate("sessionStorage.clear()")
    explore.reload()
    explore.wait_for_selector(PICTURE, state="attached")
    assert recipe(explore)["model"]["name"] == grey  # The last model is remembered.
