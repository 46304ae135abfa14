"""junyanz', PyTorch-GAN's and UPIT's ResNet generators: recognised from keys and shapes, painting what they painted."""

import pytest
import torch
from torch import nn

from gan_core.errors import CheckpointError
from gan_core.interop import Found, recognise
from tests.interop.translators import (
    imported,
    named,
    patch_discriminator,
    pictures,
    pytorch_gan,
    resnet,
    same,
    saved,
)
from tests.models.test_dcgan import count

X = pictures(1, 3, 32, 40)


def told(found: Found) -> dict:
    """The constructor numbers that are not the defaults."""
    usual = {"channels": 3, "channels_b": None, "blocks": 9, "norm": "instance", "dropout": False, "padding": "reflect"}
    usual |= {"downsample": "strided", "upsample": "transposed", "global_skip": False}
    usual |= {"generator_features": 64, "discriminator_features": 64, "discriminator_layers": 3}
    return {key: value for key, value in found.network.items() if usual[key] != value}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"ngf": 8, "blocks": 9}, {"generator_features": 8}),
        ({"ngf": 5, "blocks": 6}, {"generator_features": 5, "blocks": 6}),
        ({"ngf": 4, "blocks": 1}, {"generator_features": 4, "blocks": 1}),
        ({"ngf": 6, "blocks": 6, "dropout": True}, {"generator_features": 6, "blocks": 6, "dropout": True}),
        ({"ngf": 6, "blocks": 9, "norm": "batch"}, {"generator_features": 6, "norm": "batch"}),
        (
            {"ngf": 4, "blocks": 2, "norm": "batch", "dropout": True},
            {"generator_features": 4, "blocks": 2, "norm": "batch", "dropout": True},
        ),
        ({"ngf": 4, "blocks": 3, "norm": "none"}, {"generator_features": 4, "blocks": 3, "norm": "none"}),
        ({"ngf": 4, "blocks": 2, "padding": "zero"}, {"generator_features": 4, "blocks": 2, "padding": "zero"}),
        (
            {"ngf": 4, "blocks": 2, "padding": "zero", "dropout": True, "norm": "batch"},
            {"generator_features": 4, "blocks": 2, "padding": "zero", "dropout": True, "norm": "batch"},
        ),
        ({"ngf": 4, "blocks": 2, "up": "nested"}, {"generator_features": 4, "blocks": 2, "upsample": "resize"}),
        (
            {"ngf": 4, "blocks": 2, "up": "apart", "norm": "batch"},
            {"generator_features": 4, "blocks": 2, "upsample": "resize", "norm": "batch"},
        ),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if "ngf" in value else "",
)
def test_every_option_that_changes_keys(tmp_path, options, numbers):
    reference = resnet(**options)
    found = imported(named(reference), tmp_path / "latest_net_G_A.pth")
    assert found.family == "cyclegan"
    assert told(found) == numbers
    assert found.directions == ("ab",)
    assert set(found.states) == {"generator_ab"}
    same(found, "generator_ab", reference, X)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (4, 4), (1, 3), (3, 1)])
def test_channels_in_and_out(tmp_path, inputs, outputs):
    reference = resnet(4, 1, inputs=inputs, outputs=outputs)
    found = imported(named(reference), tmp_path / "latest_net_G.pth")
    assert found.network["channels"] == inputs
    assert found.network["channels_b"] == (None if inputs == outputs else outputs)
    same(found, "generator_ab", reference, pictures(1, inputs, 16, 20))


def test_colour_channels_that_are_no_picture_are_refused(tmp_path):
    """junyanz' colorization goes from lightness to the two colour channels of Lab."""
    path = saved(named(resnet(4, 1, inputs=1, outputs=2)), tmp_path / "latest_net_G.pth")
    with pytest.raises(CheckpointError, match="channels is 2; it must be 1, 3 or 4"):
        recognise(path)


@pytest.mark.parametrize(
    ("options", "keys", "parameters", "dialect"),
    [
        ({"blocks": 9}, 48, 11_378_179, "junyanz CycleGAN (ResNet, 9 blocks)"),
        ({"blocks": 6}, 36, 7_837_699, "junyanz CycleGAN (ResNet, 6 blocks)"),
        ({"blocks": 9, "norm": "batch"}, 140, 11_383_427, "junyanz CycleGAN (ResNet, 9 blocks, batch norm)"),
    ],
)
def test_published_sizes(tmp_path, options, keys, parameters, dialect):
    reference = resnet(64, **options)
    assert len(reference.state_dict()) == keys
    assert count(reference) == parameters
    state = {f"model.{key}": value.half() if value.ndim else value for key, value in reference.state_dict().items()}
    found = imported(state, tmp_path / "latest_net_G_A.pth")
    assert found.dialect == dialect
    assert told(found) == {key: value for key, value in options.items() if (key, value) != ("blocks", 9)}
    learned = [key for key in found.states["generator_ab"] if key.endswith((".weight", ".bias"))]
    assert sum(found.states["generator_ab"][key].numel() for key in learned) == parameters


@pytest.mark.parametrize("blocks", [9, 2])
def test_statistics_of_instance_norm_in_old_files_are_dropped(tmp_path, blocks):
    """Up to 2018 files carried running statistics; a network that uses them paints another picture."""
    reference = resnet(4, blocks)
    old = {}
    for key, value in named(reference).items():
        old[key] = value
        if key.endswith(".bias") and not key.startswith(f"model.{17 + blocks}."):
            layer, _, index = key.removesuffix(".bias").rpartition(".")
            norm = f"{layer}.{int(index) + 1}"
            old |= {f"{norm}.running_mean": torch.randn_like(value), f"{norm}.running_var": torch.rand_like(value)}
            old |= {f"{norm}.num_batches_tracked": torch.tensor(7)} if blocks == 2 else {}
    assert any("conv_block.6.running_var" in key for key in old)
    found = imported(old, tmp_path / "horse2zebra.pth")
    assert told(found) == {"generator_features": 4} | ({"blocks": 2} if blocks == 2 else {})
    assert any("statistics of instance norm" in note for note in found.notes)
    same(found, "generator_ab", reference, X)


def test_batch_norm_of_pytorch_0_3_has_no_counters(tmp_path):
    reference = resnet(4, 2, norm="batch")
    state = {key: value for key, value in named(reference).items() if "num_batches_tracked" not in key}
    same(imported(state, tmp_path / "latest_net_G_A.pth"), "generator_ab", reference, X)


@pytest.mark.parametrize(
    "options", [{}, {"dropout": True, "padding": "zero"}, {"blur_down": True, "up": "blur"}, {"up": "apart"}]
)
def test_biases_before_batch_norm_are_taken_up_by_it(tmp_path, options):
    """The first versions of the code gave every convolution a bias, whatever norm came behind it."""
    reference = resnet(4, 2, norm="batch", bias=True, **options)
    state = named(reference)
    assert {"model.1.bias", "model.4.bias"} < set(state)
    found = imported(state, tmp_path / "latest_net_G_A.pth")
    assert found.network["norm"] == "batch"
    assert any("Biases before batch norm" in note for note in found.notes)
    same(found, "generator_ab", reference, X)


@pytest.mark.parametrize("blocks", [9, 6])
@pytest.mark.parametrize("name", ["G_AB_190", "generator"])
def test_pytorch_gan(tmp_path, blocks, name):
    reference = pytorch_gan(4, blocks)
    state = named(reference)
    ups = {9: (20, 24, 28), 6: (17, 21, 25)}[blocks]
    assert all(f"model.{index}.weight" in state for index in (1, 4, 7, *ups))
    found = imported(state, tmp_path / f"{name}.pth")
    assert found.dialect == f"PyTorch-GAN CycleGAN (ResNet, {blocks} blocks)"
    assert found.network["upsample"] == "resize"
    assert found.directions == ("ab",)
    same(found, "generator_ab", reference, X)


def test_what_a_finished_network_leaves_out_is_said(tmp_path):
    """Eval mode is not what the authors' test command shows of networks with batch norm or dropout."""
    quiet = imported(named(resnet(4, 1)), tmp_path / "a.pth").notes
    loud = imported(named(resnet(4, 1, norm="batch", dropout=True)), tmp_path / "b.pth").notes
    assert not any("--eval" in note for note in quiet)
    assert any("with the running averages of batch norm and without dropout" in note for note in loud)


def test_pytorch_gan_size():
    assert count(pytorch_gan(64, 9)) == 11_378_179


def test_pytorch_gan_in_grey_changes_the_size_and_is_refused(tmp_path):
    path = saved(named(pytorch_gan(4, 1, channels=1)), tmp_path / "G_AB_1.pth")
    with pytest.raises(CheckpointError, match="pads by as many pixels as there are channels"):
        recognise(path)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes(tmp_path, prefix):
    reference = resnet(4, 2)
    state = {prefix + key: value for key, value in named(reference).items()}
    same(imported(state, tmp_path / "latest_net_G_A.pth"), "generator_ab", reference, X)


def test_a_bundle_of_everything(tmp_path):
    """One file with everything, as many re-implementations save it."""
    one, other = resnet(4, 2), resnet(4, 2)
    states = {"netG_A2B": named(one), "netG_B2A": {key: -value for key, value in named(other).items()}}
    judges = {
        "netD_A": named(patch_discriminator(4)),
        "netD_B": {k: 2 * v for k, v in named(patch_discriminator(4)).items()},
    }
    optimizer = torch.optim.Adam(one.parameters()).state_dict()
    found = imported({**states, **judges, "optimizer_G": optimizer, "epoch": 3}, tmp_path / "last.ckpt")
    assert set(found.states) == {"generator_ab", "generator_ba", "discriminator_a", "discriminator_b"}
    assert torch.equal(found.states["generator_ba"]["model.1.bias"], states["netG_B2A"]["model.1.bias"])
    assert torch.equal(found.states["discriminator_b"]["model.0.bias"], judges["netD_B"]["model.0.bias"])
    same(found, "generator_ab", one, X)


# Files that nearly fit.


def test_a_missing_layer_is_named(tmp_path):
    state = named(resnet(4, 3))
    del state["model.11.conv_block.5.weight"]
    with pytest.raises(CheckpointError, match=r"junyanz CycleGAN.*missing model\.11\.conv_block\.5\.weight"):
        recognise(saved(state, tmp_path / "latest_net_G_A.pth"))


def test_a_layer_too_many_is_named(tmp_path):
    state = {**named(resnet(4, 3)), "model.24.weight": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"unknown model\.24\.weight"):
        recognise(saved(state, tmp_path / "latest_net_G_A.pth"))


def test_a_wrong_shape_is_named(tmp_path):
    state = {**named(resnet(4, 3)), "model.7.weight": torch.zeros(16, 8, 5, 5)}
    with pytest.raises(CheckpointError, match=r"wrong shape model\.7\.weight \(16, 8, 5, 5\)"):
        recognise(saved(state, tmp_path / "latest_net_G_A.pth"))


def test_learned_scales_of_instance_norm_are_named(tmp_path):
    reference = resnet(4, 1)
    for index in (2, 5, 8, 12, 15):
        reference[index] = nn.InstanceNorm2d(reference[index].num_features, affine=True)
    with pytest.raises(CheckpointError, match="instance norm with learned scales"):
        recognise(saved(named(reference), tmp_path / "latest_net_G_A.pth"))


def test_gaps_between_blocks_are_no_crash(tmp_path):
    state = {key.replace("model.11.", "model.4000000000."): value for key, value in named(resnet(4, 3)).items()}
    with pytest.raises(CheckpointError, match="Nothing was imported"):
        recognise(saved(state, tmp_path / "latest_net_G_A.pth"))
