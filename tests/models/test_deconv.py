"""Stacks of transposed convolutions: shapes, checks, and when they offer directions."""

import pytest
import torch

from gan_core.errors import ConfigError
from gan_core.inference.directions import Staged
from gan_core.models.deconv import Network, build, sides

GUIDE = {
    "size": 24,
    "channels": 4,
    "widths": [256, 128, 64],
    "kernels": [3, 3, 4, 4],
    "strides": [1, 2, 2, 2],
    "paddings": [0, 1, 0, 1],
}
DOUBLING = {"size": 16, "widths": [12, 5], "kernels": [4, 4, 4], "strides": [1, 2, 2], "paddings": [0, 1, 1]}


def test_sides_follow_from_the_layers():
    assert sides([3, 3, 4, 4], [1, 2, 2, 2], [0, 1, 0, 1]) == [3, 5, 12, 24]


@pytest.mark.parametrize("numbers", [GUIDE, DOUBLING, {**DOUBLING, "bias": True, "last_bias": True}])
def test_pictures_have_the_size_that_is_written_down(numbers):
    network = Network(latent_dim=10, **numbers)
    generator = build(network)["generator"].eval()
    with torch.inference_mode():
        pictures = generator(torch.randn(2, 10))
    assert pictures.shape == (2, network.channels, network.size, network.size)
    assert pictures.abs().max() <= 1
    assert ("network.0.bias" in generator.state_dict()) == network.bias


def test_only_doublings_from_4_px_without_biases_are_staged():
    """Directions, mixing and the quick way for one picture take the 4 px stage and doublings for granted."""
    assert isinstance(build(Network(latent_dim=10, **DOUBLING))["generator"], Staged)
    for other in (GUIDE, {**DOUBLING, "bias": True}, {**DOUBLING, "last_bias": True}):
        assert not isinstance(build(Network(latent_dim=10, **other))["generator"], Staged)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"size": 25}, "the layers make pictures of 24 px"),
        ({"widths": [256, 128]}, "one shorter"),
        ({"kernels": "3344"}, "must be a list"),
        ({"kernels": [3, 3, 4, True]}, "--kernels is True"),
        ({"strides": [1, 2, 2, 10**9]}, "--strides"),
        ({"kernels": [2, 3, 4, 4], "paddings": [1, 1, 0, 1]}, "pictures of"),
        ({"classes": 3}, "--classes is 3"),
        ({"widths": [10**9, 128, 64]}, "--widths"),
        ({"kernels": [4] * 99, "strides": [1] * 99, "paddings": [0] * 99, "widths": [1] * 98}, "at most 12"),
        ({"bias": "no"}, "--bias"),
        ({"kernels": [], "strides": [], "paddings": [], "widths": []}, "one shorter"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changed, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Network(**{**GUIDE, **changed})


@pytest.mark.parametrize("numbers", [GUIDE, {**DOUBLING, "bias": True}])
def test_the_first_stage_is_a_matrix(numbers):
    generator = build(Network(latent_dim=10, **numbers))["generator"].eval()
    norm = generator.network[1]
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    z = torch.randn(3, 10)
    with torch.inference_mode():
        wanted = generator.network[:3](z[:, :, None, None]).flatten(1)
    weight, bias = generator.first_stage()
    assert ((z.double() @ weight + bias).relu() - wanted).abs().max() < 1e-5
    assert generator.first_layer().shape == weight.shape
