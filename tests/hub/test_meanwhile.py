"""Who works on a model while it is sent or fetched loses nothing. The real client over HTTP."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gan_core.cards import model_card
from gan_core.weights import read_config
from tests.hub.conftest import Process
from tests.hub.test_two_writers import READY
from tests.hub_server import HubServer

NAME = "user/ducks"
CARD = "README.md"
MEANWHILE = """
def meanwhile(path, text, begins=1):
    def progress(done, total):
        if done >= begins:
            Path(path).write_text(text)
    return progress
"""


@pytest.fixture
def ready(hub: HubServer, client: Process) -> Process:  # noqa: ARG001 - the Hub is emptied before each
    client.run(f"exec({(READY + MEANWHILE)!r})")
    return client


@pytest.fixture
def shelf(ready: Process, dcgan_folder: Path, tmp_path: Path) -> Path:
    """A models folder whose ducks are at the Hub, with a card that people and the program write together."""
    shelf = tmp_path / "shelf"
    shutil.copytree(dcgan_folder, shelf / "ducks")
    (shelf / "ducks" / CARD).write_text(model_card("ducks", read_config(dcgan_folder, check_network=False), {}))
    ready.run(f"send({str(shelf)!r})")
    return shelf


@pytest.mark.parametrize("take", [None, "theirs"])
def test_what_is_written_here_during_a_pull_stays(hub: HubServer, ready: Process, shelf: Path, take: str | None):
    """It went with the folder that was replaced."""
    hub.repository(NAME).change({"directions.json": b'{"format": 1}'})
    card = shelf / "ducks" / CARD
    change = f"meanwhile({str(card)!r}, 'written meanwhile')"
    refused = ready.run(f"bring({str(shelf)!r}, {NAME!r}, take={take!r}, progress={change})")
    assert refused["reason"] == "diverged"
    assert "while it was fetched" in refused["error"]
    assert card.read_text() == "written meanwhile"
    assert ready.run(f"stands({str(shelf)!r})")["ducks"][0] == "diverged"
    assert [path.name for path in shelf.iterdir()] == ["ducks"]


def test_what_is_written_into_the_card_during_a_push_that_fails_stays(hub: HubServer, ready: Process, shelf: Path):
    """The card was put back as it had been before the push."""
    card = shelf / "ducks" / CARD
    theirs = hub.repository(NAME).content(CARD).decode()
    hub.repository(NAME).change({CARD: f"{theirs}\nTheirs.\n".encode()})
    (shelf / "ducks" / "directions.json").write_text('{"format": 1}')
    hub.failures.add("/commit/", "quota")
    refused = ready.run(f"send({str(shelf)!r}, progress=meanwhile({str(card)!r}, 'written meanwhile', 0))")
    assert refused["reason"] == "quota"
    assert card.read_text() == "written meanwhile"


def test_what_is_written_into_the_card_while_it_is_merged_stays(hub: HubServer, ready: Process, shelf: Path):
    card = shelf / "ducks" / CARD
    theirs = hub.repository(NAME).content(CARD).decode()
    head = hub.repository(NAME).change({CARD: f"{theirs}\nTheirs.\n".encode()})
    (shelf / "ducks" / "directions.json").write_text('{"format": 1}')
    ready.run(
        f"""exec('''
import gan_core.cards.travelling as travelling
def late(*args, **options):
    Path({str(card)!r}).write_text("written meanwhile")
    return original(*args, **options)
original, travelling.merged = travelling.merged, late
''')"""
    )
    try:
        refused = ready.run(f"send({str(shelf)!r})")
    finally:
        ready.run("setattr(travelling, 'merged', original)")
    assert refused["reason"] == "diverged"
    assert card.read_text() == "written meanwhile"
    assert hub.sha(NAME) == head


def test_folders_and_links_of_ones_own_stay(hub: HubServer, ready: Process, shelf: Path):
    """Of a model folder that is a checkout of git, say."""
    folder = shelf / "ducks"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "originals").mkdir()
    (folder / "originals" / "a.txt").write_text("mine")
    (folder / "newest").symlink_to("originals/a.txt")
    (folder / "elsewhere").symlink_to("/nowhere")
    hub.repository(NAME).change({"directions.json": b'{"format": 1}'})
    ready.run(f"bring({str(shelf)!r}, {NAME!r})")
    assert (folder / "directions.json").exists()
    assert (folder / "originals" / "a.txt").read_text() == "mine"
    assert (folder / ".git" / "HEAD").exists()
    assert (folder / "newest").read_text() == "mine"
    assert (folder / "elsewhere").readlink() == Path("/nowhere")


def test_a_tag_for_what_is_pinned_leaves_it_pinned(hub: HubServer, ready: Process, shelf: Path):
    """The next sync moved it to the newest commit."""
    hub.repository(NAME).tags["v1"] = hub.sha(NAME)
    ready.run(f"bring({str(shelf)!r}, '{NAME}@v1')")
    assert ready.run(f"send({str(shelf)!r}, tag='stable')")["add"] == {}
    assert hub.repository(NAME).tags["stable"] == hub.sha(NAME)
    assert ready.run(f"stands({str(shelf)!r})") == {"ducks": ["in sync", "v1", False]}


def test_who_is_first_by_a_moment_is_named(hub: HubServer, ready: Process, dcgan_folder: Path):
    """Two first pushes: there is no head that was looked at, and what is there now is what counts."""
    create = hub.store.create

    def quicker(*args, **options):
        made = create(*args, **options)
        made.change({CARD: b"theirs"})
        return made

    hub.store.create = quicker
    try:
        refused = ready.run(f"send({str(dcgan_folder.parent)!r}, name={dcgan_folder.name!r}, to={NAME!r})")
    finally:
        hub.store.create = create
    assert refused["reason"] == "diverged"
    assert f"something at {hub.sha(NAME)[:8]} that never was the same" in refused["error"]
    assert f"--onto {hub.sha(NAME)[:8]}" in refused["error"]
    assert hub.repository(NAME).content(CARD) == b"theirs"


def test_a_folder_that_never_was_the_same_is_said_to_be_another(hub: HubServer, ready: Process, shelf: Path):
    """It was said to have changed here, of a model that has nothing to do with that repository."""
    hub.put("bob/ducks", {"config.json": b"{}", "generator.safetensors": b"other"})
    before = (shelf / "ducks" / "config.json").read_bytes()
    refused = ready.run(f"bring({str(shelf)!r}, 'bob/ducks')")
    assert refused["reason"] == "diverged"
    assert (
        "never was the same as that repository. Nothing was overwritten. Give what is there another" in refused["error"]
    )
    assert (shelf / "ducks" / "config.json").read_bytes() == before
