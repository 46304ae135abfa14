"""The server side of Explore: recipes in, pictures out; nothing that comes over the network is taken on trust."""

import base64
import io
import json
import shutil
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import GanCoreError
from gan_core.library import load
from gan_core.recipe import Recipe, embed_png, read
from gan_core.ui.explorer import FIRST_SEED, NO_MODELS, Explorer
from gan_core.ui.finder import Finder
from gan_core.ui.jobs import OVER
from gan_core.ui.pictures import data_url
from gan_core.ui.serve import served
from gan_core.ui.services import RUN, Services

TINY = {"format": 1, "model": {"name": "tiny-dcgan"}, "seed": "7"}


@pytest.fixture
def explorer(services: Services) -> Explorer:
    return Explorer(services)


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_it_opens_with_a_picture_of_the_first_model(explorer: Explorer, conditional_folder):
    opened = explorer.open()
    assert [one["value"] for one in opened["models"]] == ["tiny-conditional", "tiny-dcgan"]
    assert {one["group"] for one in opened["models"]} == {"Here"}
    assert all(one["url"].startswith("data:image/jpeg") for one in opened["models"])
    model, recipe = opened["model"], opened["recipe"]
    assert (model["value"], model["classes"], model["latent_dim"]) == ("tiny-conditional", ["ant", "bee", "cat"], 8)
    assert model["stages"] == [4, 8]
    assert recipe["seed"] == str(FIRST_SEED)
    assert recipe["model"] == {"name": "tiny-conditional", "sha256": model["sha256"]}
    expected = load(conditional_folder).picture(Recipe(seed=FIRST_SEED))
    assert np.array_equal(pixels(opened["picture"]["url"]), np.asarray(expected))
    assert (opened["picture"]["width"], opened["picture"]["height"]) == (16, 16)


def test_without_models_it_says_what_to_do(bare: Services):
    assert Explorer(bare).open() == {"models": [], "model": None, "told": NO_MODELS}


def test_another_model_takes_over_the_place_and_a_lost_one_gives_way(explorer: Explorer):
    kept = {"seed": str(2**63 - 1), "shift": [0.25, 0], "truncation": 0.5, "label": "ant"}
    recipe = explorer.open(model="tiny-dcgan", start=kept)["recipe"]
    assert (recipe["seed"], recipe["shift"], recipe["truncation"]) == (str(2**63 - 1), [0.25, 0], 0.5)
    assert recipe["label"] is None
    assert explorer.open(model="gone")["model"]["value"] == "tiny-conditional"
    gone = {**TINY, "model": {"name": "gone"}}
    assert explorer.open(model="tiny-dcgan", recipe=gone, lenient=True)["model"]["value"] == "tiny-dcgan"
    assert explorer.open(recipe=TINY, lenient=True)["recipe"]["seed"] == "7"
    with pytest.raises(GanCoreError, match="gone"):
        explorer.open(recipe=gone)


def test_a_run_is_drawn_by_its_newest_snapshot(explorer: Explorer, settings, dcgan_folder):
    run = settings.runs_dir / "00004-dcgan-shapes"
    shutil.copytree(dcgan_folder, run / "snapshots" / "000100")
    opened = explorer.open(model=f"{RUN}00004-dcgan-shapes")
    assert opened["model"]["value"] == f"{RUN}00004-dcgan-shapes"
    assert opened["recipe"]["model"]["name"] == "00004-dcgan-shapes"
    assert [one["group"] for one in opened["models"]] == ["Here", "Here", "Runs"]
    assert explorer.draw(opened["recipe"])["url"] == opened["picture"]["url"]


def test_the_picture_is_the_library_s(explorer: Explorer, dcgan_folder):
    recipe = {**TINY, "truncation": 0.5, "directions": {"sefa-1": 1.5}, "latents": {"3": -0.5}, "shift": [0.5, 0.25]}
    recipe["mix"] = {"seed": "9", "stages": [1], "amount": 0.5}
    drawn = explorer.draw(recipe, live=True)
    expected = load(dcgan_folder).picture(Recipe.from_json(recipe))
    assert np.array_equal(pixels(drawn["url"]), np.asarray(expected))
    assert drawn["model"]["sha256"] == load(dcgan_folder).sha256
    assert drawn["ms"] > 0


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "recipe",
        [],
        {},
        {"format": 1, "seed": "7"},
        {**TINY, "model": {"name": "../tiny-dcgan"}},
        {**TINY, "model": {"name": "/etc"}},
        {**TINY, "seed": "abc"},
        {**TINY, "seed": -1},
        {**TINY, "seed": 10**30},
        {**TINY, "truncation": float("nan")},
        {**TINY, "directions": {"sefa-99": 1}},
        {**TINY, "latents": {"9": 1}},
        {**TINY, "label": "dog"},
        {**TINY, "mix": {"seed": "9", "stages": [7], "amount": 1}},
    ],
)
def test_nonsense_is_answered_with_one_sentence(explorer: Explorer, nonsense: Any):
    answer = served(explorer.draw, ("recipe", "live"))({"recipe": nonsense})
    assert answer["ok"] is False
    assert answer["error"].endswith(".")
    assert "went wrong" not in answer["error"]


@pytest.mark.parametrize("radius", [0, -1, 1.1, float("nan"), "1", None, True])
def test_a_radius_is_checked(explorer: Explorer, radius: Any):
    with pytest.raises(GanCoreError, match="radius"):
        explorer.neighbours(TINY, radius)


def test_neighbours_can_be_gone_to(explorer: Explorer):
    pictures = explorer.neighbours(TINY, 0.4)["pictures"]
    assert len(pictures) == 8
    assert len({one["url"] for one in pictures}) == 8
    seen = pixels(explorer.draw(pictures[0]["recipe"])["url"]).astype(int)
    assert np.abs(seen - pixels(pictures[0]["url"])).max() <= 1  # Drawn eight at once, the last bit may differ.
    assert pictures == explorer.neighbours(TINY, 0.4)["pictures"]


def test_names_are_kept_in_the_model_folder(explorer: Explorer, dcgan_folder):
    listed = explorer.list_directions("tiny-dcgan")["directions"]
    assert {one["id"] for one in listed} >= {"sefa-1", "pca-1"}
    assert all(0 <= one["share"] <= 1 for one in listed)
    sent = [{"id": "sefa-1", "name": " Darker ", "hidden": True}]
    assert "directions.json" in explorer.save_directions("tiny-dcgan", sent)["told"]
    assert (dcgan_folder / "directions.json").is_file()
    again = {one["id"]: one for one in explorer.list_directions("tiny-dcgan")["directions"]}
    assert (again["sefa-1"]["name"], again["sefa-1"]["hidden"]) == ("Darker", True)
    assert again["sefa-2"]["hidden"] is False


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "sefa-1",
        [{"id": "../x", "name": "a"}],
        [{"id": "sefa-1", "name": ""}],
        [{"id": "sefa-1", "name": "x" * 81}],
        [{"id": "sefa-1", "name": 3}],
        [{"id": "sefa-1", "name": "two\nlines"}],
        [{"id": "sefa-1", "name": "darker"}, {"id": "sefa-2", "name": "Darker"}],
    ],
)
def test_names_are_checked_before_anything_is_written(explorer: Explorer, dcgan_folder, sent: Any):
    with pytest.raises(GanCoreError, match="Nothing was saved"):
        explorer.save_directions("tiny-dcgan", sent)
    assert not (dcgan_folder / "directions.json").exists()


def test_only_listed_models_are_written_to(explorer: Explorer, tmp_path):
    with pytest.raises(GanCoreError):
        explorer.save_directions(str(tmp_path), [{"id": "sefa-1", "name": "x"}])


def test_a_file_carries_its_recipe_there_and_back(explorer: Explorer, dcgan_folder):
    recipe = {**TINY, "seed": str(2**53 + 1), "shift": [0.5, 0.0]}
    file = explorer.download(recipe)
    assert file["name"] == f"tiny-dcgan-seed-{2**53 + 1}.png"
    content = base64.b64decode(file["base64"])
    assert read(content).seed == 2**53 + 1
    restored = explorer.read_recipe("mine.png", file["base64"])
    assert restored["note"] is None
    assert restored["recipe"]["seed"] == str(2**53 + 1)
    assert restored["recipe"]["model"]["sha256"] == load(dcgan_folder).sha256
    assert explorer.draw(restored["recipe"])["url"] == data_url(Image.open(io.BytesIO(content)))


def test_weights_are_known_under_another_name_and_others_are_told(explorer: Explorer, dcgan_folder):
    content = explorer.download(TINY)["base64"]
    dcgan_folder.rename(dcgan_folder.with_name("renamed"))
    assert explorer.read_recipe("x.png", content)["recipe"]["model"]["name"] == "renamed"
    other = Recipe.from_json({**TINY, "model": {"name": "renamed", "sha256": "0" * 64}})
    restored = explorer.read_recipe("x.png", encoded(embed_png(Image.new("RGB", (4, 4)), other)))
    assert "other weights" in restored["note"]


def test_a_model_that_is_not_here_is_named(explorer: Explorer):
    foreign = Recipe.from_json({**TINY, "model": {"name": "faces", "hub": "someone/faces"}})
    answer = explorer.read_recipe("x.png", encoded(embed_png(Image.new("RGB", (4, 4)), foreign)))
    assert not answer["ok"]
    assert "someone/faces" in answer["error"]
    assert answer["fetch"] == "someone/faces", "the page offers to fetch it"
    unknown = Recipe.from_json({**TINY, "model": {"name": "faces"}})
    with pytest.raises(GanCoreError, match="Fetch the model faces"):
        explorer.read_recipe("x.png", encoded(embed_png(Image.new("RGB", (4, 4)), unknown)))


@pytest.mark.parametrize(
    "content",
    [
        None,
        "no base64!",
        encoded(b""),
        encoded(b"no picture"),
        encoded(b"\x89PNG\r\n\x1a\n broken"),
        encoded(json.dumps({**TINY, "seed": "x"}).encode()),
        encoded(b"[" * 100_000),
    ],
)
def test_rubbish_is_no_recipe(explorer: Explorer, content: Any):
    answer = served(explorer.read_recipe, ("name", "content"))({"name": "x.png", "content": content})
    assert answer["ok"] is False
    assert "went wrong" not in answer["error"]


def over(finder: Finder, job: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (told := finder.find_poll(job))["state"] in OVER:
            return told
        time.sleep(0.02)
    raise AssertionError("the search does not end")


def test_a_picture_is_looked_for_and_stopped(services: Services, explorer: Explorer):
    finder = Finder(services)
    target = io.BytesIO()
    load(services.settings.models_dir / "tiny-dcgan").picture(Recipe(seed=3)).save(target, "PNG")
    begun = finder.find_start("tiny-dcgan", "me.png", encoded(target.getvalue()))
    assert begun["side"] == 16
    while "distance" not in (told := finder.find_poll(begun["job"])):
        time.sleep(0.01)
    finder.find_stop(begun["job"])
    told = over(finder, begun["job"])
    assert told["error"] is None
    assert 0 <= told["distance"] < told["scale"]
    drawn = explorer.draw(told["recipe"])
    assert drawn["url"] == told["url"]
    assert len(told["recipe"]["z"]) == 8


@pytest.mark.parametrize(("content", "label"), [(encoded(b"no picture"), None), (None, None), (encoded(b""), "dog")])
def test_what_cannot_be_looked_for_is_refused(services: Services, content: Any, label: Any):
    with pytest.raises(GanCoreError):
        Finder(services).find_start("tiny-conditional", "me.png", content, label)
