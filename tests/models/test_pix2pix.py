"""The U-Net, held against an independent formula of its levels, and its bounds."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_core.errors import ConfigError
from gan_core.families import get_family, trainable
from gan_core.models import get_networks
from gan_core.models.pix2pix import REQUIRED, Network, UnetGenerator, build
from tests.models.test_dcgan import count, randomize


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 2 - 1


def by_formula(weights: dict[str, Tensor], x: Tensor, halvings: int, norm: str) -> Tensor:
    """The U-Net without modules: down d_1 .. d_n, then up, each step beside leaky_relu of its d."""

    def normed(h: Tensor, key: str) -> Tensor:
        if norm == "batch":
            values = [weights[f"{key}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
            return functional.batch_norm(h, *values)
        return functional.instance_norm(h) if norm == "instance" else h

    def key(level: int, layer: int) -> str:
        return "model.model." + (f"1.model.{'3.model.' * (level - 1)}" if level else "") + str(layer)

    def biased(name: str) -> tuple[Tensor, Tensor | None]:
        return weights[f"{name}.weight"], weights.get(f"{name}.bias")

    down = [functional.conv2d(x, *biased(key(0, 0)), stride=2, padding=1)]
    for level in range(1, halvings):
        leaky = functional.leaky_relu(down[-1], 0.2)
        h = functional.conv2d(leaky, *biased(key(level, 1)), stride=2, padding=1)
        down.append(normed(h, key(level, 2)) if level < halvings - 1 else h)
    h = down[-1]
    for level in reversed(range(1, halvings)):
        innermost = level == halvings - 1
        up, norm_at = (3, 4) if innermost else (5, 6)
        h = functional.conv_transpose2d(h.relu(), *biased(key(level, up)), stride=2, padding=1)
        h = torch.cat([functional.leaky_relu(down[level - 1], 0.2), normed(h, key(level, norm_at))], 1)
    return functional.conv_transpose2d(h.relu(), *biased(key(0, 3)), stride=2, padding=1).tanh()


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("halvings", [5, 6])
def test_the_network_is_its_formula(norm, halvings):
    network = randomize(UnetGenerator(features=4, halvings=halvings, norm=norm))
    x = pictures(2, 3, 2**halvings, 2 * 2**halvings)
    with torch.no_grad():
        expected = by_formula(network.state_dict(), x, halvings, norm)
        torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "keys", "parameters"),
    [
        ({}, 82, 54_413_955),
        ({"norm": "instance"}, 32, 54_409_603),
        ({"halvings": 7}, 70, 41_828_995),
    ],
)
def test_published_sizes(options, keys, parameters):
    with torch.device("meta"):
        network = UnetGenerator(**options)
    assert len(network.state_dict()) == keys
    assert count(network) == parameters


def test_published_key_names_and_shapes():
    with torch.device("meta"):
        weights = UnetGenerator().state_dict()
    assert weights["model.model.0.weight"].shape == (64, 3, 4, 4)
    assert weights["model.model.3.weight"].shape == (128, 3, 4, 4)
    assert weights["model.model.3.bias"].shape == (3,)
    assert "model.model.0.bias" not in weights
    assert weights["model.model.1.model.1.weight"].shape == (128, 64, 4, 4)
    assert weights["model.model.1.model.5.weight"].shape == (256, 64, 4, 4)
    assert weights[f"model.model.1.model.{'3.model.' * 6}3.weight"].shape == (512, 512, 4, 4)


@pytest.mark.parametrize(("a", "b"), [(1, None), (4, None), (1, 3), (3, 1)])
def test_shapes_and_gradients(a, b):
    networks = build(Network(channels=a, channels_b=b, generator_features=2, halvings=5))
    assert set(networks) == set(REQUIRED) == {"generator_ab", "generator_ba"}
    for name, inputs, outputs in (("generator_ab", a, b or a), ("generator_ba", b or a, a)):
        network = networks[name]
        assert network.input_channels == inputs
        painted = network(pictures(2, inputs, 32, 64))
        assert painted.shape == (2, outputs, 32, 64)
        assert painted.abs().max() <= 1
        painted.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("halvings", [5, 7, 9])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_the_smallest_picture_is_painted(halvings, norm):
    """One pixel is left at the bottom, which a norm could not measure; none stands there."""
    network = UnetGenerator(features=1, halvings=halvings, norm=norm).eval()
    assert network.multiple_px == network.smallest_px == 2**halvings
    with torch.no_grad():
        painted = network(pictures(1, 3, 2**halvings, 2**halvings))
    assert painted.isfinite().all()
    assert painted.std() > 0


def test_the_input_is_left_as_it_was():
    """The authors' network writes into its activations; ours must not write into the caller's picture."""
    network = UnetGenerator(features=2, halvings=5).eval()
    x = pictures(1, 3, 32, 32)
    before = x.clone()
    with torch.no_grad():
        network(x)
    assert torch.equal(x, before)


def test_dropout_acts_in_training_and_in_the_inner_levels_only():
    torch.manual_seed(0)
    deep = UnetGenerator(features=2, halvings=7)
    x = pictures(1, 3, 128, 128)
    with torch.no_grad():
        assert not torch.equal(deep.train()(x), deep(x))
        assert torch.equal(deep.eval()(x), deep(x))
    drops = [name for name, layer in deep.named_modules() if isinstance(layer, torch.nn.Dropout)]
    assert len(drops) == 2  # 7 - 5
    assert not any(isinstance(layer, torch.nn.Dropout) for layer in UnetGenerator(features=1, dropout=False).modules())


def test_biases_beside_batch_norm():
    with torch.device("meta"):
        early = UnetGenerator(features=2, halvings=5, bias=True).state_dict()
    assert "model.model.0.bias" in early
    assert "model.model.1.model.5.bias" in early


def test_the_family_is_used_and_not_trained():
    assert get_family("pix2pix").kind == "translator"
    assert "pix2pix" not in trainable()
    assert get_networks("pix2pix").Network is Network


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("channels", 6, "--channels"),
        ("channels_b", 2, "--channels"),
        ("generator_features", 0, "--generator-features"),
        ("halvings", 4, "--halvings"),
        ("halvings", 10, "--halvings"),
        ("norm", "group", "--norm"),
        ("dropout", 0.5, "--dropout"),
        ("bias", "yes", "--bias"),
    ],
)
def test_bad_numbers_are_refused_by_their_flag(name, value, flag):
    with pytest.raises(ConfigError, match=f"^{flag} is "):
        Network(**{name: value})
