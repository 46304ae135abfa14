"""A real application with a Space's environment, and strangers who send it whatever they like."""

import http.client
import io
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.weights import network_json, save
from tests.conftest import TINY_CYCLEGAN, TINY_DCGAN
from tests.serving import PROXY, SPACE, App, cookie, serve, tree

pytestmark = pytest.mark.slow
TOKEN = "hf_" + "s3cretOfTheOwner"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    torch.manual_seed(1)
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN))
    save(folder / "models" / "tiny-dcgan", config, dcgan.build(TINY_DCGAN))
    config = ModelConfig(
        family="cyclegan",
        network=network_json(TINY_CYCLEGAN),
        domains={"a": "painting", "b": "photograph"},
        default_direction="ba",
    )
    save(folder / "models" / "tiny-cyclegan", config, cyclegan.build(TINY_CYCLEGAN))
    (folder / "tmp").mkdir()
    (folder / "secret.txt").write_text("only the owner reads this")
    return folder


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[App]:
    for package in ("authlib", "itsdangerous"):
        pytest.importorskip(package, reason=f"{package} is not installed (gradio[oauth])")
    more = {"TMPDIR": str(folder / "tmp"), "HF_TOKEN": TOKEN, "CPU_CORES": "2", "GAN_CORE_MAX_UPLOAD_MB": "1"}
    with serve(folder, runs=folder / "runs", models=folder / "models", **SPACE, **more) as app:
        yield app


def photograph(colour: str = "teal", size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def stranger(number: int) -> dict[str, str]:
    return {**PROXY, "X-Forwarded-For": f"203.0.113.{number}"}


def sent(app: App, content: bytes, name: str = "harbour.png", headers: dict[str, str] | None = None) -> Any:
    """A list with the path that the upload route tells; of an error its status and text."""
    told = app.upload(content, name, headers)
    return told if isinstance(told, tuple) else [told]


def answer(request: urllib.request.Request | str) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=60) as told:
            return json.loads(told.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def status(app: App, path: str) -> int:
    """Of a GET whose path goes as it is: urllib would tidy it."""
    link = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=30)
    try:
        link.request("GET", path, headers=PROXY)
        return link.getresponse().status
    finally:
        link.close()


def test_a_photograph_is_brought_and_painted_and_a_second_visitor_finds_nothing_of_it(app: App) -> None:
    ann, bob = stranger(1), stranger(2)
    content = photograph()
    (mine,) = sent(app, content, headers=ann)
    (same,) = sent(app, content, headers=bob)
    assert Path(mine).name == Path(same).name
    assert Path(mine).parent != Path(same).parent, "the content gives no path away"
    taken = app.call("paint", "take", {"path": mine, "name": "harbour.png"}, ann)
    assert taken["ok"], taken
    assert not Path(mine).exists(), "it lies where no address leads to"
    again = app.call("paint", "take", {"path": mine, "name": "x.png"}, bob)
    assert "did not arrive" in again["error"]
    look = {"model": "tiny-cyclegan", "direction": "ba", "photo": taken["photo"]["id"]}
    assert app.call("paint", "preview", look, ann)["ok"]
    for guessed in ("", "0" * 32, "../" + taken["photo"]["id"], taken["photo"]["id"][:-1], 7, None, ["x"]):
        assert not app.call("paint", "preview", {**look, "photo": guessed}, bob)["ok"]


def test_no_path_leads_out_of_what_is_served(app: App, folder: Path) -> None:
    (mine,) = sent(app, photograph(), headers=stranger(3))
    uploads, films = Path(mine).parents[1], next((folder / "tmp").glob("gan-studio-films-*"))
    for target in (
        folder / "secret.txt",
        folder / "models" / "tiny-dcgan" / "config.json",
        "/etc/passwd",
        "/proc/self/environ",
        "app.py",
        "gan_core/settings.py",
        uploads,
        Path(mine).parent,
        films,
        f"{films}/../../secret.txt",
        f"{uploads}/../../secret.txt",
        f"{mine}/../../../../secret.txt",
    ):
        for path in (str(target), urllib.parse.quote(str(target), safe=""), str(target).replace("..", "%2e%2e")):
            for route in ("/gradio_api/file=", "/gradio_api/file/", "//gradio_api/file=", "/file="):
                assert status(app, route + path) in (403, 404), route + path
    closed = ("file=http://127.0.0.1:1/x", "file=https://example.org", "proxy=http://example.org/x")
    for path in (*closed, "deep_link", "dev/reload", "upload_progress?upload_id=x"):
        assert status(app, f"/gradio_api/{path}") == 404, path


@pytest.mark.parametrize("write", [json.dumps, lambda sent: json.dumps(sent).replace("http", "\\u0068ttp")])
@pytest.mark.parametrize("route", ["call/translate", "call/v2/translate", "queue/join", "run/translate"])
def test_no_file_is_fetched_from_another_server(app: App, folder: Path, route: str, write: Any) -> None:
    """Gradio reads such a file whole into memory, before any limit of ours sees it."""
    uploads = next((folder / "tmp").glob("gan-studio-films-uploads-*"))
    before = tree(uploads)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        file = {"path": f"http://localhost:{elsewhere.getsockname()[1]}/x.png", "meta": {"_type": "gradio.FileData"}}
        body = {"data": [{"deep": [file]}], "photo": file, "fn_index": 0, "session_hash": "a"}
        request = urllib.request.Request(
            f"{app.url}/gradio_api/{route}", write(body).encode(), {"Content-Type": "application/json", **stranger(16)}
        )
        code, told = answer(request)
        assert (code, "Send the file itself" in told) == (400, True)
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert tree(uploads) == before


def test_a_visit_has_a_short_name(app: App) -> None:
    """Gradio remembers two thousand of them, whatever they are."""
    body = {"data": recipe(), "fn_name": "draw", "component_id": app.components()["explore"][0]}
    told = app.post("/gradio_api/component_server", {**body, "session_hash": "x" * 100_000}, stranger(17))
    assert told["status"] == 400
    told = app.post("/gradio_api/component_server", {**body, "session_hash": "x", "more": "x" * 100_000}, stranger(17))
    assert told["ok"], "what is large is looked into, and passed on"


def test_functions_of_the_page_take_no_path_but_an_upload_s(app: App, folder: Path) -> None:
    for path in (
        str(folder / "secret.txt"),
        "/etc/passwd",
        str(folder / "models" / "tiny-dcgan" / "generator.safetensors"),
        f"{folder}/tmp/../secret.txt",
        "",
        None,
        {"path": "/etc/passwd"},
    ):
        for name in ("take", "check"):
            told = app.call("paint", name, {"path": path, "name": "x.png"}, stranger(4))
            assert "did not arrive" in told["error"], (name, path)
    assert (folder / "secret.txt").exists()
    described = app.get("/gradio_api/info")["named_endpoints"]
    for name in ("translate", "project"):
        entries = described[f"/{name}"]["parameters"]
        for place in (str(folder / "secret.txt"), "/etc/passwd", "http://127.0.0.1:9/x.png"):
            file = {"path": place, "meta": {"_type": "gradio.FileData"}}
            given = [file if one["parameter_name"] in ("photo", "picture") else one["parameter_default"]
                     if one["parameter_has_default"] else f"tiny-{'cyclegan' if name == 'translate' else 'dcgan'}"
                     for one in entries]  # fmt: skip
            if place.startswith("http"):
                told = app.post(f"/gradio_api/call/{name}", {"data": given}, stranger(4))
                assert (told["status"], "Send the file itself" in told["error"]) == (400, True), (name, told)
                continue
            kind, told = app.api(name, given, stranger(4))
            assert kind == "error", (name, place, told)
            assert "only the owner" not in str(told)


def test_what_is_too_large_is_refused_and_the_server_goes_on(app: App) -> None:
    who = stranger(5)
    code, told = sent(app, b"x" * 1_200_000, headers=who)
    assert code == 413
    assert "1 MB" in told
    told = app.post("/gradio_api/component_server", {"data": "x" * 6_000_000}, who)
    assert told["status"] == 413
    told = app.post("/gradio_api/queue/join", {"data": ["x" * 6_000_000], "fn_index": 0}, who)
    assert told["status"] == 413
    nested = "[" * 100_000 + "]" * 100_000
    request = urllib.request.Request(
        f"{app.url}/gradio_api/component_server", nested.encode(), {"Content-Type": "application/json", **who}
    )
    assert answer(request)[0] == 400
    form = urllib.request.Request(
        f"{app.url}/gradio_api/component_server", b"--x--", {"Content-Type": "multipart/form-data; boundary=x", **who}
    )
    assert answer(form)[0] == 415, "this way files would come past every limit"
    assert app.call("explore", "draw", recipe(), who)["ok"]


def test_what_comes_in_pieces_is_counted_too(app: App) -> None:
    host, port = app.url.removeprefix("http://").split(":")
    for route, kind in (("component_server", "application/json"), ("upload", "multipart/form-data; boundary=x")):
        link = http.client.HTTPConnection(host, int(port), timeout=60)
        begin = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' if route == "upload" else b'"'
        )
        pieces = iter([begin, *[b"x" * 500_000] * 14])
        try:
            link.request(
                "POST", f"/gradio_api/{route}", pieces, {"Content-Type": kind, **stranger(6)}, encode_chunked=True
            )
            assert link.getresponse().status in (400, 413), route  # Gradio says 400 of what breaks off.
        except (BrokenPipeError, ConnectionResetError):
            pass  # It hung up on us, which is as good.
        finally:
            link.close()
    assert app.call("explore", "draw", recipe(), stranger(6))["ok"]


def test_a_connection_that_drops_in_an_upload_leaves_room_for_others(app: App) -> None:
    host, port = app.url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), 30) as link:
            link.sendall(
                b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n"
                b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * 1000
            )
    assert len(sent(app, photograph(), headers=stranger(7))) == 1


def test_one_visitor_sends_so_much_and_the_others_are_not_concerned(app: App) -> None:
    who = stranger(8)
    noise = bytes(900_000)
    codes = [sent(app, noise, f"{number}.png", who) for number in range(10)]
    refused = [one for one in codes if isinstance(one, tuple)]
    assert refused, "eight times the largest file is the most"
    assert {code for code, _ in refused} == {429}
    assert "Try again in ten minutes" in refused[0][1]
    assert len(sent(app, photograph(), headers=stranger(9))) == 1
    for claimed in ("198.51.100.1", "203.0.113.9"):
        spoofed = {**who, "X-Forwarded-For": f"{claimed}, {who['X-Forwarded-For']}"}
        assert sent(app, noise, headers=spoofed)[0] == 429, "the proxy's own word comes last"
    owner = {**who, "Cookie": f"session={cookie('alice')}"}
    assert len(sent(app, noise, headers=owner)) == 1, "nor is the owner, wherever the owner sits"


def recipe(seed: int = 1) -> dict[str, Any]:
    return {"recipe": {"format": 1, "seed": seed, "model": {"name": "tiny-dcgan"}}, "live": True}


def test_one_visitor_s_paintings_leave_places_for_others(app: App) -> None:
    who, other = stranger(10), stranger(11)
    photo = app.call("paint", "open", {}, who)["photo"]["id"]
    looks = [{"model": "tiny-cyclegan", "direction": way, "photo": photo} for way in ("ab", "ba")]
    walk = {"format": 1, "keys": [{"format": 1, "seed": seed} for seed in (1, 2)], "path": "slerp", "frames": 3000}
    film = {"model": "tiny-dcgan", "walk": {**walk, "loop": True}, "fps": 30, "size": 512, "kind": "mp4"}
    told = [app.call("interpolate", "render", film, who) for _ in range(5)]
    assert [one["ok"] for one in told] == [True, True, True, False, False], told
    assert "busy" in told[-1]["error"]
    mine = app.call("interpolate", "render", film, other)
    assert mine["ok"]
    assert app.call("paint", "preview", looks[0], other)["ok"]
    assert app.call("explore", "draw", recipe(), other)["ok"]
    for job in [*told[:3], mine]:
        app.call("interpolate", "stop", {"job": job["job"]}, who)


def test_private_events_and_changes_are_refused_by_the_server(app: App, folder: Path) -> None:
    kept = tree(folder / "models")
    for name in ("rename", "delete", "restore", "discard", "bring", "bring_add", "bring_stop"):
        told = app.call("shelf", name, {"model": "tiny-dcgan", "name": "mine", "paths": ["x"]}, stranger(13))
        assert "only its owner" in told["error"], name
    for event in app.get("/config")["dependencies"]:
        for way in ("run", "api"):
            app.post(f"/gradio_api/{way}/{event.get('api_name')}", {"data": []}, stranger(13))
        app.post(
            "/gradio_api/queue/join",
            {"data": [None] * 5, "fn_index": event["id"], "session_hash": "a-stranger"},
            stranger(13),
        )
    assert tree(folder / "models") == kept


def test_a_stranger_moves_nothing_between_here_and_the_hub(app: App, folder: Path) -> None:
    kept, offered = tree(folder / "models"), app.components()
    sent = {
        "name": "tiny-dcgan",
        "repository": "alice/model",
        "id": "x",
        "space": "alice/other",
        "models": ["tiny-dcgan"],
    }
    moving = {"hub": ("push", "pull", "undo", "list_moves", "stop_move"), "deploy": tuple(offered["deploy"][1])}
    for element, names in moving.items():
        for name in names:
            if name == "deploy_about":  # Whether one may.
                assert app.call(element, name, sent, stranger(15))["may"] is False
                continue
            told = app.call(element, name, sent, stranger(15))
            assert told["ok"] is False, (element, name)
            assert "only its owner" in told["error"], (element, name)
    for element, kind in (("explore", "generator"), ("interpolate", "generator"), ("paint", "translator")):
        told = app.call(element, "fetch_model", {"name": "alice/model", "kind": kind}, stranger(15))
        assert "only its owner" in told["error"], element
    kind, told = app.api("generate", ["hub:alice/model", "1", 1.0, None, ""], stranger(15))
    assert kind == "error"
    assert tree(folder / "models") == kept


def test_no_answer_and_no_log_holds_the_owner_s_token(app: App) -> None:
    seen = json.dumps(app.get("/config")) + json.dumps(app.get("/gradio_api/info"))
    for element, (_, names) in app.components().items():
        for name in names:
            seen += json.dumps(app.call(element, name, {}, stranger(14)))
    assert TOKEN not in seen
    assert SPACE["OAUTH_CLIENT_SECRET"] not in seen
    assert TOKEN not in app.log()


def test_programs_are_told_that_the_server_is_busy(app: App) -> None:
    """Calls that would wait behind forty others."""

    def ask(number: int) -> Any:
        data = ["tiny-dcgan", "1-3", 300, "slerp", True, 30, 256, "mp4", 1.0, None]
        return app.post("/gradio_api/call/interpolate", {"data": [data[0], "1, 2, 3", *data[2:]]}, stranger(number))

    mine = [ask(59) for _ in range(12)]
    refused = [one for one in mine if one.get("status")]
    assert {one["status"] for one in refused} == {429}, mine
    assert "calls of yours are waiting" in refused[0]["error"]
    assert ask(58)["event_id"], "another visitor is not concerned"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(60, 130)))
    busy = [one for one in answers if one.get("status")]
    assert len(busy) < len(answers), answers[:3]
    assert {one["status"] for one in busy} <= {503}
    assert busy
    assert "full" in busy[0]["error"]
    assert app.call("explore", "draw", recipe(), stranger(12))["ok"]
