"""Files that want to run code, fill the memory or hang the reader, and damaged ones: refused in a sentence."""

import json
import os
import pickle
import struct
import zipfile
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
import torch

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from gan_core.interop.read import read_file
from tests.interop.dcgans import dcgan
from tests.interop.states import refused, saved, state_of

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


def test_absurdly_large_files_are_not_opened(tmp_path):
    with (tmp_path / "x.pth").open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate(9 * 10**9)  # A hole: it takes no space on the disk.
    refused(tmp_path / "x.pth", "has 9 GB; at most 8 are read")


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
