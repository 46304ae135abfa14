"""Names on the Hub in the model pickers, in a real browser, with a Hub here whose downloads can be held up."""

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.weights import network_json, save
from tests.browser.conftest import WAIT_MS, leaves
from tests.conftest import TINY_CYCLEGAN, TINY_DCGAN
from tests.hub_server import HubServer, hub_server
from tests.serving import SPACE, App, cookie, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PADDING = bytes(3_000_000)
LINE = ".gs-fetch"


class Gate:
    """Before the store of large files: lets through `BYTES` of each answer, and the rest when it is open.

    slow: some 450 kB a second.
    """

    BYTES = 1_200_000

    def __init__(self, port: int) -> None:
        self.open, self.slow = Event(), Event()
        self.open.set()
        self._port, self._listening = port, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.open.set()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                Thread(target=self._pass, args=(near, far, False), daemon=True).start()
                Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, held: bool) -> None:
        sent = 0
        with suppress(OSError):
            while block := source.recv(65_536):
                if held and sent > self.BYTES:
                    self.open.wait(60)
                if held and self.slow.is_set():
                    time.sleep(len(block) / 450_000)
                target.sendall(block)
                sent += len(block)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_server() as running:
        gate = Gate(int(running.cdn.rpartition(":")[2]))
        running.cdn, running.gate = gate.url, gate  # type: ignore[attr-defined]
        yield running
        gate.close()


@pytest.fixture(autouse=True)
def _plain(hub: HubServer) -> Iterator[None]:
    yield
    hub.gate.open.set()  # type: ignore[attr-defined]
    hub.gate.slow.clear()  # type: ignore[attr-defined]
    hub.failures.rules.clear()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """A generator and a translator, with a large file that is nobody's network."""
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(1)
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN), data={"name": "ducks"})
    save(folder / "ducks", config, dcgan.build(TINY_DCGAN))
    domains = {"a": "painting", "b": "photograph"}
    config = ModelConfig(
        family="cyclegan", network=network_json(TINY_CYCLEGAN), domains=domains, default_direction="ba"
    )
    save(folder / "monet", config, cyclegan.build(TINY_CYCLEGAN))
    found = {}
    for name in ("ducks", "monet"):
        found[name] = {path.name: path.read_bytes() for path in (folder / name).iterdir()}
        found[name]["padding.safetensors"] = PADDING
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(hub: HubServer, cache: Path) -> dict[str, str]:
    return {
        "HF_HOME": str(cache),
        "HF_HUB_CACHE": str(cache / "hub"),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": "hf_user",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def app(models: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("app")
    with serve(folder, runs=folder / "runs", models=models, **environment) as running:
        yield running


def opened(browser: Any, app: App, **options: Any) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
    page.set_default_timeout(WAIT_MS)
    page.outside = []
    page.on("request", lambda request: page.outside.append(request.url) if leaves(request.url, app.url) else None)
    page.goto(app.url)
    page.wait_for_selector("#explore-picture img")
    return page


@pytest.fixture
def page(browser: Any, app: App) -> Iterator[Any]:
    page = opened(browser, app)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    outside = page.outside
    page.close()
    assert not errors
    assert not outside, "the page itself asks nobody but its server"


def type_name(page: Any, text: str, place: str = "explore") -> Any:
    """Open the picker, put something into its filter; the picker."""
    picker = page.locator(f"#{place}-model")
    picker.locator("> button").click()
    picker.get_by_role("combobox").fill(text)
    return picker


def shot(page: Any, name: str) -> None:
    if folder := os.environ.get("GAN_CORE_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_name_is_fetched_with_its_bytes_cancelled_and_opened(page: Any, hub: HubServer, files: Any) -> None:
    hub.put("user/ducks", files["ducks"])
    before = page.locator("#explore-picture img").get_attribute("src")
    picker = type_name(page, "hub:user/ducks")
    assert picker.get_by_role("option").all_inner_texts() == ["user/ducks\nFetch and open"]
    shot(page, "picker-name")
    hub.gate.open.clear()
    picker.get_by_role("option").click()
    page.wait_for_function(
        "document.querySelector('#explore-model .gs-fetch').textContent.match(/[0-9.]+ MB of 3.0 MB/)"
    )
    shot(page, "picker-progress")
    assert picker.get_by_role("progressbar").get_attribute("aria-valuenow") not in (None, "0", "100")
    picker.get_by_role("button", name="Cancel").click()
    picker.locator(LINE).wait_for(state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "combobox", "the keyboard goes on there"
    assert page.locator("#explore-picture img").get_attribute("src") == before
    hub.gate.open.set()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#explore-model > button').textContent.includes('user/ducks')")
    assert page.locator("#explore-picture img").get_attribute("src") != before
    picker.locator("> button").click()
    assert picker.locator("[role=presentation]").last.inner_text() == "On the Hub"
    shot(page, "picker-group")


def test_how_long_a_fetch_still_takes_is_told_as_in_the_hub_tab(page: Any, hub: HubServer, files: Any) -> None:
    """There were bytes alone."""
    hub.put("user/geese", files["ducks"])
    hub.gate.slow.set()
    picker = type_name(page, "user/geese")
    page.keyboard.press("Enter")
    told = "document.querySelector('#explore-model .gs-fetch [role=status]').textContent"
    page.wait_for_function(f"/^[0-9.]+ (kB|MB) of 3.0 MB, [0-9]+ s left$/.test({told})")
    shot(page, "picker-left")
    line = picker.locator(LINE)
    assert line.evaluate("one => one.scrollWidth <= one.clientWidth"), "it fits its line"
    hub.gate.slow.clear()
    page.wait_for_function("document.querySelector('#explore-model > button').textContent.includes('user/geese')")


def test_addresses_of_pages_are_names_too(page: Any) -> None:
    for text, name in {
        "https://huggingface.co/user/ducks": "user/ducks",
        "https://huggingface.co/user/swans/tree/v1": "user/swans@v1",
        "https://huggingface.co/user/swans/tree/refs%2Fpr%2F1": "user/swans@refs/pr/1",
        "https://hf.co/user": None,
        "https://huggingface.co/datasets/user/ducks": None,
        "user/../x": None,
        "hub:user/ducks@main.2": "user/ducks@main.2",
    }.items():
        options = type_name(page, text).get_by_role("option")
        wanted, end = [name] if name else [], time.monotonic() + WAIT_MS / 1000
        while (seen := [one.partition("\n")[0] for one in options.all_inner_texts()]) != wanted:
            assert time.monotonic() < end, (text, seen)
            page.wait_for_timeout(50)
        page.keyboard.press("Escape")


def test_what_cannot_be_fetched_is_said_there(page: Any, hub: HubServer, files: Any) -> None:
    hub.put("user/monet", files["monet"])
    for name, text in {
        "user/nothing": "there is no such model, or this account may not see it. Check the name.",
        "user/monet": "user/monet is a translator, which paints photographs. Nothing was fetched. Choose a generator.",
    }.items():
        picker = type_name(page, name)
        page.keyboard.press("Enter")
        picker.get_by_role("alert").get_by_text(text).wait_for()
        shot(page, f"picker-error-{name.partition('/')[2]}")
        picker.get_by_role("button", name="Close").click()
        picker.locator(LINE).wait_for(state="hidden")
        page.keyboard.press("Escape")
    assert not [line for line in hub.asked("GET /lfs/") if "monet" in line]


def test_a_copy_opens_when_the_hub_is_away_and_says_so(page: Any, hub: HubServer, files: Any) -> None:
    hub.put("user/away", files["ducks"])
    picker = type_name(page, "user/away")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#explore-model > button').textContent.includes('user/away')")
    hub.failures.add("/api/models/user/away", "down")
    picker.locator("> button").click()
    picker.get_by_role("option", name="user/away").click()
    message = page.locator("#explore-message")
    message.get_by_text(
        re.compile(r"The Hub cannot be reached: this is the copy of user/away of .* commit [0-9a-f]{8}\.")
    )
    page.wait_for_function("document.querySelector('#explore-message').textContent.includes('cannot be reached')")
    shot(page, "offline-note")


def test_interpolate_and_style_transfer_take_names(page: Any, hub: HubServer, files: Any) -> None:
    hub.put("user/walk", files["ducks"])
    hub.put("user/paints", files["monet"])
    page.get_by_role("tab", name="Interpolate").click()
    page.wait_for_function(
        "document.querySelector('#interpolate-player [data-drawn], #interpolate-player[data-drawn]')"
    )
    type_name(page, "user/walk", "interpolate")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#interpolate-model > button').textContent.includes('user/walk')")
    page.get_by_role("tab", name="Style transfer").click()
    page.wait_for_selector("#paint-picture[aria-busy=false]")
    type_name(page, "user/paints", "paint")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#paint-model > button').textContent.includes('user/paints')")
    page.wait_for_selector("#paint-picture[aria-busy=false]")


def test_a_recipe_of_a_model_on_the_hub_offers_to_fetch_it(page: Any, hub: HubServer, files: Any) -> None:
    from PIL import Image

    from gan_core.recipe import ModelRef, Recipe, embed_png

    commit = hub.put("user/found", files["ducks"]).head
    recipe = Recipe(seed=4321, model=ModelRef(name="found", sha256="0" * 64, hub=f"user/found@{commit}"))
    content = list(embed_png(Image.new("RGB", (16, 16)), recipe))
    drop = """([content]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], "found.png", { type: "image/png" }));
        const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true });
        document.querySelector("#explore-picture").dispatchEvent(drop);
    }"""
    page.evaluate(drop, [content])
    page.locator("#explore-message").get_by_text("which is not here. Nothing was drawn.").wait_for()
    option = page.locator("#explore-model").get_by_role("option")
    option.wait_for()
    shot(page, "picker-recipe")
    option.click()
    page.wait_for_function("document.querySelector('#explore-seed input').value === '4321'")
    assert f"user/found@{commit[:8]}" in page.locator("#explore-model > button").inner_text()
    assert "other weights" in page.locator("#explore-message").inner_text()


def test_the_first_model_of_all_is_fetched_in_the_picker(
    browser: Any, environment: dict[str, str], hub: HubServer, files: Any, tmp_path: Path
) -> None:
    """Without a model the controls rest: the picker rested with them, and nothing could be fetched there."""
    hub.put("user/first", files["ducks"])
    hub.put("user/paints", files["monet"])
    home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "home" / "hub")}
    (tmp_path / "none").mkdir()
    with serve(tmp_path, runs=tmp_path / "runs", models=tmp_path / "none", **{**environment, **home}) as app:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(app.url)
        page.wait_for_selector(".xp-nothing")
        page.get_by_role("tab", name="Interpolate").click()
        page.wait_for_selector(".ip-nothing button")
        page.get_by_role("tab", name="Style transfer").click()
        page.wait_for_selector(".pt-nothing button")
        shot(page, "picker-no-translator")
        type_name(page, "user/paints", "paint")
        page.keyboard.press("Enter")
        page.wait_for_selector("#paint-picture[aria-busy=false] canvas[data-look]")
        page.get_by_role("tab", name="Explore").click()
        page.wait_for_selector(".xp-nothing")
        type_name(page, "user/first")
        shot(page, "picker-no-model")
        page.keyboard.press("Enter")
        page.wait_for_selector("#explore-picture img")
        assert not page.locator("#explore [inert]").count()
        page.get_by_role("tab", name="Interpolate").click()
        page.wait_for_selector("#interpolate-player[data-drawn]")  # Whoever comes back finds what is there by now.
        page.close()


def test_on_a_narrow_screen_in_the_dark(browser: Any, app: App, hub: HubServer, files: Any) -> None:
    hub.put("user/narrow", files["ducks"])
    page = opened(browser, app, color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    picker = type_name(page, "user/narrow")
    hub.gate.open.clear()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#explore-model .gs-fetch').textContent.includes('MB')")
    box = picker.locator(LINE).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    shot(page, "picker-narrow-dark")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Cancel, not the chosen line of the list.
    picker.locator(LINE).wait_for(state="hidden")
    page.close()


def test_strangers_open_what_is_here_and_fetch_nothing(
    browser: Any, models: Path, environment: dict[str, str], hub: HubServer, files: Any, cache: Path, tmp_path: Path
) -> None:
    """Anybody could fill the disk of a public Space, and see what its secret token may read."""
    hub.put("user/open", files["ducks"])
    hub.put("user/secret", files["ducks"]).private = True
    with serve(tmp_path, runs=tmp_path / "runs", models=models, **environment, **SPACE) as space:
        stranger = space.call("explore", "fetch_model", {"name": "user/open", "kind": "generator"})
        assert not stranger["ok"]
        assert "only its owner" in stranger["error"]
        assert not (cache / "hub" / "models--user--open").exists()
        owner = {"Cookie": f"session={cookie('alice')}"}

        def fetch(name: str) -> Any:
            begun = space.call("explore", "fetch_model", {"name": name, "kind": "generator"}, owner)
            while (told := space.call("explore", "fetch_poll", {"job": begun["job"]}))["state"] in (
                "waiting",
                "running",
            ):
                pass
            return told

        assert fetch("user/open")["value"] == "hub:user/open"
        assert "there is no such model" in fetch("user/secret")["error"], "a Space asks without its own token"
        told = space.call("explore", "fetch_model", {"name": "user/open", "kind": "generator"})
        assert told == {"ok": True, "value": "hub:user/open"}
        answer = space.call("explore", "open", {"model": "hub:user/open"})
        assert answer["model"]["value"] == "hub:user/open"
        page = opened(browser, space)
        picker = type_name(page, "user/other")
        page.keyboard.press("Enter")
        picker.get_by_role("alert").get_by_text("only its owner, signed in").wait_for()
        shot(page, "picker-stranger")
        page.close()
