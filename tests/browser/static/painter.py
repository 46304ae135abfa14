"""What a test does with style transfer in a page without a server, and what it sees there."""

import base64
import io
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.browser.static_bundle import WAIT_MS, until

PAINTED = "#paint-picture[aria-busy=false][data-painted]"
MESSAGE = "#paint-message"
MODEL = "#paint-model button"


def take_model(page, name: str) -> None:
    page.click(MODEL)
    page.get_by_role("option").filter(has_text=name).click()
    page.wait_for_selector(f"{MODEL}[aria-label='Model: {name}']")


def restored(page) -> None:
    """What another test left behind gives way to the first example, painted by the tiny model."""
    if page.get_attribute(MODEL, "aria-label") != "Model: tiny-cyclegan":
        take_model(page, "tiny-cyclegan")
    page.get_by_role("button", name="Broad", exact=True).click()
    page.click("#paint-direction button[data-value=ba]")
    page.locator("#paint-examples button").first.click()
    page.fill("#paint-strength input[type=number]", "100")
    page.keyboard.press("Enter")
    page.uncheck("#paint-colours")
    page.select_option("#paint-kind", "jpg")
    page.wait_for_selector(PAINTED)


def canvas(page, name: str) -> Image.Image:
    url = page.evaluate(f"document.querySelector('#paint-{name}').toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> int:
    """Largest difference of any level."""
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


def settles(page, expected: Image.Image) -> None:
    """The finished painting takes its preview's place when the browser comes to it."""
    end = time.monotonic() + WAIT_MS / 1000
    while apart(canvas(page, "after"), expected) > 2:
        assert time.monotonic() < end, "the page shows another painting"
        page.wait_for_timeout(200)


def photograph(path: Path, width: int, height: int) -> Path:
    """Soft slopes and a hard edge, which a filter of another kind would show."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 / width, y * 255 / height, 128 + 90 * np.sin(x / 37)], -1).astype(np.uint8)
    pixels[height // 3 : height // 2, width // 3 : width // 2] = (250, 240, 20)
    Image.fromarray(pixels).save(path, quality=95)
    return path


def choose(page, path: Path) -> None:
    page.set_input_files("#paint-file", path)


def says(page, text: str) -> None:
    until(page, f"document.querySelector('{MESSAGE}').innerText.includes({json.dumps(text)})")


def downloaded(page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.click("#paint-download")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path
