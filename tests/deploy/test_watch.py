"""What the Space becomes: waited for until it runs, and its failures with the end of their log."""

import json
from typing import Any

import pytest

from tests.deploy.conftest import Send, space
from tests.hub.conftest import Process
from tests.hub_server import HubServer


def deployed(send: Send, **options: Any) -> str:
    return send(target="zero-gpu", **options)["commit"]


@pytest.mark.usefixtures("hub")
def test_waits_until_it_runs(client: Process, send: Send):
    commit = deployed(send)
    done = client.run(f"watched(commit={commit!r})")
    assert done["url"] == "https://user-page.hf.space"
    assert [text.rpartition(".")[0].partition(".")[0] for text in done["told"]] == [
        "The Space is being built",
        "The application starts; the version before it still runs",
    ]


def test_the_stage_of_the_version_before_is_not_taken_for_this_one(hub: HubServer, client: Process, send: Send, folder):
    client.run(f"watched(commit={deployed(send)!r})")
    (folder / "index.html").write_text("new")
    space(hub).more.update(late=3, stages=["BUILDING", "BUILD_ERROR"])
    done = client.run(f"watched(commit={deployed(send)!r})")
    assert done["reason"] == "build"


@pytest.mark.parametrize(
    ("stage", "kind", "words"),
    [
        ("BUILD_ERROR", "build", "could not be built"),
        ("CONFIG_ERROR", "build", "front matter"),
        ("RUNTIME_ERROR", "run", "its application ended"),
        ("NO_APP_FILE", "build", "no file that can be started"),
    ],
)
def test_a_failure_shows_the_end_of_its_log(hub: HubServer, client: Process, send: Send, stage, kind, words):
    commit = deployed(send)
    lines = [f"line {number}" for number in range(100)]
    lines += ["\x1b[31mERROR\x1b[0m: no matching torch", "token hf_user and hf_abcDEF123456", "the value s3cret-value"]
    space(hub).more.update(stages=["BUILDING", stage], logs={kind: lines}, message="exit code 1")
    done = client.run(f"watched(commit={commit!r}, secrets={{'KEY': 's3cret-value'}})")
    assert words in done["failed"]
    assert "exit code 1" in done["failed"]
    assert len(done["log"]) == 40
    assert "ERROR: no matching torch" in done["log"]
    assert "the value [KEY]" in done["log"]
    assert not any(word in json.dumps(done) for word in ("hf_user", "hf_abcDEF", "s3cret-value", "\\u001b"))


def test_a_log_that_cannot_be_had_hides_no_failure(hub: HubServer, client: Process, send: Send):
    commit = deployed(send)
    space(hub).more.update(stages=["BUILD_ERROR"])
    hub.failures.add("/logs/", "broken")
    done = client.run(f"watched(commit={commit!r})")
    assert done["log"] == []
    assert "could not be built" in done["failed"]


def test_time_out_is_a_sentence(hub: HubServer, client: Process, send: Send):
    commit = deployed(send)
    space(hub).more.update(stages=["BUILDING"])
    done = client.run(f"watched(commit={commit!r}, timeout_s=0.3)")
    assert done["reason"] == "slow"
    assert "goes on without us" in done["failed"]


def test_a_hub_that_fails_for_a_while_is_waited_for(hub: HubServer, client: Process, send: Send):
    commit = deployed(send)
    hub.failures.add("/runtime", "drop", times=1)
    hub.failures.add("/runtime", "broken", times=1)
    done = client.run(f"watched(commit={commit!r})")
    assert done["url"]
    assert any("does not answer" in text for text in done["told"])


def test_paused(hub: HubServer, client: Process, send: Send):
    commit = deployed(send)
    space(hub).more.update(stages=["PAUSED"])
    done = client.run(f"watched(commit={commit!r})")
    assert done["reason"] == "paused"
    assert "Restart it" in done["failed"]
