"""A server that speaks the Hub's protocol on 127.0.0.1: repositories with commits, LFS, refs, accounts and Spaces.

Two servers, in truth: large files are redirected to another origin, as the Hub redirects to its store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from tests.hub_server.answers import handler
from tests.hub_server.failures import Failures
from tests.hub_server.store import Account, Repository, Store

__all__ = ["Account", "HubServer", "Repository", "hub_server"]


class HubServer:
    """store: what it holds. failures: how it misbehaves. requests: "METHOD /path" of all it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reset()
        self.endpoint = self.cdn = ""

    def reset(self) -> None:
        """No repositories, no failures, no memory; one account, "user", with the token `hf_user`."""
        for path in self.folder.iterdir():
            path.unlink()
        self.store = Store(self.folder)
        self.store.accounts["hf_user"] = Account("user")
        if hasattr(self, "failures"):
            self.failures.let_go()
        self.failures = Failures()
        self.requests: list[str] = []
        self.bodies: list[bytes] = []

    def put(self, name: str, files: dict[str, bytes], kind: str = "model", **options: object) -> Repository:
        """A repository with one more commit that holds exactly these files."""
        repository = self.store.find(kind, name) or self.store.create(kind, name, **options)
        repository.replace(files)
        return repository

    def repository(self, name: str, kind: str = "model") -> Repository:
        found = self.store.find(kind, name)
        assert found is not None, f"no {kind} {name}"
        return found

    def sha(self, name: str, kind: str = "model") -> str:
        """The head of `main`."""
        return self.repository(name, kind).head

    def asked(self, start: str) -> list[str]:
        """The requests that begin so."""
        return [line for line in self.requests if line.startswith(start)]


@contextmanager
def hub_server() -> Iterator[HubServer]:
    with TemporaryDirectory(prefix="hub-server-") as folder:
        hub = HubServer(Path(folder))
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler(hub)) for _ in range(2)]
        for server in servers:
            server.daemon_threads = True
            Thread(target=server.serve_forever, daemon=True).start()
        hub.endpoint, hub.cdn = (f"http://127.0.0.1:{server.server_port}" for server in servers)
        try:
            yield hub
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()
