"""The Hub tab on a public Space: each visitor with their own sign-in, and never with the Space's own token."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_core.errors import HubError
from gan_core.ui import rights
from gan_core.ui.hub.tokens import NOBODY, lets_write, reading_token, token_of
from tests.hub_server import Account, HubServer, hub_server
from tests.hub_tab import serving
from tests.serving import PROXY, SPACE, App, cookie, tree
from tests.ui.test_hub import later, moved

OWN = "hf_SPACEspaceSPACE"
"""Among the secrets of the Space: of an account that sees and may do everything there."""
CHANGES = {
    "push": {"name": "ducks"},
    "pull": {"repository": "user/ducks"},
    "undo": {"id": "x"},
    "look_models": {},
    "look_one": {"name": "ducks"},
    "look_tags": {"repository": "user/ducks"},
    "compare_sides": {"name": "ducks", "repository": "user/ducks"},
    "list_moves": {},
    "stop_move": {"id": "x"},
}


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SPACE, "HF_TOKEN": OWN}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rights, "find_spec", lambda name: name)


ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
"""What a browser says of another page that sends a request with its visitor's cookies."""


def asked(name: str | None = None, **more: Any) -> SimpleNamespace:
    info = {"userinfo": {"preferred_username": name}, **more}
    return SimpleNamespace(headers={}, scope={"session": {"oauth_info": info} if name else {}})


def test_here_the_client_finds_its_own_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("SYSTEM", raising=False)
    assert token_of(asked()) is None
    assert token_of(None) is None
    assert token_of(asked("bob", access_token="hf_bob")) is None, "no session counts here"


@pytest.mark.usefixtures("space")
def test_on_a_space_it_is_the_visitor_s_or_none():
    assert token_of(asked("bob", access_token="hf_bob")) == "hf_bob"
    for stranger in (asked(), asked("bob"), asked("bob", access_token=7), asked("bob", access_token="x", expires_at=1)):
        with pytest.raises(HubError, match="Sign in") as refused:
            token_of(stranger)
        assert refused.value.reason == "signed-out"
        assert reading_token(stranger) is NOBODY
    abused = asked("bob", access_token="hf_bob")
    abused.headers = {name.lower(): text for name, text in ELSEWHERE.items()}
    assert reading_token(abused) is NOBODY
    assert not lets_write(asked("bob", scope="openid profile"))
    assert lets_write(asked("bob", scope="openid profile manage-repos"))


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_server() as running:
        running.store.accounts.update({OWN: Account("secret"), "hf_alice": Account("alice"), "hf_bob": Account("bob")})
        for name in ("secret/private", "alice/private"):
            running.put(name, {"README.md": b"---\nlibrary_name: gan-core\n---\n"}, private=True)
        running.put("alice/public", {"README.md": b"---\nlibrary_name: gan-core\n---\n"})
        yield running


@pytest.fixture(scope="module")
def app(hub: HubServer, dcgan_once: Path) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    with serving(hub, dcgan_once, HF_TOKEN=OWN, **SPACE) as running:
        yield running


@pytest.fixture(scope="module")
def dcgan_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from gan_core.config import ModelConfig
    from gan_core.models import dcgan
    from gan_core.weights import network_json, save
    from tests.conftest import TINY_DCGAN

    torch.manual_seed(1)
    place = tmp_path_factory.mktemp("space")
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN))
    save(place / "models" / "ducks", config, dcgan.build(TINY_DCGAN))
    return place


def visitor(name: str, token: str) -> dict[str, str]:
    return {**PROXY, "Cookie": f"session={cookie(name, access_token=token, token_type='bearer')}"}


def found(app: App, headers: dict[str, str]) -> list[str]:
    return [row["repository"] for row in later(app, "find_models", {"words": "", "tag": "gan-core"}, headers)["rows"]]


def test_a_stranger_searches_what_is_public_and_changes_nothing(hub: HubServer, app: App, dcgan_once: Path):
    before = tree(dcgan_once / "models")
    opened = app.call("hub", "open_hub", {}, PROXY)
    assert (opened["may"], opened["rows"], opened["moves"]) == (False, [], [])
    account = later(app, "look_account", {}, PROXY)
    assert account["account"] is None, "not the Space's own"
    assert "Sign in at the top of the page to see yours too" in account["why"]
    assert "push" not in account["why"], "they cannot"
    assert found(app, PROXY) == ["alice/public"]
    hidden = later(app, "look_repository", {"repository": "secret/private"}, PROXY)
    assert hidden["reason"] == "missing"
    for headers in (PROXY, visitor("bob", "hf_bob")):
        for name, sent in CHANGES.items():
            assert "only its owner" in app.call("hub", name, sent, headers)["error"], name
    assert tree(dcgan_once / "models") == before
    assert not hub.asked("POST /api/repos/create")


def test_everybody_sees_with_their_own_eyes(app: App):
    assert later(app, "look_account", {}, visitor("bob", "hf_bob"))["account"]["name"] == "bob"
    assert found(app, visitor("bob", "hf_bob")) == ["alice/public"]
    assert set(found(app, visitor("alice", "hf_alice"))) == {"alice/private", "alice/public"}


def test_another_page_sees_nothing_with_a_visitor_s_cookie(app: App):
    """Gradio lets every page read a Space's answers, and the cookie travels along."""
    abused = {**visitor("alice", "hf_alice"), **ELSEWHERE}
    assert later(app, "look_account", {}, abused)["account"] is None
    assert found(app, abused) == ["alice/public"]
    assert later(app, "look_repository", {"repository": "alice/private"}, abused)["reason"] == "missing"


def test_the_owner_pushes_as_who_is_signed_in(hub: HubServer, app: App):
    owner = visitor("alice", "hf_alice")
    rows = later(app, "look_models", {}, owner)["rows"]
    assert {row["name"]: row["state"] for row in rows} == {
        "ducks": "only here",
        "private": "only there",
        "public": "only there",
    }
    done = moved(app, "push", {"name": "ducks"}, owner)
    assert done["state"] == "done", done
    assert done["repository"] == "alice/ducks"
    assert hub.repository("alice/ducks").private
    expired = {**PROXY, "Cookie": f"session={cookie('alice')}"}  # Signed in before tokens were asked for.
    assert app.call("hub", "push", {"name": "ducks"}, expired)["reason"] == "signed-out"
    log = app.log()
    assert not [token for token in (OWN, "hf_alice", "hf_bob") if token in log]
