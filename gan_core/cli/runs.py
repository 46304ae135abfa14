"""`gan-core runs`: what has been trained and is being trained, and what can be asked of it."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from gan_core.cli.listing import table
from gan_core.cli.options import as_json, print_json
from gan_core.config import command_line
from gan_core.errors import GanCoreError, RunError
from gan_core.settings import Settings
from gan_core.training.run_folder import ACTIVE, IMPORTED, RunFolder, list_runs

WAIT_S = 0.5
SHOWN = ("d_real", "d_fake", "grad_g", "grad_d", "images_per_s")
ELSEWHERE = "Read from another project's log: there is nothing to go on with."
MEASURED = ("variety", "distance", "nearest")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def runs(ctx: click.Context, as_json: bool) -> None:
    """List the training runs that are here, or look after one of them.

    RUN is an id or its number (00012-dcgan-nouns, or 12), or a run folder.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = Settings()
    found = [(run, run.status()) for run in list_runs(settings.runs_dir)]
    if as_json:
        print_json([{"id": run.id, "folder": str(run.path), **status} for run, status in found])
        return
    if not found:
        click.echo(f"There are no runs in {settings.runs_dir}. Start one: gan-core train dcgan --data shapes")
        return
    rows = [("run", "state", "step", "of")]
    rows += [(run.id, s["state"], f"{s['step']:,}", f"{s['total_steps']:,}") for run, s in found]
    table(rows)
    for run, status in found:
        if status["error"]:
            click.echo(f"{run.id}: {status['error']}")


@runs.command()
@click.argument("run")
@as_json
def show(run: str, as_json: bool) -> None:
    """State, newest figures, notices and the command of a run."""
    folder = find(run)
    status, config = folder.status(), folder.config()
    newest = (folder.metrics(newest=20) or [{}])[-1]
    measured = (folder.quality() or [{}])[-1]
    events = folder.events()
    if as_json:
        facts = {"id": folder.id, "folder": str(folder.path), **status, "config": config.to_json()}
        print_json({**facts, "metrics": newest, "quality": measured, "events": events})
        return
    rows = [("run", folder.id), ("state", status["state"])]
    rows.append(("step", f"{status['step']:,} of {status['total_steps']:,}"))
    rows += [(name, f"{value:.4g}") for name, value in newest.items() if name.startswith("loss_") or name in SHOWN]
    rows += [(name, f"{measured[name]:.3g} at step {measured['step']:,}") for name in MEASURED if name in measured]
    rows += [("snapshots", ", ".join(f"{step:,}" for step, _ in folder.snapshots()) or "none yet")]
    if status["error"]:
        rows.append(("error", status["error"]))
    table(rows)
    for event in events:
        click.echo(f"step {event['step']:,}: {event.get('text', '')}")
    click.echo(ELSEWHERE if _imported(folder) else command_line(config))


@runs.command()
@click.argument("run")
@click.option("--wait/--no-wait", default=True, help="Until it has saved and left.")
def stop(run: str, wait: bool) -> None:
    """Let a run save and leave; it can be resumed."""
    folder = _active(run)
    folder.ask_to_stop()
    while wait and (status := folder.status())["state"] in ACTIVE:
        time.sleep(WAIT_S)
    click.echo(
        f"{folder.id}: {status['state']} at step {status['step']:,}" if wait else f"{folder.id} was asked to stop"
    )


@runs.command()
@click.argument("run")
def pause(run: str) -> None:
    """Let a run save and wait, until `gan-core runs resume`."""
    folder = _active(run)
    folder.write_control(paused=True)
    click.echo(f"{folder.id} was asked to pause")


@runs.command()
@click.argument("run")
def resume(run: str) -> None:
    """Go on with a run: wake one that is paused, or train one that was stopped, here, until it is done."""
    folder = find(run)
    state = folder.status()["state"]
    if _imported(folder):
        raise RunError(f"{folder.id}: {ELSEWHERE} Nothing was started.")
    if state in ACTIVE:
        if folder.control().get("paused") is not True:
            raise RunError(f"{folder.id} is {state}. Nothing was started.")
        folder.write_control(paused=False)
        click.echo(f"{folder.id} goes on")
        return
    if state == "finished":
        config = folder.config()
        raise RunError(
            f"{folder.id} has done its {config.train.steps:,} steps. Nothing was started. For more: "
            f"gan-core train {config.family} --run {folder.path} --resume --steps N"
        )
    if folder.control().get("paused"):
        folder.write_control(paused=False)
    from gan_core.cli.train import train

    arguments = [folder.config().family, "--run", str(folder.path), "--resume"]
    sys.exit(train.main(arguments, prog_name="gan-core train", standalone_mode=False))


@runs.command("set")
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
    folder = _active(run)
    folder.write_control(**wanted)
    click.echo(f"{folder.id} was asked for {', '.join(f'{name} {value:g}' for name, value in wanted.items())}")


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@as_json
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Put runs side by side: what they were given where it differs, and how far they came."""
    folders = [find(name) for name in names]
    columns = [_facts(folder) for folder in folders]
    known = list(dict.fromkeys(name for column in columns for name in column))
    if as_json:
        print_json({folder.id: column for folder, column in zip(folders, columns, strict=True)})
        return
    rows = [("", *(folder.id for folder in folders))]
    for name in known:
        cells = [_cell(column.get(name)) for column in columns]
        if name in ("state", "step", *MEASURED) or len(set(cells)) > 1 or len(cells) == 1:
            rows.append((name, *cells))
    table(rows)


def find(name: str) -> RunFolder:
    """A run by its id, its number or its folder. Raises `RunError` where there is none, or more than one."""
    if (Path(name) / "config.json").is_file():
        return RunFolder(Path(name))
    known = list_runs(Settings().runs_dir)
    fitting = [run for run in known if run.id == name]
    fitting = fitting or [run for run in known if name.isdecimal() and run.id.partition("-")[0] == name.zfill(5)]
    if len(fitting) != 1:
        told = ", ".join(run.id for run in fitting or known[-5:]) or "none"
        raise RunError(f"There is {'more than one' if fitting else 'no'} run {name!r}. Here are: {told}.")
    return fitting[0]


def _active(name: str) -> RunFolder:
    folder = find(name)
    state = folder.status()["state"]
    if state not in ACTIVE:
        raise RunError(f"{folder.id} is not running, it is {state}. Nothing was changed.")
    return folder


def _imported(folder: RunFolder) -> bool:
    return folder.config().train.data.startswith(IMPORTED)


def _facts(folder: RunFolder) -> dict[str, Any]:
    status = folder.status()
    facts: dict[str, Any] = {"state": status["state"], "step": status["step"]}
    try:
        config = folder.config()
        facts["family"] = config.family
        if not _imported(folder):
            facts |= {**vars(config.train), **config.network, **config.recipe}
    except GanCoreError as error:
        facts["error"] = str(error)
    best = min(folder.quality(), key=lambda row: row.get("distance", float("inf")), default={})
    facts |= {name: best[name] for name in MEASURED if name in best}
    return facts


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
