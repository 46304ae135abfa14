"""`gan-core hub`: models here and on the Hugging Face Hub, compared and brought together."""

from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.hub_rows import Row, pulled, pushed, show_standings, standing_row, why, work_row
from gan_core.cli.hub_work import each, here, named
from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError, HubError
from gan_core.hub.client import one_account
from gan_core.hub.showing import on_terminal
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.hub.client import Address

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
        with one_account():
            for one in standings(settings, names, namespace=namespace):
                rows.append(standing_row(one))
    except (HubError, KeyboardInterrupt) as error:
        if not rows:
            raise
        away = error  # What is known already is told.
    known = {row["model"] for row in rows}
    rest = [name for name in here(settings) if name not in known and (not names or name in names)] if away else []
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
    if address:
        _of(address, namespace, "sent")
    if onto and (every or len(names) > 1):
        raise ConfigError("--onto is the commit of one repository. Nothing was sent. Name one model.")

    def send(name: str, row: Row) -> None:
        to = address or (address_of(settings.models_dir / name, namespace) if name in here(settings) else None)
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
        each(settings, (), namespace, sides, told["take"], dry_run, as_json, options=told)
        return

    def sentence(row: Row, moved: str | None) -> str:
        at = f"{row['repository']}, commit {(row['commit'] or '')[:8]}{', tagged ' + row['tag'] if row['tag'] else ''}"
        return f"{row['model']} " + (
            f"is at {at}: {moved} sent" if moved else f"was already there: {at}. Nothing had to be sent"
        )

    named(
        names,
        lambda name: work_row(name=name),
        send,
        facts=lambda row: {key: row[key] for key in ("repository", "commit", "tag")},
        sentence=sentence,
        dry_run=dry_run,
        as_json=as_json,
    )


@hub.command()
@click.argument("repositories", metavar="[[USER/]NAME[@REVISION]]...", nargs=-1)
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

    NAME alone is that of --namespace, else of the repository that this model belongs to, else yours.

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
        each(settings, (), namespace, sides, take, dry_run, as_json, there=True)
        return
    addresses = [_source(repository, namespace, settings) for repository in repositories]

    def fetch(address: Address, row: Row) -> None:
        with on_terminal(str(address), at_once=True) as progress:
            folder, done = pull_model(address, settings, name=name, dry_run=dry_run, take=take, progress=progress)
        pulled(row, done, folder.name, dry_run)

    def begin(address: Address) -> Row:
        return work_row(repository=str(address))

    def sentence(row: Row, moved: str | None) -> str:
        what = f"{addresses[0]}, commit {row['commit'][:8]}"
        return f"{settings.models_dir / row['model']} " + (
            f"holds {what}: {moved} fetched" if moved else f"held {what} already. Nothing had to be fetched"
        )

    named(
        addresses,
        begin,
        fetch,
        facts=lambda row: {
            **{key: row[key] for key in ("model", "commit")},
            "folder": str(settings.models_dir / row["model"]),
        },
        sentence=sentence,
        dry_run=dry_run,
        as_json=as_json,
    )


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
    """Push what is ahead, pull what is behind. What diverged waits for --take, and is named; what is pinned stays.

    What people wrote into a card on both sides is no reason to wait, where a push can bring it together.
    """
    sides = {"ahead": "mine", "behind": "theirs", "diverged": take or ""}
    if new:
        sides |= {"only here": "mine", "only there": "theirs"}
    each(Settings(), names, namespace, sides, take, dry_run, as_json, there=new)


def _one_way(named: tuple[str, ...], every: bool, what: str) -> None:
    if bool(named) == every:
        raise click.UsageError(f"Name {what}, or say --all." if not named else f"Name {what}, or say --all: not both.")


def _of(address: "Address", namespace: str | None, what: str) -> None:
    """Refuse an option that would be passed over."""
    if namespace and not address.repository.startswith(f"{namespace}/"):
        raise ConfigError(f"{address} is not of {namespace}. Nothing was {what}. Leave --namespace out.")


def _source(text: str, namespace: str | None, settings: Settings) -> "Address":
    """USER/NAME, or the repository that NAME alone is, each perhaps with @REVISION. Raises `GanCoreError`."""
    from gan_core.hub.client import Address, account
    from gan_core.sync import address_of

    name, _, revision = text.partition("@")
    if "/" in name:
        address = Address.parse(text)
        _of(address, namespace, "fetched")
        return address
    if namespace is None and name in here(settings) and (known := address_of(settings.models_dir / name, None)):
        return Address.parse(f"{known.repository}@{revision}")
    whose = namespace or (account() or {}).get("name")
    if whose is None:
        raise HubError(
            f"{name} was not pulled: it is not said whose. Name it as USER/NAME or by --namespace, or log in "
            "(hf auth login).",
            "signed-out",
        )
    return Address.parse(f"{whose}/{text}")
