"""The curves of the Training tab in a real browser: they move with the file, zoom, compare and leave as files."""

import csv
import json
import math
import random
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from gan_core.config import RunConfig, train_config
from gan_core.training.run_folder import RunFolder, create_run
from tests.browser.conftest import WAIT_MS, leaves

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHART = "document.querySelector('#lab-chart')"
EVERY_STEPS = 10


def line(number: int) -> str:
    draw = random.Random(number)
    values = {
        "step": number * EVERY_STEPS,
        "elapsed_s": number * 0.5,
        "images": number * 320,
        "loss_g": round(1.5 + draw.gauss(0, 0.3), 6),
        "loss_d": round(1.2 + draw.gauss(0, 0.2), 6),
        "d_real": round(0.6 + draw.uniform(-0.1, 0.1), 6),
        "d_fake": round(0.4 + draw.uniform(-0.1, 0.1), 6),
        "grad_g": round(2 + draw.random(), 6),
        "images_per_s": 640.0,
        "lr_g": 0.0002,
        "memory_mb": 512,
    }
    return json.dumps(values) + "\n"


def begin(runs: Path, name: str, lines: int, *, state: str = "finished", family: str = "dcgan") -> RunFolder:
    """A run as a trainer leaves it, or one with a trainer that does nothing."""
    train = train_config(family, data="shapes", size=32, steps=100_000)
    run = create_run(runs, RunConfig(family=family, train=train, network={}, recipe={}), name)
    (run.path / "metrics.jsonl").write_text("".join(line(number) for number in range(1, lines + 1)))
    trainer = {"pid": None, "pid_started_at": None}
    if state == "running":  # Whoever tidies up afterwards kills it.
        process = psutil.Popen(["sleep", "600"])
        trainer = {"pid": process.pid, "pid_started_at": process.create_time()}
    run.write_status(state=state, step=lines * EVERY_STEPS, total_steps=100_000, device="CPU", **trainer)
    return run


def end(run: RunFolder) -> None:
    psutil.Process(run.status()["pid"]).kill()
    run.write_status(state="finished", step=1, total_steps=1, device="CPU", pid=None, pid_started_at=None)


@pytest.fixture(scope="module")
def watched(runs: Path) -> list[RunFolder]:
    return [begin(runs, "chart-short", 400), begin(runs, "chart-long", 20_000)]


@pytest.fixture
def open_run(browser, address: str):
    """A fresh visit with a run chosen, once its curves are drawn; no error may come up, and no request leave."""
    pages, wrong = [], []

    def visit(run: RunFolder, *, width: int = 1280, height: int = 1100, step: int | None = None, **more):
        page = browser.new_page(viewport={"width": width, "height": height}, **more)
        pages.append(page)
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if leaves(request.url, address) else None)
        page.add_init_script(f"sessionStorage.setItem('gan-studio.run', '\"{run.id}\"')")
        page.goto(address)
        page.get_by_role("tab", name="Training").click()
        page.wait_for_function(f"{CHART}?.dataset.step {f'== {step}' if step else '> 0'}")
        return page

    yield visit
    for page in pages:
        page.close()
    assert not wrong


def view(page) -> list[float] | None:
    text = page.evaluate(f"{CHART}.dataset.view")
    return [float(part) for part in text.split()] if text else None


def zoomed(page, yes: bool = True) -> None:
    page.wait_for_function(f"{CHART}.dataset.view {'!=' if yes else '=='} ''")


def plot(page) -> dict[str, float]:
    box = page.locator(".lc-plot").first.bounding_box()
    return {"x": box["x"] + 54, "y": box["y"] + 60, "width": box["width"] - 64}


def values(page) -> dict[str, str]:
    """What stands beside each name."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.lc-key')]"
        ".map(key => [key.title, key.querySelector('b').textContent]))"
    )


def inked(page) -> float:
    """Share of the first canvas that is drawn on."""
    return page.evaluate(
        "() => { const c = document.querySelector('.lc-plot canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (d.length / 4); }"
    )


def test_the_curve_moves_with_the_file(open_run, runs: Path) -> None:
    """Within two seconds of a trainer's write, without a reload; the hidden table tells the same."""
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
    assert sorted(seconds)[len(seconds) // 2] < 2, seconds
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
    """Four lines of some 2,000 points; generous, because the machine may be training beside it."""
    page = open_run(watched[1], step=200_000)
    slider = page.locator(".lc-smoothing input")
    taken = []
    for number in range(20):
        slider.fill(f"{0.5 + number / 50:.2f}")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        taken.append(float(page.evaluate(f"{CHART}.dataset.drawMs")))
    assert sorted(taken)[10] < 16, taken
    assert not any(map(math.isnan, taken))
