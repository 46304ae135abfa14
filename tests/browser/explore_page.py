"""Explore's page in the hands of a test: what it shows and keeps, and a mouse that pulls its sliders."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.library import load
from gan_core.recipe import Recipe
from tests.browser.conftest import WAIT_MS

PICTURE = "#explore-picture img"
MESSAGE = "#explore-message"


def ready(page, address: str) -> None:
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector(PICTURE)
    page.wait_for_selector("#explore-directions .xp-row")


def recipe(page) -> dict[str, Any]:
    """What the page keeps of its state: the recipe of the picture that is shown."""
    return json.loads(page.evaluate("sessionStorage.getItem('gan-studio:explore')"))


def source(page) -> str:
    return page.get_attribute(PICTURE, "src")


def pixels(data_url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2]))))


def settled(page, models: Path) -> dict[str, Any]:
    """Wait until nothing is under way; the picture is then, bit for bit, the library's for the same recipe."""
    page.wait_for_function("document.querySelector('#explore-picture').getAttribute('aria-busy') === 'false'")
    state = recipe(page)
    expected = load(models / state["model"]["name"]).picture(Recipe.from_json(state))
    assert np.array_equal(pixels(source(page)), np.asarray(expected))
    return state


def wait_for_state(page, condition: str) -> None:
    """Wait for a condition on the recipe `r`."""
    page.wait_for_function(
        f"() => {{ const r = JSON.parse(sessionStorage.getItem('gan-studio:explore'));"
        f" try {{ return {condition}; }} catch {{ return false; }} }}"  # A part that is not there yet.
    )


def one_move(page) -> None:
    """Quick steps of one control are one entry of the history: from here on all are quick, however slow the machine."""
    page.evaluate("() => { const now = performance.now(); performance.now = () => now; }")


def says(page, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[MESSAGE, text]
    )


def middle(page, selector: str) -> tuple[float, float]:
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, selector: str, start: float, end: float, steps: int = 25) -> None:
    """Pull a slider's thumb from one part of its track to another."""
    _, y = middle(page, selector)
    box = page.locator(selector).bounding_box()
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, y, steps=steps)
    page.mouse.up()


def direction(name: str) -> str:
    return f"[data-id={name}] input[type=range]"


def drop(page, content: bytes, name: str, selector: str = "#explore-picture") -> None:
    """Drop a file, which only a program can do in a browser without a window."""
    page.evaluate(
        """([selector, base64, name]) => {
            const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type: "image/png" }));
            const options = { dataTransfer: carried, bubbles: true, cancelable: true };
            const target = document.querySelector(selector);
            target.dispatchEvent(new DragEvent("dragover", options));
            target.dispatchEvent(new DragEvent("drop", options));
        }""",
        [selector, base64.b64encode(content).decode(), name],
    )
