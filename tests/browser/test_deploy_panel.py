"""The Deploy panel in a real browser, with the real client and a Hub on this machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WAIT_MS, leaves
from tests.deploy.tiny import tiny_generator
from tests.hub_server import Account, HubServer
from tests.serving import SPACE, App, cookie, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OPEN_TAB = """() => [...document.querySelectorAll('[role=tab], .overflow-dropdown button')]
    .find((tab) => tab.textContent.trim() === 'Hub').click()"""
VISITOR = {"X-Forwarded-For": "203.0.113.7"}


def hub_environment(server: HubServer, folder: Path, token: str = "hf_user") -> dict[str, str]:
    return {
        "HF_ENDPOINT": server.endpoint,
        "HF_HOME": str(folder / "home"),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
    }


@pytest.fixture(scope="module")
def app(server: HubServer, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Signed in as "user", a free account."""
    folder = tmp_path_factory.mktemp("deploy")
    own = shutil.copytree(models, folder / "models")
    tiny_generator(own / "tiny-dcgan")  # One that draws something, which a trial asks for.
    no_registry = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull}
    environment = {**hub_environment(server, folder), **no_registry}
    with serve(folder, runs=folder / "runs", models=own, **environment) as running:
        yield running


def visit(browser, app: App, width: int = 1280, theme: str = "light"):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{app.url}/?__theme={theme}")
    open_panel(page)
    return page


def open_panel(page) -> None:
    page.wait_for_selector("#explore-picture img", state="attached")  # A reload comes back to the open tab.
    page.evaluate(OPEN_TAB)
    page.wait_for_selector("#deploy-form", state="visible")
    page.wait_for_function("() => document.querySelector('#deploy-command').textContent.startsWith('gan-core deploy ')")


@pytest.fixture(scope="module")
def whole_visit(browser, app: App):
    """One visit for most tests: loading the page takes longer than they do."""
    page = visit(browser, app)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if leaves(request.url, app.url) else None)
    yield page
    page.close()
    assert not errors


@pytest.fixture
def panel(whole_visit, app: App, hub: HubServer):  # noqa: ARG001 - the server without a memory.
    page = whole_visit
    app.call("deploy", "deploy_forget")
    page.evaluate("document.querySelector('#deploy-more').open = false")
    page.reload()
    open_panel(page)
    page.wait_for_function("() => !document.querySelector('#deploy-go').disabled")
    return page


def pick(page, target: str) -> None:
    page.click(f"#deploy-target button[data-value={target}]")


def unchecked(page) -> None:
    """Leave out the trial, which has tests of its own."""
    if not page.locator("#deploy-skip").is_visible():
        page.click("#deploy-more > summary")
    page.check("#deploy-skip")


def wait_for(page, text: str) -> None:
    page.wait_for_function("(text) => document.querySelector('#deploy-course').innerText.includes(text)", arg=text)


def state(page, step: str) -> str:
    return page.get_attribute(f"#deploy-course li[data-step={step}]", "data-state")


def command(page, part: str) -> str:
    page.wait_for_function("(part) => document.querySelector('#deploy-command').textContent.includes(part)", arg=part)
    return page.inner_text("#deploy-command")


def test_what_is_chosen_is_the_command(panel):
    assert command(panel, "--target static") == (
        "gan-core deploy user/gan-studio --target static --model tiny-cyclegan --model tiny-dcgan"
    )
    panel.uncheck("#deploy-model-tiny-cyclegan")
    panel.fill("#deploy-name", "ants and bees")
    assert "is not of the form user/name" in command(panel, "is not of")
    panel.fill("#deploy-name", "ants")
    pick(panel, "zero-gpu")
    panel.check("#deploy-private")
    panel.click("#deploy-more > summary")
    panel.fill("#deploy-title", "Ants & bees")
    assert command(panel, "--title") == (
        "gan-core deploy user/ants --target zero-gpu --model tiny-dcgan --title 'Ants & bees' --private"
    )
    panel.check("#deploy-force")
    panel.click("#deploy-try")
    wait_for(panel, "would be sent")
    assert panel.is_checked("#deploy-force"), "allowed until it is used"
    assert command(panel, "--force").endswith(" --private --force")
    panel.uncheck("#deploy-force")
    assert panel.inner_text("#deploy-total").startswith("1 model")
    panel.uncheck("#deploy-model-tiny-dcgan")
    panel.wait_for_selector("#deploy-go:disabled")


def test_the_command_is_in_sight_as_a_whole(panel):
    """It was cut off at the edge of its box, with no sign that it went on."""
    command(panel, "--target static")
    for width in (1280, 390):
        panel.set_viewport_size({"width": width, "height": 900})
        sizes = panel.eval_on_selector("#deploy-command", "one => [one.scrollWidth, one.clientWidth]")
        assert sizes[0] <= sizes[1]
    broken = "all => all.filter(one => one.getClientRects().length !== 1 || one.offsetHeight > 24).length"
    assert panel.eval_on_selector_all("#deploy-command span", broken) == 0, "it breaks between options alone"
    panel.set_viewport_size({"width": 1280, "height": 900})


def test_targets_that_the_account_may_not_have_say_so(panel, hub: HubServer):
    pick(panel, "cpu")
    assert "user may not have it, only Static page or ZeroGPU. The Hub decides." in panel.inner_text("#deploy-words")
    panel.click("#deploy-go")
    wait_for(panel, "this account cannot have CPU")
    assert state(panel, "look") == "failed"
    assert state(panel, "build") == "waiting", "told before the work"
    assert hub.store.find("space", "user/gan-studio") is None


def test_what_would_be_sent(panel, hub: HubServer):
    pick(panel, "zero-gpu")
    panel.click("#deploy-try")
    wait_for(panel, "would be sent to a new Space")
    panel.click("#deploy-course details > summary")
    assert "pretrained/tiny-dcgan/generator.safetensors" in panel.inner_text("#deploy-course .dp-files")
    assert hub.store.find("space", "user/gan-studio") is None


def test_deploy_with_a_reload_in_the_middle(panel, hub: HubServer):
    pick(panel, "zero-gpu")
    unchecked(panel)
    hub.failures.add("PUT", "held")
    panel.click("#deploy-go")
    panel.wait_for_selector("li[data-step=upload][data-state=running]")
    assert panel.is_disabled("#deploy-go")
    panel.reload()
    open_panel(panel)
    hub.failures.let_go()
    panel.wait_for_selector("#deploy-course a")
    assert panel.get_attribute("#deploy-course a", "href") == f"{hub.endpoint}/spaces/user/gan-studio"
    assert [state(panel, step) for step in ("look", "build", "check", "upload", "wait")] == ["done"] * 5
    there = hub.repository("user/gan-studio", "space")
    assert "pretrained/tiny-dcgan/generator.safetensors" in there.files
    assert len(there.commits) == 2
    panel.get_by_role("button", name="Close").click()
    panel.wait_for_selector("#deploy-course", state="hidden")


@pytest.mark.timeout(600)
def test_without_a_registry_it_is_tried_with_what_is_here_and_says_so(panel, hub: HubServer):
    pick(panel, "zero-gpu")
    panel.uncheck("#deploy-model-tiny-cyclegan")
    panel.click("#deploy-go")
    panel.wait_for_selector("li[data-step=check][data-state=done]", timeout=400_000)
    words = panel.inner_text("li[data-step=check] .dp-words")
    assert words.startswith("It works, on the CPU")
    assert words.endswith("with the packages that are installed here")
    panel.wait_for_selector("#deploy-course a")
    assert "deployed.json" in hub.repository("user/gan-studio", "space").files


def test_cancel_before_anything_is_sent(panel, hub: HubServer):
    pick(panel, "zero-gpu")
    unchecked(panel)
    hub.failures.add("PUT", "held")
    panel.click("#deploy-go")
    panel.wait_for_selector("li[data-step=upload][data-state=running]")
    panel.locator("#deploy-course").get_by_role("button", name="Cancel").focus()
    before = panel.inner_text("#deploy-course .dp-head .gs-small")
    changed = "(before) => document.querySelector('#deploy-course .dp-head .gs-small').innerText !== before"
    panel.wait_for_function(changed, arg=before)
    assert panel.evaluate("document.activeElement.innerText") == "Cancel", "told anew, and the button is the same"
    with panel.expect_response(lambda answer: "deploy_stop" in (answer.request.post_data or "")):
        panel.keyboard.press("Enter")
    hub.failures.let_go()
    wait_for(panel, "Cancelled. The Space has the files that it had.")
    assert set(hub.repository("user/gan-studio", "space").files) == {".gitattributes"}


def test_changed_there_and_a_failed_build(panel, hub: HubServer):
    hub.put("user/gan-studio", {"README.md": b"by hand"}, "space", sdk="gradio", hardware="zero-a10g")
    there = hub.repository("user/gan-studio", "space")
    lines = [f"line {number}" for number in range(50)] + ["with hf_user inside", "ERROR: no such package"]
    there.more.update(stages=["BUILDING", "BUILD_ERROR"], logs={"build": lines})
    pick(panel, "zero-gpu")
    unchecked(panel)
    panel.click("#deploy-go")
    wait_for(panel, "somebody changed it on the Hub")
    assert state(panel, "check") == "failed"
    assert "--" not in panel.inner_text("#deploy-course .gs-notice"), "no dashes of the command line"
    there.change({"README.md": b"by hand, again"})
    panel.get_by_role("button", name="Overwrite it").click()
    wait_for(panel, "Look at it first")
    assert there.content("README.md") == b"by hand, again", "only what was told of is overwritten"
    panel.get_by_role("button", name="Overwrite it").click()
    wait_for(panel, "could not be built")
    assert state(panel, "wait") == "failed"
    log = panel.inner_text(".dp-log")
    assert log.endswith("ERROR: no such package")
    assert "hf_user" not in panel.content()


def test_a_model_from_the_network_never_becomes_a_path(app: App):
    sent = {"space": "user/s", "target": "static", "models": ["../..", "/etc", "hub:user/x"]}
    assert "No model is chosen" in app.call("deploy", "deploy_begin", sent)["error"]
    assert "not known" in app.call("deploy", "deploy_begin", {**sent, "target": "../x"})["error"]
    sent = {**sent, "models": ["tiny-dcgan"], "space": "user/../x"}
    assert "not of the form" in app.call("deploy", "deploy_command", sent)["error"]


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (2560, "light")])
def test_nothing_is_wider_than_the_page(browser, app: App, hub: HubServer, width: int, theme: str):  # noqa: ARG001
    page = visit(browser, app, width, theme)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    boxes = [page.locator(name).bounding_box() for name in ("#deploy-go", "#deploy-copy", "#deploy-name")]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    page.close()


def test_keyboard_alone(panel, hub: HubServer):
    panel.focus("#deploy-target button[data-value=zero-gpu]")
    panel.keyboard.press("Enter")
    unchecked(panel)
    panel.focus("#deploy-name")
    panel.keyboard.press("Control+A")
    panel.keyboard.type("by-keys")
    panel.keyboard.press("Enter")
    panel.wait_for_selector("#deploy-course a")
    assert "deployed.json" in hub.repository("user/by-keys", "space").files


def test_on_a_space_strangers_duplicate_and_the_owner_deploys_with_a_token_of_their_own(
    browser, server: HubServer, models: Path, tmp_path: Path
):
    """The Space's own token is never used for what somebody asks on the page."""
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    server.reset()
    server.store.accounts["hf_oauth_alice"] = Account("alice")
    environment = {**SPACE, **hub_environment(server, tmp_path)}
    with serve(tmp_path / "app", runs=tmp_path / "runs", models=models, **environment) as app:
        context = browser.new_context(extra_http_headers=VISITOR)
        context.route(lambda url: not url.startswith(app.url), lambda route: route.abort())
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(app.url)
        page.wait_for_selector("#explore-picture img")
        page.evaluate(OPEN_TAB)
        page.wait_for_selector("#deploy-why", state="visible")
        assert "only its owner, signed in" in page.inner_text("#deploy-why")
        assert not page.is_visible("#deploy-form")
        link = page.locator("#deploy a", has_text="Duplicate this Space")
        assert link.get_attribute("href") == "https://huggingface.co/spaces/alice/studio?duplicate=true"
        context.close()
        sent = {"space": "user/s", "target": "zero-gpu", "models": ["tiny-dcgan"], "skip_check": True}
        calls = ("account", "begin", "rehearse", "command", "poll", "stop", "forget")
        for name in calls:
            answer = app.call("deploy", f"deploy_{name}", sent, VISITOR)
            assert not answer["ok"]
            assert "only its owner" in answer["error"]
        assert not server.requests, "the Hub was asked on behalf of a stranger"
        signed = {**VISITOR, "Cookie": f"session={cookie('alice', access_token='hf_oauth_alice')}"}
        assert app.call("deploy", "deploy_account", {}, signed)["name"] == "alice"
        without = {**VISITOR, "Cookie": f"session={cookie('alice')}"}
        answer = app.call("deploy", "deploy_account", {}, without)
        assert "not signed in" in answer["error"], "and not with the Space's own token"
