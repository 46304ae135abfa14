"""junyanz' U-Net: number of halvings, norm and biases from keys, pictures to the last digit."""

import pytest
import torch

from gan_core.errors import CheckpointError
from gan_core.interop import recognise
from gan_core.interop.dialect import fit
from gan_core.interop.unet import propose
from tests.interop.translators import imported, named, patch_discriminator, pictures, same, saved, unet
from tests.models.test_dcgan import count, under


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("downs", [5, 7])
def test_norms_and_depths(tmp_path, downs, norm):
    reference = unet(4, downs, norm=norm, dropout=norm == "batch")
    found = imported(named(reference), tmp_path / "latest_net_G.pth")
    assert found.family == "pix2pix"
    assert found.directions == ("ab",)
    assert set(found.states) == {"generator_ab"}
    numbers = {key: found.network[key] for key in ("generator_features", "halvings", "norm", "bias", "channels_b")}
    assert numbers == {"generator_features": 4, "halvings": downs, "norm": norm, "bias": None, "channels_b": None}
    assert any("--eval" in note for note in found.notes)
    same(found, "generator_ab", reference, pictures(1, 3, 2**downs, 2 * 2**downs))


@pytest.mark.parametrize("downs", [6, 8, 9])
def test_the_other_depths(tmp_path, downs):
    reference = unet(1, downs)
    found = imported(named(reference), tmp_path / "latest_net_G.pth")
    assert found.dialect == f"junyanz pix2pix (U-Net, {downs} halvings, batch norm)"
    same(found, "generator_ab", reference, pictures(1, 3, 2**downs, 2**downs))


def test_early_files_have_biases_beside_batch_norm(tmp_path):
    reference = unet(4, 5, bias=True)
    found = imported(named(reference), tmp_path / "latest_net_G.pth")
    assert found.network["bias"] is True
    same(found, "generator_ab", reference, pictures(1, 3, 32, 32))


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (1, 3), (3, 1), (4, 3)])
def test_channels_in_and_out(tmp_path, inputs, outputs):
    reference = unet(2, 5, inputs=inputs, outputs=outputs)
    found = imported(named(reference), tmp_path / "latest_net_G.pth")
    assert (found.network["channels"], found.network["channels_b"]) == (inputs, None if inputs == outputs else outputs)
    same(found, "generator_ab", reference, pictures(1, inputs, 32, 64))


@pytest.mark.parametrize(
    ("downs", "norm", "keys", "parameters"),
    [(8, "batch", 82, 54_413_955), (8, "instance", 32, 54_409_603), (7, "batch", 70, 41_828_995)],
)
def test_published_sizes(downs, norm, keys, parameters):
    """Shapes alone, without memory: the full networks fit to the last key."""
    with torch.device("meta"):
        reference = unet(64, downs, norm=norm, dropout=True)
    state = under("model", reference)
    assert len(state) == keys
    assert count(reference) == parameters
    assert state["model.model.0.weight"].shape == (64, 3, 4, 4)
    proposal = propose(state)
    assert fit(state, proposal).count == 0
    assert len(proposal.keys) == keys
    assert (proposal.network["halvings"], proposal.network["norm"]) == (downs, norm)


def test_statistics_of_instance_norm_in_old_files_are_dropped(tmp_path):
    reference = unet(4, 5, norm="instance")
    state = named(reference)
    old = dict(state)
    for level in ("model.model.1.model", "model.model.1.model.3.model"):
        width = state[f"{level}.1.weight"].shape[0]
        old |= {f"{level}.2.running_mean": torch.randn(width), f"{level}.2.running_var": torch.rand(width)}
        old |= {f"{level}.2.num_batches_tracked": torch.tensor(3)}
    found = imported(old, tmp_path / "latest_net_G.pth")
    assert found.network["norm"] == "instance"
    assert any("statistics of instance norm" in note for note in found.notes)
    same(found, "generator_ab", reference, pictures(1, 3, 32, 32))


def test_the_discriminator_of_pairs_stays_behind(tmp_path):
    """pix2pix judges input and result together, six channels; nothing here could use that."""
    folder = tmp_path / "facades_label2photo_pretrained"
    reference = unet(2, 5)
    saved(named(reference), folder / "latest_net_G.pth")
    saved(named(patch_discriminator(4, channels=6, norm="batch")), folder / "latest_net_D.pth")
    found = recognise(folder)
    assert set(found.states) == {"generator_ab"}
    assert found.domains == {"a": "label map", "b": "photograph"}
    assert any("latest_net_D" in note for note in found.notes)


def test_a_cyclegan_with_u_nets_goes_both_ways(tmp_path):
    saved(named(unet(2, 5, norm="instance", inputs=3, outputs=1)), tmp_path / "c" / "latest_net_G_A.pth")
    saved(named(unet(2, 5, norm="instance", inputs=1, outputs=3)), tmp_path / "c" / "latest_net_G_B.pth")
    found = recognise(tmp_path / "c")
    assert found.family == "pix2pix"
    assert found.directions == ("ab", "ba")
    assert (found.network["channels"], found.network["channels_b"]) == (3, 1)
    for name, inputs, outputs in (("generator_ab", 3, 1), ("generator_ba", 1, 3)):
        reference = unet(2, 5, norm="instance", inputs=inputs, outputs=outputs)
        named(reference)
        same(found, name, reference, pictures(1, inputs, 32, 32))


def test_a_missing_level_is_named(tmp_path):
    state = named(unet(2, 6))
    del state["model.model.1.model.3.model.5.weight"]
    with pytest.raises(
        CheckpointError, match=r"pix2pix \(U-Net, 6.*missing model\.model\.1\.model\.3\.model\.5\.weight"
    ):
        recognise(saved(state, tmp_path / "latest_net_G.pth"))


def test_too_many_levels_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="halvings is 10; it must be a whole number from 5 to 9"):
        recognise(saved(named(unet(1, 10)), tmp_path / "latest_net_G.pth"))
