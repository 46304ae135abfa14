"""Files of weights from strangers: wrapped in every way people wrap them, damaged, oversized and hostile ones."""

import argparse
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from gan_core.interop.bundle import newest, read_states
from gan_core.interop.read import read_file
from tests.interop.dcgans import Named, dcgan, dcgan_discriminator, trained

State = dict[str, Tensor]


def state_of(seed: int = 0, name: str = "main") -> State:
    return Named(name, trained(dcgan(10, 4, 3, 3), seed)).state_dict()


def saved(path: Path, value: object, *, old: bool = False) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not old)
    return path


def prefixed(state: State, prefix: str) -> State:
    return OrderedDict((prefix + key, value) for key, value in state.items())


def same(found: State, wanted: State) -> bool:
    return list(found) == list(wanted) and all(torch.equal(found[key], wanted[key]) for key in wanted)


def refused(path: Path, match: str) -> str:
    with pytest.raises(CheckpointError, match=match) as raised:
        recognise(path)
    told = str(raised.value)
    assert told.endswith(".")
    assert "\n" not in told
    return told


# Wrapped.

WRAPPED = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state},
    "params": lambda state: {"params": state},
    "generator": lambda state: {"generator": state},
    "netG and optimizer": lambda state: {
        "netG": state,
        "optimizerG": torch.optim.Adam([state["main.0.weight"]]).state_dict(),
    },
    "nested": lambda state: {"models": {"G": {"state_dict": state}}, "args": {"lr": 2e-4}},
    "list": lambda state: [state, {"lr": 2e-4}],
    "options and scores": lambda state: {
        "state_dict": state,
        "opt": argparse.Namespace(nz=100),
        "best_fid": np.float64(12.5),
        "curve": np.arange(3.0),
        "nested": argparse.Namespace(out=Path("results"), at=datetime(2020, 1, 1)),
        "loss": np.float32(0.5),
    },
    "fixed noise beside": lambda state: {"netG": state, "fixed_noise": torch.zeros(64, 10, 1, 1)},
    "module.": lambda state: prefixed(state, "module."),
    "_orig_mod.module.": lambda state: prefixed(state, "_orig_mod.module."),
    "generator.": lambda state: prefixed(state, "generator."),
    "netG.module.": lambda state: prefixed(state, "netG.module."),
    "state_dict of generator.module._orig_mod.": lambda state: {
        "state_dict": prefixed(state, "generator.module._orig_mod.")
    },
    "Lightning with a loss network": lambda state: {
        "state_dict": prefixed(state, "generator.") | {"loss_fn.vgg.weight": torch.zeros(3)},
        "hyper_parameters": {"lr": 1},
    },
}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_unwrapping(tmp_path, wrap, old):
    state = state_of()
    found = recognise(saved(tmp_path / "x.pth", wrap(state), old=old))
    assert same(found.states["generator"], state)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt", ".anything"])
def test_the_name_does_not_matter(tmp_path, suffix):
    assert recognise(saved(tmp_path / f"x{suffix}", state_of())).family == "dcgan"


def test_safetensors(tmp_path):
    from safetensors.torch import save_file

    state = state_of()
    save_file(prefixed(state, "generator."), tmp_path / "x.safetensors")
    assert same(recognise(tmp_path / "x.safetensors").states["generator"], state)


@pytest.mark.parametrize(
    ("raw", "ema"),
    [("g", "g_ema"), ("params", "params_ema"), ("netG", "netG_ema"), ("model", "ema"), ("state_dict", "ema_model")],
)
def test_the_moving_average_is_taken(tmp_path, raw, ema):
    bundle = {raw: state_of(1), ema: state_of(2), "optimizer": {}}
    found = recognise(saved(tmp_path / "x.pt", bundle))
    assert same(found.states["generator"], state_of(2))
    assert any(f"moving average, {ema}" in note for note in found.notes)


def test_the_moving_average_among_prefixes(tmp_path):
    bundle = prefixed(state_of(1), "generator.") | prefixed(state_of(2), "generator_ema.")
    found = recognise(saved(tmp_path / "x.pt", {"state_dict": bundle}))
    assert same(found.states["generator"], state_of(2))


def test_a_wrapped_moving_average(tmp_path):
    bundle = {"netG": state_of(1), "ema": {"decay": 0.999, "shadow": state_of(2)}}
    found = recognise(saved(tmp_path / "x.pt", bundle))
    assert same(found.states["generator"], state_of(2))


def test_generator_and_discriminator_in_one_file(tmp_path):
    judge = Named("main", trained(dcgan_discriminator(4, 3, 3))).state_dict()
    for name, bundle in (
        ("nested", {"netG": state_of(), "netD": judge, "optimizerD": {"state": {}, "param_groups": []}}),
        ("prefixes", {"state_dict": prefixed(state_of(), "netG.") | prefixed(judge, "netD.")}),
    ):
        found = recognise(saved(tmp_path / f"{name}.pt", bundle))
        assert same(found.states["generator"], state_of())
        assert same(found.states["discriminator"], judge)


def test_names_of_several_networks_are_kept(tmp_path):
    """They are all that tells their roles."""
    path = saved(tmp_path / "all.pt", {"G_A": state_of(1), "G_B": state_of(2)})
    assert [given.name for given in read_states(path)] == ["all.G_A", "all.G_B"]
    refused(path, "holds 2 generators: all.G_A, all.G_B. Nothing was imported. Name one file.")


def test_a_dictionary_that_holds_itself(tmp_path):
    bundle: dict[str, object] = {"state_dict": state_of()}
    bundle["again"] = bundle
    assert recognise(saved(tmp_path / "x.pt", bundle)).family == "dcgan"


# Folders.


def names(folder: Path, *files: str) -> list[str]:
    for file in files:
        (folder / file).touch()
    return sorted(path.name for path in newest(folder)[0])


def test_the_newest_epoch_of_a_folder(tmp_path):
    files = ["5_net_G_A.pth", "5_net_G_B.pth", "10_net_G_A.pth", "10_net_G_B.pth", "loss_log.txt"]
    assert names(tmp_path, *files) == ["10_net_G_A.pth", "10_net_G_B.pth"]
    assert names(tmp_path, "latest_net_G_A.pth", "latest_net_G_B.pth") == ["latest_net_G_A.pth", "latest_net_G_B.pth"]


def test_training_states_in_a_folder_are_passed_over(tmp_path):
    assert names(tmp_path, "model.safetensors", "pytorch_model.bin", "optimizer.pt", "training_args.bin") == [
        "model.safetensors"
    ]


def test_epochs_behind_the_name(tmp_path):
    assert names(tmp_path, "G_AB_9.pth", "G_BA_9.pth", "G_AB_10.pth", "G_BA_10.pth") == ["G_AB_10.pth", "G_BA_10.pth"]


def test_a_folder_without_weights(tmp_path):
    refused(tmp_path, "holds no file of weights")


def test_a_damaged_file_beside_good_ones_is_named(tmp_path):
    saved(tmp_path / "netG.pth", state_of())
    (tmp_path / "netD.pth").write_bytes(b"PK\x03\x04 torn")
    found = recognise(tmp_path)
    assert any("netD.pth is damaged" in note for note in found.notes)


# Hostile.


class Attack:
    """Its pickle calls os.system when it is opened."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle", "inside a bundle"])
def test_a_pickle_that_wants_to_run_code_does_not(tmp_path, form):
    witness = tmp_path / "ran"
    attack = Attack(f"touch {witness}")
    path = tmp_path / "netG.pth"
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(attack, protocol=2))
    else:
        saved(
            path,
            {"state_dict": state_of(), "extra": attack} if form == "inside a bundle" else attack,
            old=form == "legacy",
        )
    told = refused(path, "wants to run code")
    assert "system" in told
    assert "nothing was run or imported" in told
    assert not witness.exists()
    # The attack is real: a reader without care is caught.
    if form == "plain pickle":
        pickle.loads(path.read_bytes())
        assert witness.exists()


def test_a_plain_pickle_of_a_newer_protocol(tmp_path):
    witness = tmp_path / "ran"
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Attack(f"touch {witness}"), protocol=5))
    refused(tmp_path / "x.pkl", "nothing of it was run or imported|wants to run code")
    assert not witness.exists()


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
def test_a_whole_pickled_network_says_how_to_save_weights(tmp_path, old):
    told = refused(saved(tmp_path / "x.pth", dcgan(4, 4, 3, 3), old=old), "holds a whole pickled network")
    assert "torch.save(network.state_dict(), 'weights.pth')" in told


def test_torchscript(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as file:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            file.writestr(f"x/{name}", b"")
    refused(tmp_path / "x.pt", "is a TorchScript program")


def test_an_object_of_a_class_that_is_not_here(tmp_path):
    told = refused(saved(tmp_path / "y.pth", {"state_dict": state_of(), "part": Fraction(1, 3)}), "fractions.Fraction")
    assert "an object of the class" in told
    assert "torch.save(network.state_dict()" in told


def test_values_beside_the_weights_are_never_built(tmp_path):
    """An object array out of forged bytes would be a pointer into nowhere."""
    beside = {"array": np.arange(3), "objects": np.array([None, "x"], object), "score": np.float32(1)}
    value = read_file(saved(tmp_path / "x.pth", {"state_dict": state_of(), **beside}))
    assert not any(isinstance(value[name], np.ndarray | np.generic) for name in beside)


# Damaged, and something else.


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_cut_off_files(tmp_path, share, old):
    path = saved(tmp_path / "x.pth", state_of(), old=old)
    content = path.read_bytes()
    path.write_bytes(content[: max(1, int(len(content) * share))])
    refused(path, "is damaged or cut off|is not a file of weights")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"hello, these are no weights\n", "is not a file of weights, whatever its name says"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "pointer of git-lfs.*git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 file, as Keras writes it"),
        (b"\x1f\x8b\x08\x00", "packed with gzip"),
        (b"\x80\x02.", "is damaged or cut off|is not a file of weights|did not write"),
        (bytes(range(7, 207)), "is not a file of weights|damaged"),
    ],
)
def test_something_else_under_the_name_of_weights(tmp_path, content, sentence):
    (tmp_path / "x.pth").write_bytes(content)
    refused(tmp_path / "x.pth", sentence)


def test_a_file_that_is_not_there(tmp_path):
    refused(tmp_path / "x.pth", "cannot be read")


def test_a_file_without_weights(tmp_path):
    refused(saved(tmp_path / "x.pth", {"epoch": 3, "lr": [1, 2]}), "holds no weights of a network")


def test_an_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        file.writestr("photo.png", b"pixels")
    refused(tmp_path / "x.pth", "zip archive without weights")


def test_weights_that_were_packed_again(tmp_path):
    """Unpacked and zipped by hand: compressed entries cannot be memory-mapped, but read."""
    path = saved(tmp_path / "x.pth", state_of())
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert same(recognise(tmp_path / "y.pth").states["generator"], state_of())


def test_absurdly_large_files_are_not_opened(tmp_path):
    with (tmp_path / "x.pth").open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate(9 * 10**9)  # A hole: it takes no space on the disk.
    refused(tmp_path / "x.pth", "has 9 GB; at most 8 are read")


def test_parameters_and_numbered_tensors(tmp_path):
    """A dictionary of parameters, as named_parameters gives it, still asks for gradients."""
    state = {
        key: torch.nn.Parameter(value) if value.is_floating_point() else value for key, value in state_of().items()
    }
    found = recognise(saved(tmp_path / "x.pth", {"state_dict": state}))
    assert not any(value.requires_grad for value in found.states["generator"].values())
    refused(saved(tmp_path / "y.pth", {**state_of(), 0: torch.zeros(3)}), "unknown 0")


def test_a_setting_beside_the_weights_does_not_hide_them(tmp_path):
    bundle = {**state_of(), "settings": {"mean": torch.zeros(3)}}
    assert same(recognise(saved(tmp_path / "x.pth", bundle)).states["generator"], state_of())


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.pth")
    refused(tmp_path / "x.pth", "is not a file")


def test_a_zip_bomb_is_judged_by_its_table(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x/data.pkl", b"\0" * 50_000_000)
    refused(tmp_path / "x.pth", "claims 1 entries of 50 MB together.*It was not unpacked")


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
def test_tensors_that_claim_more_than_their_file_holds(tmp_path, old):
    """A single number, stretched to a terabyte by its strides."""
    state = state_of()
    state["main.0.weight"] = torch.zeros(1).expand(500_000, 500_000)
    refused(saved(tmp_path / "x.pth", state, old=old), "claims 1000000 MB of weights")


def test_safetensors_with_absurd_claims(tmp_path):
    header = json.dumps({"w": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    refused(tmp_path / "x.safetensors", "is damaged or cut off")
    (tmp_path / "y.safetensors").write_bytes(struct.pack("<Q", 10**15) + header)
    refused(tmp_path / "y.safetensors", "is not a file of weights")


def test_the_length_of_a_header_may_look_like_something_else(tmp_path):
    """A header of 316 bytes begins with the byte of "<", which made a web page of it."""
    from safetensors.torch import save

    content = save(state_of())
    length = int.from_bytes(content[:8], "little")
    for wanted in (length // 256 * 256 + 256 + ord("<"), length // 256 * 256 + 512 + 0x80):
        padded = (
            wanted.to_bytes(8, "little") + content[8 : 8 + length] + b" " * (wanted - length) + content[8 + length :]
        )
        (tmp_path / "x.safetensors").write_bytes(padded)
        assert same(recognise(tmp_path / "x.safetensors").states["generator"], state_of())


@pytest.mark.parametrize("kind", ["sparse", "complex"])
def test_tensors_of_other_kinds(tmp_path, kind):
    odd = torch.eye(3).to_sparse() if kind == "sparse" else torch.zeros(3, dtype=torch.complex64)
    refused(saved(tmp_path / "x.pth", state_of() | {"main.9.weight": odd}), "of a kind that no network here has")


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes_never_crash(tmp_path, seed):
    """Whatever stands there, it is an error for people or a fit."""
    draws = np.random.default_rng(seed)
    path = saved(tmp_path / "x.pth", state_of(), old=bool(seed % 2))
    content = bytearray(path.read_bytes())
    for place in draws.integers(0, min(len(content), 3000), 40):
        content[place] = int(draws.integers(256))
    path.write_bytes(content)
    with suppress(CheckpointError):
        recognise(path)


def test_different_models_in_one_folder_are_not_epochs_of_one(tmp_path: Path) -> None:
    for name in ("netG_epoch_23", "netG_epoch_24", "latest_net_G_A"):
        torch.save({"main.0.weight": torch.zeros(4, 4, 4, 4)}, tmp_path / f"{name}.pth")
    with pytest.raises(CheckpointError, match=r"different models: netG_epoch_2\d.pth.* beside latest_net_G_A.pth"):
        read_states(tmp_path)


def test_what_is_passed_over_is_named_without_its_path(tmp_path: Path) -> None:
    torch.save({"main.0.weight": torch.zeros(4, 4, 4, 4)}, tmp_path / "netG.pth")
    (tmp_path / "torn.pth").write_bytes(b"PK\x03\x04 torn")
    (given,) = read_states(tmp_path)
    assert given.notes[-1].startswith("Passed over: torn.pth ")
    assert str(tmp_path) not in " ".join(given.notes)
