"""Presets: they are configurations that hold together, and say what they are."""

import pytest

from gan_core.config import RunConfig, build, train_config
from gan_core.families import trainable
from gan_core.models import get_networks
from gan_core.presets import PRESETS, pace, presets, steps_of
from gan_core.training import get_training
from gan_core.training.counting import Facts, check_fit

ALL = [(family, preset) for family in PRESETS for preset in presets(family)]


def config_of(family, preset):
    train = {"data": "shapes", **pace(preset.train["steps"]), **preset.train}
    return RunConfig(
        family=family, train=train_config(family, **train), network=dict(preset.network), recipe=dict(preset.recipe)
    )


def test_presets_are_of_families_that_are_trained():
    assert set(PRESETS) <= set(trainable())
    assert presets("no-such-family") == (), "a family need not have any"


@pytest.mark.parametrize(("family", "preset"), ALL, ids=[f"{family}-{preset.name}" for family, preset in ALL])
def test_preset_can_be_trained(family, preset):
    config = config_of(family, preset)
    check_fit(config, Facts(channels=3, classes=0, pictures=4096))


def test_reference_recipes_are_the_authors():
    """The DCGAN example of PyTorch and junyanz/pytorch-CycleGAN-and-pix2pix, as their own files have them."""
    dcgan = next(one for one in presets("dcgan") if one.name == "reference")
    config = config_of("dcgan", dcgan)
    recipe = build(get_training("dcgan").Recipe, config.recipe, "")
    network = get_networks("dcgan").Network(size=config.train.size, **config.network)
    assert (config.train.size, config.train.batch, dcgan.epochs) == (64, 64, 25)
    assert (network.latent_dim, network.generator_features, network.discriminator_features) == (100, 64, 64)
    assert (recipe.loss, recipe.lr_g, recipe.lr_d, recipe.beta1, recipe.beta2) == ("bce", 2e-4, 2e-4, 0.5, 0.999)
    assert recipe.ema_decay == 0
    assert recipe.real_target == 1

    cyclegan = next(one for one in presets("cyclegan") if one.name == "reference")
    config = config_of("cyclegan", cyclegan)
    recipe = build(get_training("cyclegan").Recipe, config.recipe, "")
    network = get_networks("cyclegan").Network(**config.network)
    assert (config.train.size, config.train.batch, cyclegan.epochs) == (256, 1, 200)
    assert (config.train.flip, config.train.fit) == (True, "stretch")
    assert (network.blocks, network.norm, network.upsample) == (9, "instance", "transposed")
    assert (recipe.loss, recipe.cycle_weight, recipe.identity_weight) == ("least-squares", 10, 5)
    assert (recipe.lr_g, recipe.beta1, recipe.decay_from, recipe.pool_size) == (2e-4, 0.5, 0.5, 50)


def test_length_in_epochs():
    assert steps_of(25, 4096, 64) == 1600
    assert steps_of(200, 1067, 1) == 213_400
    assert steps_of(1, 3, 64) == 1


@pytest.mark.parametrize("steps", [1, 30, 2000, 10**6])
def test_pace_shows_something_soon_and_costs_little(steps):
    found = pace(steps)
    assert found["log_steps"] * 50 <= max(steps, 50)
    assert steps // found["sample_steps"] <= max(60, steps // 500)
    assert all(value >= 1 for value in found.values())
