"""Push and pull with the real client over HTTP: one commit, verified folders, nobody's work lost."""

import json
from pathlib import Path

import pytest

from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer

NAME = "user/ducks"

BOARD = """
from gan_core.settings import Settings
from gan_core.ui.hub.accounts import Accounts
from gan_core.ui.hub.status import Board
from gan_core.ui.services import Services
def look(models):
    return list(Board(Services(Settings(models_dir=Path(models))), Accounts()).look_models(token=None))[-1]["rows"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ducks"
    folder.mkdir()
    (folder / "config.json").write_text('{"format": 1}')
    (folder / "generator.safetensors").write_bytes(b"w" * 50_000)
    (folder / "README.md").write_text("# ducks\n")
    (folder / "notes.txt").write_text("mine alone")
    (folder / "token.pkl").write_bytes(b"never")
    return folder


def push(folder: Path, **options: object) -> str:
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"push(Path({str(folder)!r}), Address.parse({NAME!r}){more})"


def pull(folder: Path, name: str = NAME, **options: object) -> str:
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"pull(Address.parse({name!r}), Path({str(folder)!r}), lambda folder: None{more})"


def state(folder: Path) -> str:
    where = f"Path({str(folder)!r})"
    return f"compare(local_files({where}), remote_files(Address({NAME!r})), read_meeting({where}, {NAME!r})).state"


def test_a_push_is_one_commit_of_what_travels(hub: HubServer, client: Process, folder: Path):
    assert client.run(state(folder)) == "only here"
    done = client.run(push(folder, tag="v1"))
    repository = hub.repository(NAME)
    assert repository.private
    assert done["commit"] == repository.head == repository.tags["v1"]
    assert len(repository.commits) == 2, "the first one, and this"
    assert set(repository.files) == {".gitattributes", "config.json", "generator.safetensors", "README.md"}
    assert repository.content("generator.safetensors") == b"w" * 50_000
    assert client.run(state(folder)) == "in sync"
    before = repository.head
    client.run(push(folder))
    assert repository.head == before, "nothing changed, nothing is committed"


def test_the_second_push_sends_what_changed_alone(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    (folder / "README.md").write_text("# better ducks\n")
    (folder / "config.json").unlink()
    (folder / "config2.json").write_text("{}")
    assert client.run(state(folder)) == "ahead"
    hub.requests.clear()
    done = client.run(push(folder))
    assert set(done["add"]) == {"README.md", "config2.json"}
    assert done["delete"] == ["config.json"]
    assert not hub.asked("PUT"), "weights are not sent again"
    assert "config.json" not in hub.repository(NAME).files


def test_a_pull_brings_the_same_bytes_and_keeps_what_is_ones_own(hub, client: Process, folder: Path, tmp_path: Path):
    client.run(push(folder))
    other = tmp_path / "other"
    client.run(pull(other))
    assert (other / "generator.safetensors").read_bytes() == (folder / "generator.safetensors").read_bytes()
    hub.repository(NAME).change({"config.json": b'{"format": 2}'})
    assert client.run(state(folder)) == "behind"
    client.run(pull(folder))
    assert json.loads((folder / "config.json").read_text()) == {"format": 2}
    assert (folder / "notes.txt").read_text() == "mine alone"
    assert client.run(state(folder)) == "in sync"


def test_who_comes_second_is_told_and_nothing_is_overwritten(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    hub.repository(NAME).change({"config.json": b"theirs"})
    (folder / "README.md").write_text("mine")
    refused = client.run(push(folder))
    assert refused["reason"] == "diverged"
    assert "config.json" in refused["error"]
    assert "README.md" in refused["error"]
    assert hub.repository(NAME).content("config.json") == b"theirs"
    refused = client.run(pull(folder))
    assert refused["reason"] == "diverged"
    assert (folder / "README.md").read_text() == "mine"


def test_ways_out_of_a_divergence(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    head = hub.repository(NAME).change({"config.json": b"theirs"})
    (folder / "README.md").write_text("mine")
    assert client.run(push(folder, onto="0000000"))["reason"] == "diverged"
    client.run(push(folder, onto=head[:8]))
    assert hub.repository(NAME).content("config.json") == b'{"format": 1}'
    hub.repository(NAME).change({"config.json": b"theirs again"})
    (folder / "README.md").write_text("mine again")
    client.run(pull(folder, take_theirs=True))
    assert (folder / "config.json").read_bytes() == b"theirs again"
    assert (folder / "README.md").read_text() == "mine"


def test_a_revision_overwrites_no_more_than_the_newest_does(hub: HubServer, client: Process, folder: Path):
    """A tag was pulled over what had been changed here, unasked."""
    client.run(push(folder, tag="v1"))
    hub.repository(NAME).change({"config.json": b'{"format": 2}'})
    client.run(pull(folder))
    client.run(pull(folder, f"{NAME}@v1"))
    assert json.loads((folder / "config.json").read_text()) == {"format": 1}, "nothing of one's own is lost by it"
    (folder / "README.md").write_text("mine")
    hub.repository(NAME).tags["v2"] = hub.sha(NAME)
    refused = client.run(pull(folder, f"{NAME}@v2"))
    assert refused["reason"] == "diverged"
    assert (folder / "README.md").read_text() == "mine"
    client.run(pull(folder, f"{NAME}@v2", take_theirs=True))
    assert (folder / "README.md").read_text() == "# ducks\n"


def test_texts_are_small_whoever_wrote_them(hub: HubServer, client: Process):
    hub.put(NAME, {"README.md": b"x" * 6_000_000})
    read = f"read_text(Address({NAME!r}), 'README.md', {hub.sha(NAME)!r})"
    client.run("exec('from gan_core.hub.pull import read_text')")
    refused = client.run(read)
    assert refused["reason"] == "foreign"
    assert "larger than 4 MB" in refused["error"]
    hub.put(NAME, {"README.md": b"# ducks, and more\n"})
    read = f"read_text(Address({NAME!r}), 'README.md', {hub.sha(NAME)!r}, most=7)"
    assert client.run(read) == "# ducks"


def test_what_was_compared_is_told_so_that_nobody_asks_again(hub: HubServer, client: Process, folder: Path):
    client.run("exec('from gan_core.sync import standing')")
    seen = f"standing(Path({str(folder)!r}), Address({NAME!r}))"
    told = client.run(seen)
    assert (told["comparison"]["state"], told["there"]) == ("only here", None)
    assert told["here"]["generator.safetensors"]["size"] == 50_000
    head = client.run(push(folder))["commit"]
    hub.requests.clear()
    told = client.run(seen)
    assert told["there"]["head"] == head
    assert told["there"]["files"].keys() == told["here"].keys()
    assert list(told["there"]["foreign"]) == [".gitattributes"]
    assert len(hub.asked("GET /api/models/user/ducks/tree/")) == 1


def test_the_hub_tab_asks_once_for_what_a_row_tells(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    (folder / "README.md").write_text("# more ducks\n")
    head = hub.repository(NAME).change({"config.json": b"{}"})
    hub.requests.clear()
    client.run(f"exec({BOARD!r})")
    rows = {row["name"]: row for row in client.run(f"look({str(folder.parent)!r})")}
    ducks = rows["ducks"]
    assert (ducks["state"], ducks["head"]) == ("diverged", head)
    assert ducks["send"] == {"README.md": 13, "config.json": 13}
    assert ducks["fetch"] == {"README.md": 8, "config.json": 2}
    assert len(hub.asked("GET /api/models/user/ducks/tree/")) == 1


@pytest.mark.parametrize("asked", ["user/ducks$", "user/ducks/tree/"])
def test_a_hub_that_does_not_answer_is_given_up(hub: HubServer, client: Process, folder: Path, asked: str):
    """The client asks for no time-out with these questions, whatever its connection's is: they waited for ever."""
    client.run(push(folder))
    hub.failures.add(f"GET /api/models/{asked}", "slow")
    client.run("globals().update(limit=gan_core.hub.client.TIMEOUT_S)")
    client.run("setattr(gan_core.hub.client, 'TIMEOUT_S', 0.4)")
    assert client.run(state(folder))["reason"] == "offline"
    client.run("setattr(gan_core.hub.client, 'TIMEOUT_S', limit)")


def test_two_writers_race_and_neither_loses_work(hub: HubServer, client: Process, folder: Path):
    """The other commit comes between the look and the commit."""
    client.run(push(folder))
    (folder / "README.md").write_text("mine")
    repository = hub.repository(NAME)
    original = repository.commit

    def late(edit, parent, title, branch):
        repository.change({"config.json": b"theirs"})
        repository.commit = original
        return original(edit, parent, title, branch)

    repository.commit = late
    refused = client.run(push(folder))
    assert refused["reason"] == "diverged"
    assert repository.content("config.json") == b"theirs"
    assert (folder / "README.md").read_text() == "mine"


@pytest.mark.parametrize("stage", ["/preupload/", "PUT /lfs", "/commit/", "/info/lfs"])
def test_a_connection_that_drops_changes_nothing_and_the_next_push_does(
    hub: HubServer, client: Process, folder: Path, stage: str
):
    client.run(push(folder))
    before = hub.repository(NAME).head
    (folder / "generator.safetensors").write_bytes(b"v" * 50_000)
    hub.failures.add(stage, "drop", times=1 if stage == "/commit/" else 12)
    refused = client.run(push(folder))
    assert refused["reason"] == "offline"
    assert hub.repository(NAME).head == before
    hub.failures.rules.clear()
    client.run(push(folder))
    assert hub.repository(NAME).content("generator.safetensors") == b"v" * 50_000


def test_a_lost_answer_is_not_a_lost_commit(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    (folder / "README.md").write_text("new")
    hub.failures.add("/commit/", "lost", times=1)
    done = client.run(push(folder))
    assert done["commit"] == hub.repository(NAME).head
    assert len(hub.repository(NAME).commits) == 3, "made once"
    assert client.run(state(folder)) == "in sync"


def test_a_byte_that_flips_on_the_way_is_found(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    hub.repository(NAME).change({"generator.safetensors": b"x" * 70_000})
    before = (folder / "generator.safetensors").read_bytes()
    hub.failures.add("GET /lfs/", "flip", times=2)
    refused = client.run(pull(folder))
    assert "damaged twice" in refused["error"], "it was fetched once more"
    assert refused["reason"] == "damaged"
    assert (folder / "generator.safetensors").read_bytes() == before
    client.run(pull(folder))
    assert (folder / "generator.safetensors").read_bytes() == b"x" * 70_000
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("token", "token"),
        ("forbidden", "forbidden"),
        ("quota", "quota"),
        ("gated", "gated"),
        ("limit", "limit"),
        ("payment", "plan"),
        ("broken", "down"),
    ],
)
def test_refusals_of_a_push_tell_what_to_do(hub: HubServer, client: Process, folder: Path, word: str, reason: str):
    client.run(push(folder))
    before = hub.repository(NAME).head
    (folder / "README.md").write_text("new")
    hub.failures.add("POST .*/commit/", word)
    refused = client.run(push(folder))
    assert refused["reason"] == reason
    assert refused["error"].startswith(f"{folder.name} was not pushed to {NAME}: ")
    assert hub.repository(NAME).head == before


def test_a_repository_of_others_cannot_be_written(hub: HubServer, client: Process, folder: Path):
    hub.store.accounts["hf_other"] = Account("other")
    hub.put("other/ducks", {"config.json": b"{}"})
    refused = client.run(push(folder, take_mine=True).replace(NAME, "other/ducks"))
    assert refused["reason"] == "forbidden"
    refused = client.run(push(folder).replace(NAME, "other/new"))
    assert refused["reason"] == "forbidden"


def test_names_that_leave_the_folder_stay_where_they_are(hub: HubServer, client: Process, tmp_path: Path):
    files = {
        "config.json": b"{}",
        "../evil.json": b"x",
        "a/../../evil.json": b"x",
        "model.pkl": b"x",
        "/etc/x.json": b"x",
    }
    hub.put(NAME, files)
    target = tmp_path / "deep" / "ducks"
    client.run(pull(target))
    assert sorted(path.name for path in target.iterdir()) == [".hub.json", "config.json"]
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == [".hub.json", "config.json"]


def test_a_folder_that_fails_its_check_changes_nothing(hub: HubServer, client: Process, folder: Path):
    client.run(push(folder))
    hub.repository(NAME).change({"config.json": b"broken"})
    refused = client.run(pull(folder).replace("lambda folder: None", "lambda folder: Address.parse('not a name')"))
    assert "error" in refused
    assert (folder / "config.json").read_text() == '{"format": 1}'


@pytest.mark.parametrize("name", ["a/b/c", "", "../x", "a b/c", "@main", "user/x@../y", "user/..", "hub:"])
def test_names_of_another_form_are_refused_before_anything_is_asked(hub: HubServer, client: Process, name: str):
    assert client.run(f"Address.parse({name!r})")["reason"] == "name"
    assert not hub.requests


def test_who_is_signed_in(hub: HubServer, client: Process):
    hub.store.accounts["hf_user"].organisations["ducklings"] = "write"
    hub.store.accounts["hf_user"].organisations["watchers"] = "read"
    told = client.run("account()")
    assert told == {"name": "user", "organisations": ["ducklings"], "may_write": True}
