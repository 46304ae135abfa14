"""Interpolate of the page without a server, in a real browser: films that show what Python draws."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.inference.generator import Generator
from gan_core.inference.walk import Walk, frames, jumps
from gan_core.library import load
from tests.browser.static_bundle import until, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def walk(one_page) -> Any:
    """Interpolate with its first walk."""
    one_page.evaluate("sessionStorage.clear()")
    one_page.reload()
    one_page.get_by_role("tab", name="Interpolate").click()
    one_page.wait_for_selector("#interpolate-player[data-drawn]")
    return one_page


def rendered(page, **fields: int) -> tuple[Walk, bytes]:
    """Set some numbers, render, and fetch the film; the walk as Python reads it."""
    for name, value in fields.items():
        page.fill(f"#interpolate-{name}", str(value))
        page.press(f"#interpolate-{name}", "Enter")
    page.click("#interpolate-render")
    page.wait_for_selector("#interpolate-download:not([hidden])")
    with page.expect_download() as download:
        page.click("#interpolate-download")
    kept = page.evaluate("JSON.parse(sessionStorage.getItem('gan-studio:interpolate')).state")
    known = {key: kept[key] for key in ("keys", "path", "ease", "loop", "even", "frames", "rows", "columns")}
    return Walk.from_json({"format": 1, **known}), Path(download.value.path()).read_bytes()


def played(film: bytes) -> tuple[list[np.ndarray], Any, float]:
    """Frames as RGB, the stream's facts, and the length in seconds."""
    av = pytest.importorskip("av")
    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        facts = (stream.codec_context.name, stream.width, stream.height, float(stream.average_rate))
        pictures = [frame.to_image() for frame in container.decode(stream)]
        return [np.asarray(one) for one in pictures], facts, container.duration / 1e6


def test_a_film_plays_and_shows_the_walk(walk, models: Path) -> None:
    made, film = rendered(walk, frames=24, fps=12, size=160)
    pictures, facts, seconds = played(film)
    assert facts == ("vp9", 160, 160, 12.0) or facts[0] == "vp8"
    assert len(pictures) == 24
    assert seconds == pytest.approx(2, abs=0.1)
    expected = list(frames(generator(models), made))
    for number in (0, 7, 23):
        wanted = np.asarray(expected[number].convert("RGB").resize((160, 160), Image.Resampling.NEAREST)).astype(float)
        assert np.abs(pictures[number] - wanted).mean() < 8, f"frame {number}"
    until(walk, "document.querySelector('#interpolate-video').duration > 1.9")
    walk.evaluate("document.querySelector('#interpolate-video').currentTime = 1.5")  # By its cues.
    until(walk, "!document.querySelector('#interpolate-video').seeking")


def generator(models: Path) -> Generator:
    generator = load(models / "tiny-dcgan")
    assert isinstance(generator, Generator)
    return generator


def test_an_even_spline_in_a_grid_is_pythons(walk, models: Path) -> None:
    walk.click("#interpolate-path button[data-value=spline]")
    walk.check("#interpolate-even")
    walk.click("#interpolate-grid summary")
    made, film = rendered(walk, columns=2, frames=20, size=66)
    assert (made.path, made.even, made.columns) == ("spline", True, 2)
    pictures, facts, _ = played(film)
    assert facts[1:3] == (66, 32)  # 34 x 16 px with the gap, enlarged to 66 px.
    expected = list(frames(generator(models), made))
    for number in (3, 11, 19):
        wanted = np.asarray(expected[number].convert("RGB").resize((66, 32), Image.Resampling.NEAREST)).astype(float)
        assert np.abs(pictures[number] - wanted).mean() < 12, f"frame {number}"
    drawn = "JSON.parse(document.querySelector('#interpolate-player').dataset.drawn)"
    until(walk, f"(({{ columns, frames, even }}) => columns === 2 && frames === 20 && even)({drawn})")
    told = walk.inner_text("#interpolate-jump")
    steps = jumps(generator(models), made, 20)
    assert f"{max(steps) / (sum(steps) / len(steps)):.1f}" in told


def test_a_gif_opens_elsewhere_and_shows_the_walk(walk, models: Path) -> None:
    """Hard pixels: the colours of the film's own table, undithered, and steps of whole hundredths without drift."""
    walk.select_option("#interpolate-kind", "gif")
    made, film = rendered(walk, frames=20, fps=30, size=160)
    with Image.open(io.BytesIO(film)) as picture:
        assert (picture.format, picture.n_frames, picture.size) == ("GIF", 20, (160, 160))
        assert picture.info["loop"] == 0
        expected = list(frames(generator(models), made))
        lasted = []
        for number in range(20):
            picture.seek(number)
            lasted.append(picture.info["duration"])
            wanted = expected[number].convert("RGB").resize((160, 160), Image.Resampling.NEAREST)
            apart = np.asarray(picture.convert("RGB")).astype(float) - np.asarray(wanted)
            assert np.sqrt(np.square(apart).mean()) < 6, f"frame {number}"
    assert set(lasted) == {30, 40}
    assert sum(lasted) == 670
    until(walk, "document.querySelector('#interpolate-image').naturalWidth === 160")
    assert walk.is_visible("#interpolate-image")
    assert walk.is_disabled("#interpolate-play")
    assert re.match(r"tiny-dcgan-7-42-1234\.gif, 0\.7 s, ", walk.inner_text("#interpolate-told"))


def test_a_grey_gif_loses_nothing(walk, models: Path) -> None:
    walk.click("#interpolate-model button")
    walk.locator("#interpolate-model [role=option]", has_text="tiny-grey").click()
    until(walk, "JSON.parse(sessionStorage.getItem('gan-studio:interpolate')).model === 'tiny-grey'")
    walk.select_option("#interpolate-kind", "gif")
    made, film = rendered(walk, frames=6, fps=50, size=32)
    expected = list(frames(load(models / "tiny-grey"), made))
    with Image.open(io.BytesIO(film)) as picture:
        assert (picture.n_frames, picture.info["duration"]) == (6, 20)
        for number in range(6):
            picture.seek(number)
            found = np.asarray(picture.convert("L")).astype(int)
            assert np.abs(found - np.asarray(expected[number])).max() <= 1, f"frame {number}"


def test_a_gif_is_no_faster_than_browsers_play_it(walk) -> None:
    walk.select_option("#interpolate-kind", "gif")
    walk.fill("#interpolate-fps", "60")
    walk.press("#interpolate-fps", "Enter")
    walk.click("#interpolate-render")
    until(walk, "document.querySelector('#interpolate-told').innerText.includes('Give a number from 1 to 50')")


def test_without_an_encoder_for_films_a_gif_is_written(browser, url: str) -> None:
    with visit(browser, url) as page:
        page.add_init_script("delete globalThis.VideoEncoder")
        page.goto(url)
        page.get_by_role("tab", name="Interpolate").click()
        page.wait_for_selector("#interpolate-player[data-drawn]")
        assert offered(page) == ["GIF"]
        assert page.input_value("#interpolate-kind") == "gif"
        page.fill("#interpolate-frames", "3")
        page.press("#interpolate-frames", "Enter")
        page.click("#interpolate-render")
        page.wait_for_selector("#interpolate-download:not([hidden])")
        until(page, "document.querySelector('#interpolate-image').naturalWidth === 512")


@pytest.mark.parametrize("kind", ["webm", "gif"])
def test_rendering_is_cancelled(walk, kind: str) -> None:
    walk.select_option("#interpolate-kind", kind)
    walk.fill("#interpolate-frames", "2000")
    walk.press("#interpolate-frames", "Enter")
    walk.click("#interpolate-render")
    until(walk, "document.querySelector('#interpolate-told').innerText.startsWith('Frame')")
    walk.click("#interpolate-cancel")
    until(walk, "document.querySelector('#interpolate-told').innerText.startsWith('Cancelled')")
    assert not walk.locator("#interpolate-download").is_visible()
    assert offered(walk) == ["WebM", "GIF"]


def offered(page) -> list[str]:
    return page.locator("#interpolate-kind option:not([disabled])").all_inner_texts()
