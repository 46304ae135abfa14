"""A few pictures of a set: spread over all of it, nothing fetched, and the rest not decoded."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data import DataOptions
from gan_core.data.few import few_domains, few_images
from gan_core.errors import DataError
from gan_core.settings import Settings

OPTIONS = DataOptions(side=8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "m", runs_dir=tmp_path / "r", data_dir=tmp_path / "d")


def fill(folder: Path, count: int, level: int = 0) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(np.full((8, 8, 3), level + index, np.uint8)).save(folder / f"{index:03d}.png")


def test_pictures_are_spread_over_the_whole_set(tmp_path: Path, settings: Settings) -> None:
    fill(tmp_path / "set" / "ant", 20)
    fill(tmp_path / "set" / "bee", 20, level=100)
    images = few_images(str(tmp_path / "set"), OPTIONS, settings, 8)
    assert images.pictures[:, 0, 0, 0].tolist() == [0, 5, 10, 15, 100, 105, 110, 115]
    assert images.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert images.classes == ["ant", "bee"]
    assert len(few_images(str(tmp_path / "set"), OPTIONS, settings, 100)) == 40


def test_a_picture_that_was_not_chosen_is_not_read(tmp_path: Path, settings: Settings) -> None:
    fill(tmp_path / "set", 4)
    (tmp_path / "set" / "001.png").write_bytes(b"damaged")
    assert few_images(str(tmp_path / "set"), OPTIONS, settings, 2).skipped == []


def test_domains(tmp_path: Path, settings: Settings) -> None:
    fill(tmp_path / "set" / "trainA", 3)
    fill(tmp_path / "set" / "trainB", 6, level=50)
    a, b = few_domains(str(tmp_path / "set"), OPTIONS, settings, 3)
    assert a.pictures[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert b.pictures[:, 0, 0, 0].tolist() == [50, 52, 54]
    with pytest.raises(DataError, match="two domains"):
        few_images(str(tmp_path / "set"), OPTIONS, settings, 3)
    with pytest.raises(DataError, match="trainA and trainB"):
        few_domains(str(tmp_path / "set" / "trainA"), OPTIONS, settings, 3)


def test_shapes_need_no_file(settings: Settings) -> None:
    images = few_images("shapes", OPTIONS, settings, 5)
    assert images.pictures.shape == (5, 3, 8, 8)
    a, b = few_domains("shapes", DataOptions(side=8, channels=1), settings, 5)
    assert a.pictures.shape == b.pictures.shape == (5, 1, 8, 8)


@pytest.mark.parametrize("spec", ["mnist", "hub:some/body", "/nowhere"])
def test_what_is_not_here_is_not_fetched(settings: Settings, spec: str) -> None:
    with pytest.raises(DataError, match="is not on this computer"):
        few_images(spec, OPTIONS, settings, 5)
