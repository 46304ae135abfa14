"""A page of somebody else in a real browser, beside the application at home: by a name led here, and from outside."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.browser.conftest import ARGUMENTS, BROWSERS, WAIT_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "evil.example"
ATTACK = """
async ([target, body]) => {
  const tried = {};
  const attempt = async (name, options, path = "/gradio_api/component_server") => {
    try {
      const answer = await fetch(target + path, options);
      tried[name] = answer.type === "opaque" ? "opaque" : `${answer.status} ${(await answer.text()).slice(0, 400)}`;
    } catch (error) {
      tried[name] = `refused: ${error.name}`;
    }
  };
  await attempt("config", {}, "/config");
  await attempt("blind", { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" }, body });
  await attempt("json", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return tried;
}
"""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, *rest: Any, target: str) -> None:
        self._target = target
        super().__init__(*rest)

    def do_GET(self) -> None:
        body = f'<!doctype html><title>Evil</title><a href="{self._target}">Kittens</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere(address: str) -> Iterator[int]:
    """The port of another server, with a link to the application."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, target=address))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture(scope="module")
def led(browser) -> Iterator[Any]:
    """A browser for which the name leads here, as it does where its owner answers so a moment later."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    instance = browser.browser_type.launch(executable_path=path, args=[*ARGUMENTS, rules])
    yield instance
    instance.close()


def deletion(address: str) -> str:
    """What deletes a model when the application's own page sends it."""
    with urllib.request.urlopen(f"{address}/config", timeout=60) as answer:
        parts = json.load(answer)["components"]
    shelf = next(part["id"] for part in parts if part["props"].get("elem_id") == "shelf")
    sent = {"data": {"model": "tiny-cyclegan"}, "fn_name": "delete", "session_hash": "evil", "component_id": shelf}
    return json.dumps(sent)


def test_a_name_that_was_led_here_shows_a_sentence_and_does_nothing(led, address: str, models: Path) -> None:
    page = led.new_page(viewport={"width": 390, "height": 800})
    page.set_default_timeout(WAIT_MS)
    port = address.rpartition(":")[2]
    page.goto(f"http://{NAME}:{port}/")
    text = page.inner_text("body")
    assert text.startswith(f"This server is not known as '{NAME}'. Nothing was done:"), text
    assert f"http://localhost:{port}" in text
    tried = page.evaluate(ATTACK, ["", deletion(address)])  # Of one site, so that it may read all answers.
    assert {told[:3] for told in tried.values()} <= {"403", "opa"}, tried
    assert (models / "tiny-cyclegan" / "config.json").is_file()
    page.close()


def test_another_page_reads_and_drives_nothing_and_its_link_opens_the_page(
    led, address: str, models: Path, elsewhere: int
) -> None:
    page = led.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"http://{NAME}:{elsewhere}/")
    for target in (address, address.replace("127.0.0.1", "localhost")):
        tried = page.evaluate(ATTACK, [target, deletion(address)])
        assert tried == {"config": "refused: TypeError", "blind": "opaque", "json": "refused: TypeError"}
    assert (models / "tiny-cyclegan" / "config.json").is_file()
    page.click("text=Kittens")
    page.wait_for_selector("#explore-picture img")
    assert page.url.startswith(address)
    page.close()


def test_another_page_cannot_lay_itself_over_ours_in_a_frame(led, address: str, elsewhere: int) -> None:
    """People would press Delete where they saw something else."""
    page = led.new_page()
    page.set_default_timeout(WAIT_MS)
    frame = "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); }"
    for name, shown in ((NAME, False), ("127.0.0.1", True)):  # A notebook of this computer may.
        page.goto(f"http://{name}:{elsewhere}/")
        with page.expect_event("framenavigated", lambda one: one.parent_frame is not None):
            page.evaluate(frame, address)
        inner = page.frames[-1]
        if shown:
            inner.get_by_role("tab", name="Explore", exact=True).wait_for()
        else:
            assert inner.url.startswith("chrome-error:"), inner.url
    page.close()
