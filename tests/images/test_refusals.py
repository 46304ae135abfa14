"""What strangers hand in: damaged, hostile, absurdly large, or no picture at all, each refused in one sentence."""

import os
import subprocess
import sys
import textwrap
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import PictureError
from gan_core.images import open_picture
from tests.images.files import chunk, encoded, png_header, raw_png
from tests.images.photo import PHOTO, heic, sentence


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
