import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.errors import PictureError
from gan_core.images import open_picture, to_array, to_float, to_pictures, to_tensor, to_uint8, with_channels
from tests.images.files import encoded

# The range.


def test_all_256_levels_survive_the_way_to_floats_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    x = to_float(levels)
    assert (x[0], x[255]) == (-1, 1)
    torch.testing.assert_close(x.double(), levels.double() / 255 * 2 - 1, atol=1e-7, rtol=0)
    assert torch.equal(to_uint8(x), levels)


def test_values_are_rounded_to_the_nearest_level_and_clamped():
    """Truncation would darken every picture by half a level."""
    x = torch.tensor([-7.0, -1.0, -1 + 0.9 / 127.5, 0.0, 1 - 0.4 / 127.5, 1.0, 3.0])
    assert to_uint8(x).tolist() == [0, 0, 1, 128, 255, 255, 255]
    assert to_uint8(torch.tensor([0.3], dtype=torch.bfloat16)).item() == 166


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pictures_to_tensor_and_back(channels, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    x = to_tensor(image, channels)
    assert x.shape == (1, channels, 5, 7)
    assert x.dtype == torch.float32
    for channel in range(channels):
        assert torch.equal(to_uint8(x)[0, channel], torch.from_numpy(pixels[:, :, channel].copy()))
    (back,) = to_pictures(x)
    assert back.mode == mode
    assert back.tobytes() == image.tobytes()


def test_to_array_has_channels_first():
    assert to_array(Image.new("L", (4, 2), 9)).shape == (1, 2, 4)
    assert to_array(Image.new("RGB", (4, 2), (1, 2, 3)))[:, 0, 0].tolist() == [1, 2, 3]


# Modes.


def test_black_and_white():
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    for channels in (1, 3):
        assert to_array(with_channels(image, channels))[0].tolist() == [[0, 255]]


def test_dropped_transparency_shows_white_and_no_hidden_colour():
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 0))  # Red that nobody sees.
    image.putpixel((1, 0), (10, 20, 30, 255))
    image.putpixel((2, 0), (0, 0, 0, 128))
    rgb = to_array(with_channels(image, 3))
    assert rgb[:, 0, 0].tolist() == [255, 255, 255]
    assert rgb[:, 0, 1].tolist() == [10, 20, 30]
    assert np.abs(rgb[:, 0, 2].astype(int) - 127).max() <= 1
    assert to_array(with_channels(image, 1))[0, 0, 0] == 255
    assert to_array(with_channels(image, 4))[:, 0, 0].tolist() == [255, 0, 0, 0], "kept where asked for"


def test_grey_with_transparency():
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (7, 255))
    assert to_array(with_channels(image, 1))[0].tolist() == [[255, 7]]
    assert to_array(with_channels(image, 4))[3].tolist() == [[0, 255]]


def palette_picture() -> Image.Image:
    """Palette colours red and blue, and red is transparent."""
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    return open_picture(encoded(image, transparency=0))


def test_palette_with_a_transparent_colour():
    image = palette_picture()
    assert image.mode == "RGBA"
    assert to_array(with_channels(image, 3))[:, 0].T.tolist() == [[255, 255, 255], [0, 0, 255]]
    assert to_array(with_channels(image, 4))[3].tolist() == [[0, 255]]


def test_a_palette_that_holds_its_own_transparency():
    """Only the file's transparency entry was looked at: hidden colours of such palettes appeared."""
    image = Image.new("P", (1, 1))
    image.putpalette([255, 0, 0, 0], "RGBA")
    assert to_array(with_channels(image, 3))[:, 0, 0].tolist() == [255, 255, 255]


def test_rgb_with_a_transparent_colour():
    image = open_picture(encoded(Image.new("RGB", (1, 1), (9, 9, 9)), transparency=(9, 9, 9)))
    assert to_array(with_channels(image, 3))[:, 0, 0].tolist() == [255, 255, 255]


def test_sixteen_bits_keep_their_brightness():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    image = open_picture(encoded(Image.fromarray(values)))
    for channels in (1, 3):
        assert to_array(with_channels(image, channels))[0].tolist() == [[0, 1, 128, 255]]
        assert to_array(with_channels(Image.fromarray(values), channels))[0].tolist() == [[0, 1, 128, 255]]


def test_a_dark_picture_of_sixteen_bits_stays_dark():
    """Sixteen bits were told by a value over 255: a night sky became 257 times as bright."""
    values = np.array([[0, 128, 255]], np.uint16)
    image = open_picture(encoded(Image.fromarray(values)))
    assert image.mode == "L"
    assert to_array(with_channels(Image.fromarray(values), 1))[0].tolist() == [[0, 0, 1]]
    assert to_array(with_channels(image, 1))[0].tolist() == [[0, 0, 1]]


def test_float_and_integer_pictures():
    assert to_array(with_channels(Image.fromarray(np.array([[0, 255]], np.int32)), 1)).tolist() == [[[0, 255]]]
    assert to_array(with_channels(Image.fromarray(np.array([[0, 65535]], np.int32)), 1)).tolist() == [[[0, 255]]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.fromarray(np.array([[np.nan, 255.0, -3.0]], np.float32))
        assert to_array(with_channels(image, 1)).tolist() == [[[0, 255, 0]]]
        unit = Image.fromarray(np.array([[0.0, 0.5, np.inf, 1.0]], np.float32))
        assert to_array(with_channels(unit, 1)).tolist() == [[[0, 128, 255, 255]]]


def test_cmyk():
    image = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    red, green, blue = to_array(with_channels(image, 3))[:, 0, 0].astype(int)
    assert red > 200
    assert max(green, blue) < 60
    assert with_channels(image, 4).mode == "RGBA"


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"])
def test_every_common_mode_becomes_the_one_asked_for(mode, channels):
    result = with_channels(Image.new(mode, (3, 2)), channels)
    assert (result.mode, result.size) == ({1: "L", 3: "RGB", 4: "RGBA"}[channels], (3, 2))


def test_a_mode_that_pillow_cannot_convert_is_a_sentence():
    """It was a ValueError, which ended the decoding of a whole data set."""
    with pytest.raises(PictureError, match="colour mode LAB"):
        with_channels(Image.new("LAB", (1, 1)), 1)
