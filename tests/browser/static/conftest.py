"""Pages without a server, each written and served once for all tests that look at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.weights import network_json, save
from tests.browser.static.hand import opened, restored
from tests.browser.static_bundle import serving, visit, written
from tests.conftest import TINY_CONDITIONAL, TINY_CYCLEGAN
from tests.deploy.tiny import louder

REAL = Path(__file__).resolve().parents[3] / "pretrained" / "monet2photo-cyclegan"
GREY = dcgan.Network(size=32, channels=1, latent_dim=8, generator_features=8, discriminator_features=8)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A colour generator with classes, a grey one without, a translator."""
    folder = tmp_path_factory.mktemp("static-models")
    for name, network, classes in (("tiny-dcgan", TINY_CONDITIONAL, ["ant", "bee", "cat"]), ("tiny-grey", GREY, None)):
        torch.manual_seed(4)
        networks = dcgan.build(network)
        louder(networks["generator"], 6)
        save(folder / name, ModelConfig(family="dcgan", network=network_json(network), classes=classes), networks)
    torch.manual_seed(4)
    domains = {"a": "painting", "b": "photograph"}
    network = network_json(TINY_CYCLEGAN)
    config = ModelConfig(family="cyclegan", network=network, domains=domains, default_direction="ba")
    save(folder / "tiny-cyclegan", config, cyclegan.build(TINY_CYCLEGAN))
    return folder


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="session")
def bundle(models: Path, exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three tabs."""
    out = tmp_path_factory.mktemp("bundle")
    folders = [models / name for name in ("tiny-dcgan", "tiny-grey", "tiny-cyclegan")]
    return written(out, folders, exports=exports, title="Two & more", hub_id="alice/two")


@pytest.fixture(scope="session")
def url(bundle: Path) -> Iterator[str]:
    with serving(bundle) as address:
        yield address


@pytest.fixture(scope="module")
def one_page(browser, url: str) -> Iterator[Any]:
    with visit(browser, url, accept_downloads=True) as page:
        opened(page, url)
        yield page


@pytest.fixture
def page(one_page) -> Any:
    """Explore with the first seed of the first model, in a page that several tests look at."""
    restored(one_page)
    return one_page


@pytest.fixture(scope="session")
def folders(models: Path) -> list[Path]:
    """A tiny translator, and a real one."""
    return [models / "tiny-cyclegan", REAL]


@pytest.fixture(scope="session")
def paintings(folders: list[Path], exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of translators alone."""
    return written(tmp_path_factory.mktemp("paintings"), folders, exports=exports, title="Paintings")
