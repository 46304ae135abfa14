"""Explore of the page without a server, in a real browser with the real mouse: what Python draws."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.library import load
from gan_core.recipe import SOFTWARE, Recipe, embed, made_here, read
from tests.browser.explore_page import direction, drag, drop, middle, pixels, recipe, source
from tests.browser.static.hand import becomes, opened, same, says, settled
from tests.browser.static_bundle import until, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_hand_draws_what_python_draws(page, models: Path) -> None:
    assert settled(page, models)["seed"] == "555"
    drag(page, direction("sefa-1"), 0.5, 0.8)
    becomes(page, "r.directions['sefa-1'] > 1")
    settled(page, models)
    drag(page, "#explore-truncation input[type=range]", 0.5, 0.3)
    becomes(page, "r.truncation < 1")
    x, y = middle(page, "#explore-plane")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 33, y - 51, steps=12)
    page.mouse.up()
    becomes(page, "r.shift && r.shift[1] > 0")
    settled(page, models)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    becomes(page, "r.seed === '655'")
    page.select_option("#explore-class select", "bee")
    page.select_option("#explore-blend select", "cat")
    becomes(page, "r.label && r.label.cat === 0.5")
    settled(page, models)
    page.fill("#explore-seed input", "9223372036854775807")
    page.keyboard.press("Enter")
    becomes(page, "r.seed === '9223372036854775807'")
    settled(page, models)
    page.keyboard.press("Control+z")
    becomes(page, "r.seed === '655'")
    page.click("#explore-latents summary")
    drag(page, "#explore-latents input[type=range] >> nth=2", 0.5, 0.9)
    becomes(page, "r.latents[3] > 1")
    settled(page, models)


def test_neighbours_are_those_of_python(page, models: Path) -> None:
    state = settled(page, models)
    page.locator("#explore-neighbours").scroll_into_view_if_needed()
    until(page, "!document.querySelector('#explore-neighbours').classList.contains('xp-stale')")
    cells = "#explore-neighbours button img"
    until(page, f"[...document.querySelectorAll('{cells}')].every((one) => one.src.startsWith('data:image/png'))")
    model = load(models / "tiny-dcgan")
    expected = model.neighbours(Recipe.from_json(state), 0.4)
    found = page.evaluate(f"[...document.querySelectorAll('{cells}')].map((one) => one.src)")
    for one, other in zip(found, expected, strict=True):
        same(pixels(one), model.picture(other))
    page.locator("#explore-neighbours button").nth(3).click()
    becomes(page, "Object.keys(r.latents).length > 3")
    settled(page, models)


def test_what_needs_a_server_is_not_shown(page) -> None:
    for hidden in ("#explore-find", "#explore-mix", "#explore-save"):
        assert not page.locator(hidden).is_visible()
    page.locator(".xp-name").first.fill("taller")
    page.keyboard.press("Enter")
    assert not page.locator("#explore-save").is_visible()


def test_a_downloaded_picture_opens_in_the_full_app_and_here(page, models: Path) -> None:
    page.fill("#explore-seed input", "9007199254740993")  # Above 2^53: no number in JavaScript.
    page.keyboard.press("Enter")
    drag(page, direction("sefa-2"), 0.5, 0.7)
    page.select_option("#explore-class select", "bee")
    becomes(page, "r.label === 'bee' && r.directions['sefa-2']")
    state = settled(page, models)
    with page.expect_download() as download:
        page.click("#explore-download")
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == "tiny-dcgan-seed-9007199254740993.png"
    kept = read(content)
    assert kept.to_json() == Recipe.from_json(state).to_json()
    assert kept.model is not None
    assert kept.model.sha256 == load(models / "tiny-dcgan").sha256
    made = made_here(content)
    assert made is not None
    assert (made.kind, made.software) == ("generated", SOFTWARE)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels(source(page)))

    page.click("#explore-reset")
    page.click("#explore-dice")
    becomes(page, "!r.directions['sefa-2']")
    drop(page, content, "mine.png")
    becomes(page, "r.seed === '9007199254740993' && r.directions['sefa-2']")
    assert settled(page, models) == state


def test_files_of_the_full_app_open_and_others_are_told(page, models: Path) -> None:
    model = load(models / "tiny-dcgan")
    rich = model.recipe(seed=2**53 + 1, shift=(0.25, 0.5), label={"ant": 0.25, "bee": 0.75}, directions={"pca-1": -1.5})
    for kind in ("PNG", "JPEG", "WEBP"):
        page.click("#explore-dice")
        becomes(page, "!r.directions['pca-1']")
        drop(page, embed(model.picture(rich), rich, kind), f"full.{kind}")
        becomes(page, "r.directions['pca-1'] === -1.5 && r.seed === '9007199254740993'")
        page.click("#explore-reset")
    drop(page, json.dumps({"format": 1, "model": {"name": "tiny-grey"}, "seed": 77}).encode(), "grey.json")
    becomes(page, "r.model.name === 'tiny-grey' && r.seed === '77'")
    state = settled(page, models)
    foreign = Recipe.from_json({**state, "model": {"name": "faces", "sha256": "0" * 64, "hub": "someone/faces"}})
    drop(page, embed(Image.new("L", (8, 8)), foreign, "PNG"), "foreign.png")
    says(page, "someone/faces")
    plain = io.BytesIO()
    Image.new("RGB", (8, 8)).save(plain, "PNG")
    drop(page, plain.getvalue(), "plain.png")
    says(page, "plain.png carries no recipe")
    drop(page, b'{"format": 1, "seed": -5}', "nonsense.json")
    says(page, "The recipe's seed is -5")
    mixed = {**state, "mix": {"seed": 9, "stages": [2], "amount": 1}}
    drop(page, json.dumps(mixed).encode(), "mixed.json")
    says(page, "look of a second seed")
    assert recipe(page) == state


def test_a_link_opens_the_same_picture(browser, page, url: str, models: Path) -> None:
    page.fill("#explore-seed input", "4242")
    page.keyboard.press("Enter")
    becomes(page, "r.seed === '4242'")
    text = json.dumps(recipe(page)).encode()
    address = base64.urlsafe_b64encode(text).decode().rstrip("=")
    with visit(browser, url) as other:
        opened(other, f"{url}?recipe={address}")
        assert settled(other, models) == recipe(page)
        assert "recipe" not in other.url


def test_the_picker_changes_the_model_and_keeps_the_seed(page, models: Path) -> None:
    page.click("#explore-model button")
    page.locator("#explore-model [role=option]", has_text="tiny-grey").click()
    becomes(page, "r.model.name === 'tiny-grey'")
    assert settled(page, models)["seed"] == "555"
    assert not page.locator("#explore-classes").is_visible()
