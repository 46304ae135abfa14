"""Pushes to the Hub from the Training tab: asked for in the form, refused before the start, shown, and made now."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.mirror import Wish, read_record, read_wish, write_wish
from gan_core.mirror.pushing import turn
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
from gan_core.ui.lab.events import open_findings, told
from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer
from tests.training.tiny import config, finished
from tests.ui.lab_hub import FORM, NAME, Lab, read, started, without_tokens

READER = "hf_reader"


@pytest.fixture(scope="module")
def process(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Signed in as "user", who may write for an organisation too."""
    server.store.accounts["hf_user"] = Account("user", organisations={"flock": "write", "others": "read"})
    process = started(server.endpoint, tmp_path_factory.mktemp("home"))
    yield process
    process.close()


@pytest.fixture
def hub(hub: HubServer) -> HubServer:
    hub.store.accounts["hf_user"] = Account("user", organisations={"flock": "write", "others": "read"})
    hub.store.accounts[READER] = Account("user", role="read")
    return hub


@pytest.fixture
def lab(hub: HubServer, process: Process, tmp_path: Path) -> Lab:  # noqa: ARG001 - the Hub is to be empty
    return Lab(process, tmp_path / "runs")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 8 steps."""
    folder = tmp_path_factory.mktemp("trained") / "00007-dcgan-shapes"
    return finished(folder, config("dcgan", 8, snapshot_steps=4, sample_steps=4)).path


@pytest.fixture
def run(lab: Lab, trained: Path) -> RunFolder:
    shutil.copytree(trained, lab.runs / trained.name)
    return RunFolder(lab.runs / trained.name)


# In the form.


def test_who_pushes_is_told_with_the_organisations(lab: Lab):
    told = lab("form_account")
    assert told["account"] == {"name": "user", "organisations": ["flock"], "may_write": True}
    assert told["why"] is None


def test_the_command_tells_of_the_push(lab: Lab):
    def command(**push):
        return lab("form_check", form={**FORM, "push": push})["command"]

    plain = lab("form_check", form=FORM)["command"]
    assert command(to=NAME) == f"{plain} --push-to {NAME}"
    assert command(to=f" hub:{NAME} ", minutes=10, public=False) == f"{plain} --push-to {NAME}"
    assert command(to=NAME, minutes=2.5, public=True) == f"{plain} --push-to {NAME} --push-minutes 2.5 --push-public"


def test_a_run_is_begun_with_what_was_asked_for_and_no_token(hub: HubServer, lab: Lab):
    answer = lab.start(to="flock/ducks", minutes=3, public=True)
    assert answer["ok"], answer
    assert lab.launched == [answer["run"]]
    folder = lab.runs / answer["run"]
    assert read_wish(RunFolder(folder)) == Wish("flock/ducks", minutes=3.0, private=False)
    assert set(read(folder, "push.json")) == {"repository", "minutes", "wait_minutes", "private"}
    without_tokens(folder)
    assert hub.store.find("model", "flock/ducks") is None, "its trainer makes it"
    assert read_wish(RunFolder(lab.runs / lab("start", form=FORM)["run"])) is None


@pytest.mark.parametrize(
    ("push", "field", "text"),
    [
        ({"to": ""}, "push_to", "No repository is named"),
        ({}, "push_to", "No repository is named"),
        ({"to": 7}, "push_to", "No repository is named"),
        ({"to": "ducks"}, "push_to", "'ducks' is no repository"),
        ({"to": "none"}, "push_to", "'none' is no repository"),
        ({"to": "user/../x"}, "push_to", "is no repository"),
        ({"to": "user/\x1b[2Jx"}, "push_to", "'user/ [2Jx' is no repository"),
        ({"to": "user/ducks@v1"}, "push_to", "A run is pushed to main"),
        ({"to": NAME, "minutes": 0}, "push_minutes", "The time between two pushes is 0"),
        ({"to": NAME, "minutes": True}, "push_minutes", "The time between two pushes is True"),
        ({"to": NAME, "minutes": "?"}, "push_minutes", "The time between two pushes is ?"),
        ({"to": NAME, "minutes": 1e9}, "push_minutes", "it must lie between 0.01 and 10,000 minutes"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_without_the_hub(hub: HubServer, lab: Lab, push, field, text):
    for name in ("form_check", "start"):
        answer = lab(name, form={**FORM, "push": push})
        assert (answer["ok"], answer["field"]) == (False, field)
        assert text in answer["error"]
        assert "Nothing was started" in answer["error"]
    both = lab("form_check", form={**FORM, "train": {**FORM["train"], "batch": 0}, "push": push})
    assert set(both["errors"]) == {"batch", field}
    assert not hub.requests
    assert not list(lab.runs.glob("0*"))


def test_what_the_hub_would_refuse_is_refused_before_anything_starts(hub: HubServer, lab: Lab):
    hub.put("user/taken", {"config.json": b"{}", "generator.safetensors": b"w"})
    hub.put("user/trained", {"run/state/000004.pt": b"x"})
    hub.put("user/card", {"README.md": b"# Soon"})
    for to, text in (
        ("others/ducks", "user may not write to others"),
        ("nobody/ducks", "user may not write to nobody"),
        ("user/taken", "user/taken holds a model or a run already (config.json, generator.safetensors)"),
        ("user/trained", "user/trained holds a model or a run already"),
    ):
        answer = lab.start(to=to)
        assert (answer["ok"], answer["field"]) == (False, "push_to")
        assert answer["error"].startswith(f"Nothing was started: {text}"), answer
    assert not list(lab.runs.glob("0*"))
    assert not lab.launched
    assert lab.start(to="user/card")["ok"], "a card alone is no run"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "text"),
    [
        (READER, "Nothing was started: the token of user may only read. Use one that may write."),
        (None, "Nothing was started: you are not signed in. Log in with hf auth login in a terminal, or start the"),
        ("hf_gone", "the Hub does not accept this login"),
    ],
)
def test_without_a_login_that_may_write_nothing_starts(hub: HubServer, tmp_path: Path, token, text):
    process = started(hub.endpoint, tmp_path / "home", token)
    try:
        lab = Lab(process, tmp_path / "runs")
        answer = lab.start(to=NAME)
        assert (answer["ok"], answer["field"]) == (False, "push_to")
        assert text in answer["error"]
        assert not list(lab.runs.glob("0*"))
        who = lab("form_account")
        assert who["ok"]
        assert who["why"].endswith(".")
        assert (who["account"] is None) == (token != READER)
        assert lab("start", form=FORM)["ok"], "a run that is not pushed needs no account"
    finally:
        process.close()


@pytest.mark.slow
def test_a_hub_that_is_away_keeps_nobody_from_training(hub: HubServer, tmp_path: Path):
    hub.failures.add("", "drop")
    process = started(hub.endpoint, tmp_path / "home")
    try:
        lab = Lab(process, tmp_path / "runs")
        assert "What is pushed waits until it can." in lab("form_account")["why"]
        answer = lab.start(to=NAME)
        assert answer["ok"], answer
        hub.failures.rules.clear()
        hub.failures.add("", "slow")
        process.run("setattr(pushing, 'PATIENCE_S', 0.1)")
        assert "The Hub does not answer" in lab("form_account", fresh=True)["why"]
        assert lab.start(to=NAME)["ok"]
    finally:
        process.close()


def test_a_run_that_goes_on_keeps_takes_and_loses_its_push(hub: HubServer, lab: Lab, run: RunFolder):
    run.write_status(state="stopped", step=8, total_steps=40, device="cpu")
    run.write_config(replace(run.config(), train=replace(run.config().train, steps=40)))
    write_wish(run, Wish(NAME, minutes=3, wait_minutes=1))
    (listed,) = lab("form_open")["runs"]
    assert listed["push"] == {"to": NAME, "minutes": 3, "public": False}

    def command(push):
        return lab("form_go_on", run=run.id, push=push)["command"].partition("--resume")[2].strip()

    assert command({"to": NAME, "minutes": 3}) == "", "as it is"
    assert command({"to": NAME, "minutes": 5}) == f"--push-to {NAME} --push-minutes 5 --push-wait 1"
    assert command(False) == "--push-to none"
    assert command(None) == ""
    assert lab("form_go_on", run=run.id, push={"to": "x"})["field"] == "push_to"
    for push, wish in (
        (None, Wish(NAME, minutes=3, wait_minutes=1)),
        ({"to": NAME, "minutes": 5}, Wish(NAME, minutes=5, wait_minutes=1)),
        ({"to": "user/geese"}, Wish("user/geese")),
        (False, None),
    ):
        answer = lab("form_resume", run=run.id, steps=40, push=push)
        assert answer["ok"], answer
        assert read_wish(run) == wish
    hub.put("user/taken", {"run/config.json": b"{}"})
    refused = lab("form_resume", run=run.id, steps=30, push={"to": "user/taken"})
    assert refused["field"] == "push_to"
    refused = lab("form_resume", run=run.id, steps=5, push={"to": NAME})
    assert "Nothing was started. Ask for more." in refused["error"]
    assert read_wish(run) is None, "what was not started changes nothing"


# While it is watched.


def test_what_is_pushed_and_what_waits_stands_with_the_run(lab: Lab, run: RunFolder, hub: HubServer):
    def shown():
        time.sleep(0.6)  # Answers are shared for half a second.
        return lab("watch", run=run.id)["look"]["run"]["push"]

    assert shown() is None
    write_wish(run, Wish(NAME, minutes=3))
    found = shown()
    assert (found["repository"], found["minutes"], found["pending"]) == (NAME, 3, "everything")
    assert found["address"] == f"{hub.endpoint}/{NAME}"
    assert found["at"] is found["step"] is found["trouble"] is None
    assert lab.pushed(run.id, to=NAME)["state"] == "done"
    found = shown()
    assert (found["step"], found["pending"]) == (8, None)
    assert time.time() - 60 < found["at"] <= time.time()
    run.append_metrics({**run.metrics()[-1], "step": 12})
    run.write_status(state="running", step=12, total_steps=20, device="cpu")
    assert shown()["pending"] == "steps 8 to 12"
    trouble = f"{run.id} was not pushed to {NAME}: the Hub cannot be reached. Try again when online."
    told = read(run.path, "mirror/record.json")
    (run.path / "mirror" / "record.json").write_text(json.dumps({**told, "trouble": trouble, "next_at": 5.0}))
    found = shown()
    assert (found["trouble"], found["next_at"]) == ("Not pushed: the Hub cannot be reached.", 5.0)
    ended = f"{run.id} was not pushed to {NAME}: changed. Push to another name (gan-core runs push {run.id} USER/NAME)."
    (run.path / "mirror" / "record.json").write_text(json.dumps({**told, "ended": ended}))
    assert shown()["trouble"] == "Not pushed: changed. Push to another name."


def test_words_that_came_with_a_run_are_shown_as_text(run: RunFolder):
    wild = "\x1b]0;owned\x07\u202eabc\nnext"
    run.append_event(4, "hub", f"Fetched {wild}")
    run.append_event(5, f"odd\x1b[2J{wild}", wild)
    run.append_event(6, "hub", f"Not sent to {NAME} yet: everything. Send it later: gan-core runs push 7")
    shown = told(run, Settings())[-3:]
    assert all(event[part].isprintable() for event in shown for part in ("kind", "title", "text"))
    assert shown[0]["text"] == "Fetched  ]0;owned  abc next"
    assert not shown[0]["finding"], "what was pushed is told, and nothing is wrong with it"
    assert shown[2]["text"] == f"Not sent to {NAME} yet: everything. Push it later, with Push to the Hub."
    assert len(open_findings(run)) == 1
    assert open_findings(run)[0].isprintable()


# Now, from the run's own panel.


def test_a_finished_run_is_pushed_now_and_on_request_no_longer(hub: HubServer, lab: Lab, run: RunFolder):
    move = lab.pushed(run.id, to="user/geese", minutes=4, public=True)
    assert move["state"] == "done", move
    repository = hub.repository("user/geese")
    assert not repository.private
    assert move["more"] == {"repository": "user/geese", "commit": repository.head, "step": 8, "news": True}
    assert move["done"] == move["total"] > 100_000
    assert repository.content("run/state/000008.pt") == (run.path / "state" / "000008.pt").read_bytes()
    assert read_wish(run) == Wish("user/geese", minutes=4, private=False)
    again = lab.pushed(run.id, to="user/geese", minutes=4, public=True)
    assert (again["state"], again["more"]["news"]) == ("done", False)
    assert repository.head == move["more"]["commit"]
    assert lab("push_end", run=run.id)["push"] is None
    assert read_wish(run) is None
    without_tokens(run.path)


def test_a_refused_push_says_so_and_changes_nothing(hub: HubServer, lab: Lab, run: RunFolder):
    assert lab.pushed(run.id, to=NAME)["state"] == "done"
    record = read_record(run, NAME)
    hub.put("user/taken", {"run/config.json": b"{}"})
    for to, text in (
        ("user/taken", "it was changed there by somebody else (run/config.json at "),
        ("others/x", "user may not write to others"),
    ):
        move = lab.pushed(run.id, to=to)
        assert move["state"] == "failed"
        assert text in move["error"]
        assert "gan-core" not in move["error"]
        assert read_wish(run) == Wish(NAME)
    hub.failures.add("POST .*/commit/user/", "quota")
    hub.failures.add("POST .*/commit/", "quota")
    move = lab.pushed(run.id, to="user/full")
    assert "storage is full" in move["error"]
    assert (read_wish(run), read_record(run, NAME)) == (Wish(NAME), record), "the first repository is known as before"
    assert lab("push_start", run=run.id, push={"to": "x"})["field"] == "push_to"


def test_a_push_can_be_cancelled(hub: HubServer, lab: Lab, run: RunFolder):
    hub.failures.add("PUT /lfs/", "slow", times=1)
    assert lab("push_start", run=run.id, push={"to": NAME})["ok"]
    end = time.monotonic() + 60
    while not hub.asked("PUT /lfs/"):
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.01)
    assert "is being pushed" in lab("push_end", run=run.id)["error"]
    lab("push_stop", run=run.id)
    assert lab.moved(run.id)["state"] == "stopped"
    assert len(hub.repository(NAME).commits) == 1, "nothing was committed"
    assert read_wish(run) is None
    assert lab.pushed(run.id, to=NAME)["state"] == "done", "and again"


def test_a_cancel_does_not_wait_for_a_hub_that_does_not_answer(hub: HubServer, lab: Lab, run: RunFolder):
    """It was refused in the end, as the Hub could not be reached: up to a minute after the cancel."""
    hub.failures.add(f"GET /api/models/{NAME}", "slow")  # Later than the client's patience.
    assert lab("push_start", run=run.id, push={"to": NAME})["ok"]
    end = time.monotonic() + 60
    while not hub.asked(f"GET /api/models/{NAME}"):
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.01)
    lab("push_stop", run=run.id)
    assert lab.moved(run.id)["state"] == "stopped"
    assert read_wish(run) is None
    hub.failures.rules.clear()
    assert hub.store.find("model", NAME) is None, "nothing was made there"
    assert lab.pushed(run.id, to=NAME)["state"] == "done", "and again"


def test_a_cancel_does_not_wait_for_another_push_of_the_run(hub: HubServer, lab: Lab, run: RunFolder):
    """It waited for its turn, up to a minute, and deaf to a cancel."""
    with turn(run):  # As the process has it that pushes while it trains.
        assert lab("push_start", run=run.id, push={"to": NAME})["ok"]
        lab("push_stop", run=run.id)
        assert lab.moved(run.id)["state"] == "stopped"
    assert read_wish(run) is None
    assert hub.store.find("model", NAME) is None
    assert lab.pushed(run.id, to=NAME)["state"] == "done", "and again"


@pytest.mark.slow
def test_a_run_that_was_begun_without_it_is_pushed_on_as_it_trains(hub: HubServer, lab: Lab, run: RunFolder):
    """A push of a run in training was the only one: nobody pushed what its trainer made later."""
    os.utime(run.path / "config.json")
    run.write_status(state="running", step=8, total_steps=20, device="cpu")  # By this very process.
    assert lab.pushed(run.id, to=NAME, minutes=0.02)["state"] == "done"
    assert lab.process.run("list(parts[runs_module]._sending._keepers)") == [run.id]
    content = (run.path / "state" / "000008.pt").read_bytes() + b"more"
    (run.path / "state" / "000012.pt").write_bytes(content)
    run.append_metrics({**run.metrics()[-1], "step": 12})
    run.write_status(state="stopped", step=12, total_steps=20, device="cpu")
    end = time.monotonic() + 90
    while "run/state/000012.pt" not in hub.repository(NAME).files:
        assert time.monotonic() < end, run.events()
        time.sleep(0.05)
    keeper = "parts[runs_module]._sending._keepers.popitem()[1]"
    assert lab.process.run(f"{keeper}._child.wait(60)") == 0, "it ends with the run"
