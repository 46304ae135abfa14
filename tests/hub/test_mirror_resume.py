"""A run that was pushed goes on elsewhere to the bit; what strangers put into a repository does no harm."""

import gzip
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from tests.hub.conftest import Process
from tests.hub_server import HubServer
from tests.training.tiny import command, config, lines

NAME = "user/ducks"
READY = """
from gan_core.mirror.fetch import bring, find_run
from gan_core.mirror.pushing import push as push_run
from gan_core.mirror.record import Wish
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
import gan_core.mirror.stage as stage
stage.DRAW_S = 0.001
"""
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(hub: HubServer, tmp_path: Path) -> Call:
    """A command on one of several machines: a home and folders of its own."""

    def call(machine: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        home = tmp_path / machine
        home.mkdir(exist_ok=True)
        environment = Process.environment(
            hub.endpoint,
            home / "hf",
            **{"HF_TOKEN": "hf_user", "GAN_CORE_RUNS": str(home / "runs"), "OMP_NUM_THREADS": "1", **more},
        )
        words = [str(word) for word in arguments]
        return subprocess.run(
            words, env=environment, cwd=home, capture_output=True, text=True, timeout=280, check=False
        )

    return call


def same(one: Any, other: Any) -> bool:
    """To the bit, whatever is nested in whatever."""
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def state(run: RunFolder) -> dict[str, Any]:
    content = torch.load(run.states()[-1][1], weights_only=True)
    return {name: value for name, value in content.items() if name != "elapsed_s"}


@pytest.mark.slow
def test_a_run_goes_on_elsewhere_to_the_bit(hub: HubServer, call: Call, tmp_path: Path):
    wanted = config("dcgan", 30)
    whole = RunFolder(tmp_path / "whole")
    whole.create(wanted)
    list(train(wanted, whole))
    # One machine stops in the middle, and is gone.
    push = ("--push-to", NAME, "--push-minutes", "0.05")
    done = call("one", *command(wanted, Path("runs/x")), *push, "--max-hours", "0.0001")
    assert done.returncode == 0, done.stderr
    assert f"All of it is at {NAME}" in done.stderr
    stopped = RunFolder(tmp_path / "one" / "runs" / "x")
    assert stopped.status()["state"] == "stopped"
    assert 0 < stopped.status()["step"] < 30
    assert_no_token(tmp_path / "one" / "runs", hub)
    shutil.rmtree(tmp_path / "one")
    # The other one knows the repository's name alone.
    more = ("--max-hours", "10", "--push-to", NAME, "--push-minutes", "0.05")
    done = call("two", sys.executable, "-m", "gan_core", "train", "--resume", f"hub:{NAME}", *more)
    assert done.returncode == 0, done.stderr
    assert "goes on with user/ducks" in done.stderr
    (folder,) = (tmp_path / "two" / "runs").glob("0*")
    assert folder.name == "00000-dcgan-shapes"
    run = RunFolder(folder)
    assert run.status()["state"] == "finished"
    assert same(state(run), state(whole)), "networks, EMA, optimizers, pools"
    assert lines(run) == lines(whole)
    for name in ("generator", "discriminator"):
        mine, theirs = (one.snapshots()[-1][1] / f"{name}.safetensors" for one in (run, whole))
        assert mine.read_bytes() == theirs.read_bytes()
    repository = hub.repository(NAME)
    assert repository.content("generator.safetensors") == mine.with_name("generator.safetensors").read_bytes()
    assert "run/state/000030.pt" in repository.files
    assert [name for name in repository.files if name.startswith("run/state/")] == ["run/state/000030.pt"]
    assert "preview.webp" in repository.files
    code = f"import gan_core; print(gan_core.load('hub:{NAME}').generate(seeds=[3])[0].size)"
    drawn = call("three", sys.executable, "-c", code)
    assert drawn.stdout == "(16, 16)\n", drawn.stderr
    assert_no_token(tmp_path / "two" / "runs", hub)


def assert_no_token(folder: Path, hub: HubServer) -> None:
    for path in folder.rglob("*"):
        assert not path.is_file() or b"hf_user" not in path.read_bytes(), path
    for name in hub.repository(NAME).files:
        content = hub.repository(NAME).content(name)
        content = gzip.decompress(content) if name.endswith(".gz") else content
        assert b"hf_user" not in content, name
        assert str(folder).encode() not in content, f"{name} tells of this machine"


# Without a trainer.


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RunFolder(tmp_path_factory.mktemp("trained") / "00007-dcgan-shapes")
    run.create(config("dcgan", 4))
    list(train(run.config(), run))
    return run.path


@pytest.fixture(scope="module")
def ready(client: Process) -> Process:
    client.run(f"exec({READY!r})")
    return client


@pytest.fixture
def pushed(hub: HubServer, ready: Process, trained: Path) -> HubServer:
    shutil.rmtree(trained / "mirror", ignore_errors=True)
    ready.run(f"push_run(RunFolder(Path({str(trained)!r})), Wish({NAME!r})).commit")
    return hub


def bring(folder: Path, name: str = NAME) -> str:
    return f"str(bring(find_run(Address.parse({name!r})), Settings(), run=Path({str(folder)!r})).path)"


@pytest.mark.usefixtures("pushed")
def test_what_was_pushed_comes_back_whole(ready: Process, trained: Path, tmp_path: Path):
    there = tmp_path / "there"
    assert ready.run(bring(there)) == str(there)
    run = RunFolder(there)
    assert run.status()["state"] == "stopped"
    for name in ("metrics.jsonl", "state/000004.pt", "samples/000004.webp", "samples/layout.json"):
        assert (there / name).read_bytes() == (trained / name).read_bytes(), name
    assert run.config() == RunFolder(trained).config()
    assert "Fetched from user/ducks" in run.events()[-1]["text"]
    assert "exists" in ready.run(bring(there))["error"]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/mirror-was-here",)


def torch_file(content: bytes, compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("x/data.pkl", content)
        archive.writestr("x/version", "3\n")
    return buffer.getvalue()


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


HOSTILE = {
    "a pickle as state": ("run/state/000004.pt", pickle.dumps(Evil()), "not one of ours"),
    "code in a state": ("run/state/000004.pt", torch_file(pickle.dumps(Evil(), 2)), "not one of ours"),
    "a state that grows": ("run/state/000004.pt", torch_file(bytes(10_000_000), compressed=True), "more than it is"),
    "another step": ("run/state/000004.pt", saved({"step": 9}), "it is of step 9"),
    "lines that grow": ("run/metrics.jsonl.gz", gzip.compress(b"x" * 2_000_000), "unpacks to more"),
    "no lines": ("run/metrics.jsonl.gz", gzip.compress(b"hello\n"), "no record of a run"),
    "torn lines": ("run/events.jsonl.gz", gzip.compress(b"{}" * 1000)[:-9], "is damaged"),
    "no object": ("run/about.json", b"[3]", "is damaged"),
    "no configuration": ("run/config.json", b"{", "is damaged"),
    "another's configuration": ("run/config.json", b'{"format": 1}', "lacks"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_damaged_or_hostile_run_leaves_nothing_here(pushed: HubServer, ready: Process, tmp_path: Path, what: str):
    name, content, told = HOSTILE[what]
    pushed.repository(NAME).change({name: content})
    ready.run("setattr(__import__('gan_core.mirror.fetch').mirror.fetch, 'MOST_BYTES', 1_000_000)")
    refused = ready.run(bring(tmp_path / "there"))
    assert told in refused["error"], refused
    assert not list(tmp_path.iterdir()), "nothing is left"
    assert not Path("/tmp/mirror-was-here").exists()


def test_only_what_is_named_so_is_fetched(pushed: HubServer, ready: Process, tmp_path: Path):
    strange = {
        "run/../../evil.json": b"{}",
        "run/state/../../evil.pt": b"x",
        "run/samples/../evil.webp": b"x",
        "run/push.json": b'{"repository": "evil/theirs"}',
        "run/snapshots/000004/generator.pkl": b"x",
        "run/stop": b"",
        "run/control.json": b'{"lr_g": 1.0}',
        "/etc/evil.json": b"{}",
    }
    pushed.repository(NAME).change(dict(strange))
    pushed.requests.clear()
    ready.run(bring(tmp_path / "deep" / "there"))
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]
    there = {path.name for path in (tmp_path / "deep" / "there").iterdir()}
    assert there <= {"config.json", "status.json", "metrics.jsonl", "events.jsonl", "samples", "state", "mirror"}
    assert not [line for line in pushed.requests if "evil" in line or "push.json" in line]


def test_a_byte_that_flips_on_the_way_is_found(pushed: HubServer, ready: Process, tmp_path: Path):
    content = pushed.repository(NAME).content("run/state/000004.pt") + b"another one"
    pushed.repository(NAME).change({"run/state/000004.pt": content})
    pushed.failures.add("GET /lfs/", "flip")
    refused = ready.run(bring(tmp_path / "there"))
    assert "arrived damaged" in refused["error"]
    assert not (tmp_path / "there").exists()


def test_killed_while_fetching_and_fetched_again(pushed: HubServer, ready: Process, tmp_path: Path):
    pushed.failures.add("GET /lfs/", "held", skip=1)
    process = Process(pushed.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    process.run(f"exec({READY!r})")
    there = tmp_path / "runs" / "there"
    process.process.stdin.write(json.dumps(bring(there)) + "\n")
    process.process.stdin.flush()
    end = time.monotonic() + 60
    while len(pushed.asked("GET /lfs/")) < 2:
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.005)
    process.close()
    pushed.failures.let_go()
    assert not there.exists()
    ready.run(bring(there))
    assert (there / "state" / "000004.pt").exists()


@pytest.mark.parametrize("word", ["token", "gated", "broken", "drop", "limit"])
def test_refusals_of_a_fetch_leave_nothing(pushed: HubServer, ready: Process, tmp_path: Path, word: str):
    pushed.failures.add("GET /api/models", word)
    assert "was not fetched" in ready.run(bring(tmp_path / "there"))["error"]
    assert not (tmp_path / "there").exists()


def test_repositories_without_a_run_say_what_can_be_done(hub: HubServer, ready: Process, tmp_path: Path):
    assert ready.run(bring(tmp_path / "there", "user/none"))["reason"] == "missing"
    hub.put(NAME, {"config.json": b"{}", "generator.safetensors": b"w"})
    assert f"--start-from hub:{NAME}" in ready.run(bring(tmp_path / "there"))["error"]
    hub.put(NAME, {"run/config.json": b"{}"})
    assert "no state to go on from yet" in ready.run(bring(tmp_path / "there"))["error"]


@pytest.mark.slow
def test_data_that_is_not_here_is_named(pushed: HubServer, call: Call, tmp_path: Path):
    told = json.loads(pushed.repository(NAME).content("run/config.json"))
    told["train"]["data"] = "pictures/nouns.zip"
    pushed.repository(NAME).change({"run/config.json": json.dumps(told).encode()})
    train = (sys.executable, "-m", "gan_core", "train", "--quiet", f"--resume=hub:{NAME}")
    done = call("two", *train)
    assert done.returncode == 1
    assert "'pictures/nouns.zip', which is not here" in done.stderr
    assert "--data PATH" in done.stderr
    assert not list((tmp_path / "two" / "runs").glob("*"))
    pushed.requests.clear()
    done = call("two", *train, "--data", "shapes", "--steps", "6")
    assert done.returncode == 0, done.stderr
    looked = [line for line in pushed.requests if line.startswith(f"GET /api/models/{NAME}")]
    assert len(looked) == 2, "head and tree, once: between two looks somebody may push"
    fetched = {line.split("/resolve/")[1].split("/")[0] for line in pushed.requests if "/resolve/" in line}
    assert fetched == {pushed.sha(NAME)}
    (folder,) = (tmp_path / "two" / "runs").glob("0*")
    assert RunFolder(folder).status()["step"] == 6
    done = call("two", *train, "--size", "32")
    assert "--size cannot change" in done.stderr


def test_a_run_that_seems_to_be_trained_elsewhere_is_told(pushed: HubServer, ready: Process):
    alive = f"find_run(Address.parse({NAME!r})).alive()"
    assert ready.run(alive) is None, "it has finished"
    for seconds, told in ((30, True), (100_000, False)):
        status = {"state": "running", "step": 4, "pushed_at": time.time() - seconds, "every_s": 600}
        pushed.repository(NAME).change({"run/status.json": json.dumps(status).encode()})
        said = ready.run(alive)
        assert (said is not None) == told
    for damaged in (b"[]", b'{"state": "running", "pushed_at": "yesterday"}'):
        pushed.repository(NAME).change({"run/status.json": damaged})
        assert ready.run(alive) is None
