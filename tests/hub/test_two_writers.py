"""Two people with a model of one repository: nobody's words, weights or version get lost unasked. The real client."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan_core.cards import model_card
from gan_core.weights import read_config
from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer

NAME = "user/ducks"
CARD = "README.md"
READY = """
from gan_core import sync
from gan_core.settings import Settings
def at(place): return Settings(models_dir=Path(place))
def send(place, name="ducks", to=None, **options):
    return sync.push_model(name, Address.parse(to) if to else None, at(place), **options)
def bring(place, address, **options):
    folder, done = sync.pull_model(Address.parse(address), at(place), **options)
    return {"folder": folder.name, **vars(done)}
def stands(place):
    return {one.name: [one.comparison.state, one.pinned, one.unseen] for one in sync.standings(at(place), there=False)}
"""


class Writer:
    """One person's models folder."""

    def __init__(self, process: Process, place: Path) -> None:
        self.process, self.place = process, place

    def __call__(self, work: str, *arguments: object, **options: object) -> Any:
        told = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())])
        return self.process.run(f"{work}({str(self.place)!r}{', ' if told else ''}{told})")

    def card(self, text: str | None = None) -> str:
        path = self.place / "ducks" / CARD
        if text is not None:
            path.write_text(text)
        return path.read_text()


@pytest.fixture
def writers(
    hub: HubServer,  # noqa: ARG001 - it is emptied before each
    client: Process,
    dcgan_folder: Path,
    tmp_path: Path,
) -> Callable[[str], tuple[Writer, ...]]:
    """A and B, who pulled what A pushed with a card."""

    def begin(card: str) -> tuple[Writer, ...]:
        client.run(f"exec({READY!r})")
        a, b = (Writer(client, tmp_path / name) for name in ("a", "b"))
        shutil.copytree(dcgan_folder, a.place / "ducks")
        a.card(card)
        a("send")
        b("bring", NAME)
        assert a.card() == b.card()
        return a, b

    return begin


@pytest.fixture
def card(dcgan_folder: Path) -> str:
    return model_card("ducks", read_config(dcgan_folder, check_network=False), {})


PLAIN = "# Ducks\n\nWritten by hand as a whole.\n"


@pytest.mark.parametrize("take", [None, "mine"])
def test_both_edit_a_card_without_marks(hub: HubServer, writers, take: str | None):
    """It said "pushed" while it sent nothing and took B's line from B's own disk."""
    a, b = writers(PLAIN)
    a.card(f"{PLAIN}A's line.\n")
    a("send")
    head = hub.sha(NAME)
    mine = b.card(f"{PLAIN}B's line.\n")
    planned = b("send", take=take, dry_run=True)
    assert hub.sha(NAME) == head
    done = b("send", take=take)
    assert b.card() == mine
    if take is None:
        for refused in (planned, done):
            assert refused["reason"] == "diverged"
            assert refused["error"].count(CARD) == 2, "both sides are named"
        assert hub.sha(NAME) == head
        assert "A's line" in hub.repository(NAME).content(CARD).decode()
    else:
        assert set(planned["add"]) == set(done["add"]) == {CARD}
        assert hub.repository(NAME).content(CARD).decode() == mine
    b("bring", NAME, take="theirs")
    assert ("A's line" in b.card()) == (take is None)


def test_who_edited_alone_is_heard(hub: HubServer, writers):
    a, b = writers(PLAIN)
    a.card(f"{PLAIN}A's line.\n")
    a("send")
    (b.place / "ducks" / "directions.json").write_text('{"format": 1}')
    b("send")
    assert "A's line" in hub.repository(NAME).content(CARD).decode(), "B changed another file"
    assert "A's line" in b.card()
    a("bring", NAME)
    assert "directions.json" in hub.repository(NAME).files
    mine = a.card(f"{a.card()}More.\n")
    hub.repository(NAME).change({"directions.json": b'{"format": 2}'})
    assert a("send")["reason"] == "diverged"
    assert a("send", take="mine")["add"].keys() == {CARD, "directions.json"}
    assert hub.repository(NAME).content(CARD).decode() == mine


@pytest.mark.parametrize("same", [True, False])
def test_both_edit_a_card_with_marks(hub: HubServer, writers, card: str, same: bool):
    a, b = writers(card)
    a.card(f"{a.card()}\nA's line, below.\n")
    a("send")
    begin = b.card().index("---\n\n<!--") + 4
    mine = f"{b.card()}\nB's line.\n" if same else f"{b.card()[:begin]}B's line, above.\n{b.card()[begin:]}"
    b.card(mine)
    done = b("send")
    if same:
        assert done["reason"] == "diverged"
        assert b.card() == mine, "and so it is as it was"
        assert "B's" not in hub.repository(NAME).content(CARD).decode()
        return
    there = hub.repository(NAME).content(CARD).decode()
    assert "A's line, below." in there
    assert "B's line, above." in there
    assert b.card() == there


def test_a_push_that_brings_nothing_says_that_it_is_behind(writers, card: str):
    a, b = writers(card)
    a.card(f"{a.card()}\nA's line.\n")
    a("send")
    before = b.card()
    assert b("send")["reason"] == "diverged"
    assert b.card() == before
    b("bring", NAME)
    assert "A's line." in b.card()


def test_a_card_whose_past_is_gone_is_no_reason_to_choose(hub: HubServer, writers):
    """The branch was rewritten: at the commit of the last meeting there is nothing any more."""
    a, b = writers(PLAIN)
    repository = hub.repository(NAME)
    del repository.commits[hub.sha(NAME)]
    repository.branches["main"] = next(iter(repository.commits))
    hub.put(NAME, {path.name: path.read_bytes() for path in (a.place / "ducks").iterdir() if path.suffix != ".json"})
    repository.change({"config.json": (a.place / "ducks" / "config.json").read_bytes(), CARD: b"theirs"})
    mine = b.card("mine")
    shutil.rmtree(Path(b.process.run("__import__('huggingface_hub').constants.HF_HUB_CACHE")), ignore_errors=True)
    assert b("send")["reason"] == "diverged"
    assert (b.card(), repository.content(CARD)) == (mine, b"theirs")


def test_what_fails_on_its_way_leaves_the_card_as_it_was(hub: HubServer, writers, card: str):
    a, b = writers(card)
    a.card(f"{a.card()}\nA's line.\n")
    a("send")
    (b.place / "ducks" / "directions.json").write_text('{"format": 1}')
    before = b.card()
    hub.failures.add("/commit/", "quota")
    assert b("send")["reason"] == "quota"
    assert b.card() == before
    hub.failures.rules.clear()
    b("send")
    assert "A's line." in hub.repository(NAME).content(CARD).decode(), "it was forgotten that A had changed it"


# Versions.


def test_what_was_pulled_at_a_tag_stays_there(writers):
    """A sync moved it to the newest commit."""
    a, b = writers(PLAIN)
    a("send", tag="v1")
    a.card(f"{PLAIN}Newer.\n")
    a("send")
    assert b("bring", f"{NAME}@v1", name="oldducks")["folder"] == "oldducks"
    assert b("stands") == {"ducks": ["behind", None, False], "oldducks": ["behind", "v1", False]}
    assert b("bring", NAME)["folder"] == "ducks", "not the one that is pinned"
    assert (b.place / "oldducks" / CARD).read_text() == PLAIN
    assert b("bring", f"{NAME}@v1")["folder"] == "oldducks", "it is the folder of that revision"
    b("bring", NAME, name="oldducks")
    assert b("stands") == {"ducks": ["in sync", None, False], "oldducks": ["in sync", None, False]}


def test_a_tag_that_is_there_is_said_before_anything_is_sent(hub: HubServer, writers):
    """It was pushed, and the tag refused afterwards."""
    a, _ = writers(PLAIN)
    first = a("send", tag="v1")["commit"]
    again = a("send", tag="v1")
    assert (again["commit"], again["add"]) == (first, {})
    a.card("# More\n")
    hub.requests.clear()
    for dry_run in (True, False):
        refused = a("send", tag="v1", dry_run=dry_run)
        assert refused["reason"] == "taken"
        assert first[:8] in refused["error"]
    assert not hub.asked("POST")
    assert hub.sha(NAME) == first
    assert a("send", tag="no tag")["reason"] == "name"
    assert hub.repository(NAME).tags == {"v1": first}
    a("send", tag="v2")
    assert hub.repository(NAME).tags["v2"] == hub.sha(NAME)


# Who may.


def test_whoever_may_not_write_hears_so_first(hub: HubServer, writers, tmp_path: Path):
    a, _ = writers(PLAIN)
    hub.store.accounts["hf_reader"] = Account("user", role="read")
    for token, reason in (("hf_user", "forbidden"), ("hf_reader", "forbidden"), (None, "signed-out")):
        process = Process(hub.endpoint, tmp_path / "home", **({"HF_TOKEN": token} if token else {}))
        process.run(f"exec({READY!r})")
        hub.requests.clear()
        refused = process.run(f"send({str(a.place)!r}, to={'other/ducks' if token == 'hf_user' else NAME!r})")
        assert refused["reason"] == reason
        assert not [line for line in hub.requests if "/api/models" in line or "/api/repos" in line]
        assert process.run("'torch' in sys.modules") is False
        assert process.run("gan_core.hub.files._hashed.cache_info().currsize") == 0
        if token is None:
            assert process.run(f"stands({str(a.place)!r})") == {"ducks": ["only here", None, True]}
            assert process.run("'torch' in sys.modules") is False
        process.close()


def test_who_may_write_is_asked_the_same_way_for_what_is_there_and_what_is_to_be_made(
    hub: HubServer, client: Process, tmp_path: Path
):
    """In an organisation readers make nothing; of what is there the Hub knows who may write to it."""
    hub.store.accounts["hf_user"] = Account("user", organisations={"zoo": "read", "park": "write"})
    client.run("exec('from gan_core.hub.client import refuse_reader')")
    ask = "refuse_reader({!r}, 'x was not pushed', makes={})".format
    for name, makes in (("user/x", True), ("park/x", True), ("park/x", False), ("zoo/x", False)):
        assert client.run(ask(name, makes)) is None
    for name, makes in (("zoo/x", True), ("other/x", True), ("other/x", False)):
        refused = client.run(ask(name, makes))
        assert refused["reason"] == "forbidden"
        assert f"user may not write to {name[:-2]}. Use a name of your own" in refused["error"]
    hub.store.accounts["hf_reader"] = Account("user", role="read")
    reader = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_reader")
    reader.run("exec('from gan_core.hub.client import refuse_reader')")
    for makes in (True, False):
        assert reader.run(ask("user/x", makes))["error"].endswith(
            "the token of user may only read. Use one that may write."
        )
    reader.close()
