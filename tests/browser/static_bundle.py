"""A bundle of the static target, served by its own serve.py, for the browser."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.conftest import leaves

WAIT_MS = 60_000


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Where the bundle answers; serve.py takes a free port."""
    command = [sys.executable, str(folder / "serve.py"), "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def visit(browser, url: str, *, width: int = 1280, height: int = 900, **options) -> Iterator:
    """A page in a visit of its own. No request may leave this machine, and no script may fail unseen."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    outside: list[str] = []
    failed: list[str] = []
    context.on("request", lambda request: outside.append(request.url) if leaves(request.url, url) else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert not outside
    assert not failed


def until(page, expression: str, timeout_s: float = WAIT_MS / 1000) -> None:
    """Asked from outside: the page's policy allows no script out of text, which Playwright's own waiting needs."""
    end = time.monotonic() + timeout_s
    while not page.evaluate(f"() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }}"):
        said = page.locator("[role=alert]").all_inner_texts()
        assert time.monotonic() < end, f"not within {timeout_s:g} s: {expression}; {said}"
        time.sleep(0.03)
