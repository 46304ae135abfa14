"""A checkpoint becomes a model that works at once: listed, loaded, drawn with, explored, kept apart from others."""

import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from gan_core.adopt import adopt, free_folder
from gan_core.errors import CheckpointError, ConfigError, ModelError
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.library import describe, list_models, load
from gan_core.models import cyclegan
from gan_core.settings import Settings
from gan_core.weights import load as load_folder
from tests.interop.dcgans import Named, PyTorchGan, StudioGan, dcgan, dcgan_discriminator, stack, trained

REFERENCES = {
    "dcgan": lambda: Named("main", dcgan(10, 4, 3, 4)),
    "deconv": lambda: Named("network", stack(10, [8, 6, 4, 4], [3, 3, 4, 4], [1, 2, 2, 2], [0, 1, 0, 1])),
    "upsample-dcgan": lambda: PyTorchGan(32, 1, 10),
    "deep-conv": lambda: StudioGan(10, width=4),
}


def saved(path: Path, network: nn.Module) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(trained(network).state_dict(), path)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs")


@pytest.mark.parametrize("family", REFERENCES)
def test_an_imported_generator_works_at_once(tmp_path, settings, family):
    source = saved(tmp_path / "faces.pth", REFERENCES[family]())
    adopted = adopt(source, settings.models_dir / "faces")
    assert adopted.found.family == family
    info = describe(adopted.folder)
    assert (info.error, info.kind, info.family) == (None, "generator", family)
    assert [info.name for info in list_models(settings)] == ["faces"]
    model = load("faces", settings=settings, device="cpu")
    assert isinstance(model, Generator)
    (picture,) = model.generate([7], truncation=0.8)
    assert picture.size == (info.size, info.size)
    recipe = model.recipe(seed=7)
    assert recipe.model is not None
    assert model.picture(recipe).tobytes() == model.picture(recipe).tobytes()
    assert len(list(model.interpolate([1, 2], frames=3))) == 3
    kinds = {direction.id.partition("-")[0] for direction in model.directions()}
    assert kinds == ({"sefa", "pca"} if family in ("dcgan", "deconv") else {"sefa"})
    assert bool(model.stages()) == (family == "dcgan")
    moved = model.picture(model.recipe(seed=7, directions={"sefa-1": 3.0}))
    assert moved.tobytes() != model.picture(recipe).tobytes()
    with Image.open(adopted.folder / "preview.webp") as preview:
        preview.load()
        assert len(preview.convert("L").getcolors() or ()) > 10


@pytest.mark.parametrize("family", REFERENCES)
def test_an_imported_generator_finds_pictures(tmp_path, family):
    from gan_core.inference.projection import project

    source = saved(tmp_path / "faces.pth", REFERENCES[family]())
    model = Generator(load_folder(adopt(source, tmp_path / "models" / "faces").folder))
    (target,) = model.generate([3])
    assert list(project(model, target, steps=2))


def test_the_card_says_where_it_comes_from(tmp_path):
    source = saved(tmp_path / "netG_epoch_24.pth", REFERENCES["deconv"]())
    adopted = adopt(source, tmp_path / "models" / "punks")
    card = (adopted.folder / "README.md").read_text()
    import hashlib

    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    for said in ("# punks", "DCGAN as in Gradio's guide", "netG_epoch_24.pth", digest, "licence", "unknown", "Strides"):
        assert said in card
    assert card.startswith("---\nlibrary_name: gan-core")
    assert "license:" not in card
    assert str(tmp_path) not in card
    config = json.loads((adopted.folder / "config.json").read_text())
    assert config["trained"]["imported_files"] == {"netG_epoch_24.pth": digest}
    assert config["license"] is None


def test_the_card_takes_no_markdown_from_a_file_name(tmp_path):
    source = saved(tmp_path / "a|b](x)<img>.pth", REFERENCES["dcgan"]())
    card = (adopt(source, tmp_path / "m").folder / "README.md").read_text()
    assert not {"<img>", "a|b", "]("} & {part for part in ("<img>", "a|b") if part in card}


def test_file_names_that_are_no_text(tmp_path):
    source = saved(tmp_path / os.fsdecode(b"faces-\xff.pth"), REFERENCES["dcgan"]())
    folder = free_folder(tmp_path / "models", source)
    assert folder.name == "faces"
    with pytest.raises(CheckpointError, match=r"is no name of letters\. Nothing was imported\. Rename the file\."):
        adopt(source, folder)


def test_the_discriminator_travels_along(tmp_path):
    saved(tmp_path / "run" / "netG_epoch_1.pth", Named("main", dcgan(10, 4, 3, 4)))
    saved(tmp_path / "run" / "netD_epoch_1.pth", Named("main", dcgan_discriminator(4, 3, 4)))
    folder = adopt(tmp_path / "run", tmp_path / "models" / "pair").folder
    assert sorted(load_folder(folder).networks) == ["discriminator", "generator"]


def test_a_folder_that_exists_is_left_alone(tmp_path):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    adopt(source, tmp_path / "models" / "x")
    before = (tmp_path / "models" / "x" / "config.json").stat().st_mtime_ns
    with pytest.raises(ModelError, match=r"exists\. Nothing was imported"):
        adopt(source, tmp_path / "models" / "x")
    assert (tmp_path / "models" / "x" / "config.json").stat().st_mtime_ns == before


def test_an_empty_folder_is_filled(tmp_path):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    (tmp_path / "empty").mkdir()
    assert describe(adopt(source, tmp_path / "empty").folder).error is None


def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    monkeypatch.setattr("gan_core.adopt.checkpoint.generator_preview", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        adopt(source, tmp_path / "models" / "x")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="was not written"):
        adopt(source, tmp_path / "file" / "x")


@pytest.mark.parametrize("name", ["../x", "X", ".hidden"])
def test_names_that_cannot_be(tmp_path, name):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    with pytest.raises(ModelError, match="cannot name a model"):
        adopt(source, tmp_path / "models" / Path(name).name if name != "../x" else tmp_path / "a" / "..")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("horse2zebra.pth", "horse2zebra"),
        ("My Faces (v2).pth", "my-faces-v2"),
        ("maps_cyclegan/latest_net_G_A.pth", "maps-cyclegan"),
        ("celeba/netG_epoch_24.pth", "celeba"),
        ("celeba", "celeba"),
        ("model/generator.pth.tar", "imported"),
    ],
)
def test_names_follow_the_file_or_its_folder(tmp_path, path, name):
    source = tmp_path / "downloads" / path
    if source.suffix:
        saved(source, nn.Linear(1, 1))
    else:
        source.mkdir(parents=True)
    models = tmp_path / "models"
    assert free_folder(models, source) == models / name
    (models / name).mkdir(parents=True)
    assert free_folder(models, source) == models / f"{name}-2"


# Translators.


def resnet(seed: int, blocks: int = 1) -> nn.Module:
    """junyanz' generator, small: its dialects are compared layer by layer in tests/interop."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), nn.InstanceNorm2d(4), nn.ReLU()]
    layers += [nn.Conv2d(4, 8, 3, 2, 1), nn.InstanceNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 16, 3, 2, 1), nn.InstanceNorm2d(16), nn.ReLU()]
    for _ in range(blocks):
        inside: list[nn.Module] = []
        for _ in range(2):
            inside += [nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16), nn.ReLU()]
        layers.append(Named("conv_block", nn.Sequential(*inside[:-1])))
    layers += [nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), nn.InstanceNorm2d(8), nn.ReLU()]
    layers += [nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.InstanceNorm2d(4), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh()]
    torch.manual_seed(seed)
    return Named("model", nn.Sequential(*layers))


def translators(tmp_path: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        saved(tmp_path / "maps" / f"{name}.pth", resnet(seed))
    return tmp_path / "maps"


def test_an_imported_translator_works_at_once(tmp_path, settings):
    source = translators(tmp_path, "latest_net_G_A", "latest_net_G_B")
    adopted = adopt(source, settings.models_dir / "maps", domains={"a": "map", "b": "satellite picture"})
    info = describe(adopted.folder)
    assert (info.error, info.kind) == (None, "translator")
    model = load("maps", settings=settings, device="cpu")
    assert isinstance(model, Translator)
    assert model.directions == ["ab", "ba"]
    assert model.domains == {"a": "map", "b": "satellite picture"}
    assert model.translate(Image.new("RGB", (50, 37))).size == (50, 37)
    card = (adopted.folder / "README.md").read_text()
    assert "turns map into satellite picture and satellite picture into map" in card
    assert "Direction ab, ba" in card


def test_one_direction_and_the_trap(tmp_path):
    source = translators(tmp_path, "horse2zebra") / "horse2zebra.pth"
    one = adopt(source, tmp_path / "models" / "one")
    other = adopt(source, tmp_path / "models" / "other", direction="ba")
    for adopted, direction in ((one, "ab"), (other, "ba")):
        model = Translator(load_folder(adopted.folder))
        assert model.directions == [model.default_direction] == [direction]
        assert sorted(path.stem for path in adopted.folder.glob("*.safetensors")) == [f"generator_{direction}"]
    assert "turns horse into zebra," in (one.folder / "README.md").read_text()


def test_directions_and_domains_are_for_translators(tmp_path):
    source = saved(tmp_path / "x.pth", REFERENCES["dcgan"]())
    with pytest.raises(ConfigError, match="has no direction"):
        adopt(source, tmp_path / "models" / "x", direction="ba")
    with pytest.raises(ConfigError, match="has no domains"):
        adopt(source, tmp_path / "models" / "x", domains={"a": "horse"})
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("words", ["", "x" * 81, "two\nlines"])
def test_domains_that_cannot_be_shown(tmp_path, words):
    source = translators(tmp_path, "horse2zebra")
    with pytest.raises(ConfigError, match="cannot say what domain a shows"):
        adopt(source, tmp_path / "models" / "x", domains={"a": words})


def test_what_is_not_recognised_writes_nothing(tmp_path):
    path = saved(tmp_path / "x.pth", nn.Linear(3, 3))
    with pytest.raises(CheckpointError, match="no architecture that is known here"):
        adopt(path, tmp_path / "models" / "x")
    assert not (tmp_path / "models").exists()


def test_our_own_folders_need_no_import(tmp_path, conditional_folder):
    """Its weights alone would lose the classes."""
    for source in (conditional_folder, conditional_folder / "generator.safetensors"):
        with pytest.raises(CheckpointError, match="is a model of GAN Studio already"):
            adopt(source, tmp_path / "again")


def test_our_own_models_come_back(tmp_path):
    """A model folder's weights are the reference's own keys, so it can be imported again."""
    network = cyclegan.Network(
        generator_features=4, blocks=1, discriminator_features=4, discriminator_layers=1, upsample="transposed"
    )
    states = cyclegan.build(network)
    torch.save(states["generator_ab"].state_dict(), tmp_path / "latest_net_G_A.pth")
    found = adopt(tmp_path / "latest_net_G_A.pth", tmp_path / "models" / "x").found
    assert found.network["generator_features"] == 4
