"""Before anything else of the application: whether this visitor's browser asks for its own sake.

On a computer of one's own, pages of others get nothing, and neither does this server's own page under a name that is
not its own (see `origins`). A link may lead here; in a frame its own pages and invited ones alone show it.

A Space is there for everybody's pages, as for every program: there they get what strangers get. Gradio lets each of
them read the answers to what the visitor's browser sends with the visitor's cookies, among them who is signed in. So
what they send goes on without cookies, but where the Hub leads back from the sign-in.
"""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import HTTPConnection

from gan_core.settings import on_space
from gan_core.ui.gate import Message, Receive, Send, refuse
from gan_core.ui.origins import framing_policy, from_another_page, host_name, is_own

SIGN_IN = "/login/"
POLICY_VIOLATION = 1008
MOST_SHOWN = 80


class Door:
    def __init__(self, app: Any, *, names: Callable[[], Iterable[str]]) -> None:
        """names: under which this server is opened, besides addresses and localhost."""
        self._app, self._names = app, names

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        asked = HTTPConnection(scope)
        if on_space():
            foreign = from_another_page(asked) and not scope["path"].startswith(SIGN_IN)
            return await self._app(_without_cookies(scope) if foreign else scope, receive, send)
        problem = self._problem(asked, scope)
        if not problem:
            return await self._app(scope, receive, _framed_by_own(send))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        return await refuse(receive, send, 403, problem, plain="text/html" in asked.headers.get("accept", ""))

    def _problem(self, asked: HTTPConnection, scope: Message) -> str | None:
        hosts = asked.headers.getlist("host")
        strange = next((host for host in hosts or [""] if not is_own(host, self._names())), None)
        if strange is not None:
            name = (host_name(strange) or strange)[:MOST_SHOWN]
            port = (scope.get("server") or ("", ""))[1]
            return (
                f"This server is not known as {name!r}. Nothing was done: under a name of their own, other people's "
                f"pages could use it. Open http://localhost:{port}; where the name is yours, start the server with "
                f"GAN_CORE_HOSTS={name}."
            )
        if not from_another_page(asked) or _leads_here(asked, scope):
            return None
        page = asked.headers.get("origin", "another page")[:MOST_SHOWN]
        return (
            f"This came from {page}, and only this server's own page may ask for it. Nothing was done. Whoever runs "
            "the server lets other pages use it with GAN_CORE_HOSTS."
        )


def _leads_here(asked: HTTPConnection, scope: Message) -> bool:
    """Whether somebody followed a link, or a frame is to show the page: what is opened then asks for itself."""
    return scope.get("method") in ("GET", "HEAD") and asked.headers.get("sec-fetch-mode") == "navigate"


def _framed_by_own(send: Send) -> Send:
    policy = (b"content-security-policy", framing_policy().encode())

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), policy]}
        await send(message)

    return sending


def _without_cookies(scope: Message) -> Message:
    """A copy: the session that was read from the cookie is written back as it was."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    return {**scope, "headers": headers, **({"session": {}} if "session" in scope else {})}
