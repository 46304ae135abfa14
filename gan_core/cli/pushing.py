"""`gan-core train --push-to`, `--resume hub:user/name` and `gan-core runs push`: runs to the Hub and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.cli.which import ELSEWHERE, find, imported
from gan_core.config import RunConfig
from gan_core.errors import ConfigError, RunError
from gan_core.hub.client import Address
from gan_core.hub.showing import on_terminal
from gan_core.mirror import Wish, forget_wish, read_record, read_wish, unsent, write_wish
from gan_core.mirror.plain import plain
from gan_core.mirror.standing import standing
from gan_core.settings import Settings
from gan_core.training.events import Noticed
from gan_core.training.run_folder import RunFolder

if TYPE_CHECKING:
    from gan_core.mirror.fetch import Found

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
        if self.to == NOWHERE:
            forget_wish(run)
            return
        before = read_wish(run)
        wish = self.wish(before)
        if wish is not None and wish != before:
            write_wish(run, wish)

    def wish(self, before: Wish | None) -> Wish | None:
        """What was asked for, on top of what a run had asked for before; None where it is to go nowhere."""
        repository = Address.parse(self.to).repository if self.to else ""
        wish = before if before is not None and repository in ("", before.repository) else Wish(repository)
        if not wish.repository:
            return None
        given = {"minutes": self.minutes, "wait_minutes": self.wait}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if self.public is not None:
            changes["private"] = not self.public
        return replace(wish, **changes)


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
        yield Noticed(int(event.get("step", 0)), "hub", plain(event.get("text")))


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
            click.echo(plain(text), err=True)

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
    found = standing(run)
    return {"push": found} if found else {}


# From the Hub.


def seen(name: str) -> "Found":
    """The run in the repository `hub:user/name@revision`. Raises `GanCoreError`."""
    from gan_core.mirror.fetch import find_run

    return find_run(Address.parse(name))


def fetch(
    found: "Found",
    run: Path | None,
    changed: Callable[[RunConfig, str, int], RunConfig],
    settings: Settings,
    quiet: bool,
) -> RunFolder:
    """A run folder that goes on with what was seen, at the very commit that was looked at.

    changed(config, where it stands, steps done): the configuration to go on with. Raises `GanCoreError`.
    """
    from gan_core.mirror.fetch import bring

    address = found.address
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
@click.option("--minutes", type=MINUTES, help="Between two pushes while it is trained.  [default: as before, else 10]")
@as_json
def push(
    run: str, repository: str | None, onto: str | None, public: bool, minutes: float | None, as_json: bool
) -> None:
    """Send what of a run is not on the Hub yet, now; what its training adds goes there too.

    USER/NAME is needed where the run was not begun with --push-to, or is to go elsewhere.
    """
    from gan_core.mirror.asking import follow, push_now

    folder = find(run)
    if imported(folder):
        raise RunError(f"{folder.id}: {ELSEWHERE} Nothing was sent.")
    wish = Push(to=repository, minutes=minutes, public=public or None).wish(read_wish(folder))
    if wish is None:
        raise RunError(f"{folder.id} is not pushed anywhere yet. Nothing was sent. Say where: USER/NAME.")
    waits = unsent(folder, read_record(folder, wish.repository))
    with on_terminal(wish.repository, at_once=True) as progress:
        done = push_now(folder, wish, onto=onto, anew=bool(repository), progress=progress)
    follow(folder)
    assert done.sent is not None
    if as_json:
        print_json({"id": folder.id, "repository": wish.repository, "commit": done.commit, "step": done.sent.step})
        return
    what = f"{waits} sent" if waits else "nothing was new"
    click.echo(f"{folder.id} is at {wish.repository}, commit {(done.commit or '')[:8]}: {what}")


# In lists.


def in_words(told: dict[str, Any]) -> str:
    """One line of `standing`."""
    waits = f"; pending: {told['pending']}" if told["pending"] else ""
    if told["step"] is None:
        return f"{told['repository']}: nothing is there yet{waits}"
    return f"{told['repository']}, up to step {told['step']:,} ({told['sent_bytes'] / 1e6:,.1f} MB sent so far){waits}"
