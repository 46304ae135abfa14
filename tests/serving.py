"""The application in a process of its own: where it answers, as it is here or as a public Space would have it."""

import base64
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_S = 240.0  # Generous: the machine may be training at the same time.
SECRET = "only the Hub and this Space know it"
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "alice/studio",
    "SPACE_AUTHOR_NAME": "alice",
    "SPACE_HOST": "alice-studio.hf.space",
    "GAN_CORE_OWNERS": "carol, dave",
    "OAUTH_CLIENT_ID": "0123",
    "OAUTH_CLIENT_SECRET": SECRET,
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}
"""What the Hub puts in the environment of a Space with hf_oauth, and one setting of ours."""
PROXY = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
"""What the Hub's proxy says of a visitor."""


class App:
    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url, self.process, self._log = url, process, log

    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """The answer as JSON; of an error its text."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return {"ok": False, "error": error.read().decode(errors="replace"), "status": error.code}

    def components(self) -> dict[str, tuple[int, list[str]]]:
        """The page's own components by element: number, and names of the server functions."""
        found = {}
        for one in self.get("/config")["components"]:
            if names := one["props"].get("server_fns"):
                found[one["props"]["elem_id"]] = (one["id"], names)
        return found

    def call(self, element: str, name: str, sent: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """A server function, as the page calls it."""
        if not hasattr(self, "_components"):
            self._components = self.components()
        body = {
            "data": sent or {},
            "fn_name": name,
            "session_hash": "a-visit",
            "component_id": self._components[element][0],
        }
        return self.post("/gradio_api/component_server", body, headers)

    def api(self, name: str, data: list[Any], headers: Mapping[str, str] | None = None) -> tuple[str, Any]:
        """A public event, as a program calls it: complete or error, and what came."""
        event = self.post(f"/gradio_api/call/{name}", {"data": data}, headers)["event_id"]
        with urllib.request.urlopen(f"{self.url}/gradio_api/call/{name}/{event}", timeout=120) as answer:
            *_, kind, text = [line for line in answer.read().decode().splitlines() if line]
        return kind.removeprefix("event: "), json.loads(text.removeprefix("data: "))

    def upload(self, content: bytes, name: str, headers: Mapping[str, str] | None = None) -> Any:
        """A file to the upload route, as the page sends it: its path; of an error the status and the text."""
        mark = "----------boundary"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}", **(headers or PROXY)}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.url}/gradio_api/upload", body, kind), timeout=60
            ) as answer:
                return json.loads(answer.read())[0]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)


def free_port() -> int:
    """A port of this machine that nobody has.

    It is bound seconds later, by another process. So it is none of those that the system hands out by itself, to
    whoever asks for any and to every connection: one of these could be taken by then.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def serve(folder: Path, *, runs: Path, models: Path, root: Path = ROOT, **environment: str) -> Iterator[App]:
    """folder: for its log. root: where its app.py lies. environment: besides this process's own."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"app-{port}.log"
    command = [sys.executable, "app.py", "--port", str(port), "--runs", str(runs), "--models", str(models)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=root, stdout=file, stderr=file, env=env)
    app = App(f"http://127.0.0.1:{port}", process, log)
    try:
        end = time.monotonic() + START_S
        while True:
            with suppress(OSError):
                urllib.request.urlopen(app.url, timeout=5).close()
                break
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"The application does not answer:\n{app.log()}")
            time.sleep(0.1)
        yield app
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def cookie(name: str, secret: str = SECRET, **more: Any) -> str:
    """The session of somebody who is signed in, as Gradio keeps it: signed, with what the Hub said of them."""
    from itsdangerous import TimestampSigner

    user = {"preferred_username": name, "name": name, "profile": "", "picture": ""}
    session = {"oauth_info": {"userinfo": user, "expires_at": time.time() + 3600, **more}}
    signer = TimestampSigner(hashlib.sha256(f"{secret}-v4".encode()).hexdigest())
    return signer.sign(base64.b64encode(json.dumps(session).encode())).decode()


def tree(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file below some folders, with its size and time of change."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
