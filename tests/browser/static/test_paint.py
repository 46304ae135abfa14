"""Style transfer of the static target in a real browser: what it paints, what it writes, and that nothing is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.inference.blend import blend
from gan_core.inference.brush import laid_over
from gan_core.inference.translator import Translator
from gan_core.recipe import made_here
from gan_core.weights import load
from tests.browser.static.painter import (
    MESSAGE,
    PAINTED,
    apart,
    canvas,
    choose,
    downloaded,
    photograph,
    restored,
    says,
    settles,
    take_model,
)
from tests.browser.static_bundle import serving, until, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def url(paintings: Path) -> Iterator[str]:
    with serving(paintings) as address:
        yield address


@pytest.fixture(scope="module")
def one_page(browser, url: str) -> Iterator[Any]:
    with visit(browser, url, accept_downloads=True) as page:
        page.goto(url)
        page.wait_for_selector(PAINTED)
        yield page


@pytest.fixture
def page(one_page) -> Any:
    """The first example painted by the tiny model, in a page that several tests look at."""
    restored(one_page)
    return one_page


def test_something_is_seen_before_anything_is_computed(browser, url: str, paintings: Path) -> None:
    """The painting that came with the page stands there although no model and no engine can be had."""
    with visit(browser, url, service_workers="block") as page:  # Which would fetch by itself.
        page.route("**/*.onnx*", lambda route: route.abort())
        page.goto(url)
        page.wait_for_selector("#paint-after[data-look]")
        first = Image.open(paintings / "models" / "tiny-cyclegan" / "first.webp").convert("RGB")
        assert apart(canvas(page, "after"), first) <= 1
        says(page, "could not be fetched")
        assert page.locator("#paint-paint").is_visible()  # The way out: once more.


def test_a_hand_that_goes_on_while_the_engine_loads_does_not_load_it_again(browser, url: str) -> None:
    """What is given up before it began takes nothing else with it: each press began the 14 MB anew."""
    with visit(browser, url, service_workers="block") as page:
        held: list = []
        page.route("**/*.wasm", lambda route: held.append(route))
        page.goto(url)
        page.wait_for_selector("#paint-after[data-look]")
        for title in ("photograph", "painting", "photograph"):
            page.get_by_role("button", name=title, exact=True).click()
            page.wait_for_timeout(100)
        while not held:
            page.wait_for_timeout(50)
        assert len(held) == 1
        held[0].continue_()
        page.wait_for_selector(PAINTED)
        assert len(held) == 1
        assert page.get_attribute("#paint-direction button[data-value=ab]", "aria-pressed") == "true"
        assert page.inner_text(MESSAGE) == ""


@pytest.mark.parametrize("name", ["tiny-cyclegan", "monet2photo-cyclegan"])
def test_it_paints_what_python_paints(page, folders: list[Path], name: str) -> None:
    """Photograph and painting of the page, at its own size, against the translator: two of 255 levels."""
    if name != "tiny-cyclegan":
        take_model(page, name)
        page.wait_for_selector(f"{PAINTED}")
        page.wait_for_selector("#paint-download:not([hidden])")
    photo = canvas(page, "before")
    assert photo.size == (480, 320)
    translator = Translator(load(next(folder for folder in folders if folder.name == name)))
    settles(page, translator.translate(photo, "ba"))


def test_the_other_direction_is_another_painting(page, folders: list[Path]) -> None:
    translator, photo = Translator(load(folders[0])), canvas(page, "before")
    expected = translator.translate(photo, "ab")
    assert apart(expected, translator.translate(photo, "ba")) > 8
    page.get_by_role("button", name="photograph", exact=True).click()
    page.wait_for_selector("#paint-direction button[data-value=ab][aria-pressed=true]")
    settles(page, expected)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_download_says_how_it_was_made(page, folders: list[Path], tmp_path: Path, kind: str) -> None:
    page.select_option("#paint-kind", kind)
    field = page.get_by_label("Strength in percent, number")
    field.fill("60")
    field.press("Enter")
    page.check("#paint-colours")
    path = downloaded(page, tmp_path)
    assert path.name == f"Lake-at-dusk-tiny-cyclegan.{kind}"
    made = made_here(path)
    assert made is not None
    assert made.kind == "translated"
    assert made.software.startswith("GAN Studio ")
    translation = made.translation
    assert (translation.direction, translation.strength, translation.keep_colours) == ("ba", 0.6, True)
    assert translation.size == (480, 320)
    assert translation.painted_px is None
    translator = Translator(load(folders[0]))
    assert translation.model == translator.ref
    with Image.open(path) as picture:
        assert picture.size == (480, 320)
        photo = canvas(page, "before")
        expected = blend(photo, translator.translate(photo, "ba"), 0.6, True)
        if kind == "png":
            assert apart(picture.convert("RGB"), expected) <= 2


def test_a_large_photograph_is_painted_small_and_laid_over_the_whole(page, folders: list[Path], tmp_path: Path) -> None:
    """As the full app's broad brush does, close to it: the filter that makes it smaller is the browser's own."""
    choose(page, photograph(tmp_path / "slopes.png", 1400, 900))
    until(page, "document.querySelector('#paint-facts').innerText.includes('1400 × 900')")
    page.wait_for_selector("#paint-download:not([hidden])")
    assert page.inner_text("#paint-facts").startswith("slopes.png, 1400 × 900 px, painted at 512 px, ")
    page.select_option("#paint-kind", "png")
    path = downloaded(page, tmp_path)
    assert path.name == "slopes-tiny-cyclegan.png"
    made = made_here(path)
    assert made.translation.painted_px == 512
    assert made.translation.size == (1400, 900)
    photo = Image.open(tmp_path / "slopes.png").convert("RGB")
    small, painting = Translator(load(folders[0])).preview(photo, "ba", side=512)
    difference = np.abs(
        np.asarray(Image.open(path).convert("RGB")).astype(int) - np.asarray(laid_over(photo, small, painting))
    )
    assert np.median(difference) <= 2


def test_a_photograph_over_what_a_browser_holds_is_made_smaller_and_it_says_so(page, tmp_path: Path) -> None:
    choose(page, photograph(tmp_path / "wide.jpg", 5000, 1200))
    until(page, "document.querySelector('#paint-facts').innerText.includes('4096 × 983')")
    says(page, "wide.jpg has 5000 × 1200 px; in the browser it is painted at 4096 × 983 px.")


def test_cancel_keeps_the_preview_and_painting_goes_on_after_it(page, tmp_path: Path) -> None:
    take_model(page, "monet2photo-cyclegan")
    page.wait_for_selector("#paint-download:not([hidden])")
    choose(page, photograph(tmp_path / "slopes.png", 1400, 900))
    until(page, "document.querySelector('#paint-facts').innerText.includes('1400 × 900')")
    page.get_by_role("button", name="Fine", exact=True).click()
    page.wait_for_selector("#paint-paint:not([hidden]):not([disabled])")  # Over six seconds: it is asked for.
    assert "about" in page.inner_text("#paint-paint")
    page.click("#paint-paint")
    until(page, "document.querySelector('#paint-job [role=progressbar]').getAttribute('aria-valuenow') > 0")
    page.click("#paint-cancel")
    says(page, "Cancelled. The preview stays.")
    page.get_by_role("button", name="Broad", exact=True).click()
    if (
        page.wait_for_selector("#paint-download:visible, #paint-paint:enabled:visible").get_attribute("id")
        == "paint-paint"
    ):
        page.click("#paint-paint")  # On a slow machine that is asked for too.
    page.wait_for_selector("#paint-download:not([hidden])")
    assert made_here(downloaded(page, tmp_path)).translation.painted_px == 512


def test_what_is_no_picture_is_told_and_changes_nothing(page, tmp_path: Path) -> None:
    before = canvas(page, "after")
    (tmp_path / "notes.png").write_text("no picture")
    choose(page, tmp_path / "notes.png")
    says(page, "notes.png is no picture that this browser can open. Nothing was changed.")
    assert apart(canvas(page, "after"), before) == 0
    assert page.locator("#paint-download").is_visible()


def test_what_needs_a_server_is_not_shown(page) -> None:
    assert page.locator("#paint-check").is_hidden()
    page.click("#paint-compare summary")
    until(page, "document.querySelectorAll('#paint-compare img').length === 2")


def test_the_check_before_a_deploy_paints_with_each_model(page) -> None:
    found = page.evaluate("ganStudioCheck()")
    assert found["error"] is None
    assert [one["model"] for one in found["paintings"]] == ["tiny-cyclegan", "monet2photo-cyclegan"]
    for one in found["paintings"]:
        assert (one["direction"], one["width"], one["height"]) == ("ba", 128, 85)
        assert one["high"] - one["low"] > 8
    assert page.evaluate("document.documentElement.dataset.ready") == "paint"


def test_photographs_that_are_done_give_their_memory_back(browser, url: str) -> None:
    """What was told of a painting held the photograph and the run, for as long as the page was open."""
    with visit(browser, url) as page:
        page.goto(url)
        page.evaluate(
            """async (photos) => {
                const pen = OffscreenCanvasRenderingContext2D.prototype;
                const { getImageData } = pen;
                globalThis.read = [];
                pen.getImageData = function (...where) {
                    const image = getImageData.apply(this, where);
                    if (image.width === 101) globalThis.read.push(new WeakRef(image.data));
                    return image;
                };
                const { paintServer } = await import("./server-paint.js");
                const facts = JSON.parse(document.getElementById("facts").textContent);
                const server = paintServer({ ...facts, base: new URL(".", location.href).href, loading: () => {} });
                const { take, paint, poll } = server.methods;
                globalThis.painter = server;
                for (let number = 0; number < photos; number += 1) {
                    const canvas = new OffscreenCanvas(101, 67);
                    canvas.getContext("2d").fillRect(0, 0, number, 67);
                    const { path } = await server.upload(await canvas.convertToBlob());
                    const { photo } = await take({ path, name: "a.png" });
                    for (let turn = 0; turn < 2; turn += 1) { // The second time the painting is there.
                        const { job } = await paint({ model: "tiny-cyclegan", direction: "ba", photo: photo.id });
                        let told = null;
                        do told = await poll({ job });
                        while (told.state === "running");
                        if (told.state !== "done") throw new Error(told.error);
                    }
                }
            }""",
            9,
        )
        chrome = page.context.new_cdp_session(page)
        for _ in range(2):
            chrome.send("HeapProfiler.collectGarbage")
        assert page.evaluate("read.length") == 9
        assert page.evaluate("read.filter((one) => one.deref()).length") <= 4, "those that were used last"
