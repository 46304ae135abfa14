"""What the tabs ask for: models by what pickers send, pictures of seeds, paintings that are kept."""

import shutil

import numpy as np
import pytest

from gan_core.errors import ConfigError, ModelError, PictureError
from gan_core.library import load
from gan_core.ui.services import RUN, Services, parse_seed
from gan_core.ui.session import Photo

LAKE = Photo(example="lake")


def test_pickers_hold_the_models_of_their_kind_and_snapshots_of_runs(services: Services, settings, dcgan_folder):
    snapshot = settings.runs_dir / "00004-dcgan-shapes" / "snapshots" / "000100"
    shutil.copytree(dcgan_folder, snapshot)
    assert [value for _, value in services.choices("generator")] == [
        "tiny-conditional",
        "tiny-dcgan",
        f"{RUN}00004-dcgan-shapes",
    ]
    assert [value for _, value in services.choices("translator")] == ["tiny-cyclegan"]
    assert services.info(f"{RUN}00004-dcgan-shapes").folder == snapshot


def test_a_damaged_model_is_not_offered(services: Services, dcgan_folder):
    (dcgan_folder / "config.json").write_text("{")
    assert [value for _, value in services.choices("generator")] == ["tiny-conditional"]


@pytest.mark.parametrize("name", ["../tiny-dcgan", "/etc", "hub:someone/model", "run:../models", "", None])
def test_only_what_is_listed_is_opened(services: Services, name):
    with pytest.raises(ModelError, match="Nothing was changed"):
        services.draw(name, "7", 1.0, None, [])


def test_the_picture_is_the_library_s(services: Services, dcgan_folder):
    drawn = services.draw("tiny-dcgan", "7", 0.5, None, [0.5, -1.0])
    expected = load(dcgan_folder).explore(7, 0.5, None, [0.5, -1.0])
    assert np.array_equal(np.asarray(drawn.picture), np.asarray(expected))


def test_sliders_beyond_a_short_latent_do_nothing(services: Services):
    assert services.draw("tiny-dcgan", "7", 1.0, None, [0.0] * 10).picture.size == (16, 16)


def test_a_class_changes_the_picture_and_an_unknown_one_is_refused(services: Services):
    ant, bee = (np.asarray(services.draw("tiny-conditional", "7", 1.0, name, []).picture) for name in ("ant", "bee"))
    assert not np.array_equal(ant, bee)
    with pytest.raises(ConfigError, match="dog"):
        services.draw("tiny-conditional", "7", 1.0, "dog", [])


def test_seeds_keep_all_their_digits():
    assert parse_seed(" 9223372036854775807 ") == 2**63 - 1


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "1e3", "NaN", "", None, str(2**63), "\N{SUPERSCRIPT TWO}"])
def test_rubbish_is_no_seed(text):
    with pytest.raises(ConfigError, match="The picture stays"):
        parse_seed(text)


@pytest.mark.parametrize("value", [float("nan"), 2.1, -0.1, None, "1", True])
def test_rubbish_is_no_truncation(services: Services, value):
    with pytest.raises(ConfigError, match="Truncation"):
        services.draw("tiny-dcgan", "7", value, None, [])


def test_rubbish_is_no_offset(services: Services):
    with pytest.raises(ConfigError, match="Latent 2"):
        services.draw("tiny-dcgan", "7", 1.0, None, [0.0, float("nan")])


def test_a_painting_is_kept_and_blends_like_the_translator(services: Services, cyclegan_folder):
    painting = services.paint("tiny-cyclegan", LAKE, "ba")
    assert services.painted("tiny-cyclegan", LAKE, "ba") is painting
    assert services.painted("tiny-cyclegan", LAKE, "ab") is None
    assert painting.full.size == painting.photo.size
    half = np.asarray(painting.at(0.5)).astype(int)
    expected = np.asarray(load(cyclegan_folder).translate(painting.photo, "ba", 0.5)).astype(int)
    assert np.abs(half - expected).max() <= 1


def test_directions_are_told_in_words_with_the_default_first(services: Services):
    assert services.directions("tiny-cyclegan") == [
        ("photograph \N{RIGHTWARDS ARROW} painting", "ba"),
        ("painting \N{RIGHTWARDS ARROW} photograph", "ab"),
    ]


def test_a_file_that_is_no_picture_is_refused(services: Services, tmp_path):
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    with pytest.raises(PictureError, match=r"notes\.jpg"):
        services.photo(Photo(path=str(bad)))


def test_a_generator_does_not_paint(services: Services):
    with pytest.raises(ModelError, match="Choose a translator"):
        services.paint("tiny-dcgan", LAKE, None)
