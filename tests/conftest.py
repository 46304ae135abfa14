"""What the tests share: one thread for torch, and tiny models in folders of their own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before the Hub's client is imported: nothing that this computer's owner fetched, and no login, takes part.
os.environ.setdefault("HF_HOME", str(Path(tempfile.gettempdir()) / "gan-core-tests-hub"))

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.weights import network_json, save
from tests.hub_server import HubServer, hub_server

TINY_DCGAN = dcgan.Network(size=16, latent_dim=8, generator_features=8, discriminator_features=8)
TINY_CONDITIONAL = dcgan.Network(size=16, latent_dim=8, generator_features=8, discriminator_features=8, classes=3)
TINY_CYCLEGAN = cyclegan.Network(generator_features=8, blocks=1, discriminator_features=8, discriminator_layers=1)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tiny networks are faster on one thread, and parallel tests do not fight over the cores.

    A test that wants more sets them itself.
    """
    torch.set_num_threads(1)


@pytest.fixture
def dcgan_folder(tmp_path: Path) -> Path:
    """A tiny DCGAN with its discriminator, random weights."""
    torch.manual_seed(1)
    folder = tmp_path / "models" / "tiny-dcgan"
    save(folder, ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN))
    return folder


@pytest.fixture
def conditional_folder(tmp_path: Path) -> Path:
    """A tiny DCGAN of three classes, random weights."""
    torch.manual_seed(2)
    folder = tmp_path / "models" / "tiny-conditional"
    config = ModelConfig(family="dcgan", network=network_json(TINY_CONDITIONAL), classes=["ant", "bee", "cat"])
    save(folder, config, dcgan.build(TINY_CONDITIONAL))
    return folder


@pytest.fixture
def cyclegan_folder(tmp_path: Path) -> Path:
    """A tiny CycleGAN with its discriminators, random weights."""
    torch.manual_seed(3)
    folder = tmp_path / "models" / "tiny-cyclegan"
    config = ModelConfig(
        family="cyclegan",
        network=network_json(TINY_CYCLEGAN),
        domains={"a": "painting", "b": "photograph"},
        default_direction="ba",
    )
    save(folder, config, cyclegan.build(TINY_CYCLEGAN))
    return folder


def one_way_translator(folder: Path, seed: int) -> None:
    """A tiny translator with one direction alone, random weights."""
    torch.manual_seed(seed)
    networks = cyclegan.build(TINY_CYCLEGAN)
    config = ModelConfig(
        family="cyclegan",
        network=network_json(TINY_CYCLEGAN),
        domains={"a": "day", "b": "night"},
        default_direction="ab",
        directions=["ab"],
    )
    save(folder, config, {"generator_ab": networks["generator_ab"]})


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    """A Hub on this machine."""
    with hub_server() as running:
        yield running


@pytest.fixture
def hub(server: HubServer) -> HubServer:
    """The Hub without a memory of other tests."""
    server.reset()
    return server
