"""Models by name, folder and run."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import gan_core
from gan_core.errors import ModelError
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.library import find, find_recipe_model, list_models, load
from gan_core.recipe import ModelRef, weights_sha256
from gan_core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, dcgan_folder: Path, cyclegan_folder: Path) -> Settings:
    assert dcgan_folder.parent == cyclegan_folder.parent
    return Settings(models_dir=dcgan_folder.parent, runs_dir=tmp_path / "runs")


def test_models_are_listed_with_what_a_picker_shows(settings: Settings) -> None:
    translator, generator = list_models(settings)
    assert (generator.name, generator.family, generator.kind, generator.size) == (
        "tiny-dcgan",
        "dcgan",
        "generator",
        16,
    )
    assert (translator.kind, translator.size, translator.default_direction) == ("translator", None, "ba")
    assert generator.bytes > 0
    assert generator.error is None


def test_a_damaged_model_is_listed_with_its_error_and_others_still_load(settings: Settings) -> None:
    (settings.models_dir / "tiny-dcgan" / "config.json").write_text("{")
    (settings.models_dir / "notes").mkdir()
    (settings.models_dir / ".hidden.tmp").mkdir()
    infos = {info.name: info for info in list_models(settings)}
    assert set(infos) == {"tiny-dcgan", "tiny-cyclegan"}
    assert "not valid JSON" in (infos["tiny-dcgan"].error or "")
    assert isinstance(load("tiny-cyclegan", settings=settings), Translator)
    with pytest.raises(ModelError, match="not valid JSON"):
        load("tiny-dcgan", settings=settings)


def test_load_by_name_and_by_folder_gives_one_cached_model(settings: Settings) -> None:
    by_name = load("tiny-dcgan", settings=settings, device="cpu")
    assert isinstance(by_name, Generator)
    assert load(settings.models_dir / "tiny-dcgan", settings=settings, device="cpu") is by_name
    assert gan_core.load is load


def test_a_folder_that_was_written_anew_is_loaded_anew(settings: Settings, cyclegan_folder: Path) -> None:
    before = load("tiny-dcgan", settings=settings)
    target = settings.models_dir / "tiny-dcgan"
    shutil.rmtree(target)
    shutil.copytree(cyclegan_folder, target)
    after = load("tiny-dcgan", settings=settings)
    assert after is not before
    assert isinstance(after, Translator)


def test_a_run_stands_for_its_newest_snapshot(settings: Settings, dcgan_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "00000-dcgan-shapes"
    for step in ("000002", "000010"):
        shutil.copytree(dcgan_folder, run / "snapshots" / step)
    assert find(run, settings).name == "000010"
    shutil.rmtree(run / "snapshots")
    (run / "snapshots").mkdir()
    with pytest.raises(ModelError, match="no snapshot yet"):
        find(run, settings)


def test_a_run_and_each_of_its_snapshots_have_names(settings: Settings, dcgan_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "00012-dcgan-shapes"
    for step in ("000002", "000010"):
        shutil.copytree(dcgan_folder, run / "snapshots" / step)
    assert find("run:00012-dcgan-shapes", settings) == run / "snapshots" / "000010"
    assert find("run:00012-dcgan-shapes@2", settings) == run / "snapshots" / "000002"
    assert isinstance(load("run:00012-dcgan-shapes@2", settings=settings), Generator)
    for name, sentence in {
        "run:00012-dcgan-shapes@4": "no snapshot of step 4. Nothing was loaded. The newest are 2, 10",
        "run:00012-dcgan-shapes@": "no snapshot of step",
        "run:00012-dcgan-shape@2": "Did you mean run:00012-dcgan-shapes@2",
        "run:../runs/00012-dcgan-shapes": "There is no run",
        "run:": "There is no run ''",
    }.items():
        with pytest.raises(ModelError, match=re.escape(sentence)):
            find(name, settings)


def test_an_unknown_name_says_what_is_here(settings: Settings) -> None:
    with pytest.raises(ModelError, match="Did you mean tiny-dcgan"):
        load("tiny-dcgam", settings=settings)
    with pytest.raises(ModelError, match="Here are: tiny-cyclegan, tiny-dcgan"):
        load("something else", settings=settings)
    with pytest.raises(ModelError):
        load("../../etc", settings=settings)


# The model of a recipe.


def other_weights(folder: Path, target: Path) -> Path:
    """A copy of a model with another number in its weights' file."""
    shutil.copytree(folder, target)
    file = target / "generator.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return target


def test_a_recipe_finds_its_very_weights_whatever_their_name(settings: Settings, dcgan_folder: Path) -> None:
    ref = ModelRef(name="tiny-dcgan", sha256=weights_sha256(dcgan_folder))
    assert find_recipe_model(ref, settings) == (dcgan_folder, None)
    other_weights(dcgan_folder, settings.models_dir / "alike")
    assert find_recipe_model(ref, settings) == (dcgan_folder, None)
    renamed = dcgan_folder.rename(settings.models_dir / "renamed")
    assert find_recipe_model(ref, settings) == (renamed, None)
    kept = settings.runs_dir / "00002-dcgan-shapes" / "snapshots" / "000004"
    kept.parent.mkdir(parents=True)
    renamed.rename(kept)
    shutil.copytree(settings.models_dir / "alike", kept.with_name("000008"))
    assert find_recipe_model(ref, settings) == (kept, None)


def test_other_weights_of_the_name_come_with_a_notice(settings: Settings, dcgan_folder: Path) -> None:
    ref = ModelRef(name="tiny-dcgan", sha256="0" * 64)
    folder, notice = find_recipe_model(ref, settings)
    assert folder == dcgan_folder
    assert "other weights of tiny-dcgan" in (notice or "")
    assert find_recipe_model(replace(ref, sha256=None), settings) == (dcgan_folder, None)
    run = settings.runs_dir / "00002-dcgan-shapes" / "snapshots"
    for step in ("000004", "000008"):
        shutil.copytree(dcgan_folder, run / step)
    folder, notice = find_recipe_model(ModelRef(name="00002-dcgan-shapes", sha256="0" * 64), settings)
    assert folder == run / "000008"
    assert notice


def test_a_recipe_whose_model_is_not_here_says_which_to_fetch(settings: Settings) -> None:
    for ref, text in (
        (ModelRef(name="nouns", hub="someone/nouns", sha256="0" * 64), "Fetch hub:someone/nouns."),
        (ModelRef(name="nouns"), "Fetch the model nouns."),
        (ModelRef(name="tiny-cyclegan"), "Fetch the model tiny-cyclegan."),  # It draws nothing from recipes.
        (ModelRef(name="../../etc/passwd"), "not here"),
        (None, "names no model"),
    ):
        with pytest.raises(ModelError) as refusal:
            find_recipe_model(ref, settings)
        assert text in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_models_are_listed_without_torch(settings: Settings) -> None:
    """Importing torch took two seconds of `gan-core models`."""
    code = (
        "import sys; from pathlib import Path; from gan_core.library import list_models; "
        "from gan_core.settings import Settings; "
        f"names = [info.name for info in list_models(Settings(models_dir=Path({str(settings.models_dir)!r})))]; "
        "print(names, sorted({'torch', 'huggingface_hub'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "['tiny-cyclegan', 'tiny-dcgan'] []\n"


@pytest.mark.parametrize("size", ["big", 16.5, [16], {"px": 16}])
def test_a_size_that_is_none_is_an_error_of_the_folder(settings: Settings, size: object) -> None:
    path = settings.models_dir / "tiny-dcgan" / "config.json"
    config = json.loads(path.read_text())
    config["network"]["size"] = size
    path.write_text(json.dumps(config))
    infos = {info.name: info for info in list_models(settings)}
    assert "size" in (infos["tiny-dcgan"].error or "")
    with pytest.raises(ModelError):
        load("tiny-dcgan", settings=settings)
