"""`gan-core hub`: models here and on the Hugging Face Hub, compared and brought together."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.hub_rows import (
    Row,
    amount,
    carried_out,
    pulled,
    pushed,
    show_files,
    show_standings,
    standing_row,
    tell,
    why,
    work_row,
)
from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, HubError
from gan_core.hub.showing import on_terminal
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.sync import Standing

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

    settings, rows, away = Settings(), [], None
    try:
        for one in standings(settings, names, namespace=namespace):
            rows.append(standing_row(one))
    except (HubError, KeyboardInterrupt) as error:
        if not rows:
            raise
        away = error  # What is known already is told.
    known = {row["model"] for row in rows}
    rest = [name for name in _here(settings) if name not in known and (not names or name in names)] if away else []
    rows += [standing_row(None, name, f"not looked at: {why(away)}") for name in rest]
    if as_json:
        print_json(rows)
    else:
        show_standings(rows)
    if away:
        raise away
    found = [row for row in rows if (row["repository"] or "").startswith(f"{namespace}/")]
    if namespace and not names and all(row["state"] in ("only here", None) for row in found):
        nothing = "no such name, or no models tagged gan-core."
        click.echo(f"There is nothing of {namespace} on the Hub that this account may see: {nothing}", err=True)
    if any(row["state"] is None for row in rows):
        raise SystemExit(1)


@hub.command()
@click.argument("models", metavar="[MODEL]... [USER/NAME]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All models here. What is behind, or pinned, stays.")
@whose
@click.option("--tag", help="Name this version, such as v1.")
@click.option("--private/--public", default=True, help="Of a repository that is made now.")
@click.option("--message", default="", help="Of the commit.")
@click.option("--onto", metavar="COMMIT", help="Overwrite this very commit, which you have looked at.")
@click.option("--take", type=click.Choice(["mine"]), help="Overwrite what changed there. (Theirs is a pull.)")
@dry
@as_json
def push(
    models: tuple[str, ...],
    every: bool,
    namespace: str | None,
    onto: str | None,
    dry_run: bool,
    as_json: bool,
    **told: Any,
) -> None:
    """Send models, each in one commit on top of what was looked at; refused where somebody pushed in between.

    USER/NAME is the repository of one model; without it, the one that it belongs to.
    """
    from gan_core.hub.client import Address
    from gan_core.sync import address_of, push_model

    _one_way(models, every, "a model")
    settings = Settings()
    names, repository = (models[:1], models[1]) if len(models) == 2 and "/" in models[1] else (models, None)
    address = Address.parse(repository) if repository else None
    if any("/" in name for name in names[1:]):
        raise ConfigError("A repository is named beside one model alone. Nothing was sent. Push them one by one.")
    if address and address.revision:
        raise ConfigError(f"{repository}: a push makes a new commit on main. Leave the revision out; name it by --tag.")
    if onto and (every or len(names) > 1):
        raise ConfigError("--onto is the commit of one repository. Nothing was sent. Name one model.")

    def send(name: str, row: Row) -> None:
        to = address or (address_of(settings.models_dir / name, namespace) if name in _here(settings) else None)
        with on_terminal(name, at_once=True) as progress:
            done = push_model(name, to, settings, onto=onto, dry_run=dry_run, progress=progress, **told)
        pushed(row, done, told["tag"], dry_run)

    if every:
        sides = {
            "ahead": "mine",
            "only here": "mine",
            "diverged": "mine",
            **({"in sync": "mine"} if told["tag"] else {}),
        }
        _each(settings, (), namespace, sides, told["take"], dry_run, as_json, options=told)
        return
    if len(names) > 1:
        rows = [work_row(name=name) for name in names]
        done = carried_out(names, lambda name: work_row(name=name), send, rows)
        tell(*done, as_json=as_json, dry_run=dry_run, nothing="")
        return
    row = work_row(name=names[0])
    send(names[0], row)
    if as_json:
        print_json(_json(row, dry_run, "repository", "commit", "tag"))
    elif dry_run:
        _plan(row)
    else:
        at = f"{row['repository']}, commit {(row['commit'] or '')[:8]}{', tagged ' + row['tag'] if row['tag'] else ''}"
        moved = row["done"] != "nothing"
        sent = f"is at {at}: {_amount(row)} sent" if moved else f"was already there: {at}. Nothing had to be sent"
        click.echo(f"{names[0]} {sent}")


@hub.command()
@click.argument("repositories", metavar="[USER/NAME[@REVISION]]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of yours, and what models here belong to. Pinned ones stay.")
@whose
@click.option("--name", help="Of the model here; default: of the repository.")
@click.option("--take", type=click.Choice(["theirs"]), help="Overwrite what was changed here.")
@dry
@as_json
def pull(
    repositories: tuple[str, ...],
    every: bool,
    namespace: str | None,
    name: str | None,
    take: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch models into the models folder: verified by hash, loaded strictly, and only then put in their place.

    Repositories of other projects are imported (see `gan-core import`); nothing in them is run. What is pulled at a tag
    or a commit is pinned there: nothing but another pull of it by name moves it.
    """
    from gan_core.hub.client import Address
    from gan_core.sync import pull_model

    _one_way(repositories, every, "a repository")
    settings = Settings()
    if name and (every or len(repositories) > 1):
        raise ConfigError("--name is that of one model. Nothing was fetched. Name one repository.")
    if every:
        sides = dict.fromkeys(("behind", "only there", "diverged"), "theirs")
        _each(settings, (), namespace, sides, take, dry_run, as_json, there=True)
        return
    addresses = [Address.parse(repository) for repository in repositories]

    def fetch(address: Address, row: Row) -> None:
        with on_terminal(str(address), at_once=True) as progress:
            folder, done = pull_model(address, settings, name=name, dry_run=dry_run, take=take, progress=progress)
        pulled(row, done, folder.name, dry_run)

    def begin(address: Address) -> Row:
        return work_row(repository=str(address))

    if len(addresses) > 1:
        done = carried_out(addresses, begin, fetch, [begin(address) for address in addresses])
        tell(*done, as_json=as_json, dry_run=dry_run, nothing="")
        return
    row = begin(addresses[0])
    fetch(addresses[0], row)
    folder = settings.models_dir / row["model"]
    if as_json:
        print_json({**_json(row, dry_run, "model", "commit"), "folder": str(folder)})
    elif dry_run:
        _plan(row)
    else:
        what = f"{addresses[0]}, commit {row['commit'][:8]}"
        moved = row["done"] != "nothing"
        told = f"holds {what}: {_amount(row)} fetched" if moved else f"held {what} already. Nothing had to be fetched"
        click.echo(f"{folder} {told}")


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
    """Push what is ahead, pull what is behind. What diverged waits for --take, and is named; what is pinned stays."""
    sides = {"ahead": "mine", "behind": "theirs", "diverged": take or ""}
    if new:
        sides |= {"only here": "mine", "only there": "theirs"}
    _each(Settings(), names, namespace, sides, take, dry_run, as_json, there=new)


def _each(
    settings: Settings,
    names: tuple[str, ...],
    namespace: str | None,
    sides: Mapping[str, str],
    take: str | None,
    dry_run: bool,
    as_json: bool,
    *,
    there: bool = False,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Look at each model, and send or fetch it as its state says. sides: whose side wins, by state.

    there: also what is only on the Hub. options: of the pushes.
    """
    from gan_core.sync import pull_model, push_model, standings

    def move(one: "Standing", row: Row) -> None:
        state, side = row["state"], sides.get(row["state"], "")
        if one.pinned and state != "in sync":
            pull = f"gan-core hub pull {row['repository']} --name {one.name}"
            row["note"] = f"pinned at {one.pinned}, and stays there. By name it moves: {pull}"
            return
        took = take if state == "diverged" else None
        with on_terminal(one.name, at_once=True) as progress:
            if side == "mine":
                more = {**(options or {}), "take": took, "dry_run": dry_run, "progress": progress}
                pushed(row, push_model(one.name, one.address, settings, **more), more.get("tag"), dry_run)
            elif side == "theirs" and one.address:
                name = one.name.lower()
                folder, done = pull_model(
                    one.address, settings, name=name, dry_run=dry_run, take=took, progress=progress
                )
                pulled(row, done, folder.name, dry_run)
            elif state == "diverged":
                row["error"] = f"{one.name} changed on both sides. Nothing was done. Choose with --take mine or theirs."

    every = [work_row(name=name) for name in _here(settings) if not names or name in names]
    looked: Iterator[Standing] = standings(settings, names, namespace=namespace, there=there)
    rows, away = carried_out(looked, work_row, move, every)
    tell(rows, away, as_json=as_json, dry_run=dry_run, nothing="There is nothing to sync.")


def _one_way(named: tuple[str, ...], every: bool, what: str) -> None:
    if bool(named) == every:
        raise click.UsageError(f"Name {what}, or say --all." if not named else f"Name {what}, or say --all: not both.")


def _here(settings: Settings) -> list[str]:
    from gan_core.sync import model_folders

    return [folder.name for folder in model_folders(settings)]


def _json(row: Row, dry_run: bool, *more: str) -> dict[str, Any]:
    return {"dry_run": dry_run, **{name: row[name] for name in ("files", "bytes", "deleted", *more)}}


def _plan(row: Row) -> None:
    show_files(row)
    click.echo(_amount(row) if row["files"] or row["deleted"] else "Nothing would move")


def _amount(row: Row) -> str:
    return amount(row["files"], row["deleted"])
