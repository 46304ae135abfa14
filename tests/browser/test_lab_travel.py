"""Time travel in the Training tab, in a real browser over real runs: one that is over, one that goes on."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from gan_core.training.run_folder import RunFolder, list_runs
from tests.browser.conftest import WAIT_MS, end_trainings, leaves
from tests.serving import START_S, serve
from tests.training.tiny import command, config, finished, start

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

ID, STYLE = "00001-dcgan-shapes", "00002-cyclegan-shapes"
CHOSEN = "gan-studio.run"  # Where the page remembers which run was looked at.
OPTIONS = {"sample_steps": 4, "snapshot_steps": 8, "state_steps": 8, "log_steps": 2}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("travel-runs")
    for name, family, steps in ((ID, "dcgan", 32), (STYLE, "cyclegan", 8)):
        plain = {"conditional": False} if family == "dcgan" else {}
        finished(folder / name, config(family, steps, **OPTIONS, **plain))
    yield folder
    end_trainings(folder)


@pytest.fixture(scope="module")
def address(models: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An application of its own: other tests count the runs that they find."""
    own = tmp_path_factory.mktemp("travel-models") / "models"
    shutil.copytree(models, own)
    with serve(tmp_path_factory.mktemp("travel-app"), runs=runs, models=own) as app:
        yield app.url


def visit(browser, address: str, run: str, **options):
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
    page.set_default_timeout(WAIT_MS)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda one: page.problems.append(one.url) if leaves(one.url, address) else None)
    page.add_init_script(f"sessionStorage.getItem('{CHOSEN}') ?? sessionStorage.setItem('{CHOSEN}', '\"{run}\"')")
    page.goto(address)
    page.wait_for_selector("#explore-picture img")
    page.get_by_role("tab", name="Training", exact=True).click()
    page.wait_for_selector("#lab-travel canvas[data-step]")
    return page


@pytest.fixture
def tab(browser, address: str):
    """The tab with the run that is over, at its newest samples, once the gaps between its pictures are open."""
    page = visit(browser, address, ID)
    at(page, 32)
    page.wait_for_selector(".lt-cells button")
    yield page
    page.close()
    assert not page.problems


def at(page, step: int) -> None:
    """Wait until the sheet of a step is on the screen."""
    page.wait_for_function("step => document.querySelector('#lab-travel canvas').dataset.step === step", arg=str(step))


def tool(page, name: str):
    return page.locator(".lt-actions").get_by_role("button", name=name, exact=True)


def panel(page):
    return page.locator(".lt-panel:not([hidden])")


def pixels(page, selector: str) -> str:
    return page.eval_on_selector(selector, "canvas => canvas.toDataURL()")


def test_the_slider_goes_through_the_samples_and_its_keys_too(tab) -> None:
    assert tab.inner_text(".lt-caption") == "Samples at step 32"
    assert tab.locator(".lt-ticks i").count() == 4
    newest = pixels(tab, "#lab-travel canvas")
    slider = tab.locator(".lt-range input")
    slider.focus()
    tab.keyboard.press("Home")
    at(tab, 0)
    assert pixels(tab, "#lab-travel canvas") != newest
    assert slider.get_attribute("aria-valuetext") == "step 0, sample 1 of 9"
    tab.keyboard.press("ArrowRight")
    at(tab, 4)
    tab.keyboard.press(".")
    at(tab, 8)
    tab.keyboard.press(",")
    at(tab, 4)
    assert tab.is_visible(".lt-newest")
    tab.click(".lt-newest")
    at(tab, 32)
    assert not tab.is_visible(".lt-newest")
    assert pixels(tab, "#lab-travel canvas") == newest


def test_the_curves_cursor_and_the_slider_go_together(tab) -> None:
    plot = tab.locator("#lab-chart canvas").first
    plot.wait_for()
    tab.wait_for_function("() => document.querySelector('#lab-chart canvas').width > 300")
    box = plot.bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
    tab.wait_for_function("() => Math.abs(document.querySelector('#lab-travel canvas').dataset.step - 16) < 9")
    step = int(tab.get_attribute("#lab-travel canvas", "data-step"))
    place = "() => document.querySelector('#lab-chart .lc-cursor:not([hidden])')?.getBoundingClientRect().x ?? null"
    tab.wait_for_function(f"() => ({place})() !== null")
    before = tab.evaluate(place)
    tab.mouse.move(5, 5)
    tab.locator(".lt-range input").focus()
    tab.keyboard.press("ArrowLeft")
    at(tab, step - 4)
    tab.wait_for_function(f"before => ({place})() < before", arg=before)
    tab.click(".lt-newest")
    tab.wait_for_function(f"() => ({place})() === null")


def test_it_plays_as_a_film_and_stops(tab) -> None:
    tab.locator(".lt-range input").focus()
    tab.keyboard.press("Home")
    at(tab, 0)  # It is fetched by now: where it comes late, a film goes on without it.
    tab.keyboard.press("End")
    at(tab, 32)
    tab.select_option(".lt-slide select", "20")
    seen = """() => { window.seen = []; new MutationObserver(() => window.seen.push(
        Number(document.querySelector('#lab-travel canvas').dataset.step)))
        .observe(document.querySelector('#lab-travel canvas'), {attributes: true, attributeFilter: ['data-step']}); }"""
    tab.evaluate(seen)
    tab.get_by_role("button", name="Play", exact=True).click()
    tab.wait_for_function("() => window.seen.at(-1) === 32")
    assert tab.evaluate("window.seen") == list(range(0, 33, 4))
    tab.get_by_role("button", name="Play", exact=True).wait_for()  # It has stopped by itself.
    tab.check(".lt-slide input[type=checkbox]")
    tab.get_by_role("button", name="Play", exact=True).click()
    tab.wait_for_function("() => window.seen.filter(step => step === 8).length > 2")  # Round and round.
    tab.locator(".lt-range input").focus()
    tab.keyboard.press("Space")
    tab.get_by_role("button", name="Play", exact=True).wait_for()


def test_a_picture_is_followed_through_all_samples(tab) -> None:
    tab.click(".lt-cells button:nth-child(10)")
    strip = tab.get_by_role("group", name="One picture through all samples")
    strip.wait_for()
    tab.wait_for_function("() => document.querySelectorAll('.lt-over canvas[data-drawn]').length === 9")
    sizes = strip.locator("canvas").evaluate_all("all => all.map(one => [one.width, one.height].join())")
    assert set(sizes) == {"16,16"}
    crop = """() => { const paper = document.createElement('canvas'); [paper.width, paper.height] = [16, 16];
        paper.getContext('2d').drawImage(document.querySelector('#lab-travel canvas'), 18, 18, 16, 16, 0, 0, 16, 16);
        return paper.toDataURL(); }"""
    assert tab.evaluate(crop) == pixels(tab, ".lt-over button:last-child canvas")
    strip.get_by_role("button", name="Step 12", exact=True).click()
    at(tab, 12)
    assert strip.get_by_role("button", name="Step 12", exact=True).get_attribute("aria-current") == "true"
    tab.get_by_role("button", name="Close", exact=True).click()
    assert not strip.is_visible()


def test_any_seed_is_drawn_by_each_snapshot(tab) -> None:
    tab.click(".lt-any summary")
    loaded = "seed => document.querySelectorAll(`.lt-any button[data-seed='${seed}']`).length === 4"
    tab.wait_for_function(loaded, arg="555")
    first = tab.eval_on_selector_all(".lt-any img", "all => all.map(one => one.src)")
    assert len(set(first)) == 4
    tab.fill(".lt-seed input", "42")
    tab.keyboard.press("Enter")
    tab.wait_for_function(loaded, arg="42")
    assert not set(first) & set(tab.eval_on_selector_all(".lt-any img", "all => all.map(one => one.src)"))
    tab.fill(".lt-seed input", "nonsense")
    tab.wait_for_function("() => document.querySelector('.lt-any [role=alert]').textContent.includes('not a seed')")
    tab.get_by_role("button", name="Seed 42 at step 8", exact=True).click()
    at(tab, 8)


def test_a_film_is_written(tab, tmp_path: Path) -> None:
    tool(tab, "Film").click()
    fields = [panel(tab).get_by_label(name) for name in ("Frames a second", "Seconds", "Size, px")]
    for field, wrong in zip(fields, ("999", "-1", "99999"), strict=True):
        field.fill(wrong)
    panel(tab).get_by_role("button", name="Make film").click()
    # A number over the limit was once told of as empty, one at a time and by a name that no field has.
    panel(tab).get_by_text(
        "Frames a second cannot be 999: give a number from 1 to 60. "
        "Seconds cannot be -1: give a number from 0.5 to 120. "
        "Size, px cannot be 99999: give a number from 64 to 2,048. No film was made."
    ).wait_for()
    assert [field.get_attribute("aria-invalid") for field in fields] == ["true"] * 3
    assert fields[0].evaluate("one => one === document.activeElement")
    for field, good in zip(fields, ("30", "1", "201"), strict=True):
        field.fill(good)
        assert field.get_attribute("aria-invalid") == "false"
    assert panel(tab).get_by_text("cannot be").count() == 0
    panel(tab).get_by_role("button", name="Make film").click()
    link = panel(tab).get_by_role("link", name="Download")
    link.wait_for()
    with tab.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"{ID}-training.mp4"
    download.value.save_as(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_a_snapshot_is_opened_in_explore_and_a_reload_keeps_it(tab) -> None:
    picture = "#explore-picture img"
    before = tab.get_attribute(picture, "src")
    tab.locator(".lt-range input").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    at(tab, 4)
    tool(tab, "Explore step 8, first kept").click()
    tab.wait_for_function("([one, before]) => document.querySelector(one).src !== before", arg=[picture, before])
    assert f"{ID}, step 8" in tab.inner_text("#explore-model")
    shown = tab.get_attribute(picture, "src")
    tab.click("#explore-model button")
    tab.get_by_role("option", name=f"{ID}, step 8", exact=False).wait_for()
    tab.keyboard.press("Escape")
    tab.wait_for_function("() => sessionStorage.getItem('gan-studio:explore').includes('@8')")
    tab.reload()
    tab.wait_for_function("([one, shown]) => document.querySelector(one)?.src === shown", arg=[picture, shown])
    assert f"{ID}, step 8" in tab.inner_text("#explore-model")
    tab.get_by_role("tab", name="Interpolate", exact=True).click()
    tab.wait_for_selector("#interpolate-player[data-drawn]")
    assert f"{ID}, step 8" in tab.inner_text("#interpolate-model")


def test_all_buttons_are_about_the_last_snapshot_at_or_before_the_sample(tab) -> None:
    """Roll back once went forward in time: the nearest snapshot may be a later one."""
    wide = tool(tab, "Explore step 32").bounding_box()["width"]
    tab.locator(".lt-range input").focus()
    for step in (28, 24, 20):
        tab.keyboard.press("ArrowLeft")
        at(tab, step)
    assert tool(tab, "Explore step 16, last kept").bounding_box()["width"] == wide  # Its neighbours stay.
    for name, title, heading in (
        ("Keep", "Make a named model of step 16", "Keep step 16"),
        ("Branch", "Begin another run from step 16", "Branch from step 16"),
        ("Roll back", "Take this run back to step 16", "Roll back to step 16"),
    ):
        assert tool(tab, name).get_attribute("title") == title
        tool(tab, name).click()
        assert panel(tab).get_by_role("heading").inner_text() == heading


def test_the_gaps_of_a_sheet_show_the_page(tab) -> None:
    """They were white, and glared in the dark."""
    alpha = (
        """([x, y]) => document.querySelector('#lab-travel canvas').getContext('2d').getImageData(x, y, 1, 1).data[3]"""
    )
    tab.wait_for_selector(".lt-cells button")
    assert [tab.evaluate(alpha, place) for place in ([16, 0], [17, 40], [3, 16], [15, 15], [18, 18])] == [
        0,
        0,
        0,
        255,
        255,
    ]
    tab.keyboard.press(",")
    at(tab, 28)
    assert tab.evaluate(alpha, [16, 0]) == 0


def test_a_translators_rows_and_its_snapshot_in_style_transfer(browser, address: str) -> None:
    page = visit(browser, address, STYLE)
    page.wait_for_selector(".lt-heads span")
    assert page.locator(".lt-heads span").count() == 4
    assert page.locator(".lt-cells button").count() == 6
    assert page.locator(".lt-any").is_hidden()
    page.click(".lt-cells button:nth-child(2)")
    page.wait_for_function("() => document.querySelectorAll('.lt-over canvas[data-drawn]').length === 3")
    page.get_by_role("button", name="Paint with step 8").click()
    first = page.wait_for_function("""() => {
        const [face, paint] = ['#paint-model button', '#paint-paint'].map((one) => document.querySelector(one));
        return face && [face.textContent, paint.disabled]; }""").json_value()
    # It was "No model" over an empty field for seconds, with a button that did nothing.
    assert f"{STYLE}, step 8" in first[0]
    assert first[1] or "Opening" not in first[0]
    page.wait_for_function(
        "name => document.querySelector('#paint-model').innerText.includes(name)", arg=f"{STYLE}, step 8"
    )
    page.close()
    assert not page.problems


def test_one_is_kept_and_opens_among_the_models(tab) -> None:
    tool(tab, "Keep").click()
    name = panel(tab).get_by_label("Name")
    tab.wait_for_function("() => document.querySelector('.lt-panel:not([hidden]) input').value")
    assert name.input_value() == "dcgan-shapes-32"
    name.fill("Not A Name")
    panel(tab).get_by_text("cannot name a model").wait_for()
    assert panel(tab).get_by_role("button", name="Keep", exact=True).is_disabled()
    name.fill("tiny-dcgan")
    panel(tab).get_by_text("There is a model tiny-dcgan already").wait_for()
    name.fill("mine")
    tab.wait_for_function("() => !document.querySelector('.lt-panel:not([hidden]) .lt-row button').disabled")
    panel(tab).get_by_role("button", name="Keep", exact=True).click()
    panel(tab).get_by_text("Kept as mine.").wait_for()
    tab.get_by_role("tab", name="Models", exact=True).click()
    tab.wait_for_selector('#shelf-list > li[data-model="mine"]')
    tab.get_by_role("tab", name="Training", exact=True).click()
    panel(tab).get_by_role("button", name="Open", exact=True).click()
    tab.wait_for_function("() => document.querySelector('#explore-model').innerText.startsWith('mine')")


def test_damage_is_told_where_the_sheet_would_be(browser, address: str, runs: Path) -> None:
    path = dict(RunFolder(runs / ID).samples())[20]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    try:
        page = visit(browser, address, ID, viewport={"width": 390, "height": 800})
        at(page, 32)
        page.locator(".lt-range input").focus()
        for step in (28, 24):
            page.keyboard.press("ArrowLeft")
            at(page, step)
        page.keyboard.press("ArrowLeft")
        page.get_by_text("The samples of step 20 cannot be read").wait_for()
        page.keyboard.press("ArrowLeft")
        at(page, 16)
        assert page.get_by_text("The samples of step 20 cannot be read").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()
        assert not page.problems
    finally:
        path.write_bytes(content)


def test_a_run_that_goes_on_is_followed_until_somebody_goes_back(browser, address: str, runs: Path) -> None:
    folder = runs / "00003-dcgan-shapes"
    options = {**OPTIONS, "sample_steps": 20, "snapshot_steps": 100, "state_steps": 400, "log_steps": 20}
    process = start(command(config("dcgan", 100_000, **options), folder, "--quiet"))
    try:
        end = time.monotonic() + START_S
        while len(RunFolder(folder).samples()) < 3:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end
            time.sleep(0.1)
        page = visit(browser, address, folder.name)
        first = int(page.get_attribute("#lab-travel canvas", "data-step"))
        page.wait_for_function(
            "first => Number(document.querySelector('#lab-travel canvas').dataset.step) > first", arg=first
        )
        opener = page.locator(".lt-actions button").first
        page.wait_for_function("() => document.querySelector('.lt-actions button').textContent.startsWith('Explore')")
        opener.hover()
        text, seen = opener.inner_text(), int(page.get_attribute("#lab-travel canvas", "data-step"))
        page.wait_for_function(
            "seen => Number(document.querySelector('#lab-travel canvas').dataset.step) > seen + 120", arg=seen
        )
        assert opener.inner_text() == text  # It once went on to another step under the mouse.
        page.mouse.move(5, 5)
        page.wait_for_function("text => document.querySelector('.lt-actions button').textContent !== text", arg=text)
        page.locator(".lt-range input").focus()
        page.keyboard.press("Home")
        at(page, 0)
        most = int(page.get_attribute(".lt-range input", "max"))
        page.wait_for_function("most => Number(document.querySelector('.lt-range input').max) > most", arg=most)
        at(page, 0)
        tool(page, "Roll back").click()
        panel(page).get_by_text("Stop it first").wait_for()
        page.click(".lt-newest")
        page.wait_for_function(
            "first => Number(document.querySelector('#lab-travel canvas').dataset.step) > first", arg=first
        )
        page.close()
        assert not page.problems
    finally:
        process.kill()
        process.communicate()


def test_a_branch_goes_on_from_a_snapshot_and_a_run_is_rolled_back(tab, runs: Path) -> None:
    """The last test here: it changes the runs."""
    before = {run.id for run in list_runs(runs)}
    tool(tab, "Branch").click()
    panel(tab).get_by_text("A new run goes on exactly from step 32").wait_for()
    tab.locator(".lt-range input").focus()
    tab.keyboard.press("Home")
    at(tab, 0)
    exact = {step for step, _ in RunFolder(runs / ID).states()}
    wanted = "goes on exactly from step 8" if 8 in exact else "begins with the weights of step 8"
    panel(tab).get_by_text(wanted).wait_for()
    panel(tab).get_by_role("button", name="Start branch").click()
    end = time.monotonic() + WAIT_MS / 1000
    while not (made := {run.id for run in list_runs(runs)} - before):
        assert time.monotonic() < end, tab.inner_text("#lab")
        time.sleep(0.1)
    branch = RunFolder(runs / made.pop())
    assert branch.about()["origin"] == {"run": ID, "step": 8, "exact": 8 in exact}
    tab.wait_for_function(
        "id => JSON.parse(sessionStorage.getItem('gan-studio.run')) === id", arg=branch.id
    )  # The page goes there.
    while branch.status()["state"] != "finished":
        assert time.monotonic() < end + WAIT_MS / 1000, json.dumps(branch.status())
        time.sleep(0.2)
    assert branch.snapshots()[-1][0] == 32
    assert RunFolder(runs / ID).status()["step"] == 32  # The one that it came from is as it was.
    at(tab, 32)

    tab.locator(".lt-range input").focus()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    at(tab, 24)
    states = {step for step, _ in branch.states()}
    tool(tab, "Roll back").click()
    if 24 in states:
        panel(tab).get_by_role("button", name="Roll back to 24").click()
        tab.wait_for_function("() => document.querySelector('.lt-range input').max === '6'")
        tab.get_by_text("The run is back at step 24. Resume goes on from there.").wait_for()
        assert panel(tab).count() == 0
        assert branch.status() | {"state": "stopped", "step": 24} == branch.status()
    else:
        panel(tab).get_by_text("Branch from it instead").wait_for()
