"""Whose token a request to the Hub goes with: the client's own here, the visitor's on a Space.

A Space may have a token of its own among its secrets. It is for the Space's work and never for what a visitor asks.
No token is kept, logged or sent to the page: it is read from the session when it is needed.
"""

from collections.abc import Mapping
from typing import Any, cast

from gan_core.errors import HubError
from gan_core.ui.rights import on_space, signed_in

NOBODY = cast(str, False)
"""What the client takes for "send no token", where None would send the machine's own."""
WRITES = {"write-repos", "manage-repos", "contribute-repos"}
"""Scopes of a sign-in on a Space with which something can be pushed."""


def token_of(request: Any) -> str | None:
    """The token to ask the Hub with on behalf of whoever sent `request`.

    None on a computer of one's own: the client finds what the environment or its login has. On a Space the visitor's,
    by the signed session. Raises `HubError` (signed-out) on a Space where the visitor is not signed in.
    """
    if not on_space():
        return None
    token = _session(request).get("access_token") if signed_in(request) else None
    if not isinstance(token, str) or not token:
        raise HubError("You are not signed in. Nothing was done. Sign in at the top of the page.", "signed-out")
    return token


def reading_token(request: Any) -> str | None:
    """As `token_of`; `NOBODY` for a visitor of a Space who is not signed in: they see what is public."""
    try:
        return token_of(request)
    except HubError:
        return NOBODY


def lets_write(request: Any) -> bool:
    """Whether a visitor of a Space allowed it to push when signing in; true where that is not told."""
    told = _session(request).get("scope")
    return not (on_space() and isinstance(told, str) and told) or bool(WRITES & set(told.split()))


def _session(request: Any) -> Mapping[str, Any]:
    scope = getattr(getattr(request, "request", None) or request, "scope", None)
    session = scope.get("session") if isinstance(scope, Mapping) else None
    info = session.get("oauth_info") if isinstance(session, Mapping) else None
    return info if isinstance(info, Mapping) else {}
