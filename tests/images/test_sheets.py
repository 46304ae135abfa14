import numpy as np
import pytest
from PIL import Image

from gan_core.errors import PictureError
from gan_core.images import enlarged, grid


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
