import os
from math import inf
from pathlib import Path

import pytest

from gan_core.errors import ConfigError
from gan_core.settings import Settings

VARIABLES = {
    "GAN_CORE_MODELS": "models_dir",
    "GAN_CORE_RUNS": "runs_dir",
    "GAN_CORE_DATA": "data_dir",
    "GAN_CORE_MAX_PICTURE_MP": "max_picture_mp",
    "GAN_CORE_MAX_UPLOAD_MB": "max_upload_mb",
    "GAN_CORE_DATA_MEMORY_GB": "data_memory_gb",
    "GAN_CORE_MAX_STEPS": "max_steps",
    "GAN_CORE_MAX_SIZE": "max_size",
    "GAN_CORE_MAX_HOURS": "max_hours",
}
NUMBERS = ("MP", "MB", "GB", "STEPS", "SIZE", "HOURS")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in (*VARIABLES, "GAN_CORE_DATA_ROOTS"):
        monkeypatch.delenv(variable, raising=False)


def test_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.models_dir.name == "pretrained"
    assert settings.models_dir.is_absolute(), "outside a checkout, the one beside the package"
    assert settings.runs_dir == Path("runs")
    assert "~" not in str(settings.data_dir)
    assert (settings.max_picture_mp, settings.max_upload_mb, settings.data_memory_gb) == (50, 500, 4)


def test_pretrained_here_comes_first(tmp_path, monkeypatch):
    (tmp_path / "pretrained").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Settings().models_dir.resolve() == tmp_path / "pretrained"


def test_environment_is_read_when_built_and_not_at_import(monkeypatch, tmp_path):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "2.5" if variable.endswith(NUMBERS) else str(tmp_path))
    settings = Settings()
    for variable, name in VARIABLES.items():
        expected = 2.5 if variable.endswith(NUMBERS) else tmp_path
        assert getattr(settings, name) == expected
    assert Settings(runs_dir=Path("x")).runs_dir == Path("x"), "an argument beats the environment"


def test_empty_means_unset(monkeypatch):
    monkeypatch.setenv("GAN_CORE_RUNS", "")
    monkeypatch.setenv("GAN_CORE_MAX_PICTURE_MP", "")
    assert Settings().runs_dir == Path("runs")
    assert Settings().max_picture_mp == 50


@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf", "1,5"])
def test_bad_numbers_are_refused_by_the_variable_s_name(monkeypatch, text):
    monkeypatch.setenv("GAN_CORE_MAX_PICTURE_MP", text)
    with pytest.raises(ConfigError, match=r"^GAN_CORE_MAX_PICTURE_MP="):
        Settings()


def test_only_the_data_folder_here_is_offered_unless_more_is_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings().data_roots == ()
    (tmp_path / "data").mkdir()
    assert Settings().data_roots == (Path("data"),)
    monkeypatch.setenv("GAN_CORE_DATA_ROOTS", os.pathsep.join(["/pictures", "", str(tmp_path / "more")]))
    assert Settings().data_roots == (Path("/pictures"), tmp_path / "more")


def test_without_limits_everything_may_be_trained():
    assert (Settings().max_steps, Settings().max_size, Settings().max_hours) == (inf, inf, inf)


def test_owners_are_names_with_commas(monkeypatch):
    assert Settings().owners == frozenset()
    monkeypatch.setenv("GAN_CORE_OWNERS", " alice, bob ,,")
    assert Settings().owners == {"alice", "bob"}
