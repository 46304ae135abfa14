"""Where D looks and what it asks for: each picture's own gradient, scaled and moved along."""

import pytest
import torch

from gan_core.models import dcgan
from gan_core.settings import Settings
from gan_core.training import saliency
from gan_core.training.opening import open_bench
from tests.training.conftest import ROOM


def discriminator(**options) -> dcgan.Discriminator:
    torch.manual_seed(5)
    return dcgan.Discriminator(size=16, features=8, **options)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_attention_is_each_pictures_own_gradient(spectral_norm: bool) -> None:
    """Against one picture at a time, and against a difference quotient."""
    network, x = discriminator(spectral_norm=spectral_norm), torch.rand(4, 3, 16, 16) * 2 - 1
    with saliency.unchanged(network), torch.no_grad():
        trained = network(x)
    with saliency.statistics_held(network, x):
        maps = saliency.attention(network, x)
        assert torch.allclose(network(x), trained, atol=1e-5)
        for index in range(4):
            own = x[index : index + 1].clone().requires_grad_()
            network(own)[0].backward()
            assert torch.allclose(maps[index], own.grad[0].abs().max(0).values, rtol=1e-4, atol=1e-7)
        quotients = []
        for channel in range(3):
            step = torch.zeros_like(x)
            step[2, channel, 7, 9] = 1e-3
            quotients.append(abs(float((network(x + step) - network(x - step))[2].detach()) / 2e-3))
        assert float(maps[2, 7, 9]) == pytest.approx(max(quotients), rel=0.05)


def test_statistics_and_modes_are_put_back() -> None:
    network, x = discriminator(), torch.rand(4, 3, 16, 16)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with saliency.statistics_held(network, x):
        assert not network.training
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_pictures_moved_where_they_are_pushed_score_higher(settings: Settings, a_run) -> None:
    bench = open_bench(a_run("dcgan"), settings, room_bytes=ROOM)
    training, row = bench.game.training, bench.view().row("fake")
    classes = bench.game.batch(bench.number).classes

    def loss(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(-training.discriminator(x, classes)).mean()

    with saliency.unchanged(training.discriminator), torch.no_grad():
        before = float(loss(row.values))
    with saliency.unchanged(training.discriminator):
        push = saliency.pushed(loss, row.values)
        assert float(loss(row.values + 0.1 * push / push.norm()).detach()) < before
        shown, factor = saliency.signed(push)
    assert torch.equal(shown, row.asks)
    assert factor == row.asks_factor


def test_maps_are_scaled_robustly_and_smoothed_without_a_shift() -> None:
    maps = torch.rand(2, 20, 20)
    maps[0, 3, 4] = 1e6  # One pixel does not darken all others.
    scaled = saliency.normalised(maps)
    assert float(scaled.max()) <= 1
    assert float(scaled[0].median()) > 0.3
    assert torch.equal(saliency.normalised(torch.zeros(1, 8, 8)), torch.zeros(1, 8, 8))
    point = torch.zeros(1, 9, 9)
    point[0, 4, 4] = 1
    blurred = saliency.smoothed(point)[0]
    assert float(blurred.sum()) == pytest.approx(1)
    assert blurred.argmax() == point[0].argmax()
    assert torch.allclose(blurred, blurred.flip(0))
    assert torch.allclose(blurred, blurred.T)


@pytest.mark.parametrize(("top", "factor"), [(0.03, 20), (0.4, 2), (1.0, 1), (3.0, 0.2), (1e-5, 1e5)])
def test_amplification_is_a_round_factor(top: float, factor: float) -> None:
    values = torch.full((1, 3, 4, 4), top)
    shown, told = saliency.amplified(values)
    assert told == pytest.approx(factor)
    assert torch.allclose(shown, values * factor)
    assert saliency.amplified(torch.zeros(1, 3, 4, 4))[1] == 1
