"""Which names are this server's own, and which pages may ask it.

A browser carries other people's pages into the network that it stands in. Any of them can post to any address there;
and one whose own name is made to lead to this computer a moment after it was opened (DNS rebinding) is, to the
browser, of one site with this server, and reads the answers too. The Host header still says which name was meant, and
Origin and Sec-Fetch-Site say which page asks: no page can write these.
"""

import os
import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from gan_core.errors import ConfigError
from gan_core.settings import Settings, on_space

ANY = "*"
CLOSED_TO_PAGES = ("localhost", "127.0.0.1", "0.0.0.0")
"""Hosts under which Gradio lets no other page add headers to what it sends; under any other it lets every page add any
but the browser's own."""
_WRITTEN = re.compile(r"(?:https?://)?(\[[0-9a-f:.%]+\]|[^\s:/@?#\\\[\],]+?)\.?(?::\d*)?/?", re.IGNORECASE)
"""A name as it stands in a Host header or an Origin, or as people copy it: with a scheme, a port, a dot at its end."""


def host_name(text: str) -> str | None:
    """The name or address alone, in small letters; None for what is neither."""
    found = _WRITTEN.fullmatch(text.strip())
    return found[1].lower().strip("[]") if found else None


def own_names(settings: Settings, listening: str | None) -> frozenset[str]:
    """Names that lead here because whoever runs the server, or the computer, says so. listening: where to, if told.

    Raises `ConfigError` for a name in GAN_CORE_HOSTS that is none.
    """
    for text in settings.hosts:
        if text != ANY and (host_name(text) is None or ANY in text):
            raise ConfigError(
                f"GAN_CORE_HOSTS holds {text!r}, which is no name. Nothing was started. Write it as studio.example, "
                "or as .example for all names that end so."
            )
    computer = socket.gethostname().lower()
    alone = computer.partition(".")[0]
    root = os.environ.get("GRADIO_ROOT_PATH", "")  # Whole where a proxy opens the page under another name.
    told = [listening or "", root if "//" not in root else urlsplit(root).netloc, *settings.hosts]
    names = {computer, alone, f"{alone}.local", *(host_name(text) or text for text in told)}
    return frozenset(names - {""})


def is_own(host: str, names: Iterable[str]) -> bool:
    """Whether a Host header names this server.

    Any address does: whom it leads to is no name server's to say. So is every name below localhost.
    """
    name = host_name(host)
    if name is None:
        return False
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or _listed(name, names)
    return True


def from_another_page(request: Any) -> bool:
    """Whether a page of somebody else sends this with the visitor's browser.

    A browser posts to any address, with the visitor's cookies and from inside the visitor's network, and keeps only
    the answer from the page that asked. It says who asked, in headers that no page can write.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):  # Neither: no browser.
        return False
    if site is None and _host(origin) in _own_hosts(headers):
        return False
    return not _invited(origin)


def _own_hosts(headers: Any) -> set[str]:
    host = headers.get("host", "")
    others = os.environ.get("SPACE_HOST", "") if on_space() else ""
    if not on_space() and host.partition(":")[0] in CLOSED_TO_PAGES:
        others = headers.get("x-forwarded-host", "")  # Of a proxy: no page could have written it.
    return {name.strip() for name in [host, *others.split(",")]} - {""}


def _host(origin: str) -> str:
    return urlsplit(origin).netloc if origin.count("/") == 2 else ""


def _invited(origin: str | None) -> bool:
    """Whether whoever runs the server lets that page use it. On a Space only the Hub says who is signed in."""
    name = host_name(origin or "")
    return bool(name) and not on_space() and _listed(str(name), _names_told())


def framing_policy() -> str:
    """Content-Security-Policy of a page that only this computer's and the invited names' pages may show in a frame.

    Around any other a visitor would press our buttons believing them another page's. A notebook is of this computer.
    """
    names = sorted({*CLOSED_TO_PAGES, *(f"*{one}" if one.startswith(".") else one for one in _names_told())})
    return " ".join(
        ["frame-ancestors 'self'", *(f"{scheme}://{name}:*" for name in names for scheme in ("http", "https"))]
    )


def _names_told() -> set[str]:
    return {host_name(text) or "" for text in Settings().hosts - {ANY}} - {""}


def _listed(name: str, names: Iterable[str]) -> bool:
    return any(one in (ANY, name) or (one.startswith(".") and f".{name}".endswith(one)) for one in names)
