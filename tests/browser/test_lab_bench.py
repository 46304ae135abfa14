"""Step by step in a real browser: D's step moves the scores, G's the pictures, undo brings both back."""

from pathlib import Path

import pytest

from gan_core.training.run_folder import RunFolder
from tests.training.tiny import config, finished

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BENCH = "#lab-bench"
SUMMARY = f"{BENCH} details.lx > summary"


@pytest.fixture(scope="module")
def trained(runs: Path) -> RunFolder:
    """A small finished run, the newest by its number."""
    fast = {"lr_d": 0.005, "lr_g": 0.005}  # Two digits of a score must move.
    run = finished(runs / "90006-dcgan-bench", config("dcgan", 6, state_steps=3, recipe=fast))
    nobody = {"pid": None, "pid_started_at": None, "host": None}  # `runs` ends whoever is still training.
    run.write_status(**{**run.status(), **nobody})
    return run


@pytest.fixture
def bench(page, trained: RunFolder):
    """The bench of that run, unfolded, with a batch on it."""
    page.evaluate(f"sessionStorage.setItem('gan-studio.run', '\"{trained.id}\"')")
    page.reload()
    page.wait_for_selector("#explore-picture img", state="attached")
    page.get_by_role("tab", name="Training").click()
    page.wait_for_function(f"() => document.querySelector('#lab')?.innerText.includes('{trained.id}')")
    page.locator(SUMMARY).click()
    ready(page)
    return page


def ready(page) -> None:
    """A batch is shown, and nothing is under way."""
    page.wait_for_function(
        f"""() => document.querySelector('{BENCH} .lx-tile')
            && !document.querySelector('{BENCH} [data-do=d]').hasAttribute('aria-disabled')"""
    )


def press(page, kind: str, said: str) -> None:
    page.locator(f"{BENCH} [data-do={kind}]").click()
    page.wait_for_function(
        "([bench, said]) => document.querySelector(`${bench} .lx-told`).innerText.includes(said)", arg=[BENCH, said]
    )
    ready(page)
    page.wait_for_function(f"() => !document.querySelector('{BENCH} .lx-was.lx-shown')")


def scores(page, row: str) -> list[str]:
    return page.locator(f"{BENCH} [data-row={row}] .lx-score").all_inner_texts()


def pictures(page, row: str) -> str:
    return page.eval_on_selector(f"{BENCH} [data-row={row}] .lx-now", "e => e.style.backgroundImage")


def test_steps_of_each_player_and_undo(bench, trained: RunFolder) -> None:
    page = bench
    assert f"Copies of {trained.id} as of step 6" in page.inner_text(f"{BENCH} .lx-about")
    first_scores, first_fake, first_real = scores(page, "fake"), pictures(page, "fake"), pictures(page, "real")
    assert len(first_scores) == 8

    press(page, "d", "pictures apart")
    after_d = scores(page, "real") + scores(page, "fake")
    assert after_d[8:] != first_scores
    assert pictures(page, "fake") == first_fake
    assert page.inner_text(f"{BENCH} [data-count=d]") == "1 step"
    assert page.locator(f"{BENCH} .lx-of-d .lx-layers li").count() > 2

    press(page, "g", "mean score of G’s pictures")
    assert pictures(page, "fake") != first_fake
    assert pictures(page, "real") == first_real
    page.get_by_role("button", name="Before", exact=True).click()
    assert page.locator(f"{BENCH} [data-row=fake] .lx-was.lx-shown").count() == 8
    assert scores(page, "fake") == after_d[8:]

    press(page, "undo", "undone")
    assert pictures(page, "fake") == first_fake
    assert scores(page, "real") + scores(page, "fake") == after_d
    press(page, "reset", "Back to where")
    assert scores(page, "fake") == first_scores
    assert page.locator(f"{BENCH} [data-do=undo]").get_attribute("aria-disabled") == "true"


def test_ways_of_looking_and_ten_of_each(bench) -> None:
    page = bench
    shown = {"pictures": pictures(page, "fake")}
    changed = page.get_by_role("button", name="What changed")
    assert changed.is_disabled()
    press(page, "both", "pictures apart")
    assert page.inner_text(f"{BENCH} [data-count=d]") == page.inner_text(f"{BENCH} [data-count=g]") == "10 steps"
    for view, words, note in (
        ("looks", "Bright", ""),
        ("asks", "more real", "amplified"),
        ("changed", "less", "amplified"),
    ):
        page.locator(f"{BENCH} [data-view={view}]").click()
        assert words in page.inner_text(f"{BENCH} .lx-caption")
        assert note in page.inner_text(f"{BENCH} [data-row=fake] .lx-title")
        shown[view] = pictures(page, "fake")
    assert len(set(shown.values())) == 4
    assert page.locator(f"{BENCH} [data-row=real] .lx-tiles.lx-dim").count() == 1
    press(page, "batch", "Another batch")


def test_by_keyboard_and_with_names(bench) -> None:
    page = bench
    page.locator(f"{BENCH} [data-do=d]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => document.querySelector('{BENCH} [data-count=d]').innerText === '1 step'")
    ready(page)
    assert page.evaluate("document.activeElement.dataset.do") == "d"
    label = page.locator(f"{BENCH} [data-row=fake] .lx-picture").first.get_attribute("aria-label")
    assert label.startswith("Generated, picture 1: D says 0.")
    assert "before the step" in label
    nameless = page.eval_on_selector_all(
        f"{BENCH} button, {BENCH} summary", "all => all.filter(e => !(e.innerText.trim() || e.ariaLabel)).length"
    )
    assert nameless == 0


def test_networks_that_are_gone_are_told_in_place(bench) -> None:
    """Four other visitors push this one's networks out of the memory."""
    page = bench
    before = pictures(page, "fake")
    page.evaluate(
        """async () => {
            const lab = window.gradio_config.components.find((one) => one.props?.elem_id === "lab");
            const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config;
            for (let visitor = 0; visitor < 4; visitor++) {
                await fetch(`${root}${prefix}/component_server/`, {
                    method: "POST",
                    headers: { "Content-Type": "application/json" },
                    body: JSON.stringify({
                        data: {}, component_id: lab.id, fn_name: "bench_open", session_hash: `visitor${visitor}`,
                    }),
                });
            }
        }"""
    )
    page.locator(f"{BENCH} [data-do=d]").click()
    page.wait_for_function(f"() => document.querySelector('{BENCH} .lx-error').innerText.includes('not kept any more')")
    assert pictures(page, "fake") == before
    page.locator(f"{BENCH} [data-do=again]").click()
    page.wait_for_function(f"() => !document.querySelector('{BENCH} .lx-error').innerText")
    ready(page)
    press(page, "d", "pictures apart")


def test_nothing_jumps_and_rows_scroll_on_a_telephone(bench) -> None:
    page = bench
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(f"{BENCH} .lx-rows").scroll_into_view_if_needed()
    place = "e => [e.getBoundingClientRect().top - document.querySelector('#lab-bench').getBoundingClientRect().top]"
    before = page.eval_on_selector(f"{BENCH} .lx-rows", place)
    press(page, "d", "pictures apart")
    assert page.eval_on_selector(f"{BENCH} .lx-rows", place) == before
    assert page.eval_on_selector(f"{BENCH} .lx-rows", "e => e.scrollWidth > e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= 390")


def test_a_run_whose_data_is_gone_offers_shapes(bench, runs: Path) -> None:
    """Nothing of the run before stays beside the sentence."""
    page = bench
    run = RunFolder(runs / "90007-dcgan-gone")
    run.create(config("dcgan", 6, data="/gone/set.zip"))
    run.write_status(state="stopped", step=0, total_steps=6, pid=None, host=None)
    page.evaluate(f"sessionStorage.setItem('gan-studio.run', '\"{run.id}\"')")
    page.reload()
    page.wait_for_selector("#explore-picture img", state="attached")
    page.get_by_role("tab", name="Training").click()
    page.wait_for_function(f"() => document.querySelector('#lab')?.innerText.includes('{run.id}')")
    page.locator(SUMMARY).click()
    page.wait_for_function(
        f"() => document.querySelector('{BENCH} .lx-error').innerText.includes('not on this computer')"
    )
    assert page.locator(f"{BENCH} .lx-tile").count() == 0
    page.get_by_role("button", name="Use shapes").click()
    ready(page)
    assert "No run is chosen" in page.inner_text(f"{BENCH} .lx-about")
    assert not page.inner_text(f"{BENCH} .lx-error")
    press(page, "d", "pictures apart")
