"""Training end to end, with the real mouse."""

import json
from pathlib import Path

import pytest

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
