"""Translator: any size in, the same size out."""

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.errors import Cancelled, ConfigError, PictureError
from gan_core.images import to_pictures, to_tensor
from gan_core.inference import translator as module
from gan_core.inference.translator import Translator
from gan_core.models import cyclegan, pix2pix
from gan_core.weights import Model, load, network_json


@pytest.fixture
def translator(cyclegan_folder: Path) -> Translator:
    return Translator(load(cyclegan_folder))


def photo(width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("size", [(64, 48), (33, 17), (1, 1), (2, 300), (5, 7), (130, 31)])
def test_the_result_has_exactly_the_size_of_the_input(translator: Translator, size: tuple[int, int]) -> None:
    assert translator.translate(photo(*size)).size == size


def levels_apart(a: Image.Image, b: Image.Image) -> int:
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b)).max())


def test_a_size_that_needs_no_padding_is_the_bare_network(translator: Translator) -> None:
    picture = photo(32, 20)
    bare = to_pictures(translator.forward(to_tensor(picture), "ab"))[0]
    assert levels_apart(translator.translate(picture, "ab"), bare) <= 1


def test_padding_is_reflection_that_is_cut_off_again(translator: Translator) -> None:
    picture = photo(30, 18)
    x = torch.nn.functional.pad(to_tensor(picture), (0, 2, 0, 2), mode="reflect")
    expected = to_pictures(translator.forward(x, "ba")[..., :18, :30])[0]
    assert levels_apart(translator.translate(picture, "ba"), expected) <= 1


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
        (lambda t: t.forward(torch.zeros(1, 3, 15, 16)), ConfigError, "multiples of 4"),
        (lambda t: t.forward(torch.zeros(1, 1, 16, 16)), ConfigError, r"\(B, 3, H, W\)"),
    ],
)
def test_bad_input_gives_one_sentence(translator: Translator, call, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(translator)
    assert "\n" not in str(caught.value)


def test_the_limit_is_where_files_are_opened(translator: Translator, tmp_path: Path, monkeypatch) -> None:
    photo(60, 50).save(tmp_path / "photo.png")
    monkeypatch.setenv("GAN_CORE_MAX_PICTURE_MP", "0.001")
    with pytest.raises(PictureError, match=r"at most 0\.001 are opened"):
        translator.translate(tmp_path / "photo.png")
    assert translator.translate(photo(60, 50)).size == (60, 50)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_kept(translator: Translator, mode: str) -> None:
    picture = photo(24, 16).convert("RGBA")
    alpha = Image.fromarray(np.random.default_rng(1).integers(0, 256, (16, 24), dtype=np.uint8))
    picture.putalpha(alpha)
    picture = picture.convert(mode)
    result = translator.translate(picture, strength=0.7)
    assert result.mode == "RGBA"
    assert result.getchannel("A").tobytes() == picture.convert("RGBA").getchannel("A").tobytes()


def test_hidden_colours_do_not_reach_the_network(translator: Translator) -> None:
    picture = photo(24, 16).convert("RGBA")
    picture.putalpha(0)
    plain = Image.new("RGBA", (24, 16), (255, 255, 255, 0))
    changes = []
    for source in (picture, plain):
        before, after = (
            np.asarray(image.convert("RGB")).astype(int) for image in (source, translator.translate(source))
        )
        changes.append(np.where((after > 0) & (after < 255), after - before, 0))
    same = (changes[0] != 0) & (changes[1] != 0)
    assert (changes[0][same] == changes[1][same]).all()


def test_an_opaque_picture_with_alpha_is_painted_as_without(translator: Translator) -> None:
    picture = photo(24, 16)
    assert (
        translator.translate(picture.convert("RGBA")).convert("RGB").tobytes()
        == translator.translate(picture).tobytes()
    )


def test_preview_is_small_and_of_the_same_shape(translator: Translator) -> None:
    before, after = translator.preview(photo(200, 100), side=64)
    assert before.size == after.size == (64, 32)
    assert after.tobytes() == translator.translate(before).tobytes()
    assert translator.preview(photo(20, 10), side=64)[0].size == (20, 10)
    assert translator.preview(photo(900, 1), side=64)[0].size == (64, 1)


def test_round_trip_is_there_and_back(translator: Translator) -> None:
    small, painting = translator.preview(photo(80, 60), "ab", side=40)
    trip = translator.round_trip(photo(80, 60), "ab", side=40)
    assert translator.can_round_trip
    assert trip.picture.tobytes() == translator.translate(painting, "ba").tobytes()
    assert trip.picture.size == small.size
    assert -1 < trip.fidelity < 1


def test_round_trip_of_networks_that_change_nothing_is_complete() -> None:
    network = cyclegan.Network(generator_features=4, blocks=1, global_skip=True)
    networks = {name: net.eval() for name, net in cyclegan.build(network).items()}
    model = Translator(Model(ModelConfig(family="cyclegan", network=network_json(network)), networks))
    smooth = photo(8, 6).resize((80, 60), Image.Resampling.BICUBIC)
    assert model.round_trip(smooth).fidelity > 0.99
    assert model.ref is None


def test_one_direction_alone(cyclegan_folder: Path) -> None:
    model = load(cyclegan_folder)
    del model.networks["generator_ab"]
    translator = Translator(replace(model, networks=model.networks))
    assert (translator.directions, translator.can_round_trip) == (["ba"], False)
    with pytest.raises(ConfigError, match="nothing comes back"):
        translator.round_trip(photo(16, 16))
    data = (cyclegan_folder / "generator_ba.safetensors").read_bytes()
    assert translator.ref.sha256 == hashlib.sha256(data).hexdigest()


def test_ref_names_both_files(translator: Translator, cyclegan_folder: Path) -> None:
    both = b"".join((cyclegan_folder / f"generator_{way}.safetensors").read_bytes() for way in ("ab", "ba"))
    assert translator.ref.name == "tiny-cyclegan"
    assert translator.ref.sha256 == hashlib.sha256(both).hexdigest()


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    """Blocks of eight rows, and a report after each."""
    monkeypatch.setattr("gan_core.inference.whole.painting.REPORT_S", 0)
    monkeypatch.setattr("gan_core.inference.whole.painting.BLOCK_BYTES", {"cpu": 1})


@pytest.mark.usefixtures("small_blocks")
def test_progress_goes_up_to_one(translator: Translator) -> None:
    shares: list[float] = []
    translator.translate(photo(64, 300), progress=shares.append)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len(shares) > 10


@pytest.mark.usefixtures("small_blocks")
def test_what_progress_raises_stops_the_work(translator: Translator) -> None:
    calls = []

    def stop(share: float) -> None:
        calls.append(share)
        if share > 0.3:
            raise Cancelled("Stopped. Nothing was painted.")

    with pytest.raises(Cancelled, match="Stopped"):
        translator.translate(photo(64, 300), progress=stop)
    assert calls[-1] < 0.6
    assert translator.translate(photo(16, 16)).size == (16, 16)


def test_several_threads_get_what_one_would(translator: Translator) -> None:
    pictures = [photo(40 + 4 * number, 36) for number in range(4)]
    expected = [translator.translate(picture).tobytes() for picture in pictures]
    found: dict[int, bytes] = {}

    def work(number: int) -> None:
        found[number] = translator.translate(pictures[number]).tobytes()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(4)] == expected


@pytest.fixture
def unet() -> Translator:
    """A network that must see the whole picture at once, sides multiples of 32; makes grey pictures."""
    torch.manual_seed(4)
    network = pix2pix.Network(generator_features=4, halvings=5, norm="instance", channels_b=1)
    networks = {name: net.eval() for name, net in pix2pix.build(network).items()}
    config = ModelConfig(family="pix2pix", network=network_json(network))
    return Translator(Model(config, {"generator_ab": networks["generator_ab"]}))


@pytest.mark.parametrize("size", [(64, 32), (1, 1), (33, 100), (7, 200)])
def test_a_u_net_takes_any_size(unet: Translator, size: tuple[int, int]) -> None:
    shares: list[float] = []
    result = unet.translate(photo(*size), progress=shares.append)
    assert (result.size, result.mode) == (size, "L")
    assert shares == [0, 1]
    assert unet.note(*size) is None


def test_a_large_picture_through_a_u_net_is_enlarged_and_says_so(unet: Translator, monkeypatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE_MP", 0.004)
    assert unet.translate(photo(160, 100)).size == (160, 100)
    assert unet.note(160, 100) == (
        "This model's network sees the whole picture at once, so it painted at 80 x 50 px, "
        "and the painting was enlarged to 160 x 100 px."
    )


def test_a_streamed_network_has_nothing_to_note(translator: Translator) -> None:
    assert translator.note(9000, 9000) is None


def test_colours_can_be_kept_with_a_network_that_paints_grey(unet: Translator) -> None:
    picture = photo(64, 32)
    result = unet.translate(picture, keep_colours=True)
    assert result.mode == "RGB"
    before, after = (np.asarray(image).astype(int) for image in (picture, result))
    change = np.where((after > 0) & (after < 255), after - before, 0)
    inside = ((after > 0) & (after < 255)).all(2)
    assert np.ptp(change[inside], axis=1).max() <= 1
