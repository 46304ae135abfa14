"""`gan-core train --push-to`, `--resume hub:user/name` and `gan-core runs push`: runs to the Hub and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.cli.which import find
from gan_core.config import RunConfig
from gan_core.errors import ConfigError, GanCoreError, RunError
from gan_core.hub.client import Address
from gan_core.hub.showing import on_terminal
from gan_core.mirror import Wish, forget_wish, read_record, read_wish, unsent, write_wish
from gan_core.settings import Settings
from gan_core.training.events import Noticed
from gan_core.training.run_folder import RunFolder

NOWHERE = "none"
MINUTES = click.FloatRange(0.01, 10_000)


def options() -> list[click.Option]:
    """Of every family's training."""
    usual = Wish("user/name")
    return [
        click.Option(
            ["--push-to"],
            metavar="USER/NAME",
            help="Push the newest snapshot and the run to this repository on the Hub, in the background, and go on so "
            "whenever the run is resumed; none: no longer.",
        ),
        click.Option(
            ["--push-minutes"], type=MINUTES, help=f"Minutes between two pushes.  [default: {usual.minutes:g}]"
        ),
        click.Option(
            ["--push-wait"],
            type=click.FloatRange(0, 10_000),
            help="Minutes that the end of the training waits for a Hub that cannot be reached."
            f"  [default: {usual.wait_minutes:g}]",
        ),
        click.Option(
            ["--push-public/--push-private"],
            default=None,
            help="Of a repository that is made for it.  [default: private]",
        ),
    ]


@dataclass(frozen=True)
class Push:
    """What was asked for on the command line; None: as before."""

    to: str | None = None
    minutes: float | None = None
    wait: float | None = None
    public: bool | None = None

    def __post_init__(self) -> None:
        if self.to not in (None, NOWHERE) and Address.parse(str(self.to)).revision:
            raise ConfigError(f"--push-to {self.to}: a run is pushed to main. Nothing was started. Leave @... out.")

    def check(self, run: Path | None) -> None:
        """Raise `ConfigError` where it is said how, but not where to. run: a run folder that may be there."""
        said = (self.minutes, self.wait, self.public) != (None, None, None)
        if said and self.to in (None, NOWHERE) and (self.to or run is None or read_wish(RunFolder(run)) is None):
            raise ConfigError("--push-minutes, --push-wait and --push-public go with --push-to. Nothing was started.")

    def want(self, run: RunFolder) -> None:
        """Write it into the run's folder. Raises `GanCoreError`."""
        before = read_wish(run)
        if self.to == NOWHERE:
            forget_wish(run)
            return
        if self.to is None and before is None:
            return
        repository = Address.parse(self.to).repository if self.to else ""
        wish = before if before is not None and repository in ("", before.repository) else Wish(repository)
        given = {"minutes": self.minutes, "wait_minutes": self.wait}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if self.public is not None:
            changes["private"] = not self.public
        if replace(wish, **changes) != before:
            write_wish(run, replace(wish, **changes))


def asked(values: dict[str, Any]) -> Push:
    """Taken out of a command's values."""
    return Push(**{name: values.pop(f"push_{name}") for name in ("to", "minutes", "wait", "public")})


# While a run is trained.


def keeper(run: RunFolder) -> Any:
    """Who keeps the background process of a run that is pushed; None for one that is not."""
    from gan_core.mirror.keeper import Keeper

    wish = read_wish(run)
    if wish is None:
        return None
    try:
        known = find(run.id).path.samefile(run.path)
    except RunError:
        known = False
    return Keeper(run, wish, run.id if known else str(run.path))


def news(keeper: Any) -> Iterator[Noticed]:
    for event in keeper.news() if keeper else ():
        yield Noticed(int(event.get("step", 0)), "hub", str(event.get("text")))


@contextmanager
def waited(keeper: Any, quiet: bool, stop_asked: Callable[[], bool]) -> Iterator[None]:
    """After the training inside, wait until all of it is sent: where it is lent, the machine goes with the command.

    A second Ctrl-C leaves at once; the background process goes on.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        _wait(keeper, quiet, stop_asked)
        raise
    _wait(keeper, quiet, stop_asked)


def _wait(keeper: Any, quiet: bool, stop_asked: Callable[[], bool]) -> None:
    def tell(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    if keeper is None:
        return
    asked_before = stop_asked()
    try:
        pending = keeper.wait(tell, lambda: stop_asked() and not asked_before)
    except KeyboardInterrupt:
        tell(keeper.pending() or "All is sent.")
        raise
    record = read_record(keeper.run, keeper.wish.repository)
    if pending or (record.commit and not record.ended):
        tell(pending or f"All of it is at {record.repository}, commit {str(record.commit)[:8]}")


def told(run: RunFolder) -> dict[str, Any]:
    """What `--json` says of the pushes of a run; nothing where there are none."""
    found = mirrored(run)
    return {"push": found} if found else {}


# From the Hub.


def family_of(name: str) -> str:
    """The family of the run in a repository. Raises `GanCoreError`."""
    from gan_core.mirror.fetch import find_run

    return find_run(Address.parse(name)).config.family


def fetch(
    name: str, run: Path | None, changed: Callable[[RunConfig, str, int], RunConfig], settings: Settings, quiet: bool
) -> RunFolder:
    """A run folder that goes on with what was pushed to `hub:user/name@revision`.

    changed(config, where it stands, steps done): the configuration to go on with. Raises `GanCoreError`.
    """
    from gan_core.mirror.fetch import bring, find_run

    address = Address.parse(name)
    found = find_run(address)
    if (alive := found.alive()) and not quiet:
        click.echo(alive, err=True)
    config = changed(found.config, str(address), found.step)
    with on_terminal(str(address), at_once=True) as progress:
        folder = bring(found, settings, run=run, config=config, progress=progress)
    if not quiet:
        click.echo(f"{folder.path} goes on with {address} from step {found.step:,}", err=True)
    return folder


# Later.


@click.command("push")
@click.argument("run")
@click.argument("repository", metavar="[USER/NAME]", required=False)
@click.option("--onto", metavar="COMMIT", help="Overwrite this very commit, which you have looked at.")
@click.option("--public", is_flag=True, help="Of a repository that is made now.")
@as_json
def push(run: str, repository: str | None, onto: str | None, public: bool, as_json: bool) -> None:
    """Send what of a run is not on the Hub yet, now; later pushes of its training go there too.

    USER/NAME is needed where the run was not begun with --push-to, or is to go elsewhere.
    """
    from gan_core.mirror.pushing import push as push_now

    folder = find(run)
    folder.config()
    before = read_wish(folder)
    if repository or public:
        Push(to=repository, public=public or None).want(folder)
    wish = read_wish(folder)
    if wish is None:
        raise RunError(f"{folder.id} is not pushed anywhere yet. Nothing was sent. Say where: USER/NAME.")
    waits = unsent(folder, read_record(folder, wish.repository))
    try:
        with on_terminal(wish.repository, at_once=True) as progress:
            done = push_now(folder, wish, onto=onto, anew=bool(repository), progress=progress)
    except (GanCoreError, KeyboardInterrupt):
        if before != wish:
            _back(folder, before)
        raise
    assert done.sent is not None
    if as_json:
        print_json({"id": folder.id, "repository": wish.repository, "commit": done.commit, "step": done.sent.step})
        return
    what = f"{waits} sent" if waits else "nothing was new"
    click.echo(f"{folder.id} is at {wish.repository}, commit {(done.commit or '')[:8]}: {what}")


def _back(folder: RunFolder, before: Wish | None) -> None:
    """A push elsewhere that came to nothing changes nothing."""
    try:
        write_wish(folder, before) if before else forget_wish(folder)
    except (GanCoreError, OSError):
        return


# In lists.


def mirrored(folder: RunFolder) -> dict[str, Any] | None:
    """Where a run is pushed, and what waits; None where it is not pushed."""
    wish = read_wish(folder)
    if wish is None:
        return None
    record = read_record(folder, wish.repository)
    waits = unsent(folder, record)
    return {
        "repository": wish.repository,
        "commit": record.commit,
        "step": record.sent.step if record.sent else None,
        "pending": str(waits) if waits else None,
        "trouble": record.ended or record.trouble,
        "sent_bytes": record.total_bytes,
    }


def in_words(told: dict[str, Any]) -> str:
    """One line of `mirrored`."""
    there = f"{told['repository']}, up to step {told['step']:,}" if told["step"] is not None else told["repository"]
    waits = f"; pending: {told['pending']}" if told["pending"] else ""
    return f"{there} ({told['sent_bytes'] / 1e6:,.1f} MB sent so far){waits}"
