"""Files of weights from strangers, wrapped in every way people wrap them, and folders of them."""

import argparse
import zipfile
from collections import OrderedDict
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from gan_core.interop.bundle import newest, read_states
from tests.interop.dcgans import Named, dcgan_discriminator, trained
from tests.interop.states import State, refused, saved, state_of


def prefixed(state: State, prefix: str) -> State:
    return OrderedDict((prefix + key, value) for key, value in state.items())


def same(found: State, wanted: State) -> bool:
    return list(found) == list(wanted) and all(torch.equal(found[key], wanted[key]) for key in wanted)


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


# Odd, and read all the same.


def test_weights_that_were_packed_again(tmp_path):
    """Unpacked and zipped by hand: compressed entries cannot be memory-mapped, but read."""
    path = saved(tmp_path / "x.pth", state_of())
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert same(recognise(tmp_path / "y.pth").states["generator"], state_of())


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
