"""Several photographs at once, and there and back, in a page without a server."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.inference.translator import Translator
from gan_core.library import load
from gan_core.recipe import made_here
from tests.browser.static.painter import PAINTED, apart, canvas, photograph
from tests.browser.static_bundle import until, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOLD = "#paint-many-told"


@pytest.fixture(scope="module")
def one_page(browser, url: str) -> Iterator[Any]:
    with visit(browser, url, accept_downloads=True) as page:
        page.goto(url)
        page.get_by_role("tab", name="Style transfer").click()
        page.wait_for_selector(PAINTED)
        yield page


@pytest.fixture
def page(one_page) -> Any:
    """Style transfer with an empty list of photographs."""
    if one_page.is_visible("#paint-many-clear"):
        one_page.click("#paint-many-clear")
    return one_page


def told(page, pattern: str) -> str:
    until(page, f"new RegExp({json.dumps(pattern)}).test(document.querySelector('{TOLD}').innerText)")
    return page.inner_text(TOLD)


def states(page) -> list[str]:
    return page.eval_on_selector_all("#paint-many li", "all => all.map((one) => one.dataset.state)")


def add(page, files: list[Path]) -> None:
    page.set_input_files("#paint-file", files)
    until(page, "document.querySelectorAll('#paint-many li').length > 0")
    until(page, "!document.querySelector('#paint-many li[data-state=sending]')")


def fetched(page) -> tuple[str, zipfile.ZipFile]:
    with page.expect_download() as waiting:
        page.click("#paint-many-zip")
    content = Path(waiting.value.path()).read_bytes()
    return waiting.value.suggested_filename, zipfile.ZipFile(io.BytesIO(content))


def test_several_photographs_become_one_zip_and_a_broken_one_is_named(page, models: Path, tmp_path: Path) -> None:
    """Of the same name and of one in other letters, too; what is in it is what Python paints of each."""
    (tmp_path / "more").mkdir()
    sizes = {"slopes.png": (96, 64), "more/slopes.png": (64, 96), "Größe 7.png": (80, 80)}
    files = [photograph(tmp_path / name, *size) for name, size in sizes.items()]
    (tmp_path / "notes.png").write_text("no picture")
    page.select_option("#paint-kind", "png")
    add(page, [files[0], tmp_path / "notes.png", *files[1:]])
    assert states(page) == ["ready", "failed", "ready", "ready"]
    assert "notes.png is no picture that this browser can open" in page.inner_text("#paint-many li >> nth=1")
    assert page.inner_text("#paint-many-go") == "Paint 3 photos"
    page.click("#paint-many-go")
    assert re.match(r"3 of 3 painted, [\d.]+ kB", told(page, "painted"))
    assert states(page) == ["done", "failed", "done", "done"]
    name, archive = fetched(page)
    assert name == "paintings-tiny-cyclegan.zip"
    with archive:
        assert archive.testzip() is None
        names = ["slopes-tiny-cyclegan.png", "slopes-tiny-cyclegan-2.png", "Größe-7-tiny-cyclegan.png"]
        assert archive.namelist() == names
        translator = load(models / "tiny-cyclegan")
        for entry, file in zip(archive.infolist(), files, strict=True):
            assert entry.compress_type == zipfile.ZIP_STORED
            content = archive.read(entry)
            assert made_here(content).translation.model == translator.ref
            painting = Image.open(io.BytesIO(content)).convert("RGB")
            assert apart(painting, translator.translate(Image.open(file), "ba")) <= 2


def test_one_that_went_away_is_named_and_the_others_are_painted(page, tmp_path: Path) -> None:
    """The page keeps files where they lie, and the pixels of the last few alone."""
    files = [photograph(tmp_path / f"photo-{number}.png", 64, 48) for number in range(6)]
    add(page, files)
    assert states(page) == ["ready"] * 6
    files[0].unlink()
    page.click("#paint-many-go")
    told(page, "5 of 6 painted")
    assert states(page) == ["failed"] + ["done"] * 5
    assert "photo-0.png cannot be read any more" in page.inner_text("#paint-many li >> nth=0")
    _, archive = fetched(page)
    assert len(archive.namelist()) == 5


def test_cancel_keeps_nothing_and_all_can_be_painted_after_it(page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Fine", exact=True).click()
    add(page, [photograph(tmp_path / f"large-{number}.png", 1200, 900) for number in range(3)])
    page.click("#paint-many-go")
    until(page, "document.querySelector('#paint-many li[data-state=painting]')")
    assert page.locator("#paint-many [role=progressbar]").is_visible()
    page.click("#paint-many-cancel")
    told(page, "Cancelled; nothing was kept.")
    assert states(page) == ["ready"] * 3
    assert page.locator("#paint-many-zip").is_hidden()
    page.get_by_role("button", name="Broad", exact=True).click()
    page.click("#paint-many-go")
    told(page, "3 of 3 painted")
    until(page, "document.querySelector('#paint-picture').matches('[aria-busy=false]')")


def test_more_than_are_taken_at_once_are_refused_as_a_whole(page, tmp_path: Path) -> None:
    file = photograph(tmp_path / "one.png", 16, 16)
    page.set_input_files("#paint-many-file", [file] * 51)
    told(page, "At most 50 photos are painted at once; these would be 51. None was added.")
    assert states(page) == []


def test_there_and_back_is_pythons(page, models: Path) -> None:
    photo = canvas(page, "before")
    translator = load(models / "tiny-cyclegan")
    assert isinstance(translator, Translator)
    expected = translator.round_trip(photo, "ba")
    page.click("#paint-trip summary")
    until(page, "document.querySelector('#paint-trip p').innerText.startsWith('Fidelity')")
    assert float(page.inner_text("#paint-trip p >> nth=0").split()[1]) == pytest.approx(expected.fidelity, abs=0.011)
    until(page, "document.querySelector('#paint-trip img').naturalWidth")  # It is decoded after it was given.
    url = page.evaluate(
        """() => {
            const image = document.querySelector("#paint-trip img");
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL();
        }"""
    )
    found = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    pixels, wanted = (np.asarray(one).astype(int) for one in (found, expected.picture.convert("RGB")))
    difference = np.abs(pixels - wanted)
    assert difference.mean() < 0.5  # The second network sees two levels of the first one, and makes more of them.
    assert difference.max() <= 8
