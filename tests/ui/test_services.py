"""What the tabs ask for: models by what pickers send."""

import json
import shutil

import pytest

from gan_core.config import ModelConfig
from gan_core.errors import ModelError
from gan_core.models import dcgan
from gan_core.ui.services import RUN, Services
from gan_core.weights import network_json, save


def test_pickers_hold_the_models_of_their_kind_and_snapshots_of_runs(services: Services, settings, dcgan_folder):
    snapshot = settings.runs_dir / "00004-dcgan-shapes" / "snapshots" / "000100"
    shutil.copytree(dcgan_folder, snapshot)
    assert set(services.generators(fresh=True)) == {"tiny-conditional", "tiny-dcgan", f"{RUN}00004-dcgan-shapes"}
    assert list(services.translators()) == ["tiny-cyclegan"]
    assert services.info(f"{RUN}00004-dcgan-shapes").folder == snapshot


def test_a_damaged_model_is_not_offered(services: Services, dcgan_folder):
    (dcgan_folder / "config.json").write_text("{")
    assert list(services.generators(fresh=True)) == ["tiny-conditional"]


@pytest.mark.parametrize("name", ["../tiny-dcgan", "/etc", "hub:someone/model", "run:../models", "", None, ["x"]])
def test_only_what_is_listed_is_opened(services: Services, name):
    with pytest.raises(ModelError, match="Nothing was drawn"):
        services.generator(name)


def test_a_generator_is_found_again_and_a_new_one_at_once(services: Services, dcgan_folder):
    assert services.generator("tiny-dcgan") is services.generator("tiny-dcgan")
    shutil.copytree(dcgan_folder, dcgan_folder.with_name("tiny-new"))
    assert services.generator("tiny-new").folder == dcgan_folder.with_name("tiny-new")


def test_colour_comes_before_grey_and_models_before_runs(services: Services, settings, dcgan_folder):
    network = dcgan.Network(size=32, channels=1, latent_dim=8, generator_features=8, discriminator_features=8)
    config = ModelConfig(family="dcgan", network=network_json(network))
    save(settings.models_dir / "a-grey", config, dcgan.build(network))
    shutil.copytree(dcgan_folder, settings.runs_dir / "00004-dcgan-shapes" / "snapshots" / "000100")
    expected = ["tiny-conditional", "tiny-dcgan", "a-grey", f"{RUN}00004-dcgan-shapes"]
    assert list(services.generators(fresh=True)) == expected


def test_a_generator_does_not_paint(services: Services):
    with pytest.raises(ModelError, match="Choose a translator"):
        services.translator("tiny-dcgan")


@pytest.mark.parametrize("name", ["../tiny-cyclegan", "/etc", "hub:someone/model", "", None, ["x"]])
def test_only_listed_translators_are_opened(services: Services, name):
    with pytest.raises(ModelError, match="no model"):
        services.translator(name)


def test_a_translator_is_told_from_what_is_not_here(services: Services) -> None:
    with pytest.raises(ModelError, match="tiny-cyclegan is a translator"):
        services.generator("tiny-cyclegan")


def test_what_was_imported_is_not_what_visitors_meet_first(services: Services, dcgan_folder):
    """However early its name and however large its pictures."""
    imported = dcgan_folder.with_name("aaa-imported")
    shutil.copytree(dcgan_folder, imported)
    config = json.loads((imported / "config.json").read_text())
    config["trained"] = {"imported_as": "pytorch/examples DCGAN"}
    (imported / "config.json").write_text(json.dumps(config))
    assert list(services.generators(fresh=True))[-1] == "aaa-imported"
