"""Which generator goes which way: the names of each project mean something else, and mistakes show only in pictures."""

import random

import pytest
import torch

from gan_core.errors import CheckpointError
from gan_core.interop import patch as patch_dialect
from gan_core.interop import recognise
from gan_core.interop import resnet as resnet_dialect
from gan_core.interop import unet as unet_dialect
from gan_core.interop.dialect import fit
from gan_core.interop.translators import turned
from tests.interop.translators import (
    imported,
    named,
    patch_discriminator,
    pictures,
    pytorch_gan,
    resnet,
    same,
    saved,
    unet,
)

X = pictures(1, 3, 16, 20)


def scaled(state: dict, factor: float) -> dict:
    """Another network's weights, told apart from the first by their size."""
    return {key: value * factor if value.is_floating_point() else value for key, value in state.items()}


def factor(state: dict, reference: dict) -> float:
    key = "model.1.weight" if "model.1.weight" in reference else "model.0.weight"
    return round((state[key].flatten()[0] / reference[key].flatten()[0]).item(), 3)


@pytest.fixture
def generator() -> dict:
    return named(resnet(4, 1))


@pytest.fixture
def judge() -> dict:
    return named(patch_discriminator(4, layers=1))


def test_junyanz_g_a_makes_b_and_d_a_judges_b(tmp_path, generator, judge):
    folder = tmp_path / "horse2zebra"
    for number, name in enumerate(("G_A", "G_B", "D_A", "D_B"), 1):
        saved(scaled(judge if "D" in name else generator, number), folder / f"latest_net_{name}.pth")
    found = recognise(folder)
    assert found.directions == ("ab", "ba")
    states = found.states
    assert factor(states["generator_ab"], generator) == 1
    assert factor(states["generator_ba"], generator) == 2
    assert factor(states["discriminator_b"], judge) == 3
    assert factor(states["discriminator_a"], judge) == 4
    assert found.network["discriminator_features"] == 4
    assert found.network["discriminator_layers"] == 1
    assert found.domains == {"a": "horse", "b": "zebra"}
    assert found.notes[0] == (
        "Direction ab, ba: latest_net_G_A makes B (zebra) from A (horse); "
        "latest_net_G_B makes A (horse) from B (zebra). "
        "If it is the other way round, import it with --direction ba."
    )


@pytest.mark.parametrize("names", [("G_AB", "G_BA", "D_A", "D_B"), ("netG_A2B", "netG_B2A", "netD_A", "netD_B")])
def test_pytorch_gan_and_aitorzip_name_both_ends_and_d_b_judges_b(tmp_path, generator, judge, names):
    for number, name in enumerate(names, 1):
        saved(scaled(judge if "D_" in name else generator, number), tmp_path / "saved_models" / f"{name}_190.pth")
    found = recognise(tmp_path / "saved_models")
    factors = {name: factor(state, generator if "gen" in name else judge) for name, state in found.states.items()}
    assert factors == {"generator_ab": 1, "generator_ba": 2, "discriminator_a": 3, "discriminator_b": 4}


def test_upit_g_b_makes_b(tmp_path):
    """UPIT saves one module of four bare sequences, in which G_B makes B."""
    one = resnet(4, 1)
    parts = {"G_A": named(one, ""), "G_B": scaled(named(one, ""), 2), "D_A": named(patch_discriminator(4), "")}
    state = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}
    found = imported(state, tmp_path / "horse2zebra_cyclegan" / "pytorch_model.bin")
    assert found.dialect == "UPIT CycleGAN (ResNet, 1 block)"
    assert factor(found.states["generator_ba"], named(one)) == 1
    assert factor(found.states["generator_ab"], named(one)) == 2
    assert "discriminator_a" in found.states
    assert "as UPIT names it (junyanz' names mean the opposite)" in found.notes[0]
    assert found.domains == {"a": "horse", "b": "zebra"}
    same(found, "generator_ba", one, X)


@pytest.mark.parametrize(
    ("file", "directions", "domains"),
    [
        ("latest_net_G.pth", ("ab",), None),
        ("latest_net_G_A.pth", ("ab",), None),
        ("latest_net_G_B.pth", ("ba",), None),
        ("G_BA_100.pth", ("ba",), None),
        ("netG_B2A.pth", ("ba",), None),
        ("genB2A.pt", ("ba",), None),
        ("G_AtoB.pth", ("ab",), None),
        ("G_XtoY.pth", ("ab",), None),
        ("G_YtoX.pkl", ("ba",), None),
        ("generator_ba.pth", ("ba",), None),
        ("horse2zebra.pth", ("ab",), {"a": "horse", "b": "zebra"}),
        ("zebra2horse.pth", ("ab",), {"a": "zebra", "b": "horse"}),
        ("style_monet.pth", ("ab",), {"a": "photograph", "b": "Monet painting"}),
        ("style_ukiyoe.pth", ("ab",), {"a": "photograph", "b": "ukiyo-e print"}),
        ("monet2photo.pth", ("ab",), {"a": "Monet painting", "b": "photograph"}),
        ("sat2map.pth", ("ab",), {"a": "satellite picture", "b": "map"}),
        ("summer2winter_yosemite.pth", ("ab",), {"a": "summer", "b": "winter"}),
        ("facades_photo2label.pth", ("ab",), {"a": "photograph", "b": "label map"}),
        ("iphone2dslr_flower.pth", ("ab",), {"a": "phone photograph", "b": "camera photograph"}),
        ("horse2zebra_pretrained/latest_net_G.pth", ("ab",), {"a": "horse", "b": "zebra"}),
        ("style_vangogh_pretrained/latest_net_G.pth", ("ab",), {"a": "photograph", "b": "Van Gogh painting"}),
        ("facades_pix2pix/latest_net_G.pth", ("ab",), None),
        ("style_transfer/latest_net_G.pth", ("ab",), None),
        ("pix2pix_edges2shoes/latest_net_G.pth", ("ab",), {"a": "outlines", "b": "shoes"}),
        ("model_ba12f3.pth", ("ab",), None),
        ("monet2photo/latest_net_G_B.pth", ("ba",), {"a": "Monet painting", "b": "photograph"}),
    ],
)
def test_a_single_file_is_a_single_direction(tmp_path, generator, file, directions, domains):
    found = imported(generator, tmp_path / "x" / file)
    assert found.directions == directions
    assert set(found.states) == {f"generator_{directions[0]}"}
    assert found.domains == domains
    assert found.notes[0].startswith(f"Direction {directions[0]}: ")
    assert found.notes[0].endswith(f"--direction {'ba' if directions == ('ab',) else 'ab'}.")


def test_the_note_says_where_the_direction_is_from(tmp_path, generator):
    assert imported(generator, tmp_path / "horse2zebra.pth").notes[0] == (
        "Direction ab: horse2zebra was taken for the way from A to B, from horse to zebra by its name. "
        "If it is the other way round, import it with --direction ba."
    )
    assert "as its name does not say which way" in imported(generator, tmp_path / "weights.pth").notes[0]


def test_two_published_files_of_opposite_names_are_a_pair(tmp_path, generator):
    saved(generator, tmp_path / "both" / "apple2orange.pth")
    saved(scaled(generator, 2), tmp_path / "both" / "orange2apple.pth")
    found = recognise(tmp_path / "both")
    assert found.directions == ("ab", "ba")
    assert found.domains == {"a": "apple", "b": "orange"}
    assert "orange2apple was taken for the way from B to A, from orange to apple by its name" in found.notes[0]
    assert factor(found.states["generator_ba"], generator) == 2


def test_the_newest_epoch_of_both_is_taken(tmp_path, generator):
    for epoch in (5, 100, 95):
        for name in ("G_A", "G_B"):
            saved(scaled(generator, epoch), tmp_path / "c" / f"{epoch}_net_{name}.pth")
    found = recognise(tmp_path / "c")
    assert {factor(state, generator) for state in found.states.values()} == {100}
    for name in ("G_A", "G_B"):
        saved(scaled(generator, 7), tmp_path / "c" / f"latest_net_{name}.pth")
    assert {factor(state, generator) for state in recognise(tmp_path / "c").states.values()} == {7}


def test_turned_round(tmp_path, generator, judge):
    folder = tmp_path / "horse2zebra"
    for number, name in enumerate(("G_A", "G_B", "D_A", "D_B"), 1):
        saved(scaled(judge if "D" in name else generator, number), folder / f"latest_net_{name}.pth")
    found = turned(recognise(folder))
    factors = {name: factor(state, generator if "gen" in name else judge) for name, state in found.states.items()}
    assert factors == {"generator_ba": 1, "generator_ab": 2, "discriminator_a": 3, "discriminator_b": 4}
    assert found.directions == ("ab", "ba")
    assert found.domains == {"a": "horse", "b": "zebra"}
    assert found.notes[0] == "Direction ab, ba: turned round, as asked."
    assert turned(found).states.keys() == found.states.keys()


def test_turned_round_with_other_channels(tmp_path):
    """The domains' channels change places with the networks, or the model would not fit its own configuration."""
    reference = unet(2, 5, inputs=1, outputs=3)
    found = turned(imported(named(reference), tmp_path / "latest_net_G.pth"))
    assert found.directions == ("ba",)
    assert (found.network["channels"], found.network["channels_b"]) == (3, 1)
    same(found, "generator_ba", reference, pictures(1, 1, 32, 32))


# What cannot be one model.


def test_names_that_do_not_tell_are_not_guessed(tmp_path, generator):
    saved(generator, tmp_path / "zoo" / "style_monet.pth")
    saved(generator, tmp_path / "zoo" / "style_cezanne.pth")
    with pytest.raises(CheckpointError, match="2 generators, and their names do not tell which is which"):
        recognise(tmp_path / "zoo")


def test_networks_of_different_build_are_no_model(tmp_path, generator):
    saved(generator, tmp_path / "c" / "latest_net_G_A.pth")
    saved(named(resnet(4, 2)), tmp_path / "c" / "latest_net_G_B.pth")
    with pytest.raises(CheckpointError, match="networks of different build"):
        recognise(tmp_path / "c")


def test_a_patch_discriminator_alone_paints_nothing(tmp_path, judge):
    with pytest.raises(CheckpointError, match="discriminator alone"):
        recognise(saved(judge, tmp_path / "latest_net_D_A.pth"))


@pytest.mark.parametrize("options", [{"norm": "batch", "layers": 1}, {"channels": 1, "layers": 1}])
def test_discriminators_of_another_build_stay_behind(tmp_path, generator, options):
    saved(generator, tmp_path / "c" / "latest_net_G.pth")
    saved(named(patch_discriminator(4, **options)), tmp_path / "c" / "latest_net_D.pth")
    found = recognise(tmp_path / "c")
    assert set(found.states) == {"generator_ab"}
    assert any("discriminators" in note for note in found.notes)


def test_pytorch_gan_s_own_discriminator_stays_behind(tmp_path):
    """Its last convolutions lie elsewhere: model.12 behind a padding layer."""
    judge = named(patch_discriminator(4))
    judge = {key.replace("model.11.", "model.12."): value for key, value in judge.items()}
    saved(named(pytorch_gan(4, 1)), tmp_path / "s" / "G_AB_9.pth")
    saved(judge, tmp_path / "s" / "D_B_9.pth")
    found = recognise(tmp_path / "s")
    assert set(found.states) == {"generator_ab"}
    assert any("D_B_9" in note for note in found.notes)


def test_our_own_models_are_not_imported(cyclegan_folder):
    """Their weights alone do not tell a global skip, and would paint something else without it."""
    for source in (cyclegan_folder, cyclegan_folder / "generator_ab.safetensors"):
        with pytest.raises(CheckpointError, match="is a model of GAN Studio already"):
            recognise(source)


def test_a_stranger_s_config_is_no_matter(tmp_path, generator):
    """Hub snapshots have a config.json of their own, and some are damaged."""
    for text in ('{"channels": 3}', "[1]", "{", '{"format": 1, "family": ["x"]}'):
        folder = tmp_path / str(len(text))
        saved(generator, folder / "pytorch_model.bin")
        (folder / "config.json").write_text(text)
        assert recognise(folder).directions == ("ab",)


def test_finite_values_only(tmp_path, generator):
    generator["model.1.bias"][0] = torch.nan
    with pytest.raises(CheckpointError, match="not finite"):
        recognise(saved(generator, tmp_path / "latest_net_G.pth"))


# Whatever the keys are called and however the tensors are shaped.

NETWORKS = {
    "resnet": lambda: named(resnet(2, 2)),
    "batch": lambda: named(resnet(2, 1, norm="batch", dropout=True)),
    "cut": lambda: named(resnet(2, 1, blur_down=True, up="blur")),
    "pytorch-gan": lambda: named(pytorch_gan(2, 1)),
    "unet": lambda: named(unet(1, 5)),
    "patch": lambda: named(patch_discriminator(2)),
}
KEYS = [
    "",
    ".",
    "0",
    "model",
    "model.\u00b2.weight",
    "model.07.weight",
    f"model.{'9' * 5000}.conv_block.1.weight",
    "1.weight",
]


@pytest.mark.parametrize("kind", NETWORKS)
def test_odd_keys_and_shapes_are_answered_in_words(kind):
    """A change of one key: the state fits, fits nearly, or is nothing known; no dialect ends in another error."""
    draw = random.Random(kind)
    original = NETWORKS[kind]()
    names = list(original)
    for turn in range(40):
        state = dict(original)
        for _ in range(draw.randint(1, 3)):
            key = draw.choice(names)
            other = draw.choice([*KEYS, draw.choice(names), key.replace("1", "4"), key.replace("model", "block")])
            how = draw.randrange(4)
            if how == 0:
                state.pop(key, None)
            elif how == 1:
                state[other] = state.pop(key, torch.zeros(2))
            elif how == 2:
                state[key] = torch.zeros([draw.choice([0, 1, 3, 4, 7]) for _ in range(draw.randrange(6))])
            else:
                state[other] = torch.zeros([1] * draw.randrange(6))
        for propose in (resnet_dialect.propose, unet_dialect.propose, patch_dialect.propose):
            proposal = propose(state)
            assert proposal is None or fit(state, proposal).count >= 0, turn
