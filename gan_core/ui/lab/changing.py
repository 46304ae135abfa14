"""What can be changed of a run while it goes on: learning rates and intervals, and the numbers that the page sends."""

import math
from typing import Any

from gan_core.config import RunConfig
from gan_core.errors import ConfigError

RATES = {"lr_g": "The learning rate of G", "lr_d": "The learning rate of D"}
INTERVALS = {"sample_steps": "The sample interval", "snapshot_steps": "The snapshot interval"}


def current(config: RunConfig | None, control: dict[str, Any]) -> dict[str, Any]:
    """Rates and intervals as far as the run's own files tell them."""
    if config is None:
        return {}
    known = {**{name: config.recipe.get(name) for name in RATES}, **{n: getattr(config.train, n) for n in INTERVALS}}
    return known | {name: value for name, value in control.items() if name in known}


def recipe_defaults(family: str) -> dict[str, Any]:
    from gan_core.training import get_training

    return dict(vars(get_training(family).Recipe()))


def whole(name: str, value: object) -> int:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value % 1 or not 1 <= value <= 10**9:  # type: ignore[operator]
        raise ConfigError(f"{name} is {_shown(value)}. Nothing was changed. Give a whole number from 1 on.")
    return int(value)  # type: ignore[call-overload]


def rate(name: str, value: object) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if not good:
        raise ConfigError(f"{name} is {_shown(value)}. Nothing was changed. Give a number from 0 to 1, such as 0.0002.")
    return float(value)  # type: ignore[arg-type]


def _shown(value: object) -> str:
    return "empty" if value is None or value == "" else repr(value)[:40]
