"""Command line options out of configuration dataclasses: names, types, defaults and help from one place."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from gan_core.config import field_docs

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def config_options(
    config: type, skip: tuple[str, ...] = (), defaults: Mapping[str, Any] | None = None
) -> list[click.Option]:
    """An option for each field. One that was not given is None: `defaults`, or else the dataclass's own, then hold."""
    hints, docs = get_type_hints(config), field_docs(config)
    own = defaults or {}
    return [
        _option(item, hints[item.name], docs.get(item.name, ""), own.get(item.name, item.default))
        for item in fields(config)
        if item.name not in skip
    ]


def _option(item: "Field[Any]", hint: Any, help_text: str, default: Any) -> click.Option:
    flag = "--" + item.name.replace("_", "-")
    kind = hint
    if isinstance(hint, UnionType):
        (kind,) = (part for part in get_args(hint) if part is not NoneType)
    if default not in (MISSING, None, ""):
        shown = ("on" if default else "off") if kind is bool else default
        help_text = f"{help_text}  [default: {shown}]"
    required = item.default is MISSING and item.default_factory is MISSING
    if required:
        help_text = f"{help_text}  [required]"
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", item.name], default=None, help=help_text)
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        return click.Option([flag, item.name], type=click.Choice(choices), default=None, help=help_text)
    return click.Option([flag, item.name], type=kind, default=None, help=help_text)


def given(values: dict[str, Any], config: type, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The options of `config` that were given on the command line."""
    names = [item.name for item in fields(config) if item.name not in skip]
    return {name: values[name] for name in names if values.get(name) is not None}
