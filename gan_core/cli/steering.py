"""`gan-core runs stop`, `pause`, `resume` and `set`: what can be asked of a run while it goes on."""

import sys
import time
from typing import Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.cli.which import ELSEWHERE, find, find_active, imported
from gan_core.errors import RunError
from gan_core.training.run_folder import ACTIVE, RunFolder

WAIT_S = 0.2


@click.command()
@click.argument("run")
@click.option("--wait/--no-wait", default=True, help="Until it has saved and left.")
@as_json
def stop(run: str, wait: bool, as_json: bool) -> None:
    """Let a run save and leave; it can be resumed."""
    folder = find_active(run)
    folder.ask_to_stop()
    while wait and folder.status()["state"] in ACTIVE:
        time.sleep(WAIT_S)
    status = folder.status()
    if as_json:
        print_json({"id": folder.id, "state": status["state"], "step": status["step"]})
    elif wait:
        click.echo(f"{folder.id}: {status['state']} at step {status['step']:,}")
    else:
        click.echo(f"{folder.id} was asked to stop")


@click.command()
@click.argument("run")
def pause(run: str) -> None:
    """Let a run save and wait, until `gan-core runs resume`."""
    folder = find_active(run)
    if folder.status()["state"] == "waiting":
        raise RunError(f"{folder.id} waits in the queue: it is not training yet. Nothing was changed.")
    folder.write_control(paused=True)
    click.echo(f"{folder.id} was asked to pause")


@click.command()
@click.argument("run")
@click.option("--steps", type=click.IntRange(1), help="Train to so many steps in all.")
@click.option("--queue", is_flag=True, help="Wait until no other run holds the device.")
@as_json
def resume(run: str, steps: int | None, queue: bool, as_json: bool) -> None:
    """Go on with a run: wake one that is paused, or train one that was stopped, here, until it is done."""
    folder = find(run)
    state = folder.status()["state"]
    if imported(folder):
        raise RunError(f"{folder.id}: {ELSEWHERE} Nothing was started.")
    if state in ACTIVE:
        _wake(folder, state, steps)
        click.echo(f"{folder.id} goes on")
        return
    config = folder.config()
    if state == "finished" and (steps or 0) <= config.train.steps:
        raise RunError(
            f"{folder.id} has done its {config.train.steps:,} steps. Nothing was started. "
            f"For more: gan-core runs resume {folder.id} --steps N"
        )
    options = [*(["--steps", str(steps)] if steps else []), *(["--queue"] if queue else [])]
    train_here(folder, *options, *(["--json"] if as_json else []))


def _wake(folder: RunFolder, state: str, steps: int | None) -> None:
    if folder.control().get("paused") is not True:
        raise RunError(f"{folder.id} is {state}. Nothing was started.")
    if steps is not None:
        raise RunError(f"{folder.id} is {state}: --steps can change when it is stopped. Nothing was changed.")
    folder.write_control(paused=False)


def train_here(folder: RunFolder, *options: str) -> None:
    """Leave the process with the exit status of `gan-core train`."""
    from gan_core.cli.train import train

    arguments = [folder.config().family, "--run", str(folder.path), "--resume", *options]
    sys.exit(train.main(arguments, prog_name="gan-core train", standalone_mode=False))


@click.command("set")
@click.argument("run")
@click.option("--lr-g", type=click.FloatRange(0, 1), help="Learning rate of the generator.")
@click.option("--lr-d", type=click.FloatRange(0, 1), help="Learning rate of the discriminator.")
@click.option("--sample-steps", type=click.IntRange(1), help="Steps between two sample pictures.")
@click.option("--snapshot-steps", type=click.IntRange(1), help="Steps between two snapshots.")
def change(run: str, **values: Any) -> None:
    """Change a run while it goes on; what was changed stands in its configuration and its notices."""
    wanted = {name: value for name, value in values.items() if value is not None}
    if not wanted:
        raise click.UsageError("Say what to change, such as --lr-g 1e-4.")
    folder = find_active(run)
    folder.write_control(**wanted)
    click.echo(f"{folder.id} was asked for {', '.join(f'{name} {value:g}' for name, value in wanted.items())}")
