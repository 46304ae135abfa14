"""A bundle to a Space over real HTTP: what moves, what stays, and what an answer that is lost comes to."""

import json
from pathlib import Path
from typing import Any

import pytest

from gan_core.deploy.plan import MANIFEST, There, changes, read_manifest, told_of, write_manifest
from tests.deploy.conftest import Send, space
from tests.hub_server import HubServer

OURS = {"README.md", "index.html", "models/one.onnx", MANIFEST}


# What is thought through.


def files(**contents: str) -> dict[str, Any]:
    return {name: told_of(text.encode()) for name, text in contents.items()}


def there(present: dict[str, Any], deployed: dict[str, Any] | None, untouched: bool = False) -> There:
    return There("c0ffee00", present, deployed, untouched)


@pytest.mark.parametrize(
    ("present", "deployed", "wanted", "send", "delete", "kept", "changed"),
    [
        ({"a": "1"}, {"a": "1"}, {"a": "1"}, "", "", "", ""),
        ({"a": "1"}, {"a": "1"}, {"a": "2"}, "a", "", "", ""),
        ({"a": "1", "b": "1"}, {"a": "1", "b": "1"}, {"a": "1"}, "", "b", "", ""),
        ({"a": "1", "x": "1"}, {"a": "1"}, {"a": "2"}, "a", "", "x", ""),
        ({"a": "9"}, {"a": "1"}, {"a": "2"}, "a", "", "", "a"),
        ({"a": "2"}, {"a": "1"}, {"a": "2"}, "", "", "", ""),
        ({}, {"a": "1"}, {"a": "1"}, "a", "", "", "a"),
        ({}, {"a": "1"}, {}, "", "", "", ""),
        ({"b": "9"}, {"b": "1"}, {}, "", "b", "", "b"),
        ({"a": "9"}, {}, {"a": "1"}, "a", "", "", "a"),
        ({"a": "9"}, None, {"a": "1"}, "a", "", "", "a"),
        ({"a": "1", "b": "1"}, None, {"a": "1"}, "", "", "b", ""),
    ],
    ids=[
        "nothing new",
        "ours is new",
        "ours left the bundle",
        "a person's file stays",
        "changed there",
        "changed there to what we send",
        "deleted there",
        "deleted there and by us",
        "changed there and left the bundle",
        "a person's file of our name",
        "a Space that is not ours",
        "a Space that is not ours with other files",
    ],
)
def test_plan(present, deployed, wanted, send, delete, kept, changed):
    plan = changes(files(**wanted), there(files(**present), None if deployed is None else files(**deployed)))
    told = [" ".join(sorted(names)) for names in (plan.send, plan.delete, plan.kept, plan.changed)]
    assert told == [send, delete, kept, changed]


def test_a_new_space_holds_nothing_of_anybody():
    plan = changes(
        files(**{"index.html": "mine"}), there(files(**{"index.html": "the Hub's", "style.css": "x"}), None, True)
    )
    assert (set(plan.send), plan.delete, plan.kept, plan.changed) == ({"index.html"}, ("style.css",), (), ())


def test_manifest_comes_back_and_is_the_same_for_the_same_files():
    some = files(b="1", a="2")
    told = write_manifest("static", some)
    assert read_manifest(told.decode()) == some
    assert told == write_manifest("static", dict(reversed(some.items())))
    for text in ("", "[]", '{"files": {"a": 3}}', '{"files": 3}', '{"files": {"a": {"size": "x"}}}'):
        assert read_manifest(text) is None


# What moves.


def test_new_space(hub: HubServer, send: Send):
    done = send(private=True)
    assert done["made"]
    assert set(done["send"]) == OURS
    assert done["url"] == f"{hub.endpoint}/spaces/user/page"
    assert set(space(hub).files) == OURS | {".gitattributes"}
    assert space(hub).private
    assert space(hub).more["sdk"] == "static"
    assert len(space(hub).commits) == 2, "the Hub's own, and one of ours"


def test_the_same_again_makes_no_commit(hub: HubServer, send: Send):
    first = send()["commit"]
    again = send()
    assert (again["send"], again["delete"], again["commit"], again["made"]) == ([], [], first, False)
    assert space(hub).head == first
    assert not hub.asked("POST /api/repos/create")[1:]


def test_only_what_changed_is_sent_in_one_commit(hub: HubServer, send: Send, folder: Path):
    send()
    before = len(space(hub).commits)
    (folder / "index.html").write_text("<p>another page</p>")
    (folder / "models" / "one.onnx").rename(folder / "models" / "two.onnx")
    hub.requests.clear()
    done = send()
    assert set(done["send"]) == {"index.html", "models/two.onnx", MANIFEST}
    assert done["delete"] == ["models/one.onnx"]
    assert set(space(hub).files) == {"README.md", "index.html", "models/two.onnx", MANIFEST, ".gitattributes"}
    assert len(space(hub).commits) == before + 1
    assert not hub.asked("PUT"), "the Hub has these weights already"


def test_a_persons_file_stays_and_is_named(hub: HubServer, send: Send, folder: Path):
    send()
    space(hub).change({"notes.txt": b"by a person"})
    (folder / "index.html").write_text("new")
    done = send()
    assert done["kept"] == ["notes.txt"]
    assert space(hub).content("notes.txt") == b"by a person"
    assert space(hub).content("index.html") == b"new"


def test_what_somebody_changed_there_is_not_overwritten_unasked(hub: HubServer, send: Send, folder: Path):
    send()
    head = space(hub).change({"index.html": b"by hand"})
    (folder / "README.md").write_text("new")
    refused = send()
    assert refused["reason"] == "diverged"
    assert "index.html" in refused["error"]
    assert head[:8] in refused["error"]
    assert space(hub).head == head
    assert send(onto="0" * 8)["reason"] == "diverged"
    assert send(onto=head[:8])["send"]
    assert space(hub).content("index.html") == b"<p>page</p>"
    space(hub).change({"index.html": b"again by hand"})
    assert send(force=True)["send"] == ["index.html"]


def test_a_space_of_somebody_elses_making_is_not_overwritten(hub: HubServer, send: Send):
    hub.put("user/page", {"index.html": b"a page of mine"}, "space", sdk="static")
    assert send()["reason"] == "diverged"
    assert space(hub).content("index.html") == b"a page of mine"


def test_a_space_that_an_attempt_left_empty_is_gone_on_with(hub: HubServer, send: Send):
    hub.failures.add("/commit/main", "broken")
    assert send()["reason"] == "down"
    assert set(space(hub).files) == {".gitattributes"}
    hub.failures.rules.clear()
    assert set(send()["send"]) == OURS


# Answers that are lost, and writers that race.


def test_answer_of_the_commit_is_lost(hub: HubServer, send: Send):
    hub.failures.add("/commit/main", "lost", times=1)
    done = send()
    assert done["commit"] == space(hub).head
    assert len(space(hub).commits) == 2, "it was not made twice"


def test_a_space_that_was_not_seen_is_there(hub: HubServer, send: Send):
    """Made by an attempt whose answer was lost, or by somebody a moment ago: creating it answers 409."""
    hub.store.create("space", "user/page", sdk="static")
    hub.failures.add("GET /api/spaces/user/page$", "missing", times=1)
    done = send()
    assert done["commit"] == space(hub).head


def race(hub: HubServer, changed: dict[str, bytes]) -> None:
    """Somebody commits between our look and our commit."""
    repository = space(hub)
    commit, raced = repository.commit, []

    def first_theirs(*arguments: Any) -> str:
        if not raced:
            raced.append(repository.change(changed))
        return commit(*arguments)

    repository.commit = first_theirs


def test_somebody_adds_a_file_meanwhile(hub: HubServer, send: Send, folder: Path):
    send()
    race(hub, {"notes.txt": b"theirs"})
    (folder / "index.html").write_text("mine")
    done = send()
    assert done["commit"] == space(hub).head
    assert space(hub).content("notes.txt") == b"theirs"
    assert space(hub).content("index.html") == b"mine"


def test_somebody_changes_our_file_meanwhile(hub: HubServer, send: Send, folder: Path):
    send()
    race(hub, {"index.html": b"theirs"})
    (folder / "index.html").write_text("mine")
    refused = send()
    assert refused["reason"] == "diverged"
    assert space(hub).content("index.html") == b"theirs"


STAGES = ["whoami", "GET /api/spaces/user/page$", "repos/create", "preupload", "objects/batch", "PUT", "/commit/main"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("word", "reasons"),
    [
        ("token", {"token"}),
        ("payment", {"plan"}),
        ("forbidden", {"forbidden"}),
        ("taken", {"taken"}),
        ("moved", {"moved"}),
        ("limit", {"limit"}),
        ("broken", {"down"}),
        ("drop", {"offline"}),
    ],
)
def test_every_refusal_at_every_stage_is_a_sentence_and_leaves_the_space(
    hub: HubServer, send: Send, stage: str, word: str, reasons: set[str]
):
    hub.failures.add(stage, word)
    refused = send()
    assert refused["reason"] in reasons | ({"down", "offline", "limit", "unknown"} if stage == "PUT" else set()), (
        refused
    )
    assert "user/page" in refused["error"] or "account" in refused["error"]
    found = hub.store.find("space", "user/page")
    assert found is None or set(found.files) == {".gitattributes"}
    assert found is None or len(found.commits) == 1
    hub.failures.rules.clear()
    assert set(send()["send"]) == OURS


# Variables and secrets.


def test_variables_and_secrets_are_set_before_the_files_come(hub: HubServer, send: Send):
    done = send(target="zero-gpu", variables={"GAN_CORE_OWNERS": "carol"}, secrets={"KEY": "s3cret-value"})
    assert space(hub).more["variables"] == {"GAN_CORE_OWNERS": "carol"}
    assert space(hub).more["secrets"] == {"KEY": "s3cret-value"}
    order = [line for line in hub.requests if line.startswith("POST /api/spaces/user/page/")]
    assert order.index("POST /api/spaces/user/page/secrets") < order.index("POST /api/spaces/user/page/commit/main")
    assert "s3cret-value" not in json.dumps(done)
    assert "Setting the secret KEY" in done["told"]
    assert not any(b"s3cret-value" in hub.store.path(blob.sha256).read_bytes() for blob in space(hub).files.values())
    hub.requests.clear()
    send(target="zero-gpu", variables={"GAN_CORE_OWNERS": "carol"})
    assert not hub.asked("POST /api/spaces/user/page/variables"), "it has that value already"


def test_options_do_not_show_secrets():
    from gan_core.deploy.space import Options

    assert "s3cret" not in repr(Options(secrets={"KEY": "s3cret"}))
