"""What becomes of a Space after a commit: it is built, started, or fails with a log."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.errors import HubError
from gan_core.hub.client import Address, api, explained, without_tokens

TIMEOUT_S = 1800.0
POLL_S = 3.0
SETTLE_S = 20.0
"""So long after a commit the Hub may still tell the stage of the one before."""
SILENT_S = 120.0
"""A Hub that does not answer for so long is given up."""
LOG_LINES = 40
LOG_WIDTH = 400
SECRET_LETTERS = 4
"""What is shorter keeps no secret, and would tear words apart."""
UNDER_WAY = {
    "BUILDING": "The Space is being built",
    "RUNNING_BUILDING": "The Space is being built; the version before it still runs",
    "APP_STARTING": "The application starts",
    "RUNNING_APP_STARTING": "The application starts; the version before it still runs",
}
FAILED = {
    "BUILD_ERROR": ("could not be built", "build"),
    "CONFIG_ERROR": ("has front matter that the Hub does not take", "build"),
    "RUNTIME_ERROR": ("was built, and its application ended", "run"),
    "NO_APP_FILE": ("has no file that can be started", "build"),
}
STANDING = {
    "PAUSED": "is paused. Restart it in its settings",
    "STOPPED": "is stopped. Restart it in its settings",
    "DELETING": "is being deleted. Choose another name",
}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\t\x20-\U0010ffff]")
Tell = Callable[[str], None]


class SpaceError(HubError):
    """A Space that does not run. log: the last lines that its build or its application wrote, without tokens."""

    def __init__(self, text: str, reason: str, log: tuple[str, ...] = ()) -> None:
        super().__init__(text, reason)
        self.log = log


@dataclass(frozen=True)
class Running:
    url: str
    """Of the application itself."""
    waited_s: float


def watch(
    address: Address,
    commit: str,
    *,
    fresh: bool,
    token: str | None = None,
    tell: Tell,
    timeout_s: float = TIMEOUT_S,
    poll_s: float = POLL_S,
    secrets: Mapping[str, str] | None = None,
) -> Running:
    """Wait until the Space runs `commit`. fresh: it was made just now, and the Hub may still tell of the one before.

    secrets: values that no line of a log may show. Raises `SpaceError`: "build" where it failed, with its log; "slow"
    after `timeout_s`; "paused".
    """
    name, began = address.repository, time.monotonic()
    hidden = {**(secrets or {}), "token": token or ""}
    answered_at, seen, pause = began, "", poll_s
    while True:
        waited_s = time.monotonic() - began
        try:
            with explained(f"{name} was deployed, and its build was not followed", what="Space"):
                runtime = api(token).get_space_runtime(name)
            answered_at, pause = time.monotonic(), poll_s
        except HubError as error:
            # It was uploaded: a Hub that does not answer for a while is no reason to say that it failed.
            if error.reason not in ("offline", "down", "limit") or time.monotonic() - answered_at > SILENT_S:
                raise
            tell(f"The Hub does not answer; asking again. {_for(waited_s)}")
            pause = min(2 * pause, 30.0)
            runtime = None
        stage = str(getattr(runtime.stage, "value", runtime.stage)) if runtime else seen
        building = stage in UNDER_WAY
        if runtime and not building and (not fresh or seen in UNDER_WAY or _of(runtime, commit) or waited_s > SETTLE_S):
            return _ended(address, stage, runtime, waited_s, token, hidden)
        if runtime:
            seen = stage if building else seen
            tell(f"{UNDER_WAY.get(stage, 'The Hub prepares the build')}. {_for(waited_s)}")
        if waited_s > timeout_s:
            raise SpaceError(
                f"{name} was deployed, and does not run yet after {_for(timeout_s)} It goes on without us. Look at its "
                "page, or run the same command again: nothing is sent twice.",
                "slow",
            )
        time.sleep(min(pause, max(timeout_s - waited_s, 0.05)))


def _of(runtime: Any, commit: str) -> bool:
    """Whether the Hub says that it speaks of this very commit."""
    return runtime.raw.get("sha") == commit


def _for(elapsed_s: float) -> str:
    whole = round(elapsed_s)
    return f"{whole} s." if whole < 60 else f"{whole // 60} min {whole % 60} s."


def _ended(
    address: Address, stage: str, runtime: Any, waited_s: float, token: str | None, secrets: Mapping[str, str]
) -> Running:
    name = address.repository
    if stage in FAILED:
        words, kind = FAILED[stage]
        log = tail(address, kind, token=token, secrets=secrets)
        said = _clean(str(runtime.raw.get("errorMessage") or ""), secrets)
        quoted = f" ({said[:300]})" if said else ""
        what = "The last lines of its log say why." if log else "It left no log. Its page on the Hub may say more."
        raise SpaceError(f"{name} was uploaded, but {words}{quoted}. {what}", "build", log)
    if stage in STANDING:
        raise SpaceError(f"{name} was uploaded, and {STANDING[stage]}.", "paused")
    domains = [one.get("domain") for one in runtime.raw.get("domains") or () if one.get("domain")]
    return Running(f"https://{domains[0]}" if domains else host(address), waited_s)


def host(address: Address) -> str:
    """Where the Hub serves a public Space by itself."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', address.repository.lower()).strip('-')}.hf.space"


def tail(
    address: Address, kind: str, *, token: str | None = None, secrets: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The last lines of a Space's log: of its "build" or of its "run". Empty where they cannot be had."""
    lines: deque[str] = deque(maxlen=LOG_LINES)
    try:
        with explained("The log was not fetched", what="Space"):
            for text in api(token).fetch_space_logs(address.repository, build=kind == "build"):
                lines.extend(filter(None, (_clean(line, secrets or {}) for line in text.splitlines())))
    except HubError:
        pass  # What was read until then is better than nothing, and the failure of the Space is what matters.
    return tuple(lines)


def _clean(text: str, secrets: Mapping[str, str]) -> str:
    """A line for a terminal or a page: no token, no secret, no codes that move the cursor."""
    for name, value in secrets.items():
        for line in value.splitlines():
            if len(line) >= SECRET_LETTERS:
                text = text.replace(line, f"[{name}]")
    return without_tokens(_ESCAPES.sub("", text)).rstrip()[:LOG_WIDTH]
