"""Translator: any size in, the same size out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.errors import ConfigError, PictureError
from gan_core.images import to_pictures, to_tensor
from gan_core.inference.translator import Translator
from gan_core.weights import load


@pytest.fixture
def translator(cyclegan_folder: Path) -> Translator:
    return Translator(load(cyclegan_folder))


def photo(width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("size", [(64, 48), (33, 17), (1, 1), (2, 300), (5, 7), (130, 31)])
def test_the_result_has_exactly_the_size_of_the_input(translator: Translator, size: tuple[int, int]) -> None:
    assert translator.translate(photo(*size)).size == size


def test_a_size_that_needs_no_padding_is_the_bare_network(translator: Translator) -> None:
    picture = photo(32, 20)
    bare = to_pictures(translator.forward(to_tensor(picture), "ab"))[0]
    assert translator.translate(picture, "ab").tobytes() == bare.tobytes()


def test_padding_is_reflection_that_is_cut_off_again(translator: Translator) -> None:
    picture = photo(30, 18)
    x = torch.nn.functional.pad(to_tensor(picture), (0, 2, 0, 2), mode="reflect")
    expected = to_pictures(translator.forward(x, "ba")[..., :18, :30])[0]
    assert translator.translate(picture, "ba").tobytes() == expected.tobytes()


def test_strength_blends_with_the_photograph(translator: Translator) -> None:
    picture = photo(16, 16)
    assert translator.translate(picture, strength=0).tobytes() == picture.tobytes()
    full, half = (np.asarray(translator.translate(picture, strength=s)).astype(float) for s in (1, 0.5))
    assert np.abs(half - (np.asarray(picture) + full) / 2).max() <= 1


def test_modes_and_orientation(translator: Translator, tmp_path: Path) -> None:
    for mode in ("L", "RGBA", "P", "CMYK", "1"):
        assert translator.translate(photo(20, 16).convert(mode)).size == (20, 16)
    turned = photo(20, 16)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert translator.translate(tmp_path / "turned.jpg").size == (16, 20)


def test_directions(translator: Translator) -> None:
    assert translator.directions == ["ab", "ba"]
    assert translator.default_direction == "ba"
    assert translator.domains == {"a": "painting", "b": "photograph"}
    picture = photo(16, 16)
    assert translator.translate(picture).tobytes() == translator.translate(picture, "ba").tobytes()
    assert translator.translate(picture).tobytes() != translator.translate(picture, "ab").tobytes()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.translate(photo(16, 16), "aa"), ConfigError, "cannot do direction 'aa'"),
        (lambda t: t.translate(photo(16, 16), strength=-0.5), ConfigError, "Strength is -0.5"),
        (lambda t: t.translate(photo(16, 16), strength=float("nan")), ConfigError, "Strength is nan"),
        (lambda t: t.translate("nowhere.jpg"), PictureError, "nowhere.jpg is not there"),
        (lambda t: t.translate(Image.new("RGB", (5000, 4000))), PictureError, "5000 x 4000"),
        (lambda t: t.forward(torch.zeros(1, 3, 15, 16)), ConfigError, "multiples of 4"),
        (lambda t: t.forward(torch.zeros(1, 1, 16, 16)), ConfigError, r"\(B, 3, H, W\)"),
    ],
)
def test_bad_input_gives_one_sentence(translator: Translator, call, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(translator)
    assert "\n" not in str(caught.value)
