"""How an answer goes out: whole, in parts, as a file with what a test wants to go wrong on its way, or as a refusal."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.hub_server.store import BLOCK


class Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, text: str, code: str = "", body: dict[str, Any] | None = None) -> None:
        self.status, self.text, self.code, self.body = status, text, code, body or {}


class Sending(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    word: str | None
    """What goes wrong with this answer, see `failures`."""

    def log_message(self, *_: object) -> None:
        pass

    def stream(self, path: Any, kind: str, **headers: str) -> None:  # noqa: ARG002 - tells the two apart in a trace
        size = path.stat().st_size
        start, status = 0, 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start, status = int(wanted.removeprefix("bytes=").partition("-")[0]), 206
            headers["Content_Range"] = f"bytes {start}-{size - 1}/{size}"
            if start >= size:
                raise Refused(416, "Range not satisfiable")
        self.head(status, size - start, "application/octet-stream", Accept_Ranges="bytes", **headers)
        if self.command == "HEAD":
            return
        half = size // 2
        with path.open("rb") as file:
            file.seek(start)
            while block := file.read(BLOCK):
                at = file.tell() - len(block)
                if self.word == "flip" and at <= half < file.tell():
                    changed = bytearray(block)
                    changed[half - at] ^= 1
                    block = bytes(changed)
                if self.word == "lost" and file.tell() > half:
                    self.wfile.write(block[: max(half - at, 0)])
                    raise ConnectionError
                self.wfile.write(block)

    def json(self, value: Any, **headers: str) -> None:
        self.send(200, json.dumps(value).encode(), **headers)

    def send(self, status: int, content: bytes, kind: str = "application/json", **headers: str) -> None:
        self.head(status, len(content), kind, **headers)
        if self.command != "HEAD":
            self.wfile.write(content)

    def head(self, status: int, length: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
