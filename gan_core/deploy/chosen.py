"""The models that go into a Space: the files of each that are needed to use it, copied under its name."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_core.config import ModelConfig, check_name
from gan_core.errors import DeployError
from gan_core.hub.compare import MARK, read_meeting, write_meeting
from gan_core.weights import BOTH, CONFIG, load, read_config

TERMS = ("README.md", "LICENSE", "ATTRIBUTION.csv")
"""Card, terms and credits."""
ALONG = ("config.json", "directions.json", "metrics.json", "preview.webp", "curve.webp", *TERMS)
"""Files that go along with the weights, where there are some. Whatever else lies in the folder stays here."""
_CACHED = re.compile(r"models--(.+?)--(.+)")
"""A repository in the cache of the Hub's client, whose files are links to one store per repository."""


@dataclass(frozen=True)
class Chosen:
    """A model that goes along, as it stands in the Space's folder."""

    name: str
    folder: Path
    config: ModelConfig
    hub: str | None
    """Its repository on the Hub, user/name, where that is known."""


def copy_models(
    models: Sequence[Path], into: Path, *, discriminators: bool = False, tell: Callable[[str], None]
) -> list[Chosen]:
    """Copy what is needed of each model to a folder of its name, by name. Raises `DeployError`, and `ModelError` for
    one that is damaged.
    """
    named: dict[str, Path] = {}
    for folder in models:
        name = check_name(_name(folder))
        if name in named and named[name].resolve() != folder.resolve():
            raise DeployError(f"Two models are called {name}: {named[name]} and {folder}. No Space was built.")
        named[name] = folder
    return [_copy(folder, into / name, discriminators, tell) for name, folder in sorted(named.items())]


def _name(folder: Path) -> str:
    """That of its folder; a snapshot is called as its run, and a copy in the client's cache as its repository."""
    folder = folder.absolute()
    if folder.parent.name != "snapshots":
        return folder.name
    home = folder.parent.parent
    cached = _CACHED.fullmatch(home.name)
    return (cached[2] if cached else home.name).lower()


def _copy(folder: Path, to: Path, discriminators: bool, tell: Callable[[str], None]) -> Chosen:
    from gan_core.models import get_networks

    config = read_config(folder)
    family = get_networks(config.family)
    idle = {f"generator_{direction}" for direction in BOTH if direction not in (config.directions or BOTH)}
    needed = [f"{name}.safetensors" for name in family.REQUIRED if name not in idle]
    wanted = [*ALONG, *needed]
    if discriminators:
        wanted += [path.name for path in sorted(folder.glob("discriminator*.safetensors"))]
    to.mkdir(parents=True)
    for name in wanted:
        path = folder / name
        if not path.is_file():
            continue
        if not _at_home(path, folder):
            if name in needed or name == CONFIG:
                raise DeployError(
                    f"{path} is a link that leads out of the model's folder. No Space was built. Put the file there."
                )
            tell(f"{path} leads out of the model's folder and stays here.")
            continue
        shutil.copyfile(path, to / name)
    _mark(folder, to)
    load(to, only=None if discriminators else family.REQUIRED)  # Strictly: nobody else should meet a damaged model.
    met = read_meeting(to)
    return Chosen(to.name, to, config, met.repository if met else None)


def _at_home(path: Path, folder: Path) -> bool:
    home = folder.resolve()
    if home.parent.name == "snapshots" and _CACHED.fullmatch(home.parent.parent.name):
        home = home.parent.parent
    return path.resolve().is_relative_to(home)


def _mark(folder: Path, to: Path) -> None:
    """Where the model lies on the Hub, beside the copy until it goes into the Space."""
    cached = _CACHED.fullmatch(folder.resolve().parent.parent.name)
    if (folder / MARK).is_file() and _at_home(folder / MARK, folder):
        shutil.copyfile(folder / MARK, to / MARK)
    elif cached:
        write_meeting(to, f"{cached[1]}/{cached[2]}", folder.resolve().name, {})
