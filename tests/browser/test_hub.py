"""The Hub tab in a real browser, against a Hub of our own."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WAIT_MS
from tests.hub_server import Account, HubServer
from tests.hub_tab import HEAD, TOKEN, ducks, serving
from tests.serving import SPACE, App

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAMELESS = """all => all.filter(one => one.checkVisibility() && !(one.ariaLabel || one.textContent.trim()
    || one.labels?.length)).map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub-tab")


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    """To be copied."""
    return ducks(place / "made" / "ducks")


@pytest.fixture(scope="module")
def app(server: HubServer, place: Path) -> Iterator[App]:
    with serving(server, place, HF_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def visit(browser, app: App, place: Path, model: Path):
    shutil.copytree(model, place / "models" / "ducks")
    page = opened(browser, app)
    yield page
    page.close()


def opened(browser, app: App, **viewport: int):
    page = browser.new_page(viewport={"width": 1280, "height": 900, **viewport})
    page.set_default_timeout(WAIT_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    # On Spaces Gradio's page loads a script that fits it into the Hub's frame: nothing leaves this machine here.
    page.route(lambda url: not url.startswith(app.url), lambda route: route.abort())
    page.goto(app.url)
    page.get_by_role("tab", name="Hub", exact=True).click()
    return page


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    hub.store.accounts[TOKEN] = Account("user", organisations={"lab": "write"})
    return hub


@pytest.fixture
def tab(visit, hub: HubServer, place: Path, model: Path):  # noqa: ARG001 - the Hub is to be empty
    """The tab with one model here, never pushed."""
    for folder in (place / "models").iterdir():
        shutil.rmtree(folder)
    shutil.copytree(model, place / "models" / "ducks")
    visit.set_viewport_size({"width": 1280, "height": 900})
    check(visit)
    state(visit, "ducks", "only here")
    yield visit
    assert not visit.errors


def check(tab) -> None:
    tab.wait_for_selector("#hub-check:not(:disabled)")
    tab.click("#hub-check")
    tab.wait_for_selector("#hub-check:not(:disabled)")


def row(name: str) -> str:
    return f'#hub-list > [data-model="{name}"]'


def state(tab, name: str, wanted: str) -> None:
    tab.wait_for_selector(f'#hub-list > [data-model="{name}"][data-state="{wanted}"]')


def press(tab, name: str, text: str) -> None:
    tab.locator(row(name)).get_by_role("button", name=re.compile(f"^{text}")).first.click()


def says(tab, selector: str, text: str) -> None:
    tab.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
    )


def push(tab, name: str = "ducks") -> None:
    press(tab, name, "Push")
    state(tab, name, "in sync")


def test_a_push_and_a_pull_are_one_press_each(tab, hub: HubServer, place: Path):
    assert tab.inner_text("#hub-account") == "user"
    assert tab.inner_text("#hub-may") == "may pull and push, also for lab."
    press(tab, "ducks", "Push")
    says(tab, row("ducks"), "Pushed 5 files")
    state(tab, "ducks", "in sync")
    assert hub.repository("user/ducks").private
    assert tab.inner_text("#hub-age") == "Checked just now" or "ago" in tab.inner_text("#hub-age")
    hub.repository("user/ducks").change({"metrics.json": b'{"fid": 3}'})
    check(tab)
    state(tab, "ducks", "behind")
    assert "1 file, 10 B to pull" in tab.inner_text(row("ducks"))
    press(tab, "ducks", "Pull")
    state(tab, "ducks", "in sync")
    metrics = place / "models" / "ducks" / "metrics.json"
    assert metrics.read_text() == '{"fid": 3}'
    press(tab, "ducks", "Undo")
    says(tab, "#hub-message", "ducks is as it was")
    state(tab, "ducks", "behind")
    assert metrics.read_text() == '{"fid": 31.0}'


def test_a_new_repository_of_an_organisation_for_everybody_with_a_tag(tab, hub: HubServer):
    tab.select_option("#hub-namespace", "lab")
    says(tab, row("ducks"), "lab/ducks")
    tab.uncheck("#hub-private")
    tab.click(f"{row('ducks')} .gs-name")
    assert tab.input_value(f"{row('ducks')} .hb-panel input") == "v1"
    tab.press(f"{row('ducks')} .hb-panel input", "Enter")
    says(tab, row("ducks"), "tagged v1")
    says(tab, f"{row('ducks')} ul.hb-tags", f"v1 {hub.sha('lab/ducks')[:8]} (newest commit)")
    assert tab.input_value(f"{row('ducks')} .hb-panel input") == "v2", "a name that is taken is refused"
    tab.get_by_role("button", name="Tag this version").click()
    says(tab, f"{row('ducks')} ul.hb-tags", "v2")
    assert hub.repository("lab/ducks").tags
    assert not hub.repository("lab/ducks").private
    tab.check("#hub-private")
    tab.click(f"{row('ducks')} .gs-name")
    tab.select_option("#hub-namespace", "user")


def test_who_changed_what_on_both_sides_and_the_choice(tab, hub: HubServer, place: Path):
    push(tab)
    metrics = place / "models" / "ducks" / "metrics.json"
    metrics.write_text('{"fid": 30.0}')
    hub.repository("user/ducks").change({"metrics.json": b'{"fid": 28.5}', "README.md": b"# ducks\n\nother\n"})
    check(tab)
    state(tab, "ducks", "diverged")
    press(tab, "ducks", "Choose")
    panel = f"{row('ducks')} .hb-panel"
    says(tab, panel, "What you changed goes to the trash")
    says(tab, f"{panel} .hb-table", "+1.5")
    says(tab, f"{panel} .hb-lines", "of two lines")
    tab.wait_for_function(f"document.querySelector('{panel}').innerText.includes('The configuration is the same.')")
    mine = tab.locator(panel).get_by_role("button", name="Keep mine")
    mine.click()
    says(tab, panel, "Press again: overwrite commit")
    assert hub.repository("user/ducks").content("metrics.json") == b'{"fid": 28.5}', "one press overwrites nothing"
    tab.locator(panel).get_by_role("button", name="Take theirs").click()
    state(tab, "ducks", "in sync")
    assert metrics.read_text() == '{"fid": 28.5}'
    press(tab, "ducks", "Undo")
    state(tab, "ducks", "diverged")
    assert metrics.read_text() == '{"fid": 30.0}'
    mine.click()
    tab.locator(panel).get_by_role("button", name="Press again").click()
    state(tab, "ducks", "in sync")
    assert hub.repository("user/ducks").content("metrics.json") == b'{"fid": 30.0}'


def test_sync_all_first_shows_what_would_move(tab, hub: HubServer, place: Path, model: Path):
    push(tab)
    shutil.copytree(model, place / "models" / "geese")
    (place / "models" / "ducks" / "metrics.json").write_text("{}")
    tab.click("#hub-sync")
    says(tab, "#hub-plan", "This would move")
    assert "only here: push to user/geese" in tab.inner_text("#hub-plan")
    go = tab.locator("#hub-plan button[type=submit]")
    assert go.inner_text() == "Sync 1 model, 2 B", "what is new moves when it is ticked"
    tab.click("#hub-plan summary >> nth=0")
    assert "metrics.json" in tab.inner_text("#hub-plan .hb-files >> nth=0")
    tab.get_by_role("checkbox", name="geese").check()
    says(tab, "#hub-plan button[type=submit]", "Sync 2 models")
    assert hub.store.find("model", "user/geese") is None, "nothing has moved yet"
    go.click()
    state(tab, "geese", "in sync")
    state(tab, "ducks", "in sync")
    tab.click("#hub-sync")
    says(tab, "#hub-plan", "Everything is in sync.")
    tab.keyboard.press("Escape")
    assert tab.is_hidden("#hub-plan")


def test_a_reload_in_the_middle_finds_the_push_again(tab, hub: HubServer):
    hub.failures.add("PUT", "held")
    press(tab, "ducks", "Push")
    tab.wait_for_selector(f"{row('ducks')} .hb-meter:visible")
    tab.reload()
    tab.wait_for_selector(f"{row('ducks')} .hb-meter:visible")
    assert "Pushing" in tab.inner_text(row("ducks"))
    hub.failures.let_go()
    state(tab, "ducks", "in sync")
    says(tab, row("ducks"), "Pushed 5 files")


def test_a_push_is_cancelled(tab, hub: HubServer):
    hub.failures.add("PUT", "held")
    press(tab, "ducks", "Push")
    with tab.expect_response(lambda answer: "stop_move" in (answer.request.post_data or "")):
        press(tab, "ducks", "Cancel")
    hub.failures.let_go()
    says(tab, row("ducks"), "Cancelled; nothing was changed.")
    assert "generator.safetensors" not in hub.repository("user/ducks").files
    push(tab)


def test_what_is_found_is_pulled_and_opened(tab, hub: HubServer, model: Path):
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    hub.put("bob/swans", files)
    hub.put("bob/pickled", {"network.pkl": b"no", "README.md": files["README.md"]})
    tab.fill("#hub-words", "")
    tab.click("#hub-search")
    swans, pickled = (f'#hub-results > [data-repository="bob/{name}"]' for name in ("swans", "pickled"))
    says(tab, "#hub-found", "2 models found.")
    says(tab, swans, "dcgan")
    says(tab, pickled, "It cannot be used here")
    assert tab.locator(f"{pickled} .hb-acts button").count() == 0
    tab.locator(f"{swans} .hb-acts button").click()
    says(tab, swans, "as swans.")
    state(tab, "swans", "in sync")
    tab.fill("#hub-words", "https://huggingface.co/bob/swans/tree/main")  # As it is copied from there.
    tab.keyboard.press("Enter")
    says(tab, swans, "generator.safetensors")
    tab.locator(f"{swans} .hb-acts").get_by_role("button", name="Open swans in Explore").click()
    tab.wait_for_function("document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Explore'")
    says(tab, "#explore-model", "swans")
    tab.get_by_role("tab", name="Hub", exact=True).click()
    tab.fill("#hub-words", "bob/none")
    tab.keyboard.press("Enter")
    says(tab, "#hub-results", "There is no model bob/none on the Hub")


def test_an_empty_search_says_so_until_the_next_one(tab, hub: HubServer, model: Path):
    """It was gone after six seconds, and what stayed was blank."""
    tab.fill("#hub-words", "no-such-name")
    tab.click("#hub-search")
    says(tab, "#hub-found", "No model of that name and tag. Leave the tag empty")
    tab.wait_for_timeout(7000)
    assert "Leave the tag empty" in tab.inner_text("#hub-found")
    hub.put("bob/no-such-name", {path.name: path.read_bytes() for path in model.iterdir()})
    hub.put("bob/no-such-name-b", {"model.bin": bytes(50_000)})
    tab.fill("#hub-tag", "")
    tab.click("#hub-search")
    says(tab, "#hub-found", "2 models found.")
    other = '#hub-results > [data-repository="bob/no-such-name-b"]'
    says(tab, other, "an import is tried")
    assert "50 kB" in tab.inner_text(other)
    assert tab.locator(f"{other} .hb-acts").inner_text() == "Try an import"
    tab.fill("#hub-tag", "gan-core")


def test_numbers_of_both_sides_fit_a_narrow_page(tab, place: Path):
    """The table was cut off in the middle of a row."""
    push(tab)
    metrics = {"fid": 28.5, "data": {"name": "nouns64-cleaned-without-duplicates", "images": 12000}}
    (place / "models" / "ducks" / "metrics.json").write_text(json.dumps(metrics))
    check(tab)
    state(tab, "ducks", "ahead")
    tab.click(f"{row('ducks')} .gs-name")
    tab.click(f"{row('ducks')} .gs-fold summary")
    says(tab, f"{row('ducks')} .hb-table", "nouns64-cleaned")
    tab.set_viewport_size({"width": 390, "height": 844})
    wide = (
        "all => all.filter(one => one.scrollWidth > one.clientWidth || one.getBoundingClientRect().right > 390).length"
    )
    assert tab.eval_on_selector_all(f"{row('ducks')} .hb-table, {row('ducks')} .hb-table *", wide) == 0
    tab.click(f"{row('ducks')} .gs-name")


@pytest.mark.parametrize(
    ("failing", "word", "text"),
    [
        ("/api/repos/create", "forbidden", "may not write there"),
        ("/info/lfs/objects", "quota", "storage is full"),
        ("/commit/", "token", "Log in again"),
        ("/api/repos/create", "limit", "Try again in a few minutes"),
        ("/commit/", "payment", "plan does not include"),
    ],
)
def test_errors_stand_in_the_row(tab, hub: HubServer, failing: str, word: str, text: str):
    height = tab.locator(row("ducks")).bounding_box()["height"]
    hub.failures.add(failing, word)
    press(tab, "ducks", "Push")
    says(tab, f"{row('ducks')} .hb-told", text)
    assert tab.locator(row("ducks")).bounding_box()["height"] == height, "nothing moves"
    hub.failures.rules.clear()
    push(tab)
    check(tab)
    assert tab.inner_text(f"{row('ducks')} .hb-told") == "", "what failed before is mended"


def test_a_hub_that_is_down_leaves_the_list(tab, hub: HubServer):
    push(tab)
    hub.failures.add("GET /api/models/", "limit")
    check(tab)
    says(tab, "#hub-message", "Try again in a few minutes")
    state(tab, "ducks", "in sync")
    hub.failures.add("GET /api/models$", "limit")
    tab.fill("#hub-words", "")
    tab.click("#hub-search")
    says(tab, "#hub-found", "Try again in a few minutes")
    hub.failures.rules.clear()
    check(tab)
    assert tab.inner_text("#hub-message") == ""


def test_names_and_no_field_for_a_token_and_a_narrow_page(tab):
    tab.click(f"{row('ducks')} .gs-name")
    assert tab.eval_on_selector_all("#hub :is(button, input, select, a, summary)", NAMELESS) == []
    assert not tab.query_selector_all("#hub input[type=password]")
    assert TOKEN not in tab.content()
    tab.set_viewport_size({"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert all(one.is_visible() for one in tab.get_by_role("tab").all())
    tab.click(f"{row('ducks')} .gs-name")


def test_signed_out_the_page_says_how_to_sign_in(browser, server: HubServer, place: Path, hub: HubServer, model: Path):
    shutil.copytree(model, place / "models" / "ducks", dirs_exist_ok=True)
    (place / "models" / "ducks" / ".hub.json").unlink(missing_ok=True)
    with serving(server, place) as app:
        page = opened(browser, app, width=390)
        says(page, "#hub-may", "hf auth login")
        assert page.inner_text("#hub-may code >> nth=0") == "hf auth login"
        says(page, "#deploy-message", "You are not signed in. Run hf auth login in a terminal")
        state(page, "ducks", "unknown")
        assert "not signed in" in page.inner_text(row("ducks"))
        assert page.locator(f"{row('ducks')} .hb-acts button").count() == 0, "nothing that would fail is offered"
        hub.put("user/geese", {"README.md": HEAD.encode()}, private=True)
        shutil.copytree(model, place / "models" / "geese")
        met = {"repository": "user/geese", "commit": hub.sha("user/geese"), "files": {}}
        (place / "models" / "geese" / ".hub.json").write_text(json.dumps(met))
        check(page)
        says(page, row("geese"), "not signed in: it may be private, or gone")
        hub.failures.add("GET /api/models/", "down")
        check(page)
        says(page, "#hub-message", "The models were not compared: ")
        for name in ("ducks", "geese"):
            state(page, name, "unknown")
        hub.failures.rules.clear()
        hub.put("bob/swans", {path.name: path.read_bytes() for path in model.iterdir()})
        page.click("#hub-search")
        says(page, "#hub-results", "swans")
        assert not page.errors
        page.close()


def test_a_stranger_on_a_space_searches_and_nothing_else(browser, server: HubServer, place: Path, hub: HubServer):
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    hub.put("bob/swans", {"README.md": HEAD.encode()})
    with serving(server, place, HF_TOKEN=TOKEN, **SPACE) as app:
        page = opened(browser, app)
        says(page, "#deploy-why", "only its owner, signed in, changes it")
        says(page, "#hub-may", "You are not signed in")
        assert page.inner_text("body").count("only its owner") == 1
        assert page.is_visible("#hub-sign-in")
        assert page.is_hidden("#hub-models")
        page.click("#hub-search")
        says(page, "#hub-results", "swans")
        assert page.locator("#hub-results").get_by_role("button", name="Pull").count() == 0
        assert not page.errors
        page.close()
