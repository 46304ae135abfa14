"""Without a network, from a server of any kind, and with an engine from another origin."""

import json
import shutil
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

import numpy as np
import pytest

from tests.browser.explore_page import direction, drag, source
from tests.browser.static.hand import becomes, opened, says, settled
from tests.browser.static.painter import PAINTED
from tests.browser.static_bundle import serving, until, visit
from tests.serving import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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
        page.fill("#interpolate-frames", "4")
        page.press("#interpolate-frames", "Enter")
        page.select_option("#interpolate-kind", "gif")
        page.click("#interpolate-render")
        page.wait_for_selector("#interpolate-download:not([hidden])")
        page.get_by_role("tab", name="Style transfer").click()
        page.wait_for_selector(PAINTED)


@contextmanager
def plainly(folder: Path) -> Iterator[str]:
    """By a server that sends none of the headers that isolate a page."""
    port = free_port()
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
