"""A small server that speaks as much of the Hub's protocol as downloads need, on 127.0.0.1."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

KINDS = {"datasets": "dataset", "models": "model"}


class HubServer:
    """Repositories by name: their files, or how they fail.

    missing, private, token, gated, broken (500), breaks (500 from the second request on), page (not the Hub), slow.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.failures: dict[str, str] = {}
        self.requests: list[str] = []
        self.endpoint = ""

    def sha(self, name: str) -> str:
        """The commit of a repository: it changes with the files."""
        return hashlib.sha1(repr(sorted(self.files[name].items())).encode()).hexdigest()


@contextmanager
def hub_server() -> Iterator[HubServer]:
    hub = HubServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_) -> None:
            pass

        def answer(self, status: int, content: bytes, kind: str = "application/json", **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def refuse(self, status: int, code: str, text: str) -> None:
            self.answer(status, json.dumps({"error": text}).encode(), X_Error_Code=code)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            api = parts[0] == "api"
            parts = parts[1:] if api else parts
            if parts[0] in KINDS:
                parts = parts[1:]
            name, rest = "/".join(parts[:2]), parts[2:]
            failure = hub.failures.get(name, "" if name in hub.files else "missing")
            if failure == "missing":
                return self.refuse(404, "RepoNotFound", "Repository not found")
            if failure == "private":
                return self.refuse(401, "RepoNotFound", "Repository not found")
            if failure == "token":
                return self.refuse(401, "", "Invalid credentials\nin Authorization header")
            if failure == "gated":
                return self.refuse(403, "GatedRepo", "Access to this repository is restricted")
            if failure == "broken" or (failure == "breaks" and len(hub.requests) > 1):
                return self.refuse(500, "", "Internal\n  Error")
            if failure == "page":
                return self.answer(200, b"<html>Log in to the hotel's network</html>", "text/html")
            if failure == "slow":
                time.sleep(5)
            files, sha = hub.files[name], hub.sha(name)
            revision = rest[1] if len(rest) > 1 else "main"
            if revision not in ("main", sha):
                return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            if api and rest[:1] == ["tree"]:
                tree = [
                    {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                    for file, content in files.items()
                ]
                return self.answer(200, json.dumps(tree).encode())
            if api:
                siblings = [{"rfilename": file} for file in files]
                info = {"id": name, "sha": sha, "private": False, "siblings": siblings, "tags": [], "downloads": 0}
                return self.answer(200, json.dumps(info).encode())
            content = files.get("/".join(rest[2:]))
            if content is None:
                return self.refuse(404, "EntryNotFound", "Entry not found")
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            return self.answer(200, content, "application/octet-stream", X_Repo_Commit=sha, ETag=etag)

    return Handler
