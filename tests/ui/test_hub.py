"""The Hub tab's server functions as the page calls them: a real application, the real client, a Hub of our own."""

import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.settings import Settings
from gan_core.ui import assets
from gan_core.ui.hub.diffs import MAX_LINES, _lines
from gan_core.ui.page import build_app
from gan_core.ui.services import Services
from gan_core.ui.tabs import hub as hub_tab
from tests.foreign import Malicious, Reference
from tests.hub_server import Account, HubServer
from tests.hub_tab import HEAD, TOKEN, ducks, serving
from tests.serving import App

WAIT_S = 60.0
OVER = ("done", "failed", "stopped")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub-tab")
    (folder / "models").mkdir()
    return folder


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    """To be copied."""
    return ducks(place / "made" / "ducks")


@pytest.fixture(scope="module")
def app(server: HubServer, place: Path) -> Iterator[App]:
    """Signed in as "user"."""
    with serving(server, place, HF_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    hub.store.accounts[TOKEN] = Account("user")
    return hub


@pytest.fixture
def models(place: Path, model: Path) -> Path:
    """The models folder with one model in it."""
    folder = place / "models"
    for path in folder.iterdir():
        shutil.rmtree(path)
    shutil.copytree(model, folder / "ducks")
    return folder


def later(app: App, name: str, sent: Any = None, headers: dict[str, str] | None = None) -> Any:
    """What a job comes to."""
    begun = app.call("hub", name, sent, headers)
    if not begun["ok"]:
        return begun
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        told = app.call("hub", "hub_poll", {"job": begun["job"]}, headers)
        assert told["ok"], told
        if told["state"] in OVER:
            assert told["state"] == "done", told
            return told["answer"]
    raise AssertionError(f"{name} does not end")


def moved(app: App, kind: str, sent: Any, headers: dict[str, str] | None = None) -> Any:
    """What a push or a pull comes to."""
    begun = app.call("hub", kind, sent, headers)
    if not begun["ok"]:
        return begun
    return ended(app, begun["id"], headers)


def ended(app: App, id: str, headers: dict[str, str] | None = None) -> Any:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        (move,) = [one for one in app.call("hub", "list_moves", {}, headers)["moves"] if one["id"] == id]
        if move["state"] in OVER:
            return move
    raise AssertionError("the move does not end")


def rows(app: App, **sent: Any) -> dict[str, Any]:
    answer = later(app, "look_models", sent)
    assert answer["ok"], answer
    assert "error" not in answer, answer
    return {row["name"]: row for row in answer["rows"]}


@pytest.mark.usefixtures("models")
def test_the_page_opens_without_asking_the_hub(hub: HubServer, app: App):
    answer = app.call("hub", "open_hub")
    assert answer["may"]
    assert not answer["space"]
    assert not hub.requests
    assert later(app, "look_account")["account"] == {"name": "user", "organisations": [], "may_write": True}


def test_a_model_goes_there_and_comes_back(hub: HubServer, app: App, models: Path):
    row = rows(app)["ducks"]
    assert (row["state"], row["repository"], row["kind"]) == ("only here", "user/ducks", "generator")
    assert row["send"]["metrics.json"] == 13
    done = moved(app, "push", {"name": "ducks", "private": True, "tag": "v1"})
    assert done["state"] == "done", done
    assert done["done"] == done["total"] == sum(row["send"].values()) == done["more"]["bytes"]
    assert hub.repository("user/ducks").private
    assert "v1" in hub.repository("user/ducks").tags
    told = later(app, "look_tags", {"repository": "user/ducks"})
    assert (told["tags"], told["free"]) == ([["v1", hub.sha("user/ducks")[:8], True]], "v2")
    assert rows(app)["ducks"]["state"] == "in sync"
    kept = app.call("hub", "open_hub")
    assert [row["state"] for row in kept["rows"]] == ["in sync"]
    assert 0 <= kept["age_s"] < 30

    shutil.rmtree(models / "ducks")
    row = rows(app)["ducks"]
    assert (row["state"], row["fetch"]["metrics.json"]) == ("only there", 13)
    done = moved(app, "pull", {"repository": "user/ducks@v1"})
    assert done["more"]["kind"] == "generator"
    assert done["more"]["undo"] is None, "nothing was replaced"
    assert (models / "ducks" / "metrics.json").read_text() == '{"fid": 31.0}'


def test_states_with_what_would_move(hub: HubServer, app: App, models: Path):
    for name in ("ahead", "behind", "both"):
        shutil.copytree(models / "ducks", models / name)
        assert moved(app, "push", {"name": name})["state"] == "done"
    (models / "ahead" / "metrics.json").write_text("{}")
    hub.repository("user/behind").change({"metrics.json": b'{"fid": 3}', "preview.webp": b"1234"})
    (models / "both" / "README.md").write_text("mine")
    hub.repository("user/both").change({"metrics.json": None})
    found = rows(app)
    assert {name: row["state"] for name, row in found.items()} == {
        "ahead": "ahead",
        "behind": "behind",
        "both": "diverged",
        "ducks": "only here",
    }
    assert found["ahead"]["send"] == {"metrics.json": 2}
    assert found["behind"]["fetch"] == {"metrics.json": 10, "preview.webp": 4}
    assert found["both"]["changed_here"] == ["README.md"]
    assert found["both"]["changed_there"] == ["metrics.json"]
    assert found["both"]["lost_there"] == []
    assert found["both"]["lost_here"] == ["metrics.json"]
    one = later(app, "look_one", {"name": "behind"})["row"]
    assert one == found["behind"]
    assert one["pinned"] is None
    meeting = models / "behind" / ".hub.json"
    meeting.write_text(json.dumps({**json.loads(meeting.read_text()), "pinned": "v1"}))
    assert later(app, "look_one", {"name": "behind"})["row"]["pinned"] == "v1", "Sync all leaves it unless it is ticked"
    assert later(app, "look_one", {"name": "../behind"})["row"] is None


def test_what_changed_on_both_sides_is_shown_and_either_side_can_win(hub: HubServer, app: App, models: Path):
    assert moved(app, "push", {"name": "ducks"})["state"] == "done"
    (models / "ducks" / "metrics.json").write_text('{"fid": 30.0, "mine": true}')
    theirs = {"metrics.json": b'{"fid": 28.5}', "README.md": f"{HEAD}# ducks\n\nof other lines\n".encode()}
    hub.repository("user/ducks").change(theirs)
    told = later(app, "compare_sides", {"name": "ducks", "repository": "user/ducks"})
    assert [line for line in told["card"] if line[0] in "-+"] == [["-", "of two lines"], ["+", "of other lines"]]
    assert told["metrics"][0] == {"label": "fid", "here": "30", "there": "28.5", "change": "+1.5"}
    assert told["config"] == []

    refused = moved(app, "push", {"name": "ducks"})
    assert refused["reason"] == "diverged"
    assert "metrics.json" in refused["error"]
    assert "--" not in refused["error"]
    assert moved(app, "pull", {"repository": "user/ducks", "name": "ducks"})["reason"] == "diverged"
    assert (models / "ducks" / "metrics.json").read_text() == '{"fid": 30.0, "mine": true}'

    done = moved(app, "pull", {"repository": "user/ducks", "name": "ducks", "theirs": True})
    assert (models / "ducks" / "metrics.json").read_bytes() == theirs["metrics.json"]
    assert app.call("hub", "undo", {"id": done["more"]["undo"]})["name"] == "ducks"
    assert (models / "ducks" / "metrics.json").read_text() == '{"fid": 30.0, "mine": true}'
    assert [path.name for path in models.iterdir() if not path.name.startswith(".trash")] == ["ducks"]

    row = rows(app)["ducks"]
    assert row["state"] == "diverged"
    hub.repository("user/ducks").change({"metrics.json": b'{"fid": 28.6}'})
    late = moved(app, "push", {"name": "ducks", "onto": row["head"]})
    assert late["reason"] == "diverged", "what was looked at is not what would be overwritten"
    done = moved(app, "push", {"name": "ducks", "onto": rows(app)["ducks"]["head"]})
    assert done["state"] == "done", done
    assert json.loads(hub.repository("user/ducks").content("metrics.json"))["mine"]


@pytest.mark.parametrize("line", ["", "a\n", "x\ny\nz\n"])
@pytest.mark.timeout(90)  # It takes a second.
def test_a_card_that_says_the_same_over_and_over_is_compared_at_once(line: str):
    """Two thousand lines of one kind took two minutes and a half."""
    mine, theirs = "# Ducks\n" + line * 100_000, "# Ducks\n" + ("a\nb\n" + line) * 50_000
    assert 0 < len(_lines(mine, theirs)) <= MAX_LINES


@pytest.mark.usefixtures("models")
def test_search_and_what_a_repository_can_be_used_for(hub: HubServer, app: App, model: Path):
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    hub.put("bob/ducks", files)
    hub.put("bob/pickled", {"network.pkl": b"no", "README.md": files["README.md"]})
    hub.put("bob/else", {"config.json": b"{}"})
    bert = json.dumps({"architectures": ["BertModel"]}).encode()
    hub.put("bob/bert", {"config.json": bert, "model.safetensors": bytes(2000)})
    hub.put("bob/binary", {"config.json": b"{}", "model.bin": bytes(50_000), "notes.md": b"1234"})
    found = {row["repository"]: row for row in later(app, "find_models", {"words": "", "tag": "gan-core"})["rows"]}
    assert set(found) == {"bob/ducks", "bob/pickled"}
    assert found["bob/ducks"]["bytes"] == sum(map(len, files.values()))
    assert (found["bob/ducks"]["use"], found["bob/pickled"]["use"]) == ("ours", "none")
    found |= {row["repository"]: row for row in later(app, "find_models", {"words": "b", "tag": ""})["rows"]}
    assert found["bob/bert"]["use"] == "none", "Pull was offered, and failed"
    assert "its configuration says BertModel, which is no network" in found["bob/bert"]["why"]
    assert found["bob/binary"]["bytes"] == 50_002, "it said 2 B: weights of others were not counted"
    assert found["bob/binary"]["use"] == "import"
    assert found["bob/binary"]["why"].startswith("Weights of another project (model.bin): an import is tried")
    assert found["bob/ducks"]["tags"] == ["gan-core", "dcgan"]
    assert found["bob/ducks"]["changed_at"].startswith("20")
    assert [row["repository"] for row in later(app, "find_models", {"words": "else", "tag": ""})["rows"]] == [
        "bob/else"
    ]
    look = later(app, "look_repository", {"repository": "bob/ducks"})
    assert (look["use"], look["name"], look["here"]) == ("ours", "ducks-2", None), "ducks is here already"
    assert "# ducks" in look["card"]
    for name, why in {"pickled": "pickles may run code", "else": "holds no weights"}.items():
        look = later(app, "look_repository", {"repository": f"bob/{name}"})
        assert look["use"] is None
        assert why in look["why"]
    done = moved(app, "pull", {"repository": "bob/ducks", "name": "ducks-2"})
    assert (done["state"], done["more"]["kind"]) == ("done", "generator")
    assert later(app, "look_repository", {"repository": "bob/ducks"})["here"] == "ducks-2"
    assert later(app, "look_repository", {"repository": "bob/none"})["reason"] == "missing"
    assert later(app, "look_repository", {"repository": "bob/../x"})["reason"] == "name"


def test_a_checkpoint_of_another_project_is_imported_and_a_pickle_is_not_run(
    hub: HubServer, app: App, models: Path, tmp_path: Path
):
    for name, content in {"reference": Reference().state_dict(), "hostile": Malicious(tmp_path / "ran")}.items():
        file = io.BytesIO()
        torch.save(content, file)
        hub.put(f"bob/{name}", {"netG.pth": file.getvalue()})
    look = later(app, "look_repository", {"repository": "bob/reference"})
    assert (look["use"], [name for name, _ in look["files"]]) == ("import", ["netG.pth"])
    assert look["bytes"] == look["files"][0][1] > 0
    done = moved(app, "pull", {"repository": "bob/reference", "name": look["name"]})
    assert (done["state"], done["more"]["kind"]) == ("done", "generator"), done
    assert (models / "reference" / "generator.safetensors").is_file()
    assert rows(app)["reference"]["state"] == "only here", "it looked behind what it was made of, for ever"
    refused = moved(app, "pull", {"repository": "bob/hostile"})
    assert "was not imported" in refused["error"]
    assert not (models / "hostile").exists()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("failing", "word", "reason", "text"),
    [
        ("/api/repos/create", "forbidden", "forbidden", "Use a name of your own"),
        ("/info/lfs/objects", "quota", "quota", "take a larger plan"),
        ("/commit/", "payment", "plan", "plan does not include"),
        ("POST /api/models/user/ducks/commit", "broken", "down", "Try again later"),
        ("/commit/", "token", "token", "Log in again"),
        ("/api/repos/create", "limit", "limit", "in a few minutes"),
    ],
)
def test_a_push_that_is_refused_says_why_and_what_to_do(
    hub: HubServer, app: App, models: Path, failing, word, reason, text
):
    hub.failures.add(failing, word)
    told = moved(app, "push", {"name": "ducks"})
    assert (told["state"], told["reason"]) == ("failed", reason), told
    assert text in told["error"]
    assert not (models / "ducks" / ".hub.json").exists()
    hub.failures.rules.clear()
    assert moved(app, "push", {"name": "ducks"})["state"] == "done", "and then it goes on"


def test_names_that_are_taken_and_repositories_that_ask_for_consent(hub: HubServer, app: App, models: Path):
    assert moved(app, "push", {"name": "ducks", "tag": "v1"})["state"] == "done"
    (models / "ducks" / "metrics.json").write_text("{}")
    told = moved(app, "push", {"name": "ducks", "tag": "v1"})
    assert told["reason"] == "taken"
    assert "Nothing was sent. Choose another tag." in told["error"]
    assert moved(app, "push", {"name": "ducks", "tag": "no tag"})["reason"] == "name"
    hub.put("bob/shy", {"config.json": b"{}"}).gated = True
    told = moved(app, "pull", {"repository": "bob/shy"})
    assert told["reason"] == "gated"
    assert "Give it on the Hub's page" in told["error"]
    assert moved(app, "push", {"name": "nobody"})["error"].startswith("There is no model 'nobody'")
    assert moved(app, "push", {"name": "../models/ducks"})["ok"] is False
    assert moved(app, "pull", {"repository": "bob/shy", "name": "../x"})["ok"] is False


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("word", "reason"), [("limit", "limit"), ("down", "down"), ("drop", "offline")])
def test_a_hub_that_fails_leaves_the_list_that_was_there(hub: HubServer, app: App, word: str, reason: str):
    moved(app, "push", {"name": "ducks"})
    assert rows(app)["ducks"]["state"] == "in sync"
    hub.failures.add("GET /api/models/", word)
    told = later(app, "look_models")
    assert told["reason"] == reason
    assert "Try again" in told["error"]
    assert told["error"].startswith("The models were not compared: ")
    assert [row["state"] for row in told["rows"]] == ["in sync"], "what was seen before stays"


def test_a_move_can_be_cancelled_before_it_begins_and_in_the_middle(hub: HubServer, app: App, models: Path):
    shutil.copytree(models / "ducks", models / "geese")
    hub.failures.add("PUT", "held")
    first = app.call("hub", "push", {"name": "ducks"})["id"]
    second = app.call("hub", "push", {"name": "geese"})["id"]
    again = app.call("hub", "push", {"name": "geese"})
    assert "being moved already" in again["error"]
    for id in (second, first):
        app.call("hub", "stop_move", {"id": id})
    hub.failures.let_go()
    assert ended(app, second)["state"] == "stopped"
    assert ended(app, first)["state"] == "stopped"
    assert hub.store.find("model", "user/geese") is None
    assert "generator.safetensors" not in hub.repository("user/ducks").files
    assert moved(app, "push", {"name": "ducks"})["state"] == "done"


@pytest.mark.usefixtures("models")
def test_whose_repositories(hub: HubServer, app: App):
    hub.store.accounts[TOKEN] = Account("user", organisations={"lab": "write", "club": "read"})
    account = later(app, "look_account", {"fresh": True})["account"]
    assert account["organisations"] == ["lab"]
    assert rows(app, namespace="lab")["ducks"]["repository"] == "lab/ducks"
    moved(app, "push", {"name": "ducks", "namespace": "lab", "private": False})
    assert not hub.repository("lab/ducks").private
    assert rows(app)["ducks"]["repository"] == "lab/ducks", "it belongs there from now on"
    hub.store.accounts[TOKEN] = Account("user", role="read")
    assert later(app, "look_account", {"fresh": True})["account"]["may_write"] is False
    hub.store.accounts[TOKEN] = Account("user")
    later(app, "look_account", {"fresh": True})


def test_no_token_in_what_is_said_or_written(hub: HubServer, app: App, models: Path, place: Path):
    said = [app.call("hub", "open_hub"), later(app, "look_account", {"fresh": True}), later(app, "look_models")]
    hub.failures.add("/commit/", "token", times=1)
    said += [moved(app, "push", {"name": "ducks"}), moved(app, "push", {"name": "ducks"})]
    said += [later(app, "find_models", {"words": ""}), app.call("hub", "list_moves"), app.get("/config")]
    assert TOKEN not in json.dumps(said) + app.log()
    assert not any(TOKEN.encode() in body for body in hub.bodies)
    for path in (*models.rglob("*"), *(place / "runs").rglob("*"), *(place / "home").rglob("*")):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.usefixtures("hub", "models")
def test_many_questions_at_once_do_not_cut_each_other_off(app: App):
    """A new time-out before each request closed the connections of the others: "the client has been closed"."""
    moved(app, "push", {"name": "ducks"})
    sent = [("look_models", {}), ("look_account", {"fresh": True}), ("find_models", {"words": ""})] * 6
    with ThreadPoolExecutor(len(sent)) as pool:
        answers = list(pool.map(lambda one: later(app, *one), sent))
    assert all(answer["ok"] and "error" not in answer for answer in answers), answers


def test_the_page_offers_what_its_scripts_ask_for(tmp_path: Path):
    services = Services(Settings(models_dir=tmp_path, runs_dir=tmp_path, data_dir=tmp_path))
    (component,) = [one for one in build_app(services).blocks.values() if getattr(one, "elem_id", "") == "hub"]
    script = component.js_on_load
    names = re.findall(r"^(?:const|let|function|async function) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names)), "they are one function's body"
    assert not set("`$") & set(assets.text("hub.html"))
    own = assets.script(*(name for name in hub_tab.SCRIPTS if name.startswith("hub")))
    asked = set(re.findall(r'(?:ask\(server,|hubLater\() ?"(\w+)"', own)) | {"push", "pull"}
    assert asked == {function.__name__ for function in component.server_fns}
