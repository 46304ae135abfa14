"""CUT's generators, with blurs before halving and after doubling: recognised by their `.filt` buffers."""

import pytest
import torch

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from tests.interop.translators import Down, Up, imported, named, patch_discriminator, pictures, resnet, same, saved

X = pictures(1, 3, 32, 40)


def blurred(network):
    """A CUT generator's state: random weights, and the fixed kernels as they are."""
    state = named(network)
    for index, layer in enumerate(network):
        if isinstance(layer, Down | Up):
            layer.filt.copy_(type(layer)(len(layer.filt)).filt)
            state[f"model.{index}.filt"] = layer.filt.clone()
    return state


@pytest.mark.parametrize(
    ("blur_down", "up", "filters", "last"),
    [
        (True, "blur", ("7", "11", "21", "25"), 30),
        (False, "blur", ("19", "23"), 28),  # --no_antialias
        (True, "transposed", ("7", "11"), 28),  # --no_antialias_up
    ],
)
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_every_kind_of_blur(tmp_path, blur_down, up, filters, last, norm):
    reference = resnet(4, 9, norm=norm, blur_down=blur_down, up=up)
    state = blurred(reference)
    assert {key for key in state if key.endswith(".filt")} == {f"model.{index}.filt" for index in filters}
    assert f"model.{last}.weight" in state
    found = imported(state, tmp_path / "latest_net_G.pth")
    assert found.dialect.startswith("CUT (ResNet, 9 blocks")
    assert found.family == "cyclegan"
    assert found.network["downsample"] == ("blur" if blur_down else "strided")
    assert found.network["upsample"] == up
    assert found.network["norm"] == norm
    assert found.directions == ("ab",)
    same(found, "generator_ab", reference, X)


@pytest.mark.parametrize(("blocks", "dropout"), [(6, False), (4, True)])
def test_other_sizes(tmp_path, blocks, dropout):
    reference = resnet(6, blocks, blur_down=True, up="blur", dropout=dropout)
    found = imported(blurred(reference), tmp_path / "latest_net_G.pth")
    assert (found.network["blocks"], found.network["dropout"]) == (blocks, dropout)
    same(found, "generator_ab", reference, pictures(2, 3, 16, 20))


def test_another_kernel_stays_what_the_file_says(tmp_path):
    """The kernels are read, not assumed: a file may have been trained with others of the same size."""
    reference = resnet(4, 1, blur_down=True, up="blur")
    found = imported(named(reference), tmp_path / "latest_net_G.pth")  # Random kernels.
    same(found, "generator_ab", reference, X)


def test_a_kernel_of_another_size_is_named(tmp_path):
    state = {**blurred(resnet(4, 1, blur_down=True, up="blur")), "model.7.filt": torch.ones(8, 1, 5, 5) / 25}
    with pytest.raises(CheckpointError, match=r"CUT.*model\.7\.filt \(8, 1, 5, 5\) instead of \(8, 1, 3, 3\)"):
        recognise(saved(state, tmp_path / "latest_net_G.pth"))


def test_a_checkpoints_folder(tmp_path):
    """CUT's folder: the generator, its projection heads, a blurred discriminator. The generator is what is used."""
    folder = tmp_path / "horse2zebra_cut_pretrained"
    reference = resnet(4, 2, blur_down=True, up="blur")
    saved(blurred(reference), folder / "latest_net_G.pth")
    saved({"mlp_0.0.weight": torch.randn(8, 3), "mlp_0.0.bias": torch.randn(8)}, folder / "latest_net_F.pth")
    judge = named(patch_discriminator(4))
    saved({**judge, "model.4.filt": torch.ones(8, 1, 3, 3)}, folder / "latest_net_D.pth")
    found = recognise(folder)
    assert set(found.states) == {"generator_ab"}
    assert found.domains == {"a": "horse", "b": "zebra"}
    assert any("latest_net_F" in note and "latest_net_D" in note for note in found.notes)
    same(found, "generator_ab", reference, X)


def test_a_plain_discriminator_comes_along(tmp_path):
    folder = tmp_path / "mine"
    saved(blurred(resnet(4, 2, up="blur")), folder / "30_net_G.pth")
    judge = named(patch_discriminator(8, layers=2))
    saved(judge, folder / "30_net_D.pth")
    found = recognise(folder)
    assert set(found.states) == {"generator_ab", "discriminator_b"}
    assert found.network["discriminator_features"] == 8
    assert found.network["discriminator_layers"] == 2
    assert torch.equal(found.states["discriminator_b"]["model.2.weight"], judge["model.2.weight"])
