"""A look at data before the start: counts without reading, and pictures as a batch would have them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gan_core.data.batches import augmented
from gan_core.data.decode import read_squared
from gan_core.data.listing import list_path
from gan_core.data.preview import View, counts, shown
from gan_core.draws import Draws
from gan_core.training.augment import differentiable_augment
from tests.data.pictures import encoded, picture, png, write_folder

VIEW = View(load_px=16, size=16)


@pytest.fixture
def two_classes(tmp_path):
    files = {f"ants/{number:02}.png": png(number) for number in range(40)}
    files |= {f"bees/{number:02}.png": png(100 + number) for number in range(3)}
    return list_path(write_folder(tmp_path / "data", files), max_mp=50)


def test_counts_read_nothing(two_classes, monkeypatch):
    monkeypatch.setattr(type(two_classes[""].open), "__call__", lambda *_: pytest.fail("a picture was read"))
    assert counts(two_classes, "generator") == {"": 43}
    assert counts(None, "generator") == {"": 4096}
    assert counts(None, "translator") == {"a": 1024, "b": 1024}


def test_only_what_is_shown_is_read(two_classes, monkeypatch):
    listing = two_classes[""]
    read = []
    monkeypatch.setattr(type(listing.open), "__call__", lambda _, name: read.append(name) or picture(len(read)))
    found = shown(listing, View(load_px=16, size=16, channels=3), seed=1, count=8)
    assert len(read) == len(set(read)) == 8
    assert found.pictures.shape == (8, 3, 16, 16)


def test_every_class_is_among_them_in_order(two_classes):
    found = shown(two_classes[""], VIEW, seed=5, count=6)
    assert found.labels == ["ants"] * 3 + ["bees"] * 3
    assert found.widths == [10] * 6


def test_another_number_draws_others(two_classes):
    one, same, other = (shown(two_classes[""], VIEW, seed=seed, count=6).pictures for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_unreadable_ones_are_named_and_the_rest_is_shown(tmp_path):
    listing = list_path(write_folder(tmp_path, {"good.png": png(1), "bad.png": b"no picture"}), max_mp=50)[""]
    found = shown(listing, VIEW, seed=0, count=24)
    assert found.unreadable == ["bad.png"]
    assert len(found.pictures) == len(found.labels) == 1


def test_nothing_readable_is_no_error(tmp_path):
    listing = list_path(write_folder(tmp_path, {"bad.png": b"no picture"}), max_mp=50)[""]
    found = shown(listing, VIEW, seed=0, count=24)
    assert len(found.pictures) == 0
    assert found.unreadable == ["bad.png"]


def test_pictures_are_those_of_a_batch(tmp_path):
    """Cropped, mirrored, turned and augmented by the trainer's own functions."""
    listing = list_path(write_folder(tmp_path, {"one.png": png(3, size=(24, 24))}), max_mp=50)[""]
    view = replace(VIEW, load_px=20, flip=True, quarter_turns=True)

    def change(pictures, draws, number):
        return differentiable_augment(pictures, ("color", "cutout"), draws, number)

    found = shown(listing, view, seed=7, count=1, change=change)
    pixels = torch.from_numpy(np.stack([read_squared(listing, 0, 20, 3, "crop")]))
    draws = Draws(7, 0, 4)
    expected = change(augmented(pixels, draws, 1, crop=16, flip=True, quarter_turns=True), draws, 1)
    assert torch.equal(found.pictures, expected)


def test_grey_data_stays_grey_unless_colour_is_asked_for(tmp_path):
    grey = encoded(picture(1, mode="L"))
    listing = list_path(write_folder(tmp_path, {"one.png": grey}), max_mp=50)[""]
    assert shown(listing, VIEW, seed=0, count=1).pictures.shape[1] == 1
    assert shown(listing, replace(VIEW, channels=3), seed=0, count=1).pictures.shape[1] == 3


def test_shapes_are_drawn_by_class_and_by_domain():
    found = shown(None, VIEW, seed=0, count=24)
    assert set(found.labels) == {"circle", "square", "triangle", "ring"}
    a, b = (shown(None, VIEW, seed=0, count=6, domain=domain) for domain in "ab")
    assert a.pictures.shape == (6, 3, 16, 16)
    assert not torch.equal(a.pictures, b.pictures)
