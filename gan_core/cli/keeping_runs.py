"""`gan-core runs branch`, `rollback`, `delete`, `rename` and `note`: what can be done with a run's record."""

from typing import Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.cli.steering import train_here
from gan_core.cli.which import find
from gan_core.errors import RunError
from gan_core.training import branching
from gan_core.training.claims import claim
from gan_core.training.run_folder import ACTIVE, RunFolder
from gan_core.trash import FOLDER, Trash


@click.command()
@click.argument("run")
@click.argument("step", type=click.IntRange(0))
@click.option("--steps", type=click.IntRange(1), help="Train to so many steps in all.")
@click.option("--lr-g", type=click.FloatRange(0, 1), help="Learning rate of the generator.")
@click.option("--lr-d", type=click.FloatRange(0, 1), help="Learning rate of the discriminator.")
@click.option("--start/--no-start", default=False, help="Train the new run here, until it is done.")
@as_json
def branch(run: str, step: int, start: bool, as_json: bool, **changes: Any) -> None:
    """Begin a new run at a step of another one, which stays as it is.

    It goes on exactly as the other did where the state of that step is kept; else the snapshot's weights begin it.
    `gan-core runs show RUN` lists the steps.
    """
    folder = find(run)
    wanted = {name: value for name, value in changes.items() if value is not None}
    new = branching.branch(folder, step, folder.path.absolute().parent, **wanted)
    if start:
        train_here(new, *(["--json"] if as_json else []))
    if as_json:
        print_json({"id": new.id, "folder": str(new.path), **new.about(), **new.status()})
        return
    exact = new.about()["origin"]["exact"]
    how = f"goes on exactly from step {step:,}" if exact else f"begins with the weights of step {step:,}"
    click.echo(f"{new.id} {how} of {folder.id}. Train it: gan-core runs resume {_name(new)}")


@click.command()
@click.argument("run")
@click.argument("step", type=click.IntRange(0))
@as_json
def rollback(run: str, step: int, as_json: bool) -> None:
    """Take a run that is not training back to a step whose state is kept; what came after it is set aside."""
    folder = find(run)
    branching.roll_back(folder, step)
    if as_json:
        print_json({"id": folder.id, **folder.status()})
        return
    click.echo(
        f"{folder.id} is back at step {step:,}. What came after it stands in {folder.path / branching.ASIDE}. "
        f"Go on: gan-core runs resume {_name(folder)}"
    )


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Without asking.")
@as_json
def delete(run: str, yes: bool, as_json: bool) -> None:
    """Move a run to the trash of its runs folder, where it stays for a month."""
    folder = find(run)
    _refuse_active(folder)
    if not yes:
        click.confirm(f"Delete {folder.id}?", abort=True, err=True)
    with claim(folder):
        _refuse_active(folder)
        parent = folder.path.absolute().parent
        try:
            there = Trash(parent, kind="run").put(folder.path.absolute())
        except OSError as error:
            raise RunError(f"{folder.id} could not be moved ({error.strerror or error}). It is where it was.") from None
    if as_json:
        print_json({"id": folder.id, "trash": str(parent / FOLDER / there)})
        return
    click.echo(f"{folder.id} was moved to {parent / FOLDER / there}")


def _refuse_active(folder: RunFolder) -> None:
    state = folder.status()["state"]
    if state in ACTIVE and "pid" in folder.written_status():
        raise RunError(
            f"{folder.id} is {state}. Nothing was deleted. Stop it first: gan-core runs stop {_name(folder)}"
        )


@click.command()
@click.argument("run")
@click.argument("title")
@as_json
def rename(run: str, title: str, as_json: bool) -> None:
    """Give a run a title, which lists show; its id stays. An empty one takes the title away."""
    _say(find(run), as_json, title=title)


@click.command()
@click.argument("run")
@click.argument("text")
@click.option("--add", is_flag=True, help="Below the notes that are there, instead of in their place.")
@as_json
def note(run: str, text: str, add: bool, as_json: bool) -> None:
    """Write notes on a run."""
    folder = find(run)
    before = folder.about()["notes"]
    _say(folder, as_json, notes=f"{before}\n{text}" if add and before else text)


def _say(folder: RunFolder, as_json: bool, **changed: str) -> None:
    try:
        folder.write_about(**changed)
    except OSError as error:
        raise RunError(f"{folder.path} cannot be written ({error.strerror or error}). Nothing was changed.") from None
    if as_json:
        print_json({"id": folder.id, **folder.about()})
    else:
        click.echo(f"{folder.id}: {next(iter(changed))} written")


def _name(folder: RunFolder) -> str:
    """What finds this run again from here."""
    try:
        return folder.id if find(folder.id).path.samefile(folder.path) else str(folder.path)
    except RunError:
        return str(folder.path)
