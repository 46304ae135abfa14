"""Strangers on a public Space: they see everything and change nothing, whatever they send."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import psutil
import pytest

from gan_core.training.run_folder import RunFolder
from gan_core.ui import rights
from gan_core.ui.page import build_app
from gan_core.ui.services import Services
from gan_core.ui.tabs import explore, models, training
from tests.serving import PROXY, SPACE, App, cookie, serve, tree
from tests.training.tiny import config

OWNER = "only its owner"
SPOOFED: list[dict[str, str]] = [
    {},
    PROXY,
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "203.0.113.7, 127.0.0.1"},
    {"X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    {"Host": "localhost"},
    {"Host": "127.0.0.1:7860", "X-Forwarded-Host": "localhost"},
    {"Origin": "http://localhost:7860", "Referer": "http://localhost:7860/"},
    {"X-Gradio-User": "mcp", "Authorization": "Bearer hf_stolen"},
    {"Cookie": "session=eyJvYXV0aF9pbmZvIjp7fX0.x.y"},
]


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rights, "find_spec", lambda name: name)  # As on a Space, where the packages are there.


def asked(host: str = "10.16.3.9", session: Any = None, **headers: str) -> SimpleNamespace:
    """A request as Starlette gives it, where an application has sessions."""
    lower = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(client=SimpleNamespace(host=host), headers=lower, scope={"session": session or {}})


def session(name: object = "alice", **more: Any) -> dict[str, Any]:
    return {"oauth_info": {"userinfo": {"preferred_username": name}, **more}}


@pytest.mark.usefixtures("space")
@pytest.mark.parametrize("headers", SPOOFED, ids=str)
@pytest.mark.parametrize("host", ["10.16.3.9", "127.0.0.1", "::1", "localhost", "testclient"])
def test_no_address_and_no_header_makes_an_owner(host: str, headers: dict[str, str]) -> None:
    assert not rights.may_change(asked(host, **{name.replace("-", "_"): text for name, text in headers.items()}))


@pytest.mark.usefixtures("space")
@pytest.mark.parametrize(("name", "may"), [("alice", True), ("carol", True), ("dave", True), ("bob", False)])
def test_the_author_and_who_is_named_are_the_owners(name: str, may: bool) -> None:
    assert rights.may_change(asked(session=session(name))) is may
    # Events of a queue get Gradio's own request, which holds this one.
    assert rights.may_change(gr.Request(asked(session=session(name)))) is may


@pytest.mark.usefixtures("space")
@pytest.mark.parametrize(
    "kept",
    [
        {"oauth_info": None},
        {"oauth_info": "alice"},
        {"oauth_info": {"preferred_username": "alice"}},
        {"oauth_info": {"userinfo": ["alice"]}},
        session(None),
        session(["alice"]),
        session(""),
        session("Alice"),
        session(expires_at=1.0),
    ],
    ids=str,
)
def test_a_session_without_a_name_that_counts_is_a_stranger_s(kept: Any) -> None:
    assert not rights.may_change(asked(session=kept))


@pytest.mark.usefixtures("space")
@pytest.mark.parametrize("missing", [*rights.OAUTH, "SPACE_ID"])
def test_without_the_hub_s_secret_nobody_is_signed_in(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Gradio signs with an empty secret where there is none: anybody could write alice's cookie."""
    monkeypatch.setenv(missing, "")
    assert not rights.can_sign_in()
    assert not rights.may_change(asked(session=session()))


@pytest.mark.usefixtures("space")
def test_a_space_without_an_author_s_name_has_no_owner_called_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_AUTHOR_NAME", "GAN_CORE_OWNERS"):
        monkeypatch.setenv(name, " , ")
    monkeypatch.delenv("SPACE_AUTHOR_NAME")
    assert rights.owners() == frozenset()
    assert not rights.may_change(asked())


def test_elsewhere_everybody_who_can_open_the_page_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    for host in ("10.0.0.7", "127.0.0.1"):
        assert rights.may_change(asked(host))
        assert rights.may_change(asked(host, X_Forwarded_For="1.2.3.4"))
    assert rights.may_change(None), "a program in this process"


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({"Host": "127.0.0.1:7860"}, True),
        ({"Host": "127.0.0.1:7860", "Origin": "http://127.0.0.1:7860"}, True),
        ({"Host": "localhost:80", "X_Forwarded_Host": "studio.example", "Origin": "http://studio.example"}, True),
        ({"Host": "inside:80", "X_Forwarded_Host": "evil.example", "Origin": "http://evil.example"}, False),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://studio.example", "Host": "inside"}, True),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:7860", "Host": "127.0.0.1:7860"}, False),
        ({"Sec_Fetch_Site": "same-site", "Host": "127.0.0.1:7860"}, False),
        ({"Host": "127.0.0.1:7860", "Origin": "https://evil.example"}, False),
        ({"Host": "127.0.0.1:7860", "Origin": "null"}, False),
        ({"Host": "", "Origin": "null"}, False),
    ],
)
def test_a_page_of_somebody_else_changes_nothing_with_this_visitor_s_browser(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], may: bool
) -> None:
    """Such a page need not read the answer: a run that is stopped is stopped."""
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert rights.may_change(asked("127.0.0.1", **headers)) is may


@pytest.mark.usefixtures("space")
def test_the_owner_s_cookie_is_of_no_use_to_another_page() -> None:
    here = {"Origin": "https://alice-studio.hf.space", "Host": "10.16.3.9:7860"}
    assert rights.may_change(asked(session=session(), **here))
    evil = {**here, "Origin": "https://evil.hf.space"}
    for more in ({}, {"X_Forwarded_Host": "evil.hf.space"}, {"Sec_Fetch_Site": "cross-site"}):
        assert not rights.may_change(asked(session=session(), **evil, **more))
        assert rights.signed_in(asked(session=session(), **evil, **more)) is None


def test_away_from_a_space_the_page_offers_no_sign_in(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's button ends the application where there is no token."""
    for name in SPACE:
        monkeypatch.delenv(name, raising=False)
    assert not any(isinstance(block, gr.LoginButton) for block in build_app(services).blocks.values())


# A real application with the environment of a Space.


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("space")


@pytest.fixture(scope="module")
def run(folders: Path) -> Iterator[RunFolder]:
    """A run that looks alive: a process that sleeps stands for its trainer."""
    process = subprocess.Popen(["sleep", "600"])
    run = RunFolder(folders / "runs" / "00000-dcgan-shapes")
    run.create(config("dcgan", 100))
    started_at = psutil.Process(process.pid).create_time()
    run.write_status(state="running", step=4, total_steps=100, pid=process.pid, pid_started_at=started_at)
    run.append_metrics({"step": 4, "loss_g": 1.0, "loss_d": 1.0})
    yield run
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def app(folders: Path, run: RunFolder) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    (folders / "models").mkdir()
    with serve(folders, runs=run.path.parent, models=folders / "models", **SPACE) as app:
        yield app


def changes(services: Services) -> dict[str, set[str]]:
    """Every server function that changes something, by the tab's component."""
    lab = {name for module, _ in training.parts(services) for name in module.CHANGES}
    return {"lab": lab, "shelf": {*models.CHANGES, *models.BRINGS}, "explore": set(explore.SAVES)}


def anything(run: RunFolder) -> dict[str, Any]:
    """An answer to whatever a function may ask for."""
    values: dict[str, Any] = dict.fromkeys(("id", "job", "token", "name", "title", "notes", "paths"), "x")
    known = {"run": run.id, "runs": [run.id], "step": 4, "model": f"run:{run.id}", "family": "dcgan"}
    form = {"data": "shapes", "size": 16, "steps": 10, "batch": 2, "confirm": True}
    return {**values, **known, **form, "values": {"lr_g": 1e-4}, "options": form, "form": form}


@pytest.mark.slow
def test_whatever_a_stranger_posts_to_a_space_nothing_changes(app: App, run: RunFolder, services: Services) -> None:
    guarded, before = changes(services), tree(run.path.parent, app_models(run))
    for element, (_, offered) in app.components().items():
        assert guarded.get(element, set()) <= set(offered), element
        for name in guarded.get(element, ()):
            for headers in SPOOFED:
                answer = app.call(element, name, anything(run), headers)
                assert OWNER in answer["error"], (element, name, headers)
        for name in set(offered) - guarded.get(element, set()):
            app.call(element, name, anything(run), PROXY)  # What anybody may ask for changes nothing either.
    assert tree(run.path.parent, app_models(run)) == before
    assert app.call("lab", "rights", {}, PROXY)["may"] is False
    assert app.call("shelf", "list_models", {}, PROXY)["may"] is False
    listed = app.call("lab", "watch", {}, PROXY)["list"]["rows"]
    assert [row["id"] for row in listed] == [run.id], "but everything is there to be seen"


def app_models(run: RunFolder) -> Path:
    return run.path.parents[1] / "models"


@pytest.mark.slow
def test_programs_of_strangers_train_nothing(app: App, run: RunFolder) -> None:
    before = tree(run.path.parent)
    described = app.get("/gradio_api/info")["named_endpoints"]
    asked = [name for name in described if "training" in name]
    assert {"/start_training", "/stop_training", "/resume_training"} <= set(asked)
    assert "/_check_login_status" not in described
    for name in asked:
        entries = described[name]["parameters"]
        data = [one["parameter_default"] if one["parameter_has_default"] else run.id for one in entries]
        for headers in (PROXY, {"X-Forwarded-For": "127.0.0.1"}, {}):
            kind, told = app.api(name.removeprefix("/"), data, headers)
            assert kind == "error", (name, told)
            assert OWNER in str(told), (name, told)
    assert tree(run.path.parent) == before


@pytest.mark.slow
def test_the_owner_of_a_space_stops_a_run_and_a_forged_cookie_does_not(app: App, run: RunFolder) -> None:
    try:
        for name, secret in (("bob", SPACE["OAUTH_CLIENT_SECRET"]), ("alice", ""), ("alice", "guessed")):
            headers = {**PROXY, "Cookie": f"session={cookie(name, secret)}"}
            assert OWNER in app.call("lab", "stop_run", {"run": run.id}, headers)["error"]
        old = cookie("alice", expires_at=time.time() - 10)
        assert OWNER in app.call("lab", "stop_run", {"run": run.id}, {**PROXY, "Cookie": f"session={old}"})["error"]
        owner = {**PROXY, "Cookie": f"session={cookie('alice')}"}
        foreign = {**owner, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert OWNER in app.call("lab", "stop_run", {"run": run.id}, foreign)["error"]
        assert not run.stop_asked()
        assert app.call("lab", "rights", {}, owner)["may"] is True
        assert app.call("lab", "stop_run", {"run": run.id}, owner)["ok"] is True
        assert run.stop_asked()
    finally:
        run.clear_stop()
