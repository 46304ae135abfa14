"""What the tests of the Hub tab share: a model to carry and the application beside a Hub."""

from contextlib import AbstractContextManager
from pathlib import Path

import torch

from gan_core.config import ModelConfig
from gan_core.models import dcgan
from gan_core.weights import network_json, save
from tests.conftest import TINY_DCGAN
from tests.hub.conftest import NEVER_USED, Process
from tests.hub_server import HubServer
from tests.serving import App, serve

TOKEN = "hf_SECRETsecretSECRET"
HEAD = "---\nlibrary_name: gan-core\ntags:\n- dcgan\n---\n"


def ducks(folder: Path) -> Path:
    """A tiny model with a card and measures."""
    torch.manual_seed(1)
    save(folder, ModelConfig(family="dcgan", network=network_json(TINY_DCGAN)), dcgan.build(TINY_DCGAN))
    (folder / "README.md").write_text(f"{HEAD}# ducks\n\nof two lines\n")
    (folder / "metrics.json").write_text('{"fid": 31.0}')
    return folder


def serving(server: HubServer, place: Path, **more: str) -> AbstractContextManager[App]:
    """The application over the models in `place`; more: environment variables."""
    (place / "models").mkdir(exist_ok=True)
    environment = Process.environment(server.endpoint, place / "home", **more)
    ours = {name: text for name, text in environment.items() if name.startswith((*NEVER_USED, *more))}
    return serve(place / "app", runs=place / "runs", models=place / "models", **ours)
