"""What the application lets in, before Gradio reads it: how large, how much, and no route that the page has no use for.

An ASGI layer inside Gradio's own, so that the session that a signed cookie stands for is known here.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from weakref import WeakValueDictionary

from starlette.requests import Request

from gan_core.settings import on_space
from gan_core.ui.arrivals import Arrivals, megabytes
from gan_core.ui.public import Limits
from gan_core.ui.rights import may_change
from gan_core.ui.visitors import VISITOR, address

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX = "/gradio_api/"
CLOSED = (
    *("deep_link", "process_recording", "dev/", "upload_progress"),
    *("proxy=", "file=http:", "file=https:", "file/http:", "file/https:"),
)
"""Routes of Gradio that keep visits on the disk, read films, wait for changes of the program, remember for ever each
name of an upload that somebody asked after, and fetch from other servers. Nothing here uses them."""
JOINS = ("call/", "queue/join")
CALLS = 8
"""Calls of programs that may wait of one visitor's."""
MANY_CALLS = f"This server is busy: {CALLS} calls of yours are waiting. Nothing was started. Wait for one to end."
AT_ONCE = 40
"""Requests of one stranger's that are answered at once, of the threads that there are; further ones wait."""
FUNCTIONS = "component_server"
SMALL_BYTES = 64_000
"""What the page asks of its functions is passed on as it comes up to here: looking into it would cost each picture."""
LARGE_BYTES, HELD_BYTES = 10**6, 400 * 10**6
"""A stranger's request is large from here on, and refused where all of strangers' together hold so much memory."""
BUSY = "This server is busy. Nothing was done. Try again in a moment."
NAME_LENGTH = 200
UNREADABLE = "That is not JSON, or its session_hash is too long. Nothing was done."
ADDRESS = "This server fetches no files from other servers. Nothing was begun. Send the file itself."
OVERHEAD = 100_000  # Of a form around its file.
DRAIN_BYTES, DRAIN_S = 64_000_000, 20.0


class TooLargeError(Exception):
    """More came than may come."""


class Gate:
    def __init__(
        self, app: Any, *, limits: Limits, arrivals: Arrivals, waiting: Callable[[], Iterable[Any]] = tuple
    ) -> None:
        """waiting: the requests of calls that wait in Gradio's queue."""
        self._app, self._limits, self._arrivals, self._waiting = app, limits, arrivals, waiting
        self._lines: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """Of each stranger who is being answered."""
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        mark = VISITOR.set(visitor(request))
        try:
            return await self._let_in(scope, request, receive, send)
        finally:
            VISITOR.reset(mark)

    async def _let_in(self, scope: Message, request: Request, receive: Receive, send: Send) -> None:
        route = scope["path"].partition(PREFIX)[2].lstrip("/")
        if route.lower().startswith(CLOSED):
            return await refuse(receive, send, 404, "There is nothing here.")
        if request.method not in ("POST", "PUT", "PATCH"):
            return await self._app(scope, receive, send)
        if route.startswith(JOINS) and self._has_many_calls():
            return await refuse(receive, send, 429, MANY_CALLS)
        uploading = route.rstrip("/") == "upload"
        form = request.headers.get("content-type", "").startswith("multipart/")
        if form and not uploading:
            return await refuse(receive, send, 415, "Files are sent to the upload route. Nothing was read.")
        most = self._most_upload() if uploading else self._most_asked(route)
        expected = _length(request)
        if expected > most:
            return await refuse(receive, send, 413, _too_large(most))
        gone = False

        async def told(message: Message) -> None:
            nonlocal gone
            gone = True
            await send(message)

        counted = _counted(receive, most)
        try:
            if uploading:
                await self._upload(scope, expected or self._limits.file_bytes, counted, told)
            elif VISITOR.get() is None or not route:
                await self._app(scope, counted, told)
            else:
                line = self._lines.setdefault(VISITOR.get() or "", asyncio.Semaphore(AT_ONCE))
                async with line:
                    await self._of_stranger(scope, route, expected, counted, told)
        except TooLargeError:
            if gone:
                raise
            await refuse(receive, send, 413, _too_large(most))

    async def _of_stranger(self, scope: Message, route: str, expected: int, receive: Receive, send: Send) -> None:
        """What is neither a file nor a small question of the page is read whole, and looked into first."""
        page = _asks_page(route)
        if page and 0 < expected <= SMALL_BYTES:
            return await self._app(scope, receive, send)
        parts, held, more = [], 0, True
        try:
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return None  # Whoever asked has gone.
                parts.append(message.get("body", b""))
                held, self._held = held + len(parts[-1]), self._held + len(parts[-1])
                more = message.get("more_body", False)
                if held > LARGE_BYTES and self._held > HELD_BYTES:
                    # Of its functions the page reads no answer with another status.
                    return await refuse(receive, send, 200 if page else 429, BUSY)
            body = b"".join(parts)
            del parts[:]
            again = _again(body, receive)
            if problem := await asyncio.to_thread(_problem, body, files=not page):
                return await refuse(again, send, 400, problem)
            return await self._app(scope, again, send)
        finally:
            self._held -= held

    def _has_many_calls(self) -> bool:
        """Whether this visitor has taken a share of the queue already: nobody else's call would ever come."""
        who = VISITOR.get()
        return who is not None and sum(visitor(one) == who for one in self._waiting()) >= CALLS

    def _most_asked(self, route: str) -> int:
        """Pictures come in questions of the page alone."""
        limits = self._limits
        return limits.body_bytes if VISITOR.get() is None or _asks_page(route) else limits.call_bytes

    def _most_upload(self) -> float:
        """A stranger sends one file at a time; whoever owns the place may send several."""
        limited = VISITOR.get() is not None
        return self._limits.file_bytes + OVERHEAD if limited else float("inf")

    async def _upload(self, scope: Message, expected: int, receive: Receive, send: Send) -> None:
        """Gradio's upload route, between a look at the room that there is and the renaming of what has come."""
        who, length = VISITOR.get(), expected
        problem = await asyncio.to_thread(self._arrivals.begin, who, length)
        if problem:
            return await refuse(receive, send, 429, problem)
        answer: list[Message] = []

        async def held(message: Message) -> None:
            answer.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                for one in await asyncio.to_thread(self._renamed, answer):
                    await send(one)

        try:
            # By its name in the address Gradio would remember the upload for whoever asks how far it is: nobody can.
            await self._app({**scope, "query_string": b""}, receive, held)
        finally:
            self._arrivals.end(who, length)

    def _renamed(self, answer: list[Message]) -> list[Message]:
        """The answer of the upload route with paths that nobody can guess; any other answer as it is."""
        start, *parts = answer
        if start.get("status") != 200:
            return answer
        paths = json.loads(b"".join(part.get("body", b"") for part in parts))
        body = json.dumps(self._arrivals.arrived(VISITOR.get(), paths)).encode()
        headers = [(name, text) for name, text in start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        return [{**start, "headers": headers}, {"type": "http.response.body", "body": body}]


def visitor(request: Request) -> str | None:
    """By what one visitor's work is counted; None: it is not."""
    if not on_space() or may_change(request):
        return None
    return address(request)


async def refuse(receive: Receive, send: Send, status: int, text: str, *, plain: bool = False) -> None:
    """Answer without the application. What is still coming is taken first: a browser that sends does not listen.

    plain: for a person's eyes instead of a program's.
    """
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    break
    except (TimeoutError, TooLargeError):
        pass
    body = (text if plain else json.dumps({"ok": False, "error": text, "detail": text})).encode()
    kind = b"text/plain; charset=utf-8" if plain else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _counted(receive: Receive, most: float) -> Receive:
    """`receive`, until more than `most` bytes have come."""
    seen = 0

    async def take() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLargeError
        return message

    return take


def _asks_page(route: str) -> bool:
    return route.rstrip("/") == FUNCTIONS


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body was read already."""
    left = [body]

    async def take() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return take


def _problem(body: bytes, *, files: bool) -> str | None:
    """Why a stranger's request is refused; None: it is not. files: whether Gradio looks for files in it.

    Gradio remembers visits by whatever name they give themselves, and fetches what a file's path names on another
    server whole into memory, however large it is.
    """
    if not body:
        return None
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return UNREADABLE
    name = sent.get("session_hash") if isinstance(sent, dict) else None
    if isinstance(name, str) and len(name) > NAME_LENGTH:
        return UNREADABLE
    left = [sent] if files else []
    while left:
        one = left.pop()
        if isinstance(one, dict):
            path = one.get("path")
            if isinstance(path, str) and path.startswith(("http://", "https://")):
                return ADDRESS
            left += one.values()
        elif isinstance(one, list):
            left += one
    return None


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _too_large(most: float) -> str:
    return f"That is more than {megabytes(most)}, which is the most that is taken here. Nothing was read."
