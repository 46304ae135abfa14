"""The reference networks are built here by hand, layer for layer, and lend our networks their weights."""

from math import log2

import pytest
import torch
from torch import nn

from gan_core.errors import ConfigError
from gan_core.models.dcgan import REQUIRED, Discriminator, Generator, Network, build

SIZES = [16, 32, 64, 128, 256]


def reference_generator(nz: int, ngf: int, nc: int) -> nn.Sequential:
    """pytorch/examples, 64 px."""
    return nn.Sequential(
        nn.ConvTranspose2d(nz, ngf * 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(ngf * 8),
        nn.ReLU(),
        nn.ConvTranspose2d(ngf * 8, ngf * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf * 4),
        nn.ReLU(),
        nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf * 2),
        nn.ReLU(),
        nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf),
        nn.ReLU(),
        nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def reference_discriminator(ndf: int, nc: int) -> nn.Sequential:
    """pytorch/examples, 64 px, with the sigmoid at its end."""
    return nn.Sequential(
        nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 4, ndf * 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
    )


def randomize(network: nn.Module) -> nn.Module:
    """Weights and batch norm statistics as after a training, not as after an initialisation."""
    generator = torch.Generator().manual_seed(0)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(noise.abs() + 0.5 if key.endswith("running_var") else noise * 0.1)
    return network.eval()


def under(root: str, network: nn.Module) -> dict[str, torch.Tensor]:
    return {f"{root}.{key}": value for key, value in network.state_dict().items()}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("nz", "ngf", "nc"), [(100, 16, 3), (32, 8, 1), (64, 8, 4)])
def test_generator_draws_what_the_reference_draws(nz, ngf, nc):
    reference = randomize(reference_generator(nz, ngf, nc))
    ours = Generator(size=64, latent_dim=nz, features=ngf, channels=nc).eval()
    ours.load_state_dict(under("main", reference), strict=True)
    z = torch.randn(3, nz, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours(z), reference(z[:, :, None, None]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("ndf", "nc"), [(16, 3), (8, 1), (8, 4)])
def test_discriminator_gives_the_reference_s_logits(ndf, nc):
    reference = randomize(reference_discriminator(ndf, nc))
    ours = Discriminator(size=64, features=ndf, channels=nc).eval()
    ours.load_state_dict(under("main", reference), strict=True)
    x = torch.rand(3, nc, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        logits = ours(x)
        assert logits.abs().max() > 0.01
        torch.testing.assert_close(logits.sigmoid(), reference(x).flatten(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("network", "keys", "parameters"),
    [
        (Generator, 25, 3_576_704),
        (lambda: Generator(channels=1), 25, 3_574_656),
        (Discriminator, 20, 2_765_568),
        (lambda: Discriminator(channels=1), 20, 2_763_520),
    ],
)
def test_published_sizes(network, keys, parameters):
    built = network()
    assert len(built.state_dict()) == keys
    assert count(built) == parameters


def test_published_key_names_and_shapes():
    generator, discriminator = Generator().state_dict(), Discriminator().state_dict()
    assert generator["main.0.weight"].shape == (100, 512, 4, 4)
    assert generator["main.12.weight"].shape == (64, 3, 4, 4)
    assert discriminator["main.0.weight"].shape == (64, 3, 4, 4)
    assert discriminator["main.11.weight"].shape == (1, 512, 4, 4)
    assert {key for key in generator if ".1." in key} == {
        f"main.1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_shapes(size, channels, classes, spectral_norm):
    networks = build(
        Network(
            size=size,
            channels=channels,
            classes=classes,
            latent_dim=5,
            generator_features=2,
            discriminator_features=2,
            max_features=8,
            spectral_norm=spectral_norm,
        )
    )
    assert set(networks) == {"generator", "discriminator"}
    assert set(REQUIRED) <= set(networks)
    given = (torch.eye(3)[:2],) if classes else ()
    pictures = networks["generator"](torch.randn(2, 5), *given)
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    logits = networks["discriminator"](pictures, *given)
    assert logits.shape == (2,)
    logits.sum().backward()
    assert all(parameter.grad is not None for network in networks.values() for parameter in network.parameters())


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_of_any_size_takes_one_layer_a_doubling(size):
    weights = [value for value in Generator(size=size, features=2).state_dict().values() if value.ndim == 4]
    assert size == 4 * 2 ** (len(weights) - 1), "the rule by which files are recognised"


def test_features_double_up_to_the_limit():
    widths = [
        value.shape[1]
        for value in Generator(size=256, features=8, max_features=64).state_dict().values()
        if value.ndim == 4
    ]
    assert widths == [64, 64, 64, 32, 16, 8, 3]
    widths = [
        value.shape[0]
        for value in Discriminator(size=256, features=8, max_features=64).state_dict().values()
        if value.ndim == 4
    ]
    assert widths == [8, 16, 32, 64, 64, 64, 1]
    assert len(widths) == int(log2(256)) - 1


def test_classes_change_the_picture_and_blend():
    torch.manual_seed(0)
    generator = Generator(size=16, classes=3, latent_dim=4, features=4).eval()
    z = torch.randn(1, 4).expand(3, -1)
    classes = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    with torch.no_grad():
        first, second, between = generator(z, classes)
    scale = first.abs().max()
    assert (first - second).abs().max() > 0.1 * scale
    assert min((between - first).abs().max(), (between - second).abs().max()) > 0.01 * scale


def test_projection_adds_the_class_s_row_times_the_summed_features():
    """Miyato and Koyama, 2018, equation 3: f(h) + <v_y, sum over places of h>."""
    torch.manual_seed(0)
    discriminator = Discriminator(size=16, classes=3, features=4).eval()
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    labels = torch.tensor([2, 0])
    with torch.no_grad():
        ours = discriminator(x, torch.eye(3)[labels])
        h = x
        for layer in list(discriminator.main)[:-1]:
            h = layer(h)
        plain = torch.nn.functional.conv2d(h, discriminator.main[-1].weight).flatten()
        rows = torch.stack([discriminator.embed.weight[:, label] for label in labels])
        expected = plain + torch.einsum("bc,bchw->b", rows, h)
    torch.testing.assert_close(ours, expected)


def test_spectral_norm_holds_every_layer_s_largest_singular_value_at_one():
    torch.manual_seed(0)
    discriminator = Discriminator(size=32, classes=3, features=8, spectral_norm=True)
    x, classes = torch.rand(4, 3, 32, 32), torch.eye(3)[[0, 1, 2, 0]]
    for _ in range(100):  # One power iteration a forward pass.
        discriminator(x, classes)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in discriminator.modules())
    layers = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 5
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_initial_weights(network):
    """Convolutions N(0, 0.02), batch norm N(1, 0.02) with zero bias: section 4 of the paper."""
    torch.manual_seed(0)
    convolutions, norms = [], []
    for layer in network().modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.bias is None
            convolutions.append(layer.weight.flatten())
        elif isinstance(layer, nn.BatchNorm2d):
            norms.append(layer.weight)
            assert not layer.bias.any()
    weights, scales = torch.cat(convolutions), torch.cat(norms)
    assert abs(weights.mean().item()) < 1e-4
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    assert (weights.abs() > 0.06).float().mean().item() == pytest.approx(0.0027, rel=0.2), "not a uniform one"
    assert scales.mean().item() == pytest.approx(1, abs=0.003)
    assert scales.std().item() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("size", 48, "--size"),
        ("size", 8, "--size"),
        ("size", 512, "--size"),
        ("size", "64", "--size"),
        ("channels", 2, "--channels"),
        ("channels", 3.0, "--channels"),
        ("channels", True, "--channels"),
        ("classes", -1, "--classes"),
        ("classes", 10**9, "--classes"),
        ("latent_dim", 0, "--latent-dim"),
        ("latent_dim", 10**9, "--latent-dim"),
        ("generator_features", 0, "--generator-features"),
        ("generator_features", 10**6, "--generator-features"),
        ("discriminator_features", None, "--discriminator-features"),
        ("max_features", [1024], "--max-features"),
        ("spectral_norm", "no", "--spectral-norm"),
    ],
)
def test_bad_numbers_are_refused_by_their_flag(name, value, flag):
    """3.0 channels passed for 3 and ended in a TypeError inside torch; "no" passed for yes."""
    with pytest.raises(ConfigError, match=f"^{flag} is "):
        Network(**{name: value})


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("size", [16, 64])
def test_stages_and_head_are_the_network(size, classes):
    network = build(Network(size=size, generator_features=8, latent_dim=6, classes=classes))["generator"]
    network.eval()
    z, weights = torch.randn(2, 6), torch.eye(3)[:2] if classes else None
    x = torch.cat([z, weights], 1)[:, :, None, None] if classes else z[:, :, None, None]
    for index, stage in enumerate(network.stages()):
        x = stage(x)
        assert x.shape[2:] == (4 * 2**index,) * 2
    assert x.shape[2] == size // 2
    assert torch.equal(network.head()(x), network(z, weights))


@pytest.mark.parametrize("classes", [0, 3])
def test_the_first_stage_is_a_matrix(classes):
    network = build(Network(size=16, generator_features=8, latent_dim=6, classes=classes))["generator"]
    network(torch.randn(64, 6), torch.eye(3)[torch.arange(64) % 3] if classes else None)  # Gives it statistics.
    network.eval()
    weight, bias = network.first_stage()
    inputs = torch.randn(5, 6 + classes)
    expected = network.stages()[0](inputs[:, :, None, None]).flatten(1)
    torch.testing.assert_close((inputs.double() @ weight + bias).relu().float(), expected, atol=1e-5, rtol=1e-5)
