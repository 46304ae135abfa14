"""StudioGAN's network: shapes, keys and checks. Its pictures are compared in tests/interop."""

import pytest
import torch
from torch import nn

from gan_core.errors import ConfigError
from gan_core.models.deep_conv import Network, build


@pytest.mark.parametrize(("size", "widths"), [(8, [6, 4]), (32, [16, 8, 6, 4]), (64, [16, 8, 8, 4, 4])])
def test_shapes(size, widths):
    generator = build(Network(size=size, widths=widths, latent_dim=7))["generator"].eval()
    with torch.inference_mode():
        pictures = generator(torch.randn(2, 7))
    assert pictures.shape == (2, 3, size, size)
    assert (generator.latent_dim, generator.classes) == (7, 0)


def test_keys_and_epsilons_are_those_of_the_project():
    generator = build(Network())["generator"]
    state = generator.state_dict()
    assert state["linear0.weight"].shape == (512 * 16, 128)
    assert state["blocks.2.0.deconv0.weight"].shape == (128, 64, 4, 4)
    assert state["conv4.weight"].shape == (3, 64, 3, 3)
    assert {layer.eps for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)} == {1e-4}


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"size": 64}, "pictures of 32 px"),
        ({"widths": [8]}, "2 to 7"),
        ({"widths": "512"}, "--widths"),
        ({"widths": [10**9, 4], "size": 8}, "--widths"),
        ({"classes": 10}, "--classes"),
    ],
)
def test_numbers_that_cannot_be_are_refused(numbers, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Network(**numbers)
