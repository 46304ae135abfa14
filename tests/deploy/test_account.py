"""Who may have what: an account that cannot have the target or the name is told before anything is sent."""

from pathlib import Path

import pytest

from gan_core.deploy.plan import TARGETS
from tests.deploy.conftest import Send, prepared, space
from tests.hub.conftest import Process
from tests.hub_server import Account, HubServer


def test_targets_of_accounts(client: Process, hub: HubServer):
    assert client.run("targets_for(holder())") == ["static", "zero-gpu"]
    hub.store.accounts["hf_user"] = Account("user", {"lab": "write", "club": "read"}, pro=True)
    assert client.run("targets_for(holder())") == ["static", "zero-gpu", "cpu"]
    assert client.run("targets_for(holder(), 'lab')") == ["static", "zero-gpu"]
    assert client.run("sorted(holder().organisations)") == ["lab"]


def test_an_account_without_the_plan_is_told_before_anything_is_sent(client: Process, hub: HubServer):
    refused = client.run("ready(Address.parse('user/page'), 'cpu', Options())")
    assert refused["reason"] == "plan"
    assert "this account cannot have cpu" in refused["error"]
    assert "--target static or --target zero-gpu" in refused["error"]
    assert "PRO plan" in refused["error"], "in the Hub's words too"
    assert not hub.asked("POST /api/spaces")
    assert hub.store.find("space", "user/page") is None


def test_the_answer_of_the_hub_decides(client: Process, hub: HubServer):
    """Rules of plans change: what this version believes refuses nothing by itself."""
    hub.store.accounts["hf_user"] = Account("user", {"lab": "write"}, pro=True)
    assert client.run("ready(Address.parse('lab/page'), 'cpu', Options()).untouched") is True
    assert hub.repository("lab/page", "space").more["sdk"] == "gradio"


def test_zero_gpu_asks_for_its_hardware(hub: HubServer, send: Send):
    assert send(target="zero-gpu")["made"]
    assert space(hub).more["hardware"] == "zero-a10g"


def test_another_target_gets_its_hardware(hub: HubServer, send: Send):
    hub.store.accounts["hf_user"] = Account("user", pro=True)
    send(target="cpu")
    assert (space(hub).more["hardware"] or "cpu-basic") == "cpu-basic"
    send(target="zero-gpu")
    assert space(hub).more["hardware"] == "zero-a10g"
    send(target="zero-gpu", hardware="t4-small")
    assert space(hub).more["hardware"] == "t4-small"
    hub.requests.clear()
    send(target="zero-gpu")
    assert not hub.asked("POST /api/spaces/user/page/hardware"), "what fits stays"


@pytest.mark.parametrize(
    ("account", "name", "reason"),
    [
        (Account("user", role="read"), "user/page", "forbidden"),
        (Account("user"), "other/page", "forbidden"),
        (Account("user", {"lab": "read"}), "lab/page", "forbidden"),
    ],
)
def test_who_may_not_write_is_told_first(hub: HubServer, send: Send, account: Account, name: str, reason: str):
    hub.store.accounts["hf_user"] = account
    assert send(name)["reason"] == reason
    assert not hub.asked("POST")


def test_signed_out(hub: HubServer, folder: Path, tmp_path: Path):
    process = prepared(Process(hub.endpoint, tmp_path / "home"))
    try:
        refused = process.run(f"sent({str(folder)!r})")
        assert refused["reason"] == "signed-out"
        assert "hf auth login" in refused["error"]
    finally:
        process.close()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hardware": "t4-small"}, "static Space runs in the visitor's browser"),
        ({"hardware": "t4-small", "target": "cpu"}, "--target zero-gpu"),
        ({"hardware": "cpu-upgrade", "target": "zero-gpu"}, "--target cpu"),
        ({"secrets": {"KEY": "value"}}, "everybody can read"),
        ({"name": "user/page@v1"}, "Leave the revision out"),
    ],
)
def test_what_cannot_be_is_refused_before_the_hub_is_asked(hub: HubServer, send: Send, options: dict, text: str):
    assert text in send(**options)["error"]
    assert not hub.requests


def test_every_target_is_known_to_the_hub():
    assert {facts.sdk for facts in TARGETS.values()} == {"static", "gradio"}
