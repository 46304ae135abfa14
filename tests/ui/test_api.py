"""The public functions, called over HTTP by the real gradio_client."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.errors import ConfigError
from gan_core.inference.walk import Walk, frames
from gan_core.library import load
from gan_core.models import cyclegan, dcgan
from gan_core.recipe import Recipe, made_here, read
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.ui.film_folder import film_folder
from gan_core.ui.launch import launch
from gan_core.ui.page import build_app
from gan_core.ui.services import Services
from gan_core.weights import network_json, save
from tests.conftest import TINY_CONDITIONAL, TINY_CYCLEGAN, TINY_DCGAN

TRAININGS = ("/start_training", "/stop_training", "/resume_training")
OURS = ("/generate", "/interpolate", "/project", "/translate", *TRAININGS)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(5)
    save(folder / "plain", ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN))
    config = ModelConfig(family="dcgan", network=network_json(TINY_CONDITIONAL), classes=["ant", "bee", "cat"])
    save(folder / "sorted", config, dcgan.build(TINY_CONDITIONAL))
    domains = {"a": "painting", "b": "photograph"}
    network = network_json(TINY_CYCLEGAN)
    config = ModelConfig(family="cyclegan", network=network, domains=domains, default_direction="ba")
    save(folder / "painter", config, cyclegan.build(TINY_CYCLEGAN))
    return folder


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("runs")
    yield folder
    for run in list_runs(folder):  # Trainings outlive the application by design.
        if pid := run.status().get("pid"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def address(models: Path, runs_dir: Path) -> Iterator[str]:
    page = build_app(Services(Settings(models_dir=models, runs_dir=runs_dir)))
    allowed = [str(film_folder().path)]
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, run_history=False, show_error=True, allowed_paths=allowed
    )
    yield url
    page.close()


@pytest.fixture(scope="module")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_generate_draws_each_seed_and_its_recipe_draws_it_again(client: Client, models: Path):
    paths = client.predict("sorted", "3, 5-6", truncation=0.5, label="bee", api_name="/generate")
    generator = load(models / "sorted")
    for path, seed in zip(paths, (3, 5, 6), strict=True):
        expected = generator.picture(Recipe(seed=seed, truncation=0.5, label="bee"))
        assert np.array_equal(pixels(path), np.asarray(expected))
    recipe = read(Path(paths[1]))
    assert (recipe.model.name, recipe.model.sha256) == ("sorted", generator.sha256)
    (again,) = client.predict("sorted", recipe=recipe.dumps(), api_name="/generate")
    assert Path(again).read_bytes() == Path(paths[1]).read_bytes()


@pytest.mark.parametrize("kind", ["mp4", "webp"])
def test_interpolate_gives_a_film(client: Client, models: Path, kind: str):
    path = client.predict(
        "plain", "1, 2", frames=6, path="spline", loop=False, fps=5, size=32, kind=kind, api_name="/interpolate"
    )
    assert Path(path).suffix == f".{kind}"
    if kind == "webp":
        with Image.open(path) as film:
            assert (film.size, film.n_frames) == ((32, 32), 6)
            way = Walk(keys=(Recipe(seed=1), Recipe(seed=2)), path="spline", frames=6)
            first = next(frames(load(models / "plain"), way)).resize((32, 32), Image.Resampling.NEAREST)
            assert np.array_equal(np.asarray(film.convert("RGB")), np.asarray(first.convert("RGB")))
    else:
        av = pytest.importorskip("av")
        with av.open(path) as film:
            stream = film.streams.video[0]
            assert (stream.codec_context.name, stream.frames, stream.average_rate) == ("h264", 6, 5)


def test_project_finds_a_picture_and_generate_draws_what_was_found(client: Client):
    (target,) = client.predict("plain", "11", api_name="/generate")
    recipe, distance, found = client.predict("plain", handle_file(target), steps=40, api_name="/project")
    assert len(recipe["z"]) == TINY_DCGAN.latent_dim
    (again,) = client.predict("plain", recipe=json.dumps(recipe), api_name="/generate")
    assert np.array_equal(pixels(found), pixels(again))
    (as_it_came,) = client.predict("plain", recipe=recipe, api_name="/generate")  # Once this was a Python error.
    assert np.array_equal(pixels(found), pixels(as_it_came))
    difference = (pixels(found).astype(float) - pixels(target)) / 255
    assert 0 <= distance < 0.1
    assert np.sqrt(np.mean(difference**2)) < 0.1  # An independent look at what the distance says.


def test_a_single_seed_may_be_a_number(client: Client):
    """Once this was a Python error."""
    (number,) = client.predict("plain", 11, api_name="/generate")
    (text,) = client.predict("plain", "11", api_name="/generate")
    assert np.array_equal(pixels(number), pixels(text))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter.
    exif.get_ifd(0x8825)[1] = "N"  # A place.
    Image.linear_gradient("L").resize((90, 50)).convert("RGB").save(path, exif=exif)
    return path


def test_translate_paints_a_photograph_and_says_so(client: Client, models: Path, photo: Path):
    values = {"direction": "painting", "strength": 0.5, "keep_colours": True}
    path = Path(client.predict("painter", handle_file(str(photo)), **values, api_name="/translate"))
    assert path.name == "harbour-painter.png"
    with Image.open(path) as file:
        assert file.size == (50, 90)
        assert not file.getexif().get_ifd(0x8825)
    translator = load(models / "painter")
    expected = translator.translate(photo, "ba", 0.5, keep_colours=True)
    assert np.abs(pixels(str(path)).astype(int) - np.asarray(expected.convert("RGB"))).max() <= 1
    made = made_here(path).translation
    assert (made.model.name, made.direction, made.strength, made.keep_colours) == ("painter", "ba", 0.5, True)
    assert made.size == (50, 90)


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_translate_writes_other_kinds(client: Client, photo: Path, kind: str):
    path = Path(client.predict("painter", handle_file(str(photo)), kind=kind, mark=True, api_name="/translate"))
    assert path.suffix == f".{kind}"
    assert made_here(path).kind == "translated"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model": "plain"}, "Choose a translator"),
        ({"model": "nobody"}, "no model 'nobody'"),
        ({"direction": "up"}, "no direction 'up'"),
        ({"strength": 2.0}, "Strength is 2"),
        ({"kind": "exe"}, "no kind of file"),
        ({"brush": "wide"}, "is no brush"),
        ({"photo": None}, "No picture was given"),
        ({"photo": {"path": "/etc/hostname"}}, "No picture was given"),
    ],
    ids=str,
)
def test_what_cannot_be_translated_is_told(client: Client, photo: Path, values: dict[str, Any], sentence: str):
    given = {"model": "painter", "photo": handle_file(str(photo)), **values}
    with pytest.raises(Exception, match=sentence) as raised:
        client.predict(**given, api_name="/translate")
    assert "Traceback" not in str(raised.value)


def test_a_file_that_is_no_picture_is_not_translated(client: Client, tmp_path: Path):
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(Exception, match=r"notes\.jpg"):
        client.predict("painter", handle_file(str(tmp_path / "notes.jpg")), api_name="/translate")


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("/generate", {"model": "nobody"}, "no generator 'nobody'"),
        ("/generate", {"model": "../models/plain"}, "no generator"),
        ("/generate", {"model": "plain", "seeds": "abc"}, "'abc' is not a seed"),
        ("/generate", {"model": "plain", "seeds": str(10**30)}, "is not a seed"),
        ("/generate", {"model": "plain", "seeds": "-1"}, "is not a seed"),
        ("/generate", {"model": "plain", "seeds": "0-100"}, "more than 64"),
        ("/generate", {"model": "plain", "truncation": 9.0}, "truncation is 9"),
        ("/generate", {"model": "plain", "label": "bee"}, "no classes"),
        ("/generate", {"model": "plain", "recipe": "{"}, "not valid JSON"),
        ("/generate", {"model": "plain", "recipe": '{"format": 1, "seed": 1, "shoe": 2}'}, "shoe"),
        ("/interpolate", {"model": "plain", "frames": 0}, "Frames is 0"),
        ("/interpolate", {"model": "plain", "frames": 3000, "size": 1024}, "at most 577 px"),
        ("/interpolate", {"model": "plain", "kind": "exe"}, "no kind of film"),
        ("/interpolate", {"model": "plain", "fps": 60, "kind": "gif"}, "1 to 50"),
        ("/project", {"model": "plain", "picture": None}, "No picture was given"),
        ("/project", {"model": "plain", "picture": {"path": "/etc/hostname"}}, "No picture was given"),
        ("/start_training", {"family": "pix2pix"}, "No model family is chosen"),
        ("/start_training", {"size": 33}, "Size is 33"),
        ("/start_training", {"steps": 1.5}, "Steps is 1.5"),
        ("/start_training", {"data": {"path": "/etc/hostname"}}, "No zip was given"),
        ("/stop_training", {"run": "../models"}, "There is no run"),
        ("/resume_training", {"run": "00042-dcgan-shapes"}, "There is no run"),
    ],
)
def test_bad_values_come_back_as_one_sentence(client: Client, name: str, values: dict[str, Any], sentence: str):
    with pytest.raises(Exception, match=sentence) as raised:
        client.predict(**values, api_name=name)
    assert "Traceback" not in str(raised.value)
    assert "--" not in str(raised.value)


@pytest.mark.slow
def test_a_training_is_started_stopped_and_gone_on_with(client: Client, runs_dir: Path):
    run = client.predict(size=16, steps=100_000, batch=2, api_name="/start_training")
    assert run == "00000-dcgan-shapes"
    folder = RunFolder(runs_dir / run)

    def wait_for(state: str) -> None:
        end = time.monotonic() + 120
        while folder.status()["state"] != state:
            assert time.monotonic() < end, folder.status()
            time.sleep(0.1)

    wait_for("running")
    assert client.predict(run, api_name="/stop_training") in ("stopping", "stopped")
    wait_for("stopped")
    with pytest.raises(Exception, match="nothing to stop"):
        client.predict(run, api_name="/stop_training")
    assert client.predict(run, api_name="/resume_training") in ("starting", "waiting", "running")
    with pytest.raises(Exception, match="already training"):
        client.predict(run, api_name="/resume_training")


@pytest.mark.parametrize("name", TRAININGS)
def test_on_a_space_strangers_do_not_train(client: Client, runs_dir: Path, monkeypatch, name: str):
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    before = list_runs(runs_dir)
    with pytest.raises(Exception, match="only its owner"):
        client.predict(**({} if name == "/start_training" else {"run": "00000-dcgan-shapes"}), api_name=name)
    assert list_runs(runs_dir) == before


def test_a_path_on_the_server_is_no_picture(address: str):
    """Programs that speak plain HTTP may call any path an upload; Gradio refuses what was not uploaded."""
    for marked in ({"_type": "gradio.FileData"}, {}):
        picture = {"path": str(Path(__file__).parents[2] / "assets/screenshot.webp"), "meta": marked}
        begun = httpx.post(f"{address}gradio_api/call/project", json={"data": ["plain", picture, 1, None]})
        told = httpx.get(f"{address}gradio_api/call/project/{begun.json()['event_id']}", timeout=30).text
        assert "event: error" in told
        assert "not uploaded" in told or "No picture was given" in told


def test_every_entry_has_a_type_and_a_description(client: Client):
    described = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in OURS:
        entries = described[name]["parameters"] + described[name]["returns"]
        for entry in entries:
            assert entry["python_type"]["description"], (name, entry["label"])
            assert entry["type"], (name, entry["label"])
        assert [one["label"] for one in described[name]["parameters"]] == [
            one["parameter_name"] for one in described[name]["parameters"]
        ]
    kind = next(one for one in described["/interpolate"]["parameters"] if one["label"] == "kind")
    assert kind["type"]["enum"] == ["mp4", "webm", "gif", "webp"]


def test_films_are_served_to_who_knows_the_name_and_never_listed(address: str):
    folder = film_folder()
    path = folder.new("film.mp4")
    path.parent.mkdir()
    path.write_bytes(b"a film")
    assert httpx.get(f"{address}gradio_api/file={path}").content == b"a film"
    for url in (folder.path, f"{folder.path}/", path.parent, folder.path.parent, folder.path / "guess/film.mp4"):
        assert httpx.get(f"{address}gradio_api/file={url}").status_code == 403


def test_mcp_without_its_package_is_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gan_core.ui.launch.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"gan-core\[mcp\]"):
        launch(mcp=True)


def test_mcp_lists_the_functions_as_tools(models: Path, tmp_path: Path):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    page = build_app(Services(Settings(models_dir=models, runs_dir=tmp_path)))
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, run_history=False, mcp_server=True)
    try:
        tools = {tool["name"]: tool for tool in httpx.get(f"{url}gradio_api/mcp/schema").json()}
        for name in ("generate", "interpolate", "project", "translate"):
            assert tools[name]["description"]
            assert all(entry["description"] for entry in tools[name]["inputSchema"]["properties"].values())
    finally:
        page.close()
