"""`gan-core generate`, `translate`, `models`."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from gan_core.errors import RecipeError
from gan_core.inference.generator import Generator
from gan_core.library import load
from gan_core.recipe import Mix, Recipe, embed_png, read
from tests.cli.conftest import Run


@pytest.mark.usefixtures("dcgan_folder")
def test_generate_grid_and_single_files(run: Run, tmp_path: Path) -> None:
    result = run(
        "generate", "tiny-dcgan", "--seeds", "0-5", "--columns", "3", "--out", "grid.png", "--each", "one", "--json"
    )
    assert result.status == 0
    assert json.loads(result.out)["written"][0] == "grid.png"
    with Image.open(tmp_path / "grid.png") as grid, Image.open(tmp_path / "one" / "seed-000004.png") as single:
        assert grid.size == (3 * 18 - 2, 2 * 18 - 2)
        assert grid.crop((18, 18, 34, 34)).tobytes() == single.tobytes()


def test_a_snapshot_of_a_run_draws_by_its_name(run: Run, tmp_path: Path, dcgan_folder: Path) -> None:
    shutil.copytree(dcgan_folder, tmp_path / "runs" / "00012-dcgan-shapes" / "snapshots" / "000040")
    result = run("generate", "run:00012-dcgan-shapes@40", "--seeds", "4", "--out", "one.png")
    assert result.status == 0, result.err
    result = run("generate", "run:00012-dcgan-shapes@41", "--seeds", "4", "--out", "two.png")
    assert result.status == 1
    assert "has no snapshot of step 41" in result.err


def png(path: Path) -> tuple[bytes, Recipe]:
    with Image.open(path) as picture:
        return picture.tobytes(), read(path)


@pytest.mark.usefixtures("dcgan_folder")
def test_single_pictures_carry_their_recipe_and_grids_none(run: Run, tmp_path: Path) -> None:
    run("generate", "tiny-dcgan", "--seeds", "3,5", "--truncation", "0.7", "--out", "grid.png", "--each", "one")
    run("generate", "tiny-dcgan", "--seeds", "5", "--truncation", "0.7", "--out", "single.png")
    pixels, recipe = png(tmp_path / "one" / "seed-000005.png")
    assert (recipe.seed, recipe.truncation, recipe.model and recipe.model.name) == (5, 0.7, "tiny-dcgan")
    assert png(tmp_path / "single.png") == (pixels, recipe)
    with pytest.raises(RecipeError, match="carries no recipe"):
        read(tmp_path / "grid.png")
    for kind in ("jpg", "webp"):
        run("generate", "tiny-dcgan", "--seeds", "5", "--truncation", "0.7", "--out", f"single.{kind}")
        assert read(tmp_path / f"single.{kind}") == recipe


def test_a_class_is_written_by_its_name(run: Run, tmp_path: Path, conditional_folder: Path) -> None:
    run("generate", conditional_folder.name, "--seeds", "5", "--label", "2", "--out", "a.png")
    assert read(tmp_path / "a.png").label == "cat"


def test_a_recipe_draws_its_picture_again_bit_for_bit(run: Run, tmp_path: Path, conditional_folder: Path) -> None:
    generator = load(conditional_folder)
    assert isinstance(generator, Generator)
    recipe = generator.recipe(
        seed=2**63 - 1,
        shift=(0.1, 0.7),
        truncation=0.9,
        label={"ant": 0.5, "bee": 0.25},
        directions={"pca-1": 2.0, "sefa-3": -1.0},
        latents={4: 1.5},
        mix=Mix(seed=9, stages=(1,), amount=0.5),
    )
    expected = generator.picture(recipe)
    (tmp_path / "saved.png").write_bytes(embed_png(expected, recipe))
    (tmp_path / "written.json").write_text(json.dumps(recipe.to_json()))
    assert run("generate", "--recipe", "saved.png", "--out", "new/again.png").out == "new/again.png\n"
    assert run("generate", conditional_folder.name, "--recipe", "written.json", "--out", "two.png").status == 0
    # Without --out, under the recipe's name, and never over a picture.
    assert run("generate", "--recipe", "written.json").out == "written.png\n"
    assert json.loads(run("generate", "--recipe", "saved.png", "--json").out)["written"] == ["saved-2.png"]
    for name in ("new/again.png", "two.png", "written.png", "saved-2.png"):
        assert png(tmp_path / name) == (expected.tobytes(), recipe)


def test_a_recipe_finds_its_model_by_its_weights(run: Run, dcgan_folder: Path, conditional_folder: Path) -> None:
    run("generate", "tiny-dcgan", "--seeds", "5", "--out", "a.png")
    dcgan_folder.rename(dcgan_folder.with_name("renamed"))
    for arguments in (["--recipe", "a.png"], ["renamed", "--recipe", "a.png"]):
        result = run("generate", *arguments, "--out", "b.png")
        assert (result.status, result.err) == (0, "")
    # Another model by that name: drawn, with a word about it.
    conditional_folder.rename(dcgan_folder)
    (dcgan_folder.with_name("renamed") / "generator.safetensors").unlink()
    result = run("generate", "--recipe", "a.png", "--out", "d.png")
    assert result.status == 0
    assert "other weights of tiny-dcgan" in result.err
    (dcgan_folder / "config.json").unlink()
    (dcgan_folder / "generator.safetensors").unlink()
    result = run("generate", "--recipe", "a.png", "--out", "e.png")
    assert result.status == 1
    assert "Fetch the model tiny-dcgan." in result.err


@pytest.mark.usefixtures("dcgan_folder")
def test_bad_recipes_are_one_sentence_and_draw_nothing(run: Run, tmp_path: Path) -> None:
    run("generate", "tiny-dcgan", "--seeds", "5", "--out", "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[:-100])
    Image.new("RGB", (8, 8)).save(tmp_path / "other.png")
    (tmp_path / "nonsense.json").write_text('{"format": 1, "seed": "abc"}')
    (tmp_path / "nameless.json").write_text('{"format": 1, "seed": 1}')
    (tmp_path / "foreign.json").write_text('{"format": 1, "seed": 1, "latents": {"9": 1}}')
    for arguments, text in (
        (["torn.png"], "damaged"),
        (["other.png"], "carries no recipe"),
        (["nonsense.json"], "seed is 'abc'"),
        (["nameless.json"], "names no model"),
        (["foreign.json", "tiny-dcgan"], "latent 9"),
        (["a.png", "none"], "no model 'none'"),
    ):
        result = run("generate", "--recipe", *arguments, "--out", "new.png")
        assert result.status == 1
        assert text in result.err
        assert result.err.count("\n") == 1
        assert not (tmp_path / "new.png").exists()


@pytest.mark.usefixtures("dcgan_folder")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Name a MODEL"),
        (["tiny-dcgan"], "--out FILE"),
        (["--recipe", "a.png", "--seeds", "4"], "--seeds cannot be given beside it"),
        (["--recipe", "a.png", "--truncation", "1.0"], "--truncation cannot"),
    ],
)
def test_wrong_usage_of_generate(run: Run, arguments: list[str], text: str) -> None:
    result = run("generate", *arguments)
    assert result.status == 2
    assert text in result.err


@pytest.mark.usefixtures("cyclegan_folder")
def test_translate_goes_on_after_a_bad_file_and_reports_it(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name, size in (("a.jpg", (37, 20)), ("b.png", (16, 16))):
        photos.mkdir(exist_ok=True)
        Image.new("RGB", size, "teal").save(photos / name)
    (photos / "broken.jpg").write_bytes(b"no picture")
    (photos / "notes.txt").write_text("not asked for")
    other = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(other)
    result = run("translate", "tiny-cyclegan", photos, other, "--out", "painted", "--json")
    assert result.status == 1
    report = json.loads(result.out)
    assert report["written"] == ["painted/a.png", "painted/b.png", "painted/a-2.png"]
    assert len(report["failed"]) == 1
    assert "broken.jpg" in result.err
    with Image.open(tmp_path / "painted" / "a.png") as picture:
        assert picture.size == (37, 20)


@pytest.mark.usefixtures("dcgan_folder", "cyclegan_folder")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "tiny-cyclegan", "--out", "a.png"], "Use gan-core translate"),
        (["translate", "tiny-dcgan", "x.jpg", "--out", "o"], "Use gan-core generate"),
        (["translate", "tiny-cyclegan", "x.jpg", "--out", "o"], "x.jpg is not there"),
        (["generate", "tiny-dcgan", "--seeds", "1,two", "--out", "a.png"], "'two' is not a seed"),
        (["generate", "tiny-dcgan", "--seeds", "-5", "--out", "a.png"], "is not a seed"),
        (["generate", "tiny-dcgan", "--seeds", "5-1", "--out", "a.png"], "runs backwards"),
        (["generate", "tiny-dcgan", "--seeds", "0-99999999", "--out", "a.png"], "more than"),
        (["generate", "tiny-dcgan", "--seeds", "1" * 31, "--out", "a.png"], "is not a seed"),
        (["generate", "tiny-dcgan", "--out", "a.xyz"], "written as .png, .jpg or .webp"),
        (["generate", "tiny-dcgan", "--label", "ant", "--out", "a.png"], "has no classes"),
        (["generate", "tiny-dcgan", "--truncation", "nan", "--out", "a.png"], "truncation is nan"),
        (["generate", "tiny-dcgan", "--truncation", "2.5", "--out", "a.png"], "from 0 to 2"),
        (["generate", "--recipe", "none.png"], "none.png is not there"),
        (["generate", "tiny-dcgan", "--out", "/proc/no/a.png"], "was not written"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], text: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments)
    assert result.status == 1
    assert text in result.err
    assert result.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("dcgan_folder")
def test_models_are_listed(run: Run, tmp_path: Path) -> None:
    assert "tiny-dcgan  DCGAN" in run("models").out
    (tmp_path / "models" / "tiny-dcgan" / "config.json").write_text("[]")
    listed = run("models")
    assert "damaged" in listed.out
    assert json.loads(run("models", "--json").out)[0]["error"]


def test_no_models_says_what_to_do(run: Run) -> None:
    assert "Train one" in run("models").out
