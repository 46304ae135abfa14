"""The Training tab and the Hub in a real browser: a run that is begun with a push, watched, pushed now, and fetched."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core.mirror import read_wish
from gan_core.training.run_folder import RunFolder, list_runs
from tests.browser.conftest import WAIT_MS
from tests.browser.lab_form_page import open_form
from tests.hub.conftest import NEVER_USED, Process
from tests.hub_server import Account, HubServer
from tests.serving import App, serve
from tests.training.tiny import config, finished

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
TOKEN = "hf_SECRETsecretSECRET"
NAME = "user/shapes-run"


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    hub.store.accounts[TOKEN] = Account("user", organisations={"flock": "write"})
    return hub


@pytest.fixture
def runs(own_runs: Path) -> Path:
    return own_runs


@pytest.fixture
def app(hub: HubServer, runs: Path, tmp_path: Path) -> Iterator[App]:
    environment = Process.environment(hub.endpoint, tmp_path / "home", HF_TOKEN=TOKEN)
    ours = {name: text for name, text in environment.items() if name.startswith((*NEVER_USED, "HF_TOKEN"))}
    (tmp_path / "models").mkdir()
    with serve(tmp_path / "app", runs=runs, models=tmp_path / "models", **ours) as running:
        yield running


@pytest.fixture
def page(browser, app: App):
    """The Training tab. No request may leave this machine, and no token may reach it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    seen, errors = [], []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app.url)
    page.get_by_role("tab", name="Training").click()
    page.wait_for_selector("#lab .lb")
    yield page
    assert TOKEN not in page.content()
    page.close()
    assert not errors
    assert not [url for url in seen if TOKEN in url or not url.startswith((app.url, "data:", "blob:"))]


def eventually(page, condition: Callable[[], Any]) -> None:
    """Until something outside of the page is so."""
    end = time.monotonic() + 3 * WAIT_MS / 1000
    while not condition():
        assert time.monotonic() < end, "it never came so far"
        page.wait_for_timeout(50)


def says(page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
    )


def cancelled(page, hub: HubServer) -> None:
    """Press Cancel while the Hub holds a file; it answers once the wish has arrived."""
    with page.expect_response(lambda answer: "push_stop" in (answer.request.post_data or "")):
        page.click("#lab-push-cancel")
    hub.failures.let_go()
    says(page, ".lb-pushed", "Cancelled; what was not sent is not there.")


def small(page, steps: int) -> None:
    for name, value in (("size", 16), ("batch", 4), ("steps", steps)):
        page.fill(f"#lf-{name}", str(value))


def test_a_run_is_begun_with_a_push_and_its_snapshot_arrives(page, hub: HubServer, runs: Path):
    open_form(page)
    small(page, 60)
    assert not page.is_visible("#lf-push-to"), "folded until it is wanted"
    page.check("#lf-push")
    page.wait_for_function("document.querySelector('#lf-push-to').value === 'user/dcgan-shapes'")
    page.click("[aria-label='Repository of flock']")
    assert page.input_value("#lf-push-to") == "flock/dcgan-shapes"
    says(page, "#lf-command", "--push-to flock/dcgan-shapes")
    assert page.get_attribute("#lf-push-seen [data-value=private]", "aria-pressed") == "true"

    # What cannot be is said where it stands, before anything starts.
    page.fill("#lf-push-to", "ducks")
    says(page, "#lf-push-wrong", "'ducks' is no repository.")
    page.fill("#lf-push-to", "others/ducks")
    says(page, "#lf-command", "--push-to others/ducks")
    page.click("#lf-start")
    says(page, "#lf-push-wrong", "Nothing was started: user may not write to others.")
    assert page.evaluate("document.activeElement.id") == "lf-push-to"
    page.fill("#lf-push-to", NAME)
    page.fill("#lf-push-minutes", "0.5")
    says(page, "#lf-command", f"--push-to {NAME} --push-minutes 0.5")
    assert not page.inner_text("#lf-push-wrong")
    assert not list_runs(runs)

    page.click("#lf-start")
    page.wait_for_selector(".lf", state="hidden")
    says(page, ".lb-push", f"Pushed to {NAME}")
    eventually(page, lambda: hub.store.find("model", NAME) and "run/state/000060.pt" in hub.repository(NAME).files)
    repository = hub.repository(NAME)
    assert repository.private
    (run,) = list_runs(runs)
    weights = run.path / "snapshots" / "000060" / "generator.safetensors"
    # The state is written before the snapshot, and may have gone without it.
    eventually(page, weights.exists)
    eventually(page, lambda: repository.content("generator.safetensors") == weights.read_bytes())
    says(page, ".lb-push", "up to step 60")
    says(page, ".lb-push", "nothing is pending")
    assert page.get_attribute(".lb-push a", "href") == f"{hub.endpoint}/{NAME}"

    # The same repository again is refused: it holds that run.
    page.click("#lab-new")
    says(page, "#lf-command", f"--push-to {NAME}")
    page.click("#lf-start")
    says(page, "#lf-push-wrong", f"{NAME} holds a model or a run already")
    assert len(list_runs(runs)) == 1


def trained(runs: Path, name: str = "00007-dcgan-shapes") -> RunFolder:
    """A finished run that was pushed nowhere."""
    return finished(runs / name, config("dcgan", 8))


def test_a_finished_run_is_pushed_from_its_panel_and_another_page_goes_on_with_it(page, hub: HubServer, runs: Path):
    run = trained(runs)
    page.click(f"[data-run='{run.id}'] .lb-run")
    page.click("#lab-push")
    page.wait_for_function("document.querySelector('#lab-push-to').value === 'user/dcgan-shapes'")
    assert page.is_hidden("#lab-push-off")

    # Refused, and cancelled: nothing is there, and nothing is kept.
    page.fill("#lab-push-to", "user")
    page.click("#lab-push-now")
    says(page, "#lab-push-wrong", "'user' is no repository.")
    page.fill("#lab-push-to", "others/x")
    page.click("#lab-push-now")
    says(page, ".lb-pushed", "user may not write to others")
    page.fill("#lab-push-to", NAME)
    hub.failures.add("PUT /lfs/", "held")
    page.click("#lab-push-now")
    page.wait_for_selector("#lab-push-cancel:not([hidden])")
    eventually(page, lambda: hub.asked("PUT /lfs/"))
    cancelled(page, hub)
    assert read_wish(run) is None

    page.click("#lab-push-now")
    says(page, ".lb-pushed", f"{NAME} holds it up to step 8, commit ")
    assert hub.repository(NAME).head[:8] in page.inner_text(".lb-pushed")
    says(page, ".lb-push", f"Pushed to {NAME}")
    assert "run/state/000008.pt" in hub.repository(NAME).files
    page.click("#lab-push-off")
    says(page, ".lb-pushed", "It is pushed no longer.")
    page.wait_for_selector(".lb-push", state="hidden")

    # On from there, as on another machine.
    open_form(page)
    page.select_option("#lf-origin", "hub")
    assert not page.is_visible(".lf-presets")
    page.fill("#lf-from", "user/none")
    page.press("#lf-from", "Enter")
    says(page, "#lf-from-told", "there is no such repository")
    page.fill("#lf-from", NAME)
    page.click("#lf-from-look")
    says(page, "#lf-from-told", "DCGAN, shapes, 16 px; step 8 of 8;")
    page.fill("#lf-steps", "20")
    says(page, "#lf-command", f"gan-core train --resume hub:{NAME} --steps 20")
    page.click("#lf-start")
    page.wait_for_selector(".lf", state="hidden")
    new = runs / "00008-dcgan-shapes"
    says(page, ".lb-name", new.name)
    eventually(page, lambda: RunFolder(new).status()["state"] == "finished")
    assert RunFolder(new).status()["step"] == 20
    says(page, "#lab-findings", f"Fetched from {NAME}")


LATE = """(id) => {
    const { fetch } = window;
    window.fetch = async (address, more) => {
        const answer = await fetch(address, more);
        const body = String(more?.body ?? "");
        if (body.includes("push_look") && body.includes(id)) await new Promise((resolve) => setTimeout(resolve, 3000));
        return answer;
    };
}"""


def test_one_run_s_push_is_not_in_the_way_of_another_s(page, hub: HubServer, runs: Path):
    """Who opened the second panel while the first run was being sent saw nothing in it, and the first one's buttons."""
    first, second = trained(runs), trained(runs, "00008-dcgan-shapes")

    def panel(run: RunFolder) -> None:
        page.click(f"[data-run='{run.id}'] .lb-run")
        says(page, ".lb-name", run.id)
        page.click("#lab-push")

    panel(second)
    says(page, "#lab-panel-push", "Signed in as user.")
    page.fill("#lab-push-to", "user/second")
    page.click("#lab-push-now")
    says(page, ".lb-pushed", "user/second holds it up to step 8")
    panel(first)
    page.fill("#lab-push-to", "user/first")
    hub.failures.add("PUT /lfs/", "held")
    page.click("#lab-push-now")
    page.wait_for_selector("#lab-push-cancel:not([hidden])")
    eventually(page, lambda: hub.asked("PUT /lfs/"))
    page.evaluate(LATE, first.id)
    page.wait_for_timeout(700)  # Longer than a look takes: one that will be late is under way.
    panel(second)
    says(page, ".lb-pushed", "user/second holds it up to step 8")
    assert page.is_visible("#lab-push-now")
    assert page.is_hidden("#lab-push-cancel")
    panel(first)
    page.wait_for_selector("#lab-push-cancel:not([hidden])")
    cancelled(page, hub)


def test_fits_a_telephone_and_every_control_has_a_name(page, runs: Path):
    run = trained(runs)
    page.click(f"[data-run='{run.id}'] .lb-run")
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("#lab-push")
    says(page, "#lab-panel-push", "Signed in as user.")
    fits(page, "#lab-panel-push")
    open_form(page)
    page.check("#lf-push")
    says(page, ".lf-pushing", "Signed in as user.")
    page.select_option("#lf-origin", "hub")
    fits(page, ".lf")


def fits(page, selector: str) -> None:
    wide = (
        "root => [...root.querySelectorAll('*')].filter((one) => one.checkVisibility() "
        "&& !one.closest('.gs-help > div') && one.getBoundingClientRect().right > innerWidth + 1)"
        ".map((one) => one.className)"
    )
    assert page.eval_on_selector(selector, wide) == []
    nameless = (
        "root => [...root.querySelectorAll('input, select, button')].filter((one) => one.checkVisibility() "
        "&& !(one.labels?.length || one.ariaLabel || one.textContent.trim())).map((one) => one.outerHTML)"
    )
    assert page.eval_on_selector(selector, nameless) == []
