"""The reference networks of the translators' projects, by hand and by index, and what their importing has to show."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_core.interop import Found, recognise
from gan_core.models import get_networks
from tests.models.test_dcgan import randomize

NORMS = {
    "instance": partial(nn.InstanceNorm2d, affine=False, track_running_stats=False),
    "batch": nn.BatchNorm2d,
    "none": lambda _: nn.Identity(),
}


class Sum(nn.Module):
    """x + layers(x), the layers under the name that the project gives them."""

    def __init__(self, name: str, *layers: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return x + getattr(self, self.name)(x)


def block(width: int, *, norm="instance", dropout=False, padding="reflect", name="conv_block", bias=None) -> Sum:
    """A residual block. With zero padding there is no layer for it."""
    bias = norm == "instance" if bias is None else bias
    pads = {"reflect": [nn.ReflectionPad2d(1)], "replicate": [nn.ReplicationPad2d(1)], "zero": []}[padding]
    convolution = partial(nn.Conv2d, width, width, 3, padding=int(padding == "zero"), bias=bias)
    middle = [nn.Dropout(0.5)] if dropout else []
    return Sum(
        name,
        *pads,
        convolution(),
        NORMS[norm](width),
        nn.ReLU(),
        *middle,
        *pads,
        convolution(),
        NORMS[norm](width),
    )


class Down(nn.Module):
    """CUT's Downsample: reflect by one, blur with 1 2 1, every second pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        kernel = torch.outer(row, row) / 16
        self.register_buffer("filt", kernel[None, None].repeat(channels, 1, 1, 1))
        self.pad = nn.ReflectionPad2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(self.pad(x), self.filt, stride=2, groups=x.shape[1])


class Up(nn.Module):
    """CUT's Upsample: the edge repeated by one, transposed convolution with 1 3 3 1, the surplus cut off."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = torch.outer(row, row) / 64 * 4
        self.register_buffer("filt", kernel[None, None].repeat(channels, 1, 1, 1))
        self.pad = nn.ReplicationPad2d(1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.conv_transpose2d(self.pad(x), self.filt, stride=2, padding=2, groups=x.shape[1])
        return y[:, :, 1:-1, 1:-1]


def resnet(
    ngf: int,
    blocks: int,
    *,
    inputs=3,
    outputs=3,
    norm="instance",
    dropout=False,
    padding="reflect",
    blur_down=False,
    up="transposed",
    bias=None,
) -> nn.Sequential:
    """junyanz' and CUT's ResnetGenerator: what they call `model`."""
    bias, normed = norm == "instance" if bias is None else bias, NORMS[norm]
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, ngf, 7, bias=bias), normed(ngf), nn.ReLU()]
    for width in (ngf, 2 * ngf):
        stride = 1 if blur_down else 2
        layers += [nn.Conv2d(width, 2 * width, 3, stride, 1, bias=bias), normed(2 * width), nn.ReLU()]
        layers += [Down(2 * width)] if blur_down else []
    layers += [block(4 * ngf, norm=norm, dropout=dropout, padding=padding, bias=bias) for _ in range(blocks)]
    for width in (4 * ngf, 2 * ngf):
        convolution = nn.Conv2d(width, width // 2, 3, 1, 1, bias=bias)
        layers += {
            "transposed": [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)],
            "blur": [Up(width), convolution],
            "nested": [nn.Sequential(nn.Upsample(scale_factor=2), convolution)],
            "apart": [nn.Upsample(scale_factor=2), convolution],
        }[up]
        layers += [normed(width // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, outputs, 7), nn.Tanh()]
    return nn.Sequential(*layers)


def pytorch_gan(ngf: int, blocks: int, *, channels=3) -> nn.Sequential:
    """PyTorch-GAN's and huggan's GeneratorResNet: padding as wide as channels, blocks called `block`."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(channels), nn.Conv2d(channels, ngf, 7), nn.InstanceNorm2d(ngf)]
    layers += [nn.ReLU()]
    for width in (ngf, 2 * ngf):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]
    layers += [block(4 * ngf, name="block") for _ in range(blocks)]
    for width in (4 * ngf, 2 * ngf):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width // 2, 3, 1, 1)]
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(channels), nn.Conv2d(ngf, channels, 7), nn.Tanh())


class Skip(nn.Module):
    """One level of junyanz' U-Net; its leaky ReLU works in place, also on what the skip hands on."""

    def __init__(self, layers: list[nn.Module], outermost: bool) -> None:
        super().__init__()
        self.outermost = outermost
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(ngf: int, downs: int, *, inputs=3, outputs=3, norm="batch", dropout=False, bias=None) -> Skip:
    """junyanz' UnetGenerator: what it calls `model`, from the inside out."""
    bias = norm == "instance" if bias is None else bias
    normed = NORMS[norm]

    def halve(one: int, other: int) -> nn.Conv2d:
        return nn.Conv2d(one, other, 4, 2, 1, bias=bias)

    def double(one: int, other: int, biased: bool = bias) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(one, other, 4, 2, 1, bias=biased)

    leaky, relu = partial(nn.LeakyReLU, 0.2, True), partial(nn.ReLU, True)
    wide = ngf * 8
    level = Skip([leaky(), halve(wide, wide), relu(), double(wide, wide), normed(wide)], False)
    plan = [(wide, wide, dropout)] * (downs - 5) + [
        (ngf * 4, wide, False),
        (ngf * 2, ngf * 4, False),
        (ngf, ngf * 2, False),
    ]
    for outer, inner, dropped in plan:
        layers = [leaky(), halve(outer, inner), normed(inner), level, relu(), double(2 * inner, outer), normed(outer)]
        level = Skip(layers + ([nn.Dropout(0.5)] if dropped else []), False)
    return Skip([halve(inputs, ngf), level, relu(), double(2 * ngf, outputs, True), nn.Tanh()], True)


def patch_discriminator(ndf: int, *, channels=3, norm="instance", layers=3) -> nn.Sequential:
    """junyanz' NLayerDiscriminator: what it calls `model`."""
    bias, normed = norm == "instance", NORMS[norm]
    parts: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, 2, 1), nn.LeakyReLU(0.2)]
    width = ndf
    for level in range(1, layers + 1):
        wider = ndf * min(2**level, 8)
        parts += [
            nn.Conv2d(width, wider, 4, 2 if level < layers else 1, 1, bias=bias),
            normed(wider),
            nn.LeakyReLU(0.2),
        ]
        width = wider
    return nn.Sequential(*parts, nn.Conv2d(width, 1, 4, 1, 1))


def named(network: nn.Module, root: str = "model") -> dict[str, Tensor]:
    """A state dict as the project saves it, with random weights and statistics."""
    return {f"{root}.{key}" if root else key: value for key, value in randomize(network).state_dict().items()}


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 2 - 1


def painted(found: Found, name: str, x: Tensor) -> Tensor:
    """Build what was found, load it strictly and paint."""
    networks = get_networks(found.family)
    network = networks.build(networks.Network(**found.network))[name].eval()
    network.load_state_dict(found.states[name], strict=True)
    with torch.no_grad():
        return network(x)


def same(found: Found, name: str, reference: nn.Module, x: Tensor) -> None:
    """The imported network gives what the reference gives, to 1e-5 (a copy of x for each: some work in place)."""
    with torch.no_grad():
        expected = reference.eval()(x.clone())
    assert expected.std() > 1e-3, "a picture of one colour proves nothing"
    torch.testing.assert_close(painted(found, name, x.clone()), expected, atol=1e-5, rtol=0)


def saved(state: dict[str, Tensor], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


def imported(state: dict[str, Tensor], path: Path) -> Found:
    return recognise(saved(state, path))
