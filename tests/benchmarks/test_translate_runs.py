"""The ways to compute a translator that are measured side by side paint the same picture.

How fast they are is measured by hand (`bench_translate.py`); a timing never decides a test.
"""

import numpy as np
import pytest
import torch

from gan_core.models.cyclegan import ResnetGenerator
from tests.benchmarks import bench_translate as bench

CPU = torch.device("cpu")


@pytest.fixture
def network() -> ResnetGenerator:
    torch.manual_seed(0)
    net = ResnetGenerator(features=8, blocks=1, upsample="resize", global_skip=True).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    return net


def test_candidates_agree(network: ResnetGenerator) -> None:
    pixels = bench.photograph(64, 48)
    with torch.inference_mode():
        found = bench.candidates(network, pixels, CPU, ["channels_last"])
        painted = {name: run().astype(int) for name, run in found.items()}
    assert len(painted) == 4
    for name, picture in painted.items():
        assert np.abs(picture - painted["plain network"]).max() <= 1, name


def test_statistics_of_a_smaller_picture_are_near_and_not_equal(network: ResnetGenerator) -> None:
    pixels = bench.photograph(256, 192)
    with torch.inference_mode():
        exact = bench.to_pixels(network(bench.to_input(pixels, CPU))).astype(int)
        near = bench.reduced(network, pixels, CPU, 128).astype(int)
    assert 0 < np.abs(near - exact).mean() < 40
