"""A run of the Hub gone on with from the Training tab: looked at, refused, fetched, cancelled, started."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.mirror import Wish, read_wish
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from tests.hub.conftest import Process
from tests.hub_server import HubServer
from tests.training.tiny import config
from tests.ui.lab_hub import NAME, Lab, started, without_tokens


@pytest.fixture(scope="module")
def process(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = started(server.endpoint, tmp_path_factory.mktemp("home"))
    yield process
    process.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RunFolder(tmp_path_factory.mktemp("trained") / "00007-dcgan-shapes")
    run.create(config("dcgan", 4))
    list(train(run.config(), run))
    return run.path


@pytest.fixture
def lab(process: Process, tmp_path: Path) -> Lab:
    return Lab(process, tmp_path / "runs")


@pytest.fixture
def pushed(hub: HubServer, process: Process, trained: Path) -> HubServer:
    """A Hub with the run in it."""
    shutil.rmtree(trained / "mirror", ignore_errors=True)
    push = f"push_run(RunFolder(Path({str(trained)!r})), Wish({NAME!r})).commit"
    names = (
        "from gan_core.mirror.pushing import push as push_run; from gan_core.mirror import Wish; "
        "from gan_core.training.run_folder import RunFolder"
    )
    process.run(f"exec({names!r})")
    assert process.run(push) == hub.sha(NAME)
    return hub


def changed(hub: HubServer, **train) -> None:
    """The run there with another configuration."""
    told = json.loads(hub.repository(NAME).content("run/config.json"))
    told["train"].update(train)
    hub.repository(NAME).change({"run/config.json": json.dumps(told).encode()})


def looked(lab: Lab, name: str = NAME) -> dict:
    return lab.ended(lab("bring_look", name=name)["job"])


def brought(lab: Lab, **more) -> dict:
    begun = lab("bring_start", **{"name": NAME, **more})
    return lab.ended(begun["job"]) if begun["ok"] else begun


def nothing_is_left(lab: Lab) -> None:
    assert not list(lab.runs.glob("*0*")), "no run, and nothing half"
    assert not lab.launched


@pytest.mark.usefixtures("pushed")
def test_it_is_looked_at_before_anything_large_is_fetched(lab: Lab, pushed: HubServer):
    pushed.requests.clear()
    found = looked(lab)["found"]
    assert (found["family"], found["data"], found["size"]) == ("dcgan", "shapes", 16)
    assert (found["step"], found["total_steps"], found["data_here"], found["alive"]) == (4, 4, True, None)
    state = pushed.repository(NAME).files["run/state/000004.pt"].size
    assert state < found["bytes"] < state + 100_000
    assert not [line for line in pushed.requests if "state" in line and "/resolve/" in line]
    nothing_is_left(lab)


def test_it_is_fetched_and_trained_on_and_pushed(lab: Lab, pushed: HubServer, trained: Path):
    done = brought(lab, steps=9, push={"to": NAME, "minutes": 2})
    assert done["state"] == "done", done
    assert lab.launched == [done["run"]]
    run = RunFolder(lab.runs / done["run"])
    assert (run.status()["state"], run.status()["step"], run.config().train.steps) == ("stopped", 4, 9)
    assert (run.path / "state" / "000004.pt").read_bytes() == (trained / "state" / "000004.pt").read_bytes()
    assert read_wish(run) == Wish(NAME, minutes=2.0), "the run that is there is its own"
    without_tokens(run.path)
    assert f"Fetched from {NAME}" in run.events()[-1]["text"]
    pushed.put("user/other", {"run/config.json": b"{}"})
    refused = brought(lab, push={"to": "user/other"})
    assert "user/other holds a model or a run already" in refused["error"]
    assert len(list(lab.runs.glob("0*"))) == 1


def test_the_command_is_the_one_that_does_the_same(lab: Lab):
    told = lab("form_go_on", run=None, name=f"{NAME}@v1", steps=900, data=None, push={"to": NAME, "minutes": 2})
    assert told["command"] == f"gan-core train --resume hub:{NAME}@v1 --steps 900 --push-to {NAME} --push-minutes 2"
    assert lab("form_go_on", name=NAME, data="mnist")["command"] == f"gan-core train --resume hub:{NAME} --data mnist"


@pytest.mark.parametrize("name", ["", "ducks", "../x", "user/../x", None, 7, "user/a b"])
def test_what_is_no_repository_is_told_at_its_field(hub: HubServer, lab: Lab, name):
    for call in ("bring_look", "bring_start", "form_go_on"):
        answer = lab(call, name=name)
        assert (answer["ok"], answer["field"]) == (False, "from_hub")
        assert "repository" in answer["error"]
    assert not hub.requests


def test_repositories_without_a_run_are_told_in_the_words_of_the_page(hub: HubServer, lab: Lab):
    hub.put("user/model", {"config.json": b"{}", "generator.safetensors": b"w"})
    for name, text in (
        ("user/none", "user/none was not fetched: there is no such repository"),
        ("user/model", "it holds no run to go on with. Begin one with its weights."),
    ):
        for told in (looked(lab, name), brought(lab, name=name)):
            assert told["state"] == "failed"
            assert text in told["error"]
    nothing_is_left(lab)


def test_data_that_somebody_else_names_opens_no_folder_here(lab: Lab, pushed: HubServer, tmp_path: Path):
    """A run of a stranger could otherwise be trained on any pictures that lie on this computer."""
    private = tmp_path / "private \x1b[2J"
    private.mkdir()
    (private / "me.png").write_bytes(b"x")
    changed(pushed, data=str(private))
    found = looked(lab)["found"]
    assert not found["data_here"]
    assert found["data"].isprintable()
    told = brought(lab)
    assert "which is not here. Nothing was started. Choose the same pictures under Data." in told["error"]
    assert str(tmp_path) not in told["error"]
    nothing_is_left(lab)
    assert lab("bring_start", name=NAME, data=str(private))["field"] == "data"
    done = brought(lab, data="shapes")
    assert RunFolder(lab.runs / done["run"]).config().train.data == "shapes"


def test_a_device_that_is_not_here_becomes_one_that_is(lab: Lab, pushed: HubServer):
    changed(pushed, device="cuda:63", steps=40)
    done = brought(lab)
    assert RunFolder(lab.runs / done["run"]).config().train.device == "auto"


def test_limits_hold_and_steps_that_are_done_stay_done(lab: Lab, pushed: HubServer):  # noqa: ARG001
    assert "4 are done" in brought(lab, steps=3)["error"]
    assert "steps" in brought(lab, steps="many")["error"]
    lab.process.run(
        "setattr(parts[form_module]._bringing._services, 'settings', replace(services.settings, max_steps=5))"
    )
    assert "This server trains at most 5 steps" in brought(lab, steps=6)["error"]
    nothing_is_left(lab)


@pytest.mark.parametrize("word", ["token", "broken", "drop", "limit"])
def test_what_fails_on_the_way_leaves_nothing(lab: Lab, pushed: HubServer, word: str):
    pushed.repository(NAME).change({"run/samples/000004.webp": word.encode() * 99})  # Not in the client's cache yet.
    pushed.failures.add("GET /lfs/", word)
    told = brought(lab)
    assert told["state"] == "failed"
    assert f"{NAME} was not fetched" in told["error"]
    nothing_is_left(lab)


def test_a_cancel_leaves_nothing(lab: Lab, pushed: HubServer):
    content = pushed.repository(NAME).content("run/state/000004.pt") + bytes(5_000_000)
    pushed.repository(NAME).change({"run/state/000004.pt": content})
    pushed.failures.add("GET /lfs/", "held")
    job = lab("bring_start", name=NAME)["job"]
    end = time.monotonic() + 60
    while not pushed.asked("GET /lfs/"):
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.01)
    lab("bring_stop", job=job)
    pushed.failures.let_go()
    assert lab.ended(job)["state"] == "stopped"
    nothing_is_left(lab)
