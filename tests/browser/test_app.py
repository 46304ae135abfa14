"""Style transfer and Training end to end, with the real mouse: dispatched events would hide what a drag does."""

import json
from pathlib import Path

import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PICTURE = "#explore-picture img"


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def source(page, selector: str) -> str:
    return page.get_attribute(selector, "src")


def wait_for_change(page, selector: str, before: str) -> str:
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector)?.src !== before", arg=[selector, before]
    )
    return source(page, selector)


def wait_for_text(page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
    )


def drag(page, selector: str, start: float, end: float) -> None:
    """Pull a slider's thumb from one part of its track to another."""
    slider = page.locator(f"{selector} input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, y, steps=25)
    page.mouse.up()


def test_the_example_is_painted_and_other_photographs_too(page, tmp_path: Path) -> None:
    open_tab(page, "Style transfer")
    page.wait_for_selector("#style-result img")
    assert page.input_value("#style-direction input") == "photograph \N{RIGHTWARDS ARROW} painting"
    sizes = page.evaluate(
        "['original', 'result'].map(name => document.querySelector(`#style-${name} img`))"
        ".map(image => [image.naturalWidth, image.naturalHeight])"
    )
    assert sizes == [[480, 320], [480, 320]]

    first = source(page, "#style-result img")
    page.click("#style-examples button[data-value=coast]")
    coast = wait_for_change(page, "#style-result img", first)
    drag(page, "#style-strength", 0.98, 0.4)
    wait_for_change(page, "#style-result img", coast)

    original = source(page, "#style-original img")
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    page.set_input_files("#style-file input[type=file]", bad)
    wait_for_text(page, "#style-message", "bad.jpg could not be opened")
    assert source(page, "#style-original img") == original

    good = tmp_path / "good.png"
    Image.linear_gradient("L").resize((90, 50)).save(good)
    page.set_input_files("#style-file input[type=file]", good)
    wait_for_text(page, "#style-note", "good.png")
    page.click("#style-paint")
    page.wait_for_function("document.querySelector('#style-result img')?.naturalWidth === 90")
    page.wait_for_function("document.querySelector('#style-message').innerText.trim() === ''")


def test_a_run_is_started_watched_found_again_and_stopped(page, runs: Path) -> None:
    open_tab(page, "Training")
    page.wait_for_selector("#training-start")
    for field, value in (("size", "33"), ("steps", "6000"), ("batch", "4")):
        page.fill(f"#training-{field} input", value)
    page.click("#training-start")
    wait_for_text(page, "#training-message", "Size is 33")
    page.fill("#training-size input", "16")
    page.click("#training-start")
    wait_for_text(page, "#training-status", "Starting")
    wait_for_text(page, "#training-status", "Running")
    page.wait_for_selector("#training-curve polyline")
    page.wait_for_selector("#training-samples img")
    curve = page.inner_html("#training-curve svg")
    page.wait_for_function("before => document.querySelector('#training-curve svg').innerHTML !== before", arg=curve)
    wait_for_text(page, "#training-status", "left")

    page.reload()
    page.wait_for_selector(PICTURE)
    open_tab(page, "Training")
    wait_for_text(page, "#training-status", "Running")
    samples = source(page, "#training-samples img")
    wait_for_change(page, "#training-samples img", samples)

    page.click("#training-stop")
    wait_for_text(page, "#training-status", "Stopped")
    assert page.is_disabled("#training-stop")
    assert page.is_enabled("#training-resume")
    (run,) = sorted(runs.iterdir())
    assert json.loads((run / "status.json").read_bytes())["state"] == "stopped"
    assert any((run / "state").iterdir())

    open_tab(page, "Explore")
    before = source(page, PICTURE)
    page.click("#explore-model button")
    page.get_by_role("option", name=run.name).click()
    wait_for_change(page, PICTURE, before)
    wait_for_text(page, "#explore-model", run.name)
