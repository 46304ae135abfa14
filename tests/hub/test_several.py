"""`gan-core hub` for several models at once, and what it says of each; commands in one process with the real client."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.hub.conftest import Process
from tests.hub_server import HubServer

READY = """
import contextlib, io, os
from gan_core.cli import main
def call(models, arguments):
    os.environ["GAN_CORE_MODELS"] = models
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            status = ended.code or 0
    return [status, out.getvalue(), err.getvalue()]
"""


class Said(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["model"] or row["repository"]: row for row in json.loads(self.out)}


Run = Callable[..., Said]


@pytest.fixture
def models(dcgan_folder: Path, tmp_path: Path) -> Path:
    """a, b and c."""
    for name in "abc":
        shutil.copytree(dcgan_folder, tmp_path / "shelf" / name)
        (tmp_path / "shelf" / name / "README.md").write_text(f"# {name}\n")
    return tmp_path / "shelf"


@pytest.fixture
def run(hub: HubServer, client: Process, models: Path) -> Run:  # noqa: ARG001 - the Hub is emptied before each
    client.run(f"exec({READY!r})")

    def run(*arguments: str, folder: Path = models, process: Process = client) -> Said:
        return Said(*process.run(f"call({str(folder)!r}, {['hub', *arguments]!r})"))

    return run


@pytest.fixture
def nobody(hub: HubServer, tmp_path: Path) -> Iterator[Process]:
    process = Process(hub.endpoint, tmp_path / "home")
    process.run(f"exec({READY!r})")
    yield process
    process.close()


def test_several_are_pushed_and_one_that_fails_stops_no_other(hub: HubServer, run: Run, models: Path):
    (models / "b" / "generator.safetensors").write_bytes(b"damaged")
    planned = run("push", "a", "c", "--dry-run")
    assert planned.status == 0
    sizes = [path.stat().st_size for name in "ac" for path in (models / name).iterdir()]
    assert planned.out.splitlines()[-1] == f"In all: {len(sizes)} files, {sum(sizes):,} bytes"
    assert "a: send README.md, 4 bytes" in planned.out.splitlines()
    assert hub.store.find("model", "user/a") is None
    done = run("push", "a", "b", "c", "--tag", "v1", "--json")
    assert done.status == 1
    assert [row["done"] for row in done.rows.values()] == ["pushed", "nothing", "pushed"]
    assert "generator.safetensors" in done.rows["b"]["error"]
    for name in "ac":
        row = done.rows[name]
        assert row["commit"] == hub.sha(f"user/{name}") == hub.repository(f"user/{name}").tags["v1"]
        assert row["bytes"] == sum(row["files"].values()) > 1000
    again = run("push", "a", "nobody", "c")
    assert again.status == 1
    assert [line.split()[0] for line in again.out.splitlines()[1:3]] == ["a", "nobody"]
    assert again.err.strip() == f"There is no model 'nobody' in {models}. Nothing was pushed."


def test_all_are_pushed_but_for_what_is_behind_or_pinned(hub: HubServer, run: Run, models: Path):
    assert run("push", "--all").status == 0
    (models / "a" / "README.md").write_text("mine")
    hub.repository("user/b").change({"README.md": b"theirs"})
    hub.repository("user/c").tags["v1"] = hub.sha("user/c")
    assert run("pull", "user/c@v1", "--name", "c").status == 0
    hub.repository("user/c").change({"README.md": b"theirs"})
    hub.requests.clear()
    done = run("push", "--all", "--json")
    assert done.status == 0
    assert len(hub.asked("GET /api/whoami")) == 1, "the Hub does not like to be asked that once for each"
    assert {name: row["done"] for name, row in done.rows.items()} == {"a": "pushed", "b": "nothing", "c": "nothing"}
    assert "pinned at v1" in done.rows["c"]["note"]
    (models / "b" / "README.md").write_text("mine")
    done = run("push", "--all")
    assert done.status == 1
    assert "it changed there too (README.md at" in done.err
    assert run("push", "--all", "--take", "mine").status == 0
    assert hub.repository("user/b").content("README.md") == b"mine"


def test_several_and_all_are_pulled(hub: HubServer, run: Run, tmp_path: Path):
    assert run("push", "--all").status == 0
    other = tmp_path / "other"
    done = run("pull", "user/a", "user/none", "user/b", "--json", folder=other)
    assert done.status == 1
    assert {name: row["done"] for name, row in done.rows.items()} == {
        "a": "pulled",
        "user/none": "nothing",
        "b": "pulled",
    }
    assert "there is no such model" in done.rows["user/none"]["error"]
    assert sorted(path.name for path in other.iterdir()) == ["a", "b"]
    hub.repository("user/a").change({"README.md": b"theirs", "directions.json": None})
    hub.repository("user/c").change({"README.md": b"---\ntags:\n- gan-core\n---\n"})
    planned = run("pull", "--all", "--dry-run", folder=other)
    assert planned.status == 0
    assert "a: fetch README.md, 6 bytes" in planned.out
    assert "In all: " in planned.out
    assert not (other / "c").exists()
    done = run("pull", "--all", "--json", folder=other)
    assert {name: row["done"] for name, row in done.rows.items()} == {"a": "pulled", "b": "nothing", "c": "pulled"}
    (other / "b" / "README.md").write_text("mine")
    hub.repository("user/b").change({"README.md": b"theirs"})
    assert run("pull", "--all", folder=other).status == 1
    assert (other / "b" / "README.md").read_text() == "mine"
    assert run("pull", "--all", "--take", "theirs", folder=other).status == 0
    assert (other / "b" / "README.md").read_text() == "theirs"


@pytest.mark.parametrize(
    "words",
    [
        ("push",),
        ("pull",),
        ("push", "--all", "a"),
        ("pull", "user/a", "user/b", "--name", "x"),
        ("push", "a", "b", "--onto", "1234567"),
        ("push", "a", "user/b", "c"),
        ("push", "a", "--take", "theirs"),
    ],
)
def test_what_cannot_be_meant_is_refused(hub: HubServer, run: Run, words: tuple[str, ...]):
    assert run(*words).status in (1, 2)
    assert not hub.asked("POST")


def test_a_sync_tells_bytes_and_leaves_what_is_pinned(hub: HubServer, run: Run, models: Path):
    """It promised bytes and showed none, and moved what had been pulled at a tag."""
    assert run("push", "--all", "--tag", "v1").status == 0
    assert run("pull", "user/a@v1", "--name", "olda").status == 0
    (models / "c" / "README.md").write_text("mine, longer")
    for name in "ab":
        hub.repository(f"user/{name}").change({"README.md": b"theirs"})
    stands = run("status")
    assert "behind, pinned at v1" in stands.out
    planned = run("sync", "--dry-run")
    assert planned.status == 0
    lines = planned.out.splitlines()
    assert {"b: fetch README.md, 6 bytes", "c: send README.md, 12 bytes", "In all: 3 files, 24 bytes"} <= set(lines)
    assert "olda: pinned at v1, and stays there. By name it moves: gan-core hub pull user/a --name olda" in lines
    for take in ((), ("--take", "mine"), ("--take", "theirs")):
        assert run("sync", *take).status == 0
        assert (models / "olda" / "README.md").read_text() == "# a\n"
    assert (models / "a" / "README.md").read_text() == "theirs"
    assert hub.repository("user/c").content("README.md") == b"mine, longer"
    assert run("pull", "user/a", "--name", "olda").status == 0
    assert (models / "olda" / "README.md").read_text() == "theirs"


def test_what_was_moved_is_told(hub: HubServer, run: Run, models: Path, tmp_path: Path):
    sizes = [path.stat().st_size for path in (models / "a").iterdir()]
    moved = f"{len(sizes)} files, {sum(sizes):,} bytes"
    assert run("push", "a").out == f"a is at user/a, commit {hub.sha('user/a')[:8]}: {moved} sent\n"
    at = f"user/a, commit {hub.sha('user/a')[:8]}"
    for _ in range(2):
        assert run("push", "a", "--tag", "v1").out == f"a was already there: {at}, tagged v1. Nothing had to be sent\n"
    other = tmp_path / "other"
    assert run("pull", "user/a", folder=other).out == f"{other / 'a'} holds {at}: {moved} fetched\n"
    assert run("pull", "user/a", folder=other).out == f"{other / 'a'} held {at} already. Nothing had to be fetched\n"
    (models / "a" / "README.md").write_text("x")
    assert run("push", "a", "--dry-run").out == "send README.md, 1 byte\n1 file, 1 byte\n"


def test_without_a_login_nobody_says_that_a_private_model_is_gone(run: Run, nobody: Process):
    assert run("push", "a").status == 0
    told = run("status", process=nobody)
    assert told.status == 1
    assert [line.split()[:3] for line in told.out.splitlines() if line.startswith("a ")] == [["a", "user/a", "unknown"]]
    assert told.out.count("hf auth login") == 1
    assert run("status", "a", "--json", process=nobody).rows["a"]["state"] is None
    refused = run("push", "a", "b", process=nobody)
    assert refused.status == 1
    assert "you are not signed in" in refused.err
    assert "login" not in refused.err.replace("hf auth login", ""), "there was none that could be refused"
    for words in (("push", "--all"), ("sync", "--new")):
        refused = run(*words, process=nobody)
        assert refused.status == 1
        assert "Not done: " in refused.err
        assert "you are not signed in" in refused.err


def test_whose_repositories_are_not_there_is_said(hub: HubServer, run: Run):
    told = run("status", "--namespace", "nobodysorg")
    assert told.err.startswith("There is nothing of nobodysorg on the Hub that this account may see")
    hub.put("nobodysorg/geese", {"README.md": b"---\ntags:\n- gan-core\n---\n", "config.json": b"{}"})
    told = run("status", "--namespace", "nobodysorg")
    assert told.err == ""
    assert "only there" in told.out


def test_the_address_of_a_page_is_a_name_too(hub: HubServer, run: Run, client: Process, tmp_path: Path):
    assert run("push", "a", "--tag", "v1").status == 0
    assert run("pull", f"{hub.endpoint}/user/a/tree/v1", folder=tmp_path / "other").status == 0
    for page, name in {
        "https://huggingface.co/user/a": "user/a",
        "huggingface.co/user/a/": "user/a",
        " https://hf.co/user/a/blob/v1/README.md?download=1 ": "user/a@v1",
        "https://huggingface.co/user/a/commit/0123abc": "user/a@0123abc",
        "https://huggingface.co/user/a/discussions": "user/a",
        "hub:user/a@v1": "user/a@v1",
    }.items():
        assert client.run(f"str(Address.parse({page!r}))") == name
    for page in (
        "https://huggingface.co/datasets/user/a",
        "https://elsewhere.co/user/a",
        "https://huggingface.co/user",
        "https://[user/a",  # It was a traceback.
    ):
        assert client.run(f"Address.parse({page!r})")["reason"] == "name"


def test_offline_what_is_cached_and_what_is_here_is_named(run: Run, nobody: Process, tmp_path: Path, models: Path):
    """It said that nothing was cached, beside v1 in the cache and the model's own folder."""
    assert run("push", "a", "--public", "--tag", "v1").status == 0
    fetch = "__import__('gan_core.fetched', fromlist=['x']).fetch(Address.parse({!r})).commit"
    nobody.run(f"os.environ.update(GAN_CORE_MODELS={str(models)!r})")
    assert nobody.run(fetch.format("user/a@v1"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        alone = Process(f"http://127.0.0.1:{probe.getsockname()[1]}", tmp_path / "home", GAN_CORE_MODELS=str(models))
        try:
            told = alone.run("exec('from gan_core.fetched import fetch')") or alone.run(
                "fetch(Address.parse('user/a'))"
            )
        finally:
            alone.close()
    assert told["reason"] == "offline"
    assert "Cached is hub:user/a@v1 (since " in told["error"]
    assert told["error"].endswith("a, among the models here, came from this repository: use it by that name.")
