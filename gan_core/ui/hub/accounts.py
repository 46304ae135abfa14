"""Who is signed in on the Hub, and what that account may do; asked for at most once in some minutes."""

import hashlib
import os
import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from gan_core.ui.hub.tokens import NOBODY
from gan_core.ui.rights import on_space
from gan_core.ui.serve import Answer

KEPT_S = 300.0
"""The Hub answers few such questions in a minute."""


class Accounts:
    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, tuple[float, dict[str, Any] | None]] = {}

    def of(self, token: str | None, *, fresh: bool = False) -> dict[str, Any] | None:
        """{"name", "organisations", "may_write"}; None where nobody is signed in. Raises `HubError`."""
        from gan_core.hub.client import account

        if token is NOBODY:
            return None
        key = key_of(token)
        with self._lock:
            self._known = {name: one for name, one in self._known.items() if time.monotonic() - one[0] < KEPT_S}
            if key in self._known and not fresh:
                return self._known[key][1]
        found = account(token)
        if found:  # Who is signed out may sign in at any moment.
            with self._lock:
                self._known[key] = time.monotonic(), found
        return found

    def look_account(self, *, token: str | None, fresh: bool | None = None) -> Iterator[Answer]:
        """The account for the page, or in `why` the reason that there is none and what to do."""
        found = self.of(token, fresh=bool(fresh))
        yield {"account": found, "why": None if found else signed_out()}


def signed_out() -> str:
    """How to sign in, in one sentence."""
    if on_space():
        return "You are not signed in. Sign in at the top of the page to push and to see private models."
    return (
        "You are not signed in. Log in with hf auth login in a terminal, or start the application with HF_TOKEN set; "
        "public models can be searched and pulled without."
    )


def key_of(token: str | None) -> str:
    """What answers for a token are kept under, which is not the token."""
    return hashlib.sha256(str(token).encode()).hexdigest()


def hub_address() -> str:
    """Where the Hub's pages are, for links."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
