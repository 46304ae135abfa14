"""Style transfer's server side: what the page asks for, checked against the translator itself and by opening files."""

import base64
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import GanCoreError, ModelError, PictureError
from gan_core.library import load
from gan_core.recipe import Recipe, embed_png, made_here
from gan_core.scenes import EXAMPLES
from gan_core.settings import Settings
from gan_core.ui import batch as batches
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.painter import NO_MODELS, Painter
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from gan_core.ui.tabs import style_transfer

MODEL = "tiny-cyclegan"
LAKE = "example:lake"


@pytest.fixture
def films(tmp_path: Path) -> FilmFolder:
    return FilmFolder(tmp_path / "films")


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def painter_of(services: Services, tmp_path: Path, films: FilmFolder, uploads: Path) -> Painter:
    return Painter(services, PhotoFolder(tmp_path / "photos"), films, uploads)


@pytest.fixture
def painter(services: Services, tmp_path: Path, films: FilmFolder, uploads: Path) -> Painter:
    return painter_of(services, tmp_path, films, uploads)


@pytest.fixture
def arrived(uploads: Path) -> Callable[..., str]:
    """Put a file where Gradio's upload route puts it."""

    def put(content: Image.Image | bytes, name: str = "mine.png", **options: Any) -> str:
        path = uploads / f"{len(list(uploads.iterdir())):064x}" / name
        path.parent.mkdir()
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **options)
        return str(path)

    return put


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A photograph of noise and a slope, the same each time."""
    rng = np.random.default_rng(width * height)
    slope = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 55, (height, width, 4))
    return Image.fromarray(slope.astype(np.uint8), "RGBA").convert(mode)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def over(painter: Painter, job: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (told := painter.poll(job, wait_s=0.02))["state"] not in ("done", "stopped", "failed"):
        assert time.monotonic() < end, told
    return told


def painted(painter: Painter, photo: str, direction: str = "ba") -> dict[str, Any]:
    told = over(painter, painter.paint(MODEL, direction, photo)["job"])
    assert told["state"] == "done", told
    return told["painting"]


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


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


# The whole photograph.


def test_a_whole_photograph_is_painted_shown_and_kept(painter: Painter, cyclegan_folder: Path, arrived):
    original = picture(700, 600)
    photo = painter.take(arrived(original), "mine.png")["photo"]["id"]
    painting = painted(painter, photo)
    shown = painter.show(painting["id"])
    assert (shown["width"], shown["height"]) == (700, 600)
    expected = load(cyclegan_folder).translate(original, "ba")
    assert np.abs(pixels(opened(shown["full_url"])) - pixels(expected)).max() <= 1
    assert opened(painter.show(painting["id"], 100)["photo_url"]).size == (100, 86)
    assert painted(painter, photo) == painting  # Found again, not painted again.
    assert painter.preview(MODEL, "ba", photo)["painting"] == painting


def test_each_brush_makes_a_painting_of_its_own(painter: Painter, arrived):
    photo = painter.take(arrived(picture(900, 300)), "mine.png")["photo"]["id"]
    paintings = {}
    for brush in ("broad", "fine"):
        seen = painter.preview(MODEL, "ba", photo, brush)
        assert seen["painting"] is None
        paintings[brush] = over(painter, painter.paint(MODEL, "ba", photo, brush)["job"])["painting"]
        assert painter.preview(MODEL, "ba", photo, brush)["painting"] == paintings[brush]
    shown = {brush: pixels(opened(painter.show(one["id"])["full_url"])) for brush, one in paintings.items()}
    assert shown["broad"].shape == shown["fine"].shape == (300, 900, 3)
    assert not np.array_equal(shown["broad"], shown["fine"])
    assert painter.preview(MODEL, "ba", photo, "medium")["painting"] == paintings["fine"]  # At its own size: the same.
    with pytest.raises(GanCoreError, match="is no brush"):
        painter.paint(MODEL, "ba", photo, "wide")


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_download_is_of_full_size_and_says_how_it_was_made(painter: Painter, arrived, kind: str, mode: str):
    original = picture(90, 70, mode)
    photo = painter.take(arrived(original), "mine.png")["photo"]["id"]
    look = {"strength": 0.5, "keep_colours": mode == "RGB", "kind": kind}
    answer = painter.download(painted(painter, photo)["id"], look)
    assert answer["name"] == f"mine-{MODEL}.{kind}"
    assert answer["bytes"] == Path(answer["path"]).stat().st_size
    with Image.open(answer["path"]) as file:
        assert file.size == (90, 70)
        assert ("A" in file.getbands()) == (mode == "RGBA" and kind != "jpg")
    made = made_here(Path(answer["path"]))
    assert made.kind == "translated"
    told = made.translation
    assert (told.model.name, told.direction, told.strength, told.keep_colours) == (MODEL, "ba", 0.5, mode == "RGB")
    assert told.size == (90, 70)


@pytest.mark.parametrize(("strength", "keep"), [(0.0, False), (0.4, False), (1.5, False), (0.7, True)])
def test_the_file_is_blended_as_the_page_blends(painter: Painter, arrived, strength: float, keep: bool):
    """The formula of assets/paint-frame.js, written down once more."""
    photo = painter.take(arrived(picture(60, 50)), "mine.png")["photo"]["id"]
    seen = painter.preview(MODEL, "ba", photo)
    before, full = (pixels(opened(seen[name]).convert("RGB")) for name in ("photo_url", "full_url"))
    difference = full - before
    if keep:
        difference = (difference @ np.array([0.299, 0.587, 0.114]))[..., None]
    expected = (before + strength * difference).round().clip(0, 255)
    look = {"strength": strength, "keep_colours": keep, "kind": "png"}
    answer = painter.download(seen["painting"]["id"], look)
    assert np.abs(pixels(Image.open(answer["path"])) - expected).max() <= 1


def test_a_visible_mark_is_put_into_the_corner_when_wished(painter: Painter):
    painting = painter.preview(MODEL, "ba", LAKE)["painting"]["id"]
    plain, marked = (
        pixels(Image.open(painter.download(painting, {"kind": "png", "mark": mark})["path"])) for mark in (False, True)
    )
    changed = np.argwhere((plain != marked).any(-1))
    assert len(changed)
    assert changed.min(0)[0] > 160  # In the lower half,
    assert changed.min(0)[1] > 240  # to the right.


@pytest.mark.parametrize(
    "look", [{"strength": 2}, {"strength": -1}, {"strength": float("nan")}, {"strength": "1"}, {"kind": "exe"}], ids=str
)
def test_a_look_that_cannot_be_is_refused(painter: Painter, look: dict):
    painting = painter.preview(MODEL, "ba", LAKE)["painting"]["id"]
    with pytest.raises(GanCoreError, match="Nothing was written"):
        painter.download(painting, look)


def test_a_cancel_keeps_nothing_and_the_next_one_paints(painter: Painter, arrived, monkeypatch: pytest.MonkeyPatch):
    photo = painter.take(arrived(picture(600, 80)), "mine.png")["photo"]["id"]
    translator = painter.services.translator(MODEL)
    translate = translator.translate

    def slow(*values: Any, progress: Callable[[float], None], **named: Any) -> Image.Image:
        for share in range(1000):
            progress(share / 1000)
            time.sleep(0.01)
        return translate(*values, **named)

    monkeypatch.setattr(translator, "translate", slow)
    first = painter.paint(MODEL, "ba", photo)["job"]
    second = painter.paint(MODEL, "ab", photo)["job"]
    while not painter.poll(first, 0.02).get("share"):
        pass
    assert painter.poll(second, 0.3)["place"] == 1
    painter.stop(first)
    assert over(painter, first)["state"] == "stopped"
    assert painter.preview(MODEL, "ba", photo)["painting"] is None
    while "share" not in painter.poll(second, 0.02):
        pass  # Its turn has come.
    painter.stop(second)
    assert over(painter, second)["state"] == "stopped"


# Many at once.


def test_many_are_painted_into_one_zip_and_bad_ones_named(painter: Painter, arrived, films: FilmFolder):
    photos = [painter.take(arrived(picture(40, 30 + number)), "mine.png")["photo"]["id"] for number in range(2)]
    job = painter.paint_many(MODEL, "ba", [photos[0], "0" * 32, photos[1]], {"strength": 0.5, "kind": "png"})["job"]
    told = over(painter, job)
    assert [one["state"] for one in told["files"]] == ["done", "failed", "done"]
    assert "not kept" in told["files"][1]["error"]
    assert (told["state"], told["done"], told["count"], told["share"]) == ("done", 3, 3, 1)
    with zipfile.ZipFile(told["path"]) as archive:
        assert archive.namelist() == [f"mine-{MODEL}.png", f"mine-{MODEL}-2.png"]
        for number, name in enumerate(archive.namelist()):
            content = archive.read(name)
            assert made_here(content).translation.strength == 0.5
            assert Image.open(io.BytesIO(content)).size == (40, 30 + number)
    assert [path.name for path in films.path.glob("*/*")] == [told["name"]]


def test_none_good_is_no_zip(painter: Painter, films: FilmFolder):
    told = over(painter, painter.paint_many(MODEL, "ba", ["gone"], {})["job"])
    assert told["state"] == "failed"
    assert "None of the photographs" in told["error"]
    assert list(films.path.iterdir()) == []


def test_a_full_zip_leaves_out_what_has_no_room(painter: Painter, monkeypatch: pytest.MonkeyPatch):
    painting = painter.preview(MODEL, "ba", LAKE)["painting"]["id"]
    room = painter.download(painting, {"kind": "png"})["bytes"] + 1000  # The translator may round another way alone.
    monkeypatch.setattr(batches, "MOST_ZIP_BYTES", room)
    job = painter.paint_many(MODEL, "ba", [LAKE, "example:coast"], {"kind": "png"})["job"]
    told = over(painter, job)
    assert [one["state"] for one in told["files"]] == ["done", "failed"]
    assert "zip is full" in told["files"][1]["error"]


def test_a_cancelled_zip_leaves_no_file(painter: Painter, films: FilmFolder):
    job = painter.paint_many(MODEL, "ba", [LAKE] * 50, {})["job"]
    while not painter.poll(job, 0.02).get("done"):
        pass
    painter.stop(job)
    assert over(painter, job)["state"] == "stopped"
    assert list(films.path.iterdir()) == []


@pytest.mark.parametrize("photos", [[], [LAKE] * 51, None, "example:lake"], ids=["none", "many", "null", "text"])
def test_too_many_or_none_are_refused(painter: Painter, photos: object):
    with pytest.raises(GanCoreError, match="1 to 50 photographs"):
        painter.paint_many(MODEL, "ba", photos, {})


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
