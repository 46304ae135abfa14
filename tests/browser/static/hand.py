"""What a test does with Explore in a page without a server, and what it sees there."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.library import load
from gan_core.recipe import Recipe
from tests.browser.explore_page import MESSAGE, drop, pixels, recipe, source
from tests.browser.static_bundle import until

DRAWN = "#explore-picture[aria-busy=false] img"
STATE = "JSON.parse(sessionStorage.getItem('gan-studio:explore'))"
FIRST = {"format": 1, "model": {"name": "tiny-dcgan"}, "seed": 555}


def opened(page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("#explore-directions .xp-row")


def restored(page) -> None:
    """What another test left behind gives way to the first picture."""
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_selector("#explore-directions .xp-row")  # A test may have reloaded the page on another tab.
    page.evaluate("sessionStorage.removeItem('gan-studio:explore')")  # Where it shows that already, too, it is awaited.
    drop(page, json.dumps(FIRST).encode(), "first.json")
    plain = "r.model.name === 'tiny-dcgan' && r.seed === '555' && r.truncation === 1 && !r.label && !r.shift"
    becomes(page, f"{plain} && !Object.keys({{ ...r.directions, ...r.latents }}).length")
    page.wait_for_selector(DRAWN)


def becomes(page, condition: str) -> None:
    """Wait for a condition on the recipe `r` that is shown."""
    until(page, f"(r => {condition})({STATE})")


def says(page, text: str) -> None:
    until(page, f"document.querySelector('{MESSAGE}').innerText.includes({json.dumps(text)})")


def settled(page, models: Path) -> dict[str, Any]:
    """Wait until nothing is under way; the picture is then Python's for the same recipe, to 1/255."""
    page.wait_for_selector(DRAWN)
    time.sleep(0.1)
    page.wait_for_selector(DRAWN)
    state = recipe(page)
    same(pixels(source(page)), load(models / state["model"]["name"]).picture(Recipe.from_json(state)))
    return state


def same(found: np.ndarray, expected: Image.Image, most: int = 1) -> None:
    wanted = np.asarray(expected if found.ndim == 2 else expected.convert("RGB"))  # A WebP is never grey.
    assert found.shape == wanted.shape
    assert wanted.std() > 3, "a flat picture proves nothing"
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= most
