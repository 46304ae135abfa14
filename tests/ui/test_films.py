"""Films: what Interpolate asks the server for, checked against the walk itself and by decoding what was written."""

import base64
import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import GanCoreError
from gan_core.inference.walk import Walk, frames, jumps
from gan_core.recipe import Recipe
from gan_core.ui import film_folder as folders
from gan_core.ui.film_folder import FilmFolder, film_folder
from gan_core.ui.films import Films
from gan_core.ui.services import Services
from gan_core.ui.tabs import interpolate

MODEL = "tiny-dcgan"


@pytest.fixture
def folder(tmp_path: Path) -> FilmFolder:
    return FilmFolder(tmp_path / "films")


@pytest.fixture
def films(services: Services, folder: FilmFolder) -> Films:
    return Films(services, folder)


def walk(**changes: Any) -> dict[str, Any]:
    keys = [Recipe(seed=seed).to_json() for seed in (1, 2)]
    return {"format": 1, "keys": keys, "frames": 12, "loop": True, **changes}


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def over(films: Films, job: str) -> dict[str, Any]:
    while (told := films.poll(job, wait_s=0.02))["state"] not in ("done", "stopped", "failed"):
        pass
    return told


def test_opens_with_three_key_frames_of_a_model_that_is_there(films: Films):
    answer = films.open("gone")
    assert answer["model"]["value"] in {one["value"] for one in answer["models"]}
    assert [key["seed"] for key in answer["keys"]] == ["7", "42", "1234"]
    named = films.open("tiny-conditional")["model"]
    assert (named["classes"], named["side"], named["hard"]) == (["ant", "bee", "cat"], 16, True)
    assert films.preview(MODEL, walk(keys=answer["keys"]), 96)["frames"] == 12


def test_without_models_there_is_nothing_to_open(bare: Services, folder: FilmFolder):
    assert Films(bare, folder).open() == {"models": [], "model": None}


def test_thumbnails_are_the_pictures_of_the_keys(films: Films, services: Services):
    (url,) = films.thumbnails(MODEL, [Recipe(seed=5, truncation=0.5).to_json()])["urls"]
    expected = services.generator(MODEL).picture(Recipe(seed=5, truncation=0.5))
    assert np.array_equal(np.asarray(opened(url)), np.asarray(expected))


@pytest.mark.parametrize("model", [MODEL, "tiny-conditional"])
@pytest.mark.parametrize("changes", [{"loop": True}, {"loop": False}, {"rows": 2, "columns": 3, "even": True}], ids=str)
def test_the_preview_is_the_walk_and_names_its_jumps(films: Films, services: Services, model: str, changes: dict):
    value = walk(**changes, frames=9)
    answer = films.preview(model, value, 96)
    generator, way = services.generator(model), Walk.from_json(value)
    sheet, (width, height) = opened(answer["sheet"]), answer["cell"]
    for number, expected in enumerate(frames(generator, way)):
        left, top = number % answer["columns"] * width, number // answer["columns"] * height
        cell = sheet.crop((left, top, left + width, top + height))
        levels = np.asarray(cell).astype(int) - np.asarray(expected)
        assert abs(levels).max() <= 1  # Batches of other sizes may round differently.
    assert answer["jumps"] == pytest.approx(jumps(generator, way, 9), abs=1e-5)
    assert len(answer["jumps"]) == (9 if way.loop else 8)


def test_a_preview_has_fewer_frames_than_the_film_and_fewer_still_of_a_grid(films: Films):
    assert films.preview(MODEL, walk(frames=3000), 96)["frames"] == 96
    assert films.preview(MODEL, walk(frames=3000), 20)["frames"] == 20
    grid = films.preview(MODEL, walk(frames=90, rows=8, columns=8), 96)
    assert grid["frames"] == 4
    assert films.preview(MODEL, walk(frames=1), 96)["jumps"] == pytest.approx([0], abs=1e-5)


def test_a_film_is_rendered_with_progress_and_a_name_nobody_guesses(films: Films, folder: FilmFolder):
    av = pytest.importorskip("av")
    job = films.render(MODEL, walk(), fps=10, size=64, kind="mp4")["job"]
    told = over(films, job)
    assert (told["state"], told["frame"], told["frames"], told["seconds"]) == ("done", 12, 12, 1.2)
    assert told["name"] == "tiny-dcgan-1-2.mp4"
    (path,) = folder.path.glob("*/*")
    assert (str(path), path.name) == (told["path"], told["name"])
    assert told["bytes"] == path.stat().st_size
    assert len(path.parent.name) == 32
    assert folder.path.stat().st_mode & 0o777 == 0o700
    with av.open(str(path)) as film:
        assert (film.streams.video[0].width, film.streams.video[0].frames) == (64, 12)


def test_a_cancel_leaves_no_file(films: Films, folder: FilmFolder):
    job = films.render(MODEL, walk(frames=3000), fps=30, size=64, kind="gif")["job"]
    while films.poll(job, wait_s=0.02).get("frame", 0) == 0:
        pass
    films.stop(job)
    assert over(films, job)["state"] == "stopped"
    assert list(folder.path.iterdir()) == []


def test_a_cancel_that_comes_after_the_last_frame_leaves_no_file_either(films: Films, folder: FilmFolder):
    work = films.film(MODEL, walk(), fps=10, size=64, kind="webp")
    asked = iter([False] * 13)  # Until the encoder is through with its 12 frames, or later.
    told = list(work(lambda: next(asked, True)))
    assert not any("path" in progress for progress in told)
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "film", "sentence"),
    [
        ({"frames": 0}, {}, "frames is 0"),
        ({"frames": 3001}, {}, "3000"),
        ({"frames": 3000}, {"size": 1024}, "at most 577 px"),
        ({"frames": 3000, "rows": 3, "columns": 3}, {"size": 64}, "at most 2666 frames"),
        ({"keys": []}, {}, "keys"),
        ({"keys": [{"format": 1, "seed": "abc"}]}, {}, "seed"),
        ({"path": "teleport"}, {}, "slerp"),
        ({}, {"size": 15}, "16 to 1024"),
        ({}, {"size": 64.5}, "whole number"),
        ({}, {"size": "64"}, "Size"),
        ({}, {"fps": float("nan")}, "Frames per second"),
        ({}, {"fps": 60, "kind": "gif"}, "1 to 50"),
        ({}, {"kind": "../../x"}, "no kind of film"),
        ({}, {"kind": None}, "no kind of film"),
    ],
)
def test_what_cannot_be_rendered_is_told_in_a_sentence(films: Films, changes: dict, film: dict, sentence: str):
    with pytest.raises(GanCoreError, match=sentence):
        films.render(MODEL, walk(**changes), **{"fps": 10, "size": 64, "kind": "mp4", **film})


@pytest.mark.parametrize("model", ["nobody", "../tiny-dcgan", None, "tiny-cyclegan", 7])
def test_only_listed_generators_are_opened(films: Films, model: object):
    with pytest.raises(GanCoreError):
        films.preview(model, walk(), 10)


def test_keys_with_what_a_walk_cannot_carry_are_refused(films: Films):
    mixed = Recipe.from_json({"format": 1, "seed": 1, "mix": {"seed": 9, "stages": [1], "amount": 1}}).to_json()
    with pytest.raises(GanCoreError, match="mix"):
        films.preview(MODEL, walk(keys=[mixed]), 10)


# The folder.


def test_old_films_go_and_so_do_the_oldest_when_there_are_too_many(tmp_path: Path):
    folder = FilmFolder(tmp_path, keep_s=100, keep_bytes=25)
    ages = {"new/film": 1, "older/film": 50, "oldest/film": 80, "yesterday/film": 200, "written/.film.tmp": 60}
    for name, age in ages.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"0123456789")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    path = folder.new("film.gif")
    assert {one.name for one in tmp_path.iterdir()} == {"new", "older", "written"}
    assert (path.parent.parent, path.name) == (tmp_path, "film.gif")
    assert folder.new("film.gif") != path


def test_the_process_has_one_private_folder_and_removes_those_of_dead_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    for name, age in (("dead", 2 * 86_400), ("alive", 60)):
        (tmp_path / f"{folders.PREFIX}{name}").mkdir()
        os.utime(tmp_path / f"{folders.PREFIX}{name}", (time.time() - age,) * 2)
    film_folder.cache_clear()
    try:
        mine = film_folder()
        assert film_folder() is mine
        assert mine.path.stat().st_mode & 0o777 == 0o700
        assert {one.name for one in tmp_path.iterdir()} == {f"{folders.PREFIX}alive", mine.path.name}
    finally:
        film_folder.cache_clear()


# What the page calls.


def test_the_page_is_answered_with_a_sentence_instead_of_an_exception(films: Films, capsys):
    call = interpolate.served(films.preview, interpolate.SERVED["preview"])
    assert call({"model": MODEL, "walk": walk(), "most": 4, "foreign": 1})["ok"] is True
    for request in (None, [], "x", {}, {"model": MODEL}, {"model": MODEL, "walk": walk(), "most": True}):
        answer = call(request)
        assert answer["ok"] is False
        assert answer["error"].endswith(".")
    assert capsys.readouterr().err == ""


def test_every_function_the_page_calls_takes_the_parts_it_is_given(films: Films):
    for name, parts in interpolate.SERVED.items():
        answer = interpolate.served(getattr(films, name), parts)({})
        assert "TypeError" not in answer.get("error", "")
