import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.data.decode import StreamedPictures, decode, native_channels, squared
from gan_core.data.listing import list_path
from gan_core.errors import DataError
from tests.data.pictures import CLASSES, FLAT, encoded, picture, png, png_promising, write_folder, write_zip
from tests.data.test_listing import encrypted

TINY_GB = 1e-9
"""Too little memory for any set."""


def listed(path, max_mp: float = 1):
    return list_path(path, max_mp=max_mp)[""]


def test_pictures_become_square_tensors_in_order(tmp_path):
    images = decode(listed(write_folder(tmp_path / "set", CLASSES)), side=8)
    assert images.pictures.shape == (5, 3, 8, 8)
    assert images.pictures.dtype == torch.uint8
    assert images.classes == ["ant", "cat", "dog"]
    assert images.labels.tolist() == [0, 1, 1, 2, 2]
    assert images.labels.dtype == torch.int64
    assert (len(images), images.channels, images.skipped) == (5, 3, [])
    expected = np.asarray(squared(picture(2), 8, "crop")).transpose(2, 0, 1)
    assert np.array_equal(images.pictures[0], expected), "ant is picture 2"


def test_crop_takes_the_middle_and_stretch_takes_all():
    image = Image.new("L", (6, 2))
    image.putdata([0, 0, 100, 200, 0, 0] * 2)
    assert np.asarray(squared(image, 2, "crop")).tolist() == [[100, 200]] * 2
    assert np.asarray(squared(image, 2, "stretch")).tolist() == [[33, 67]] * 2
    assert squared(image.transpose(Image.Transpose.ROTATE_90), 2, "crop").size == (2, 2)
    assert squared(image, 5, "crop").size == (5, 5)


def test_whole_factors_are_averaged_exactly():
    """Lanczos rings on the edges of enlarged pixel art."""
    small = np.random.default_rng(0).integers(0, 256, (4, 4), np.uint8)
    assert np.array_equal(
        np.asarray(squared(Image.fromarray(np.kron(small, np.ones((3, 3), np.uint8))), 4, "crop")), small
    )


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_channels_as_asked(tmp_path, channels, mode):
    images = decode(listed(write_folder(tmp_path / "set", FLAT)), side=10, channels=channels)
    assert images.pictures.shape == (5, channels, 10, 10)
    assert np.array_equal(
        images.pictures[0].permute(1, 2, 0).squeeze(), np.asarray(squared(picture(0).convert(mode), 10, "crop"))
    )


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("I;16", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("CMYK", 3)]
)
def test_channels_as_the_data_has(tmp_path, mode, channels):
    image = Image.fromarray(np.zeros((4, 4), np.uint16)) if mode == "I;16" else picture(0).convert(mode)
    path = write_folder(tmp_path / "set", {"0.png": b"unreadable", "1.tif": encoded(image, "TIFF")})
    listing = listed(path)
    assert listing.read(1).mode in {1: ("L", "LA"), 3: ("RGB", "RGBA")}[channels]
    assert native_channels(listing) == channels
    assert decode(listing, side=4).channels == channels


BAD = {
    "text.png": b"no picture",
    "empty.jpg": b"",
    "torn.png": png(7)[:60],
    "bomb.png": png_promising(1500, 1500),
    "huge.png": png_promising(60_000, 60_000),
    "lab.tif": encoded(Image.new("LAB", (4, 4)), "TIFF"),
}
BAD_NAMES = sorted(BAD)


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("memory_gb", [4, TINY_GB])
def test_unreadable_pictures_are_skipped_counted_and_named(tmp_path, kind, memory_gb):
    """A colour mode that Pillow cannot convert (LAB to grey) ended the whole decoding."""
    files = {**{f"{name}/{number}.png": png(number) for number, name in enumerate("abab")}}
    bad = {f"a/{name}": content for name, content in BAD.items()}
    path = (
        write_folder(tmp_path / "set", files | bad) if kind == "folder" else write_zip(tmp_path / "x.zip", files | bad)
    )
    images = decode(listed(path), side=8, channels=1, memory_gb=memory_gb)
    assert isinstance(images.pictures, StreamedPictures) == (memory_gb == TINY_GB)
    assert images.skipped == [f"a/{name}" for name in BAD_NAMES]
    assert len(images) == 4
    assert images.labels.tolist() == [0, 0, 1, 1]
    for index, number in enumerate([0, 2, 1, 3]):  # By name: a/0, a/2, b/1, b/3.
        expected = np.asarray(squared(picture(number, mode="L"), 8, "crop"))
        assert np.array_equal(images.pictures[index][0], expected)


@pytest.mark.parametrize("memory_gb", [4, TINY_GB])
def test_none_left_is_an_error_that_says_why(tmp_path, memory_gb):
    """It named the pictures alone: of a locked zip nobody learnt that it was locked."""
    with pytest.raises(DataError) as refused:
        decode(listed(encrypted(write_zip(tmp_path / "locked.zip", FLAT))), side=8, memory_gb=memory_gb)
    text = str(refused.value)
    assert text.startswith("None of the 5 pictures of locked can be read. Nothing was started. The first one: 0.png")
    assert "encrypted" in text
    assert text.isprintable()


def test_progress_counts_to_the_end(tmp_path):
    seen = []
    path = write_folder(tmp_path / "set", {**FLAT, "x.png": b""})
    decode(listed(path), side=8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_a_streamed_picture_that_goes_bad_gives_way_to_its_neighbour(tmp_path):
    path = write_folder(tmp_path / "set", FLAT)
    pictures = decode(listed(path), side=8, memory_gb=TINY_GB).pictures
    good = [pictures[index] for index in range(5)]
    (path / "1.png").write_bytes(b"gone")
    (path / "4.png").unlink()
    for index, instead in enumerate([0, 2, 2, 3, 0]):
        assert torch.equal(pictures[index], good[instead])
    for file in path.iterdir():
        file.unlink()
    with pytest.raises(DataError, match="16 pictures in a row"):
        pictures[0]
