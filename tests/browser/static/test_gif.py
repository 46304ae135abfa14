"""The page's own GIF files against Pillow: any size, any number of colours, and dithered where few must do for many."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gan_core.video import palette

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRITE = """async ([width, height, dither, frames]) => {
    const { gifHead, gifFrame, GIF_TAIL } = await import("./gif.js");
    const { palette } = await import("./gif-palette.js");
    const { joined, base64 } = await import("./png.js");
    const pixels = frames.map((text) => Uint8ClampedArray.from(atob(text), (sign) => sign.charCodeAt(0)));
    const colours = palette(pixels, { dither });
    const parts = pixels.map((data, at) => gifFrame(width, height, colours.indices(data, width), 3 + at));
    return base64(joined([gifHead(width, height, colours.table), ...parts, GIF_TAIL]));
}"""


def read(page, pictures: list[np.ndarray], *, dither: bool = False) -> list[np.ndarray]:
    """(H, W, 3) pictures written by the page and read by Pillow."""
    height, width = pictures[0].shape[:2]
    frames = [np.concatenate([one, np.full((height, width, 1), 255, np.uint8)], -1).tobytes() for one in pictures]
    texts = [base64.b64encode(one).decode() for one in frames]
    content = base64.b64decode(page.evaluate(WRITE, [width, height, dither, texts]))
    with Image.open(io.BytesIO(content)) as film:
        assert (film.n_frames, film.size) == (len(pictures), (width, height))
        found = []
        for number in range(len(pictures)):
            film.seek(number)
            assert film.info["duration"] == 10 * (3 + number)
            found.append(np.asarray(film.convert("RGB")))
        return found


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (257, 64), (200, 200)])
def test_up_to_256_colours_come_back_as_they_were(one_page, width: int, height: int) -> None:
    """Noise fills the dictionary of LZW over and over; its codes grow and begin anew."""
    random = np.random.default_rng(0)
    table = random.integers(0, 256, (256, 3), np.uint8)
    pictures = [table[random.integers(0, 256, (height, width))] for _ in range(2)]
    pictures.append(np.broadcast_to(table[7], (height, width, 3)))  # And one long run.
    pictures[0].reshape(-1, 3)[: min(256, width * height)] = table[: width * height]
    for found, wanted in zip(read(one_page, pictures), pictures, strict=True):
        assert np.array_equal(found, wanted)


def test_many_colours_are_as_near_as_those_of_python(one_page) -> None:
    """With a dither nearer on the whole, and further in single pixels."""
    y, x = np.mgrid[:360, :480]
    smooth = np.stack([x * 255 / 480, y * 255 / 360, 128 + 90 * np.sin((x + y) / 90)], -1).astype(np.uint8)

    def error(picture: np.ndarray) -> float:
        return float(np.sqrt(np.square(picture.astype(float) - smooth).mean()))

    def seen(picture: np.ndarray) -> float:
        """From afar: of means of 8 x 8 px."""
        return float(np.abs((picture.astype(float) - smooth).reshape(45, 8, 60, 8, 3).mean((1, 3))).mean())

    (plain,), (dithered,) = read(one_page, [smooth]), read(one_page, [smooth], dither=True)
    known = palette.of([smooth], 1, dither=True)
    ours = known.table[known.indices(smooth)]
    assert error(plain) < error(dithered) < 1.1 * error(ours)
    assert seen(dithered) < 0.8 * seen(plain)
    assert seen(dithered) < 1.1 * seen(ours)
