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


def test_a_few_coloured_pixels_among_greys_keep_their_colour(one_page) -> None:
    """All was grey that a sample of the pixels was: these lie between its steps."""
    y, x = np.mgrid[:400, :600]
    grey = np.repeat(((x + y) % 256)[..., None], 3, -1).astype(np.uint8)
    marked = grey.copy()
    spots = np.array([7, 11, 240_000 - 3])  # Two frames of 240,000 pixels are sampled at each ninth.
    marked.reshape(-1, 3)[spots] = (250, 20, 30)
    first, second = read(one_page, [grey, marked])
    assert np.abs(second.reshape(-1, 3)[spots].astype(int) - (250, 20, 30)).max() <= 4
    assert np.abs(first.astype(int) - grey).max() <= 4
    (alone,) = read(one_page, [grey])
    assert np.array_equal(alone, grey), "nothing is lost of greys alone"


FILM = """async ([frames, at]) => {
    const { gifFilm } = await import("./gif-film.js");
    const { base64 } = await import("./png.js");
    const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 12 });
    const paper = canvas.getContext("2d", { willReadFrequently: true });
    let painted = 0;
    const paint = async (number) => {
        painted += 1;
        paper.fillStyle = number === at ? "rgb(10, 200, 60)" : `rgb(${number}, ${number}, ${number})`;
        paper.fillRect(0, 0, 16, 12);
        return canvas;
    };
    const told = { fps: 20, smooth: false, shouldStop: () => false, onFrame: () => {} };
    const film = (more) => gifFilm({ base: document.baseURI, width: 16, height: 12, frames, paint, ...told, ...more });
    const content = base64(new Uint8Array(await (await film({})).arrayBuffer()));
    const before = painted;
    await film({ grey: true });
    return [content, painted - before];
}"""


def test_one_frame_with_a_colour_between_the_sampled_ones_keeps_it(one_page) -> None:
    """A film of a colour model was grey from its first to its last frame."""
    content, painted = one_page.evaluate(FILM, [100, 51])  # Every third is sampled, and this one is not.
    assert painted == 32 + 100, "what can have no colour is not looked through for one"
    with Image.open(io.BytesIO(base64.b64decode(content))) as film:
        assert film.n_frames == 100
        for number, colour in ((50, (50, 50, 50)), (51, (10, 200, 60)), (52, (52, 52, 52))):
            film.seek(number)
            assert film.convert("RGB").getpixel((3, 3)) == pytest.approx(colour, abs=4)
