"""Explore in a real browser: each control with the real mouse, keyboard or finger; the picture is the recipe's."""

import io
from pathlib import Path

import pytest

from gan_core.library import load
from gan_core.recipe import Recipe
from tests.browser.conftest import on_tab
from tests.browser.explore_page import (
    MESSAGE,
    PICTURE,
    direction,
    drag,
    middle,
    one_move,
    ready,
    recipe,
    says,
    settled,
    source,
    wait_for_state,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_drag_is_drawn_undone_and_done_again(explore, models: Path) -> None:
    place = explore.locator("#explore-picture").bounding_box()
    first = source(explore)
    drag(explore, direction("sefa-1"), 0.5, 0.8)
    wait_for_state(explore, "r.directions['sefa-1'] > 2")
    state = settled(explore, models)
    assert state["directions"]["sefa-1"] == pytest.approx(2.5, abs=0.2)
    assert float(explore.input_value("[data-id=sefa-1] input[type=number]")) == state["directions"]["sefa-1"]
    assert explore.locator("#explore-picture").bounding_box() == place

    drag(explore, direction("sefa-2"), 0.5, 0.3)
    wait_for_state(explore, "r.directions['sefa-2'] < -1")
    explore.keyboard.press("Control+z")
    wait_for_state(explore, "!r.directions['sefa-2'] && r.directions['sefa-1']")
    explore.keyboard.press("Control+z")
    wait_for_state(explore, "!r.directions['sefa-1']")
    assert source(explore) == first
    assert explore.input_value(direction("sefa-1")) == "0"
    explore.keyboard.press("Control+Shift+Z")
    wait_for_state(explore, "r.directions['sefa-1']")
    assert settled(explore, models) == state
    assert explore.locator("#explore-history .xp-thumb").count() == 3
    explore.click("#explore-history .xp-thumb >> nth=2")
    wait_for_state(explore, "r.directions['sefa-2']")
    explore.click("[data-id=sefa-2] .xp-mini.xp-on")
    wait_for_state(explore, "!r.directions['sefa-2'] && r.directions['sefa-1']")
    explore.click("#explore-reset")
    wait_for_state(explore, "!r.directions['sefa-1']")
    assert source(explore) == first
    assert explore.is_disabled("#explore-reset")


def test_arrow_keys_move_a_slider_and_are_one_step_back(explore, models: Path) -> None:
    one_move(explore)
    explore.click("#explore-kind [data-value=pca]")
    explore.focus(direction("pca-3"))
    for _ in range(6):
        explore.keyboard.press("ArrowRight")
    wait_for_state(explore, "Math.abs(r.directions['pca-3'] - 0.3) < 1e-9")
    settled(explore, models)
    explore.click("#explore-undo")
    wait_for_state(explore, "!r.directions['pca-3']")


def test_the_last_position_of_a_fast_drag_lands_and_one_request_is_under_way(explore, models: Path) -> None:
    running, most, count, let_go = [0], [0], [0], [False]

    def slow(route) -> None:
        if "draw" not in (route.request.post_data or ""):
            return route.continue_()
        running[0] += 1
        count[0] += 1
        most[0] = max(most[0], running[0])
        response = route.fetch()
        while not let_go[0] and count[0] > 2:
            explore.wait_for_timeout(10)
        running[0] -= 1
        return route.fulfill(response=response)

    explore.route("**/component_server/**", slow)
    drag(explore, direction("sefa-1"), 0.5, 0.9, steps=120)
    let_go[0] = True
    explore.wait_for_function("document.querySelector('#explore-picture').getAttribute('aria-busy') === 'false'")
    explore.unroute("**/component_server/**")
    value = float(explore.input_value(direction("sefa-1")))
    assert value == pytest.approx(3.3, abs=0.2)
    wait_for_state(explore, f"r.directions['sefa-1'] === {value}")
    settled(explore, models)
    assert most[0] == 1
    assert 2 <= count[0] <= 4  # Two at once, one until the hand let go, and the last position: no others were sent.


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "1" + "0" * 30, "9223372036854775808"])
def test_what_is_no_seed_is_told_and_changes_nothing(explore, text: str) -> None:
    before, state = source(explore), recipe(explore)
    explore.fill("#explore-seed input", text)
    says(explore, "is not a seed")
    explore.keyboard.press("Enter")
    explore.wait_for_timeout(200)
    assert source(explore) == before
    assert recipe(explore) == state
    assert explore.get_attribute("#explore-seed input", "aria-invalid") == "true"


def test_seeds_are_typed_stepped_and_rolled_with_all_their_digits(explore, models: Path) -> None:
    one_move(explore)
    explore.fill("#explore-seed input", "9223372036854775807")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.seed === '9223372036854775807'")
    settled(explore, models)
    explore.keyboard.press("ArrowUp")
    wait_for_state(explore, "r.seed === '0'")  # Round the end of all seeds.
    explore.keyboard.press("ArrowDown")
    wait_for_state(explore, "r.seed === '9223372036854775807'")
    explore.keyboard.press("Control+z")  # The field is still in hand, and follows all the same.
    wait_for_state(explore, "r.seed === '555'")
    assert explore.input_value("#explore-seed input") == "555"
    explore.click("#explore-dice")
    wait_for_state(explore, "r.seed !== '555'")
    assert settled(explore, models)["seed"] == explore.input_value("#explore-seed input")


def test_truncation_is_typed_and_refused_beyond_its_ends(explore, models: Path) -> None:
    field = "#explore-truncation input[type=number]"
    explore.fill(field, "0.5")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.truncation === 0.5")
    state = settled(explore, models)
    explore.fill(field, "5")
    explore.keyboard.press("Enter")
    says(explore, "Truncation takes a number from 0 to 2")
    assert explore.input_value(field) == "0.5"
    assert recipe(explore) == state


def test_classes_are_chosen_and_blended(explore, models: Path) -> None:
    explore.select_option("#explore-class select", "cat")
    wait_for_state(explore, "r.label === 'cat'")
    cat = source(explore)
    explore.select_option("#explore-blend select", "ant")
    wait_for_state(explore, "r.label.cat === 0.5 && r.label.ant === 0.5")
    assert source(explore) != cat
    drag(explore, "#explore-blend-amount input[type=range]", 0.5, 0.25)
    wait_for_state(explore, "r.label.ant < 0.3")
    settled(explore, models)
    explore.click("#explore-undo")
    explore.click("#explore-undo")
    wait_for_state(explore, "r.label === 'cat'")
    assert source(explore) == cat


def test_the_plane_is_dragged_stepped_and_snapped(explore, models: Path) -> None:
    explore.fill("#explore-seed input", "500")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.seed === '500'")
    whole = source(explore)
    x, y = middle(explore, "#explore-plane")
    explore.mouse.move(x, y)
    explore.mouse.down()
    explore.mouse.move(x - 44, y - 22, steps=10)  # Half a seed to the right, a quarter down.
    explore.mouse.up()
    wait_for_state(explore, "r.seed === '500' && r.shift && r.shift[0] === 0.5 && r.shift[1] === 0.25")
    settled(explore, models)
    assert "0.50 right, 0.25 down" in explore.inner_text("#explore-place")

    explore.mouse.dblclick(x, y + 66)  # 0.75 further down: nearest is the seed below.
    wait_for_state(explore, "!r.shift && ['600', '601'].includes(r.seed)")
    explore.fill("#explore-seed input", "500")
    explore.keyboard.press("Enter")
    explore.focus("#explore-plane")
    explore.keyboard.press("ArrowLeft")
    wait_for_state(explore, "r.seed === '499' && r.shift[0] === 0.9")
    explore.keyboard.press("Shift+ArrowDown")
    wait_for_state(explore, "r.seed === '599' && r.shift[0] === 0.9")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.seed === '600' && !r.shift")
    explore.mouse.move(x, y)
    explore.wait_for_timeout(400)
    explore.mouse.wheel(0, 100)
    wait_for_state(explore, "r.seed === '600' && r.shift[1] === 0.1")
    settled(explore, models)
    explore.click("#explore-snap")
    wait_for_state(explore, "r.seed === '600' && !r.shift")
    explore.fill("#explore-seed input", "500")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.seed === '500'")
    assert source(explore) == whole


def test_a_finger_moves_the_plane_and_not_the_page(browser, address: str, models: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    ready(page, address)
    before = recipe(page)
    x, y = middle(page, "#explore-plane")
    scrolled = page.evaluate("scrollY")
    client = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    touch("touchStart", (x, y))
    for step in range(1, 9):
        touch("touchMove", (x, y - 11 * step))
    touch("touchEnd")
    wait_for_state(page, f"r.seed === '{int(before['seed']) + 100}'")
    settled(page, models)
    assert page.evaluate("scrollY") == scrolled
    context.close()


def test_neighbours_are_shown_and_gone_to(explore, models: Path) -> None:
    explore.locator("#explore-neighbours").scroll_into_view_if_needed()
    explore.wait_for_function("document.querySelectorAll('#explore-neighbours button img[src]').length === 8")
    near = explore.get_attribute("#explore-neighbours button >> nth=2 >> img", "src")
    explore.wait_for_function("!document.querySelector('#explore-neighbours').classList.contains('xp-stale')")
    drag(explore, "#explore-radius input[type=range]", 0.37, 0.9)
    explore.wait_for_function(
        "before => document.querySelectorAll('#explore-neighbours button img')[2].src !== before", arg=near
    )
    explore.wait_for_function("!document.querySelector('#explore-neighbours').classList.contains('xp-stale')")
    explore.click("#explore-neighbours button >> nth=2")
    wait_for_state(explore, "Object.keys(r.latents).length > 0")
    settled(explore, models)


def test_a_second_seed_lends_its_look(explore, models: Path) -> None:
    before = source(explore)
    explore.click("#explore-mix summary")
    explore.wait_for_selector("#explore-mix .xp-frame img")
    explore.fill("#explore-mix-seed input", "42")
    explore.keyboard.press("Enter")
    wait_for_state(explore, "r.mix && r.mix.seed === '42' && r.mix.stages[0] === 2")  # The later half, unasked.
    explore.check("#explore-stages input[value='1']")
    explore.uncheck("#explore-stages input[value='2']")
    wait_for_state(explore, "r.mix.stages.length === 1 && r.mix.stages[0] === 1")
    assert source(explore) != before
    drag(explore, "#explore-mix-amount input[type=range]", 0.97, 0.4)
    wait_for_state(explore, "r.mix.amount < 0.5")
    settled(explore, models)
    explore.select_option("#explore-mix-class select", "cat")
    wait_for_state(explore, "r.mix.label === 'cat'")
    settled(explore, models)
    explore.click("#explore-undo")
    wait_for_state(explore, "!('label' in r.mix)")
    explore.uncheck("#explore-stages input[value='1']")
    wait_for_state(explore, "!r.mix")
    assert source(explore) == before


def test_single_latents_add_to_directions(explore, models: Path) -> None:
    drag(explore, direction("sefa-1"), 0.5, 0.7)
    explore.click("#explore-latents summary")
    explore.wait_for_selector("#explore-latents .xp-row")
    assert explore.locator("#explore-latents .xp-row").count() == 8
    drag(explore, "#explore-latents .xp-row:nth-child(3) input[type=range]", 0.5, 0.8)
    wait_for_state(explore, "r.latents[3] > 1 && r.directions['sefa-1'] > 1")
    settled(explore, models)


def test_a_picture_is_found_and_gone_on_from(explore, models: Path) -> None:
    explore.click("#explore-find summary")
    target = load(models / "tiny-dcgan").picture(Recipe(seed=3, label="bee"))
    content = io.BytesIO()
    target.resize((48, 40)).save(content, "PNG")
    bad = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    explore.set_input_files("#explore-find input[type=file]", bad)
    says(explore, "notes.png could not be opened")
    explore.set_input_files(
        "#explore-find input[type=file]", {"name": "me.png", "mimeType": "image/png", "buffer": content.getvalue()}
    )
    explore.wait_for_function("/distance 0\\.\\d+ .*on average/.test(document.querySelector('.xp-told').innerText)")
    # A search that is over by now has nothing to stop: its button rests, and a press on it does nothing.
    explore.evaluate("document.querySelector('#explore-find-stop').click()")
    explore.wait_for_function("/^(Stopped|Done)/.test(document.querySelector('.xp-told').innerText)")
    explore.click("#explore-find-continue")
    wait_for_state(explore, "Array.isArray(r.z) && r.z.length === 8")
    settled(explore, models)
    assert "no seed" in explore.inner_text("#explore-place")
    drag(explore, direction("sefa-1"), 0.5, 0.7)
    wait_for_state(explore, "r.z && r.directions['sefa-1'] > 1")
    settled(explore, models)
    explore.click("#explore-dice")
    wait_for_state(explore, "!r.z && r.seed")


def test_a_server_that_is_gone_is_told_and_the_controls_tell_the_truth(explore) -> None:
    state, shown = recipe(explore), source(explore)
    explore.route("**/component_server/**", lambda route: route.abort())
    drag(explore, direction("sefa-1"), 0.5, 0.9)
    says(explore, "The server does not answer")
    assert recipe(explore) == state
    assert source(explore) == shown
    assert explore.input_value(direction("sefa-1")) == "0"
    explore.unroute("**/component_server/**")
    drag(explore, direction("sefa-1"), 0.5, 0.9)
    wait_for_state(explore, "r.directions['sefa-1'] > 3")
    assert explore.inner_text(MESSAGE) == ""


def test_pixels_and_smooth(explore) -> None:
    style = f"getComputedStyle(document.querySelector('{PICTURE}')).imageRendering"
    assert explore.evaluate(style) == "pixelated"
    explore.click("#explore-pixels [data-value=smooth]")
    assert explore.evaluate(style) == "auto"
    assert "16 × 16 px" in explore.inner_text("#explore-facts")
    assert " ms" in explore.inner_text("#explore-facts")


def test_every_control_has_a_name_and_the_formula_is_told(explore) -> None:
    for fold in ("mix", "latents", "find"):
        explore.click(f"#explore-{fold} summary")
    explore.wait_for_selector("#explore-latents .xp-row")
    nameless = explore.evaluate(
        """[...document.querySelectorAll("#explore :is(button, input, select, summary, [tabindex])")].filter((one) => {
            const labels = [...(one.labels ?? [])].map((label) => label.innerText).join("");
            return !(one.getAttribute("aria-label") || labels || one.innerText || one.title).trim();
        }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    explore.click("#explore-formula summary")
    assert "z = t b" in explore.inner_text("#explore-formula")
    explore.keyboard.press("Escape")
    assert explore.get_attribute("#explore-formula", "open") is None


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900), (2560, 1440)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_in_light_and_dark(browser, address: str, tmp_path: Path, width: int, height: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    ready(page, f"{address}/?__theme={theme}")
    for fold in ("mix", "latents"):
        page.click(f"#explore-{fold} summary")
    page.wait_for_selector("#explore-latents .xp-row")
    apart = ".xp-strip, .gs-aside, details:not([open]) > div, #explore-plane"  # The plane is larger than its window.
    wide = page.evaluate(
        "apart => [...document.querySelectorAll('#explore *')]"
        ".filter((one) => one.offsetParent && !one.closest(apart))"
        ".filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.className)",
        apart,
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[data-id=sefa-8]").scroll_into_view_if_needed()
    box = page.locator(PICTURE).bounding_box()
    assert box["y"] >= 0  # The picture stays in sight beside or above the slider.
    assert box["width"] >= 300
    page.screenshot(path=tmp_path / f"explore-{theme}-{width}.png")
    page.close()


def test_without_models_one_sentence_and_one_button(explore) -> None:
    def empty(route) -> None:
        if '"open"' not in (route.request.post_data or ""):
            return route.continue_()
        return route.fulfill(json={"ok": True, "models": [], "model": None, "told": "There are no generators yet."})

    explore.route("**/component_server/**", empty)
    explore.reload()
    explore.wait_for_selector(".xp-nothing button")
    resting = "id => document.querySelector(id).closest('[inert]') !== null"
    assert explore.evaluate(resting, "#explore-dice")
    assert not explore.evaluate(resting, "#explore-model"), "the first model may be fetched there"
    explore.click(".xp-nothing button")
    on_tab(explore, "Training")
    explore.unroute("**/component_server/**")
    explore.get_by_role("tab", name="Explore").click()
    explore.wait_for_selector(PICTURE)  # Whoever comes back finds what is there by now.
    assert not explore.evaluate(resting, "#explore-dice")
