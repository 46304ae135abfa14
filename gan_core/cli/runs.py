"""`gan-core runs`: what has been trained and is being trained.

A run may have come from the Hub: its words and numbers are whatever somebody wrote there.
"""

import math
from typing import Any, TypeGuard

import click

from gan_core.cli.listing import table
from gan_core.cli.options import as_json, print_json
from gan_core.cli.pushing import in_words
from gan_core.cli.which import ELSEWHERE, find, imported
from gan_core.config import command_line
from gan_core.errors import GanCoreError
from gan_core.mirror.plain import plain
from gan_core.mirror.standing import standing
from gan_core.settings import Settings
from gan_core.training.branching import points
from gan_core.training.detectors import OVER
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.training.turn import places

SHOWN = ("d_real", "d_fake", "grad_g", "grad_d", "images_per_s")
MEASURED = {
    "variety": "variety",
    "distinct": "variety at one contrast",
    "distance": "Fréchet distance",
    "nearest": "nearest neighbour",
}
"""Series of quality.jsonl, in the words of the page."""


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
    queue = places(run for run, _ in found)
    titles = {run.id: plain(run.about()["title"]) for run, _ in found}
    if as_json:
        facts = [{"id": run.id, "folder": str(run.path), "title": titles[run.id]} for run, _ in found]
        print_json(
            [
                {**fact, **status, "place": queue.get(fact["id"]), "push": standing(run)}
                for fact, (run, status) in zip(facts, found, strict=True)
            ]
        )
        return
    if not found:
        click.echo(f"There are no runs in {settings.runs_dir}. Start one: gan-core train dcgan --data shapes")
        return
    rows = [("run", "state", "step", "of", "title")]
    for run, status in found:
        state = _state(status["state"], queue.get(run.id))
        rows.append((run.id, state, f"{status['step']:,}", f"{status['total_steps']:,}", titles[run.id]))
    table(rows if any(titles.values()) else [row[:-1] for row in rows])
    for run, status in found:
        if status["error"]:
            click.echo(f"{run.id}: {plain(status['error'])}")
        if pushed := standing(run):
            click.echo(f"{run.id} is pushed to {in_words(pushed)}")


@runs.command()
@click.argument("run")
@as_json
def show(run: str, as_json: bool) -> None:
    """State, newest figures, steps to go back to, notices and the command of a run."""
    folder = find(run)
    status, config, about = folder.status(), folder.config(), folder.about()
    place = places(list_runs(folder.path.absolute().parent)).get(folder.id) if status["state"] == "waiting" else None
    newest = (folder.metrics(newest=20) or [{}])[-1]
    measured = (folder.quality() or [{}])[-1]
    events = folder.events()
    if as_json:
        facts = {"id": folder.id, "folder": str(folder.path), **about, **status, "config": config.to_json()}
        facts |= {"place": place, "points": points(folder), "push": standing(folder)}
        print_json({**facts, "metrics": newest, "quality": measured, "events": events})
        return
    rows = [("run", folder.id), ("state", _state(status["state"], place))]
    told = (("title", plain(about["title"])), ("begun", _begun(about["origin"])))
    rows += [(name, text) for name, text in told if text]
    rows.append(("step", f"{status['step']:,} of {status['total_steps']:,}"))
    shown = {name: value for name, value in newest.items() if name.startswith("loss_") or name in SHOWN}
    rows += [(plain(name), f"{value:.4g}") for name, value in shown.items() if _is_number(value)]
    at = f"at step {measured.get('step', 0):,}"
    found = {words: measured.get(name) for name, words in MEASURED.items()}
    rows += [(words, f"{value:.3g} {at}") for words, value in found.items() if _is_number(value)]
    kept = [f"{point['step']:,} ({'exact' if point['exact'] else 'weights'})" for point in points(folder)]
    rows += [("back to", ", ".join(kept) or "no snapshot yet")]
    if status["error"]:
        rows.append(("error", plain(status["error"])))
    if pushed := standing(folder):
        rows.append(("pushed to", in_words(pushed)))
        rows += [("push", plain(pushed["trouble"]))] if pushed["trouble"] else []
    table(rows)
    if about["notes"]:
        click.echo(plain(about["notes"], lines=True))
    for event in events:
        when = "" if str(event.get("kind")).endswith(OVER) else f"step {event['step']:,}: "  # The text has it.
        click.echo(f"{when}{plain(event.get('text', ''))}")
    click.echo(ELSEWHERE if imported(folder) else plain(command_line(config)))


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
            rows.append((MEASURED.get(name, plain(name)), *cells))
    table(rows)


def _state(state: str, place: int | None) -> str:
    return state if place is None else f"{state} ({_ordinal(place)})"


def _ordinal(number: int) -> str:
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"


def _begun(origin: dict[str, Any] | None) -> str:
    """Where a run comes from, in words."""
    if not origin:
        return ""
    if "model" in origin:
        return f"with the weights of {plain(origin['model'])}"
    how = "exactly as it was" if origin.get("exact") else "with the weights"
    step = origin.get("step")
    return f"from {plain(origin.get('run'))} at step {step if _is_number(step) else 0:,}, {how}"


def _facts(folder: RunFolder) -> dict[str, Any]:
    status = folder.status()
    facts: dict[str, Any] = {"state": status["state"], "step": status["step"]}
    try:
        config = folder.config()
        facts["family"] = config.family
        if not imported(folder):
            facts |= {**vars(config.train), **config.network, **config.recipe}
    except GanCoreError as error:
        facts["error"] = str(error)
    rows = [row for row in folder.quality() if _is_number(row.get("distance", 0))]
    best = min(rows, key=lambda row: row.get("distance", math.inf), default={})
    facts |= {name: best[name] for name in MEASURED if name in best}
    return facts


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else plain(value)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
