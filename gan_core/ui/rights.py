"""Who may change what is here: on a public Space its owner, everywhere else everybody who can open the page.

On a Space everything comes through a proxy of the Hub, and what a request says of where it is from counts for nothing:
headers are written by whoever sends it, and the address is the proxy's, or 127.0.0.1 where something on the same
machine passes it on (a proxy beside the application, Gradio's own MCP server; uvicorn puts the visitor's own words in
its place where FORWARDED_ALLOW_IPS trusts everybody). So an owner is who the Hub says is signed in. Whoever has a
shell on that machine needs no page: `gan-core runs` and `gan-core train` ask nobody.

The sign-in is Gradio's: a cookie, signed with a hash of OAUTH_CLIENT_SECRET. Without that secret, which the Hub gives
to Spaces with `hf_oauth: true`, anybody could sign one, and nobody counts as signed in.
"""

import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import gradio as gr

from gan_core.settings import Settings, on_space
from gan_core.ui.origins import from_another_page
from gan_core.ui.serve import Answer

OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
NOT_YOURS = (
    "This Space shows everything to everybody, and only its owner, signed in, changes it. Nothing was changed. "
    "Duplicate the Space, or run GAN Studio on a computer of your own."
)

READ_ONLY = NOT_YOURS.replace("Nothing was changed. ", "")
"""The same where nobody has tried anything yet."""


def may_change(request: Any) -> bool:
    """Whether whoever asks may train, bring, rename and delete.

    request: a Gradio or Starlette request; None: a program in this process.
    """
    if request is None:
        return True
    if from_another_page(request):
        return False
    return not on_space() or ((name := signed_in(request)) is not None and name in owners())


def guarded(call: Callable[[Any], Answer]) -> Callable[[Any, gr.Request], Answer]:
    """A server function for those alone who may change what is here; others are told why not."""

    def checked(sent: Any, request: gr.Request) -> Answer:
        return call(sent) if may_change(request) else {"ok": False, "error": NOT_YOURS}

    checked.__name__ = call.__name__
    return checked


def owners() -> frozenset[str]:
    """Who may change this Space: its author on the Hub, and those whom GAN_CORE_OWNERS names.

    A Space of an organisation has an author whose name no person has.
    """
    return Settings().owners | ({os.environ.get("SPACE_AUTHOR_NAME", "")} - {""})


def can_sign_in() -> bool:
    """Whether the page can offer to sign in: Gradio's button ends the application where any of this is missing."""
    if os.environ.get("SYSTEM") != "spaces" or not all(map(os.environ.get, ("SPACE_ID", *OAUTH))):
        return False
    return all(map(find_spec, ("authlib", "itsdangerous")))


def signed_in(request: Any) -> str | None:
    """The visitor's name on the Hub, by the cookie whose signature Gradio's session has checked.

    None for what another page sends with that cookie: on a Space, Gradio lets every page read the answers.
    """
    if request is None or not can_sign_in() or from_another_page(request):
        return None
    # Gradio's request holds Starlette's; one that went through a pickle holds neither it nor a session.
    scope = getattr(getattr(request, "request", None) or request, "scope", None)
    session = scope.get("session") if isinstance(scope, Mapping) else None
    info = session.get("oauth_info") if isinstance(session, Mapping) else None
    if not isinstance(info, Mapping) or not isinstance(info.get("userinfo"), Mapping):
        return None
    ends_at = info.get("expires_at")
    if isinstance(ends_at, int | float) and ends_at < time.time():
        return None
    name = info["userinfo"].get("preferred_username")
    return name if isinstance(name, str) and name else None
