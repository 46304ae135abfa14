"""Models by name, folder and run."""

import shutil
from pathlib import Path

import pytest

import gan_core
from gan_core.errors import ModelError
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.library import find, list_models, load
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


def test_an_unknown_name_says_what_is_here(settings: Settings) -> None:
    with pytest.raises(ModelError, match="Did you mean tiny-dcgan"):
        load("tiny-dcgam", settings=settings)
    with pytest.raises(ModelError, match="Here are: tiny-cyclegan, tiny-dcgan"):
        load("something else", settings=settings)
    with pytest.raises(ModelError):
        load("../../etc", settings=settings)
