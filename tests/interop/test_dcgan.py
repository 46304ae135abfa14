"""Every dialect of the DCGAN: the reference built by hand, saved as its project does, recognised, compared."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan_core.errors import CheckpointError
from gan_core.inference.directions import Staged
from gan_core.interop import Found, recognise
from gan_core.interop.dcgan import layout_of
from gan_core.models import get_networks
from tests.interop.dcgans import (
    Named,
    PyTorchGan,
    StudioGan,
    dcgan,
    dcgan_discriminator,
    stack,
    trained,
    without_counters,
)


def generator_of(found: Found) -> nn.Module:
    family = get_networks(found.family)
    network = family.build(family.Network(**found.network))["generator"]
    network.load_state_dict(found.states["generator"], strict=True)
    return network.eval()


@torch.inference_mode()
def apart(found: Found, reference: nn.Module, nz: int, *, flat: bool = False) -> float:
    """Largest difference of pictures that are not flat."""
    z = torch.randn(3, nz, generator=torch.Generator().manual_seed(7))
    wanted = reference(z if flat else z[:, :, None, None])
    assert 0.05 < wanted.std() < 0.9
    return float((generator_of(found)(z) - wanted).abs().max())


def saved(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize(
    ("layers", "nz", "ngf", "nc"), [(3, 7, 5, 1), (4, 100, 8, 3), (5, 64, 6, 4), (6, 10, 4, 3), (7, 10, 2, 1)]
)
def test_pytorch_examples_at_any_size_and_width(tmp_path, layers, nz, ngf, nc):
    reference = trained(dcgan(nz, ngf, nc, layers))
    found = recognise(saved(tmp_path / "netG_epoch_24.pth", Named("main", reference).state_dict()))
    assert found.family == "dcgan"
    assert found.dialect.startswith("pytorch/examples DCGAN")
    assert found.network["size"] == 4 * 2 ** (layers - 1)
    assert apart(found, reference, nz) < 1e-5


def test_the_published_example_has_the_published_numbers(tmp_path):
    reference = trained(dcgan())
    state = Named("main", reference).state_dict()
    assert len(state) == 25
    assert sum(value.numel() for value in reference.parameters()) == 3_576_704
    assert state["main.0.weight"].shape == (100, 512, 4, 4)
    found = recognise(saved(tmp_path / "netG.pth", state))
    assert found.network["generator_features"] == 64
    assert apart(found, reference, 100) < 1e-5


@pytest.mark.parametrize(
    ("name", "dialect"),
    [("model", "huggan DCGAN"), ("net", "DCGAN"), ("network", "DCGAN as in Gradio's guide"), ("anything", "DCGAN")],
)
def test_the_sequential_may_have_any_name(tmp_path, name, dialect):
    reference = trained(dcgan(12, 4, 3, 3))
    found = recognise(saved(tmp_path / "g.pt", Named(name, reference).state_dict()))
    assert found.dialect.startswith(dialect)
    assert apart(found, reference, 12) < 1e-5


def test_a_bare_sequential(tmp_path):
    reference = trained(dcgan(12, 4, 3, 3))
    assert apart(recognise(saved(tmp_path / "g.pth", reference.state_dict())), reference, 12) < 1e-5


def test_a_huggan_snapshot(tmp_path):
    """safetensors beside the older file of the same weights, and no config.json."""
    from safetensors.torch import save_file

    reference = trained(dcgan(100, 8, 3, 4))
    state = Named("model", reference).state_dict()
    saved(tmp_path / "pytorch_model.bin", {key: value * 2 for key, value in state.items()})
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "README.md").write_text("A model")
    found = recognise(tmp_path)
    assert [path.name for path in found.files] == ["model.safetensors"]
    assert apart(found, reference, 100) < 1e-5


def test_a_snapshot_with_the_older_file_alone(tmp_path):
    reference = trained(dcgan(100, 4, 3, 4))
    saved(tmp_path / "pytorch_model.bin", Named("model", reference).state_dict())
    assert apart(recognise(tmp_path), reference, 100) < 1e-5


def test_files_of_pytorch_0_3_have_no_counters(tmp_path):
    reference = trained(dcgan(12, 4, 3, 4))
    state = OrderedDict(without_counters(Named("main", reference).state_dict()))
    path = tmp_path / "netG.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert apart(recognise(path), reference, 12) < 1e-5


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_single(tmp_path, kind):
    reference = trained(dcgan(12, 4, 3, 3)).to(kind).float()
    found = recognise(
        saved(
            tmp_path / "g.pth",
            {k: v.to(kind) if v.is_floating_point() else v for k, v in Named("main", reference).state_dict().items()},
        )
    )
    assert {value.dtype for value in found.states["generator"].values()} == {torch.float32, torch.int64}
    assert apart(found, reference, 12) < 1e-5


@pytest.mark.parametrize(
    ("nz", "widths", "kernels", "strides", "paddings", "side"),
    [
        (100, [256, 128, 64, 4], [3, 3, 4, 4], [1, 2, 2, 2], [0, 1, 0, 1], 24),  # Gradio's guide.
        (64, [16, 8, 4, 1], [3, 4, 3, 4], [2, 1, 2, 2], [0, 0, 0, 0], 28),
        (50, [16, 8, 4, 1], [4, 3, 4, 4], [1, 2, 2, 2], [0, 1, 1, 1], 28),
        (20, [8, 4, 1], [7, 4, 4], [1, 2, 2], [0, 1, 1], 28),
        (20, [8, 3], [4, 4], [1, 2], [0, 1], 8),
        (20, [24, 10, 3], [4, 4, 4], [1, 2, 2], [0, 1, 1], 16),  # Widths that do not double.
        (20, [8, 4, 3], [4, 2, 6], [1, 2, 2], [0, 0, 2], 16),
    ],
)
def test_other_stacks(tmp_path, nz, widths, kernels, strides, paddings, side):
    reference = trained(stack(nz, widths, kernels, strides, paddings))
    assert reference(torch.zeros(1, nz, 1, 1)).shape == (1, widths[-1], side, side)
    found = recognise(saved(tmp_path / "generator.pth", Named("network", reference).state_dict()))
    assert found.family == "deconv"
    assert found.network["size"] == side
    assert any("Strides" in note for note in found.notes)
    assert apart(found, reference, nz) < 1e-5


def test_widths_with_a_ceiling_stay_a_dcgan(tmp_path):
    """Doubled up to 16 channels, as max_features does."""
    reference = trained(stack(9, [16, 16, 8, 4, 3], [4] * 5, [1, 2, 2, 2, 2], [0, 1, 1, 1, 1]))
    found = recognise(saved(tmp_path / "g.pth", Named("main", reference).state_dict()))
    assert (found.family, found.network["max_features"]) == ("dcgan", 16)
    assert apart(found, reference, 9) < 1e-5


def test_the_largest_usual_generator_is_a_dcgan():
    """256 px with 64 features has 2,048 channels at 4 px, above the most that is trained here by default."""
    from gan_core.interop.dcgan import propose

    with torch.device("meta"):
        state = Named("main", dcgan(100, 64, 3, 7)).state_dict()
    proposal = propose(state)
    assert proposal is not None
    assert (proposal.family, proposal.network["max_features"]) == ("dcgan", 2048)


def test_biases_are_taken_along(tmp_path):
    reference = trained(stack(10, [8, 4, 3], [4, 4, 4], [1, 2, 2], [0, 1, 1], bias=True))
    found = recognise(saved(tmp_path / "g.pth", Named("main", reference).state_dict()))
    assert (found.family, found.network["bias"], found.network["last_bias"]) == ("deconv", True, True)
    assert apart(found, reference, 10) < 1e-5
    assert not isinstance(generator_of(found), Staged)


def test_blocks_in_sequentials_of_their_own(tmp_path):
    """gen.0.0.weight, gen.0.1.weight: a Sequential of Sequentials."""
    flat = trained(stack(64, [16, 8, 4, 1], [3, 4, 3, 4], [2, 1, 2, 2], [0, 0, 0, 0]))
    nested = nn.Sequential(*(flat[start : start + 3] for start in range(0, 12, 3)))
    found = recognise(saved(tmp_path / "g.pth", Named("gen", nested).state_dict()))
    assert apart(found, flat, 64) < 1e-5


@pytest.mark.parametrize("kernels", [(4, 3, 3), (3, 5, 4), (4, 4, 5)])
def test_kernels_that_leave_a_choice_are_refused(tmp_path, kernels):
    assert layout_of(list(kernels)) is None
    network = stack(10, [8, 4, 3], list(kernels), [1, 2, 2], [0, 1, 1])
    path = saved(tmp_path / "g.pth", Named("main", network).state_dict())
    with pytest.raises(CheckpointError, match=r"strides and paddings cannot be told from kernels of \d, \d, \d px"):
        recognise(path)


def test_other_layers_between_are_refused(tmp_path):
    """A dropout, an upsampling: parameterless layers shift the indices, and which they were is not told."""
    layers = list(dcgan(10, 4, 3, 3))
    layers.insert(3, nn.Dropout2d())
    path = saved(tmp_path / "g.pth", Named("main", nn.Sequential(*layers)).state_dict())
    with pytest.raises(CheckpointError, match=r"between main\.0 and main\.4 lie other layers than batch norm and an"):
        recognise(path)


# PyTorch-GAN and StudioGAN.


@pytest.mark.parametrize(("size", "channels", "nz"), [(32, 1, 100), (64, 3, 20)])
def test_pytorch_gan(tmp_path, size, channels, nz):
    reference = trained(PyTorchGan(size, channels, nz))
    found = recognise(saved(tmp_path / "generator.pth", reference.state_dict()))
    assert (found.family, found.network["size"], found.network["channels"]) == ("upsample-dcgan", size, channels)
    assert apart(found, reference, nz, flat=True) < 1e-5


def test_the_epsilon_of_pytorch_gan_matters(tmp_path):
    """With the usual epsilon the same weights paint another picture: the test above would notice."""
    reference = trained(PyTorchGan())
    found = recognise(saved(tmp_path / "g.pth", reference.state_dict()))
    for layer in reference.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 1e-5
    assert apart(found, reference, 100, flat=True) > 1e-3


def test_studiogan(tmp_path):
    reference = trained(StudioGan(width=8))
    bundle = {"state_dict": reference.state_dict(), "optimizer": {"state": {}, "param_groups": []}, "step": 96_000}
    found = recognise(saved(tmp_path / "model=G-best-weights-step=96000.pth", bundle))
    assert (found.family, found.network["widths"]) == ("deep-conv", [64, 32, 16, 8])
    assert apart(found, reference, 128, flat=True) < 1e-5


def test_studiogan_with_spectral_norm(tmp_path):
    network = StudioGan(16, width=4, spectral=True).train()
    for _ in range(3):
        network(torch.randn(2, 16))  # The power iteration must have begun.
    reference = network.eval()
    found = recognise(saved(tmp_path / "g.pth", reference.state_dict()))
    assert any("spectral norm" in note for note in found.notes)
    z = torch.randn(3, 16)
    with torch.inference_mode():
        assert (generator_of(found)(z) - reference(z)).abs().max() < 1e-5


@pytest.mark.parametrize("keys", [["shared.weight"], ["blocks.0.0.bn0.gain.weight"]])
def test_studiogan_with_classes_is_refused_by_its_keys(tmp_path, keys):
    state = StudioGan(16, width=4).state_dict()
    state |= {key: torch.zeros(10, 4) for key in keys}
    with pytest.raises(CheckpointError, match=rf"StudioGAN deep_conv.*unknown {keys[0]}.*need classes") as raised:
        recognise(saved(tmp_path / "g.pth", state))
    assert "Nothing was imported" in str(raised.value)


# Discriminators.


def folder_of(tmp_path: Path, epochs: list[int], **judge: int) -> Path:
    for epoch in epochs:
        saved(tmp_path / f"netG_epoch_{epoch}.pth", Named("main", trained(dcgan(10, 4, 3, 4), epoch)).state_dict())
        network = trained(dcgan_discriminator(**{"ndf": 6, "nc": 3, "layers": 4, **judge}), epoch)
        saved(tmp_path / f"netD_epoch_{epoch}.pth", Named("main", network).state_dict())
    return tmp_path


def test_the_newest_pair_of_a_folder(tmp_path):
    folder = folder_of(tmp_path, [3, 10, 9])
    saved(folder / "netG_epoch_11.pth", {})  # Its discriminator was never written: a torn epoch.
    found = recognise(folder)
    assert sorted(path.name for path in found.files) == ["netD_epoch_10.pth", "netG_epoch_10.pth"]
    assert found.network["discriminator_features"] == 6
    assert any("Of 4 epochs" in note for note in found.notes)
    family = get_networks("dcgan")
    judge = family.build(family.Network(**found.network))["discriminator"]
    judge.load_state_dict(found.states["discriminator"], strict=True)
    reference = trained(dcgan_discriminator(6, 3, 4), 10)
    x = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert (judge.eval()(x).sigmoid() - reference(x).flatten()).abs().max() < 1e-5


def test_a_discriminator_of_another_size_is_left_out(tmp_path):
    found = recognise(folder_of(tmp_path, [1], layers=5))
    assert list(found.states) == ["generator"]
    assert any("netD_epoch_1 does not belong" in note for note in found.notes)


def test_a_discriminator_alone_draws_nothing(tmp_path):
    path = saved(tmp_path / "netD.pth", Named("main", dcgan_discriminator(8, 3, 5)).state_dict())
    with pytest.raises(CheckpointError, match=r"holds a discriminator alone .* which draws nothing"):
        recognise(path)


# What nearly fits.


def test_what_nearly_fits_is_refused_with_its_keys(tmp_path):
    state = Named("main", dcgan(10, 4, 3, 4)).state_dict()
    del state["main.4.weight"]
    state["main.0.extra"] = torch.zeros(2)
    state["main.1.running_mean"] = torch.zeros(3)
    with pytest.raises(CheckpointError) as raised:
        recognise(saved(tmp_path / "g.pth", state))
    told = str(raised.value)
    assert "nearly fits pytorch/examples DCGAN (32 x 32 px, RGB)" in told
    for key in ("missing main.4.weight", "unknown main.0.extra", "main.1.running_mean (3,) instead of (16,)"):
        assert key in told


def test_values_that_are_not_finite_are_refused(tmp_path):
    state = Named("main", dcgan(10, 4, 3, 3)).state_dict()
    state["main.3.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckpointError, match=r"not finite, in main\.3\.weight"):
        recognise(saved(tmp_path / "g.pth", state))


def test_whole_numbers_are_no_weights(tmp_path):
    state = Named("main", dcgan(10, 4, 3, 3)).state_dict()
    state["main.3.weight"] = state["main.3.weight"].to(torch.int8)
    with pytest.raises(CheckpointError, match=r"whole numbers in main\.3\.weight"):
        recognise(saved(tmp_path / "g.pth", state))


def test_a_stranger_is_refused_with_what_is_known(tmp_path):
    state = nn.TransformerEncoderLayer(8, 2).state_dict()
    with pytest.raises(CheckpointError, match=r"no architecture that is known here. It has \d+ entries: self_attn"):
        recognise(saved(tmp_path / "g.pth", state))


def test_two_channels_are_refused(tmp_path):
    path = saved(tmp_path / "g.pth", Named("main", dcgan(10, 4, 2, 3)).state_dict())
    with pytest.raises(CheckpointError, match="--channels is 2"):
        recognise(path)


def test_a_stack_of_doublings_offers_directions(tmp_path):
    """Widths that do not double are no `dcgan`, but sliders, mixing and the quick way work all the same."""
    from gan_core.inference.directions import principal, sefa
    from gan_core.inference.single import SinglePicture

    reference = trained(stack(20, [24, 10, 3], [4, 4, 4], [1, 2, 2], [0, 1, 1]))
    network = generator_of(recognise(saved(tmp_path / "g.pth", Named("main", reference).state_dict())))
    assert isinstance(network, Staged)
    assert len(sefa(network)) == 10
    assert principal(network, 500)
    z = torch.randn(1, 20)
    with torch.inference_mode():
        assert (SinglePicture(network)(z) - reference(z[:, :, None, None])).abs().max() < 1e-5
        assert network.first_layer().shape == (20, 24 * 16)
        weight, bias = network.first_stage()
        wanted = network.stages()[0](z[:, :, None, None]).flatten(1)
        features: Tensor = (z.double() @ weight + bias).relu()
        assert (features - wanted).abs().max() < 1e-5
