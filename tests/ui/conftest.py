"""The services of an application that has a generator, one with classes, and a translator."""

from pathlib import Path

import pytest

from gan_core.settings import Settings
from gan_core.ui.services import Services


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", data_dir=tmp_path / "data")


@pytest.fixture
def services(settings: Settings, dcgan_folder: Path, conditional_folder: Path, cyclegan_folder: Path) -> Services:
    assert {folder.parent for folder in (dcgan_folder, conditional_folder, cyclegan_folder)} == {settings.models_dir}
    return Services(settings)


@pytest.fixture
def bare(settings: Settings) -> Services:
    """No models and no runs."""
    return Services(settings)
