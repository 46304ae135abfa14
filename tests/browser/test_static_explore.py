"""Explore and Interpolate of the page without a server, in a real browser with the real mouse: what Python draws."""

import base64
import io
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.inference.generator import Generator
from gan_core.inference.walk import Walk, frames, jumps
from gan_core.library import load
from gan_core.models import dcgan
from gan_core.recipe import SOFTWARE, Recipe, embed, made_here, read
from gan_core.weights import network_json, save
from tests.browser.conftest import BROWSERS
from tests.browser.static_bundle import serving, until, visit
from tests.browser.test_explore import direction, drag, drop, middle, pixels, recipe, source
from tests.conftest import TINY_CONDITIONAL
from tests.deploy import vectors
from tests.deploy.test_static_seeds import LATENTS_A_SECOND, alike
from tests.deploy.tiny import louder

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CLASSES = ["ant", "bee", "cat"]
GREY = dcgan.Network(size=32, channels=1, latent_dim=8, generator_features=8, discriminator_features=8)
DRAWN = "#explore-picture[aria-busy=false] img"
MESSAGE = "#explore-message"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A colour generator with classes, a grey one without."""
    folder = tmp_path_factory.mktemp("models")
    for name, network, classes in (("tiny-dcgan", TINY_CONDITIONAL, CLASSES), ("tiny-grey", GREY, None)):
        torch.manual_seed(4)
        networks = dcgan.build(network)
        louder(networks["generator"], 6)
        save(folder / name, ModelConfig(family="dcgan", network=network_json(network), classes=classes), networks)
    return folder


@pytest.fixture(scope="module")
def bundle(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    from gan_core.deploy.static import write_static

    out = tmp_path_factory.mktemp("bundle")
    write_static(out, [models / "tiny-dcgan", models / "tiny-grey"], title="Tiny")
    if json.loads((out / "ort" / "where.json").read_text())["where"] != "here":
        pytest.skip("there is no npm, and onnxruntime-web was not fetched before")
    return out


@pytest.fixture(scope="module")
def url(bundle: Path) -> Iterator[str]:
    with serving(bundle) as address:
        yield address


@pytest.fixture
def page(browser, url: str) -> Iterator[Any]:
    with visit(browser, url, accept_downloads=True) as page:
        opened(page, url)
        yield page


def opened(page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("#explore-directions .xp-row")


STATE = "JSON.parse(sessionStorage.getItem('gan-studio:explore'))"


def becomes(page, condition: str) -> None:
    """Wait for a condition on the recipe `r` that is shown."""
    until(page, f"(r => {condition})({STATE})")


def says(page, text: str) -> None:
    until(page, f"document.querySelector('{MESSAGE}').innerText.includes({json.dumps(text)})")


def settled(page, models: Path) -> dict[str, Any]:
    """Wait until nothing is under way; the picture is then Python's for the same recipe, to 1/255."""
    page.wait_for_selector(DRAWN)
    time.sleep(0.1)
    page.wait_for_selector(DRAWN)
    state = recipe(page)
    same(pixels(source(page)), load(models / state["model"]["name"]).picture(Recipe.from_json(state)))
    return state


def same(found: np.ndarray, expected: Image.Image, most: int = 1) -> None:
    wanted = np.asarray(expected if found.ndim == 2 else expected.convert("RGB"))  # A WebP is never grey.
    assert found.shape == wanted.shape
    assert wanted.std() > 3, "a flat picture proves nothing"
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= most


def test_the_hand_draws_what_python_draws(page, models: Path) -> None:
    assert settled(page, models)["seed"] == "555"
    drag(page, direction("sefa-1"), 0.5, 0.8)
    becomes(page, "r.directions['sefa-1'] > 1")
    settled(page, models)
    drag(page, "#explore-truncation input[type=range]", 0.5, 0.3)
    becomes(page, "r.truncation < 1")
    x, y = middle(page, "#explore-plane")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 33, y - 51, steps=12)
    page.mouse.up()
    becomes(page, "r.shift && r.shift[1] > 0")
    settled(page, models)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    becomes(page, "r.seed === '655'")
    page.select_option("#explore-class select", "bee")
    page.select_option("#explore-blend select", "cat")
    becomes(page, "r.label && r.label.cat === 0.5")
    settled(page, models)
    page.fill("#explore-seed input", "9223372036854775807")
    page.keyboard.press("Enter")
    becomes(page, "r.seed === '9223372036854775807'")
    settled(page, models)
    page.keyboard.press("Control+z")
    becomes(page, "r.seed === '655'")
    page.click("#explore-latents summary")
    drag(page, "#explore-latents input[type=range] >> nth=2", 0.5, 0.9)
    becomes(page, "r.latents[3] > 1")
    settled(page, models)


def test_neighbours_are_those_of_python(page, models: Path) -> None:
    state = settled(page, models)
    page.locator("#explore-neighbours").scroll_into_view_if_needed()
    cells = "#explore-neighbours button img"
    until(page, f"[...document.querySelectorAll('{cells}')].every((one) => one.src.startsWith('data:image/png'))")
    model = load(models / "tiny-dcgan")
    expected = model.neighbours(Recipe.from_json(state), 0.4)
    found = page.evaluate(f"[...document.querySelectorAll('{cells}')].map((one) => one.src)")
    for one, other in zip(found, expected, strict=True):
        same(pixels(one), model.picture(other))
    page.locator("#explore-neighbours button").nth(3).click()
    becomes(page, "Object.keys(r.latents).length > 3")
    settled(page, models)


def test_what_needs_a_server_is_not_shown(page) -> None:
    for hidden in ("#explore-find", "#explore-mix", "#explore-save"):
        assert not page.locator(hidden).is_visible()
    page.locator(".xp-name").first.fill("taller")
    page.keyboard.press("Enter")
    assert not page.locator("#explore-save").is_visible()


def test_a_downloaded_picture_opens_in_the_full_app_and_here(page, models: Path) -> None:
    page.fill("#explore-seed input", "9007199254740993")  # Above 2^53: no number in JavaScript.
    page.keyboard.press("Enter")
    drag(page, direction("sefa-2"), 0.5, 0.7)
    page.select_option("#explore-class select", "bee")
    becomes(page, "r.label === 'bee' && r.directions['sefa-2']")
    state = settled(page, models)
    with page.expect_download() as download:
        page.click("#explore-download")
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == "tiny-dcgan-seed-9007199254740993.png"
    kept = read(content)
    assert kept.to_json() == Recipe.from_json(state).to_json()
    assert kept.model is not None
    assert kept.model.sha256 == load(models / "tiny-dcgan").sha256
    made = made_here(content)
    assert made is not None
    assert (made.kind, made.software) == ("generated", SOFTWARE)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels(source(page)))

    page.click("#explore-reset")
    page.click("#explore-dice")
    becomes(page, "!r.directions['sefa-2']")
    drop(page, content, "mine.png")
    becomes(page, "r.seed === '9007199254740993' && r.directions['sefa-2']")
    assert settled(page, models) == state


def test_files_of_the_full_app_open_and_others_are_told(page, models: Path) -> None:
    model = load(models / "tiny-dcgan")
    rich = model.recipe(seed=2**53 + 1, shift=(0.25, 0.5), label={"ant": 0.25, "bee": 0.75}, directions={"pca-1": -1.5})
    for kind in ("PNG", "JPEG", "WEBP"):
        page.click("#explore-dice")
        becomes(page, "!r.directions['pca-1']")
        drop(page, embed(model.picture(rich), rich, kind), f"full.{kind}")
        becomes(page, "r.directions['pca-1'] === -1.5 && r.seed === '9007199254740993'")
        page.click("#explore-reset")
    drop(page, json.dumps({"format": 1, "model": {"name": "tiny-grey"}, "seed": 77}).encode(), "grey.json")
    becomes(page, "r.model.name === 'tiny-grey' && r.seed === '77'")
    state = settled(page, models)
    foreign = Recipe.from_json({**state, "model": {"name": "faces", "sha256": "0" * 64, "hub": "someone/faces"}})
    drop(page, embed(Image.new("L", (8, 8)), foreign, "PNG"), "foreign.png")
    says(page, "someone/faces")
    plain = io.BytesIO()
    Image.new("RGB", (8, 8)).save(plain, "PNG")
    drop(page, plain.getvalue(), "plain.png")
    says(page, "plain.png carries no recipe")
    drop(page, b'{"format": 1, "seed": -5}', "nonsense.json")
    says(page, "The recipe's seed is -5")
    mixed = {**state, "mix": {"seed": 9, "stages": [2], "amount": 1}}
    drop(page, json.dumps(mixed).encode(), "mixed.json")
    says(page, "look of a second seed")
    assert recipe(page) == state


def test_a_link_opens_the_same_picture(browser, page, url: str, models: Path) -> None:
    page.fill("#explore-seed input", "4242")
    page.keyboard.press("Enter")
    becomes(page, "r.seed === '4242'")
    text = json.dumps(recipe(page)).encode()
    address = base64.urlsafe_b64encode(text).decode().rstrip("=")
    with visit(browser, url) as other:
        opened(other, f"{url}?recipe={address}")
        assert settled(other, models) == recipe(page)
        assert "recipe" not in other.url


def test_the_picker_changes_the_model_and_keeps_the_seed(page, models: Path) -> None:
    page.click("#explore-model button")
    page.locator("#explore-model [role=option]", has_text="tiny-grey").click()
    becomes(page, "r.model.name === 'tiny-grey'")
    assert settled(page, models)["seed"] == "555"
    assert not page.locator("#explore-classes").is_visible()


def test_without_a_network_everything_still_works(browser, bundle: Path, models: Path) -> None:
    server = ExitStack()
    address = server.enter_context(serving(bundle))
    with visit(browser, address) as page, server:
        opened(page, address)
        until(page, "navigator.serviceWorker.controller")
        page.evaluate("() => import('./offline.js').then(({ keepAll }) => keepAll(new URL('.', location).href))")
        server.close()  # Gone, and not only said to be.
        page.reload()
        page.wait_for_selector("#explore-directions .xp-row")
        drag(page, direction("sefa-1"), 0.5, 0.8)
        becomes(page, "r.directions['sefa-1'] > 1")
        settled(page, models)
        page.click("#explore-model button")  # A model that was never opened while there was a network.
        page.locator("#explore-model [role=option]", has_text="tiny-grey").click()
        becomes(page, "r.model.name === 'tiny-grey'")
        page.click("#explore-dice")
        becomes(page, "r.seed !== '555'")
        settled(page, models)
        page.get_by_role("tab", name="Interpolate").click()
        page.wait_for_selector("#interpolate-player[data-drawn]")


@contextmanager
def plainly(folder: Path) -> Iterator[str]:
    """By a server that sends none of the headers that isolate a page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(200):
            with suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def test_any_server_of_files_will_do(browser, bundle: Path, models: Path) -> None:
    """Its missing headers are sent by the service worker: the page is isolated after its one reload."""
    with plainly(bundle) as address, visit(browser, address) as page:
        opened(page, address)
        until(page, "window.crossOriginIsolated")
        page.wait_for_selector("#explore-directions .xp-row")
        page.click("#explore-dice")
        becomes(page, "r.seed !== '555'")
        settled(page, models)


def test_a_model_that_does_not_come_is_told_and_comes_later(browser, url: str, models: Path) -> None:
    with visit(browser, url, service_workers="block") as page:
        page.context.route("**/*.onnx*", lambda route: route.abort())
        opened(page, url)
        first = source(page)
        page.click("#explore-dice")
        says(page, "The model tiny-dcgan could not be fetched")
        assert source(page) == first  # What was there stays.
        page.context.unroute("**/*.onnx*")
        page.click("#explore-dice")
        becomes(page, "r.seed !== '555'")
        settled(page, models)


class Elsewhere(SimpleHTTPRequestHandler):
    """Another origin, which lets every page read its files, as public servers of packages do."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


DRAW = """async (base) => {
    const { openEngine } = await import(`${base}engine.js`);
    const about = await (await fetch(`${base}models/tiny-grey/model.json`)).json();
    try {
        const engine = await openEngine({ base });
        const generator = await engine.generator(about);
        const { data } = await generator.pixels(Float32Array.from({ length: about.latent_dim }, () => 0.5), 1);
        return { first: [...data[0]], threads: engine.threads };
    } catch (error) {
        return { error: error.message };
    }
}"""


def moved(bundle: Path, site: Path, other: Path) -> ThreadingHTTPServer:
    """A copy of the bundle as where no npm was: its engine lies on another origin, told by address and hash."""
    shutil.copytree(bundle, site)
    where = json.loads((site / "ort" / "where.json").read_text())
    shutil.move(site / "ort" / where["version"], other)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Elsewhere, directory=str(other)))
    Thread(target=server.serve_forever, daemon=True).start()
    for build in (where["wasm"], where["webgpu"]):
        for file in build.values():
            file["url"] = f"http://127.0.0.1:{server.server_port}/{Path(file['url']).name}"
    (site / "ort" / "where.json").write_text(json.dumps({**where, "where": "cdn"}))
    return server


def test_an_engine_from_elsewhere_is_held_against_its_hash(browser, bundle: Path, tmp_path: Path) -> None:
    """A changed byte is refused before it runs."""
    site, other = tmp_path / "site", tmp_path / "other"
    server = moved(bundle, site, other)
    where = json.loads((site / "ort" / "where.json").read_text())
    try:
        with serving(site) as address:
            page = browser.new_page()
            page.goto(f"{address}told.js")  # A document without the page's policy, which names the public server alone.
            found = page.evaluate(DRAW, address)
            assert np.std(found["first"]) > 3
            main = other / Path(where["wasm"]["main"]["url"]).name
            main.write_bytes(main.read_bytes() + b"\n// one line more")
            again = browser.new_page()
            again.goto(f"{address}told.js")
            assert "not the one that was pinned" in again.evaluate(DRAW, address)["error"]
            page.close()
            again.close()
    finally:
        server.shutdown()
        server.server_close()


def test_what_came_from_elsewhere_is_kept_too(browser, bundle: Path, models: Path, tmp_path: Path) -> None:
    from gan_core.deploy.static import write_worker

    site, other = tmp_path / "site", tmp_path / "other"
    server = moved(bundle, site, other)
    where = json.loads((site / "ort" / "where.json").read_text())
    write_worker(site, elsewhere=[file["url"] for file in where["wasm"].values()])
    own = ExitStack()
    context = browser.new_context(bypass_csp=True)  # The page's policy names the public server alone.
    page = context.new_page()
    try:
        address = own.enter_context(serving(site))
        opened(page, address)
        until(page, "navigator.serviceWorker.controller")
        page.evaluate("() => import('./offline.js').then(({ keepAll }) => keepAll(new URL('.', location).href))")
        own.close()
        server.shutdown()
        server.server_close()
        page.reload()
        page.wait_for_selector("#explore-directions .xp-row")
        page.click("#explore-dice")
        becomes(page, "r.seed !== '555'")
        settled(page, models)
    finally:
        own.close()
        context.close()


def test_the_browser_makes_the_shared_vectors(page, url: str) -> None:
    code = (vectors.FILE.parent / "vectors.mjs").read_text(encoding="utf-8")
    page.context.route("**/vectors.mjs", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    known = json.loads(vectors.FILE.read_bytes())
    ask = "([known, base]) => import(`${base}vectors.mjs`).then(({ answers }) => answers(known, base))"
    found = page.evaluate(ask, [known, url])
    alike(found, known)
    assert found["latents_a_second"] >= LATENTS_A_SECOND


def test_a_graphics_processor_is_held_against_webassembly(browser, url: str) -> None:
    """One that is computed by the processor will do: what counts is that both draw the same."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    computed = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
    other = browser.browser_type.launch(executable_path=path, args=["--no-sandbox", *computed])
    try:
        with visit(other, url) as page:
            opened(page, url)
            if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
                pytest.skip("this browser has no WebGPU, not even a computed one")
            found = page.evaluate(
                """async (base) => {
                    const about = await (await fetch(`${base}models/tiny-grey/model.json`)).json();
                    const { openEngine } = await import(`${base}engine.js`);
                    const engine = await openEngine({ base });
                    const generator = await engine.generator(about);
                    const z = Float32Array.from({ length: about.latent_dim }, (_, at) => Math.sin(at));
                    const first = await generator.decode(z, 1);
                    const backend = await generator.faster({ evenSlow: true });
                    const second = await generator.decode(z, 1);
                    engine.close();
                    return { backend, first: [...first], second: [...second] };
                }""",
                url,
            )
    finally:
        other.close()
    assert found["backend"] == "webgpu"
    first, second = np.array(found["first"]), np.array(found["second"])
    assert first.std() > 0.02
    assert np.abs(first - second).max() <= 1 / 127.5


def test_other_weights_under_the_same_name_are_another_model(page, url: str) -> None:
    """In the full app a model may be replaced while the page is open: it went on drawing the old one."""
    found = page.evaluate(
        """async (base) => {
            const about = await (await fetch(`${base}models/tiny-grey/model.json`)).json();
            const { openEngine } = await import(`${base}engine.js`);
            const engine = await openEngine({ base });
            const replaced = { ...about, onnx: { ...about.onnx, sha256: "0".repeat(64) } };
            const [one, again, other] = [about, about, replaced].map((which) => engine.generator(which));
            const same = [(await one) === (await again), (await one) === (await other)];
            engine.close();
            return same;
        }""",
        url,
    )
    assert found == [True, False]


@pytest.fixture
def walk(page) -> Any:
    page.get_by_role("tab", name="Interpolate").click()
    page.wait_for_selector("#interpolate-player[data-drawn]")
    return page


def rendered(page, **fields: int) -> tuple[Walk, bytes]:
    """Set some numbers, render, and fetch the film; the walk as Python reads it."""
    for name, value in fields.items():
        page.fill(f"#interpolate-{name}", str(value))
        page.press(f"#interpolate-{name}", "Enter")
    page.click("#interpolate-render")
    page.wait_for_selector("#interpolate-download:not([hidden])")
    with page.expect_download() as download:
        page.click("#interpolate-download")
    kept = page.evaluate("JSON.parse(sessionStorage.getItem('gan-studio:interpolate')).state")
    known = {key: kept[key] for key in ("keys", "path", "ease", "loop", "even", "frames", "rows", "columns")}
    return Walk.from_json({"format": 1, **known}), Path(download.value.path()).read_bytes()


def played(film: bytes) -> tuple[list[np.ndarray], Any, float]:
    """Frames as RGB, the stream's facts, and the length in seconds."""
    av = pytest.importorskip("av")
    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        facts = (stream.codec_context.name, stream.width, stream.height, float(stream.average_rate))
        pictures = [frame.to_image() for frame in container.decode(stream)]
        return [np.asarray(one) for one in pictures], facts, container.duration / 1e6


def test_a_film_plays_and_shows_the_walk(walk, models: Path) -> None:
    made, film = rendered(walk, frames=24, fps=12, size=160)
    pictures, facts, seconds = played(film)
    assert facts == ("vp9", 160, 160, 12.0) or facts[0] == "vp8"
    assert len(pictures) == 24
    assert seconds == pytest.approx(2, abs=0.1)
    expected = list(frames(generator(models), made))
    for number in (0, 7, 23):
        wanted = np.asarray(expected[number].convert("RGB").resize((160, 160), Image.Resampling.NEAREST)).astype(float)
        assert np.abs(pictures[number] - wanted).mean() < 8, f"frame {number}"
    until(walk, "document.querySelector('#interpolate-video').duration > 1.9")
    walk.evaluate("document.querySelector('#interpolate-video').currentTime = 1.5")  # By its cues.
    until(walk, "!document.querySelector('#interpolate-video').seeking")


def generator(models: Path) -> Generator:
    generator = load(models / "tiny-dcgan")
    assert isinstance(generator, Generator)
    return generator


def test_an_even_spline_in_a_grid_is_pythons(walk, models: Path) -> None:
    walk.click("#interpolate-path button[data-value=spline]")
    walk.check("#interpolate-even")
    walk.click("#interpolate-grid summary")
    made, film = rendered(walk, columns=2, frames=20, size=66)
    assert (made.path, made.even, made.columns) == ("spline", True, 2)
    pictures, facts, _ = played(film)
    assert facts[1:3] == (66, 32)  # 34 x 16 px with the gap, enlarged to 66 px.
    expected = list(frames(generator(models), made))
    for number in (3, 11, 19):
        wanted = np.asarray(expected[number].convert("RGB").resize((66, 32), Image.Resampling.NEAREST)).astype(float)
        assert np.abs(pictures[number] - wanted).mean() < 12, f"frame {number}"
    told = walk.inner_text("#interpolate-jump")
    steps = jumps(generator(models), made, 20)
    assert f"{max(steps) / (sum(steps) / len(steps)):.1f}" in told


def test_rendering_is_cancelled(walk) -> None:
    walk.fill("#interpolate-frames", "2000")
    walk.press("#interpolate-frames", "Enter")
    walk.click("#interpolate-render")
    until(walk, "document.querySelector('#interpolate-told').innerText.startsWith('Frame')")
    walk.click("#interpolate-cancel")
    until(walk, "document.querySelector('#interpolate-told').innerText.startsWith('Cancelled')")
    assert not walk.locator("#interpolate-download").is_visible()
    assert walk.locator("#interpolate-kind option:not([disabled])").all_inner_texts() == ["WebM"]
