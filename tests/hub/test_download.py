"""The real huggingface_hub client against a server of our own. It reads its settings at import: a process each."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import HubServer

CODE = """
import json, sys
import gan_core.hub
import gan_core.hub.client
from gan_core.errors import HubError
gan_core.hub.client.TIMEOUT_S = 2.0
import types, huggingface_hub.utils._http as http
http.time = types.SimpleNamespace(**{**vars(http.time), "sleep": lambda s: None})  # Its pauses between retries.
for line in sys.stdin:
    name, patterns = json.loads(line)
    try:
        folder = gan_core.hub.download(name, patterns=patterns)
        answer = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    except HubError as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""
NEVER_USED = ("HF_", "HUGGING")


class Client:
    """A process that downloads what it is told to."""

    def __init__(self, endpoint: str, home: Path, **environment: str) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(NEVER_USED)}
        ours = {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE],
            env={**kept, **ours, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def download(self, name: str, patterns: tuple[str, ...] = ("*.png",)) -> dict[str, str] | str:
        """The texts of the files, or the error's."""
        self.process.stdin.write(json.dumps([name, patterns]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, str):
            assert answer.isprintable(), "one line"
            assert answer.endswith(".")
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def online(server, home) -> Iterator[Client]:
    client = Client(server.endpoint, home)
    yield client
    client.close()


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    """With a data set."""
    hub.put("user/set", FILES, "dataset")
    return hub


FILES = {"a.png": b"first", "deep/b.png": b"second", "train.parquet": b"not asked for"}
PICTURES = {"a.png": "first", "deep/b.png": "second"}


def test_what_was_asked_for_is_downloaded_once(hub, online):
    sha = hub.put("user/once", FILES, "dataset").head
    for name in ("user/once", "user/once@main", f"user/once@{sha}", "user/once"):
        assert online.download(name) == PICTURES
    assert len(hub.asked("GET /lfs/")) == 2, "no file twice, and none that was not asked for"


def test_a_new_commit_is_noticed(hub, online):
    hub.put("user/new", {"a.png": b"old"}, "dataset")
    assert online.download("user/new") == {"a.png": "old"}
    hub.put("user/new", {"a.png": b"new"}, "dataset")
    assert online.download("user/new") == {"a.png": "new"}


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        ("missing", "there is no such dataset, or this account may not see it. Check the name."),
        ("private", "there is no such dataset, or this account may not see it. Check the name."),
        ("token", "the Hub does not accept this login (Invalid credentials in Authorization header). Log in again"),
        ("gated", "its owner asks for consent first."),
        ("broken", "the Hub answered 500 (Internal Error). Try again later."),
        ("page", "what answered is not the Hub."),
    ],
)
def test_refusals_are_one_sentence_each(hub, online, failure, text):
    """The Hub's own texts have several lines, with request numbers and addresses."""
    hub.failures.add("user/x", failure)
    assert online.download("user/x").startswith(f"hub:user/x was not downloaded: {text}")


@pytest.mark.parametrize("name", ["a/b/c", "", "../x", "a b/c", "@main"])
def test_names_of_another_form(hub, online, name):
    assert "is not of the form user/name" in online.download(name)
    assert not hub.requests


@pytest.mark.usefixtures("hub")
def test_a_revision_that_does_not_exist(online):
    told = "hub:user/set@v9 was not downloaded: it has no revision 'v9'. Check its name."
    assert online.download("user/set@v9") == told


@pytest.mark.parametrize("failure", ["broken", "breaks"])
def test_a_hub_that_fails_is_not_hidden_by_an_old_copy(hub, online, failure):
    """snapshot_download alone serves the cached copy without a word."""
    name = f"user/{failure}"
    hub.put(name, {"a.png": b"old"}, "dataset")
    assert online.download(name) == {"a.png": "old"}
    hub.put(name, {"a.png": b"new"}, "dataset")
    hub.failures.add(name, "broken", skip=1 if failure == "breaks" else 0)
    hub.requests.clear()
    answer = online.download(name)
    assert isinstance(answer, str)
    assert "the Hub" in answer
    assert "Try again later" in answer


@pytest.mark.parametrize("name", ["a.png", "train.csv"])
def test_a_byte_that_flips_on_the_way_is_found(hub, online, home, name: str):
    """The client compares no hash: a data set was trained on as it had arrived."""
    content, key = b"pixels of " + name.encode() * 9, name.partition(".")[0]
    hub.put(f"user/{key}", {"first.png": b"whole", name: content}, "dataset")
    sha256 = hub.repository(f"user/{key}", "dataset").files[name].sha256
    hub.failures.add(f"^GET (/lfs/{sha256}|.*/resolve/.*/{name})", "flip")
    answer = online.download(f"user/{key}", ("*",))
    hub.failures.rules.clear()
    told = f"hub:user/{key} was not downloaded: {name} arrived damaged twice (its hash is not the Hub's)."
    assert isinstance(answer, str)
    assert answer.startswith(told)
    cached = home / "hub" / f"datasets--user--{key}"
    assert list(cached.rglob("first.png"))
    assert not list(cached.rglob(name)), "what is damaged serves nobody"
    assert online.download(f"user/{key}", ("*",))[name] == content.decode()
    stored = next(path.resolve() for path in cached.rglob(name))
    stored.write_bytes(content.replace(b"i", b"o"))
    hub.requests.clear()
    assert online.download(f"user/{key}", ("*",))[name] == content.decode(), "what went bad here is fetched anew"
    assert not any("first.png" in line for line in hub.requests if line.startswith("GET"))


def test_a_server_that_does_not_answer_is_given_up(hub, online):
    """The client waits for ever by default."""
    hub.put("user/slow", {"a.png": b"x"}, "dataset")
    hub.failures.add("user/slow", "held")
    assert "cannot be reached and nothing is cached" in online.download("user/slow")
    hub.failures.let_go()


@pytest.mark.parametrize("offline", [False, True])
def test_without_a_connection_the_cached_copy_serves(hub, online, home, offline):
    """It never did: files fetched by their commit's number are not found again by name.

    With a client of our own making, HF_HUB_OFFLINE was not heeded either.
    """
    online.download("user/set")
    hub.requests.clear()
    if offline:
        client = Client(hub.endpoint, home, HF_HUB_OFFLINE="1")
    else:
        with socket.socket() as probe:  # A port that nobody listens on.
            probe.bind(("127.0.0.1", 0))
            client = Client(f"http://127.0.0.1:{probe.getsockname()[1]}", home)
    try:
        assert client.download("user/set") == PICTURES
        text = client.download("user/other")
        assert text.startswith("hub:user/other was not downloaded: the Hub cannot be reached and nothing is cached")
    finally:
        client.close()
    assert not hub.requests
