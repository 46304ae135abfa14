"""No token leaves the process but to the Hub: everything that is printed, answered, logged or written is searched.

Three tokens are planted: in the environment, in the client's login file, and in a visitor's session on a Space. The Hub
of these tests repeats them in its error messages. What is sent to the Hub as a header, and the visitor's own signed
cookie, are where tokens belong.
"""

import base64
import gzip
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core.config import ModelConfig
from gan_core.models import dcgan
from gan_core.weights import network_json, save
from tests.conftest import TINY_DCGAN
from tests.hidden_tokens import TOKENS, clean, clean_files, clean_hub, leaks
from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer, failures, hub_server
from tests.hub_server.failures import Rule
from tests.serving import SPACE, App, cookie, serve

pytestmark = pytest.mark.slow

STATUSES = {
    401: "token",
    402: "plan",
    403: "forbidden",
    404: "missing",
    409: "taken",
    412: "moved",
    429: "limit",
    500: "down",
}


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    token, visitor = TOKENS["environment"], TOKENS["visitor"]
    archive, picture, told = io.BytesIO(), io.BytesIO(), PngInfo()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/b.txt", f"words {token} words")
    told.add_text("recipe", f"words {token} " * 9, zip=True)
    Image.new("RGB", (4, 4)).save(picture, "PNG", pnginfo=told)
    inside_png = io.BytesIO()
    told = PngInfo()
    told.add_itxt("recipe", f"words {token} " * 9, zip=True)
    Image.new("RGB", (4, 4)).save(inside_png, "PNG", pnginfo=told)
    hidden = {
        "plain": token.encode(),
        "a part": visitor.replace("hf_oauth", "hf_...").encode(),
        "base64": base64.b64encode(f'{{"a": "{token}"}}'.encode()),
        "zip": archive.getvalue(),
        "gzip": gzip.compress(archive.getvalue()),
        "PNG": picture.getvalue(),
        "PNG, international": inside_png.getvalue(),
        "JSON": json.dumps({"x": [visitor]}).encode(),
    }
    for before in range(4):
        hidden[f"base64 from {before}"] = base64.b64encode(b"x" * before + token.encode() + b"and more")
    for how, content in hidden.items():
        assert leaks(content), how
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(AssertionError, match="holds the token"):
            clean_files(tmp_path)
    assert not leaks(b"hf_... is what is left of it")
    with pytest.raises(AssertionError):
        clean_files_of_a_name(tmp_path, token)


def clean_files_of_a_name(folder: Path, name: str) -> None:
    (folder / "file").unlink()
    (folder / name).touch()
    clean_files(folder)


# The Hub, models and the two logins.


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    said = f"no: {' '.join(TOKENS.values())} (Authorization: Bearer {TOKENS['visitor']})"
    for status in STATUSES:
        failures.ANSWERS[f"repeats {status}"] = (status, "RepoNotFound" if status == 404 else "", said)
    with hub_server() as running:
        yield running
    for status in STATUSES:
        del failures.ANSWERS[f"repeats {status}"]


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    for token in TOKENS.values():
        hub.store.accounts[token] = Account("user", pro=True)
    return hub


def repeat(hub: HubServer, status: int, pattern: str = "") -> None:
    """Answer every request so, with the tokens in the words."""
    hub.failures.rules.clear()
    hub.failures.rules.append(Rule(pattern, f"repeats {status}"))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    folder = tmp_path / "models" / "ducks"
    save(folder, ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN))
    return folder.parent


def login(kind: str, hub: HubServer, tmp_path: Path, models: Path, **more: str) -> dict[str, str]:
    """The environment of somebody signed in by the environment or by the client's file."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    planted = {"HF_TOKEN": TOKENS["environment"]} if kind == "environment" else {}
    if kind == "login":
        (home / "token").write_text(TOKENS["login"])
    places = {"GAN_CORE_MODELS": str(models), "GAN_CORE_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    return Process.environment(hub.endpoint, home, **places, **planted, **more)


@pytest.fixture(params=["environment"])
def run(
    request: pytest.FixtureRequest, hub: HubServer, models: Path, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """`gan-core` in a process of its own; what it prints is searched."""
    environment = login(request.param, hub, tmp_path, models)

    def run(*arguments: str, well: bool = True) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "gan_core", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=240, check=False)
        clean(done.stdout + done.stderr, f"what gan-core {' '.join(arguments)} printed")
        assert (done.returncode == 0) == well, done.stderr.decode()
        return done

    return run


@pytest.mark.parametrize("run", ["login"], indirect=True)
def test_the_command_line_and_what_it_writes(run: Any, hub: HubServer, tmp_path: Path) -> None:
    run("hub", "push", "ducks", "--tag", "v1", "--json")
    run("hub", "status", "--json")
    run("hub", "pull", "user/ducks", "--name", "swans", "--json")
    run("hub", "sync", "--new", "--json")
    run("generate", "hub:user/ducks", "--seeds", "7", "--out", "a.png")
    run("generate", "--recipe", "a.png", "--out", "b.png")
    for status in (401, 403, 500):
        repeat(hub, status)
        run("hub", "status", well=False)
    assert clean_files(tmp_path) > 10
    clean_hub(hub)


CALLS = """
import json, sys, traceback, os, logging
from pathlib import Path
logging.basicConfig(level=logging.INFO)
import gan_core.hub.client
gan_core.hub.client.TIMEOUT_S = 3.0
import types, huggingface_hub.utils._http as http
http.time = types.SimpleNamespace(**{**vars(http.time), "sleep": lambda s: None})
from gan_core import fetched, sync
from gan_core.errors import GanCoreError
from gan_core.hub import client, copies, download, listing
from gan_core.settings import Settings
address, settings = client.Address("user/ducks"), Settings()
def deploys():
    from gan_core.deploy import account
    return account.targets_for(account.holder(None))
WORK = {
    "account": client.account,
    "standings": lambda: list(sync.standings(settings)),
    "push": lambda: sync.push_model("ducks", address, settings, tag="v2", take="mine"),
    "pull": lambda: sync.pull_model(address, settings, name="geese"),
    "search": lambda: listing.search("ducks"),
    "data": lambda: download("user/set", patterns=["*"]),
    "fetch": lambda: fetched.fetch(client.Address("user/other")),
    "targets": deploys,
}
for line in sys.stdin:
    from huggingface_hub.hf_api import HfApi
    for name, work in WORK.items():
        HfApi.whoami.cache_clear() if hasattr(HfApi.whoami, "cache_clear") else None
        try:
            print(name, work())
        except GanCoreError as error:
            print(name, error, repr(error), error.__cause__, vars(error))
        except Exception:
            print(name, "broke"); traceback.print_exc(file=sys.stdout)
    print("done", flush=True)
"""


@pytest.mark.parametrize("kind", ["environment", "login"])
def test_errors_of_every_kind(kind: str, hub: HubServer, models: Path, tmp_path: Path) -> None:
    """The server's words are told, without the token that it repeats; also in the log."""
    environment = login(kind, hub, tmp_path, models)
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", CALLS], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file
        )
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    try:
        for status in (0, *STATUSES):
            hub.failures.rules.clear()
            for pattern in (
                ("",) if status in (0, 401) else ("", "POST /api/.*(commit|tag|preupload)|GET /lfs|/resolve/")
            ):
                if status:
                    repeat(hub, status, pattern)
                process.stdin.write(b"go\n")
                process.stdin.flush()
                while (line := process.stdout.readline()) not in (b"done\n", b""):
                    clean(line, f"what was said of status {status}")
                    assert b" broke" not in line, said
                    said += line
    finally:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()
    assert b"hf_..." in said, "the server's words were told, and the tokens in them were not"
    clean_files(tmp_path)
    clean_hub(hub)


# Training and deploying.


def test_a_training_that_pushes_and_the_model_that_is_kept(run: Any, hub: HubServer, tmp_path: Path) -> None:
    size = ("--size", "16", "--generator-features", "4", "--discriminator-features", "4", "--batch", "4")
    often = ("--steps", "6", "--sample-steps", "2", "--snapshot-steps", "2", "--state-steps", "2")
    push = ("--push-to", "user/run", "--push-minutes", "0.01", "--push-wait", "0.2")
    run("train", "dcgan", "--data", "shapes", *size, *often, *push, "--run", "runs/00000-shapes")
    assert hub.store.find("model", "user/run"), "it was pushed"
    run("keep", "runs/00000-shapes", "kept")
    repeat(hub, 403)
    run("train", "dcgan", "--data", "shapes", *size, *often, *push, "--run", "runs/00001-shapes")
    assert clean_files(tmp_path) > 20
    clean_hub(hub)


def test_bundles_and_a_deployment(run: Any, hub: HubServer, tmp_path: Path) -> None:
    for target in ("static", "zero-gpu", "cpu"):
        run("deploy", "--target", target, "--model", "ducks", "--to-folder", target, "--skip-check", "--json")
        assert clean_files(tmp_path / target) > 3
    quickly = ("--model", "ducks", "--skip-check", "--no-wait", "--json")
    run("deploy", "user/space", "--target", "cpu", *quickly)
    for status in (402, 403, 500):
        repeat(hub, status)
        run("deploy", "user/other", *quickly, well=False)
    clean_files(tmp_path)
    clean_hub(hub)


# The application.

SENT = {
    "model": "ducks",
    "models": ["ducks"],
    "name": "user/ducks",
    "names": ["ducks"],
    "repository": "user/ducks",
    "address": "user/ducks",
    "space": "user/space",
    "target": "static",
    "title": "Ducks",
    "kind": "generator",
    "words": "ducks",
    "tag": "gan-core",
    "namespace": "user",
    "private": True,
    "recipe": {"format": 1, "seed": 7, "model": {"name": "ducks"}},
    "value": "ducks",
    "side": "mine",
}
"""Something for whatever a function of the page asks for."""
LAST = ("delete", "discard", "restore", "rename", "stop")


def everything(app: App, headers: dict[str, str], folder: Path) -> int:
    """Ask the application for all it has; how many answers were searched."""
    count, answers = 0, []
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/startup-events", "/theme.css", "/manifest.json"):
        with suppress(OSError):  # Not every one of them is there.
            answers.append((path, text(app, path, headers)))
    for path, answer in answers:
        clean(answer, f"GET {path}")
        count += 1
    jobs = []
    functions = [(element, name) for element, (_, names) in app.components().items() for name in names]
    for element, name in sorted(functions, key=lambda one: (one[1].startswith(LAST), one)):
        answer = app.call(element, name, SENT, headers)
        clean(answer, f"{element}.{name}")
        count += 1
        if isinstance(answer, dict):
            jobs += [(element, key, answer[key]) for key in ("job", "id", "move") if isinstance(answer.get(key), str)]
    for element, key, job in jobs:
        polls = [name for at, name in functions if at == element and "poll" in name]
        end = time.monotonic() + 5
        for name in polls:
            answer = {"state": "running"}
            while answer.get("state") in ("waiting", "running") and time.monotonic() < end:
                answer = app.call(element, name, {key: job, "job": job}, headers)
                clean(answer, f"{element}.{name}")
                count += 1
    clean(app.log(), "the application's log")
    clean_files(folder)
    return count


def text(app: App, path: str, headers: dict[str, str]) -> str:
    import urllib.request

    with urllib.request.urlopen(urllib.request.Request(app.url + path, headers=headers), timeout=60) as answer:
        return answer.read().decode(errors="replace")


@pytest.mark.parametrize("kind", ["environment", "login", "visitor"])
def test_all_that_the_application_answers(kind: str, hub: HubServer, models: Path, tmp_path: Path) -> None:
    hub.put("user/ducks", {path.name: path.read_bytes() for path in (models / "ducks").iterdir()})
    signed: dict[str, str] = {}
    more: dict[str, str] = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if kind == "visitor":  # On a Space, which has a token of its own among its secrets.
        session = cookie("alice", access_token=TOKENS["visitor"], scope="openid profile write-repos")
        signed = {"Cookie": f"session={session}"}
        more |= {**SPACE, "HF_TOKEN": TOKENS["environment"]}
    environment = {**login(kind, hub, tmp_path, models), **more}
    with serve(tmp_path / "app", runs=tmp_path / "runs", models=models, **environment) as app:
        assert everything(app, signed, tmp_path) > 60
        if kind == "visitor":
            everything(app, {}, tmp_path)  # A stranger.
        for status in (401, 403, 429, 500):
            repeat(hub, status)
            for element, (_, names) in app.components().items():
                if element in ("hub", "deploy", "explore"):
                    for name in [one for one in names if not one.startswith(LAST)]:
                        clean(app.call(element, name, SENT, signed), f"{element}.{name} at {status}")
        clean(app.log(), "the application's log")
    clean_files(tmp_path)
    clean_hub(hub)
