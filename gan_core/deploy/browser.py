"""A headless Chromium and one page in it, by the DevTools protocol over a pipe: no library, no open port."""

import json
import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_core.deploy.processes import clean_environment, last_words, running
from gan_core.deploy.scratch import scratch_folder
from gan_core.errors import DeployError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
QUIET = (
    *("--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--remote-debugging-pipe"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"),
)


def find_browser() -> str | None:
    """A Chromium of this computer; None where there is none, or no pipe can be handed to it."""
    if os.name == "nt":
        return None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (str(MAC) if MAC.exists() else None)


# The browser reads from 3 and writes to 4: first to places where none of the two hides the other.
_AS_3_AND_4 = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._buffer, self._number = read, write, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """What scripts of the page said of errors."""

    def open(self, url: str, limit_s: float) -> None:
        target = self._ask("Target.createTarget", {"url": "about:blank"}, limit_s)["targetId"]
        attached = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True}, limit_s)
        self._session = attached["sessionId"]
        for part in ("Runtime.enable", "Log.enable", "Page.enable"):
            self._ask(part, {}, limit_s)
        self._ask("Page.navigate", {"url": url}, limit_s)

    def evaluate(self, expression: str, limit_s: float) -> Any:
        """What a JavaScript expression, or the promise that it is, comes to. Raises `DeployError` for an exception."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self._ask("Runtime.evaluate", asked, limit_s)
        if "exceptionDetails" in answer:
            raise DeployError(f"The page fails: {_exception(answer['exceptionDetails'])}.")
        return answer["result"].get("value")

    def _ask(self, method: str, params: dict[str, Any], limit_s: float) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        end = time.monotonic() + limit_s
        while True:
            told = self._next(end, method)
            if told.get("id") == self._number:
                if "error" in told:
                    raise DeployError(f"The browser refuses {method}: {told['error'].get('message')}.")
                return dict(told["result"])
            self._heard(told)

    def _next(self, end: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 16) if ready else b""
            if not part:
                raise DeployError(f"The browser {'closed' if ready else 'gave no answer in time'} ({method}).")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def _heard(self, told: dict[str, Any]) -> None:
        params = told.get("params", {})
        if told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(_exception(params["exceptionDetails"]))
        elif told.get("method") == "Log.entryAdded" and params["entry"].get("level") == "error":
            self.complaints.append(f"{params['entry'].get('text')} {params['entry'].get('url', '')}".strip())


def _exception(details: dict[str, Any]) -> str:
    said = details.get("exception", {}).get("description") or details.get("text", "")
    return str(said).splitlines()[0] if said else "an exception"


@contextmanager
def browser_page(browser: str, url: str, scratch: Path, *, limit_s: float) -> Iterator[Page]:
    """A page that is being loaded. Raises `DeployError` where the browser does not start."""
    their_read, our_write = os.pipe()
    our_read, their_write = os.pipe()
    command = [sys.executable, "-I", "-S", "-c", _AS_3_AND_4, str(their_read), str(their_write), browser, *QUIET]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # Chromium refuses to run as root with it.
    command += [f"--user-data-dir={scratch / 'profile'}", "about:blank"]
    theirs, log = [their_read, their_write], scratch / "browser.txt"
    try:
        # It keeps a socket among its temporary files, whose path may have a hundred characters and no more.
        with scratch_folder("page", Path("/tmp")) as short:
            environment = {**clean_environment(scratch / "browser-home"), "TMPDIR": str(short)}
            with running(command, cwd=scratch, environment=environment, log=log, fds=tuple(theirs)):
                while theirs:  # So that the pipe ends when the browser does.
                    os.close(theirs.pop())
                yield _opened(Page(our_read, our_write), url, limit_s, log)
    finally:
        for number in (*theirs, our_read, our_write):
            os.close(number)


def _opened(page: Page, url: str, limit_s: float, log: Path) -> Page:
    try:
        page.open(url, limit_s)
    except (DeployError, OSError) as error:
        words = f"{error} The page was not tried, and nothing was uploaded.\n{last_words(log)}"
        raise DeployError(words) from None
    return page
