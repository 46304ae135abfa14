"""A disk that is full while models come and go, with the real client over HTTP: told in a sentence, nothing torn."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core.cards import model_card
from gan_core.hub.compare import MARK
from gan_core.weights import read_config
from tests.hub.conftest import Process
from tests.hub.test_two_writers import NAME, READY
from tests.hub_server import HubServer

FULL = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, ({}, -1))"
"""No file grows beyond so many bytes."""


@pytest.fixture
def full(client: Process) -> Iterator[Callable[[int], Any]]:
    client.run(f"exec({READY!r})")
    client.run("exec('import resource, signal')")
    yield lambda most: client.run(f"{FULL.format(most)} and None")
    client.run(f"{FULL.format(-1)} and None")


@pytest.fixture
def folder(hub: HubServer, dcgan_folder: Path, tmp_path: Path) -> Path:  # noqa: ARG001 - it is emptied first
    shutil.copytree(dcgan_folder, tmp_path / "shelf" / "ducks")
    return tmp_path / "shelf" / "ducks"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_pull_onto_a_full_disk_leaves_what_was_here(hub: HubServer, client: Process, full, folder: Path):
    """It ended in a traceback where not the fetched file was the one that did not fit."""
    place = str(folder.parent)
    client.run(f"send({place!r})")
    hub.repository(NAME).change({"README.md": b"theirs"})
    before = contents(folder)
    full(len(before["generator.safetensors"]) - 1)
    refused = client.run(f"bring({place!r}, {NAME!r})")
    assert refused["reason"] == "disk"
    assert refused["error"].startswith(f"{NAME} was not pulled: File too large. Nothing was overwritten. Make room or ")
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["ducks"]
    full(-1)
    client.run(f"bring({place!r}, {NAME!r})")
    assert (folder / "README.md").read_bytes() == b"theirs"


@pytest.mark.parametrize("carded", [False, True])
def test_a_push_that_cannot_be_noted_says_that_it_is_there(
    hub: HubServer, client: Process, full, folder: Path, carded: bool
):
    place = str(folder.parent)
    card = model_card("ducks", read_config(folder, check_network=False), {}) if carded else "# Ducks\n"
    (folder / "README.md").write_text(card)
    full(10)
    refused = client.run(f"send({place!r})")
    assert refused["reason"] == "disk"
    if carded:  # It would say how it is loaded from there.
        assert "ducks was not pushed to user/ducks: README.md cannot be written (File too large)." in refused["error"]
        assert hub.store.find("model", NAME) is None
    else:
        assert refused["error"].startswith(f"{NAME} was pushed, but not noted in the folder of ducks: File too large.")
        assert "generator.safetensors" in hub.repository(NAME).files
    assert (folder / "README.md").read_text() == card
    assert not (folder / MARK).exists()
    full(-1)
    assert client.run(f"send({place!r})")["commit"] == hub.sha(NAME)
    assert client.run(f"stands({place!r})") == {"ducks": ["in sync", None, False]}
