"""Tiny models that draw something: fresh weights of N(0, 0.02) give one grey for every latent."""

from pathlib import Path

import torch

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.weights import network_json, save
from tests.conftest import TINY_CYCLEGAN, TINY_DCGAN

CARD = "---\nlicense: mit\n---\n\n# A tiny model\n"


def tiny_generator(folder: Path, *, gain: float = 6) -> Path:
    """gain: of its weights; 0 draws one flat colour."""
    torch.manual_seed(1)
    networks = dcgan.build(TINY_DCGAN)
    louder(networks["generator"], gain)
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN), data={"name": "shapes"}, license="mit")
    save(folder, config, networks, metrics={"distance": 0.5}, files={"README.md": CARD.encode()})
    return folder


def tiny_translator(folder: Path) -> Path:
    torch.manual_seed(3)
    networks = cyclegan.build(TINY_CYCLEGAN)
    for network in networks.values():
        louder(network, 6)
    config = ModelConfig(
        family="cyclegan",
        network=network_json(TINY_CYCLEGAN),
        domains={"a": "painting", "b": "photograph"},
        default_direction="ba",
    )
    save(folder, config, networks)
    return folder


def louder(network: torch.nn.Module, gain: float) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 4:
                weight.mul_(gain)
