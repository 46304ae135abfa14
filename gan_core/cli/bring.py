"""`gan-core import`: another project's checkpoint becomes a model, its log a run."""

from pathlib import Path
from typing import Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, ModelError
from gan_core.settings import Settings


@click.command(name="import")
@click.argument("source", metavar="FILE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Model folder to write; default: in the models folder.")
@click.option("--name", help="Name of the model; default: after the file.")
@click.option("--direction", type=click.Choice(["ab", "ba"]), help="Translators: which way the network goes.")
@click.option("--domain-a", help="Translators: what the pictures of domain A show.")
@click.option("--domain-b", help="Translators: what the pictures of domain B show.")
@click.option("--runs", type=click.Path(path_type=Path, file_okay=False), help="Folder of run folders, for a log.")
@as_json
def bring(
    source: Path,
    out: Path | None,
    name: str | None,
    direction: str | None,
    domain_a: str | None,
    domain_b: str | None,
    runs: Path | None,
    as_json: bool,
) -> None:
    """Make another project's checkpoint a model here, or its training log a run.

    FILE_OR_FOLDER is a file of weights (.pth, .pt, .bin, .ckpt, .safetensors), a folder of them, a loss_log.txt of
    junyanz' projects or the printed lines of the DCGAN example. The architecture is recognised; nothing is run.
    """
    if not source.exists():
        raise ModelError(f"{source} is not there. Nothing was imported. Check the path.")
    from gan_core.interop.logs import looks_like_log

    if source.is_file() and looks_like_log(source):
        _bring_log(source, runs, name, as_json)
        return
    if runs is not None:
        raise ConfigError(f"{source} is not a log, so --runs does not apply. Nothing was imported. Leave it out.")
    from gan_core.adopt import adopt, free_folder

    models = Settings().models_dir
    folder = out or (models / name if name else free_folder(models, source))
    domains = {end: words for end, words in (("a", domain_a), ("b", domain_b)) if words is not None}
    adopted = adopt(source, folder, name=name, direction=direction, domains=domains or None)
    found = adopted.found
    if as_json:
        told: dict[str, Any] = {
            "model": adopted.folder.name,
            "folder": str(adopted.folder),
            "recognised": found.dialect,
            "family": found.family,
            "network": found.network,
            "networks": list(found.states),
            "directions": list(found.directions) if found.directions else None,
            "notes": list(adopted.notes),
        }
        print_json(told)
        return
    click.echo(f"Recognised: {found.dialect}")
    for note in adopted.notes:
        click.echo(f"Note: {note}")
    click.echo(str(adopted.folder))


def _bring_log(source: Path, runs: Path | None, name: str | None, as_json: bool) -> None:
    from gan_core.adopt.log import adopt_log

    run = adopt_log(source, runs or Settings().runs_dir, name=name)
    if as_json:
        print_json({"run": run.id, "folder": str(run.path)})
    else:
        click.echo(f"Recognised: a training log\n{run.path}")
