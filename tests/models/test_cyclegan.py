"""The reference networks are built here by hand, layer for layer, and lend our networks their weights."""

from functools import partial

import pytest
import torch
from torch import nn

from gan_core.errors import ConfigError
from gan_core.models.cyclegan import (
    REQUIRED,
    BlurDown,
    BlurUp,
    Network,
    PatchDiscriminator,
    ResnetGenerator,
    build,
)
from tests.models.test_dcgan import count, randomize, under

NORMS = {
    "instance": partial(nn.InstanceNorm2d, affine=False, track_running_stats=False),
    "batch": nn.BatchNorm2d,
}


class ReferenceBlock(nn.Module):
    def __init__(self, width: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = norm == "instance"
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), NORMS[norm](width), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), NORMS[norm](width)]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


def reference_generator(
    ngf: int, blocks: int, norm: str = "instance", dropout: bool = False, upsample: str = "transposed"
):
    """junyanz's ResnetGenerator by index; `resize` as PyTorch-GAN's Upsample and convolution, in one index."""
    bias, normed = norm == "instance", NORMS[norm]
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7, bias=bias), normed(ngf), nn.ReLU()]
    layers += [nn.Conv2d(ngf, ngf * 2, 3, 2, 1, bias=bias), normed(ngf * 2), nn.ReLU()]
    layers += [nn.Conv2d(ngf * 2, ngf * 4, 3, 2, 1, bias=bias), normed(ngf * 4), nn.ReLU()]
    layers += [ReferenceBlock(ngf * 4, norm, dropout) for _ in range(blocks)]
    for width in (ngf * 4, ngf * 2):
        if upsample == "transposed":
            layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)]
        else:
            layers += [nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width, width // 2, 3, 1, 1, bias=bias))]
        layers += [normed(width // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())


def reference_discriminator(ndf: int, norm: str = "instance") -> nn.Sequential:
    """junyanz's NLayerDiscriminator, n_layers 3."""
    bias, normed = norm == "instance", NORMS[norm]
    return nn.Sequential(
        nn.Conv2d(3, ndf, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=bias),
        normed(ndf * 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=bias),
        normed(ndf * 4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 4, ndf * 8, 4, 1, 1, bias=bias),
        normed(ndf * 8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 8, 1, 4, 1, 1),
    )


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 2 - 1


@pytest.mark.parametrize(
    ("ngf", "blocks", "norm", "dropout"),
    [
        (8, 9, "instance", False),
        (8, 6, "instance", False),
        (6, 6, "instance", True),
        (8, 9, "batch", False),
        (4, 2, "batch", True),
    ],
)
def test_generator_paints_what_the_reference_paints(ngf, blocks, norm, dropout):
    reference = randomize(reference_generator(ngf, blocks, norm, dropout))
    ours = ResnetGenerator(features=ngf, blocks=blocks, norm=norm, dropout=dropout).eval()
    ours.load_state_dict(under("model", reference), strict=True)
    x = pictures(2, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), reference(x), atol=1e-5, rtol=0)


def test_resize_convolution_is_upsample_and_convolution_under_a_plain_convolution_s_key():
    reference = randomize(reference_generator(6, 2, upsample="resize"))
    weights = {
        key.replace(".1.", ".") if key.count(".") == 3 else key: v for key, v in under("model", reference).items()
    }
    ours = ResnetGenerator(features=6, blocks=2, upsample="resize").eval()
    ours.load_state_dict(weights, strict=True)
    x = pictures(1, 3, 24, 24)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), reference(x), atol=1e-5, rtol=0)


def test_blurs_keep_a_plain_colour_and_sizes():
    """A blur and its smooth enlargement change no brightness, at the edge as little as inside."""
    grey = torch.full((1, 2, 8, 12), 0.3)
    down, up = BlurDown(2), BlurUp(2)
    torch.testing.assert_close(down(grey), torch.full((1, 2, 4, 6), 0.3))
    torch.testing.assert_close(up(grey), torch.full((1, 2, 16, 24), 0.3))
    assert not list(down.parameters())
    assert not list(up.parameters())


def test_a_blur_leaves_no_checkerboard_to_fold_down():
    """Every second pixel of a checkerboard is plain white; blurred before, it is the grey that it looks like."""
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    board = ((rows + columns) % 2).float()[None, None]
    torch.testing.assert_close(BlurDown(1)(board), torch.full((1, 1, 4, 4), 0.5))


@pytest.mark.parametrize(("upsample", "keys"), [("blur", 52), ("resize", 50), ("transposed", 50)])
def test_blurred_halving_moves_the_layers_behind_it(upsample, keys):
    with torch.device("meta"):
        network = ResnetGenerator(downsample="blur", upsample=upsample)
    weights = network.state_dict()
    assert len(weights) == keys
    assert count(network) == 11_378_179
    assert weights["model.7.filt"].shape == (128, 1, 3, 3)
    assert "model.12.conv_block.1.weight" in weights
    assert f"model.{30 if upsample == 'blur' else 28}.weight" in weights


def test_zero_padding_has_no_layer():
    with torch.device("meta"):
        weights = ResnetGenerator(padding="zero").state_dict()
    assert {"model.10.conv_block.0.weight", "model.10.conv_block.3.weight"} < set(weights)
    assert len(weights) == 48


@pytest.mark.parametrize(("a", "b"), [(1, 3), (3, 1), (4, 3)])
def test_domains_of_other_channels(a, b):
    networks = build(Network(channels=a, channels_b=b, generator_features=4, blocks=1, discriminator_features=4))
    x = {"a": pictures(1, a, 64, 64), "b": pictures(1, b, 64, 64)}
    assert networks["generator_ab"](x["a"]).shape == x["b"].shape
    assert networks["generator_ba"](x["b"]).shape == x["a"].shape
    assert networks["generator_ba"].input_channels == b
    for domain in ("a", "b"):
        assert networks[f"discriminator_{domain}"](x[domain]).shape[:2] == (1, 1)
    with pytest.raises(ConfigError, match="--global-skip"):
        Network(channels=a, channels_b=b, global_skip=True)


def test_global_skip_begins_with_pictures_as_they_are_and_adds_the_plain_network_s_change():
    ours = ResnetGenerator(features=4, blocks=1, global_skip=True).eval()
    x = pictures(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), 0.95 * x, atol=1e-6, rtol=0)
        white = torch.ones(1, 3, 16, 16)
        assert ours(white).isfinite().all()

        randomize(ours)
        plain = ResnetGenerator(features=4, blocks=1).eval()
        plain.load_state_dict(ours.state_dict(), strict=True)  # The same keys: the skip has no weights.
        change = torch.atanh(plain(x).double())
        expected = torch.tanh(torch.atanh(0.95 * x.double()) + change)
        torch.testing.assert_close(ours(x).double(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_discriminator_gives_the_reference_s_logits(norm):
    reference = randomize(reference_discriminator(8, norm))
    ours = PatchDiscriminator(features=8, norm=norm).eval()
    ours.load_state_dict(under("model", reference), strict=True)
    x = pictures(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), reference(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("network", "keys", "parameters"),
    [
        (ResnetGenerator, 48, 11_378_179),
        (partial(ResnetGenerator, blocks=6), 36, 7_837_699),
        (partial(ResnetGenerator, norm="batch"), 140, 11_383_427),
        (partial(ResnetGenerator, upsample="resize"), 48, 11_378_179),
        (PatchDiscriminator, 10, 2_764_737),
    ],
)
def test_published_sizes(network, keys, parameters):
    with torch.device("meta"):
        built = network()
    assert len(built.state_dict()) == keys
    assert count(built) == parameters


@pytest.mark.parametrize(("blocks", "up", "last"), [(9, (19, 22), 26), (6, (16, 19), 23)])
def test_published_key_names_and_shapes(blocks, up, last):
    with torch.device("meta"):
        weights = ResnetGenerator(blocks=blocks).state_dict()
    assert weights["model.1.weight"].shape == (64, 3, 7, 7)
    assert weights["model.10.conv_block.5.weight"].shape == (256, 256, 3, 3)
    assert weights[f"model.{up[0]}.weight"].shape == (256, 128, 3, 3)
    assert weights[f"model.{up[1]}.weight"].shape == (128, 64, 3, 3)
    assert weights[f"model.{last}.weight"].shape == (3, 64, 7, 7)
    with torch.device("meta"):
        dropout = ResnetGenerator(blocks=blocks, dropout=True).state_dict()
    assert "model.10.conv_block.6.weight" in dropout
    assert "model.10.conv_block.5.weight" not in dropout


@pytest.mark.parametrize("upsample", ["transposed", "resize", "blur"])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes(upsample, norm, channels):
    network = Network(
        channels=channels,
        generator_features=4,
        blocks=1,
        norm=norm,
        dropout=True,
        upsample=upsample,
        discriminator_features=4,
        discriminator_layers=2,
    )
    networks = build(network)
    assert set(networks) == {"generator_ab", "generator_ba", "discriminator_a", "discriminator_b"}
    assert set(REQUIRED) <= set(networks)
    x = pictures(2, channels, 20, 28)
    painted = networks["generator_ab"](x)
    assert painted.shape == x.shape
    assert painted.abs().max() <= 1
    logits = networks["discriminator_b"](painted)
    assert logits.shape[:2] == (2, 1)
    logits.sum().backward()
    for name in ("generator_ab", "discriminator_b"):
        assert all(parameter.grad is not None for parameter in networks[name].parameters())


@pytest.mark.parametrize(("size", "layers", "patches"), [(256, 3, 30), (128, 3, 14), (64, 2, 14), (16, 1, 6)])
def test_patches(size, layers, patches):
    """256 px give 30 x 30 patches."""
    discriminator = PatchDiscriminator(features=2, layers=layers)
    assert discriminator(pictures(1, 3, size, size)).shape == (1, 1, patches, patches)


def test_each_logit_sees_a_patch_of_70_px():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(features=2, norm="batch").eval()  # Instance norm looks at the whole picture.
    x = pictures(1, 3, 256, 256).requires_grad_()
    discriminator(x)[0, 0, 15, 15].backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    rows, columns = (torch.nonzero(seen.any(axis)).flatten() for axis in (0, 1))
    assert (len(rows), len(columns)) == (70, 70)
    assert rows[-1] - rows[0] == 69


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    generator = ResnetGenerator(features=4, blocks=1, dropout=True)
    x = pictures(1, 3, 16, 16)
    with torch.no_grad():
        assert not torch.equal(generator.train()(x), generator(x))
        assert torch.equal(generator.eval()(x), generator(x))


def test_both_directions_have_weights_of_their_own():
    networks = build(Network(generator_features=4, blocks=1, discriminator_features=4))
    for one, other in (("generator_ab", "generator_ba"), ("discriminator_a", "discriminator_b")):
        pairs = zip(networks[one].parameters(), networks[other].parameters(), strict=True)
        assert all(a is not b for a, b in pairs)
        assert not torch.equal(
            networks[one].model[1 if "gen" in one else 0].weight,
            networks[other].model[1 if "gen" in other else 0].weight,
        )


@pytest.mark.parametrize(
    "network",
    [partial(ResnetGenerator, blocks=2), partial(ResnetGenerator, blocks=2, norm="batch"), PatchDiscriminator],
)
def test_initial_weights(network):
    """Convolutions N(0, 0.02) with zero bias, batch norm N(1, 0.02): section 7.1 of the paper."""
    torch.manual_seed(0)
    convolutions, norms = [], []
    for layer in network().modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            convolutions.append(layer.weight.flatten())
            assert layer.bias is None or not layer.bias.any()
        elif isinstance(layer, nn.BatchNorm2d):
            norms.append(layer.weight)
            assert not layer.bias.any()
    weights = torch.cat(convolutions)
    assert abs(weights.mean().item()) < 1e-4
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    if norms:
        assert torch.cat(norms).mean().item() == pytest.approx(1, abs=0.003)
        assert torch.cat(norms).std().item() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("channels", 2, "--channels"),
        ("channels", 3.0, "--channels"),
        ("generator_features", 0, "--generator-features"),
        ("generator_features", 10**9, "--generator-features"),
        ("blocks", 0, "--blocks"),
        ("blocks", 33, "--blocks"),
        ("channels_b", 2, "--channels"),
        ("padding", "replicate", "--padding"),
        ("downsample", "resize", "--downsample"),
        ("norm", "layer", "--norm"),
        ("norm", ["instance"], "--norm"),
        ("dropout", 0.5, "--dropout"),
        ("upsample", "bilinear", "--upsample"),
        ("global_skip", 1, "--global-skip"),
        ("discriminator_features", "64", "--discriminator-features"),
        ("discriminator_layers", 7, "--discriminator-layers"),
    ],
)
def test_bad_numbers_are_refused_by_their_flag(name, value, flag):
    with pytest.raises(ConfigError, match=f"^{flag} is "):
        Network(**{name: value})
