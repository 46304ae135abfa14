"""The services of an application that has a generator, one with classes, and a translator; and what stands on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gan_core.settings import Settings
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.packing import Packer
from gan_core.ui.painter import Painter
from gan_core.ui.services import Services
from gan_core.ui.shelf import Shelf
from tests.ui.painting import painter_of


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


@pytest.fixture
def shelf(services: Services) -> Shelf:
    return Shelf(services)


@pytest.fixture
def packer(shelf: Shelf, tmp_path: Path) -> Packer:
    return Packer(shelf, FilmFolder(tmp_path / "served"))


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """Where Gradio's upload route puts files."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


@pytest.fixture
def films(tmp_path: Path) -> FilmFolder:
    return FilmFolder(tmp_path / "films")


@pytest.fixture
def painter(services: Services, tmp_path: Path, films: FilmFolder, uploads: Path) -> Painter:
    return painter_of(services, tmp_path, films, uploads)


@pytest.fixture
def arrived(uploads: Path) -> Callable[..., str]:
    """A function: puts a file there as the route does."""

    def put(content: Image.Image | bytes, name: str = "mine.png", **options: Any) -> str:
        path = uploads / f"{len(list(uploads.iterdir())):064x}" / name
        path.parent.mkdir()
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **options)
        return str(path)

    return put
