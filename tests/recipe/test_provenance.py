"""Pictures that say how they were made: what is written, what is found, and what strangers hand in."""

import io
import os
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core import __version__
from gan_core.errors import PictureError, RecipeError
from gan_core.images import open_picture
from gan_core.recipe import KEY, TRANSLATION_KEY, Made, ModelRef, Recipe, Translation, embed, embed_png, made_here, read
from tests.images.files import chunk, encoded, png_header, raw_png

PAINTED = Translation(
    model=ModelRef(name="monet2photo-cyclegan", sha256="0123456789abcdef" * 4, hub="someone/monet"),
    direction="ba",
    strength=1.25,
    keep_colours=True,
    size=(24, 16),
)
DRAWN = Recipe(model=ModelRef(name="nouns-dcgan"), seed=7, truncation=0.7, label='Boot "é" <&>')
PICTURE = Image.effect_noise((24, 16), 80)
KINDS = ("PNG", "JPEG", "WEBP")
SOFTWARE = f"GAN Studio {__version__}"
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


# A translation's values.


def test_a_translation_comes_back_unchanged():
    for one in (PAINTED, replace(PAINTED, model=None), Translation(model=None, direction="ab", size=[1, 2])):
        assert Translation.from_json(one.to_json()) == one
        assert one.dumps().isascii()
    assert PAINTED.to_json() == {
        "format": 1,
        "model": {"name": "monet2photo-cyclegan", "sha256": "0123456789abcdef" * 4, "hub": "someone/monet"},
        "direction": "ba",
        "strength": 1.25,
        "keep_colours": True,
        "size": [24, 16],
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"direction": "north"}, "direction is 'north'"),
        ({"direction": None}, "direction is None"),
        ({"strength": 2.1}, "strength is 2.1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"strength": "1"}, "strength is '1'"),
        ({"strength": None}, "strength is None"),
        ({"keep_colours": 1}, "keep_colours is 1"),
        ({"size": None}, "size is None"),
        ({"size": [1]}, "a list of 2 numbers"),
        ({"size": [0, 5]}, "size is 0"),
        ({"size": [1.5, 5]}, "size is 1.5"),
        ({"size": [10**9, 5]}, "size is 1000000000"),
        ({"model": "monet"}, "model is 'monet'"),
        ({"model": {"name": "a", "path": "/etc"}}, "holds 'path'"),
        ({"model": {}}, "model name is None"),
        ({"format": 2}, "not a translation of format 1"),
        ({"photo": "me.jpg"}, "holds 'photo'"),
    ],
)
def test_nonsense_is_refused_by_name(change, text):
    with pytest.raises(RecipeError, match=text) as refusal:
        Translation.from_json({**PAINTED.to_json(), **change})
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("value", [None, [], "x", 3, {}])
def test_what_is_no_translation_is_refused(value):
    with pytest.raises(RecipeError):
        Translation.from_json(value)


# Into pictures and out of them.


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("made", [PAINTED, DRAWN, None])
def test_pictures_say_how_they_were_made(made, kind, mode, tmp_path):
    content = embed(PICTURE.convert(mode), made, kind)
    found = made_here(content)
    expected = (made, None) if isinstance(made, Recipe) else (None, made)
    assert found == Made("translated" if made is PAINTED else "generated", *expected, SOFTWARE)
    path = tmp_path / "a.picture"
    path.write_bytes(content)
    assert made_here(path) == found
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        assert opened.size == PICTURE.size
        if kind == "PNG":
            assert opened.tobytes() == PICTURE.convert(mode).tobytes()
            assert opened.info["Software"] == SOFTWARE


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_can_read_it(kind):
    """By Pillow's own reader of XMP, which parses the packet as XML: terms of the IPTC, and the program's name."""
    for made, term in ((PAINTED, "compositeWithTrainedAlgorithmicMedia"), (DRAWN, "trainedAlgorithmicMedia")):
        with Image.open(io.BytesIO(embed(PICTURE, made, kind))) as opened:
            packet = opened.info["xmp"]
        root = ElementTree.fromstring(packet.decode())
        texts = {element.tag: element.text for element in root.iter()}
        assert texts["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] == TERMS + term
        assert texts["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == SOFTWARE


def test_recipes_are_read_as_before_and_from_older_pictures():
    for kind in KINDS:
        assert read(embed(PICTURE, DRAWN, kind)) == DRAWN
    info = PngInfo()
    info.add_text(KEY, DRAWN.dumps())
    assert made_here(encoded(PICTURE, "PNG", pnginfo=info)) == Made("generated", DRAWN, None, None)
    packet = f'<x:xmpmeta xmlns:gan="urn:gan-studio:recipe:1"><gan:recipe>{Recipe().dumps()}</gan:recipe></x:xmpmeta>'
    assert made_here(encoded(PICTURE, "JPEG", xmp=packet.encode())) == Made("generated", Recipe(), None, None)
    with pytest.raises(RecipeError, match="carries no recipe"):
        read(embed(PICTURE, PAINTED, "PNG"))


def test_a_packet_written_anew_by_another_program():
    """Some write values as attributes, and put the text behind the pixels."""
    text = PAINTED.dumps().replace('"', "&quot;")
    packet = f'<rdf:Description xmp:CreatorTool="{SOFTWARE}" gan:translation="{text}"/>'
    for kind in ("JPEG", "WEBP", "PNG", "AVIF", "TIFF"):
        where = {"tiffinfo": {700: packet.encode()}} if kind == "TIFF" else {"xmp": packet.encode()}
        content = encoded(PICTURE.convert("RGB"), kind, **where)
        if kind == "PNG":
            content = raw_png(1, 1, 8, 0, b"\0\0", chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet.encode()))
        assert made_here(content) == Made("translated", None, PAINTED, SOFTWARE)
    whole = embed_png(PICTURE, DRAWN)
    start = whole.index(b"tEXt") - 4
    length = int.from_bytes(whole[start : start + 4]) + 12
    moved = whole[:start] + whole[start + length :]
    end = moved.index(b"IEND") - 4
    assert made_here(moved[:end] + whole[start : start + length] + moved[end:]) == made_here(whole)


def test_packed_texts_are_read():
    text = PAINTED.dumps().encode()
    for part in (
        chunk(b"zTXt", TRANSLATION_KEY.encode() + b"\0\0" + zlib.compress(text)),
        chunk(b"iTXt", TRANSLATION_KEY.encode() + b"\0\1\0en\0\0" + zlib.compress(text)),
    ):
        found = made_here(raw_png(1, 1, 8, 0, b"\0\0", part))
        assert found == Made("translated", None, PAINTED, None)


def test_settings_that_cannot_be_read_leave_the_rest():
    later = PAINTED.dumps().replace('"format":1', '"format":9')
    info = PngInfo()
    info.add_text(TRANSLATION_KEY, later)
    assert made_here(encoded(PICTURE, "PNG", pnginfo=info)) is None
    packet = embed(PICTURE, PAINTED, "JPEG")
    assert made_here(packet.replace(b'"format":1', b'"format":9')) == Made("translated", None, None, SOFTWARE)


@pytest.mark.parametrize("kind", [*KINDS, "AVIF", "TIFF", "GIF", "BMP"])
def test_pictures_of_other_origin(kind):
    assert made_here(encoded(PICTURE.convert("RGB"), kind)) is None
    other = f"<rdf:li xmp:CreatorTool='Painter 3' Iptc4xmpExt:DigitalSourceType='{TERMS}trainedAlgorithmicMedia'/>"
    if kind in ("JPEG", "WEBP", "AVIF"):
        assert made_here(encoded(PICTURE.convert("RGB"), kind, xmp=other.encode())) is None, "generated elsewhere"


def test_heic_is_looked_into():
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(PICTURE.convert("RGB")).save(file)
    assert made_here(file.getvalue()) is None


# Nothing of the photograph's file comes along.


@pytest.mark.parametrize("kind", KINDS)
def test_location_and_metadata_of_the_upload_stay_behind(kind):
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    options = {"exif": exif, "comment": b"at home", "icc_profile": b"a profile"}
    upload = encoded(PICTURE.convert("RGB"), "JPEG", xmp=b"<exif:GPSLatitude>52</exif:GPSLatitude>", **options)
    with Image.open(io.BytesIO(upload)) as careless:
        for photo in (open_picture(upload), careless):
            content = embed(photo, PAINTED, kind)
            assert not any(word in content for word in (b"somebody", b"GPS", b"at home", b"Exif", b"a profile"))
            assert made_here(content) is not None


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_jpeg_shows_white_where_a_picture_was_transparent(mode):
    """The alpha was dropped, and colours appeared that nobody was meant to see."""
    hidden = Image.new("RGBA", (16, 16), (0, 0, 0, 0)).convert(mode)
    with Image.open(io.BytesIO(embed(hidden, PAINTED, "JPEG"))) as opened:
        assert opened.convert("L").getextrema()[0] > 250


def test_a_picture_that_the_format_cannot_hold():
    wide = Image.new("L", (16_384, 1))
    with pytest.raises(PictureError, match=r"at most 16,383 a side\. Nothing was written\. Save it as PNG"):
        embed(wide, PAINTED, "WEBP")
    assert made_here(embed(wide, PAINTED, "JPEG")) is not None
    with pytest.raises(RecipeError, match="carry no recipe"):
        embed(PICTURE, PAINTED, "GIF")


# Strangers' files.


def test_a_text_that_unpacks_to_a_bomb_is_left_out():
    bomb = zlib.compress(bytes(5_000_000))
    content = raw_png(1, 1, 8, 0, b"\0\0", chunk(b"zTXt", KEY.encode() + b"\0\0" + bomb))
    assert made_here(content) is None


@pytest.mark.parametrize("text", ["{", "[1]", '{"format": 1, "seed": -1}', '{"a":' * 50_000, "\0", "[" * 10**6])
def test_hostile_settings_say_nothing(text):
    for key in (KEY, TRANSLATION_KEY):
        content = raw_png(1, 1, 8, 0, b"\0\0", chunk(b"tEXt", key.encode() + b"\0" + text.encode()))
        assert made_here(content) is None


def test_no_pixel_is_decoded():
    assert made_here(png_header(60_000, 60_000)) is None
    torn = embed_png(Image.effect_noise((256, 256), 80), DRAWN)[:30_000]
    assert made_here(torn) == Made("generated", DRAWN, None, SOFTWARE), "what was said before the tear"


@pytest.mark.parametrize("kind", [*KINDS, "AVIF", "TIFF", "GIF", "BMP"])
def test_flipped_bits_and_torn_ends_are_survived(kind):
    random = np.random.default_rng(3)
    whole = embed(PICTURE, PAINTED, kind) if kind in KINDS else encoded(PICTURE.convert("RGB"), kind, xmp=b"<x/>")
    for attempt in range(60):
        content = bytearray(whole[: random.integers(4, len(whole))] if attempt % 2 else whole)
        for place in random.integers(0, len(content), 8):
            content[place] = random.integers(256)
        try:
            found = made_here(bytes(content))
        except PictureError:
            continue
        assert found is None or found.kind in ("generated", "translated")


def test_the_program_s_name_cannot_steer_a_terminal():
    for software in ("GAN Studio \x1b[31m", "GAN Studio " + "9" * 100, "GAN Studioso 1", "Painter"):
        info = PngInfo()
        info.add_text("Software", software)
        info.add_text(KEY, DRAWN.dumps())
        assert made_here(encoded(PICTURE, "PNG", pnginfo=info)) == Made("generated", DRAWN, None, None)


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    os.mkfifo(tmp_path / "pipe.png")
    for source in (tmp_path, tmp_path / "none.png", tmp_path / "text.png", tmp_path / "pipe.png", Path("a\0b"), b""):
        with pytest.raises(PictureError) as refusal:
            made_here(source)
        assert str(refusal.value).isprintable()
        assert str(refusal.value).endswith(".")
        assert str(tmp_path) not in str(refusal.value)


def test_looking_needs_neither_torch_nor_numpy(tmp_path):
    (tmp_path / "a.png").write_bytes(embed(PICTURE, PAINTED, "PNG"))
    code = (
        "import sys; from pathlib import Path; from gan_core.recipe import made_here;"
        "print(made_here(Path(sys.argv[1])).kind, {'torch', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True)
    assert result.stdout == "translated set()\n"
