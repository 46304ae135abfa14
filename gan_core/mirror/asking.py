"""What people ask of a run's pushes, on the command line and on the page: looked at first, done now, kept."""

import os
from contextlib import suppress

from gan_core.config import few
from gan_core.errors import GanCoreError, HubError
from gan_core.hub.client import Address, Progress, quietly
from gan_core.hub.files import look
from gan_core.hub.tree import may_create
from gan_core.mirror.keeper import Keeper
from gan_core.mirror.locks import locked
from gan_core.mirror.pushing import push_in_turn, turn, would_be_ours
from gan_core.mirror.record import Record, Wish, folder, forget_wish, read_record, read_wish, write_record, write_wish
from gan_core.training.run_folder import OCCUPIES, RunFolder


def refuse_unfit(repository: str, undone: str) -> None:
    """Raise `HubError` where a new run cannot be pushed: better told before hours of training than after."""
    may_create(repository, undone)
    taken = [name for name in look(Address(repository), undone).files if would_be_ours(name)]
    if taken:
        raise HubError(
            f"{undone}: {repository} holds a model or a run already ({few(taken)}). Choose another name.", "taken"
        )


def push_now(
    run: RunFolder, wish: Wish, *, onto: str | None = None, anew: bool = False, progress: Progress = quietly
) -> Record:
    """Send what is new of a run, and keep the wish for its training; see `pushing.push` for onto and anew.

    Raises `GanCoreError`; a push elsewhere that came to nothing changes nothing then.
    """
    with turn(run):
        # Looked at in its turn: whoever pushed before this one wrote what it came to.
        before = read_wish(run)
        known = read_record(run, before.repository) if before else None
        if wish != before:
            write_wish(run, wish)
        try:
            return push_in_turn(run, wish, onto=onto, anew=anew, progress=progress)
        except (GanCoreError, KeyboardInterrupt):
            if wish != before and read_wish(run) == wish:
                with suppress(GanCoreError, OSError):
                    write_wish(run, before) if before else forget_wish(run)
                    if known is not None and before is not None and before.repository != wish.repository:
                        write_record(run, known)  # What the other repository holds is still true.
            raise


def follow(run: RunFolder) -> Keeper | None:
    """Push a run that is being trained in the background, where nobody does yet: it was begun without a wish."""
    wish = read_wish(run)
    if wish is None or run.status()["state"] not in OCCUPIES:
        return None  # One that waits in the queue is pushed by its trainer.
    free = locked(folder(run) / "process.lock")
    if free is None:
        return None
    os.close(free)
    return Keeper(run, wish, run.id)
