"""Photographs on their way into Style transfer: chosen, pasted, dropped, taken by the camera, found again, refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.browser.paint_page import (
    MESSAGE,
    PICTURE,
    canvas,
    change_answer,
    facts,
    painted,
    photograph,
    says,
    send_event,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_what_is_no_picture_is_told_and_everything_stays(paint, tmp_path: Path) -> None:
    before, shown = canvas(paint, "after"), paint.inner_text("#paint-facts")
    place = paint.locator(PICTURE).bounding_box()
    (tmp_path / "bad.jpg").write_text("no picture")
    paint.set_input_files("#paint-file", tmp_path / "bad.jpg")
    says(paint, "bad.jpg")
    assert paint.locator(PICTURE).bounding_box() == place
    assert np.array_equal(canvas(paint, "after"), before)
    assert paint.inner_text("#paint-facts") == shown
    assert paint.is_visible("#paint-download")
    paint.click("#paint-examples [data-value='example:coast']")
    painted(paint)
    assert paint.inner_text(MESSAGE) == ""  # What was wrong is over.

    (tmp_path / "empty.png").touch()
    paint.set_input_files("#paint-file", tmp_path / "empty.png")
    says(paint, "empty.png is empty")


def test_a_file_over_the_limit_is_told_before_it_is_sent(page, tmp_path: Path) -> None:
    change_answer(page, "open", {"most_mb": 0.0001})
    page.get_by_role("tab", name="Style transfer").click()
    painted(page)
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    page.set_input_files("#paint-file", photograph(tmp_path / "large.png", 300, 200))
    says(page, "at most 0.0001 MB are taken")
    assert sent == []


def test_files_are_pasted_and_dropped(paint, tmp_path: Path) -> None:
    one, two = photograph(tmp_path / "one.png", 120, 90), photograph(tmp_path / "two.png", 60, 90)
    send_event(paint, "paste", "body", {"one.png": one})
    facts(paint, "one.png, 120 × 90 px")
    painted(paint)
    send_event(paint, "dragover", PICTURE, {"two.png": two})
    assert paint.is_visible(".pt .gs-dropping")
    send_event(paint, "drop", PICTURE, {"two.png": two})
    facts(paint, "two.png, 60 × 90 px")
    painted(paint)
    assert not paint.is_visible(".pt .gs-dropping")


def seeing(page) -> None:
    """Wait until the camera's picture is there, and its panel in hand: before that no key is meant for it."""
    page.wait_for_function("document.querySelector('#paint-camera video').videoWidth === 160")
    page.wait_for_function("document.querySelector('#paint-camera').contains(document.activeElement)")


def test_the_camera_takes_a_picture_and_says_where_there_is_none(paint) -> None:
    paint.click("#paint-webcam")
    paint.wait_for_function(f"document.querySelector('{MESSAGE}').innerText.includes('Nothing was taken')")
    paint.evaluate(
        """() => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
            const context = canvas.getContext("2d");
            setInterval(() => { context.fillStyle = "teal"; context.fillRect(0, 0, 160, 120); }, 30);
            navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
        }"""
    )
    paint.click("#paint-webcam")
    seeing(paint)
    paint.keyboard.press("Escape")
    paint.wait_for_selector("#paint-camera", state="hidden")
    paint.click("#paint-webcam")
    seeing(paint)
    paint.click("#paint-shoot")
    facts(paint, "webcam.png, 160 × 120 px")
    painted(paint)
    assert not paint.is_visible("#paint-camera")


def test_a_reload_finds_photograph_and_settings_again(paint, tmp_path: Path) -> None:
    paint.set_input_files("#paint-file", photograph(tmp_path / "mine.png", 200, 100))
    facts(paint, "mine.png, 200 × 100 px")
    painted(paint)
    paint.fill("#paint-strength input[type=number]", "30")
    paint.check("#paint-colours")
    paint.wait_for_function("JSON.parse(sessionStorage.getItem('gan-studio:paint')).look.keep_colours")
    paint.reload()
    paint.get_by_role("tab", name="Style transfer").click()
    painted(paint)
    facts(paint, "mine.png, 200 × 100 px")
    assert paint.input_value("#paint-strength input[type=number]") == "30"
    assert paint.is_checked("#paint-colours")
