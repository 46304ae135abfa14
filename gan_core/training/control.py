"""What a person may change while a run goes on: control.json in its folder, read between two steps."""

from dataclasses import asdict, replace
from typing import Any

from gan_core.config import RunConfig, build
from gan_core.errors import ConfigError
from gan_core.training.run_folder import RunFolder

RATES = ("lr_g", "lr_d")
INTERVALS = ("sample_steps", "snapshot_steps")
WORDS = {
    "lr_g": "learning rate of G",
    "lr_d": "learning rate of D",
    "sample_steps": "sample interval",
    "snapshot_steps": "snapshot interval",
}


class Control:
    """Looks whether control.json was written anew; costs one look at its time."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder, self._seen = folder, 0
        self.paused = False

    def changed(self) -> dict[str, Any]:
        """What was asked for since the last call, without `paused`; empty most of the time."""
        written_at = self._folder.control_written_at()
        if written_at == self._seen:
            return {}
        self._seen = written_at
        wanted = self._folder.control()
        self.paused = wanted.pop("paused", False) is True
        return wanted


def applied(config: RunConfig, recipe: Any, wanted: dict[str, Any]) -> tuple[RunConfig, Any, list[str]]:
    """The run's configuration and recipe with the wanted changes, and what changed, in words.

    Raises `ConfigError` for what cannot be.
    """
    if foreign := [name for name in wanted if name not in (*RATES, *INTERVALS)]:
        raise ConfigError(f"{foreign[0]!r} cannot be changed while a run goes on. Nothing was changed.")
    rates = {name: value for name, value in wanted.items() if name in RATES and value != getattr(recipe, name, None)}
    steps = {
        name: value for name, value in wanted.items() if name in INTERVALS and value != getattr(config.train, name)
    }
    new = build(type(recipe), {**asdict(recipe), **rates}, "control.json")
    train = replace(config.train, **steps)
    told = [f"{WORDS[name]} {value:g}" for name, value in rates.items()]
    told += [f"{WORDS[name]} {value:,} steps" for name, value in steps.items()]
    return replace(config, train=train, recipe={**config.recipe, **rates}), new, told
