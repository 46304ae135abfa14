"""`gan-core hub sync` where both sides changed, and whose repository a bare name is."""

from pathlib import Path

import pytest

from gan_core.cards import model_card
from gan_core.weights import read_config
from tests.hub.conftest import Process
from tests.hub.test_several import Run, models, nobody, run
from tests.hub_server import Account, HubServer

__all__ = ["models", "nobody", "run"]


@pytest.fixture
def carded(hub: HubServer, run: Run, models: Path) -> Path:
    """The folder of a model whose card people changed on both sides: above what is generated here, below it there."""
    folder = models / "a"
    card = folder / "README.md"
    card.write_text(model_card("a", read_config(folder, check_network=False), {}))
    assert run("push", "--all").status == 0
    there = hub.repository("user/a").content("README.md").decode()
    hub.repository("user/a").change({"README.md": f"{there}\nTheirs, below.\n".encode()})
    head, fence, text = card.read_text().partition("\n---\n")
    card.write_text(f"{head}{fence}Mine, above.\n{text}")
    return folder


def test_a_sync_brings_together_what_people_wrote_into_one_card(hub: HubServer, run: Run, carded: Path):
    """It refused as diverged what a push of the same model merged."""
    before, commit = (carded / "README.md").read_text(), hub.sha("user/a")
    planned = run("sync", "--dry-run")
    assert planned.status == 0, planned.err
    assert planned.err == ""
    told = "a: README.md was changed there meanwhile: it would hold the words of both sides"
    assert told in planned.out.splitlines()
    assert "a: send README.md, " in planned.out
    assert ((carded / "README.md").read_text(), hub.sha("user/a")) == (before, commit)
    done = run("sync", "--json")
    assert done.status == 0, done.err
    assert done.rows["a"]["done"] == "pushed"
    assert done.rows["a"]["note"] == "README.md was changed there meanwhile: it holds the words of both sides"
    for card in ((carded / "README.md").read_text(), hub.repository("user/a").content("README.md").decode()):
        assert "Mine, above." in card
        assert "Theirs, below." in card
    assert {row["state"] for row in run("status", "--json").rows.values()} == {"in sync"}
    again = run("sync", "--json")
    assert (again.rows["a"]["done"], again.rows["a"]["note"]) == ("nothing", None)


@pytest.mark.parametrize("what", ["the same lines", "another file", "strangers"])
def test_a_sync_refuses_what_no_push_would_bring_together(hub: HubServer, run: Run, carded: Path, what: str):
    repository, card = hub.repository("user/a"), carded / "README.md"
    if what == "the same lines":
        card.write_text(f"{card.read_text()}\nMine, below.\n")
        sides = "a changed on both sides (here README.md; there README.md)."
    elif what == "another file":
        repository.change({"directions.json": b"{}"})
        sides = "a changed on both sides (here README.md; there README.md, directions.json)."
    else:
        (carded / ".hub.json").unlink()
        sides = "a never was the same as user/a, for all that is known (README.md)."
    mine, head = card.read_text(), hub.sha("user/a")
    for words in (("--dry-run",), ()):
        hub.requests.clear()
        refused = run("sync", *words)
        assert refused.status == 1
        assert refused.err == f"{sides} Nothing was done. Choose with --take mine or theirs.\n"
        assert not hub.asked("POST /api/models/user/a/commit")
        assert (card.read_text(), hub.sha("user/a")) == (mine, head)
    assert run("sync", "--take", "mine").status == 0
    assert "Mine, above." in repository.content("README.md").decode()


def test_a_bare_name_is_that_of_the_namespace(
    hub: HubServer, run: Run, models: Path, tmp_path: Path, client: Process, nobody: Process
):
    """`pull --namespace` was passed over in silence."""
    hub.store.accounts["hf_user"] = Account("user", organisations={"zoo": "write"})
    other = tmp_path / "other"
    for name, card in (("user/a", "mine"), ("zoo/a", "theirs"), ("zoo/b", "# b")):
        (models / name[-1] / "README.md").write_text(card)
        assert run("push", name[-1], name).status == 0
        (models / name[-1] / ".hub.json").unlink()
    assert run("pull", "a", "b", "--namespace", "zoo", folder=other).status == 0
    assert (other / "a" / "README.md").read_text() == "theirs"
    assert (other / "b" / "README.md").read_text() == "# b"
    assert run("pull", "a", "--name", "own", folder=other).status == 0, "by now it belongs to the zoo's"
    assert (other / "own" / "README.md").read_text() == "theirs"
    third = tmp_path / "third"
    hub.repository("user/a").tags["v1"] = hub.sha("user/a")
    told = run("pull", "a@v1", folder=third)
    assert told.out.startswith(f"{third / 'a'} holds user/a@v1, commit {hub.sha('user/a')[:8]}: ")
    assert (third / "a" / "README.md").read_text() == "mine", "else it is one's own"
    refused = run("pull", "user/a", "--namespace", "zoo", folder=third)
    assert refused.status == 1
    assert refused.err == "Error: user/a is not of zoo. Nothing was fetched. Leave --namespace out.\n"
    hub.requests.clear()
    refused = run("push", "a", "user/a", "--namespace", "zoo")
    assert refused.err == "Error: user/a is not of zoo. Nothing was sent. Leave --namespace out.\n"
    assert not hub.requests
    refused = run("pull", "a", folder=tmp_path / "fourth", process=nobody)
    assert refused.status == 1
    assert "it is not said whose" in refused.err
    assert client.run("account()['organisations']") == ["zoo"]
