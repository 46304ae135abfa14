"""`gan-core hub`: models here and on the Hugging Face Hub, compared and brought together."""

from typing import Any

import click

from gan_core.cli.listing import table
from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, GanCoreError, HubError
from gan_core.hub.showing import on_terminal
from gan_core.settings import Settings

dry = click.option("--dry-run", is_flag=True, help="Show what would move, and how many bytes; change nothing.")
whose = click.option("--namespace", help="Whose repositories: a user or an organisation; default: who is signed in.")


@click.group()
def hub() -> None:
    """Compare models with their repositories on the Hugging Face Hub, and bring both together.

    A model belongs to the repository that it was pushed to or pulled from, else to USER/NAME of its own name. Log in
    with `hf auth login`, or set HF_TOKEN.
    """


@hub.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@whose
@as_json
def status(names: tuple[str, ...], namespace: str | None, as_json: bool) -> None:
    """How each model stands: in sync, ahead, behind, diverged, only here, only there. Nothing is downloaded."""
    from gan_core.sync import standings

    found = list(standings(Settings(), names, namespace=namespace))
    if as_json:
        print_json([_told(one) for one in found])
        return
    if not found:
        click.echo("There are no models here, and none of yours on the Hub.")
        return
    rows = [("model", "repository", "state", "changed here", "changed there")]
    for one in found:
        met = one.comparison
        state, mine, theirs = (met.state, met.mine, met.theirs) if met else ("unknown", (), ())
        shown = state not in ("only here", "only there", "in sync")
        rows.append(
            (one.name, str(one.address or "-"), state, _few(mine) if shown else "", _few(theirs) if shown else "")
        )
    table(rows)
    for one in found:
        if one.error:
            click.echo(f"{one.name}: {one.error}")


@hub.command()
@click.argument("model")
@click.argument("repository", metavar="[USER/NAME]", required=False)
@click.option("--tag", help="Name this version, such as v1.")
@click.option("--private/--public", default=True, help="Of a repository that is made now.")
@click.option("--message", default="", help="Of the commit.")
@click.option("--onto", metavar="COMMIT", help="Overwrite this very commit, which you have looked at.")
@click.option("--take", type=click.Choice(["mine", "theirs"]), help="Whose side wins where both changed.")
@dry
@as_json
def push(
    model: str,
    repository: str | None,
    tag: str | None,
    private: bool,
    message: str,
    onto: str | None,
    take: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send a model in one commit on top of what was looked at; refused where somebody pushed in between."""
    from gan_core.hub.client import Address
    from gan_core.sync import push_model

    address = Address.parse(repository) if repository else None
    if address and address.revision:
        raise ConfigError(f"{repository}: a push makes a new commit on main. Leave the revision out; name it by --tag.")
    if take == "theirs":
        raise ConfigError("A push takes mine; theirs is a pull: gan-core hub pull USER/NAME --take theirs.")
    options = {"take": take, "onto": onto, "tag": tag, "private": private, "message": message}
    with on_terminal(model, at_once=True) as progress:
        done = push_model(model, address, Settings(), dry_run=dry_run, progress=progress, **options)  # type: ignore[arg-type]
    if as_json:
        print_json({**_move(done.add, done.delete, dry_run), "repository": str(done.address), "commit": done.commit})
        return
    _show(done.add, done.delete, "send", "delete there", dry_run)
    if not dry_run:
        click.echo(f"{model} is at {done.address}, commit {(done.commit or '')[:8]}{f', tagged {tag}' if tag else ''}")


@hub.command()
@click.argument("repository", metavar="USER/NAME[@REVISION]")
@click.option("--name", help="Of the model here; default: of the repository.")
@click.option("--take", type=click.Choice(["theirs"]), help="Overwrite what was changed here.")
@dry
@as_json
def pull(repository: str, name: str | None, take: str | None, dry_run: bool, as_json: bool) -> None:
    """Fetch a model into the models folder: verified by hash, loaded strictly, and only then put in its place.

    Repositories of other projects are imported (see `gan-core import`); nothing in them is run.
    """
    from gan_core.hub.client import Address
    from gan_core.sync import pull_model

    with on_terminal(repository, at_once=True) as progress:
        folder, done = pull_model(
            Address.parse(repository), Settings(), name=name, dry_run=dry_run, take=take, progress=progress
        )
    if as_json:
        moved = _move(done.fetch, done.delete, dry_run)
        print_json({**moved, "model": folder.name, "folder": str(folder), "commit": done.commit})
        return
    _show(done.fetch, done.delete, "fetch", "delete here", dry_run)
    if not dry_run:
        click.echo(str(folder))


@hub.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@whose
@click.option("--take", type=click.Choice(["mine", "theirs"]), help="Whose side wins where both changed.")
@click.option(
    "--new/--known", default=False, help="Also push models that were never pushed, and pull what is only there."
)
@dry
@as_json
def sync(
    names: tuple[str, ...], namespace: str | None, take: str | None, new: bool, dry_run: bool, as_json: bool
) -> None:
    """Push what is ahead, pull what is behind. What diverged waits for --take, and is named."""
    from gan_core.sync import pull_model, push_model, standings

    settings, rows, failed = Settings(), [], False
    for one in list(standings(settings, names, namespace=namespace, there=new)):
        state = one.comparison.state if one.comparison else "unknown"
        side = {"ahead": "mine", "behind": "theirs", "diverged": take or ""}.get(state, "")
        if new:
            side = {"only here": "mine", "only there": "theirs"}.get(state, side)
        told: dict[str, str | None] = {
            "model": one.name,
            "repository": str(one.address or ""),
            "state": state,
            "done": "nothing",
            "error": one.error,
        }
        try:
            if side == "mine" and one.address:
                push_model(
                    one.name, one.address, settings, dry_run=dry_run, take="mine" if state == "diverged" else None
                )
                told["done"] = "would push" if dry_run else "pushed"
            elif side == "theirs" and one.address:
                took = "theirs" if state == "diverged" else None
                pull_model(one.address, settings, name=one.name.lower(), dry_run=dry_run, take=took)
                told["done"] = "would pull" if dry_run else "pulled"
            elif state == "diverged":
                told["error"] = (
                    f"{one.name} changed on both sides. Nothing was done. Choose with --take mine or theirs."
                )
        except HubError as error:
            if error.reason in ("offline", "down", "limit", "token", "signed-out"):
                raise  # The same for all of them.
            told["error"] = str(error)
        except GanCoreError as error:
            told["error"] = str(error)
        failed = failed or told["error"] is not None
        rows.append(told)
    if as_json:
        print_json(rows)
    elif rows:
        names = ("model", "repository", "state", "done")
        table([("model", "repository", "was", "done"), *(tuple(str(row[name]) for name in names) for row in rows)])
        for row in rows:
            if row["error"]:
                click.echo(row["error"], err=True)
    else:
        click.echo("There is nothing to sync.")
    if failed:
        raise SystemExit(1)


def _told(one: Any) -> dict[str, Any]:
    met = one.comparison
    return {
        "model": one.name,
        "repository": one.address.repository if one.address else None,
        "state": met.state if met else None,
        "changed_here": list(met.mine) if met else [],
        "changed_there": list(met.theirs) if met else [],
        "error": one.error,
    }


def _move(moved: Any, deleted: tuple[str, ...], dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "files": dict(moved), "bytes": sum(moved.values()), "deleted": list(deleted)}


def _show(moved: Any, deleted: tuple[str, ...], verb: str, removing: str, dry_run: bool) -> None:
    if not dry_run:
        return
    for name, size in moved.items():
        click.echo(f"{verb} {name}, {size:,} bytes")
    for name in deleted:
        click.echo(f"{removing} {name}")
    click.echo(f"{len(moved)} files, {sum(moved.values()):,} bytes" if moved or deleted else "Nothing would move")


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
