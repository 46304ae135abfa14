"""Explore's "in my browser" in the full app: the server exports a model once, from then on the page draws by itself."""

import base64
import io
import json
import os
import shutil
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.inference.generator import Generator
from gan_core.recipe import Recipe
from gan_core.weights import load
from tests.browser.conftest import WAIT_MS, leaves
from tests.serving import App, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRETRAINED = Path(__file__).resolve().parents[2] / "pretrained"
NAME = "nouns-dcgan"
ON = "#explore-picture[data-computed=browser]"
EXPORT_MS = 180_000
"""Packing a model imports torch once more and traces the network."""


@pytest.fixture(scope="module")
def here(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained generator, whose pictures differ from each other, and a translator."""
    folder = tmp_path_factory.mktemp("here")
    shutil.copytree(PRETRAINED / NAME, folder / NAME)
    shutil.copytree(models / "tiny-cyclegan", folder / "tiny-cyclegan")
    return folder


@pytest.fixture(scope="module")
def app(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    folder = tmp_path_factory.mktemp("local")
    older = folder / "data" / "in-browser" / "0.0.1-01234567"
    older.mkdir(parents=True)
    os.truncate(os.open(older / "large", os.O_CREAT | os.O_WRONLY), 600_000_000)  # Holes: the disk keeps nothing of it.
    os.utime(older, (0, 0))
    with serve(folder, runs=folder / "runs", models=here, GAN_CORE_DATA=str(folder / "data")) as app:
        yield app
    assert not older.exists(), "folders of versions that nobody uses go"
    where = json.loads(next((folder / "data").rglob("where.json")).read_text())
    assert where["where"] == "here" or pytest.skip("there is no npm")


@pytest.fixture(scope="module")
def page(browser, app: App) -> Iterator:
    """Explore with the switch on, and a list of what the page asked the server since."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if leaves(request.url, app.url) else None)
    page.goto(app.url)
    page.wait_for_selector("#explore-picture img")
    page.click("#explore-local button[data-value=browser]")
    page.wait_for_selector(ON, timeout=EXPORT_MS)
    yield page
    page.close()
    assert not outside


def asked(page) -> list[str]:
    """Names of the server's functions that the page calls from now on."""
    names: list[str] = []
    page.on(
        "request",
        lambda request: (
            names.append(json.loads(request.post_data)["fn_name"]) if "component_server" in request.url else None
        ),
    )
    return names


def shown(page) -> np.ndarray:
    source = page.locator("#explore-picture img").get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")).astype(int)


def test_pictures_equal_the_server_s_and_ask_it_nothing(page, here: Path) -> None:
    names = asked(page)
    field = page.locator("#explore-seed input")
    field.fill("9000000000000000123")
    field.press("Enter")
    page.wait_for_function("() => sessionStorage.getItem('gan-studio:explore').includes('9000000000000000123')")
    page.wait_for_selector("#explore-picture[aria-busy=false]")
    expected = Generator(load(here / NAME)).picture(Recipe(seed=9000000000000000123)).convert("RGB")
    assert np.abs(shown(page) - np.asarray(expected)).max() <= 1
    assert page.locator("#explore-local button[aria-pressed=true]").inner_text() == "In my browser"
    assert not {"draw", "neighbours"} & set(names)


def test_a_drag_is_seen_moving_without_the_server(page) -> None:
    names = asked(page)
    before = shown(page)
    box = page.locator("#explore-plane").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=10)
    page.mouse.up()
    page.wait_for_selector("#explore-picture[aria-busy=false]")
    assert np.abs(shown(page) - before).max() > 8
    assert not {"draw", "neighbours"} & set(names)


def test_back_on_the_server_it_is_asked_again(page) -> None:
    page.click("#explore-local button[data-value=server]")
    page.wait_for_selector("#explore-picture:not([data-computed])")
    with page.expect_request(lambda request: '"draw"' in (request.post_data or "")):
        page.click("#explore-dice")
    page.click("#explore-local button[data-value=browser]")  # It is packed already: in seconds.
    page.wait_for_selector(ON)


def test_a_reload_goes_on_in_the_browser(page) -> None:
    page.reload()
    page.wait_for_selector(ON)
    before = shown(page)
    names = asked(page)
    page.click("#explore-dice")
    page.wait_for_selector("#explore-picture[aria-busy=false]")
    assert np.abs(shown(page) - before).max() > 8
    assert "draw" not in names


def test_only_that_folder_is_served(app: App, page) -> None:
    """What lies beside the folder, in the data sets' place, stays there."""
    del page  # The folder is there by now.
    component = app.call("explore", "local_start", {"model": NAME})
    answer = component
    while answer.get("state") != "done":
        answer = app.call("explore", "local_poll", {"job": component["job"]})
    base = answer["base"]
    assert app.get(f"/gradio_api/file={base}/models/{NAME}/model.json")["name"] == NAME
    secret = Path(base).parent / "secret.json"
    secret.write_text("{}")
    for path in (str(secret), f"{base}/../secret.json"):
        with pytest.raises(urllib.error.HTTPError, match=r"40[34]"):
            app.get(f"/gradio_api/file={path}")


def test_what_stays_on_the_server_is_said(app: App) -> None:
    for value in ("tiny-cyclegan", "nothing", f"../{NAME}"):
        answer = app.call("explore", "local_start", {"model": value})
        assert not answer["ok"]
        assert answer["error"].endswith(".")
