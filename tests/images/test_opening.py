"""Any picture in: formats, colours, orientation; and what strangers hand in."""

import io
import os
import struct
import subprocess
import sys
import textwrap
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_core.errors import PictureError
from gan_core.images import open_picture
from tests.images.files import chunk, encoded, png_header, raw_png

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)).resize(
    (64, 48), Image.Resampling.BICUBIC
)
GREY = PHOTO.convert("L")
CLEAR = PHOTO.copy()
CLEAR.putalpha(Image.linear_gradient("L").resize(PHOTO.size))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two pictures of one mode and size, in levels."""
    assert (one.mode, one.size) == (other.mode, other.size)
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())


def heic(image: Image.Image, **options) -> bytes:
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=95, **options)
    return file.getvalue()


def sentence(source, **options) -> str:
    with pytest.raises(PictureError) as refusal:
        open_picture(source, **options)
    text = str(refusal.value)
    assert text.isprintable()
    assert text.endswith(".")
    assert len(text) < 400
    return text


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


# Colour profiles.


def swapped_profile(space: str = "RGB") -> bytes:
    """sRGB with the primaries of red and blue exchanged: a picture with it looks wrong until it is converted."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132])
    entries = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    if space != "RGB":
        profile[16:20] = space.ljust(4).encode()
    return bytes(profile)


def profile_of(space: bytes, kind: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2, written by the specification: header, table of tags, tags."""
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\2t\0" + bytes(80), b"wtpt": b"XYZ \0\0\0\0" + D50, **tags}
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = b"lcms" + struct.pack(">I", 0x02400000) + kind + space + pcs + bytes(12) + b"acsp" + bytes(28) + D50
    return (struct.pack(">I", at + len(body)) + head).ljust(128, b"\0") + table + body


D50 = struct.pack(">iii", 63190, 65536, 54061)  # The white of profiles, in 1/65,536.


def test_a_grey_profile():
    """Of linear light: 0.5 is far brighter in sRGB, 1.055 x 0.5^(1 / 2.4) - 0.055 = 0.735."""
    linear = profile_of(b"GRAY", b"mntr", b"XYZ ", {b"kTRC": b"curv\0\0\0\0\0\0\0\0"})
    ramp = Image.fromarray(np.array([[0, 128, 255]], np.uint8))
    opened = open_picture(encoded(ramp, "PNG", icc_profile=linear))
    assert opened.mode == "L"
    assert np.abs(np.asarray(opened).astype(int) - [[0, 188, 255]]).max() <= 2
    clear = Image.merge("LA", (ramp, Image.fromarray(np.array([[9, 99, 199]], np.uint8))))
    opened = open_picture(encoded(clear, "PNG", icc_profile=linear))
    assert opened.getchannel("L").getpixel((1, 0)) == pytest.approx(188, abs=2)
    assert opened.getchannel("A").tobytes() == bytes([9, 99, 199])


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_press_s_profile(kind):
    """A press whose cyan ink is red: the profile must be asked, and not the usual formula."""
    nodes = [(255, 128, 128)] * 16  # L, a, b in bytes for each corner of the four inks.
    for corner in range(16):
        cyan, black = corner & 8, corner & 1
        nodes[corner] = (0, 128, 128) if black else (136, 208, 195) if cyan else (255, 128, 128)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    table = b"mft1\0\0\0\0\4\3\2\0" + matrix + ramp * 4 + bytes(part for node in nodes for part in node) + ramp * 3
    press = profile_of(b"CMYK", b"prtr", b"Lab ", {b"A2B0": table})
    inked = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = open_picture(encoded(inked, kind, icc_profile=press)).getpixel((8, 8))
    assert red > 200
    assert max(green, blue) < 60
    red, green, blue = open_picture(encoded(inked, kind)).getpixel((8, 8))
    assert red < 40, "cyan, without the profile"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_converted_to_srgb(kind):
    red, green, blue = PHOTO.split()
    opened = open_picture(encoded(PHOTO, kind, icc_profile=swapped_profile()))
    assert difference(opened, Image.merge("RGB", (blue, green, red))) < 12
    assert difference(opened, PHOTO) > 20
    assert "icc_profile" not in opened.info


def test_a_profile_leaves_alpha_alone():
    red, green, blue, alpha = CLEAR.split()
    opened = open_picture(encoded(CLEAR, "PNG", icc_profile=swapped_profile()))
    assert difference(opened, Image.merge("RGBA", (blue, green, red, alpha))) < 2
    assert opened.getchannel("A").tobytes() == alpha.tobytes()


def test_srgb_by_another_name_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert open_picture(encoded(PHOTO, "PNG", icc_profile=profile)).tobytes() == PHOTO.tobytes()


@pytest.mark.parametrize(
    "profile", [b"junk", b"\0" * 128, swapped_profile()[:200], swapped_profile("GRAY"), swapped_profile("CMYK")]
)
@pytest.mark.parametrize("image", [PHOTO, GREY, CLEAR.convert("LA")])
def test_a_profile_of_no_use_is_ignored(profile, image):
    assert open_picture(encoded(image, "PNG", icc_profile=profile)).size == image.size
    if profile[:4] == b"junk":
        assert open_picture(encoded(image, "PNG", icc_profile=profile)).tobytes() == image.tobytes()


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


# Refusals.


def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path):
    (tmp_path / "x.png").write_text("no picture")
    assert sentence(tmp_path / "x.png").startswith("x.png could not be opened: it is not a picture that can be read.")
    assert "is not there" in sentence(tmp_path / "y.png")
    assert "is a folder" in sentence(tmp_path)
    assert "is not a file" in sentence(Path("/dev/zero"))
    assert "is a damaged" not in sentence("a\0b.png")
    assert sentence(b"").startswith("The upload could not be opened: it is empty.")
    assert sentence(b"", name="photo.jpg").startswith("photo.jpg ")
    assert sentence(b"", name="a\n\x1b[31mb.jpg").startswith("a??[31mb.jpg ")
    assert len(sentence(b"", name="x" * 5000)) < 250


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert "is not a file" in sentence(tmp_path / "x.png")


FTYP = b"\0\0\0\x18ftyp"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"%PDF-1.7\n", "PDF document"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
        (b"<svg/>", "SVG drawing"),
        (b"  <!DOCTYPE html><html><svg/></html>", "web page"),
        (b"PK\x03\x04" + b"\0" * 40, "archive"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (FTYP + b"isom\0\0\0\0mp42isom", "video"),
        (FTYP + b"qt  \0\0\0\0qt  qt  ", "video"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 40, "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (FTYP + b"crx \0\0\0\x01crx isom", "RAW"),
        (b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 40, "RAW"),
        (b"FUJIFILMCCD-RAW 0201", "RAW"),
        (b"IIU\0\x18\0\0\0" + b"\0" * 40, "RAW"),
        (b"\xff\x0a" + b"\0" * 40, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(content, text, tmp_path):
    """A drawing in PostScript was handed to another program, if that was installed."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    told = sentence(path)
    assert told.startswith("photo.jpg could not be opened: it is a")
    assert text in told


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
def test_a_raw_file_that_is_a_tiff_by_its_first_bytes(tags):
    """DNG, NEF and ARW: a thumbnail would have been painted instead of the photograph."""
    assert "a camera's RAW file" in sentence(encoded(PHOTO, "TIFF", tiffinfo=tags))


def test_the_content_counts_and_not_the_name(tmp_path):
    (tmp_path / "x.jpg").write_bytes(encoded(PHOTO, "PNG"))
    assert open_picture(tmp_path / "x.jpg").tobytes() == PHOTO.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "HEIC"])
def test_torn_files(kind):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    whole = heic(noise) if kind == "HEIC" else encoded(noise, kind)
    for share in (0.02, 0.5, 0.95):
        assert "damaged" in sentence(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "HEIC"])
def test_files_with_flipped_bits_open_or_are_refused(kind):
    random = np.random.default_rng(2)
    whole = heic(PHOTO) if kind == "HEIC" else encoded(PHOTO, kind)
    for _ in range(25):
        content = bytearray(whole)
        for place in random.integers(0, min(len(content), 600), 6):
            content[place] = random.integers(256)
        try:
            opened = open_picture(bytes(content))
        except PictureError:
            continue
        assert opened.mode in ("L", "LA", "RGB", "RGBA")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_by_its_header(monkeypatch):
    def never(*_):
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    assert sentence(png_header(10_000, 10_000), name="bomb.png").startswith("bomb.png has 100.0 megapixels; at most 50")
    assert "bomb.png has over 1" in sentence(png_header(60_000, 60_000), name="bomb.png"), "Pillow's own limit"
    assert "at most 0.5 are" in sentence(png_header(1000, 501), max_mp=0.5)
    assert "100.0 megapixels" in sentence(png_header(1, 100_000_000))
    assert "65,535 a side" in sentence(png_header(1, 100_000))
    promised = b"RIFF\x26\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"VP8L" + b"\0" * 12
    assert "268.4 megapixels" in sentence(promised), "before its decoder sets memory aside"


def test_the_limit_itself_is_opened_and_can_be_raised(monkeypatch):
    assert open_picture(encoded(Image.new("L", (1000, 500))), max_mp=0.5).size == (1000, 500)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own, which would come before ours.
    assert open_picture(encoded(Image.new("L", (1000, 500))), max_mp=1).size == (1000, 500)


def test_a_file_that_is_larger_than_any_such_picture_is_not_read(tmp_path):
    with (tmp_path / "x.tif").open("wb") as file:
        file.truncate(2 * 10**9)  # Sparse: it takes no room on the disk.
    assert "2,000 MB; at most 810" in sentence(tmp_path / "x.tif")


def test_hostile_files_do_not_grow_the_memory(tmp_path):
    """Texts and profiles that unpack to hundreds of megabytes, and headers that promise what does not follow."""
    squeezer = zlib.compressobj()
    bomb = b"".join(squeezer.compress(bytes(1_000_000)) for _ in range(150)) + squeezer.flush()
    row = b"\0" * 10
    files = {
        "text.png": raw_png(3, 1, 8, 2, row, chunk(b"zTXt", b"Comment\0\0" + bomb)),
        "profile.png": raw_png(3, 1, 8, 2, row, chunk(b"iCCP", b"icc\0\0" + bomb)),
        "many.png": raw_png(3, 1, 8, 2, row, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 100),
        "size.png": png_header(60_000, 60_000),
        "column.png": png_header(1, 2_000_000),
        "webp.webp": b"RIFF\x26\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"VP8L" + b"\0" * 12,
    }
    assert "unpacks to over a megabyte" in sentence(files["text.png"])
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    code = """
        import resource, sys
        from pathlib import Path
        from gan_core.errors import PictureError
        from gan_core.images import open_picture
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for file in sorted(Path(sys.argv[1]).iterdir()):
            try:
                open_picture(file)
                print("opened", file.name)
            except PictureError:
                pass
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) < 70, "MB"


def test_opening_in_threads_leaves_the_warnings_of_others_alone():
    """The filter that was set and reset around each picture could stay set, as filters are shared by all threads."""
    content = encoded(Image.new("L", (8, 8)))
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [open_picture(content) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
