"""Any picture in: formats, colours, orientation."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from gan_core.images import open_picture
from tests.images.files import chunk, encoded, raw_png
from tests.images.photo import CLEAR, GREY, PHOTO, difference, heic, sentence

# Formats.


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tif", "avif"])
def test_formats_and_kinds_of_sources(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    PHOTO.save(path)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        opened = open_picture(source)
        assert type(opened) is Image.Image
        assert difference(opened, PHOTO) < 10


@pytest.mark.parametrize(("kind", "most"), [("PNG", 0), ("TIFF", 0), ("WEBP", 8), ("AVIF", 8)])
def test_alpha_is_kept(kind, most):
    assert difference(open_picture(encoded(CLEAR, kind)), CLEAR) <= most


def test_heic(monkeypatch):
    assert difference(open_picture(heic(PHOTO)), PHOTO) < 8
    assert difference(open_picture(heic(CLEAR)), CLEAR) < 8
    content = heic(PHOTO)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    text = sentence(content, name="IMG_1.HEIC")
    assert text.startswith("IMG_1.HEIC is a HEIC picture")
    assert "pip install pillow-heif" in text


@pytest.mark.parametrize(
    ("image", "kind", "mode"),
    [
        (GREY, "JPEG", "L"),
        (GREY, "PNG", "L"),
        (GREY, "TIFF", "L"),
        (GREY.convert("1"), "PNG", "L"),
        (GREY.convert("1"), "TIFF", "L"),
        (CLEAR.convert("LA"), "PNG", "LA"),
        (CLEAR.convert("LA"), "TIFF", "LA"),
        (PHOTO.convert("P"), "PNG", "RGB"),
        (PHOTO.convert("P"), "GIF", "RGB"),
        (PHOTO.convert("CMYK"), "JPEG", "RGB"),
        (PHOTO.convert("CMYK"), "TIFF", "RGB"),
    ],
)
def test_every_mode_becomes_a_plain_one_of_the_same_look(image, kind, mode):
    opened = open_picture(encoded(image, kind))
    expected = image.convert(mode)
    assert opened.mode == mode
    assert difference(opened, expected) < 10


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiffs(compression):
    assert difference(open_picture(encoded(PHOTO, "TIFF", compression=compression)), PHOTO) < 10


def test_a_cmyk_jpeg_that_adobe_inverted():
    """Pillow writes the inverted kind; without its Adobe segment the same values mean the opposite."""
    inverted = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    assert b"Adobe" in inverted
    red, green, blue = open_picture(inverted).getpixel((8, 8))
    assert red > 230
    assert max(green, blue) < 30


def test_sixteen_bits_a_channel():
    deep = np.array([[65535, 32768, 0, 2313, 2313, 2313]], ">u2").tobytes()
    assert open_picture(raw_png(2, 1, 16, 2, b"\0" + deep)).tobytes() == bytes([255, 128, 0, 9, 9, 9])
    keyed = raw_png(2, 1, 16, 2, b"\0" + deep, chunk(b"tRNS", bytes([9, 9] * 3)))
    assert open_picture(keyed).tobytes() == bytes([255, 128, 0, 255, 9, 9, 9, 0]), "the transparent colour"
    clear = np.array([[65535, 32768, 0, 32768]], ">u2").tobytes()
    assert open_picture(raw_png(1, 1, 16, 6, b"\0" + clear)).tobytes() == bytes([255, 128, 0, 128])
    grey = np.array([[32896, 65535]], ">u2").tobytes()
    assert open_picture(raw_png(2, 1, 16, 0, b"\0" + grey)).tobytes() == bytes([128, 255])
    keyed = raw_png(2, 1, 16, 0, b"\0" + grey, chunk(b"tRNS", bytes([128, 128])))
    assert open_picture(keyed).tobytes() == bytes([128, 0, 255, 255])
    for order in ("<u2", ">u2"):
        values = np.array([[0, 257, 32896, 65535]], order)
        assert open_picture(encoded(Image.fromarray(values), "TIFF")).tobytes() == bytes([0, 1, 128, 255])


def test_floats():
    for top in (1.0, 255.0, 65535.0):
        values = np.array([[0, 0.25, 0.5, 1]], np.float32) * top
        assert open_picture(encoded(Image.fromarray(values), "TIFF")).tobytes() == bytes([0, 64, 128, 255])


def test_a_palette_with_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF"):
        opened = open_picture(encoded(image, kind, transparency=0))
        assert opened.mode == "RGBA"
        assert np.asarray(opened)[0, :, 3].tolist() == [0, 255]
        assert opened.getpixel((1, 0)) == (0, 0, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_the_first_of_many(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    film = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert difference(open_picture(film).convert("RGB"), frames[0]) < 4


# Orientation.

BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera stores so that a viewer that heeds the tag shows it upright."""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright_whatever_exif_says(orientation, kind):
    stored = PHOTO.transpose(BACK[orientation]) if orientation in BACK else PHOTO
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif}
    assert difference(open_picture(encoded(stored, kind, **options)), PHOTO) < 10


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_heic_is_turned_once(orientation):
    stored = PHOTO.transpose(BACK[orientation]) if orientation in BACK else PHOTO
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert difference(open_picture(heic(stored, exif=exif.tobytes())), PHOTO) < 8


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abcd"],
)
def test_damaged_exif_does_not_cost_the_picture(exif):
    """It was refused, although every pixel was there."""
    assert open_picture(encoded(PHOTO, "PNG", exif=exif)).tobytes() == PHOTO.tobytes()


# What the file told beside its pixels stays behind.


def test_no_metadata_comes_along():
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # Latitude.
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>52,31N</exif:GPSLatitude></x:xmpmeta>'
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        options = {"comment": b"at home"} if kind == "JPEG" else {}
        content = encoded(PHOTO, kind, exif=exif, xmp=xmp, dpi=(300, 300), **options)
        assert b"somebody" in content
        opened = open_picture(content)
        assert opened.info == {}
        assert not opened.getexif()
        for out in ("PNG", "JPEG", "WEBP", "TIFF"):
            again = encoded(opened, out)
            assert not any(word in again for word in (b"somebody", b"GPS", b"home", b"Exif"))
