"""PyTorch-GAN's network: shapes, keys and checks. Its pictures are compared in tests/interop."""

import pytest
import torch
from torch import nn

from gan_core.errors import ConfigError
from gan_core.models.upsample_dcgan import Network, build


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 4)])
def test_shapes(size, channels):
    network = Network(size=size, channels=channels, latent_dim=9, features=8, last_features=4)
    generator = build(network)["generator"].eval()
    with torch.inference_mode():
        pictures = generator(torch.randn(2, 9))
    assert pictures.shape == (2, channels, size, size)
    assert (generator.latent_dim, generator.classes) == (9, 0)


def test_keys_and_epsilons_are_those_of_the_project():
    generator = build(Network())["generator"]
    state = generator.state_dict()
    assert state["l1.0.weight"].shape == (128 * 8 * 8, 100)
    assert {key.split(".")[1] for key in state if key.startswith("conv_blocks")} == {"0", "2", "3", "6", "7", "9"}
    assert [layer.eps for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)] == [1e-5, 0.8, 0.8]


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"size": 30}, "multiple of 4"),
        ({"size": 10**9}, "--size"),
        ({"channels": 2}, "--channels"),
        ({"features": 10**9}, "--features"),
        ({"classes": 10}, "--classes"),
    ],
)
def test_numbers_that_cannot_be_are_refused(numbers, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Network(**numbers)
