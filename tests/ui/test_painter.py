"""Style transfer's server side: what the page asks for, checked against the translator itself and by opening files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import GanCoreError, ModelError, PictureError
from gan_core.library import load
from gan_core.recipe import Recipe, embed_png
from gan_core.scenes import EXAMPLES
from gan_core.settings import Settings
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.painter import NO_MODELS, Painter
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from gan_core.ui.tabs import style_transfer
from tests.ui.painting import LAKE, MODEL, opened, painter_of, picture, pixels

# What is there.


def test_opens_with_a_model_its_directions_and_an_example(painter: Painter):
    answer = painter.open("gone", "gone")
    assert answer["model"]["value"] == MODEL
    assert [(one["way"], one["from"], one["to"]) for one in answer["model"]["directions"]] == [
        ("ba", "photograph", "painting"),
        ("ab", "painting", "photograph"),
    ]
    assert [one["id"] for one in answer["examples"]] == [f"example:{key}" for key in EXAMPLES]
    assert (answer["photo"]["id"], answer["photo"]["width"], answer["photo"]["height"]) == (LAKE, 480, 320)
    assert painter.open(MODEL, "example:coast")["photo"]["name"] == "Coast"
    (listed,) = answer["models"]
    assert (listed["name"], listed["group"]) == (MODEL, "Here")
    assert opened(listed["url"]).width <= 64


def test_without_translators_it_says_what_to_do(bare: Services, tmp_path: Path, films: FilmFolder, uploads: Path):
    answer = painter_of(bare, tmp_path, films, uploads).open()
    assert (answer["model"], answer["told"], answer["models"]) == (None, NO_MODELS, [])


def test_damaged_weights_are_listed_passed_over_and_told(painter: Painter, cyclegan_folder: Path):
    (cyclegan_folder.parent / "broken").mkdir()
    for path in cyclegan_folder.iterdir():
        (cyclegan_folder.parent / "broken" / path.name).write_bytes(path.read_bytes())
    (cyclegan_folder.parent / "broken" / "generator_ba.safetensors").write_bytes(b"damaged")
    answer = painter.open("broken")
    assert {one["value"]: bool(one["url"]) for one in answer["models"]} == {"broken": False, MODEL: True}
    assert answer["model"]["value"] == MODEL
    with pytest.raises(ModelError, match="damaged"):
        painter.choose("broken")


def test_a_generator_does_not_paint(painter: Painter):
    with pytest.raises(ModelError, match="Choose a translator"):
        painter.preview("tiny-dcgan", None, LAKE)


# Photographs.


def test_an_upload_is_taken_upright_and_leaves_the_public_folder(painter: Painter, arrived):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter.
    path = arrived(picture(60, 40), "a/b: c?.jpg".replace("/", "_"), exif=exif)
    photo = painter.take(path, "a/b: c?.jpg")["photo"]
    assert (photo["name"], photo["width"], photo["height"]) == ("ab c.jpg", 40, 60)
    assert not Path(path).exists()
    assert painter.preview(MODEL, "ba", photo["id"])["width"] == 40


@pytest.mark.parametrize("name", ["/etc/hostname", "", None, ["x"], "\0", "uploads/../secret.png", "uploads"])
def test_only_what_was_sent_is_read(painter: Painter, tmp_path: Path, name: object):
    picture(20, 20).save(tmp_path / "secret.png")
    path = str(tmp_path / name) if isinstance(name, str) and name.startswith("uploads") else name
    for work in (painter.take, painter.check):
        with pytest.raises(PictureError, match="did not arrive"):
            work(path, "x.png")
    assert (tmp_path / "secret.png").exists()


def test_a_link_out_of_the_uploads_is_not_followed(painter: Painter, uploads: Path, tmp_path: Path):
    picture(20, 20).save(tmp_path / "secret.png")
    (uploads / "f").mkdir()
    (uploads / "f" / "x.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(PictureError, match="did not arrive"):
        painter.take(str(uploads / "f" / "x.png"), "x.png")


def test_what_is_no_picture_is_refused_and_goes(painter: Painter, arrived, tmp_path: Path):
    path = arrived(b"no picture", "notes.jpg")
    with pytest.raises(PictureError, match=r"notes\.jpg"):
        painter.take(path, "notes.jpg")
    assert not Path(path).exists()
    assert list((tmp_path / "photos").iterdir()) == []


def test_a_picture_over_the_limit_is_refused(
    settings: Settings, tmp_path: Path, films: FilmFolder, uploads: Path, arrived
):
    small = Settings(models_dir=settings.models_dir, runs_dir=settings.runs_dir, max_picture_mp=0.001)
    painter = painter_of(Services(small), tmp_path, films, uploads)
    with pytest.raises(PictureError, match="megapixels"):
        painter.take(arrived(picture(60, 40)), "mine.png")


def test_a_name_that_nobody_was_told_opens_nothing(painter: Painter):
    for name in ("example:cave", "0" * 32, None, 7, ["x"], "../models"):
        with pytest.raises(PictureError, match="not kept"):
            painter.preview(MODEL, "ba", name)
        with pytest.raises(PictureError, match="not kept"):
            painter.download(name, {})


def test_nothing_of_a_photograph_stays_when_it_goes(services: Services, tmp_path: Path, films, uploads, arrived):
    now = [0.0]
    folder = PhotoFolder(tmp_path / "photos", keep_s=100, clock=lambda: now[0])
    painter = Painter(services, folder, films, uploads)
    photo = painter.take(arrived(picture(60, 40)), "mine.png")["photo"]["id"]
    file = Path(painter.download(painter.preview(MODEL, "ba", photo)["painting"]["id"], {})["path"])
    assert file.exists()
    now[0] = 101
    folder.sweep()
    assert list((tmp_path / "photos").iterdir()) == []
    assert not file.exists()
    assert (painter.photos._facts, painter.photos._small) == ({}, {})
    with pytest.raises(PictureError, match="not kept"):
        painter.preview(MODEL, "ba", photo)


# Previews.


def test_a_preview_is_small_and_tells_how_long_the_whole_takes(painter: Painter, arrived):
    photo = painter.take(arrived(picture(1000, 500)), "mine.png")["photo"]["id"]
    answer = painter.preview(MODEL, None, photo)
    assert opened(answer["photo_url"]).size == opened(answer["full_url"]).size == (512, 256)
    assert (answer["direction"], answer["painting"]) == ("ba", None)
    assert 0 < answer["estimate_s"] < 60
    assert max(opened(painter.preview(MODEL, None, photo, side="small")["full_url"]).size) == 256


def test_the_preview_of_a_small_photograph_is_its_painting(painter: Painter, cyclegan_folder: Path):
    answer = painter.preview(MODEL, "painting", LAKE)  # By the name of what it shows.
    expected = load(cyclegan_folder).translate(painter.services.examples["lake"], "ba")
    assert np.abs(pixels(opened(answer["full_url"])) - pixels(expected)).max() <= 1
    assert (answer["painting"]["width"], answer["painting"]["height"]) == (480, 320)
    assert painter.preview(MODEL, "ba", LAKE)["painting"]["id"] == answer["painting"]["id"]
    assert painter.preview(MODEL, "ab", LAKE)["painting"]["id"] != answer["painting"]["id"]


def test_a_direction_that_is_not_there_is_told(painter: Painter):
    with pytest.raises(GanCoreError, match="no direction 'up'"):
        painter.preview(MODEL, "up", LAKE)


def test_the_way_there_and_back_has_a_fidelity(painter: Painter):
    answer = painter.round_trip(MODEL, "ba", LAKE)
    assert opened(answer["url"]).size == (480, 320)
    assert -1 <= answer["fidelity"] <= 1


# What a picture says of itself.


def test_the_checker_knows_what_was_made_here_and_keeps_nothing(painter: Painter, services: Services, arrived):
    painting = painter.preview(MODEL, "ba", LAKE)["painting"]["id"]
    path = arrived(Path(painter.download(painting, {"kind": "webp", "strength": 1.2})["path"]).read_bytes(), "p.webp")
    made = painter.check(path, "p.webp")["made"]
    assert (made["kind"], made["model"]["name"], made["translation"]["strength"]) == ("translated", MODEL, 1.2)
    assert not Path(path).exists()

    generator = services.generator("tiny-dcgan")
    recipe = Recipe(seed=2**60 + 1, model=generator.recipe().model)
    made = painter.check(arrived(embed_png(generator.picture(recipe), recipe)), "g.png")["made"]
    assert (made["kind"], made["recipe"]["seed"]) == ("generated", str(2**60 + 1))  # As text: no digit is lost.

    assert painter.check(arrived(picture(20, 20)), "photo.png") == {"made": None}
    with pytest.raises(PictureError, match=r"notes\.txt"):
        painter.check(arrived(b"no picture", "notes.txt"), "notes.txt")


# Nonsense.


@pytest.mark.parametrize("name", style_transfer.SERVED)
@pytest.mark.parametrize("junk", [None, 7, "x" * 1000, [], {}, float("nan")], ids=lambda junk: str(junk)[:4])
def test_nonsense_is_answered_with_a_sentence(painter: Painter, name: str, junk: object):
    parts = style_transfer.SERVED[name]
    answer = served(getattr(painter, name), parts)(dict.fromkeys(parts, junk))
    if not answer["ok"]:
        assert answer["error"].endswith(".")
        assert "went wrong" not in answer["error"]
