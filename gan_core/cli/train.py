"""`gan-core train`: one sub-command for each family of the registry, its options from the family's dataclasses."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import click

from gan_core.cli import pushing
from gan_core.cli.options import as_json, config_options, given, print_json
from gan_core.cli.progress import show
from gan_core.config import CHANGEABLE, RunConfig, TrainConfig
from gan_core.errors import ConfigError, RunError
from gan_core.families import get_family, trainable
from gan_core.settings import Settings
from gan_core.training import turn
from gan_core.training.run_folder import IMPORTED, RunFolder

HERE, HUB = "here", "hub:"
SEEN = "gan_core.train.seen"
"""In a command's context: the repository that was looked into for its family, and what was there."""
FROM_DATA = ("size", "channels", "channels_b", "classes")
OTHER_KIND = {"generator": ("domain_a", "domain_b", "default_direction"), "translator": ("conditional",)}


class _Families(click.Group):
    """Sub-commands from the registry. Only the one that is asked for imports its networks and its step."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`train --resume hub:user/name` needs no family: the run knows its own."""
        words = " ".join(args).replace("--resume=", "--resume ").split()
        named = [word for before, word in pairwise(words) if before == "--resume" and word.startswith(HUB)]
        if named and args[0].startswith("-"):
            ctx.meta[SEEN] = named[-1], pushing.seen(named[-1])
            args = [ctx.meta[SEEN][1].config.family, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(trainable())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's signature
        if cmd_name not in trainable():
            return None
        summary = get_family(cmd_name).summary
        return _FamilyCommand(cmd_name, summary)


class _FamilyCommand(click.Command):
    """Builds its options when they are first needed, and shows them in sections."""

    def __init__(self, family: str, summary: str) -> None:
        super().__init__(family, help=summary, callback=_run)
        self._family = get_family(family)
        self._sections: dict[str, list[click.Option]] = {}

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not self.params:
            from gan_core.models import get_networks
            from gan_core.training import get_training

            family = self._family
            self._sections = {
                "Training": config_options(TrainConfig, skip=OTHER_KIND[family.kind], defaults=family.defaults),
                "Network": config_options(get_networks(family.name).Network, skip=FROM_DATA),
                "Recipe": config_options(get_training(family.name).Recipe),
                "Run": [
                    click.Option(
                        ["--run", "--run-folder", "run"],
                        type=click.Path(path_type=Path),
                        help="Run folder; default: a new number. The long name is for torchrun, which has a "
                        "--run-path.",
                    ),
                    click.Option(
                        ["--resume"],
                        is_flag=False,
                        flag_value=HERE,
                        metavar="[hub:USER/NAME]",
                        help="Go on where --run stopped, or begin if it has not begun. With a repository: fetch the "
                        "run that was pushed there, to --run or a new number, and go on with it.",
                    ),
                    click.Option(
                        ["--queue"],
                        is_flag=True,
                        help="Wait until no other run of this runs folder holds the device, first come first served.",
                    ),
                    click.Option(["--quiet"], is_flag=True, help="No progress on standard error."),
                ],
                "Hub": pushing.options(),
            }
            self.params = [option for options in self._sections.values() for option in options]
            as_json(self)
        return super().get_params(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = self.get_params(ctx)
        shown = sum(len(options) for options in self._sections.values())
        sections: dict[str, Sequence[click.Parameter]] = {**self._sections, "Other": params[shown:]}
        for title, options in sections.items():
            records = [record for option in options if (record := option.get_help_record(ctx))]
            with formatter.section(title):
                formatter.write_dl(records)


@click.group(cls=_Families)
def train() -> None:
    """Train a model."""


@click.pass_context
def _run(
    ctx: click.Context,
    /,
    run: Path | None,
    resume: str | None,
    queue: bool,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    from gan_core.devices import pick_device
    from gan_core.models import get_networks
    from gan_core.training import distributed, get_training
    from gan_core.training.loop import train as run_training
    from gan_core.training.tensorboard import recorded

    settings, push = Settings(), pushing.asked(values)
    family = str(ctx.info_name)
    options = {
        "train": given(values, TrainConfig),
        "network": given(values, get_networks(family).Network, skip=FROM_DATA),
        "recipe": given(values, get_training(family).Recipe),
    }
    device = distributed.local_device(pick_device(values["device"] or "auto"))
    with distributed.process_group(device) as shard, _stop_on_signals() as stop_asked:
        if queue and shard.world > 1:
            raise ConfigError("--queue is for one process. Nothing was started. Leave it out under torchrun.")

        def prepare() -> tuple[RunFolder, RunConfig, bool]:
            push.check(run)
            name, seen = ctx.meta.get(SEEN, (None, None))
            seen = seen if name == resume else None
            folder, config = _folder_and_config(family, options, run, resume, seen, settings, quiet)
            push.want(folder)
            return folder, config, _has_its_turn(folder, queue, quiet, stop_asked)

        # The first process alone looks at the disk and makes folders; the others are told.
        folder, config, begins = distributed.from_first(prepare)
        if begins:
            keeper = pushing.keeper(folder) if shard.rank == 0 else None
            shown = show(folder.path) if shard.rank == 0 and not quiet else nullcontext()
            with (
                pushing.waited(keeper, quiet, stop_asked),
                shown as display,
                recorded(config, folder, shard.rank) as record,
            ):
                for event in run_training(
                    config,
                    folder,
                    settings=settings,
                    should_stop=stop_asked,
                    on_decoded=display.decoded if display else None,
                ):
                    record(event)
                    if display:
                        display.event(event)
                    for told in pushing.news(keeper):
                        if display:
                            display.event(told)
        interrupted = stop_asked()
    status = folder.status()
    if as_json and shard.rank == 0:
        print_json({"run": str(folder.path), "state": status["state"], "step": status["step"], **pushing.told(folder)})
    if interrupted and status["state"] == "stopped":
        sys.exit(130)


def _folder_and_config(
    family: str,
    options: dict[str, dict[str, Any]],
    run: Path | None,
    resume: str | None,
    seen: Any,
    settings: Settings,
    quiet: bool,
) -> tuple[RunFolder, RunConfig]:
    from gan_core.begin import begin, resolved

    if resume not in (None, HERE):
        if not str(resume).startswith(HUB):
            raise ConfigError(f"--resume {resume} is no repository. Nothing was started. A run here is named by --run.")

        def changed(config: RunConfig, where: str, reached: int) -> RunConfig:
            return _changed(config, where, reached, family, options)

        folder = pushing.fetch(seen or pushing.seen(str(resume)), run, changed, settings, quiet)
        return folder, folder.config()
    if resume and run is None:
        raise ConfigError("--resume needs --run FOLDER, the run to go on with. Nothing was started.")
    if run is not None and resume and (run / "config.json").exists():
        folder = RunFolder(run)
        turn.refuse_second(folder)
        return folder, _resumed(folder, family, options)
    if "data" not in options["train"]:
        begun = f"{run} has not begun, and " if resume else ""
        raise ConfigError(f"{begun}--data is missing: a folder, a zip, or a name like shapes. Nothing was started.")
    config = resolved(family, **options, settings=settings)
    folder = begin(config, settings, run=run)
    return folder, folder.config()


def _has_its_turn(folder: RunFolder, queue: bool, quiet: bool, stop_asked: Callable[[], bool]) -> bool:
    """Take the run for this process, in the queue or at once; False where it was stopped while it waited."""
    if folder.control().get("paused"):
        folder.write_control(paused=False)  # Who goes on does not want to wait at once.
    if not queue:
        turn.start(folder)
        return True

    def tell(before: RunFolder, place: int) -> None:
        if before.id != folder.id and not quiet:
            click.echo(f"{folder.path} waits for {before.id}, as number {place} of the queue", err=True)

    return turn.wait(folder, stop_asked, tell)


def _resumed(folder: RunFolder, family: str, options: dict[str, dict[str, Any]]) -> RunConfig:
    """The run's own configuration, with what may change from one start to the next."""
    before = folder.config()
    config = _changed(before, str(folder.path), folder.status()["step"], family, options)
    if config != before:
        folder.write_config(config)
    return config


def _changed(config: RunConfig, where: str, reached: int, family: str, options: dict[str, dict[str, Any]]) -> RunConfig:
    """The configuration of a run that has done `reached` steps, with the options that may change."""
    if config.train.data.startswith(IMPORTED):
        raise RunError(
            f"{where} was read from another project's log: it holds curves and no weights to go on from. "
            "Nothing was started. Begin a new run."
        )
    if config.family != family:
        raise ConfigError(f"{where} trains {config.family}, not {family}. Nothing was started.")
    before = {"train": config.train.__dict__, "network": config.network, "recipe": config.recipe}
    for part, values in options.items():
        for name, value in values.items():
            if before[part].get(name) != value and not (part == "train" and name in CHANGEABLE):
                flag = name.replace("_", "-")
                raise ConfigError(
                    f"--{flag} cannot change when a run is resumed. Nothing was started. Begin a new run."
                )
    changed = {name: value for name, value in options["train"].items() if name in CHANGEABLE}
    if changed.get("steps", reached) < reached:
        raise ConfigError(f"--steps {changed['steps']} is less than the {reached} steps done. Nothing was started.")
    return replace(config, train=replace(config.train, **changed))


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM asks the loop to save and leave; a second Ctrl-C leaves at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the signature of signal handlers
        nonlocal asked
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
