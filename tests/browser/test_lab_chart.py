"""The curves of the Training tab in a real browser: they move with the file, compare and leave as files."""

import csv
import json
import math
import random
import time
from pathlib import Path

import pytest
from PIL import Image

from gan_core.training.run_folder import RunFolder
from tests.browser.lab_chart_page import CHART, EVERY_STEPS, begin, end, inked, line, plot, values

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_curve_moves_with_the_file(open_run, runs: Path) -> None:
    """Within two seconds of a trainer's write where nothing else is in the way; the hidden table tells the same."""
    run = begin(runs, "chart-live", 40, state="running")
    page = open_run(run, step=400)
    before = page.locator(".lc-plot canvas").first.evaluate("c => c.toDataURL()")
    seconds = []
    for number in range(41, 46):
        written_at = time.monotonic()
        with (run.path / "metrics.jsonl").open("a") as file:
            file.write(line(number))
        page.wait_for_function(f"{CHART}.dataset.step == {number * EVERY_STEPS}")
        seconds.append(time.monotonic() - written_at)
    end(run)
    assert min(seconds) < 2, seconds
    assert page.locator(".lc-plot canvas").first.evaluate("c => c.toDataURL()") != before
    assert "up to step 450" in page.locator(".lc-plot canvas").first.get_attribute("aria-label")


def test_new_kinds_of_values_appear(open_run, runs: Path) -> None:
    run = begin(runs, "chart-quality", 5, state="running")
    page = open_run(run, step=50)
    assert page.locator('.lc-panels [data-panel="quality"]').count() == 0
    run.append_quality({"step": 50, "variety": 0.25, "distance": 1.5, "nearest": 0.75})
    page.locator('.lc-panels [data-panel="quality"]').click()
    page.wait_for_function("document.querySelector('.lc-key[title^=\"distance\"] b')?.textContent === '1.500'")
    end(run)


def test_panels_names_and_settings_last(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000)
    panels = page.locator(".lc-panel h4").all_inner_texts()
    assert panels == ["Losses", "D(x), D(G(z))"]
    assert page.locator(".lc-key span").all_inner_texts() == ["G", "D", "D(x)", "D(G(z))"]
    ink = inked(page)
    page.locator('.lc-key[title^="loss_g"]').click()
    page.wait_for_selector('.lc-key[title^="loss_g"][aria-pressed="false"]')
    assert inked(page) < ink
    page.locator('.lc-panels [data-panel="scores"]').click()
    page.locator('.lc-panels [data-panel="gradients"]').click()
    page.get_by_role("button", name="Log", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.lc-panel').length === 2")
    page.reload()
    page.get_by_role("tab", name="Training").click()
    page.wait_for_function(f"{CHART}?.dataset.step == 4000")
    assert page.locator(".lc-panel h4").all_inner_texts() == ["Losses", "Gradients norm"]
    assert page.locator('.lc-key[title^="loss_g"]').get_attribute("aria-pressed") == "false"
    assert page.get_by_role("button", name="Log", exact=True).get_attribute("aria-pressed") == "true"


def test_measurements_are_shown_as_they_were_made(open_run, runs: Path) -> None:
    """They were smoothed from 30 on: the legend told figures that nobody had measured."""
    run = begin(runs, "chart-measured", 400)
    measured = {at * 100: round(random.Random(at).random(), 4) for at in range(1, 41)}
    for step, variety in measured.items():
        run.append_quality({"step": step, "variety": variety, "distance": 12 / step, "nearest": 3.5})
    page = open_run(run, step=4000)
    page.locator('.lc-panels [data-panel="quality"]').click()
    page.wait_for_selector('.lc-panel[data-panel="nearest"][data-ticks]')
    page.wait_for_function("document.querySelector('.lc-panel[data-panel=variety]').dataset.ticks.endsWith(' 1')")
    assert page.locator(".lc-panel h4").all_inner_texts()[2:] == [
        "Variety 1 as the data",
        "Fréchet distance",
        "Nearest neighbour",
    ]
    page.wait_for_function("document.querySelector('.lc-key[title^=\"variety\"] b').textContent.length > 2")
    assert float(values(page)["variety: show or hide"]) == pytest.approx(measured[4000], abs=1e-4)
    box = plot(page)
    page.mouse.click(box["x"] + box["width"] * 0.3575, box["y"])
    page.wait_for_function("document.querySelector('.lc-key[title^=\"variety\"] b').textContent.endsWith(' at 1,400')")
    shown = values(page)["variety: show or hide"].removesuffix(" at 1,400")
    assert float(shown) == pytest.approx(measured[1400], abs=1e-4)
    assert " at " not in values(page)["loss_g: show or hide"]


def test_a_translators_curves_do_not_lie_upon_each_other(open_run, runs: Path) -> None:
    run = begin(runs, "chart-translator", 0, family="cyclegan")
    config = json.loads((run.path / "config.json").read_text())
    config["train"].update(domain_a="circle", domain_b="square")
    (run.path / "config.json").write_text(json.dumps(config))
    names = ("loss_g", "loss_g_ab", "loss_g_ba", "loss_cycle_a", "loss_cycle_b", "loss_d_a", "loss_d_b")
    quality = ("variety", "distinct", "distance", "nearest")
    for step in (10, 20, 30):
        run.append_metrics({"step": step, "elapsed_s": step / 10, **dict.fromkeys(names, 0.5), "loss_g": 15.0})
        run.append_quality({"step": step, **{f"{name}{end}": 0.5 for name in quality for end in ("", "_a", "_b")}})
    page = open_run(run, step=30)
    page.locator('.lc-panels [data-panel="quality"]').click()
    page.wait_for_selector('.lc-panel[data-panel="nearest"][data-ticks]')
    keys = {
        panel: page.locator(f'.lc-panel[data-panel="{panel}"] .lc-key > span').all_inner_texts()
        for panel in ("losses", "variety", "distance")
    }
    assert keys["losses"] == ["G A→B", "G B→A", "D A", "D B"]
    both = [f"to {name}{more}" for name in ("circle", "square") for more in ("", ", at one contrast")]
    assert sorted(keys["variety"]) == sorted(both)
    assert keys["distance"] == ["to circle", "to square"]
    for panel in page.locator(".lc-panel").all():
        strokes = panel.locator(".lc-swatch line").evaluate_all("lines => lines.map(line => line.style.stroke)")
        assert len(set(strokes)) == len(strokes)
    page.locator('.lc-panels [data-panel="total"]').click()
    page.wait_for_function("document.querySelector('.lc-panel[data-panel=total] b')?.textContent === '15.00'")


def test_memory_has_values_at_its_axis(open_run, runs: Path) -> None:
    """Between 806 and 810 MB a logarithmic axis had none, and a plain one made a cliff of 4 MB."""
    run = begin(runs, "chart-memory", 0)
    for step in range(1, 50):
        run.append_metrics({"step": step, "loss_g": 1.0, "memory_mb": 806 if step < 20 else 810})
    page = open_run(run, step=49)
    page.locator('.lc-panels [data-panel="memory"]').click()
    ticks = "document.querySelector('.lc-panel[data-panel=memory]')?.dataset.ticks"
    page.wait_for_function(f"{ticks}?.startsWith('0 ')")
    page.get_by_role("button", name="Log", exact=True).click()
    page.wait_for_function(f"!{ticks}.startsWith('0 ') && {ticks}.split(' ').length >= 2")


def test_another_runs_figures_do_not_stay_in_the_table(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000)
    page.wait_for_function("document.querySelector('#lab-chart table').textContent.includes('4,000')")
    page.evaluate(
        "() => { window.stale = 0; new MutationObserver(() => {"
        "const said = document.querySelector('#lab-head').textContent;"
        "const table = document.querySelector('#lab-chart table').textContent;"
        "if (said.includes('chart-long') && table.includes('4,000')) window.stale++; })"
        ".observe(document.querySelector('#lab'), {childList: true, subtree: true}); }"
    )
    page.locator(".lb-run", has_text="chart-long").click()
    page.wait_for_function("document.querySelector('#lab-chart table').textContent.includes('200,000')")
    assert page.evaluate("window.stale") == 0


def test_runs_are_compared(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000)
    page.locator("#lab-compare").click()
    page.locator(f'input[aria-label="Compare {watched[1].id}"]').check(force=True)
    page.wait_for_function("document.querySelectorAll('.lc-panel[data-panel=losses] .lc-key-row').length === 2")
    page.wait_for_function(
        "[...document.querySelectorAll('.lc-key b')].every(b => b.textContent !== '–' && b.textContent)"
    )
    assert page.locator(".lc-key-run").first.inner_text() == watched[0].id
    page.get_by_role("button", name="by value").click()
    page.wait_for_selector('[data-value="name"][aria-pressed="true"]')


def test_everything_leaves_as_csv_and_what_is_seen_as_png(open_run, watched: list[RunFolder], tmp_path: Path) -> None:
    page = open_run(watched[1], step=200_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{watched[1].id}.csv"
    download.value.save_as(tmp_path / "all.csv")
    rows = list(csv.DictReader((tmp_path / "all.csv").open(newline="")))
    assert len(rows) == 20_000
    expected = json.loads(line(777))
    assert {name: float(text) for name, text in rows[776].items()} == pytest.approx(expected)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    download.value.save_as(tmp_path / "seen.png")
    picture = Image.open(tmp_path / "seen.png")
    assert picture.width == 2 * page.evaluate("document.querySelector('.lc-plots').clientWidth")
    assert len(set(picture.convert("RGB").resize((200, 200)).getdata())) > 50


def test_dark_is_drawn_in_dark_colours(open_run, watched: list[RunFolder]) -> None:
    page = open_run(watched[0], step=4000)
    light = page.locator(".lc-plot canvas").first.evaluate("c => c.toDataURL()")
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function("light => document.querySelector('.lc-plot canvas').toDataURL() !== light", arg=light)


def test_a_run_without_steps_says_so(open_run, runs: Path, watched: list[RunFolder]) -> None:
    page = open_run(watched[0])
    begin(runs, "chart-empty", 0, state="stopped")
    card = page.locator(".lb-run", has_text="chart-empty")
    card.click()
    page.wait_for_function("document.querySelector('.lc-empty:not([hidden])')?.textContent.includes('appear')")


def test_redrawing_does_not_block(open_run, watched: list[RunFolder]) -> None:
    """Four lines of some 2,000 points; the best of many, because the machine may be training beside it."""
    page = open_run(watched[1], step=200_000)
    slider = page.locator(".lc-smoothing input")
    taken = []
    for number in range(20):
        slider.fill(f"{0.5 + number / 50:.2f}")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        taken.append(float(page.evaluate(f"{CHART}.dataset.drawMs")))
    assert not any(map(math.isnan, taken))
    assert min(taken) < 16, taken
