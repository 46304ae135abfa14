"""Broader brushes: what was painted at small size, laid over the whole photograph."""

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import ConfigError
from gan_core.inference.brush import brush_px, laid_over, painted
from gan_core.library import load


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(7).integers(60, 190, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(values, "RGBA").convert(mode)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_no_change_leaves_every_pixel_as_it_is(mode: str):
    photo = noise(300, 200, mode)
    small = photo.resize((60, 40))
    assert np.array_equal(np.asarray(laid_over(photo, small, small)), np.asarray(photo))


def test_an_even_change_is_added_everywhere_and_transparency_stays():
    photo = noise(300, 200, "RGBA")
    small = photo.resize((60, 40))
    brighter = Image.fromarray(np.asarray(small) + np.array([20, 10, 0, 0], np.uint8))
    change = np.asarray(laid_over(photo, small, brighter)).astype(int) - np.asarray(photo)
    assert np.array_equal(change, np.broadcast_to([20, 10, 0, 0], change.shape))


def test_values_stay_within_what_a_pixel_holds():
    photo = Image.new("RGB", (30, 20), (250, 5, 100))
    painting = Image.new("RGB", (6, 4), (255, 0, 100))
    small = Image.new("RGB", (6, 4), (200, 50, 100))
    assert laid_over(photo, small, painting).getcolors() == [(600, (255, 0, 100))]


def test_a_grey_photograph_takes_the_colours_of_its_painting():
    photo = Image.new("L", (30, 20), 100)
    painting = Image.new("RGB", (6, 4), (120, 100, 80))
    assert laid_over(photo, photo.resize((6, 4)), painting).getcolors() == [(600, (120, 100, 80))]


def test_the_brush_says_at_what_size_is_painted():
    assert [brush_px(brush, (6000, 4000)) for brush in ("broad", "medium", "fine", None)] == [512, 1280, None, None]
    assert brush_px("broad", (512, 300)) is None  # It is all there is.
    for wrong in ("wide", 7, ["broad"]):
        with pytest.raises(ConfigError, match="is no brush"):
            brush_px(wrong, (10, 10))


def test_a_broad_brush_paints_what_the_preview_shows(cyclegan_folder):
    translator, told = load(cyclegan_folder), []
    photo = noise(700, 300).resize((1400, 600))
    full = painted(translator, photo, "ba", 512, told.append)
    small, painting = translator.preview(photo, "ba", side=512)
    assert full.size == photo.size
    back = np.asarray(full.resize(small.size, Image.Resampling.LANCZOS)).astype(float)
    change = np.abs(np.asarray(painting).astype(float) - np.asarray(small)).mean()
    assert np.abs(back - np.asarray(painting)).mean() < change / 3
    assert told[0] == 0
