"""Other people's pages, and names that are led here: what a browser would send for them, over real HTTP."""

import asyncio
import base64
import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.errors import ConfigError
from gan_core.models import dcgan
from gan_core.settings import Settings
from gan_core.ui import rights
from gan_core.ui.door import Door
from gan_core.ui.origins import from_another_page, is_own, own_names
from gan_core.weights import network_json, save
from tests.conftest import TINY_DCGAN
from tests.serving import PROXY, SPACE, App, cookie, serve, tree

EVIL = "https://evil.example"
UPLOAD = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nbytes\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SPACE, "GAN_CORE_HOSTS", "GRADIO_ROOT_PATH", "GRADIO_SERVER_NAME"):
        monkeypatch.delenv(name, raising=False)


# Names.


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:7860", "LOCALHOST", "localhost.", "studio.localhost:7860"),
        *("127.0.0.1", "127.0.0.1:7860", "[::1]", "[::1]:7860", "192.168.1.20:7860", "[fe80::1]:80"),
        *(socket.gethostname(), f"{socket.gethostname()}:7860", f"{socket.gethostname().partition('.')[0]}.local"),
        *("lab.example", "studio.example:443", "a.wide.example", "deep.a.wide.example", "wide.example"),
        *("box.lan", "proxy.example"),
    ],
)
def test_a_server_answers_to_its_own_names(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_CORE_HOSTS", "https://studio.example/, LAB.example:8443 , .wide.example")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://proxy.example/gan")
    assert is_own(host, own_names(Settings(), "box.lan"))


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost"),
        *("notwide.example", "studio.example.evil", "", " ", "a b", "x@localhost", "localhost/evil", "[::1", "[x]"),
        *("localhost:80:80", "localhost,evil.example", "2130706433", "0x7f.1", "null"),
    ],
)
def test_and_to_no_other(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_CORE_HOSTS", "studio.example, .wide.example")
    assert not is_own(host, own_names(Settings(), "0.0.0.0"))


def test_the_star_is_every_name_and_nobody_s_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_CORE_HOSTS", "*")
    assert is_own("evil.example", own_names(Settings(), None))
    assert from_another_page(SimpleNamespace(headers={"host": "studio.example", "origin": EVIL}))


@pytest.mark.parametrize("text", ["studio.example/gan", "a b", "http://", "x@y", "*.example"])
def test_a_setting_that_is_no_name_is_told_at_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_CORE_HOSTS", f"fine.example,{text}")
    with pytest.raises(ConfigError, match=r"is no name\. Nothing was started"):
        own_names(Settings(), None)


def test_pages_that_were_named_may_ask_and_on_a_space_they_are_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy that names another host, the page's own requests say where the page was opened."""
    monkeypatch.setenv("GAN_CORE_HOSTS", "studio.example, .wide.example, *")
    for origin, own in (
        ("https://studio.example", True),
        ("http://studio.example:8080", True),
        ("https://a.wide.example", True),
        ("https://studio.example.evil", False),
        (EVIL, False),
        ("null", False),
    ):
        for site in ({}, {"sec-fetch-site": "cross-site"}):
            asked = SimpleNamespace(headers={"host": "127.0.0.1:7860", "origin": origin, **site})
            assert from_another_page(asked) is not own, (origin, site)
            assert rights.may_change(asked) is own
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    assert from_another_page(SimpleNamespace(headers={"host": SPACE["SPACE_HOST"], "origin": "https://studio.example"}))


def test_a_socket_of_another_page_is_closed() -> None:
    told: list[Any] = []

    async def nothing(*_: Any) -> None:
        told.append("let in")

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    def open_as(host: str, origin: str) -> Any:
        headers = [(b"host", host.encode()), (b"origin", origin.encode())]
        scope = {"type": "websocket", "path": "/", "headers": headers, "server": ("127.0.0.1", 7860)}
        told.clear()
        with ThreadPoolExecutor(1) as hand:  # A browser of other tests may run a loop in this thread.
            hand.submit(asyncio.run, Door(nothing, names=frozenset)(scope, receive, send)).result()
        return told[0] if told[0] == "let in" else told[0]["type"]

    assert open_as("localhost:7860", "http://localhost:7860") == "let in"
    assert open_as("localhost:7860", EVIL) == "websocket.close"
    assert open_as("evil.example:7860", "http://evil.example:7860") == "websocket.close"


# The application at home.


def saved(folder: Path) -> Path:
    torch.manual_seed(1)
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN))
    save(folder / "models" / "tiny-dcgan", config, dcgan.build(TINY_DCGAN))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[App]:
    told = {"GAN_CORE_HOSTS": "studio.example", "GAN_CORE_DATA": str(home / "data"), "GRADIO_SSR_MODE": "True"}
    with serve(home, runs=home / "runs", models=home / "models", **told, SYSTEM="", SPACE_ID="") as app:
        yield app


def ask(
    app: App, method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str
) -> tuple[int, str]:
    """Status and text; header names with underscores. Host is the address unless told otherwise."""
    link = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        link.request(method, path, body, {"Content-Type": kind, **names} if body else names)
        answer = link.getresponse()
        return answer.status, answer.read(4000).decode(errors="replace")
    finally:
        link.close()


def attacks(app: App) -> list[tuple[str, str, bytes | None, str]]:
    """Method, route, body and its kind: what would train, delete, push, compute, send a file or read."""
    parts = app.components()

    def function(element: str, name: str, sent: Any) -> bytes:
        said = {"data": sent, "fn_name": name, "session_hash": "evil", "component_id": parts[element][0]}
        return json.dumps(said).encode()

    form = {"family": "dcgan", "data": "shapes", "size": 16, "steps": 10, "batch": 2, "confirm": True}
    functions = [
        function("shelf", "delete", {"model": "tiny-dcgan"}),
        function("lab", "start_run", {"form": form, **form}),
        function("hub", "push", {"name": "tiny-dcgan", "repository": "evil/loot"}),
        function("explore", "draw", {"recipe": {"format": 1, "seed": 1, "model": {"name": "tiny-dcgan"}}}),
    ]
    queued = json.dumps({"data": [], "fn_index": 0, "session_hash": "evil"}).encode()
    posts = [("/gradio_api/component_server", body, "text/plain") for body in functions]  # No browser asks before.
    posts += [("/gradio_api/queue/join", queued, "text/plain"), ("/gradio_api/upload", *UPLOAD)]
    posts += [("/gradio_api/call/start_training", queued, "text/plain"), ("/gradio_api/run/generate", queued, "")]
    reads = ["/", "/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=evil", "/theme.css"]
    return [("POST", *post) for post in posts] + [("GET", path, None, "") for path in reads]


@pytest.mark.slow
def test_a_name_that_was_led_here_drives_nothing(app: App, home: Path) -> None:
    """DNS rebinding: the browser takes both for one site, so all that it says of the page is in order."""
    kept = tree(home / "models")
    for host in ("evil.example", f"evil.example:{app.url.rpartition(':')[2]}", "localhost.evil.example"):
        own = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}
        for method, path, body, kind in attacks(app):
            status, text = ask(app, method, path, body, kind, **own)
            assert status == 403, (host, path, text)
            assert "GAN_CORE_HOSTS" in text
    status, text = ask(app, "GET", "/", Host="evil.example", Accept="text/html", Sec_Fetch_Mode="navigate")
    assert status == 403
    assert text.startswith("This server is not known as 'evil.example'. Nothing was done:"), "words, for a person"
    assert tree(home / "models") == kept
    assert not list((home / "runs").glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        {"Origin": EVIL, "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Origin": EVIL},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "http://localhost:8888", "Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Host": "192.168.1.20:7860", "Origin": EVIL, "X_Forwarded_Host": "evil.example"},  # Gradio lets it say so.
    ],
    ids=str,
)
def test_a_page_of_somebody_else_drives_and_reads_nothing(app: App, home: Path, said: dict[str, str]) -> None:
    kept = tree(home / "models")
    for method, path, body, kind in attacks(app):
        status, text = ask(app, method, path, body, kind, **said)
        assert (status, "only this server's own page" in text) == (403, True), (path, text)
    navigated = {**said, "Sec_Fetch_Mode": "navigate"}  # A form that sends itself is a navigation, too.
    assert ask(app, "POST", "/gradio_api/upload", *UPLOAD, **navigated)[0] == 403
    assert tree(home / "models") == kept
    assert not list((home / "runs").glob("*"))


@pytest.mark.slow
def test_links_programs_and_invited_pages_are_let_in(app: App) -> None:
    port = app.url.rpartition(":")[2]
    followed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Accept": "text/html"}
    assert ask(app, "GET", "/", **followed)[0] == 200
    link = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    link.request("GET", "/", headers={name.replace("_", "-"): text for name, text in followed.items()})
    policy = link.getresponse().getheader("content-security-policy") or ""
    link.close()
    assert policy.startswith("frame-ancestors 'self' ")
    assert "https://studio.example:*" in policy, "it may show the page in a frame, and others may not"
    for own in (
        {},
        {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"},
        {"Host": f"[::1]:{port}"},
        {"Host": "studio.example", "Origin": "https://studio.example", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "https://studio.example"},
    ):
        assert ask(app, "GET", "/config", **own)[0] == 200, own
        assert ask(app, "POST", "/gradio_api/upload", *UPLOAD, **own)[0] == 200, own


# A Space, with a visitor who is signed in and opens another page.


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    folder = saved(tmp_path_factory.mktemp("space"))
    more = {"GAN_CORE_HOSTS": "evil.example"}  # What another page may here is not this setting's to say.
    with serve(folder, runs=folder / "runs", models=folder / "models", **SPACE, **more) as app:
        yield app


def signed_in(app: App, headers: dict[str, str]) -> str:
    """What Gradio's button is told when the page opens, as any page can ask for it."""
    config = app.get("/config")
    (event,) = [one for one in config["dependencies"] if one["api_name"] == "_check_login_status"]
    session = f"visit-{len(headers)}-{headers.get('Origin', '')[-12:]}"
    body = {"data": [], "fn_index": event["id"], "session_hash": session}
    joined = app.post("/gradio_api/queue/join", body, headers)
    assert "event_id" in joined, joined
    link = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    try:
        link.request("GET", f"/gradio_api/queue/data?session_hash={session}", headers=headers)
        return link.getresponse().read().decode()
    finally:
        link.close()


@pytest.mark.slow
def test_another_page_is_not_told_who_is_signed_in(space: App) -> None:
    """The button's own event answered any page with the visitor's name: Gradio allows all of them on a Space."""
    own = {**PROXY, "Cookie": f"session={cookie('alice')}"}
    assert "Sign out alice" in signed_in(space, own)
    here = {**own, "Host": SPACE["SPACE_HOST"], "Origin": f"https://{SPACE['SPACE_HOST']}"}
    assert "Sign out alice" in signed_in(space, {**here, "Sec-Fetch-Site": "same-origin"})
    for said in ({"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, {"Origin": EVIL}, {"Origin": "null"}):
        told = signed_in(space, {**own, **said})
        assert "Sign in" in told, told
        assert "alice" not in told
    lab = space.call("lab", "rights", {}, {**own, "Origin": EVIL})
    assert lab["may"] is False
    for path in ("/config", "/gradio_api/user", "/gradio_api/token", "/"):
        told = ask(space, "GET", path, **{**own, "Origin": EVIL, "Sec_Fetch_Site": "cross-site"})
        assert '"username": "alice"' not in told[1]
        assert "Sign out alice" not in told[1], path


@pytest.mark.slow
def test_another_page_signs_nobody_out_and_the_hub_s_way_back_is_open(space: App) -> None:
    from itsdangerous import TimestampSigner

    signer = TimestampSigner(hashlib.sha256(f"{SPACE['OAUTH_CLIENT_SECRET']}-v4".encode()).hexdigest())
    session = {"oauth_info": {"userinfo": {"preferred_username": "alice"}}, "_state_huggingface_old": {"data": {}}}
    kept = signer.sign(base64.b64encode(json.dumps(session).encode())).decode()

    def cookies(path: str, **said: str) -> tuple[int, str]:
        link = http.client.HTTPConnection(space.url.removeprefix("http://"), timeout=60)
        try:
            link.request("GET", path, headers={**PROXY, "Cookie": f"session={kept}", **said})
            answer = link.getresponse()
            return answer.status, answer.headers.get("set-cookie") or ""
        finally:
            link.close()

    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    status, written = cookies("/logout", **foreign)
    assert (status, written) == (307, "")
    written = cookies("/logout", **{**foreign, "Sec-Fetch-Site": "same-origin"})[1]
    assert "oauth_info" not in base64.b64decode(written.partition("=")[2].partition(".")[0]).decode()
    # The Hub sends the browser back with a state that Gradio looks for in the session.
    status, written = cookies("/login/callback?state=new&code=y", **foreign)
    assert status == 307
    told = json.loads(base64.b64decode(written.partition("=")[2].partition(".")[0]))
    assert told == {"oauth_info": session["oauth_info"]}, "it read the session, and dropped the old state alone"
