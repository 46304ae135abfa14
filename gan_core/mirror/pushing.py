"""One push of a run: one atomic commit on top of what was looked at, and nothing of anybody else's is overwritten."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gan_core.atomic import write_bytes
from gan_core.cards import renewed
from gan_core.config import ModelConfig, few
from gan_core.errors import HubError, ModelError, RunError
from gan_core.hub.client import Address, Progress, quietly
from gan_core.hub.compare import changed
from gan_core.hub.files import File, Tree, hashed, look
from gan_core.hub.pull import read_text
from gan_core.hub.tree import commit, create, may_create
from gan_core.mirror.locks import locked
from gan_core.mirror.record import Record, Sent, Wish, folder, read_record, read_wish, write_record
from gan_core.mirror.stage import CARD, MODEL, STATUS, Stage, allowed, staged
from gan_core.training.run_folder import RunFolder
from gan_core.weights import CONFIG

LOCK_S = 60.0


def look_first(run: RunFolder, wish: Wish, *, token: str | None = None) -> None:
    """Raise `HubError` where a push would be refused: better told before hours of training than after."""
    undone = _undone(run, wish)
    tree, record = _seen(run, wish, undone, token)
    if tree.head is None and record.sent is None:
        may_create(wish.repository, undone, token=token)
    _refuse_divergence(run, tree, record, None, undone)


def push(
    run: RunFolder,
    wish: Wish,
    *,
    onto: str | None = None,
    anew: bool = False,
    token: str | None = None,
    progress: Progress = quietly,
) -> Record:
    """Send what is new of a run. onto: a commit that may be overwritten, which the person has looked at.

    anew: make the repository again where somebody deleted it.

    Raises `HubError`, with the reason "diverged" where somebody else changed what is ours there; `RunError`.
    """
    with turn(run):
        # While this one waited for its turn, the other one may have been asked to go elsewhere, and went.
        asked = read_wish(run)
        if asked is not None and asked.repository != wish.repository:
            raise RunError(f"{_undone(run, wish)}: it goes to {asked.repository} by now. Nothing was sent.")
        return push_in_turn(run, wish, onto=onto, anew=anew, token=token, progress=progress)


def push_in_turn(
    run: RunFolder,
    wish: Wish,
    *,
    onto: str | None = None,
    anew: bool = False,
    token: str | None = None,
    progress: Progress = quietly,
) -> Record:
    """`push` for who has the `turn`."""
    undone = _undone(run, wish)
    for last in (False, True):
        tree, record = _seen(run, wish, undone, token)
        if record.sent != read_record(run, wish.repository).sent:
            write_record(run, record)
        _refuse_divergence(run, tree, record, onto, undone)
        if onto or (anew and tree.head is None):
            record = replace(record, sent=None)  # Everything is sent anew.
        if tree.head is None:
            if record.sent is not None:
                raise HubError(
                    f"{undone}: the repository is not there any more, or this account may not see it. Nothing was "
                    f"sent. Make it anew (gan-core runs push {run.id} {wish.repository}).",
                    "missing",
                )
            create(wish.repository, undone, private=wish.private, token=token)
            tree = look(Address(wish.repository), undone, token=token)
            if tree.head is None:
                raise HubError(f"{undone}: this account may not see it. Use a name of your own.", "forbidden")
            _refuse_divergence(run, tree, record, None, undone)  # Somebody may have filled it a moment ago.
        try:
            with staged(run, wish, record.sent) as stage:
                return _send(run, wish, stage, tree, record, undone, token, progress)
        except OSError as error:
            raise HubError(f"{undone}: {error.strerror or error}. Make room there.", "disk") from None
        except HubError as error:
            if error.reason != "moved" or last:
                raise  # Somebody was quicker: once more, on top of that.
    raise AssertionError("the second round returns or raises")


def _undone(run: RunFolder, wish: Wish) -> str:
    return f"{run.id} was not pushed to {wish.repository}"


def _seen(run: RunFolder, wish: Wish, undone: str, token: str | None) -> tuple[Tree, Record]:
    """What is there, and what we know of it; a push whose answer was lost, or that was killed, is recognised."""
    record = read_record(run, wish.repository)
    tree = look(Address(wish.repository), undone, token=token)
    if record.under_way is not None:
        names = {*record.under_way.files, *(record.sent.files if record.sent else ())}
        there = {name: file for name, file in tree.files.items() if name in names}
        # The card may have been edited since.
        if tree.head and not {*changed(there, record.under_way.files)} - {CARD}:
            record = replace(record, commit=tree.head, sent=record.under_way)
    return tree, replace(record, under_way=None)


def _refuse_divergence(run: RunFolder, tree: Tree, record: Record, onto: str | None, undone: str) -> None:
    head = tree.head or ""
    if onto:
        if len(onto) >= 7 and head.startswith(onto):
            return
        raise HubError(
            f"{undone}: the head is {head[:8]}, not {onto[:8]}. Look at it, then push onto that.", "diverged"
        )
    if not head:
        return
    before: dict[str, File] = dict(record.sent.files) if record.sent else {}
    # Beside what we sent: what would be overwritten of a repository that we never filled, and a run's own files, among
    # which a newer state of another machine's would be.
    counts = _is_of_a_run if before else would_be_ours
    there = {name: file for name, file in tree.files.items() if name in before or counts(name)}
    theirs = [name for name in changed(there, before) if name != CARD]
    if theirs:
        raise HubError(
            f"{undone}: it was changed there by somebody else ({few(theirs)} at {head[:8]}). Nothing was overwritten, "
            f"and no more is pushed. Push to another name (gan-core runs push {run.id} USER/NAME), or overwrite that "
            f"commit (gan-core runs push {run.id} --onto {head[:8]}).",
            "diverged",
        )


def _is_of_a_run(name: str) -> bool:
    return allowed(name, 0)


def would_be_ours(name: str) -> bool:
    """Whether a push could overwrite the file. A card is renewed, not overwritten."""
    return _is_of_a_run(name) or (MODEL.fullmatch(name) is not None and name != CARD)


def _send(
    run: RunFolder,
    wish: Wish,
    stage: Stage,
    tree: Tree,
    record: Record,
    undone: str,
    token: str | None,
    progress: Progress,
) -> Record:
    assert tree.head is not None
    before: dict[str, File] = dict(record.sent.files) if record.sent else {}
    if CARD in stage.files and CARD in tree.files:
        # What a person wrote into the card stays, also where it is the card that we sent: with their words in it.
        theirs = read_text(Address(wish.repository), CARD, tree.head, token=token)
        ours = stage.files[CARD].read_text(encoding="utf-8")
        config = _config_there(wish, tree, token) if theirs != ours else None
        write_bytes(stage.files[CARD], renewed(theirs, ours, config).encode())
    files = {name: hashed(path) for name, path in stage.files.items()}
    add = {name: path for name, path in stage.files.items() if not files[name].same(tree.files.get(name))}
    delete = [name for name in before if name not in files and name not in stage.kept and name in tree.files]
    delete += [name for name in tree.files if _is_of_a_run(name) and name not in {*files, *stage.kept, *delete}]
    kept = {name: tree.files[name] if name == CARD else before[name] for name in stage.kept if name in tree.files}
    sent = Sent(
        {**kept, **files}, stage.step, stage.state, stage.snapshot, stage.said, at=time.time(), state_at=stage.state_at
    )
    if set(add) <= {STATUS} and not delete and record.sent and record.sent.said == stage.said:
        # Nothing but the time is new: what was sent is what is there.
        made, sent, add = tree.head, replace(record.sent, at=time.time()), {}
    else:
        write_record(run, replace(record, under_way=sent))
        message = f"Step {stage.step:,} of {run.config().train.steps:,}"
        made = commit(
            wish.repository,
            add,
            delete,
            parent=tree.head,
            message=message,
            undone=undone,
            token=token,
            progress=progress,
        )
    size = sum(files[name].size for name in add)
    record = Record(wish.repository, made, sent, total_bytes=record.total_bytes + size)
    write_record(run, record)
    return record


def _config_there(wish: Wish, tree: Tree, token: str | None) -> ModelConfig | None:
    """The configuration that came with the card there; None where there is none that could be read."""
    if CONFIG not in tree.files or tree.head is None:
        return None
    try:
        text = read_text(Address(wish.repository), CONFIG, tree.head, token=token)
        return ModelConfig.from_json(json.loads(text), CONFIG)
    except (ModelError, ValueError, RecursionError):
        return None
    except HubError as error:
        if error.reason == "foreign":
            return None
        raise


@contextmanager
def turn(run: RunFolder) -> Iterator[None]:
    """One push of a run at a time; waits a while for the other one. Raises `RunError` where that takes too long."""
    try:
        descriptor = locked(folder(run) / "turn.lock", wait_s=LOCK_S)
    except OSError as error:
        raise RunError(f"{run.path} cannot be written ({error.strerror or error}). Nothing was sent.") from None
    if descriptor is None:
        raise RunError(f"{run.id} is being pushed by another process. Nothing was sent. Try again later.")
    try:
        yield
    finally:
        os.close(descriptor)
