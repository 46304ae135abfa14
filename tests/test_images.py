import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.errors import PictureError
from gan_core.images import (
    enlarged,
    grid,
    open_picture,
    to_array,
    to_float,
    to_pictures,
    to_tensor,
    to_uint8,
    with_channels,
)


def png(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises a picture of any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


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
    return open_picture(png(image, transparency=0))


def test_palette_with_a_transparent_colour():
    image = palette_picture()
    assert image.mode == "P"
    assert to_array(with_channels(image, 3))[:, 0].T.tolist() == [[255, 255, 255], [0, 0, 255]]
    assert to_array(with_channels(image, 4))[3].tolist() == [[0, 255]]


def test_a_palette_that_holds_its_own_transparency():
    """Only the file's transparency entry was looked at: hidden colours of such palettes appeared."""
    image = Image.new("P", (1, 1))
    image.putpalette([255, 0, 0, 0], "RGBA")
    assert to_array(with_channels(image, 3))[:, 0, 0].tolist() == [255, 255, 255]


def test_rgb_with_a_transparent_colour():
    image = open_picture(png(Image.new("RGB", (1, 1), (9, 9, 9)), transparency=(9, 9, 9)))
    assert to_array(with_channels(image, 3))[:, 0, 0].tolist() == [255, 255, 255]


def test_sixteen_bits_keep_their_brightness():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    image = open_picture(png(Image.fromarray(values)))
    for channels in (1, 3):
        assert to_array(with_channels(image, channels))[0].tolist() == [[0, 1, 128, 255]]


def test_a_dark_picture_of_sixteen_bits_stays_dark():
    """Sixteen bits were told by a value over 255: a night sky became 257 times as bright."""
    image = open_picture(png(Image.fromarray(np.array([[0, 128, 255]], np.uint16))))
    assert image.mode.startswith("I;16")
    assert to_array(with_channels(image, 1))[0].tolist() == [[0, 0, 1]]


def test_float_and_integer_pictures():
    assert to_array(with_channels(Image.fromarray(np.array([[0, 255]], np.int32)), 1)).tolist() == [[[0, 255]]]
    assert to_array(with_channels(Image.fromarray(np.array([[0, 65535]], np.int32)), 1)).tolist() == [[[0, 255]]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.fromarray(np.array([[np.nan, 255.0, -3.0]], np.float32))
        assert to_array(with_channels(image, 1)).tolist() == [[[0, 255, 0]]]


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


# Opening.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright_whatever_exif_says(orientation):
    upright = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    # What a camera stores so that a viewer that heeds the tag shows `upright`.
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_picture(png(stored, exif=exif))
    assert opened.size == (3, 2)
    assert opened.tobytes() == upright.tobytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_formats_and_kinds_of_sources(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.new("RGB", (6, 4), (200, 200, 200)).save(path)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        assert open_picture(source).size == (6, 4)


def sentence(source, **options) -> str:
    with pytest.raises(PictureError) as refusal:
        open_picture(source, **options)
    text = str(refusal.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path):
    (tmp_path / "x.png").write_text("no picture")
    assert sentence(tmp_path / "x.png").startswith("x.png could not be opened: it is not a picture that can be read.")
    assert "is not there" in sentence(tmp_path / "y.png")
    assert "is a folder" in sentence(tmp_path)
    assert sentence(b"").startswith("The upload could not be opened")
    assert sentence(b"", name="photo.jpg").startswith("photo.jpg ")
    whole = png(Image.effect_noise((64, 64), 50))
    assert "could not be opened" in sentence(whole[: len(whole) // 2])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_by_its_header(monkeypatch):
    def never(*_):
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    assert sentence(png_header(10_000, 10_000), name="bomb.png").startswith("bomb.png has 100.0 megapixels; at most 50")
    assert "bomb.png has over 1" in sentence(png_header(60_000, 60_000), name="bomb.png"), "Pillow's own limit"
    assert "at most 0.5 are" in sentence(png_header(1000, 501), max_mp=0.5)


def test_the_limit_itself_is_opened():
    assert open_picture(png(Image.new("L", (1000, 500))), max_mp=0.5).size == (1000, 500)


def test_opening_in_threads_leaves_the_warnings_of_others_alone():
    """The filter that was set and reset around each picture could stay set, as filters are shared by all threads."""
    content = png(Image.new("L", (8, 8)))
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [open_picture(content) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


# Sheets.


@pytest.mark.parametrize(
    ("count", "columns", "gap", "size"),
    [(1, None, 2, (4, 3)), (4, None, 2, (10, 8)), (5, None, 2, (16, 8)), (6, 2, 1, (9, 11)), (2, 9, 0, (8, 3))],
)
def test_grid_sizes(count, columns, gap, size):
    pictures = [Image.new("RGB", (4, 3), (index, 0, 0)) for index in range(count)]
    sheet = grid(pictures, columns, gap)
    assert sheet.size == size
    across = min(columns or int(np.ceil(count**0.5)), count)
    for index in range(count):
        row, column = divmod(index, across)
        assert sheet.getpixel((column * (4 + gap), row * (3 + gap))) == (index, 0, 0)


def test_grid_fills_gaps_with_white_and_needs_a_picture():
    sheet = grid([Image.new("L", (1, 1), 0)] * 3)
    assert np.asarray(sheet).tolist() == [[0, 255, 255, 0], [255] * 4, [255] * 4, [0, 255, 255, 255]]
    with pytest.raises(PictureError, match="at least one picture"):
        grid([])


def test_enlarged_by_whole_factors_keeps_hard_pixels():
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    assert np.array_equal(np.asarray(enlarged(image, 5)), np.kron(np.asarray(image), np.ones((3, 3), np.uint8)))
    assert enlarged(image, 1).size == (2, 2), "never smaller"
    assert enlarged(Image.new("L", (20, 10)), 64, smooth=True).size == (64, 32)
