"""Style transfer in a real browser: each control with the real mouse or keyboard; files are opened and looked into."""

import base64
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.library import load
from gan_core.models import cyclegan
from gan_core.recipe import Recipe, embed_png, made_here
from gan_core.weights import network_json, save
from tests.browser.conftest import WAIT_MS
from tests.conftest import TINY_CYCLEGAN

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PICTURE = "#paint-picture"
MESSAGE = "#paint-message"
FIRST = "tiny-cyclegan"


@pytest.fixture(scope="module")
def one_way(models: Path) -> Iterator[str]:
    """A second translator, with one direction alone."""
    torch.manual_seed(6)
    networks = cyclegan.build(TINY_CYCLEGAN)
    config = ModelConfig(
        family="cyclegan",
        network=network_json(TINY_CYCLEGAN),
        domains={"a": "day", "b": "night"},
        default_direction="ab",
        directions=["ab"],
    )
    save(models / "tiny-one-way", config, {"generator_ab": networks["generator_ab"]})
    yield "tiny-one-way"
    shutil.rmtree(models / "tiny-one-way")  # Other tests find the models that they know.


@pytest.fixture
def paint(page, one_way: str):  # noqa: ARG001 - it is there before the page asks.
    """The tab with the first example painted by a model of both directions."""
    page.evaluate(f"localStorage.setItem('gan-studio:translator', '\"{FIRST}\"')")
    page.get_by_role("tab", name="Style transfer").click()
    painted(page)
    return page


def painted(page) -> None:
    page.wait_for_selector(f"{PICTURE}[aria-busy=false][data-painted]")


def says(page, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[MESSAGE, text]
    )


def facts(page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#paint-facts').innerText.includes(text)", arg=text)


def canvas(page, name: str) -> np.ndarray:
    """(H, W, 4) of what is drawn."""
    url = page.evaluate(f"document.querySelector('#paint-{name}').toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(image.convert("RGBA")).astype(float)


def photograph(path: Path, width: int, height: int) -> Path:
    slope = np.add.outer(np.arange(height), np.arange(width)) % 256
    Image.fromarray(np.stack([slope, slope[::-1], np.full_like(slope, 90)], -1).astype(np.uint8)).save(path)
    return path


def change_answer(page, function: str, patch: dict[str, Any]) -> None:
    """Let the server's answers to one function say something else too."""

    def change(route) -> None:
        if json.loads(route.request.post_data or "{}").get("fn_name") != function:
            return route.fallback()
        response = route.fetch()
        return route.fulfill(response=response, json={**response.json(), **patch})

    page.route("**/component_server/**", change)


def downloaded(page, button: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def send_event(page, kind: str, target: str, files: dict[str, Path]) -> None:
    """Paste or drop files, as the browser tells a page of it."""
    sent = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
    page.evaluate(
        """([kind, target, sent]) => {
            const carried = new DataTransfer();
            for (const [name, text] of Object.entries(sent)) {
                const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
                carried.items.add(new File([bytes], name, { type: "image/png" }));
            }
            const event = kind === "paste"
                ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true })
                : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
            document.querySelector(target).dispatchEvent(event);
        }""",
        [kind, target, sent],
    )


def test_an_example_is_painted_and_the_line_is_pulled(paint, models: Path) -> None:
    expected = load(models / FIRST).translate(Image.fromarray(canvas(paint, "before")[..., :3].astype(np.uint8)), "ba")
    assert np.abs(canvas(paint, "after")[..., :3] - np.asarray(expected)).max() <= 1
    assert paint.inner_text("#paint-facts").startswith("480 × 320 px, ")
    place = paint.locator(PICTURE).bounding_box()

    pair = paint.locator(".pt-pair").bounding_box()
    paint.mouse.move(pair["x"] + pair["width"] * 0.5, pair["y"] + 100)
    paint.mouse.down()
    paint.mouse.move(pair["x"] + pair["width"] * 0.8, pair["y"] + 140, steps=10)
    paint.mouse.up()
    assert float(paint.input_value("#paint-split")) == pytest.approx(80, abs=1)
    line = paint.locator(".pt-line").bounding_box()
    assert line["x"] == pytest.approx(pair["x"] + pair["width"] * 0.8, abs=3)
    paint.keyboard.press("ArrowLeft")  # It is in hand now.
    assert float(paint.input_value("#paint-split")) == pytest.approx(79, abs=1)
    paint.keyboard.press("Home")
    assert paint.input_value("#paint-split") == "0"
    assert paint.locator(PICTURE).bounding_box() == place


def test_strength_and_colours_follow_the_hand_without_the_server(paint) -> None:
    before, full = canvas(paint, "before"), canvas(paint, "after")
    asked = []
    paint.on("request", lambda request: asked.append(request.url))
    field = "#paint-strength input[type=number]"
    for percent, keep in ((40, False), (150, False), (70, True), (0, True)):
        paint.set_checked("#paint-colours", keep)
        paint.fill(field, str(percent))
        look = f"{percent}{' colours' if keep else ''}"
        paint.wait_for_selector(f"#paint-after[data-look='{look}']", state="attached")
        difference = (full - before)[..., :3]
        if keep:
            difference = (difference @ np.array([0.299, 0.587, 0.114]))[..., None]
        expected = (before[..., :3] + percent / 100 * difference).round().clip(0, 255)
        assert np.abs(canvas(paint, "after")[..., :3] - expected).max() <= 1
    assert asked == []

    box = paint.locator("#paint-strength input[type=range]").bounding_box()
    paint.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    paint.mouse.down()
    paint.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=20)
    paint.mouse.up()
    assert float(paint.input_value(field)) == pytest.approx(75, abs=2)
    paint.fill(field, "900")
    paint.keyboard.press("Enter")
    says(paint, "takes a number from 0 to 150")
    assert asked == []


def test_a_photograph_is_previewed_painted_cancelled_and_downloaded(paint, tmp_path: Path) -> None:
    change_answer(paint, "preview", {"at_once_s": -1})  # As on a slow machine: painted when asked.
    paint.set_input_files("#paint-file", photograph(tmp_path / "harbour.png", 900, 600))
    facts(paint, "harbour.png, 900 × 600 px")
    paint.wait_for_selector(f"{PICTURE}[aria-busy=false]")
    assert "Paint 900 × 600 px, about" in paint.inner_text("#paint-paint")
    assert not paint.is_visible("#paint-download")
    assert paint.get_attribute("#paint-before", "width") == "512"
    place = paint.locator(".pt-pair").bounding_box()

    def held(route) -> None:  # A job that does not end by itself.
        body = json.loads(route.request.post_data or "{}")
        if body.get("fn_name") != "poll":
            return route.fallback()
        paint.wait_for_timeout(50)
        return route.fulfill(json={"ok": True, "state": "running", "share": 0.4, "left_s": 34, "elapsed_s": 20})

    paint.route("**/component_server/**", held)
    paint.click("#paint-paint")
    paint.wait_for_function("document.querySelector('#paint-told').innerText === '40 %, 34 s left'")
    assert paint.get_attribute("#paint-job [role=progressbar]", "aria-valuenow") == "40"
    paint.click("#paint-cancel")
    paint.unroute("**/component_server/**", held)
    paint.wait_for_function("document.querySelector('#paint-job').hidden")
    if paint.is_visible("#paint-paint"):  # Else it was done before it was cancelled.
        says(paint, "Cancelled")
        paint.click("#paint-paint")
    painted(paint)
    paint.wait_for_function("document.querySelector('#paint-before').width > 512")  # Finer, in the same place.
    assert paint.locator(".pt-pair").bounding_box() == pytest.approx(place, abs=1)

    paint.fill("#paint-strength input[type=number]", "50")
    paint.select_option("#paint-kind", "png")
    path = downloaded(paint, "#paint-download", tmp_path)
    assert path.name == f"harbour-{FIRST}.png"
    assert Image.open(path).size == (900, 600)
    told = made_here(path).translation
    assert (told.model.name, told.direction, told.strength) == (FIRST, "ba", 0.5)
    says(paint, path.name)

    paint.click("#paint-enlarge")
    paint.wait_for_function("document.querySelector('#paint-full[open] img')?.naturalWidth === 900")
    paint.keyboard.press("Escape")
    assert not paint.is_visible("#paint-full")


def test_the_brush_is_broad_like_the_preview_or_fine(paint, models: Path, tmp_path: Path) -> None:
    path = photograph(tmp_path / "harbour.png", 1100, 300)
    paint.set_input_files("#paint-file", path)
    facts(paint, "harbour.png")
    painted(paint)
    paint.click("#paint-brush [data-value=fine]")
    says(paint, "the strokes are finer")
    painted(paint)
    paint.select_option("#paint-kind", "png")
    fine = np.asarray(Image.open(downloaded(paint, "#paint-download", tmp_path))).astype(float)
    expected = np.asarray(load(models / FIRST).translate(path, "ba"))
    assert np.abs(fine - expected).max() <= 1
    paint.click("#paint-brush [data-value=broad]")
    painted(paint)
    broad = np.asarray(Image.open(downloaded(paint, "#paint-download", tmp_path))).astype(float)
    assert broad.shape == fine.shape
    assert np.abs(broad - fine).mean() > 1


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
    assert paint.is_visible(".pt-dropping")
    send_event(paint, "drop", PICTURE, {"two.png": two})
    facts(paint, "two.png, 60 × 90 px")
    painted(paint)
    assert not paint.is_visible(".pt-dropping")


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
    paint.wait_for_function("document.querySelector('#paint-camera video').videoWidth === 160")
    paint.keyboard.press("Escape")
    assert not paint.is_visible("#paint-camera")
    paint.click("#paint-webcam")
    paint.wait_for_function("document.querySelector('#paint-camera video').videoWidth === 160")
    paint.click("#paint-shoot")
    facts(paint, "webcam.png, 160 × 120 px")
    painted(paint)
    assert not paint.is_visible("#paint-camera")


def test_models_and_directions_are_chosen_compared_and_sent_round(paint, one_way: str) -> None:
    first = canvas(paint, "after")
    paint.click("#paint-direction [data-value=ab]")
    painted(paint)
    assert paint.text_content(".pt-right") == "photograph"
    assert not np.array_equal(canvas(paint, "after"), first)

    paint.click("#paint-trip summary")
    paint.wait_for_selector("#paint-trip img")
    assert paint.inner_text("#paint-trip p >> nth=0").startswith("Fidelity ")

    paint.click("#paint-compare summary")
    paint.wait_for_function("document.querySelectorAll('#paint-compare img').length === 2")
    assert paint.get_attribute(f"#paint-compare [data-value={FIRST}]", "aria-pressed") == "true"
    paint.click(f"#paint-compare [data-value={one_way}]")
    paint.wait_for_function("document.querySelector('.pt-right').textContent === 'night'")
    painted(paint)
    assert one_way in paint.inner_text("#paint-model button")
    assert paint.get_attribute(f"#paint-compare [data-value={one_way}]", "aria-pressed") == "true"
    assert paint.locator("#paint-direction button").count() == 1  # Nothing to switch,
    assert paint.is_disabled("#paint-direction button")
    assert not paint.is_visible("#paint-trip")  # and no way back.

    paint.click("#paint-model button")
    paint.get_by_role("option", name=FIRST).click()
    paint.wait_for_function("document.querySelector('.pt-right').textContent === 'painting'")
    painted(paint)
    assert np.array_equal(canvas(paint, "after"), first)


def test_many_become_one_zip_and_bad_ones_are_named(paint, tmp_path: Path) -> None:
    files = [photograph(tmp_path / f"{name}.png", 60, 40) for name in ("one", "two")]
    (tmp_path / "bad.jpg").write_text("no picture")
    paint.set_input_files("#paint-file", [*files, tmp_path / "bad.jpg"])
    paint.wait_for_function("document.querySelector('#paint-many-go').innerText === 'Paint 2 photos'")
    paint.wait_for_selector("#paint-many li[data-state=failed]")
    assert "bad.jpg" in paint.inner_text("#paint-many li[data-state=failed] .pt-error")
    paint.click("#paint-many-go")
    paint.wait_for_selector("#paint-many-zip:visible")
    assert paint.locator("#paint-many li[data-state=done]").count() == 2
    path = downloaded(paint, "#paint-many-zip", tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"one-{FIRST}.jpg", f"two-{FIRST}.jpg"]
        assert made_here(archive.read(f"one-{FIRST}.jpg")).kind == "translated"
    paint.click("#paint-many [aria-label='Remove bad.jpg']")
    assert paint.locator("#paint-many li").count() == 2
    paint.click("#paint-many-clear")
    assert paint.locator("#paint-many li").count() == 0
    assert paint.is_disabled("#paint-many-go")


def test_the_checker_opens_what_was_generated_in_explore(paint, models: Path, tmp_path: Path) -> None:
    paint.click("#paint-check summary")
    foreign = photograph(tmp_path / "foreign.png", 30, 20)
    paint.set_input_files("#paint-check-file", foreign)
    paint.wait_for_function("document.querySelector('#paint-check-told').innerText.includes('Nothing in foreign.png')")
    assert not paint.is_visible("#paint-check-open")

    generator = load(models / "tiny-dcgan")
    recipe = Recipe(seed=4711, label="bee", model=generator.recipe().model)
    (tmp_path / "ours.png").write_bytes(embed_png(generator.picture(recipe), recipe))
    send_event(paint, "drop", "#paint-check", {"ours.png": tmp_path / "ours.png"})
    paint.wait_for_function(
        "document.querySelector('#paint-check-told').innerText === 'ours.png was generated here, by tiny-dcgan.'"
    )
    paint.click("#paint-check-open")
    paint.wait_for_function("document.querySelector('#explore-seed input').value === '4711'")
    assert paint.get_by_role("tab", name="Explore").get_attribute("aria-selected") == "true"


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


def test_without_a_model_one_line_and_one_button(page) -> None:
    change_answer(page, "open", {"model": None, "models": [], "told": "There are no translators yet."})
    page.get_by_role("tab", name="Style transfer").click()
    page.wait_for_selector(".pt-nothing")
    assert "There are no translators yet." in page.inner_text(".pt-nothing")
    page.click(".pt-nothing button")
    assert page.get_by_role("tab", name="Training").get_attribute("aria-selected") == "true"


def test_a_server_that_does_not_answer_is_told(paint) -> None:
    before = canvas(paint, "after")
    paint.route("**/component_server/**", lambda route: route.abort())
    paint.click("#paint-examples [data-value='example:field']")
    says(paint, "The server does not answer")
    assert np.array_equal(canvas(paint, "after"), before)
    assert paint.get_attribute("#paint-examples [data-value='example:lake']", "aria-pressed") == "true"


def test_every_control_has_a_name(paint) -> None:
    for fold in ("compare", "trip", "many", "check"):
        paint.click(f"#paint-{fold} summary")
    controls = ", ".join(f".pt {one}" for one in ("button", "input", "select", "summary", "[role=progressbar]"))
    nameless = paint.evaluate(
        """(controls) => [...document.querySelectorAll(controls)]
            .filter((one) => !(one.getAttribute('aria-label') || one.innerText?.trim() || one.title
                || [...(one.labels ?? [])].some((label) => label.innerText.trim())
                || one.querySelector('img[alt]:not([alt=""])')))
            .map((one) => one.outerHTML.slice(0, 120))""",
        controls,
    )
    assert nameless == []


def test_on_a_narrow_screen_the_picture_comes_first_and_nothing_sticks_out(paint) -> None:
    paint.set_viewport_size({"width": 390, "height": 844})
    paint.wait_for_function("document.documentElement.scrollWidth <= 390")
    picture = paint.locator(PICTURE).bounding_box()
    model = paint.locator("#paint-model").bounding_box()
    button = paint.locator("#paint-download").bounding_box()
    assert picture["y"] < model["y"]
    assert picture["width"] > 320
    assert 844 - 80 < button["y"] + button["height"] <= 844  # Within reach of a thumb.
    paint.set_default_timeout(WAIT_MS)
