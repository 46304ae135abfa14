"""The Training tab on a public Space: a stranger watches, the owner who is signed in acts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from gan_core.training.run_folder import RunFolder
from tests.browser.conftest import WAIT_MS
from tests.browser.test_lab import open_tab, wait_for_text
from tests.serving import SPACE, App, cookie, serve
from tests.training.tiny import config

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ACTS = ("#lab-new", "#lab-stop", "#lab-pause", "#lab-resume", "#lab-panel-settings", "#lab-delete", "#lab-apply")
TRAVELS = ("Keep", "Branch", "Roll back")
SENTENCE = "only its owner, signed in, changes it"
VISITOR = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that looks alive: this very process stands for its trainer, and writes what the test wants."""
    run = RunFolder(tmp_path / "runs" / "00000-dcgan-shapes")
    run.create(config("dcgan", 1000))
    run.write_sample(0, Image.new("RGB", (70, 34), "teal"))
    run.write_sample(100, Image.new("RGB", (70, 34), "orange"))
    reach(run, 100)
    return run


def reach(run: RunFolder, step: int, state: str = "running") -> None:
    for at in range(step - 98, step + 1, 2):
        run.append_metrics({"step": at, "elapsed_s": at / 10, "images": at * 8, "loss_g": 1 / at, "loss_d": 0.5})
    run.write_status(state=state, step=step, total_steps=1000, device="CPU")


@pytest.fixture
def space(run: RunFolder, models: Path, tmp_path: Path) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    with serve(tmp_path / "app", runs=run.path.parent, models=models, **SPACE) as app:
        yield app


def visit(browser, app: App, name: str | None = None, width: int = 1280, theme: str = "light"):
    """A page as the Hub's proxy passes it on, of a stranger or of somebody who is signed in."""
    context = browser.new_context(viewport={"width": width, "height": 900}, extra_http_headers=VISITOR)
    # On Spaces Gradio's page loads a script that fits it into the Hub's frame: nothing leaves this machine here.
    context.route(lambda url: not url.startswith(app.url), lambda route: route.abort())
    if name:
        context.add_cookies([{"name": "session", "value": cookie(name), "url": app.url}])
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{app.url}/?__theme={theme}")
    open_tab(page)
    wait_for_text(page, "#lab-runs", "Running")
    return page


def signed(page, text: str) -> None:
    """The button says who is signed in once the page has heard it."""
    page.wait_for_function("text => document.querySelector('#sign-in').innerText.trim() === text", arg=text)


def shown(page, selector: str) -> bool:
    return any(one.is_visible() for one in page.query_selector_all(selector))


def test_a_stranger_watches_and_the_owner_stops(browser, space: App, run: RunFolder) -> None:
    stranger = visit(browser, space)
    stranger.wait_for_selector("#lab-chart canvas")
    drawn = "document.querySelector('#lab-travel canvas, #lab-travel img')?.getBoundingClientRect().width > 50"
    stranger.wait_for_function(drawn)
    reach(run, 200)
    wait_for_text(stranger, "#lab", "200")
    wait_for_text(stranger, "#lab-one", SENTENCE)
    assert stranger.inner_text("#lab").count(SENTENCE) == 1, "one quiet sentence"
    assert not [selector for selector in ACTS if shown(stranger, selector)]
    for name in TRAVELS:
        buttons = stranger.locator("#lab").get_by_role("button", name=name, exact=True)
        assert not any(one.is_visible() for one in buttons.all()), name
    signed(stranger, "Sign in")

    # What the page does not offer, the server refuses.
    answer = stranger.evaluate(POST, [space.url, space.components()["lab"][0], run.id, "application/json"])
    assert SENTENCE in answer
    assert not run.stop_asked()

    somebody = visit(browser, space, "bob")
    somebody.wait_for_selector("#lab-one")
    signed(somebody, "Sign out bob")
    wait_for_text(somebody, "#lab-one", SENTENCE)
    assert not [selector for selector in ACTS if shown(somebody, selector)]

    owner = visit(browser, space, "alice", width=390, theme="dark")
    signed(owner, "Sign out alice")
    owner.wait_for_selector("#lab-new:visible")
    owner.click("#lab-stop")
    wait_for_text(stranger, "#lab-runs", "Stopping")
    assert run.stop_asked()
    reach(run, 300, "stopped")
    run.clear_stop()
    wait_for_text(stranger, "#lab-runs", "Stopped")
    owner.wait_for_selector("#lab-resume:visible")
    assert not shown(stranger, "#lab-resume")


POST = """async ([url, component_id, run, kind]) => {
  const body = JSON.stringify({component_id, fn_name: "stop_run", data: {run}, session_hash: "x"});
  const mode = kind === "text/plain" ? "no-cors" : "cors";
  const options = {method: "POST", mode, headers: {"Content-Type": kind}, body};
  return (await fetch(`${url}/gradio_api/component_server`, options)).text();
}"""


def test_another_page_stops_nothing_with_a_visitor_s_browser(browser, run: RunFolder, models: Path, tmp_path: Path):
    """Anywhere on the web a page may post to this computer; it cannot read the answer, and need not."""
    with serve(tmp_path / "app", runs=run.path.parent, models=models) as app:
        number = app.components()["lab"][0]
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{app.url.replace('127.0.0.1', 'localhost')}/gradio_api/info")  # Another site, as browsers see it.
        assert page.evaluate(POST, [app.url, number, run.id, "text/plain"]) == "", "an answer that it cannot read"
        assert not run.stop_asked()
        page.goto(f"{app.url}/gradio_api/info")
        assert '"ok":true' in page.evaluate(POST, [app.url, number, run.id, "application/json"])
        assert run.stop_asked()
        page.close()
