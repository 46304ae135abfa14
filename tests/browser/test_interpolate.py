"""Interpolate in a real browser, with the real mouse and keyboard."""

import json
import re
from pathlib import Path

import pytest

from tests.browser.conftest import WAIT_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READY = "#interpolate-player[data-drawn]"
CHIPS = "#interpolate-keys li button"


@pytest.fixture
def tab(page):
    """The tab, when its preview has been drawn."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("tab", name="Interpolate", exact=True).click()
    page.wait_for_selector(READY)
    yield page
    assert not errors


def seeds(page) -> str:
    return page.input_value("#interpolate-seeds")


def chips(page) -> list[str]:
    return page.eval_on_selector_all(f"{CHIPS} .ip-seed", "all => all.map(one => one.textContent)")


def walk(page) -> dict:
    """What the preview shows."""
    return json.loads(page.get_attribute("#interpolate-player", "data-drawn"))


def drawn(page, condition: str) -> dict:
    """Wait until the preview shows a walk for which the JavaScript condition on `walk` holds."""
    page.wait_for_function(
        f"() => {{ const walk = JSON.parse(document.querySelector('#interpolate-player').dataset.drawn);"
        f" return {condition}; }}"
    )
    return walk(page)


def message(page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#interpolate-message').innerText.includes(text)", arg=text)


def fill(page, name: str, value: str) -> None:
    page.fill(f"#interpolate-{name}", value)
    page.keyboard.press("Enter")


def frame(page) -> int:
    return int(page.get_attribute("#interpolate-player canvas", "data-frame"))


def test_opens_with_three_key_frames_a_strip_and_a_player_that_plays(tab) -> None:
    assert seeds(tab) == "7, 42, 1234"
    assert chips(tab) == ["7", "42", "1234"]
    tab.wait_for_function(f"() => [...document.querySelectorAll('{CHIPS} img')].every(one => one.naturalWidth === 16)")
    assert int(tab.get_attribute("#interpolate-strip canvas", "data-cells")) > 10
    assert tab.locator("#interpolate-chart rect").count() == 90  # A closed loop has as many steps as frames.
    assert tab.locator("#interpolate-chart rect.ip-peak").count() == 1
    assert re.search(r"Largest step .+ × the mean", tab.inner_text("#interpolate-jump"))
    before = frame(tab)
    tab.wait_for_function("before => document.querySelector('#interpolate-player canvas').dataset.frame !== before",
                          arg=str(before))  # fmt: skip
    painted = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    for canvas in ("#interpolate-player canvas", "#interpolate-strip canvas"):
        assert tab.eval_on_selector(canvas, painted) > 1  # The untrained model is nearly grey.


def test_space_and_the_button_pause_and_play(tab) -> None:
    assert tab.get_attribute("#interpolate-play", "aria-label") == "Pause"
    tab.locator("#interpolate-scrub").focus()
    tab.keyboard.press("Space")
    assert tab.get_attribute("#interpolate-play", "aria-label") == "Play"
    at = frame(tab)
    tab.wait_for_timeout(300)
    assert frame(tab) == at
    tab.click("#interpolate-play")
    assert tab.get_attribute("#interpolate-play", "aria-label") == "Pause"
    tab.keyboard.press("Space")  # The button has the focus: it presses itself once, not twice.
    assert tab.get_attribute("#interpolate-play", "aria-label") == "Play"


def test_reduced_motion_is_respected(browser, address: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.get_by_role("tab", name="Interpolate", exact=True).click()
    page.wait_for_selector(READY)
    assert page.get_attribute("#interpolate-play", "aria-label") == "Play"
    page.close()


def test_hovering_the_strip_shows_the_frame_there_and_the_keyboard_steps(tab) -> None:
    tab.click("#interpolate-play")
    box = tab.locator("#interpolate-strip").bounding_box()
    for share, expected in ((0.25, 22), (0.75, 67)):
        tab.mouse.move(box["x"] + box["width"] * share, box["y"] + 20)
        assert frame(tab) == pytest.approx(expected, abs=1)
        assert tab.inner_text("#interpolate-place") == f"frame {frame(tab) + 1} of 90"
    tab.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    tab.mouse.move(10, 10)
    assert frame(tab) == pytest.approx(45, abs=1)
    at = frame(tab)
    tab.keyboard.press("ArrowRight")
    assert frame(tab) == at + 1


def test_key_frames_are_typed_as_a_list_and_keep_their_own_settings(tab) -> None:
    tab.locator(CHIPS).nth(1).click()
    tab.fill("#interpolate-truncation input[type=number]", "0.5")
    tab.keyboard.press("Enter")
    drawn(tab, "walk.keys[1].truncation === 0.5")
    fill(tab, "seeds", "42, 100-102 9223372036854775807")
    shown = drawn(tab, "walk.keys.length === 5")
    assert chips(tab) == ["42", "100", "101", "102", "9223372036854775807"]
    assert [key["truncation"] for key in shown["keys"]] == [0.5, 1, 1, 1, 1]
    assert shown["keys"][-1]["seed"] == "9223372036854775807"


@pytest.mark.parametrize("bad", ["7, abc", "-1", "9223372036854775808", str(10**30), "5-1", "0-64", "", "1.5", "found"])
def test_rubbish_in_the_list_is_told_and_changes_nothing(tab, bad: str) -> None:
    before = walk(tab)
    fill(tab, "seeds", bad)
    message(tab, "The key frames stay.")
    assert chips(tab) == ["7", "42", "1234"]
    assert tab.get_attribute("#interpolate-seeds", "aria-invalid") == "true"
    fill(tab, "seeds", "7, 42, 1234")
    tab.wait_for_function("document.querySelector('#interpolate-message').innerText === ''")
    assert walk(tab) == before


def test_key_frames_are_added_removed_and_undone(tab) -> None:
    tab.click("#interpolate-add-seed")
    assert drawn(tab, "walk.keys.length === 4")["keys"][0]["seed"] == "7"
    added = chips(tab)[1]
    assert tab.locator(CHIPS).nth(1).get_attribute("aria-current") == "true"
    assert tab.input_value("#interpolate-seed") == added
    tab.click("#interpolate-key [data-remove]")
    drawn(tab, "walk.keys.length === 3")
    tab.locator(CHIPS).nth(2).focus()
    tab.keyboard.press("Delete")
    drawn(tab, "walk.keys.length === 2")
    assert chips(tab) == ["7", "42"]
    tab.keyboard.press("Control+z")
    drawn(tab, "walk.keys.length === 3")
    tab.click("#interpolate-undo")
    drawn(tab, "walk.keys.length === 4")
    assert chips(tab)[1] == added
    tab.click("#interpolate-redo")
    drawn(tab, "walk.keys.length === 3")


def test_key_frames_are_reordered_by_drag_and_by_keyboard(tab) -> None:
    first, last = (tab.locator(CHIPS).nth(place).bounding_box() for place in (0, 2))
    tab.mouse.move(first["x"] + 30, first["y"] + 30)
    tab.mouse.down()
    tab.mouse.move(last["x"] + 40, last["y"] + 34, steps=12)
    tab.mouse.up()
    drawn(tab, "walk.keys[2].seed === '7'")
    assert chips(tab) == ["42", "1234", "7"]
    assert tab.inner_text("#interpolate-key h3") == "Key frame 3 of 3"  # The one that was dragged.
    tab.locator(CHIPS).nth(1).click()
    assert tab.inner_text("#interpolate-key h3") == "Key frame 2 of 3"
    tab.keyboard.press("Alt+ArrowLeft")
    drawn(tab, "walk.keys[0].seed === '1234'")
    assert chips(tab) == ["1234", "42", "7"]
    tab.keyboard.press("ArrowRight")
    assert tab.inner_text("#interpolate-key h3") == "Key frame 2 of 3"
    tab.click("#interpolate-key [data-move='1']")
    drawn(tab, "walk.keys[2].seed === '42'")
    assert seeds(tab) == "1234, 7, 42"


def test_many_key_frames_scroll_and_move_nothing(tab) -> None:
    place = tab.locator("#interpolate-player").bounding_box()
    fill(tab, "seeds", "1-64")
    drawn(tab, "walk.keys.length === 64")
    assert tab.locator("#interpolate-player").bounding_box() == place
    tab.locator(CHIPS).nth(0).focus()
    tab.keyboard.press("End")
    assert tab.inner_text("#interpolate-key h3") == "Key frame 64 of 64"
    row, last = (tab.locator(one).last.bounding_box() for one in ("#interpolate-keys", CHIPS))
    assert last["x"] + last["width"] <= row["x"] + row["width"] + 1
    tab.click("#interpolate-add-seed")
    message(tab, "There are 64 key frames already")


def test_a_key_frame_has_its_own_truncation_class_and_seed(tab) -> None:
    slider = tab.locator("#interpolate-truncation input[type=range]")
    box = slider.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=20)
    tab.mouse.up()
    wanted = float(slider.input_value())
    assert wanted == pytest.approx(1.6, abs=0.1)
    shown = drawn(tab, f"walk.keys[0].truncation === {wanted}")
    assert [key["truncation"] for key in shown["keys"][1:]] == [1, 1]
    tab.select_option("#interpolate-class select", label="cat")
    assert drawn(tab, "walk.keys[0].label === 'cat'")["keys"][1]["label"] is None
    fill(tab, "seed", "99")
    drawn(tab, "walk.keys[0].seed === '99'")
    assert seeds(tab) == "99, 42, 1234"
    fill(tab, "seed", "abc")
    message(tab, "is not a seed")
    assert chips(tab)[0] == "99"


def test_what_explore_shows_comes_with_its_edits_which_can_be_removed(tab) -> None:
    recipe = tab.evaluate("JSON.parse(sessionStorage.getItem('gan-studio:explore'))")
    edited = {**recipe, "seed": "555", "truncation": 0.7, "latents": {"2": 1.5}, "directions": {"sefa-1": 2.0}}
    store = "recipe => sessionStorage.setItem('gan-studio:explore', JSON.stringify(recipe))"
    tab.evaluate(store, edited)
    tab.click("#interpolate-add-explore")
    shown = drawn(tab, "walk.keys.length === 4")
    assert shown["keys"][1]["latents"] == {"2": 1.5}
    assert tab.inner_text("#interpolate-edits") == "Edits: 1 direction, 1 latent"
    assert tab.locator(".ip-edited:visible").count() == 1
    tab.click("#interpolate-plain")
    shown = drawn(tab, "!Object.keys(walk.keys[1].latents).length")
    assert (shown["keys"][1]["directions"], shown["keys"][1]["truncation"]) == ({}, 0.7)
    tab.evaluate(store, {**edited, "model": {"name": "another"}})
    tab.click("#interpolate-add-explore")
    message(tab, "Nothing was added")
    assert len(chips(tab)) == 4


def test_path_loop_pace_and_grid_change_the_walk(tab) -> None:
    chart = tab.inner_html("#interpolate-chart svg")
    tab.click("#interpolate-path button[data-value=spline]")
    drawn(tab, "walk.path === 'spline'")
    assert tab.inner_html("#interpolate-chart svg") != chart
    tab.uncheck("#interpolate-loop")
    drawn(tab, "!walk.loop")
    assert tab.locator("#interpolate-chart rect").count() == 89
    peak = float(re.search(r"([\d.]+) ×", tab.inner_text("#interpolate-jump"))[1])
    tab.check("#interpolate-ease")
    drawn(tab, "walk.ease === 'smooth'")
    tab.check("#interpolate-even")
    drawn(tab, "walk.even")
    assert tab.is_disabled("#interpolate-ease")
    even = float(re.search(r"([\d.]+) ×", tab.inner_text("#interpolate-jump"))[1])
    assert even < min(peak, 1.3)
    tab.click("#interpolate-grid summary")
    fill(tab, "rows", "2")
    fill(tab, "columns", "3")
    drawn(tab, "walk.rows === 2 && walk.columns === 3")
    width, height = tab.eval_on_selector("#interpolate-player canvas", "one => [one.width, one.height]")
    assert width > height > 32


@pytest.mark.parametrize(
    ("name", "bad"),
    [("frames", "0"), ("frames", "3001"), ("fps", "61"), ("size", "8"), ("size", ""), ("frames", "1.5")],
)
def test_numbers_out_of_range_are_told_and_change_nothing(tab, name: str, bad: str) -> None:
    before = tab.input_value(f"#interpolate-{name}")
    fill(tab, name, bad)
    message(tab, "Nothing was changed.")
    assert tab.input_value(f"#interpolate-{name}") == before


def test_a_film_is_rendered_played_and_downloaded(tab) -> None:
    fill(tab, "frames", "30")
    fill(tab, "size", "128")
    place = tab.locator("#interpolate-player").bounding_box()
    tab.click("#interpolate-render")
    tab.wait_for_selector("#interpolate-download:visible")
    assert re.search(r"tiny-dcgan-7-42-1234\.mp4, 1\.0 s, [\d.]+ kB", tab.inner_text("#interpolate-told"))
    tab.wait_for_function("document.querySelector('#interpolate-video').readyState >= 3")
    video = tab.eval_on_selector(
        "#interpolate-video", "one => [one.duration, one.videoWidth, one.videoHeight, one.muted, one.loop]"
    )
    assert video == [pytest.approx(1.0, abs=0.05), 128, 128, True, True]
    tab.wait_for_function("document.querySelector('#interpolate-video').currentTime > 0.2")  # It plays by itself.
    assert tab.locator("#interpolate-player").bounding_box() == place
    tab.locator("#interpolate-scrub").focus()  # The button has the focus again: there the key would render once more.
    tab.keyboard.press("Space")  # The strip and the keys now belong to the film.
    tab.wait_for_function("document.querySelector('#interpolate-video').paused")
    box = tab.locator("#interpolate-strip").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 20)
    tab.wait_for_function("Math.abs(document.querySelector('#interpolate-video').currentTime - 0.75) < 0.1")
    with tab.expect_download() as download:
        tab.click("#interpolate-download")
    assert download.value.suggested_filename == "tiny-dcgan-7-42-1234.mp4"
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"

    tab.click("#interpolate-path button[data-value=lerp]")  # The film no longer shows the walk: back to the preview.
    tab.wait_for_selector("#interpolate-video", state="hidden")
    assert tab.get_attribute("#interpolate-play", "aria-label") == "Pause"
    tab.click("#interpolate-view button[data-value=film]")
    tab.wait_for_selector("#interpolate-video", state="visible")


@pytest.mark.parametrize("kind", ["webm", "gif", "webp"])
def test_the_other_formats_are_shown_too(tab, kind: str) -> None:
    fill(tab, "frames", "6")
    fill(tab, "size", "32")
    tab.select_option("#interpolate-kind", kind)
    tab.click("#interpolate-render")
    tab.wait_for_selector("#interpolate-download:visible")
    assert tab.get_attribute("#interpolate-download", "download").endswith(f".{kind}")
    if kind == "webm":
        tab.wait_for_function("document.querySelector('#interpolate-video').readyState >= 3")
    else:
        tab.wait_for_function("document.querySelector('#interpolate-image').naturalWidth === 32")
        assert tab.is_visible("#interpolate-image")


def test_a_rendering_shows_time_left_and_can_be_cancelled(tab) -> None:
    fill(tab, "frames", "3000")
    drawn(tab, "walk.frames === 3000")
    place = tab.locator("#interpolate-player").bounding_box()
    tab.click("#interpolate-render")
    tab.wait_for_function("/Frame \\d+ of 3000, .+ left/.test(document.querySelector('#interpolate-told').innerText)")
    # Of 3000 frames the first fifteen are less than half a per cent.
    tab.wait_for_function("Number(document.querySelector('#interpolate-meter').getAttribute('aria-valuenow')) > 0")
    assert int(tab.get_attribute("#interpolate-meter", "aria-valuenow")) < 100
    assert tab.is_disabled("#interpolate-render")
    assert tab.locator("#interpolate-player").bounding_box() == place
    tab.click("#interpolate-cancel")
    tab.wait_for_function("document.querySelector('#interpolate-told').innerText.startsWith('Cancelled')")
    assert tab.is_enabled("#interpolate-render")
    assert tab.is_hidden("#interpolate-download")


def test_what_is_too_much_is_told_before_anything_is_rendered(tab) -> None:
    fill(tab, "frames", "3000")
    fill(tab, "size", "1024")
    tab.click("#interpolate-render")
    tab.wait_for_function("document.querySelector('#interpolate-told').innerText.includes('at most 577 px')")
    assert "gs-notice" in tab.get_attribute("#interpolate-told", "class")
    assert tab.is_enabled("#interpolate-render")


def test_a_reload_brings_the_walk_back_and_nonsense_in_its_place_does_not_stop_the_tab(tab) -> None:
    fill(tab, "seeds", "1, 2")
    drawn(tab, "walk.keys.length === 2")
    tab.reload()
    tab.get_by_role("tab", name="Interpolate", exact=True).click()
    tab.wait_for_selector(READY)
    assert seeds(tab) == "1, 2"
    for nonsense in (
        "stored.state.keys = [{}]",
        "stored.state.keys = 3",
        "stored.state.frames = 'x'",
        "stored.state = null",
        "stored.model = 7",
    ):
        tab.evaluate(
            "const stored = JSON.parse(sessionStorage.getItem('gan-studio:interpolate'));"
            f"{nonsense}; sessionStorage.setItem('gan-studio:interpolate', JSON.stringify(stored));"
        )
        tab.reload()
        tab.get_by_role("tab", name="Interpolate", exact=True).click()
        tab.wait_for_selector(READY)
        assert chips(tab) == ["7", "42", "1234"], nonsense


def test_every_control_has_a_name(tab) -> None:
    nameless = tab.eval_on_selector_all(
        "#interpolate :is(button, input, select, summary, [role=img])",
        """all => all.filter(one => !(one.getAttribute('aria-label') || one.labels?.length || one.textContent.trim()))
            .map(one => one.outerHTML)""",
    )
    assert nameless == []


@pytest.mark.parametrize(
    ("name", "width", "height", "query"),
    [
        ("light", 1280, 900, ""),
        ("dark", 1280, 900, "?__theme=dark"),
        ("narrow", 390, 844, ""),
        ("wide", 2560, 1440, ""),
    ],
)
def test_fits_every_screen(browser, address: str, name: str, width: int, height: int, query: str, tmp_path) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(WAIT_MS)
    page.goto(address + query)
    page.get_by_role("tab", name="Interpolate", exact=True).click()
    page.wait_for_selector(READY)
    page.screenshot(path=tmp_path / f"interpolate-{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    player = page.locator("#interpolate-player").bounding_box()
    assert player["y"] + player["height"] <= height  # The picture is seen without scrolling.
    assert page.is_visible("#interpolate-render")
    render = page.locator("#interpolate-render").bounding_box()
    assert render["y"] + render["height"] <= height
    if name == "narrow":
        assert player["y"] < page.locator("#interpolate-strip").bounding_box()["y"]
        assert render["height"] >= 44
    page.close()
