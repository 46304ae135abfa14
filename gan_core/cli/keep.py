"""`gan-core keep`: a snapshot of a run becomes a named model."""

from pathlib import Path

import click

from gan_core.cli.options import as_json, print_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--step", type=int, help="Snapshot to keep; default: the newest.")
@click.option("--half", is_flag=True, help="Store convolutions in half precision: half the size.")
@click.option("--license", help="Licence of the weights, as an SPDX name.")
@click.option(
    "--notes", type=click.Path(path_type=Path, exists=True), help="Markdown on data and licences, for the card."
)
@click.option("--attach", multiple=True, type=click.Path(path_type=Path, exists=True), help="File to put beside it.")
@as_json
def keep(
    run: Path,
    name: str,
    step: int | None,
    half: bool,
    license: str | None,
    notes: Path | None,
    attach: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Make a snapshot of RUN the model NAME: measured on the run's data, with a preview and a card."""
    from gan_core.keep import keep as keep_snapshot
    from gan_core.training.run_folder import RunFolder

    folder = keep_snapshot(
        RunFolder(run),
        name,
        step=step,
        half=half,
        license=license,
        notes=notes.read_text() if notes else "",
        files={path.name: path.read_bytes() for path in attach},
    )
    if as_json:
        print_json({"model": name, "folder": str(folder)})
    else:
        click.echo(str(folder))
