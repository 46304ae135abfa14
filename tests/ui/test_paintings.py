"""The whole photograph painted: shown, kept, downloaded with how it was made, many of them as one zip."""

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import GanCoreError
from gan_core.library import load
from gan_core.recipe import made_here
from gan_core.ui import batch as batches
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.painter import Painter
from tests.ui.painting import LAKE, MODEL, opened, over, painted, picture, pixels

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
