"""Style transfer of the static target in a real browser: what it paints, what it writes, and that nothing is sent."""

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.inference.blend import blend
from gan_core.inference.brush import laid_over
from gan_core.inference.translator import Translator
from gan_core.models import cyclegan
from gan_core.recipe import made_here
from gan_core.weights import load, network_json, save
from tests.browser.static_bundle import WAIT_MS, serving, until, visit
from tests.conftest import TINY_CYCLEGAN

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REAL = Path(__file__).resolve().parents[2] / "pretrained" / "monet2photo-cyclegan"
PAINTED = "#paint-picture[aria-busy=false][data-painted]"
MESSAGE = "#paint-message"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A tiny translator, and a real one."""
    folder = tmp_path_factory.mktemp("models") / "tiny-cyclegan"
    torch.manual_seed(4)
    domains = {"a": "painting", "b": "photograph"}
    network = network_json(TINY_CYCLEGAN)
    config = ModelConfig(family="cyclegan", network=network, domains=domains, default_direction="ba")
    save(folder, config, cyclegan.build(TINY_CYCLEGAN))
    return [folder, REAL]


@pytest.fixture(scope="module")
def bundle(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    from gan_core.deploy.static import write_static

    out = tmp_path_factory.mktemp("bundle")
    write_static(out, folders, title="Paintings")
    if json.loads((out / "ort" / "where.json").read_text())["where"] != "here":
        pytest.skip("there is no npm, and onnxruntime-web was not fetched before")
    return out


@pytest.fixture(scope="module")
def url(bundle: Path) -> Iterator[str]:
    with serving(bundle) as address:
        yield address


@pytest.fixture
def page(browser, url: str):
    """Style transfer with the first example painted by the tiny model, in the browser."""
    with visit(browser, url) as page:
        page.goto(url)
        page.wait_for_selector(PAINTED)
        yield page


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


def test_something_is_seen_before_anything_is_computed(browser, url: str, bundle: Path) -> None:
    """The painting that came with the page stands there although no model and no engine can be had."""
    with visit(browser, url, service_workers="block") as page:  # Which would fetch by itself.
        page.route("**/*.onnx*", lambda route: route.abort())
        page.goto(url)
        page.wait_for_selector("#paint-after[data-look]")
        first = Image.open(bundle / "models" / "tiny-cyclegan" / "first.webp").convert("RGB")
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
        page.click("#paint-model button")
        page.get_by_role("option").filter(has_text=name).click()
        page.wait_for_selector(f"#paint-model button[aria-label='Model: {name}']")
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
    page.click("#paint-model button")
    page.get_by_role("option").filter(has_text="monet2photo-cyclegan").click()
    page.wait_for_selector("#paint-model button[aria-label='Model: monet2photo-cyclegan']")
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
    assert page.locator("#paint-many").is_hidden()
    assert page.locator("#paint-check").is_hidden()
    assert page.locator("#paint-trip").is_hidden()
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
