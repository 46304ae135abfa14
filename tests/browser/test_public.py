"""A public Space in a real browser: the very folder that is deployed, started as a Space starts it."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from gan_core.deploy.bundle import build_bundle
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
from tests.browser.test_lab import WAIT_MS, wait_for_text
from tests.browser.test_lab_space import signed
from tests.deploy.tiny import tiny_generator, tiny_translator
from tests.serving import SPACE, START_S, App, cookie, free_port
from tests.training.tiny import config

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VISITOR = {"X-Forwarded-For": "203.0.113.7"}
SENTENCE = "only its owner, signed in, changes it"
TABS = ("Explore", "Interpolate", "Style transfer", "Training", "Models", "Hub")
LOOKS = (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `gan-core deploy --target cpu` uploads, with tiny models; and a finished run, as if it had trained there."""
    home = tmp_path_factory.mktemp("space")
    models = [tiny_generator(home / "models" / "tiny-dcgan"), tiny_translator(home / "models" / "tiny-cyclegan")]
    build_bundle(
        home / "bundle", target="cpu", models=models, title="My GANs", hub_id="alice/studio", settings=Settings()
    )
    run = RunFolder(home / "bundle" / "runs" / "00000-dcgan-shapes")
    run.create(config("dcgan", 100))
    run.write_sample(0, Image.new("RGB", (70, 34), "teal"))
    run.write_sample(100, Image.new("RGB", (70, 34), "orange"))
    for step in range(2, 101, 2):
        run.append_metrics(
            {"step": step, "elapsed_s": step / 10, "images": step * 8, "loss_g": 1 / step, "loss_d": 0.5}
        )
    run.write_status(state="finished", step=100, total_steps=100, device="CPU")
    return home / "bundle"


@contextmanager
def as_a_space(folder: Path, home: Path) -> Iterator[App]:
    """`python app.py` in its folder, with the Hub's variables and nothing else of this process's."""
    home.mkdir()
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "CPU_CORES": "2",
        "OMP_NUM_THREADS": "1",
        **SPACE,
    }
    log = home / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=folder, stdout=file, stderr=file, env=environment)
    app = App(f"http://127.0.0.1:{port}", process, log)
    try:
        end = time.monotonic() + START_S
        while True:
            with suppress(OSError):
                urllib.request.urlopen(app.url, timeout=5).close()
                break
            assert process.poll() is None, app.log()
            assert time.monotonic() < end, app.log()
            time.sleep(0.1)
        yield app
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


@pytest.fixture(scope="module")
def space(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    with as_a_space(bundle, tmp_path_factory.mktemp("run") / "home") as app:
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
    page.wait_for_selector("#explore-picture img")
    return page


def open_tab(page, name: str) -> None:
    """By its name, also where it hides behind "more" on a narrow screen."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.first.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=name).click()
        return
    tab.first.click()


def picture(page) -> str:
    return page.get_attribute("#explore-picture img", "src")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_a_stranger_sees_and_tries_everything(browser, space: App, tmp_path: Path, theme: str, width: int) -> None:
    page = visit(browser, space, width=width, theme=theme)
    pictures = Path(os.environ.get("GAN_CORE_PICTURES") or tmp_path)

    before = picture(page)
    slider = page.locator("#explore-directions input[type=range]").first
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('#explore-picture img').src !== before", arg=before)
    page.screenshot(path=pictures / f"public-explore-{theme}-{width}.png")

    open_tab(page, "Interpolate")
    page.wait_for_selector("#interpolate-player[data-drawn]")
    open_tab(page, "Style transfer")
    page.wait_for_selector("#paint-picture[aria-busy=false][data-painted]")
    photo = tmp_path / "harbour.png"
    Image.linear_gradient("L").convert("RGB").resize((300, 200)).save(photo)
    page.set_input_files("#paint-file", photo)
    wait_for_text(page, "#paint-facts", "300 × 200 px")
    page.wait_for_selector("#paint-picture[aria-busy=false][data-painted]")
    page.screenshot(path=pictures / f"public-paint-{theme}-{width}.png")
    open_tab(page, "Training")
    wait_for_text(page, "#lab", SENTENCE)
    page.wait_for_selector("#lab-chart canvas")
    assert not any(one.is_visible() for one in page.query_selector_all("#lab-new, #lab-resume, #lab-delete"))
    page.screenshot(path=pictures / f"public-training-{theme}-{width}.png")
    open_tab(page, "Models")
    page.wait_for_selector("#shelf")
    wait_for_text(page, "#shelf", "tiny-dcgan")
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")  # Nothing hangs over the edge.
    page.screenshot(path=pictures / f"public-models-{theme}-{width}.png")
    page.context.close()


def test_a_stranger_may_take_a_copy_and_the_owner_may_train(browser, space: App) -> None:
    page = visit(browser, space)
    signed(page, "Sign in")
    open_tab(page, "Hub")
    duplicate = page.get_by_role("link", name="Duplicate this Space").locator("visible=true")
    duplicate.wait_for()
    assert duplicate.get_attribute("href").endswith("/spaces/alice/studio?duplicate=true")
    page.context.close()

    page = visit(browser, space, "alice")
    signed(page, "Sign out alice")
    open_tab(page, "Training")
    page.wait_for_selector("#lab-new:visible")
    assert SENTENCE not in page.inner_text("#lab")
    page.context.close()


def test_what_is_refused_is_said_where_the_eye_is(browser, space: App, tmp_path: Path) -> None:
    page = visit(browser, space)
    open_tab(page, "Style transfer")
    page.wait_for_selector("#paint-picture[aria-busy=false][data-painted]")
    large = tmp_path / "large.png"
    large.write_bytes(bytes(51_000_000))
    page.set_input_files("#paint-file", large)
    wait_for_text(page, "#paint-message", "at most 50 MB are taken")
    assert page.evaluate("document.querySelector('#paint-before').width") > 100, "what was there stays"
    page.context.close()
