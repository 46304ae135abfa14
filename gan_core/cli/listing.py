"""`gan-core models`: what is here."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.settings import Settings


@click.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that are here."""
    from gan_core.library import list_models

    settings = Settings()
    infos = list_models(settings)
    if as_json:
        print_json([{k: _plain(v) for k, v in dataclasses.asdict(info).items()} for info in infos])
        return
    if not infos:
        click.echo(f"There are no models in {settings.models_dir}. Train one: gan-core train dcgan --data shapes")
        return
    rows = [("name", "family", "px", "data", "steps", "size")]
    for info in infos:
        if info.error:
            rows.append((info.name, "damaged", "", "", "", ""))
        else:
            pixels = str(info.size or "any")
            rows.append((info.name, info.title, pixels, info.data, f"{info.steps:,}", f"{info.bytes / 1e6:.1f} MB"))
    table(rows)
    for info in infos:
        if info.error:
            click.echo(f"{info.name}: {info.error}")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows in columns as wide as they need to be."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
