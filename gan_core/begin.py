"""Beginning a run: its configuration checked, its folder made, and the model that it starts from copied into it."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from gan_core import weights
from gan_core.config import ModelConfig, RunConfig, build, train_config
from gan_core.errors import ConfigError, RunError
from gan_core.families import get_family
from gan_core.library import find
from gan_core.models import get_networks
from gan_core.settings import Settings
from gan_core.training.branching import START
from gan_core.training.run_folder import RunFolder, create_run

FROM_DATA = ("size", "channels", "channels_b", "classes")
"""Constructor numbers that follow from the data and the general options."""


class Origin(NamedTuple):
    """A model to start from."""

    folder: Path
    config: ModelConfig
    about: dict[str, Any]
    """The `origin` of a run that begins with it."""


def resolved(
    family: str,
    train: dict[str, Any],
    network: dict[str, Any],
    recipe: dict[str, Any],
    settings: Settings | None = None,
) -> RunConfig:
    """The configuration of what was asked for; what was not follows from the model to start from, if there is one.

    Raises `GanCoreError` where the two contradict each other.
    """
    if train.get("start_from"):
        origin = find_start(str(train["start_from"]), settings or Settings())
        numbers, told = origin.config.network, {}
        if get_family(family).kind == "generator":
            told = {"size": numbers.get("size"), "conditional": bool(numbers.get("classes"))}
        told["channels"] = numbers.get("channels")
        train = {**{name: value for name, value in told.items() if value is not None}, **train}
        config = RunConfig(family=family, train=train_config(family, **train), network=network, recipe=recipe)
        return _checked(config, origin)
    return RunConfig(family=family, train=train_config(family, **train), network=network, recipe=recipe)


def begin(config: RunConfig, settings: Settings | None = None, *, run: Path | None = None) -> RunFolder:
    """A new run folder, ready to be trained; run: its path, else it gets the next number in the runs folder.

    Raises `GanCoreError`, and leaves nothing behind then.
    """
    from gan_core.data import short_name
    from gan_core.training.checks import check

    settings = settings or Settings()
    origin = find_start(config.train.start_from, settings) if config.train.start_from else None
    if origin is not None:
        config = _checked(config, origin)
    check(config)

    def fill(folder: Path) -> None:
        if origin is not None:
            _copy_model(origin.folder, folder / START)
            RunFolder(folder).write_about(origin=origin.about)

    try:
        if run is None:
            return create_run(settings.runs_dir, config, short_name(config.train.data), fill)
        if run.exists():
            raise RunError(f"{run} exists. Nothing was started. Go on with it by --resume, or choose another --run.")
        folder = RunFolder(run)
        folder.create(config, fill)
    except OSError as error:
        raise RunError(
            f"{run or settings.runs_dir} cannot be written ({error.strerror or error}). Nothing was started. "
            "Make room, or choose another folder."
        ) from None
    return folder


def find_start(name: str, settings: Settings) -> Origin:
    """The model of a name that `library.find` knows."""
    folder = find(name, settings)
    config = weights.read_config(folder)
    about: dict[str, Any] = {"model": name}
    if folder.parent.name == "snapshots" and folder.name.isdigit():
        about = {"run": folder.parent.parent.resolve().name, "step": int(folder.name), "exact": False}
    return Origin(folder, config, about)


def _checked(config: RunConfig, origin: Origin) -> RunConfig:
    """The configuration with the model's network options; raises `ConfigError` by the name of what contradicts it."""
    model, train, name = origin.config, config.train, str(config.train.start_from)
    family = get_family(model.family)
    if model.family != config.family:
        other = f"is a {family.title} model" + ("" if family.trainable else ", which is not trained here")
        raise ConfigError(f"{name} {other}, and cannot start a {get_family(config.family).title}. Nothing was started.")
    if missing := [part for part in get_networks(model.family).REQUIRED if not _has(origin.folder, part)]:
        raise ConfigError(f"{name} lacks {missing[0]}.safetensors: it cannot be trained further. Nothing was started.")
    numbers = model.network
    if family.kind == "generator" and numbers.get("size") != train.size:
        raise ConfigError(
            f"--size {train.size} does not fit {name}, which draws {numbers.get('size')} px. {_LEAVE_OUT}"
        )
    if train.channels not in (None, numbers.get("channels")):
        has = f"whose pictures have {numbers.get('channels')}"
        raise ConfigError(f"--channels {train.channels} does not fit {name}, {has}. {_LEAVE_OUT}")
    if numbers.get("channels_b") not in (None, numbers.get("channels")):
        raise ConfigError(f"{name} has domains of unlike channels, which cannot be trained here. Nothing was started.")
    if bool(numbers.get("classes")) != train.conditional:
        told = f"has {len(model.classes or ())} classes" if model.classes else "knows no classes"
        flag = "--no-conditional" if train.conditional is False else "--conditional"
        raise ConfigError(f"{flag} does not fit {name}, which {told}. {_LEAVE_OUT}")
    for option, value in config.network.items():
        if option in numbers and numbers[option] != value:
            flag = f"--{option.replace('_', '-')}"
            raise ConfigError(f"{flag} {value} contradicts {name}, which has {numbers[option]}. {_LEAVE_OUT}")
    usual = asdict(build(get_networks(model.family).Network, {}, "The network"))
    own = {key: value for key, value in numbers.items() if key not in FROM_DATA and usual.get(key) != value}
    return RunConfig(family=config.family, train=train, network={**config.network, **own}, recipe=config.recipe)


_LEAVE_OUT = "Nothing was started. Leave it out: it follows from the model."


def _has(folder: Path, part: str) -> bool:
    return (folder / f"{part}.safetensors").is_file()


def _copy_model(source: Path, target: Path) -> None:
    """Configuration and weights, as files of their own: the model may be changed or deleted while the run goes on."""
    target.mkdir()
    for path in (source / weights.CONFIG, *sorted(source.glob("*.safetensors"))):
        shutil.copyfile(path, target / path.name)
