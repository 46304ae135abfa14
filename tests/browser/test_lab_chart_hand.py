"""The curves of the Training tab moved by hand, wheel, keys and fingers: the cursor and the zoom."""

import json
from pathlib import Path

import pytest

from gan_core.training.run_folder import RunFolder
from tests.browser.lab_chart_page import CHART, begin, end, line, plot, view, zoomed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_cursor_shows_values_and_moves_by_keys(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000)
    page.locator(".lc-smoothing input").fill("0")
    box = plot(page)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"])
    page.mouse.move(box["x"] + 5, 5)
    page.wait_for_function("document.querySelector('.lc-step').textContent === 'step 2,000'")
    expected = f"{json.loads(line(200))['loss_g']:.4g}".ljust(5, "0")[:5]
    value = "document.querySelector('.lc-key[title^=\"loss_g\"] b').textContent"
    page.wait_for_function(f"{value} === '{expected}'")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.lc-step').textContent === 'step 2,010'")
    page.keyboard.press("PageUp")
    page.wait_for_function("document.querySelector('.lc-step').textContent === 'step 1,810'")
    page.get_by_role("button", name="Time", exact=True).click()
    page.wait_for_function("document.querySelector('.lc-step').textContent.includes('1 min 31 s')")


def test_zooming_by_hand_wheel_and_keys_asks_for_every_point(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[1], step=200_000)
    box = plot(page)
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"], steps=4)
    with page.expect_request(lambda sent: "curves" in (sent.post_data or "") and '"first"' in (sent.post_data or "")):
        page.mouse.up()
    zoomed(page)
    low, high = view(page)
    assert (low, high) == pytest.approx((50_000, 100_000), abs=800)

    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(
        f"Number({CHART}.dataset.view.split(' ')[1]) - Number({CHART}.dataset.view.split(' ')[0]) < 40000"
    )
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], box["y"])
    zoomed(page, False)

    page.locator(".lc-plots").focus()
    for _ in range(6):
        page.keyboard.press("+")
    zoomed(page)
    page.wait_for_function(
        f"Number({CHART}.dataset.view.split(' ')[1]) - Number({CHART}.dataset.view.split(' ')[0]) < 4000"
    )
    low, high = view(page)
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function(f"Number({CHART}.dataset.view.split(' ')[0]) < {low - 1}")
    page.get_by_role("button", name="Whole run").click()
    zoomed(page, False)


def test_a_double_click_only_zooms_out(open_run, watched: list[RunFolder]) -> None:
    """Its clicks once set the cursor, which threw the samples back in time."""
    page = open_run(watched[0], step=4000)
    box = plot(page)
    page.locator(".lc-plots").focus()
    page.keyboard.press("+")
    zoomed(page)
    page.mouse.dblclick(box["x"] + 0.3 * box["width"], box["y"])
    zoomed(page, False)
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"])
    page.mouse.move(box["x"], 5)
    shown = "getComputedStyle(document.querySelector('.lc-step')).display !== 'none' &&"
    page.wait_for_function(f"{shown} document.querySelector('.lc-step').textContent === 'step 2,000'")
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"])
    page.mouse.dblclick(box["x"] + 0.3 * box["width"], box["y"])
    page.keyboard.press("ArrowRight")  # From where the cursor has stayed.
    page.mouse.move(box["x"], 5)
    page.wait_for_function(f"{shown} document.querySelector('.lc-step').textContent === 'step 2,010'")


def test_a_plain_wheel_scrolls_the_page_over_a_zoomed_curve(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000, height=600)
    box = plot(page)
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"], steps=4)
    page.mouse.up()
    zoomed(page)
    before = view(page)
    page.mouse.wheel(0, 120)
    page.wait_for_function("document.scrollingElement.scrollTop > 50")
    assert view(page) == before


def test_zoomed_at_the_end_it_follows(open_run, runs: Path) -> None:
    run = begin(runs, "chart-follow", 200, state="running")
    page = open_run(run, step=2000)
    box = plot(page)
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 5, box["y"], steps=4)
    page.mouse.up()
    zoomed(page)
    assert view(page)[1] == pytest.approx(2000)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write("".join(line(number) for number in range(201, 211)))
    page.wait_for_function(f"{CHART}.dataset.step == 2100")
    assert view(page) == pytest.approx([1600, 2100], abs=30)
    end(run)


def test_a_finger_moves_the_cursor_and_two_zoom(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000, width=390, height=844, has_touch=True, is_mobile=True)
    page.locator(".lc-plot").first.scroll_into_view_if_needed()
    box = plot(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *xs: float) -> None:
        points = [{"x": box["x"] + x * box["width"], "y": box["y"], "id": at} for at, x in enumerate(xs)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.2)
    touch("touchMove", 0.3)
    touch("touchMove", 0.5)
    touch("touchEnd")
    page.wait_for_function("/^step (1,9|2,0)\\d\\d$/.test(document.querySelector('.lc-step').textContent)")
    assert view(page) is None
    touch("touchStart", 0.4, 0.6)
    touch("touchMove", 0.2, 0.8)
    touch("touchEnd")
    zoomed(page)
    low, high = view(page)
    assert high - low == pytest.approx(4000 / 3, rel=0.1)
