"""Rows of `gan-core hub`: how models stand and what was done with each, one after the other, for people and as JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gan_core.cli.listing import table
from gan_core.cli.options import print_json
from gan_core.errors import GanCoreError, HubError

if TYPE_CHECKING:
    from gan_core.hub.pull import Pull
    from gan_core.hub.push import Push
    from gan_core.sync import Standing

Row = dict[str, Any]
One = TypeVar("One")
ALIKE = ("offline", "down", "limit", "token", "signed-out")
"""Reasons that are the same for all that follow."""
UNSEEN = (
    "you are not signed in: the repository may be private, or gone. Log in (hf auth login), or set HF_TOKEN, and look "
    "again."
)
_EMPTY: Row = {
    "model": "",
    "repository": None,
    "state": None,
    "pinned": None,
    "changed_here": [],
    "changed_there": [],
    "error": None,
}


# How they stand.


def standing_row(one: "Standing | None", name: str = "", error: str | None = None) -> Row:
    """one: None where nobody has looked at it."""
    if one is None:
        return {**_EMPTY, "model": name, "error": error}
    met = one.comparison
    return {
        "model": one.name,
        "repository": one.address.repository if one.address else None,
        "state": met.state if met and not one.unseen else None,
        "pinned": one.pinned,
        "changed_here": list(met.mine) if met else [],
        "changed_there": list(met.theirs) if met else [],
        "error": UNSEEN if one.unseen else one.error,
    }


def show_standings(told: Sequence[Row]) -> None:
    if not told:
        click.echo("There are no models here, and none of yours on the Hub.")
        return
    rows = [("model", "repository", "state", "changed here", "changed there")]
    for one in told:
        state = one["state"] or "unknown"
        shown = state not in ("unknown", "only here", "only there", "in sync")
        mine, theirs = (few(one[side]) if shown else "" for side in ("changed_here", "changed_there"))
        pinned = f", pinned at {one['pinned'][:12]}" if one["pinned"] else ""
        rows.append((one["model"], one["repository"] or "-", f"{state}{pinned}", mine, theirs))
    table(rows)
    errors = list(dict.fromkeys(one["error"] for one in told if one["error"]))
    for error in errors:  # One line for all that it is true of.
        click.echo(f"{', '.join(one['model'] for one in told if one['error'] == error)}: {error}")


# What was done.


def work_row(one: "Standing | None" = None, name: str = "", repository: str | None = None) -> Row:
    """Before anything is done."""
    told = standing_row(one, name)
    return {
        "model": told["model"],
        "repository": told["repository"] or repository or "",
        "state": told["state"] or "unknown",
        "pinned": told["pinned"],
        "done": "nothing",
        "files": {},
        "bytes": 0,
        "deleted": [],
        "commit": None,
        "tag": None,
        "note": None,
        "error": told["error"],
    }


def pushed(row: Row, done: "Push", tag: str | None, dry_run: bool) -> None:
    _moved(row, done.add, done.delete, dry_run, "push")
    row |= {"repository": done.address.repository, "commit": done.commit, "tag": tag}


def pulled(row: Row, done: "Pull", model: str, dry_run: bool) -> None:
    _moved(row, done.fetch, done.delete, dry_run, "pull")
    row |= {"model": model, "repository": done.address.repository, "commit": done.commit}


def _moved(row: Row, files: Mapping[str, int], deleted: Sequence[str], dry_run: bool, what: str) -> None:
    row |= {"files": dict(files), "bytes": sum(files.values()), "deleted": list(deleted)}
    if files or deleted:
        row["done"] = f"would {what}" if dry_run else f"{what}ed"


def carried_out(
    todo: Iterable[One], begin: Callable[[One], Row], do: Callable[[One, Row], None], every: Sequence[Row]
) -> tuple[list[Row], BaseException | None]:
    """`do` for one after the other; whose error ends it alone. every: a row for each that is known beforehand.

    Where something stands in the way of all that follow, they are "not done", and it comes beside the rows. Raises it
    where nothing was begun.
    """
    rows: list[Row] = []
    away, current = None, None
    try:
        for one in todo:
            current = begin(one)
            try:
                do(one, current)
            except GanCoreError as error:
                if getattr(error, "reason", "") in ALIKE:
                    raise
                current["error"] = str(error)
            rows.append(current)
            current = None
    except (HubError, KeyboardInterrupt) as error:
        if not rows and current is None:
            raise
        away = error  # What is done is done, and is told.
    if away:
        undone = [current] if current else []
        known = {row[key] for row in [*rows, *undone] for key in ("model", "repository") if row[key]}
        undone += [row for row in every if (row["model"] or row["repository"]) not in known]
        rows += [{**row, "done": "not done", "error": f"not done: {why(away)}"} for row in undone]
    return rows, away


def tell(rows: Sequence[Row], away: BaseException | None, *, as_json: bool, dry_run: bool, nothing: str) -> None:
    """Show what was done, and end as it ended: status 1 where anything went wrong."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        click.echo(nothing)
    else:
        _show(rows, dry_run)
    if away:
        raise away
    if any(row["error"] for row in rows):
        raise SystemExit(1)


def _show(rows: Sequence[Row], dry_run: bool) -> None:
    lines = [("model", "repository", "was", "done", "moved", "commit")]
    for row in rows:
        moved = amount(row["files"], row["deleted"]) if row["files"] or row["deleted"] else ""
        commit = f"{(row['commit'] or '')[:8]}{', tagged ' + row['tag'] if row['tag'] and not dry_run else ''}"
        was = row["state"] if row["state"] != "unknown" or row["error"] else ""
        lines.append((row["model"] or "-", row["repository"] or "-", was, row["done"], moved, commit))
    shown = [column for column in range(len(lines[0])) if any(line[column] for line in lines[1:])]
    table([tuple(line[column] for column in shown) for line in lines])
    for row in rows:
        if dry_run:
            show_files(row, before=f"{row['model']}: ")
        if row["note"]:
            click.echo(f"{row['model']}: {row['note']}")
    if sum(bool(row["files"] or row["deleted"]) for row in rows) > 1 or dry_run:
        files, gone = sum(len(row["files"]) for row in rows), sum(len(row["deleted"]) for row in rows)
        click.echo(f"In all: {_amount(files, sum(row['bytes'] for row in rows), gone)}")
    told = [row for row in rows if row["error"] and row["done"] != "not done"]
    for error in dict.fromkeys(row["error"] for row in told):
        named = "" if error != UNSEEN else f"{', '.join(row['model'] for row in told if row['error'] == error)}: "
        click.echo(f"{named}{error}", err=True)
    if undone := [str(row["model"] or row["repository"]) for row in rows if row["done"] == "not done"]:
        click.echo(f"Not done: {', '.join(undone)}", err=True)


def show_files(row: Row, *, before: str = "") -> None:
    """What a plan would move, file by file."""
    sends = row["done"] == "would push"
    for name, size in row["files"].items():
        click.echo(f"{before}{'send' if sends else 'fetch'} {name}, {_count(size, 'byte')}")
    for name in row["deleted"]:
        click.echo(f"{before}delete {'there' if sends else 'here'} {name}")


def amount(files: Mapping[str, int], deleted: Sequence[str] = ()) -> str:
    return _amount(len(files), sum(files.values()), len(deleted))


def _amount(files: int, size: int, deleted: int) -> str:
    gone = f", {_count(deleted, 'file')} deleted" if deleted else ""
    return f"{_count(files, 'file')}, {_count(size, 'byte')}{gone}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def why(error: BaseException | None) -> str:
    """The reason alone: what was not done is another model."""
    return str(error).partition(": ")[2] or str(error) or "it was interrupted."


def few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
