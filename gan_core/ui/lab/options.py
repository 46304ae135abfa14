"""The options of a training as the page shows them, and what it sends back, out of the families' dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gan_core.config import MAX_SEED, TrainConfig, field_docs
from gan_core.errors import ConfigError
from gan_core.families import Family, get_family

OWN_PLACE = ("data", "size", "steps", "batch", "start_from", "domain_a", "domain_b", "default_direction")
"""Options that stand in the form's first rows."""
FROM_DATA = ("size", "channels", "channels_b", "classes")
OTHER_KIND = {"generator": ("domain_a", "domain_b", "default_direction"), "translator": ("conditional",)}
SEVERAL = {"augment": ("color", "translation", "cutout")}
"""Options that take names joined by commas."""
LABELS = {
    "lr_g": "Learning rate G",
    "lr_d": "Learning rate D",
    "beta1": "Adam beta 1",
    "beta2": "Adam beta 2",
    "ema_decay": "EMA decay",
    "r1_weight": "R1 weight",
    "r1_interval": "R1 interval",
    "tensorboard": "TensorBoard",
    "global_skip": "Global skip",
}
HELPS = {"augment": "Differentiable augmentation of real and generated pictures; none chosen: none."}
"""Instead of the command line's text, where that speaks of how a value is typed."""
MAX_TEXT = 200
_FLAG = re.compile(r"--([a-z][a-z0-9-]*)")


def _parts(family: Family) -> dict[str, tuple[type, tuple[str, ...], Mapping[str, Any]]]:
    """The dataclasses of a family by the part of RunConfig they fill: what of them is not asked for, own defaults."""
    from gan_core.models import get_networks
    from gan_core.training import get_training

    return {
        "train": (TrainConfig, OTHER_KIND[family.kind], family.defaults),
        "network": (get_networks(family.name).Network, FROM_DATA, {}),
        "recipe": (get_training(family.name).Recipe, (), {}),
    }


def sections(name: str) -> list[dict[str, Any]]:
    """Training, Network and Recipe with their options, as `gan-core train FAMILY --help` has them."""
    found = []
    for part, (config, skipped, defaults) in _parts(get_family(name)).items():
        hints, docs = get_type_hints(config), field_docs(config)
        options = [
            _described(item, hints[item.name], docs.get(item.name, ""), defaults.get(item.name, item.default))
            for item in fields(config)
            if item.name not in skipped and not (part == "train" and item.name in OWN_PLACE)
        ]
        title = {"train": "Training", "network": "Network", "recipe": "Recipe"}[part]
        found.append({"part": part, "title": title, "options": options})
    return found


def label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def in_page_terms(text: str) -> str:
    """A line of the command line's help for fields of a page: they have names instead of flags, and can be empty."""
    named = _FLAG.sub(lambda flag: "the " + flag[1].replace("-", " "), text)
    return named.replace("None:", "empty:")


def _described(item: "Field[Any]", hint: Any, text: str, default: Any) -> dict[str, Any]:
    kind = _bare(hint)
    said = {
        "name": item.name,
        "label": label(item.name),
        "help": HELPS.get(item.name, in_page_terms(text)),
        "default": None if default is MISSING else default,
    }
    if item.name in SEVERAL:
        return {**said, "kind": "several", "choices": list(SEVERAL[item.name])}
    if get_origin(kind) is Literal:
        return {**said, "kind": "choice", "choices": [str(choice) for choice in get_args(kind)]}
    return {**said, "kind": {bool: "yesno", int: "whole", float: "number"}.get(kind, "text")}


def _bare(hint: Any) -> Any:
    """The type of an option that may be None."""
    if isinstance(hint, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    return hint


def typed(family: str, part: str, values: object) -> dict[str, Any]:
    """What the page sent for one part, each value of the type that its option has. Empty ones are left out.

    Raises `ConfigError` for options that there are not, and for values of another type, by the option's flag.
    """
    if not isinstance(values, dict):
        return {}
    config, skipped, _ = _parts(get_family(family))[part]
    hints = {name: hint for name, hint in get_type_hints(config).items() if name not in skipped}
    found = {}
    for name, value in values.items():
        if name not in hints:
            raise ConfigError(f"There is no option {str(name)[:60]!r} here. Nothing was started.")
        if value is not None and value != "":
            found[name] = _of_type(f"--{name.replace('_', '-')}", _bare(hints[name]), value)
    return found


def _of_type(flag: str, kind: Any, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if kind is bool:
        wanted, good = "yes or no", isinstance(value, bool)
    elif kind is int:
        if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(MAX_SEED)):
            return int(value)  # A seed may be larger than what a page can count.
        wanted, good = "a whole number", number and value == int(value)
        value = int(value) if good else value
    elif kind is float:
        wanted, good = "a number", number
        value = float(value) if good else value
    else:
        wanted, good = "text", isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()
    if not good:
        raise ConfigError(f"{flag} is {str(value)[:40]!r}; it takes {wanted}. Nothing was started.")
    return value
