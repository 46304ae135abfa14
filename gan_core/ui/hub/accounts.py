"""Who is signed in on the Hub, and what that account may do; asked for at most once in some minutes."""

import hashlib
import os
import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from gan_core.ui.hub.tokens import NOBODY
from gan_core.ui.rights import can_sign_in, on_space
from gan_core.ui.serve import Answer

KEPT_S = 300.0
"""The Hub answers few such questions in a minute."""
LOG_IN = "Run `hf auth login` in a terminal, then press Check again; or start the application with `HF_TOKEN` set."
"""On a computer of one's own."""


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
    """What can be done without an account, and how to sign in."""
    if on_space():  # Pushing and pulling are its owner's alone: signing in gives nobody else a right to them.
        public = "You are not signed in: models that are public can be found and looked into here"
        return f"{public}. Sign in at the top of the page to see yours too." if can_sign_in() else f"{public}."
    return f"You are not signed in. {LOG_IN} Public models can be searched and pulled without an account."


def key_of(token: str | None) -> str:
    """What answers for a token are kept under, which is not the token."""
    return hashlib.sha256(str(token).encode()).hexdigest()


def hub_address() -> str:
    """Where the Hub's pages are, for links."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
