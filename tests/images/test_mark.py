import numpy as np
import pytest
from PIL import Image

from gan_core.images import marked


def changed(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """The box, left, upper, right, lower, in which two pictures differ."""
    rows, columns = np.nonzero(np.any(np.atleast_3d(np.asarray(before)) != np.atleast_3d(np.asarray(after)), axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(256, 256), (400, 300), (300, 900), (3000, 2000)])
def test_the_mark_stands_in_the_lower_right_corner(mode, size):
    picture = Image.new(mode, size, "white")
    before = picture.tobytes()
    result = marked(picture)
    assert (result.mode, result.size) == (mode, size)
    assert picture.tobytes() == before, "a copy is marked"
    left, upper, right, lower = changed(picture, result)
    width, height = size
    assert right > width * 0.95
    assert lower > height * 0.9
    assert right - left <= 0.76 * width
    assert lower - upper <= height / 8
    assert right - left >= 100, "letters that can be read"


@pytest.mark.parametrize("ground", ["white", "black", "grey", "yellow"])
def test_letters_stand_out_from_any_ground(ground):
    """Contrast of WCAG: (lighter + 0.05) over (darker + 0.05), at least 4.5 for small letters."""
    picture = Image.new("RGB", (1200, 800), ground)
    result = marked(picture)
    pixels = np.asarray(result.crop(changed(picture, result)), dtype=float) / 255
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    plate = np.median(luminance)  # Letters cover less than half of it.
    assert (luminance.max() + 0.05) / (plate + 0.05) >= 4.5


def test_on_a_transparent_ground_it_can_be_seen():
    result = marked(Image.new("RGBA", (400, 300), (0, 0, 0, 0)))
    assert result.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (100, 400), (400, 20)])
def test_pictures_that_are_too_small_are_left_alone(size):
    picture = Image.new("RGB", size, "teal")
    assert marked(picture).tobytes() == picture.tobytes()


@pytest.mark.parametrize(("mode", "result"), [("1", "L"), ("P", "RGB"), ("CMYK", "RGB"), ("I;16", "RGB")])
def test_other_modes_become_plain(mode, result):
    assert marked(Image.new(mode, (300, 300))).mode == result
