"""Model folders: written and read to the last bit, under safe names, and whole through failures and kills."""

import json
import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import gan_core
from gan_core.config import ModelConfig
from gan_core.errors import ConfigError, ModelError
from gan_core.library import describe
from gan_core.models import cyclegan, dcgan, get_networks, pix2pix
from gan_core.weights import is_model_folder, load, network_json, read_config, save
from tests.conftest import TINY_CONDITIONAL, TINY_CYCLEGAN, TINY_DCGAN
from tests.tensors import bits, change_tensors

SPECTRAL = replace(TINY_CONDITIONAL, spectral_norm=True)
TINY_PIX2PIX = pix2pix.Network(generator_features=2, halvings=5)
BLURRED = replace(TINY_CYCLEGAN, downsample="blur", upsample="blur", padding="zero", channels_b=1)
BATCH_NORM = replace(TINY_CYCLEGAN, norm="batch", dropout=True, upsample="resize")


def described(family: str, network) -> ModelConfig:
    classes = [f"c{number}" for number in range(getattr(network, "classes", 0))]
    return ModelConfig(family=family, network=network_json(network), classes=classes or None)


# Round trips.


@pytest.mark.parametrize(
    ("family", "network"),
    [
        ("dcgan", TINY_DCGAN),
        ("dcgan", TINY_CONDITIONAL),
        ("dcgan", SPECTRAL),
        ("cyclegan", TINY_CYCLEGAN),
        ("cyclegan", BATCH_NORM),
        ("cyclegan", BLURRED),
        ("pix2pix", TINY_PIX2PIX),
    ],
)
def test_every_bit_survives(tmp_path, family, network):
    torch.manual_seed(0)
    networks = get_networks(family).build(network)
    for built in networks.values():
        for value in built.state_dict().values():
            value.copy_(torch.rand_like(value) + 0.5 if value.is_floating_point() else torch.full_like(value, 7))
    config = described(family, network)
    save(tmp_path / "m", config, networks)
    model = load(tmp_path / "m")
    assert model.config == config
    assert model.folder == tmp_path / "m"
    assert set(model.networks) == set(networks)
    for name, built in networks.items():
        ours, theirs = model.networks[name].state_dict(), built.state_dict()
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert ours[key].dtype == value.dtype
            assert torch.equal(ours[key], value), key
        assert not model.networks[name].training
        assert all(parameter.requires_grad for parameter in model.networks[name].parameters())


def test_a_loaded_model_draws_the_same_pictures(dcgan_folder):
    torch.manual_seed(1)
    built = dcgan.build(TINY_DCGAN)["generator"].eval()
    z = torch.randn(3, 8)
    with torch.inference_mode():
        assert torch.equal(load(dcgan_folder).networks["generator"](z), built(z))


def test_spectral_norm_works_after_loading(tmp_path):
    torch.manual_seed(0)
    networks = dcgan.build(SPECTRAL)
    save(tmp_path / "m", described("dcgan", SPECTRAL), networks)
    x, classes = torch.rand(2, 3, 16, 16), torch.eye(3)[:2]
    with torch.inference_mode():
        ours = load(tmp_path / "m").networks["discriminator"](x, classes)
        torch.testing.assert_close(ours, networks["discriminator"].eval()(x, classes))


def test_half_size(tmp_path, dcgan_folder):
    torch.manual_seed(1)
    networks = dcgan.build(TINY_DCGAN)
    save(tmp_path / "half", described("dcgan", TINY_DCGAN), networks, half=True)
    stored = load_file(tmp_path / "half" / "generator.safetensors")
    assert {value.dtype for key, value in stored.items() if value.ndim == 4} == {torch.float16}
    assert {value.dtype for key, value in stored.items() if value.ndim == 1} == {torch.float32}
    loaded = load(tmp_path / "half").networks["generator"].state_dict()
    for key, value in networks["generator"].state_dict().items():
        assert loaded[key].dtype == value.dtype
        exact = value.half().to(value.dtype) if value.ndim > 1 else value
        assert torch.equal(loaded[key], exact)
    full, half = ((folder / "discriminator.safetensors").stat().st_size for folder in (dcgan_folder, tmp_path / "half"))
    assert half < 0.7 * full


def test_channels_last_weights_are_saved(tmp_path):
    networks = {name: net.to(memory_format=torch.channels_last) for name, net in dcgan.build(TINY_DCGAN).items()}
    save(tmp_path / "m", described("dcgan", TINY_DCGAN), networks)
    loaded = load(tmp_path / "m").networks["generator"].state_dict()
    assert torch.equal(loaded["main.0.weight"], networks["generator"].state_dict()["main.0.weight"])


def test_only_what_was_asked_for_is_loaded(cyclegan_folder):
    assert set(load(cyclegan_folder).networks) == {"generator_ab", "generator_ba", "discriminator_a", "discriminator_b"}
    assert set(load(cyclegan_folder, only=("generator_ba",)).networks) == {"generator_ba"}
    (cyclegan_folder / "discriminator_a.safetensors").unlink()
    assert "discriminator_a" not in load(cyclegan_folder).networks, "optional"


@pytest.mark.parametrize(("family", "network"), [("cyclegan", TINY_CYCLEGAN), ("pix2pix", TINY_PIX2PIX)])
@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_model_of_one_direction_needs_that_generator_and_no_other(tmp_path, family, network, direction):
    networks = get_networks(family).build(network)
    config = replace(described(family, network), directions=[direction])
    save(tmp_path / "m", config, {f"generator_{direction}": networks[f"generator_{direction}"]})
    assert read_config(tmp_path / "m").directions == [direction]
    model = load(tmp_path / "m")
    assert set(model.networks) == {f"generator_{direction}"}
    assert set(load(tmp_path / "m", only=("generator_ab", "generator_ba")).networks) == {f"generator_{direction}"}

    other = "generator_ba" if direction == "ab" else "generator_ab"
    (tmp_path / "m" / f"{other}.safetensors").write_bytes(b"not looked at")
    assert set(load(tmp_path / "m").networks) == {f"generator_{direction}"}

    (tmp_path / "m" / f"generator_{direction}.safetensors").unlink()
    with pytest.raises(ModelError, match=f"has no generator_{direction}.safetensors"):
        load(tmp_path / "m")


@pytest.mark.parametrize("directions", [None, ["ab", "ba"]])
def test_a_model_of_both_directions_needs_both(tmp_path, directions):
    networks = cyclegan.build(TINY_CYCLEGAN)
    save(tmp_path / "m", replace(described("cyclegan", TINY_CYCLEGAN), directions=directions), networks)
    (tmp_path / "m" / "generator_ba.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no generator_ba\.safetensors"):
        load(tmp_path / "m")


def test_a_translator_of_one_direction_says_so(tmp_path, cyclegan_folder):
    """Through the library's door: what it can do, and what it refuses."""
    network = replace(TINY_PIX2PIX, channels=3)
    config = replace(described("pix2pix", network), directions=["ab"])
    folder = tmp_path / "paired"
    save(folder, config, {"generator_ab": get_networks("pix2pix").build(network)["generator_ab"]})
    translator = gan_core.load(folder)
    assert translator.directions == ["ab"]
    assert translator.default_direction == "ab"
    assert describe(folder).directions == ["ab"]
    assert describe(cyclegan_folder).directions == ["ab", "ba"]
    with pytest.raises(ConfigError, match="cannot do direction 'ba'"):
        translator.forward(torch.zeros(1, 3, 32, 32), "ba")


def test_folders_from_before_there_were_directions_load(cyclegan_folder):
    config = json.loads((cyclegan_folder / "config.json").read_text())
    known = {"channels", "generator_features", "blocks", "norm", "dropout", "upsample", "global_skip"}
    known |= {"discriminator_features", "discriminator_layers"}
    config["network"] = {key: value for key, value in config["network"].items() if key in known}
    del config["directions"]
    (cyclegan_folder / "config.json").write_text(json.dumps(config))
    assert read_config(cyclegan_folder).directions is None
    assert {"generator_ab", "generator_ba"} < set(load(cyclegan_folder).networks)


def test_loading_uses_no_random_numbers(dcgan_folder):
    torch.manual_seed(5)
    load(dcgan_folder)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


def test_further_files(tmp_path):
    networks = dcgan.build(TINY_DCGAN)
    files = {"README.md": b"# card", "preview.webp": b"RIFF"}
    save(tmp_path / "m", described("dcgan", TINY_DCGAN), networks, metrics={"fid": 3.5}, files=files)
    assert set(bits(tmp_path / "m")) == {
        "README.md",
        "config.json",
        "discriminator.safetensors",
        "generator.safetensors",
        "metrics.json",
        "preview.webp",
    }
    assert json.loads((tmp_path / "m" / "metrics.json").read_text()) == {"fid": 3.5}
    assert is_model_folder(tmp_path / "m")
    assert not is_model_folder(tmp_path)


def test_a_new_model_replaces_the_old_one_as_a_whole(dcgan_folder):
    (dcgan_folder / "directions.json").write_text("{}")
    save(dcgan_folder, described("dcgan", TINY_DCGAN), {"generator": dcgan.build(TINY_DCGAN)["generator"]})
    assert set(bits(dcgan_folder)) == {"config.json", "generator.safetensors"}
    assert [path.name for path in dcgan_folder.parent.iterdir()] == [dcgan_folder.name]


# Names.


@pytest.mark.parametrize("name", ["..", ".hidden", "A", "a b", "-x"])
def test_a_folder_s_name_that_is_no_model_name_is_refused(tmp_path, name):
    with pytest.raises(ModelError, match="cannot name a model"):
        save(tmp_path / "models" / name, described("dcgan", TINY_DCGAN), {})
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "a\\b", "..", ".", "", "x/"])
def test_a_file_s_name_that_would_leave_the_folder_is_refused(tmp_path, name):
    with pytest.raises(ModelError, match="cannot be a file of a model folder"):
        save(tmp_path / "m", described("dcgan", TINY_DCGAN), {}, files={name: b"x"})
    assert not list(tmp_path.rglob("*"))


# Saves that do not end.


def test_a_save_that_fails_in_the_middle_leaves_the_old_model(dcgan_folder, monkeypatch):
    before = bits(dcgan_folder.parent)
    calls = []

    def full_disk(tensors, path, metadata):
        calls.append(path)
        if len(calls) == 2:
            path.write_bytes(b"torn")
            raise OSError(28, "No space left on device")
        save_file(tensors, path, metadata)

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(OSError, match="No space"):
        save(dcgan_folder, described("dcgan", TINY_DCGAN), dcgan.build(TINY_DCGAN))
    assert len(calls) == 2
    assert bits(dcgan_folder.parent) == before


def _save_for_ever(folder: Path, started) -> None:
    number = 0
    while True:
        number += 1
        networks = dcgan.build(TINY_DCGAN)
        with torch.no_grad():
            for network in networks.values():
                for parameter in network.parameters():
                    parameter.fill_(number)
        save(folder, replace(described("dcgan", TINY_DCGAN), trained={"steps": number}), networks)
        started.set()


@pytest.mark.skipif(os.name != "posix", reason="kills a forked process")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_a_model_that_loads(tmp_path):
    """Between the two renames of a replacement there was no model at all."""
    folder = tmp_path / "m"
    context = multiprocessing.get_context("fork")
    moments = random.Random(0)
    for _ in range(12):
        started = context.Event()
        writer = context.Process(target=_save_for_ever, args=(folder, started))
        writer.start()
        assert started.wait(60)
        time.sleep(moments.uniform(0, 0.03))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        model = load(folder)
        number = model.config.trained["steps"]
        assert set(model.networks) == {"generator", "discriminator"}
        for network in model.networks.values():
            assert all((parameter == number).all() for parameter in network.parameters()), "a mixture of two saves"


def test_other_precisions_become_float32(tmp_path):
    networks = dcgan.build(TINY_DCGAN)
    save(tmp_path / "m", described("dcgan", TINY_DCGAN), networks)
    for dtype in (torch.bfloat16, torch.float64):
        change_tensors(
            tmp_path / "m", lambda t, d=dtype: t.update({k: v.to(d) for k, v in t.items() if v.is_floating_point()})
        )
        loaded = load(tmp_path / "m").networks["generator"].state_dict()
        assert loaded["main.0.weight"].dtype == torch.float32
        np.testing.assert_allclose(
            loaded["main.0.weight"], networks["generator"].state_dict()["main.0.weight"], rtol=0.01
        )


def test_cyclegan_networks_are_kept_apart(tmp_path):
    torch.manual_seed(0)
    networks = cyclegan.build(TINY_CYCLEGAN)
    save(tmp_path / "m", described("cyclegan", TINY_CYCLEGAN), networks)
    loaded = load(tmp_path / "m").networks
    for name, network in networks.items():
        first = next(iter(network.state_dict()))
        assert torch.equal(loaded[name].state_dict()[first], network.state_dict()[first])
