"""Back to an earlier step: a branch begins there as a run of its own, a roll back takes the run itself there."""

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from gan_core.atomic import write_json
from gan_core.config import CHANGEABLE, RunConfig, TrainConfig, few
from gan_core.errors import ConfigError, RunError
from gan_core.training.claims import claim
from gan_core.training.control import RATES
from gan_core.training.records import ROLLED_BACK, append, json_object
from gan_core.training.run_folder import ACTIVE, IMPORTED, RunFolder, create_run

START = "start"
"""Model folder inside a run folder whose weights the run begins with."""
ASIDE = "aside"
RECORDS = ("metrics.jsonl", "quality.jsonl")
_DATA_NAME = re.compile(r"\d{5}-[a-z0-9]+-(.+)")


def points(run: RunFolder) -> list[dict[str, Any]]:
    """The snapshots: {"step", "exact"}. exact: all that training goes on from is kept too, not the weights alone."""
    states = {step for step, _ in run.states()}
    return [{"step": step, "exact": step in states} for step, _ in run.snapshots()]


def branch(run: RunFolder, step: int, runs_dir: Path, **changes: Any) -> RunFolder:
    """A new run that goes on from a step of another one, which is not touched.

    Where the state of that step is kept, it goes on to the bit as the other did; else it begins at step 0 with the
    snapshot's weights. changes: options that may be others when a run goes on, and the learning rates.
    """
    states, snapshots = dict(run.states()), dict(run.snapshots())
    if step not in states and step not in snapshots:
        raise RunError(f"{_nothing_at(run, step)} Nothing was begun.")
    exact = step in states
    config = _changed(_config_then(run, snapshots.get(step)), changes)
    if not exact:
        config = replace(config, train=replace(config.train, start_from=f"run:{run.id}@{step}"))
    elif config.train.steps < step:
        raise ConfigError(f"--steps {config.train.steps} is less than the {step:,} steps done. Nothing was begun.")
    origin = {"run": run.id, "step": step, "exact": exact}

    def fill(folder: Path) -> None:
        new = RunFolder(folder)
        new.write_about(origin=origin)
        if exact:
            _copy_record(run, new, step)
            new.append_event(step, "branch", f"Branched from {run.id} at step {step:,}: it goes on exactly from there.")
            if (run.path / START).is_dir():
                _copy(run.path / START, folder / START)
        else:
            _copy(snapshots[step], folder / START)

    try:
        new = create_run(runs_dir, config, _data_name(run), fill)
        reached = step if exact else 0
        new.write_status(state="stopped", step=reached, total_steps=config.train.steps, device=None)
    except OSError as error:
        raise RunError(
            f"The branch could not be written to {runs_dir} ({error.strerror or error}). {run.id} is as it was. "
            "Make room, then try again."
        ) from None
    return new


def roll_back(run: RunFolder, step: int) -> bool:
    """Take a run that is not active back to a step whose state is kept. What came after it is set aside in `aside/`.

    The lines of metrics.jsonl stay: a line of the earlier step is appended, which takes the place of those after it.
    """
    with claim(run):
        status = run.status()
        if status["state"] in ACTIVE:
            raise RunError(
                f"{run.id} is {status['state']}. Nothing was changed. Stop it first, or branch from step {step:,}."
            )
        states = dict(run.states())
        if step not in states:
            if step in dict(run.snapshots()):
                raise RunError(
                    f"{run.id} keeps only the weights of step {step:,}, and training cannot go back exactly with them. "
                    "Nothing was changed. Branch from that step: a new run begins with its weights."
                )
            raise RunError(f"{_nothing_at(run, step)} Nothing was changed.")
        reached = max(status["step"], step)
        try:
            _set_aside(run, step)
            for name in RECORDS:
                _go_back(run, name, step)
            run.append_event(step, ROLLED_BACK, f"Rolled back from step {reached:,} to step {step:,}.")
            run.clear_stop()
            run.write_status(
                state="stopped",
                step=step,
                total_steps=status["total_steps"] or run.config().train.steps,
                device=status.get("device"),
            )
        except OSError as error:
            raise RunError(
                f"{run.id} could not be rolled back to its end ({error.strerror or error}). Nothing is lost: what was "
                f"moved stands in {run.path / ASIDE}. Make room, then roll back again."
            ) from None
    return True


def _nothing_at(run: RunFolder, step: int) -> str:
    known = [f"{point['step']:,}" for point in points(run)]
    has = f"It has {few(known)}." if known else "It has no snapshot yet."
    return f"{run.id} keeps nothing of step {step:,}. {has}"


def _config_then(run: RunFolder, snapshot: Path | None) -> RunConfig:
    """The run's configuration with the recipe of a snapshot: learning rates may have been changed since."""
    config = run.config()
    then = json_object(snapshot / "config.json").get("trained") if snapshot else None
    recipe = then.get("recipe") if isinstance(then, dict) else None
    return replace(config, recipe=recipe) if isinstance(recipe, dict) else config


def _changed(config: RunConfig, changes: dict[str, Any]) -> RunConfig:
    if config.train.data.startswith(IMPORTED):
        raise RunError("The run was read from another project's log: it holds no weights. Nothing was begun.")
    known = {item.name for item in fields(TrainConfig)}
    train = {name: value for name, value in changes.items() if name in known}
    recipe = {name: value for name, value in changes.items() if name not in known}
    foreign = [name for name in train if name not in CHANGEABLE] + [name for name in recipe if name not in RATES]
    if foreign:
        flag = foreign[0].replace("_", "-")
        raise ConfigError(f"--{flag} cannot change in a branch. Nothing was begun. Begin a new run from the weights.")
    return replace(config, train=replace(config.train, **train), recipe={**config.recipe, **recipe})


def _data_name(run: RunFolder) -> str:
    match = _DATA_NAME.fullmatch(run.id)
    return match[1] if match else run.id


def _copy_record(run: RunFolder, new: RunFolder, step: int) -> None:
    """State, curves, notices, samples and snapshots up to a step."""
    for name in ("state", "snapshots", "samples"):
        new.part(name)
    _link(dict(run.states())[step], new.path / "state" / f"{step:06d}.pt")
    for at, path in run.snapshots():
        if at <= step:
            _copy(path, new.path / "snapshots" / path.name)
    for at, path in run.samples():
        if at <= step:
            _link(path, new.path / "samples" / path.name)
    layout = run.path / "samples" / "layout.json"
    if layout.is_file():
        shutil.copyfile(layout, new.path / "samples" / layout.name)
    lines = {"metrics.jsonl": run.metrics(), "quality.jsonl": run.quality(), "events.jsonl": run.events()}
    for name, found in lines.items():
        kept = [line for line in found if line["step"] <= step]
        for line in kept:
            append(new.path / name, line)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link)


def _link(source: str | Path, target: str | Path) -> None:
    """A second name for the same bytes, which nobody ever changes in their place; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _set_aside(run: RunFolder, step: int) -> None:
    """Move states, snapshots and samples after a step away, the states first: from then on the run is back."""
    there = _free(run.part(ASIDE) / time.strftime("%Y%m%d-%H%M%S"))
    lists: dict[str, Callable[[], list[tuple[int, Path]]]] = {
        "state": run.states,
        "snapshots": run.snapshots,
        "samples": run.samples,
    }
    for name, listed in lists.items():
        for at, path in reversed(listed()):
            if at > step:
                (there / name).mkdir(parents=True, exist_ok=True)
                path.rename(there / name / path.name)
    if there.is_dir():
        write_json(there / "about.json", {"back_to_step": step, "at": time.time()}, make_folder=False)


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _go_back(run: RunFolder, name: str, step: int) -> None:
    """Append the newest line up to a step again: whoever reads the lines drops those after it."""
    lines = run.metrics() if name == "metrics.jsonl" else run.quality()
    if lines and lines[-1]["step"] > step:
        earlier = [line for line in lines if line["step"] <= step]
        append(run.path / name, earlier[-1] if earlier else {"step": step})
