"""One picture at a time by matrix products: equal to the network's own forward."""

import pytest
import torch

from gan_core.inference.single import SinglePicture
from gan_core.models import dcgan


def trained(**numbers: int) -> torch.nn.Module:
    """A generator whose batch norms have seen something: means, variances and gains that are not 0 and 1."""
    torch.manual_seed(5)
    network = dcgan.Generator(**numbers)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.2, 3)
            torch.nn.init.uniform_(layer.weight, 0.5, 2)
            torch.nn.init.uniform_(layer.bias, -1, 1)
    return network.eval()


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_it_draws_what_the_network_draws(size: int, channels: int) -> None:
    network = trained(size=size, channels=channels, latent_dim=24, features=8)
    single = SinglePicture(network)
    for seed in range(3):
        z = torch.randn(1, 24, generator=torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            torch.testing.assert_close(single(z), network(z), atol=1e-5, rtol=0)


def test_a_blend_of_classes_counts() -> None:
    network = trained(size=16, classes=3, latent_dim=8, features=8)
    single = SinglePicture(network)
    z = torch.randn(1, 8)
    pictures = []
    for weights in ([1.0, 0, 0], [0, 0.25, 0.75]):
        classes = torch.tensor([weights])
        with torch.inference_mode():
            pictures.append(single(z, classes))
            torch.testing.assert_close(pictures[-1], network(z, classes), atol=1e-5, rtol=0)
    assert (pictures[0] - pictures[1]).abs().max() > 1e-3


def test_it_leaves_the_network_as_it_was() -> None:
    network = trained(size=16, latent_dim=8, features=8).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    SinglePicture(network)(torch.randn(1, 8))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
