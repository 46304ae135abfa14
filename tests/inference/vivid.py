"""Tiny generators whose pictures differ: fresh weights of N(0, 0.02) paint nearly the same grey for every latent."""

from pathlib import Path

import torch

from gan_core.inference.generator import Generator
from gan_core.weights import load


def vivid(folder: Path) -> Generator:
    generator = Generator(load(folder))
    with torch.no_grad():
        for weight in generator._network.parameters():
            if weight.ndim == 4:
                weight.mul_(6)
    return generator
