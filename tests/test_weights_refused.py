"""Model folders that must not load: torn, hostile, of another family, of absurd sizes; each with its sentence."""

import json
import pickle
import random
import shutil
import struct
import time
from pathlib import Path

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.errors import ModelError
from gan_core.models import dcgan
from gan_core.weights import load, network_json, read_config, save
from tests.conftest import TINY_CONDITIONAL, TINY_DCGAN
from tests.tensors import bits, change_tensors


def refusal(folder: Path, **options) -> str:
    """The one sentence of a refusal that changes nothing."""
    before = bits(folder) if folder.is_dir() else None
    with pytest.raises(ModelError) as refused:
        load(folder, **options)
    text = str(refused.value)
    assert text.isprintable(), repr(text)
    assert len(text) < 700
    assert "Nothing was loaded" in text or "was not read" in text
    assert before is None or bits(folder) == before
    return text


@pytest.mark.parametrize("keep", [0, 3, 8, 100, -1])
def test_truncated_weights(dcgan_folder, keep):
    path = dcgan_folder / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert f"{path} is damaged or not a safetensors file" in refusal(dcgan_folder)


def test_a_pickle_under_another_name_is_not_unpickled(dcgan_folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    for content in (pickle.dumps(Trap()), pickle.dumps({"main.0.weight": Trap()}, 0)):
        (dcgan_folder / "generator.safetensors").write_bytes(content)
        assert "not a safetensors file" in refusal(dcgan_folder)
    torch.save(dcgan.build(TINY_DCGAN)["generator"].state_dict(), dcgan_folder / "generator.safetensors")
    assert "not a safetensors file" in refusal(dcgan_folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"main.0.weight":{"dtype":"F32","shape":[8,16,4,4],"data_offsets":[0,99999999]}}',
        b'{"main.0.weight":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"main.0.weight":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}',
        b'{"main.0.weight":{"dtype":"F4","shape":[8,16,4,4],"data_offsets":[0,1024]}}',
        b'{"main.0.weight":3}',
        b"\xff" * 20,
        b'{"a":' * 200,
    ],
)
def test_damaged_safetensors_headers(dcgan_folder, header):
    content = struct.pack("<Q", len(header)) + header + b"\0" * 1024
    (dcgan_folder / "generator.safetensors").write_bytes(content)
    refusal(dcgan_folder)


def test_a_header_that_promises_terabytes(dcgan_folder):
    (dcgan_folder / "generator.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    refusal(dcgan_folder)


def test_flipped_bits_are_refused_or_give_a_model_that_fits(dcgan_folder):
    """Whatever a damaged disk makes of a file: our error, or weights that are finite."""
    path = dcgan_folder / "generator.safetensors"
    good, moments = path.read_bytes(), random.Random(1)
    header = 8 + struct.unpack("<Q", good[:8])[0]
    refused = 0
    for _ in range(60):
        content = bytearray(good)
        content[moments.randrange(header)] ^= 1 << moments.randrange(8)
        path.write_bytes(content)
        try:
            network = load(dcgan_folder).networks["generator"]
        except ModelError:
            refused += 1
        else:
            assert all(value.isfinite().all() for value in network.state_dict().values())
    assert refused > 40


def test_missing_keys_are_named(dcgan_folder):
    change_tensors(dcgan_folder, lambda tensors: tensors.pop("main.1.running_var"))
    assert "missing main.1.running_var." in refusal(dcgan_folder)


def test_foreign_keys_are_named(dcgan_folder):
    change_tensors(dcgan_folder, lambda tensors: tensors.update({f"extra.{n}": torch.zeros(1) for n in range(5)}))
    assert "not of this network extra.0, extra.1, extra.2 and 2 more" in refusal(dcgan_folder)


def test_hostile_keys_stay_on_one_line(dcgan_folder):
    change_tensors(
        dcgan_folder, lambda tensors: tensors.update({"a\nb\x1b[2J": torch.zeros(1), "x" * 9999: torch.ones(1)})
    )
    assert "not of this network" in refusal(dcgan_folder)


def test_wrong_shapes_are_named_with_both(dcgan_folder):
    change_tensors(dcgan_folder, lambda tensors: tensors.update({"main.1.bias": torch.zeros(7)}))
    assert "wrong shape main.1.bias (7,) instead of (16,)" in refusal(dcgan_folder)


def test_a_model_of_the_other_family_is_refused(dcgan_folder, cyclegan_folder):
    shutil.copy(cyclegan_folder / "generator_ab.safetensors", dcgan_folder / "generator.safetensors")
    text = refusal(dcgan_folder)
    assert "missing main.0.weight" in text
    assert "not of this network model." in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(dcgan_folder, value):
    change_tensors(dcgan_folder, lambda tensors: tensors["main.3.weight"].view(-1)[5:6].fill_(value))
    assert "not finite, in main.3.weight" in refusal(dcgan_folder)


def test_weights_too_large_for_float32(dcgan_folder):
    change_tensors(dcgan_folder, lambda t: t.update({"main.3.weight": t["main.3.weight"].double() * 1e300}))
    assert "not finite, in main.3.weight" in refusal(dcgan_folder)


@pytest.mark.parametrize("missing", ["generator_ab", "generator_ba"])
def test_a_missing_generator(cyclegan_folder, missing):
    (cyclegan_folder / f"{missing}.safetensors").unlink()
    assert f"has no {missing}.safetensors" in refusal(cyclegan_folder)


def test_a_bad_discriminator_spoils_the_whole_load(dcgan_folder):
    (dcgan_folder / "discriminator.safetensors").write_bytes(b"x")
    assert "discriminator.safetensors is damaged" in refusal(dcgan_folder)
    assert set(load(dcgan_folder, only=("generator",)).networks) == {"generator"}


def test_no_model_folder_at_all(tmp_path, dcgan_folder):
    assert "is not a model folder: it has no config.json" in refusal(tmp_path)
    assert "is not a model folder" in refusal(tmp_path / "nothing")
    # A file where a folder should be was an error without a sentence.
    assert "is not a model folder" in refusal(dcgan_folder / "generator.safetensors")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"\0" * 100, b'{"format": 1,}', b"[" * 100_000, b"9" * 10_000, b"NaN"],
    ids=repr,
)
def test_damaged_config(dcgan_folder, content):
    (dcgan_folder / "config.json").write_bytes(content)
    assert "config.json" in refusal(dcgan_folder)


def test_huge_config_is_not_read(dcgan_folder):
    with (dcgan_folder / "config.json").open("ab") as file:
        file.truncate(5_000_000)
    assert "larger than 4 MB" in refusal(dcgan_folder)


def test_config_that_is_a_folder(dcgan_folder):
    """An IsADirectoryError came through."""
    (dcgan_folder / "config.json").unlink()
    (dcgan_folder / "config.json").mkdir()
    assert "config.json cannot be read" in refusal(dcgan_folder)


@pytest.mark.parametrize("values", [[], None, 3, "text", {}, {"format": 2}, {"format": 1}])
def test_config_of_another_kind(dcgan_folder, values):
    (dcgan_folder / "config.json").write_text(json.dumps(values))
    assert "config.json" in refusal(dcgan_folder)


def change_config(folder: Path, **change) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize(
    ("network", "flag"),
    [
        ({"size": 10**9}, "--size"),
        ({"size": 16.0}, "--size"),
        ({"size": "16"}, "--size"),
        ({"size": {"a": 1}}, "--size"),
        ({"channels": 3.0}, "--channels"),
        ({"latent_dim": 10**12}, "--latent-dim"),
        ({"latent_dim": -1}, "--latent-dim"),
        ({"max_features": 10**9}, "--max-features"),
        ({"generator_features": True}, "--generator-features"),
        ({"classes": 10**6}, "--classes"),
        ({"spectral_norm": "no"}, "--spectral-norm"),
        ({"size": "x" * 1_000_000}, "--size"),
    ],
)
def test_hostile_sizes(dcgan_folder, network, flag):
    change_config(dcgan_folder, network={**network_json(TINY_DCGAN), **network})
    text = refusal(dcgan_folder)
    assert flag in text
    assert "config.json" in text
    with pytest.raises(ModelError):
        read_config(dcgan_folder)


def test_the_largest_network_of_all_costs_nothing_until_its_file_fits(dcgan_folder):
    """A few bytes of JSON must not make us take gigabytes."""
    largest = dcgan.Network(
        size=256, latent_dim=2048, generator_features=512, discriminator_features=512, max_features=4096, classes=1000
    )
    change_config(dcgan_folder, network=network_json(largest), classes=["c"] * 1000)
    before_s = time.process_time()  # Of this process: others may have the processor meanwhile.
    assert "wrong shape" in refusal(dcgan_folder)
    assert time.process_time() - before_s < 5


@pytest.mark.parametrize(
    ("network", "classes"), [(TINY_DCGAN, ["a", "b"]), (TINY_CONDITIONAL, ["a"]), (TINY_CONDITIONAL, None)]
)
def test_names_of_classes_must_fit_the_network(tmp_path, network, classes):
    """A model with fewer names than classes loaded, and failed at its first picture."""
    config = ModelConfig(family="dcgan", network=network_json(network), classes=classes)
    save(tmp_path / "m", config, dcgan.build(network))
    assert f"for a network with {network.classes}" in refusal(tmp_path / "m")


@pytest.mark.parametrize(("change", "entry"), [({"pickle": "x"}, "pickle"), ({"network": {"colour": 1}}, "colour")])
def test_unknown_entries_are_named(dcgan_folder, change, entry):
    change_config(dcgan_folder, **change)
    assert f"does not know: {entry}" in refusal(dcgan_folder)


def test_unknown_family(dcgan_folder):
    change_config(dcgan_folder, family="../../evil")
    assert "no model family" in refusal(dcgan_folder)
