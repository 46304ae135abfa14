"""Whether a static bundle works: opened in a headless Chromium, served as a static Space serves it."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gan_core.cards.front_matter import divided
from gan_core.deploy.browser import Page, browser_page, find_browser
from gan_core.deploy.trial import FLAT
from gan_core.errors import DeployError

FIRST_S = 120.0
"""Until the first picture stands; WebAssembly without a graphics card on two slow cores."""
ALL_S = 300.0
STATE = (
    "(({ready = '', failed = ''}) => ({ready, failed, "
    "all: typeof globalThis.ganStudioCheck === 'function'}))(document.documentElement?.dataset ?? {})"
)
"""What page.js says of itself."""


def check_page(folder: Path, scratch: Path, tell: Callable[[str], None]) -> str:
    """Raise `DeployError` unless the page draws a picture with each generator and paints with each translator.

    Returns what came of it in a few words.
    """
    browser = find_browser()
    if browser is None:
        tell("The page was not tried: there is no Chromium on this computer. Open it yourself before others do.")
        return "Not tried: there is no Chromium on this computer"
    head, _ = divided((folder / "README.md").read_text(encoding="utf-8"))
    tell("Opening the page in a headless browser.")
    with (
        served(folder, head.get("custom_headers", {})) as url,
        browser_page(browser, f"{url}/index.html", scratch, limit_s=60) as page,
    ):
        try:
            state = _first(page)
            found = page.evaluate("globalThis.ganStudioCheck()", ALL_S) if state["all"] else None
        except DeployError as error:
            said = "\n".join(f"  {line}" for line in page.complaints[-10:])
            said = f" The last it said:\n{said}" if said else ""
            raise DeployError(f"{error} Nothing was uploaded.{said}") from None
    if found is None:
        tell("The page drew its first picture; its other models were not tried.")
        return "It opens; its other models were not tried"
    _judge(found, tell)
    return "It works"


def _first(page: Page) -> dict[str, Any]:
    end = time.monotonic() + FIRST_S
    while time.monotonic() < end:
        state = _state(page)
        if state["failed"]:
            raise DeployError(f"The page says: {state['failed']}")
        if state["ready"] and state["all"]:
            return state
        if state["ready"]:
            time.sleep(2)  # What the page loads when it is idle.
            return _state(page)
        time.sleep(0.2)
    raise DeployError(f"The page showed no picture within {FIRST_S:.0f} s.")


def _state(page: Page) -> dict[str, Any]:
    try:
        return dict(page.evaluate(STATE, 30))
    except DeployError as error:
        if "context" not in str(error):
            raise
        return {"ready": "", "failed": "", "all": False}  # Between two pages: it loads itself again for its headers.


def _judge(found: Any, tell: Callable[[str], None]) -> None:
    if found.get("error"):
        raise DeployError(f"The page cannot use a model: {found['error']} Nothing was uploaded.")
    for kind, verb in (("pictures", "drew a picture"), ("paintings", "painted a photograph")):
        for one in found.get(kind, ()):
            if one["high"] - one["low"] < FLAT:
                raise DeployError(f"{one['model']} {verb} of one flat colour. Nothing was uploaded.")
            tell(f"{one['model']} {verb} in the browser.")


@contextmanager
def served(folder: Path, headers: Mapping[str, str]) -> Iterator[str]:
    """A folder at an address of this computer, with some headers to each answer, while the block runs."""
    handler = partial(_Handler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.extra_headers = dict(headers)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".webp": "image/webp",
    }

    def end_headers(self) -> None:
        for name, value in self.server.extra_headers.items():  # type: ignore[attr-defined]
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass
