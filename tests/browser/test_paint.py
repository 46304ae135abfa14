"""Style transfer in a real browser: each control with the real mouse or keyboard; files are opened and looked into."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.library import load
from gan_core.recipe import Recipe, embed_png, made_here
from tests.browser.conftest import WAIT_MS, on_tab
from tests.browser.paint_page import (
    FIRST,
    PICTURE,
    canvas,
    change_answer,
    downloaded,
    facts,
    painted,
    photograph,
    says,
    send_event,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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
    paint.wait_for_selector("#paint-full", state="hidden")


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
    on_tab(paint, "Explore")


def test_without_a_model_one_line_and_one_button(page) -> None:
    change_answer(page, "open", {"model": None, "models": [], "told": "There are no translators yet."})
    page.get_by_role("tab", name="Style transfer").click()
    page.wait_for_selector(".pt-nothing")
    assert "There are no translators yet." in page.inner_text(".pt-nothing")
    page.click(".pt-nothing button")
    on_tab(page, "Training")


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
