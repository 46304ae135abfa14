"""Blending of photograph and painting, against the formula pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from gan_core.inference import blend as module
from gan_core.inference.blend import blend, carried


def picture(seed: int, mode: str = "RGB", size: tuple[int, int] = (17, 13)) -> Image.Image:
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    return Image.fromarray(levels, mode if mode == "LA" else None)


def formula(x: np.ndarray, y: np.ndarray, strength: float, keep_colours: bool) -> np.ndarray:
    """One pixel, three numbers, as the contract of the page and the server has it."""
    if keep_colours:
        luma = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (x, y)]
        change = [strength * (luma[1] - luma[0])] * 3
    else:
        change = [strength * (b - a) for a, b in zip(x, y, strict=True)]
    return np.array([min(max(a + d, 0), 255) for a, d in zip(x, change, strict=True)])


@pytest.mark.parametrize("strength", [0, 0.3, 1, 1.5])
@pytest.mark.parametrize("keep_colours", [False, True])
def test_it_is_the_formula(monkeypatch, strength: float, keep_colours: bool) -> None:
    monkeypatch.setattr(module, "STRIP_PX", 40)  # Strips of two rows.
    photo, full = picture(1), picture(2)
    mixed = np.asarray(blend(photo, full, strength, keep_colours)).astype(float)
    for x, y, z in zip(*(np.asarray(image, float).reshape(-1, 3) for image in (photo, full, mixed)), strict=True):
        assert np.abs(z - formula(x, y, strength, keep_colours)).max() <= 0.51


def test_none_is_the_photograph_and_full_the_painting() -> None:
    photo, full = picture(1), picture(2)
    assert blend(photo, full, 0, False).tobytes() == blend(photo, full, 0, True).tobytes() == photo.tobytes()
    assert blend(photo, full, 1, False).tobytes() == full.tobytes()


def test_kept_colours_change_luma_alone() -> None:
    photo = Image.new("RGB", (8, 8), (120, 60, 90))
    full = Image.new("RGB", (8, 8), (10, 200, 30))
    before, after = (np.asarray(image).astype(int)[0, 0] for image in (photo, blend(photo, full, 0.5, True)))
    assert len(set(after - before)) == 1


def test_grey_stays_grey_and_colour_wins_over_grey() -> None:
    assert blend(picture(1, "L"), picture(2, "L"), 0.5, True).mode == "L"
    assert blend(picture(1, "RGB"), picture(2, "L"), 0.5, False).mode == "RGB"
    assert blend(picture(1, "L"), picture(2, "RGB"), 0.5, False).mode == "RGB"
    assert blend(picture(1, "RGB"), picture(2, "L"), 0, False).tobytes() == picture(1).tobytes()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("strength", [0, 0.5, 1, 1.5])
def test_transparency_is_that_of_the_photograph(mode: str, strength: float) -> None:
    photo = picture(1, mode)
    mixed = blend(photo, picture(2), strength, False)
    assert mixed.mode == "RGBA"
    assert mixed.getchannel("A").tobytes() == photo.getchannel("A").tobytes()


def test_neither_picture_is_changed() -> None:
    photo, full = picture(1, "RGBA"), picture(2)
    copies = photo.tobytes(), full.tobytes()
    blend(photo, full, 0.5, True)
    blend(photo, full, 1, False)
    assert (photo.tobytes(), full.tobytes()) == copies


def test_what_is_half_transparent_is_painted_in_its_own_colours() -> None:
    """Over white, a black edge that is half transparent is grey; painted as grey it would shine."""
    photo = Image.new("RGBA", (6, 4), (0, 0, 0, 128))
    laid, painted = Image.new("RGB", (6, 4), (127, 127, 127)), Image.new("RGB", (6, 4), (137, 127, 97))
    assert carried(photo, laid, painted).getpixel((0, 0)) == (10, 0, 0, 128)
