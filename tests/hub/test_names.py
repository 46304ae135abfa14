"""Models used by their name on the Hub: fetched, verified, found again when offline. The real client over HTTP."""

import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.models import dcgan
from gan_core.weights import network_json, save
from tests.conftest import TINY_DCGAN
from tests.hub.conftest import Process
from tests.hub_server import HubServer

NAME = "user/ducks"
WEIGHTS = "generator.safetensors"
CODE = """
import json, sys, traceback, warnings
import gan_core.hub.client, gan_core.fetched, gan_core.library as library
from gan_core.errors import GanCoreError
from gan_core.hub import copies
from gan_core.hub.client import Address
from gan_core.recipe import ModelRef
gan_core.hub.client.TIMEOUT_S = 3.0
import types, huggingface_hub.utils._http as http, huggingface_hub.file_download as file_download
quick = types.SimpleNamespace(**{**vars(http.time), "sleep": lambda s: None})  # The client's pauses between retries.
http.time = file_download.time = quick
def loaded(name, **options):
    steps = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = library.load(name, progress=lambda *bytes: steps.append(bytes), **options)
    ref, notes = model.ref, [str(one.message) for one in told if one.category is gan_core.fetched.HubNotice]
    return {"steps": steps, "sha256": ref.sha256, "name": ref.name, "hub": ref.hub, "notes": notes}
for line in sys.stdin:
    try:
        answer = {"ok": eval(json.loads(line))}
    except GanCoreError as error:
        answer = {"error": str(error), "reason": getattr(error, "reason", "")}
    except Exception as error:
        answer = {"crash": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)
"""


class Python(Process):
    """A process that evaluates what it is told to, with `loaded(name)` at hand."""

    def __init__(self, endpoint: str, home: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE],
            env=self.environment(endpoint, home, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def load(self, name: str = f"hub:{NAME}") -> Any:
        return self.run(f"loaded({name!r})")


def files_of(folder: Path, seed: int = 1) -> dict[str, bytes]:
    torch.manual_seed(seed)
    target = folder / f"model-{seed}"
    save(target, ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN))
    return {path.name: path.read_bytes() for path in target.iterdir()}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, bytes]]:
    """Files of a tiny DCGAN by the seed of its weights."""
    folder = tmp_path_factory.mktemp("models")
    made = {seed: files_of(folder, seed) for seed in (1, 2)}
    return lambda seed=1: dict(made[seed])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def python(server: HubServer, home: Path) -> Iterator[Python]:
    process = Python(server.endpoint, home, HF_TOKEN="hf_user")
    yield process
    process.close()


@pytest.fixture(scope="module")
def unreachable(home: Path) -> Iterator[Python]:
    """The same cache, and nobody who answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        process = Python(f"http://127.0.0.1:{probe.getsockname()[1]}", home)
    yield process
    process.close()


def snapshot(home: Path, commit: str, name: str) -> Path:
    return home / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / commit


def test_a_name_is_fetched_once_and_says_so(hub: HubServer, python: Python, models: Any) -> None:
    repository = hub.put("user/once", {**models(), "token.pkl": b"never", "../x.json": b"{}", "deep/y.json": b"{}"})
    first = python.load("hub:user/once")
    total = sum(len(content) for content in models().values())
    assert first["steps"][0] == [0, total]
    assert first["steps"][-1] == [total, total]
    assert first["name"] == "once"
    assert first["hub"] == f"user/once@{repository.head}", "the very weights, whatever is pushed later"
    fetched = hub.asked("GET /user/once/resolve")
    assert not any("pkl" in line or ".." in line or "deep" in line for line in fetched), "what is not ours stays there"
    hub.requests.clear()
    assert python.load("hub:user/once")["sha256"] == first["sha256"]
    assert not hub.asked("GET /lfs/"), "what is here is not fetched again"
    assert not hub.asked("GET /user/once/resolve")


def test_branches_tags_and_commits(hub: HubServer, python: Python, models: Any) -> None:
    old = hub.put(NAME, models(1))
    old.tags["v1"] = first = old.head
    hub.put(NAME, models(2))
    newest, tagged, commit = (python.load(f"hub:{NAME}{at}") for at in ("", "@v1", f"@{first}"))
    assert newest["sha256"] != tagged["sha256"] == commit["sha256"]
    assert tagged["hub"] == f"{NAME}@{first}"
    assert "has no revision 'v9'" in python.load(f"hub:{NAME}@v9")["error"]
    hub.requests.clear()
    python.load(f"hub:{NAME}@{first}")
    assert not hub.requests, "a commit never changes: nobody is asked"
    listed = python.run("sorted(library.list_copies())")
    assert {f"hub:{NAME}", f"hub:{NAME}@v1"} <= set(listed)


def test_a_new_commit_is_noticed(hub: HubServer, python: Python, models: Any) -> None:
    hub.put("user/moves", models(1))
    before = python.load("hub:user/moves")
    hub.put("user/moves", models(2))
    assert python.load("hub:user/moves")["sha256"] != before["sha256"]


@pytest.mark.parametrize("name", ["a/b/c", "x", "../x", "user/x@../../y", "user/x@a b", "a b/c"])
def test_names_of_another_form(hub: HubServer, python: Python, name: str) -> None:
    assert python.load(f"hub:{name}")["reason"] == "name"
    assert not hub.requests


def test_a_revision_never_becomes_a_path(hub: HubServer, python: Python, models: Any, tmp_path: Path) -> None:
    hub.put("user/path", models())
    hub.repository("user/path").tags["/tmp/x"] = hub.sha("user/path")
    python.load(f"hub:user/path@{tmp_path}/out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [("missing", "missing"), ("gated", "gated"), ("token", "token"), ("broken", "down"), ("limit", "limit")],
)
def test_refusals_of_what_is_not_here(hub: HubServer, python: Python, failure: str, reason: str) -> None:
    hub.failures.add("user/never", failure)
    told = python.load("hub:user/never")
    assert told["error"].startswith("hub:user/never was not fetched: ")
    assert told["reason"] == reason


# Damaged, foreign, hostile.


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def test_a_byte_that_flipped_on_the_disk_is_fetched_again(
    hub: HubServer, python: Python, unreachable: Python, models: Any, home: Path
) -> None:
    """The client serves what its cache holds without looking: a flipped byte passed."""
    commit = hub.put("user/disk", models()).head
    before = python.load("hub:user/disk")
    weights = snapshot(home, commit, "user/disk") / WEIGHTS
    damaged = flipped(weights.read_bytes())
    weights.resolve().write_bytes(damaged)
    os.utime(weights, ns=(1, 1))
    told = unreachable.load("hub:user/disk")
    assert f"its copy here is damaged ({WEIGHTS}), and the Hub cannot be reached" in told["error"]
    assert python.load("hub:user/disk")["sha256"] == before["sha256"]
    assert weights.read_bytes() != damaged


def test_a_byte_that_flipped_on_the_way_is_fetched_again(hub: HubServer, python: Python, models: Any) -> None:
    hub.put("user/way", models())
    hub.failures.add("/lfs/", "flip", times=1)
    assert python.load("hub:user/way")["sha256"] == python.load("hub:user/way")["sha256"]
    assert len(hub.asked("GET /lfs/")) == len([name for name in models() if name.endswith("safetensors")]) + 1


def test_what_arrives_damaged_is_fetched_once_more_and_then_refused(
    hub: HubServer, python: Python, models: Any
) -> None:
    repository = hub.put("user/flips", models())
    stored = hub.store.path(repository.files[WEIGHTS].sha256)
    good = stored.read_bytes()
    stored.write_bytes(flipped(good))
    told = python.load("hub:user/flips")
    assert f"{WEIGHTS} arrived damaged twice" in told["error"]
    assert len(hub.asked("GET /lfs/")) >= 2
    assert python.run("[str(one.address) for one in copies.copies() if 'flips' in str(one.address)]") == []
    stored.write_bytes(good)
    assert python.load("hub:user/flips")["steps"]


@pytest.mark.parametrize(
    "files",
    [
        {"pytorch_model.bin": b"\x80\x04pickle"},
        {"config.json": b'{"architectures": ["UNet"]}', "model.safetensors": b"x" * 50_000},
        {"config.json": b"[" * 100_000, "model.safetensors": b"x"},
        {"README.md": b"# Only words\n"},
    ],
)
def test_a_foreign_repository_says_how_it_is_imported(hub: HubServer, python: Python, files: dict[str, bytes]) -> None:
    hub.put("user/foreign", files)
    told = python.load("hub:user/foreign")
    assert told["reason"] == "foreign"
    assert "Nothing was loaded." in told["error"]
    assert "gan-core hub pull user/foreign" in told["error"]
    assert not hub.asked("GET /lfs/"), "no weights are fetched for nothing"
    assert python.run("'hub:user/foreign' in library.list_copies()") is False


def test_a_config_that_does_not_fit_its_weights_is_refused(hub: HubServer, python: Python, models: Any) -> None:
    files = models()
    config = json.loads(files["config.json"])
    config["network"]["latent_dim"] = 16
    hub.put("user/misfit", {**files, "config.json": json.dumps(config).encode()})
    assert "does not fit its config.json" in python.load("hub:user/misfit")["error"]


def test_too_large_a_repository_is_not_begun(hub: HubServer, python: Python, models: Any) -> None:
    hub.put("user/heaps", {**models(), **{f"x{number}.json": b"{}" for number in range(1001)}})
    assert "too large for a model" in python.load("hub:user/heaps")["error"]
    assert not hub.asked("GET /user/heaps/resolve")


# Without a connection.


def test_a_copy_serves_when_the_hub_is_away_and_says_so(
    hub: HubServer, python: Python, unreachable: Python, models: Any, home: Path
) -> None:
    commit = hub.put("user/away", models(1)).head
    online = python.load("hub:user/away")
    assert online["notes"] == []
    offline = unreachable.load("hub:user/away")
    assert offline["sha256"] == online["sha256"]
    (note,) = offline["notes"]
    assert note.startswith("The Hub cannot be reached: this is the copy of user/away of ")
    assert note.endswith(f"commit {commit[:8]}.")
    assert unreachable.load(f"hub:user/away@{commit}")["notes"] == [], "a commit is what it is"
    switched_off = Python(hub.endpoint, home, HF_HUB_OFFLINE="1")
    hub.requests.clear()
    try:
        assert switched_off.load("hub:user/away")["notes"] == offline["notes"]
    finally:
        switched_off.close()
    assert not hub.requests
    hub.failures.add("user/away", "broken")
    assert python.load("hub:user/away")["notes"] == offline["notes"], "never an old copy without a word"
    assert unreachable.load("hub:user/nothing")["reason"] == "offline"


@pytest.mark.parametrize("failure", ["gated", "token", "missing"])
def test_a_copy_does_not_serve_whom_the_hub_refuses(hub: HubServer, python: Python, models: Any, failure: str) -> None:
    hub.put(f"user/not-{failure}", models())
    python.load(f"hub:user/not-{failure}")
    hub.failures.add(f"user/not-{failure}", failure)
    assert python.load(f"hub:user/not-{failure}")["reason"] == failure


def test_half_a_download_is_no_copy(hub: HubServer, python: Python, unreachable: Python, models: Any) -> None:
    hub.put("user/half", models())
    hub.failures.add("/lfs/", "broken")
    assert "error" in python.load("hub:user/half")
    assert unreachable.load("hub:user/half")["reason"] == "offline"


def test_half_a_download_of_a_commit_is_gone_on_with(hub: HubServer, python: Python, models: Any) -> None:
    """A commit never changes: what had been cut off was served for good."""
    files = {**models(), "discriminator.safetensors": bytes(300)}
    commit = hub.put("user/cut", files).head
    hub.failures.add("/user/cut/resolve/.*generator", "broken")
    assert "error" in python.load(f"hub:user/cut@{commit}")
    hub.failures.rules.clear()
    assert python.load(f"hub:user/cut@{commit}")["hub"] == f"user/cut@{commit}"
    hub.requests.clear()
    assert python.load(f"hub:user/cut@{commit}")["notes"] == []
    assert not hub.requests
    assert f"hub:user/cut@{commit}" not in python.run("sorted(library.list_copies())"), "nobody chose it by name"


# Recipes.


def test_a_recipe_fetches_its_very_model_where_that_is_allowed(hub: HubServer, python: Python, models: Any) -> None:
    commit = hub.put("user/recipe", models(1)).head
    sha = python.load(f"hub:user/recipe@{commit}")["sha256"]
    hub.put("user/recipe", models(2))
    ref = f"ModelRef(name='recipe', sha256={sha!r}, hub='user/recipe@{commit}')"
    settings = "library.Settings(models_dir=library.Path('none'), runs_dir=library.Path('none'))"
    assert python.run(f"library.find_recipe_model({ref}, {settings})[0].name") == commit
    missing = "ModelRef(name='other', sha256='0' * 64, hub='user/other')"
    assert "Fetch hub:user/other." in python.run(f"library.find_recipe_model({missing}, {settings})")["error"]
    hub.put("user/other", models(2))
    hub.requests.clear()
    assert "error" in python.run(f"library.find_recipe_model({missing}, {settings})")
    assert not hub.requests, "nothing is asked unasked"
    folder, notice = python.run(f"library.find_recipe_model({missing}, {settings}, fetch=True)")
    assert Path(folder).name == hub.sha("user/other")
    assert "other weights" in notice


# The command line.


@pytest.fixture
def command(hub: HubServer, home: Path, tmp_path: Path) -> Callable[..., tuple[list[str], dict[str, Any]]]:
    def command(*arguments: str, endpoint: str = "") -> tuple[list[str], dict[str, Any]]:
        environment = Process.environment(endpoint or hub.endpoint, home, GAN_CORE_MODELS=str(tmp_path / "none"))
        return [sys.executable, "-m", "gan_core", *arguments], {"env": environment, "cwd": tmp_path}

    return command


def test_commands_take_names_and_say_when_a_copy_serves(
    hub: HubServer, models: Any, command: Any, tmp_path: Path
) -> None:
    hub.put("user/cli", models())
    arguments, options = command("generate", "hub:user/cli", "--seeds", "7", "--out", "a.png")
    done = subprocess.run(arguments, **options, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no terminal, nothing to tell"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    arguments, options = command("generate", "--recipe", "a.png", "--out", "b.png", endpoint=nobody)
    done = subprocess.run(arguments, **options, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    arguments, options = command("export", "hub:user/cli", "--format", "torch", "--out", "exported", endpoint=nobody)
    done = subprocess.run(arguments, **options, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.startswith("Notice: The Hub cannot be reached: this is the copy of user/cli of ")


def test_a_terminal_sees_the_bytes(hub: HubServer, models: Any, command: Any) -> None:
    hub.put("user/shown", {**models(), "extra.safetensors": bytes(3_000_000)})
    arguments, options = command("generate", "hub:user/shown", "--seeds", "7", "--out", "a.png")
    ours, theirs = pty.openpty()
    with subprocess.Popen(arguments, **options, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 4096):
                seen += block
        except OSError:  # Linux says so when the other end is closed.
            pass
        os.close(ours)
    assert process.returncode == 0, seen.decode()
    assert b"user/shown" in seen
    assert b"MB" in seen
