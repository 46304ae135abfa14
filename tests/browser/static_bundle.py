"""A bundle of the static target, served by its own serve.py, for the browser."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan_core.settings import Settings
from tests.browser.conftest import leaves

WAIT_MS = 60_000


def written(out: Path, models: Sequence[Path], *, exports: Path, title: str = "Tiny", **options: str) -> Path:
    """A page of these model folders. exports: where ONNX files are kept: tracing a network takes longest of all."""
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")
    from gan_core.deploy.static import write_static

    write_static(out, models, title=title, settings=Settings(data_dir=exports), **options)
    if json.loads((out / "ort" / "where.json").read_text())["where"] != "here":
        pytest.skip("there is no npm, and onnxruntime-web was not fetched before")
    return out


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
    from playwright.sync_api import Error

    def holds() -> bool:
        try:
            return page.evaluate(f"() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }}")
        except Error as error:
            if "context was destroyed" in error.message:  # The page is being loaded anew: it has to be asked again.
                return False
            raise

    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            said = page.locator("[role=alert]").all_inner_texts()
            raise AssertionError(f"not within {timeout_s:g} s: {expression}; {said}")
        time.sleep(0.03)
