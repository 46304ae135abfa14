"""Files for the reference projects: their names and keys, loaded strictly by networks built here from their layout."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan_core.config import ModelConfig
from gan_core.errors import ModelError
from gan_core.interop.reference import export, planned
from gan_core.models import get_networks
from gan_core.weights import Model, network_json, save
from gan_core.weights import load as load_folder

# The reference networks, layer by layer, from the projects' documented layout and without a line of ours.


def example_generator(nz: int, ngf: int, nc: int, layers: int = 4) -> nn.Module:
    """pytorch/examples' DCGAN for 4 * 2 ** layers px; 4 layers there."""
    widths = [ngf * 2**level for level in reversed(range(layers))]
    parts: list[nn.Module] = [nn.ConvTranspose2d(nz, widths[0], 4, 1, 0, bias=False)]
    for width, following in zip(widths, [*widths[1:], None], strict=True):
        parts += [nn.BatchNorm2d(width), nn.ReLU(True)]
        parts += [nn.ConvTranspose2d(width, nc if following is None else following, 4, 2, 1, bias=False)]
    return nn.ModuleDict({"main": nn.Sequential(*parts, nn.Tanh())})


def example_discriminator(ndf: int, nc: int) -> nn.Module:
    parts: list[nn.Module] = [nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for width in (ndf, 2 * ndf, 4 * ndf):
        parts += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
    parts += [nn.Conv2d(8 * ndf, 1, 4, 1, 0, bias=False), nn.Sigmoid()]
    return nn.ModuleDict({"main": nn.Sequential(*parts)})


class Block(nn.Module):
    def __init__(self, width: int, norm: type[nn.Module], bias: bool, dropout: bool, name: str) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)]
        self.name = name
        self.add_module(name, nn.Sequential(*half, nn.ReLU(True), *([nn.Dropout(0.5)] if dropout else []), *other))

    def forward(self, x: Tensor) -> Tensor:
        return x + getattr(self, self.name)(x)


def resnet(
    ngf: int, blocks: int, norm: type[nn.Module] = nn.InstanceNorm2d, dropout: bool = False, resize: bool = False
) -> nn.Module:
    """junyanz' ResnetGenerator; with `resize`, PyTorch-GAN's GeneratorResNet."""
    bias = norm is nn.InstanceNorm2d
    parts: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7, bias=bias), norm(ngf), nn.ReLU(True)]
    for width in (ngf, 2 * ngf):
        parts += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), norm(2 * width), nn.ReLU(True)]
    parts += [Block(4 * ngf, norm, bias, dropout, "block" if resize else "conv_block") for _ in range(blocks)]
    for width in (4 * ngf, 2 * ngf):
        if resize:
            parts += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width // 2, 3, 1, 1)]
        else:
            parts += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)]
        parts += [norm(width // 2), nn.ReLU(True)]
    return nn.ModuleDict({"model": nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())})


def patch_discriminator(ndf: int) -> nn.Module:
    norm = nn.InstanceNorm2d
    parts: list[nn.Module] = [nn.Conv2d(3, ndf, 4, 2, 1), nn.LeakyReLU(0.2)]
    for width, stride in ((ndf, 2), (2 * ndf, 2), (4 * ndf, 1)):
        parts += [nn.Conv2d(width, 2 * width, 4, stride, 1), norm(2 * width), nn.LeakyReLU(0.2)]
    return nn.ModuleDict({"model": nn.Sequential(*parts, nn.Conv2d(8 * ndf, 1, 4, 1, 1))})


class UnetPart(nn.Module):
    """junyanz' skip connection block with batch norm."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, outermost: bool = False) -> None:
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(3 if outermost else outer, inner, 4, 2, 1, bias=False)
        up = nn.ConvTranspose2d(inner if inside is None else 2 * inner, outer, 4, 2, 1, bias=outermost)
        if outermost:
            parts = [down, inside, nn.ReLU(True), up, nn.Tanh()]
        elif inside is None:
            parts = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
        else:
            parts = [nn.LeakyReLU(0.2, True), down, nn.BatchNorm2d(inner), inside]
            parts += [nn.ReLU(True), up, nn.BatchNorm2d(outer), nn.Dropout(0.5)]
        self.model = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(ngf: int, downs: int) -> nn.Module:
    part: nn.Module | None = None
    for _ in range(downs - 4):
        part = UnetPart(8 * ngf, 8 * ngf, part)
    for width in (4 * ngf, 2 * ngf, ngf):
        part = UnetPart(width, 2 * width, part)
    return nn.ModuleDict({"model": UnetPart(3, ngf, part, outermost=True)})


# Our models.


def randomised(network: nn.Module) -> nn.Module:
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "running_var" in name else torch.randn_like(value) * 0.2)
    return network.eval()


def model(family: str, only: tuple[str, ...] = (), **numbers: object) -> Model:
    torch.manual_seed(5)
    module = get_networks(family)
    network = module.Network(**numbers)
    networks = {name: randomised(one) for name, one in module.build(network).items() if not only or name in only}
    config = ModelConfig(family=family, network=network_json(network), domains={"a": "horse", "b": "zebra"})
    return Model(config, networks)


def loaded(path: Path, reference: nn.Module) -> nn.Module:
    """The reference network with the file's weights, as the projects load them: strictly."""
    reference.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return reference.eval()


def assert_same(ours: nn.Module, reference: nn.Module, x: Tensor, theirs: Tensor | None = None) -> None:
    (root,) = reference.values()
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), root(x if theirs is None else theirs), atol=1e-5, rtol=0)


PHOTOS = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(9)) * 2 - 1


def names(paths: list[Path]) -> list[str]:
    return sorted(path.name for path in paths)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_dcgan_opens_in_pytorch_examples(tmp_path, channels):
    ours = model("dcgan", channels=channels, latent_dim=20, generator_features=6, discriminator_features=5)
    ours.config.trained["images"], ours.config.data["images"] = 2500, 100
    assert names(export(ours, tmp_path)) == ["netD_epoch_25.pth", "netG_epoch_25.pth"]
    generator = loaded(tmp_path / "netG_epoch_25.pth", example_generator(20, 6, channels))
    z = torch.randn(4, 20)
    assert_same(ours.networks["generator"], generator, z, z[:, :, None, None])
    discriminator = loaded(tmp_path / "netD_epoch_25.pth", example_discriminator(5, channels))
    x = torch.rand(4, channels, 64, 64) * 2 - 1
    with torch.inference_mode():  # The example's sigmoid belongs to our loss.
        expected = torch.sigmoid(ours.networks["discriminator"](x))
        torch.testing.assert_close(discriminator["main"](x).flatten(), expected, atol=1e-5, rtol=0)
    assert "--nz 20 --ngf 6 --ndf 5" in planned(ours).notes[0]


def test_other_sizes_are_written_and_told(tmp_path):
    ours = model("dcgan", size=32, latent_dim=8, generator_features=6)
    export(ours, tmp_path)
    generator = loaded(tmp_path / "netG_epoch_0.pth", example_generator(8, 6, 3, layers=3))
    z = torch.randn(2, 8)
    assert_same(ours.networks["generator"], generator, z, z[:, :, None, None])
    assert "64 px networks alone: for 32 px, its networks must get 1 layer less" in planned(ours).notes[0]
    capped = planned(model("dcgan", size=64, generator_features=8, max_features=16))
    assert "stop at 16" in capped.notes[0]


def test_a_discriminator_with_spectral_norm_stays_behind():
    plan = planned(model("dcgan", size=16, generator_features=4, discriminator_features=4, spectral_norm=True))
    assert list(plan.files) == ["netG_epoch_0.pth"]
    assert any("spectral norm" in note for note in plan.notes)


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("dropout", [False, True])
def test_cyclegan_opens_in_junyanz_project_the_right_way_round(tmp_path, norm, dropout):
    ours = model(
        "cyclegan", generator_features=4, blocks=6, norm=norm, dropout=dropout, discriminator_features=4,
    )  # fmt: skip
    files = [f"latest_net_{net}.pth" for net in ("D_A", "D_B", "G_A", "G_B")]
    assert names(export(ours, tmp_path)) == files
    kind = nn.InstanceNorm2d if norm == "instance" else nn.BatchNorm2d
    for theirs, direction in (("G_A", "ab"), ("G_B", "ba")):
        reference = loaded(tmp_path / f"latest_net_{theirs}.pth", resnet(4, 6, kind, dropout))
        assert_same(ours.networks[f"generator_{direction}"], reference, PHOTOS)
    if norm == "instance":
        for theirs, domain in (("D_A", "b"), ("D_B", "a")):
            reference = loaded(tmp_path / f"latest_net_{theirs}.pth", patch_discriminator(4))
            assert_same(ours.networks[f"discriminator_{domain}"], reference, PHOTOS)
    command, way = planned(ours).notes
    assert f"--model cycle_gan --netG resnet_6blocks --ngf 4 --norm {norm}" in command
    assert ("--no_dropout" in command) == (not dropout)
    assert ("--eval" in command) == (dropout or norm == "batch")
    assert way == "G_A makes zebra from horse, and G_B the reverse."


def test_one_direction_becomes_a_single_generator(tmp_path):
    ours = model("cyclegan", only=("generator_ba",), generator_features=4, blocks=9)
    assert names(export(ours, tmp_path)) == ["latest_net_G.pth"]
    assert_same(ours.networks["generator_ba"], loaded(tmp_path / "latest_net_G.pth", resnet(4, 9)), PHOTOS)
    assert "latest_net_G.pth makes horse from zebra." in planned(ours).notes
    with pytest.raises(ModelError, match="no direction ab"):
        export(ours, tmp_path / "other", directions=["ab"])
    both = model("cyclegan", generator_features=4, blocks=2, discriminator_features=4)
    plan = planned(both, ["ab"])
    assert list(plan.files) == ["latest_net_G.pth", "latest_net_D.pth"]
    assert plan.files["latest_net_D.pth"].keys() == both.networks["discriminator_b"].state_dict().keys()
    assert any("n_blocks=2" in note for note in plan.notes)


def test_enlargement_and_convolution_opens_in_pytorch_gan(tmp_path):
    ours = model("cyclegan", generator_features=4, blocks=3, upsample="resize")
    assert names(export(ours, tmp_path)) == ["G_AB_0.pth", "G_BA_0.pth"]
    for direction in ("ab", "ba"):
        reference = loaded(tmp_path / f"G_{direction.upper()}_0.pth", resnet(4, 3, resize=True))
        assert_same(ours.networks[f"generator_{direction}"], reference, PHOTOS)
    assert "PyTorch-GAN" in planned(ours).notes[0]


@pytest.mark.parametrize(("halvings", "option"), [(7, "unet_128"), (8, "unet_256"), (6, "num_downs=6")])
def test_pix2pix_opens_in_junyanz_project(tmp_path, halvings, option):
    ours = model("pix2pix", only=("generator_ab",), generator_features=2, halvings=halvings)
    assert names(export(ours, tmp_path)) == ["latest_net_G.pth"]
    reference = loaded(tmp_path / "latest_net_G.pth", unet(2, halvings))
    side = 2**halvings
    photos = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert_same(ours.networks["generator_ab"], reference, photos)
    notes = " ".join(planned(ours).notes)
    assert option in notes
    assert "--eval" in notes


def test_cut_keeps_its_blurs_and_names_its_options():
    ours = model("cyclegan", only=("generator_ab",), generator_features=4, blocks=9, downsample="blur", upsample="blur")
    plan = planned(ours)
    assert {"model.7.filt", "model.11.filt"} <= plan.files["latest_net_G.pth"].keys()
    assert "contrastive-unpaired-translation" in plan.notes[0]
    assert "antialias" not in plan.notes[0]
    half = model("cyclegan", only=("generator_ab",), generator_features=4, blocks=9, downsample="blur")
    assert "--no_antialias_up" in planned(half).notes[0]


@pytest.mark.parametrize(
    ("family", "numbers", "why"),
    [
        ("dcgan", {"size": 16, "classes": 3, "generator_features": 4, "discriminator_features": 4}, "3 classes"),
        ("cyclegan", {"generator_features": 4, "blocks": 1, "upsample": "resize", "global_skip": True}, "global_skip"),
        ("cyclegan", {"generator_features": 4, "blocks": 1, "upsample": "resize", "norm": "batch"}, "no other project"),
        ("pix2pix", {"generator_features": 2, "halvings": 5}, "one direction"),
    ],
    ids=["classes", "skip", "resize-batch", "two-ways"],
)
def test_what_would_draw_otherwise_is_refused(tmp_path, family, numbers, why):
    with pytest.raises(ModelError, match=why) as refused:
        export(model(family, **numbers), tmp_path / "out")
    assert "Nothing was written" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_no_file_is_written_over(tmp_path):
    ours = model("cyclegan", generator_features=4, blocks=1)
    (tmp_path / "latest_net_G_B.pth").write_bytes(b"a week's training")
    with pytest.raises(ModelError, match="exists"):
        export(ours, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["latest_net_G_B.pth"]


def test_imported_families_go_back_under_their_own_keys(tmp_path):
    ours = model(
        "deconv", size=24, channels=4, latent_dim=10, widths=[12, 8, 4], kernels=[3, 3, 4, 4], strides=[1, 2, 2, 2],
        paddings=[0, 1, 0, 1],
    )  # fmt: skip
    (path,) = export(ours, tmp_path)
    assert path.name == "generator.pth"
    assert set(torch.load(path, weights_only=True)) == set(ours.networks["generator"].state_dict())
    assert "kernels [3, 3, 4, 4]" in planned(ours).notes[0]


@pytest.mark.parametrize(
    ("family", "numbers"),
    [
        ("dcgan", {"latent_dim": 12, "generator_features": 4, "discriminator_features": 4}),
        ("cyclegan", {"generator_features": 4, "blocks": 2, "discriminator_features": 4}),
        ("cyclegan", {"generator_features": 4, "blocks": 2, "upsample": "resize"}),
        ("cyclegan", {"generator_features": 4, "blocks": 2, "downsample": "blur", "upsample": "blur"}),
        ("deep-conv", {"size": 16, "latent_dim": 8, "widths": [8, 8, 4]}),
        ("upsample-dcgan", {"size": 16, "latent_dim": 8, "features": 8, "last_features": 4}),
    ],
    ids=["dcgan", "junyanz", "pytorch-gan", "cut", "studiogan", "upsample"],
)
def test_what_goes_out_comes_back_the_same(tmp_path, family, numbers):
    """Export, then recognise: the same family, numbers and weights, the same way round."""
    from gan_core.interop import recognise

    ours = model(family, **numbers)
    export(ours, tmp_path / "out")
    found = recognise(tmp_path / "out")
    assert found.family == family
    differing = {key for key, value in found.network.items() if ours.config.network[key] != value}
    assert differing <= {"discriminator_features", "discriminator_layers", "max_features"}
    save(tmp_path / "back", ModelConfig(family=family, network=found.network), get_networks(family).build(
        get_networks(family).Network(**found.network)))  # fmt: skip
    back = load_folder(tmp_path / "back")
    generators = [name for name in ours.networks if name.startswith("generator")]
    assert set(generators) <= set(found.states)
    for name in generators:
        back.networks[name].load_state_dict(found.states[name], strict=True)
        x = PHOTOS if family == "cyclegan" else torch.randn(2, numbers["latent_dim"])
        with torch.inference_mode():
            torch.testing.assert_close(back.networks[name].eval()(x), ours.networks[name](x), atol=1e-5, rtol=0)
