"""What `gan-core hub` does with one model or with several, and how that is told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gan_core.cli.hub_rows import Row, amount, carried_out, few, pulled, pushed, show_files, tell, work_row
from gan_core.cli.options import print_json
from gan_core.errors import HubError
from gan_core.hub.client import one_account
from gan_core.hub.showing import on_terminal
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.sync import Standing

One = TypeVar("One")


def here(settings: Settings) -> list[str]:
    """Names of the models."""
    from gan_core.sync import model_folders

    return [folder.name for folder in model_folders(settings)]


def named(
    todo: Sequence[One],
    begin: Callable[[One], Row],
    do: Callable[[One, Row], None],
    *,
    facts: Callable[[Row], dict[str, Any]],
    sentence: Callable[[Row, str | None], str],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do it for what was named: one is told in a sentence, several in a table.

    facts: of one, beside what moved, as JSON. sentence(row, what moved; None: nothing had to).
    """
    if len(todo) > 1:
        with one_account():
            done = carried_out(todo, begin, do, [begin(one) for one in todo])
        tell(*done, as_json=as_json, dry_run=dry_run, nothing="")
        return
    row = begin(todo[0])
    with one_account():
        do(todo[0], row)
    moves = amount(row["files"], row["deleted"]) if row["files"] or row["deleted"] else None
    if as_json:
        print_json({"dry_run": dry_run, **{key: row[key] for key in ("files", "bytes", "deleted")}, **facts(row)})
    elif dry_run:
        show_files(row)
        click.echo(moves or "Nothing would move")
    else:
        click.echo(sentence(row, moves))


def each(
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
    from gan_core.sync import pull_model, standings

    def move(one: "Standing", row: Row) -> None:
        state, side = row["state"], sides.get(row["state"], "")
        if one.pinned and state != "in sync":
            pull = f"gan-core hub pull {row['repository']} --name {one.name}"
            row["note"] = f"pinned at {one.pinned}, and stays there. By name it moves: {pull}"
            return
        took = take if state == "diverged" else None
        with on_terminal(one.name, at_once=True) as progress:
            if side == "mine" or (state == "diverged" and not side and _merges(one, settings)):
                _send(one, row, settings, {**(options or {}), "take": took, "dry_run": dry_run, "progress": progress})
            elif side == "theirs" and one.address:
                name = one.name.lower()
                folder, done = pull_model(
                    one.address, settings, name=name, dry_run=dry_run, take=took, progress=progress
                )
                pulled(row, done, folder.name, dry_run)
            elif state == "diverged":
                row["error"] = _undecided(one)

    every = [work_row(name=name) for name in here(settings) if not names or name in names]
    looked: Iterator[Standing] = standings(settings, names, namespace=namespace, there=there)
    with one_account():
        rows, away = carried_out(looked, work_row, move, every)
    tell(rows, away, as_json=as_json, dry_run=dry_run, nothing="There is nothing to sync.")


def _send(one: "Standing", row: Row, settings: Settings, options: Mapping[str, Any]) -> None:
    from gan_core.sync import CARD, push_model

    pushed(row, push_model(one.name, one.address, settings, **options), options.get("tag"), options["dry_run"])
    if row["state"] == "diverged" and options["take"] is None:
        holds = "it would hold" if options["dry_run"] else "it holds"
        row["note"] = f"{CARD} was changed there meanwhile: {holds} the words of both sides"


def _merges(one: "Standing", settings: Settings) -> bool:
    """Whether a plain push would go through, for what was written into the card there fits into the one here."""
    from gan_core.sync import CARD, push_model

    met = one.comparison
    if met is None or met.strangers or met.theirs != (CARD,):
        return False  # Nothing is fetched to find that out.
    try:
        push_model(one.name, one.address, settings, dry_run=True)
    except HubError as error:
        if error.reason != "diverged":
            raise
        return False
    return True


def _undecided(one: "Standing") -> str:
    met = one.comparison
    assert met is not None
    if met.strangers:
        what = f"never was the same as {one.address}, for all that is known ({few(list(met.differ))})"
    else:
        what = f"changed on both sides (here {few(list(met.mine))}; there {few(list(met.theirs))})"
    return f"{one.name} {what}. Nothing was done. Choose with --take mine or theirs."
