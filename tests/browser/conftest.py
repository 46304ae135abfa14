"""The real application in a process of its own, and a real browser without a window."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.weights import network_json, save
from tests.browser.lab_chart_page import CHART, begin
from tests.browser.paint_page import FIRST, painted
from tests.conftest import TINY_CONDITIONAL, TINY_CYCLEGAN, one_way_translator
from tests.serving import serve

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 60_000


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator with classes and a translator, with random weights."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(4)
    config = ModelConfig(family="dcgan", network=network_json(TINY_CONDITIONAL), classes=["ant", "bee", "cat"])
    save(folder / "tiny-dcgan", config, dcgan.build(TINY_CONDITIONAL))
    domains = {"a": "painting", "b": "photograph"}
    config = ModelConfig(
        family="cyclegan", network=network_json(TINY_CYCLEGAN), domains=domains, default_direction="ba"
    )
    save(folder / "tiny-cyclegan", config, cyclegan.build(TINY_CYCLEGAN))
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("runs")
    yield folder
    end_trainings(folder)


def end_trainings(runs: Path) -> None:
    """Trainings outlive the application by design, and should not outlive a test."""
    for run in list_runs(runs):
        pid = run.status().get("pid")
        if pid and pid != os.getpid():  # A run that a test trained itself names the test's own process.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def own_runs(tmp_path: Path) -> Iterator[Path]:
    """A folder for the runs of one test."""
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    end_trainings(folder)


@pytest.fixture(scope="session")
def address(models: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the application answers."""
    with serve(tmp_path_factory.mktemp("app"), runs=runs, models=models) as app:
        yield app.url


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed ({', '.join(BROWSERS)})")
    with playwright.sync_playwright() as driver:
        instance = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield instance
        instance.close()


@pytest.fixture
def page(browser, address: str):
    """The application's page in a fresh visit, once it shows a picture. No request may leave this machine."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    outside = []
    page.on("request", lambda request: outside.append(request.url) if leaves(request.url, address) else None)
    page.goto(address)
    page.wait_for_selector("#explore-picture img")
    yield page
    page.close()
    assert not outside


def leaves(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def on_tab(page, name: str) -> None:
    """Wait until a tab is the one that is open."""
    page.get_by_role("tab", name=name, exact=True, selected=True).wait_for()


@pytest.fixture
def explore(page):
    """Explore, once its sliders are there."""
    page.wait_for_selector("#explore-directions .xp-row")
    return page


@pytest.fixture(scope="session")
def watched(runs: Path) -> list[RunFolder]:
    """A short and a long run that have finished."""
    return [begin(runs, "chart-short", 400), begin(runs, "chart-long", 20_000)]


@pytest.fixture
def open_run(browser, address: str):
    """A fresh visit with a run chosen, once its curves are drawn; no error may come up, and no request leave."""
    pages, wrong = [], []

    def visit(run: RunFolder, *, width: int = 1280, height: int = 1100, step: int | None = None, **more):
        page = browser.new_page(viewport={"width": width, "height": height}, **more)
        pages.append(page)
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if leaves(request.url, address) else None)
        page.add_init_script(f"sessionStorage.setItem('gan-studio.run', '\"{run.id}\"')")
        page.goto(address)
        page.get_by_role("tab", name="Training").click()
        page.wait_for_function(f"{CHART}?.dataset.step {f'== {step}' if step else '> 0'}")
        return page

    yield visit
    for page in pages:
        page.close()
    assert not wrong


@pytest.fixture(scope="module")
def one_way(models: Path) -> Iterator[str]:
    """A second translator, with one direction alone."""
    one_way_translator(models / "tiny-one-way", seed=6)
    yield "tiny-one-way"
    shutil.rmtree(models / "tiny-one-way")  # Other tests find the models that they know.


@pytest.fixture
def paint(page, one_way: str):  # noqa: ARG001 - it is there before the page asks.
    """The tab with the first example painted by a model of both directions."""
    page.evaluate(f"localStorage.setItem('gan-studio:translator', '\"{FIRST}\"')")
    page.get_by_role("tab", name="Style transfer").click()
    painted(page)
    return page
