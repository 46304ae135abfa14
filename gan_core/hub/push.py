"""A folder to its repository: one atomic commit on the commit that was looked at, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import Address, Progress, api, explained, quietly
from gan_core.hub.compare import Comparison, changed, compare, read_meeting, write_meeting
from gan_core.hub.files import File, Remote, local_files, remote_files
from gan_core.hub.tree import commit, create


@dataclass(frozen=True)
class Push:
    """What a push would do, or did."""

    address: Address
    comparison: Comparison
    add: Mapping[str, int]
    """Bytes by name of what is sent. Content that the Hub has already is not sent again."""
    delete: tuple[str, ...]
    head: str | None
    """The commit that was looked at; None: the repository is to be made."""
    commit: str | None = None
    """The commit that holds it now; None for a plan."""

    @property
    def bytes(self) -> int:
        return sum(self.add.values())

    @property
    def moves(self) -> bool:
        return bool(self.add or self.delete)


def plan_push(
    folder: Path,
    address: Address,
    *,
    instead: Mapping[str, bytes] | None = None,
    holds: Mapping[str, File] | None = None,
    token: str | None = None,
) -> Push:
    """What a push would move. instead: contents that files would have by then. Raises `HubError`.

    holds: files of the repository, by name, that are worked into those of the folder: they are no change there.
    """
    local, remote = local_files(folder), remote_files(Address(address.repository), token=token)
    if not local:
        raise HubError(f"{folder} holds nothing to push. Nothing was sent.", "name")
    local |= {name: File.of(content) for name, content in (instead or {}).items()}
    met = read_meeting(folder, address.repository)
    if met is not None and holds:
        met = replace(met, files={**met.files, **holds})
    return _plan(local, remote, address, compare(local, remote, met))


def _plan(local: Mapping[str, File], remote: Remote | None, address: Address, comparison: Comparison) -> Push:
    there: Mapping[str, File] = remote.files if remote else {}
    add = {name: file.size for name, file in local.items() if not file.same(there.get(name))}
    delete = tuple(name for name in there if name not in local)
    return Push(address, comparison, add, delete, remote.head if remote else None)


def push(
    folder: Path,
    address: Address,
    *,
    message: str = "",
    private: bool = True,
    tag: str | None = None,
    onto: str | None = None,
    take_mine: bool = False,
    holds: Mapping[str, File] | None = None,
    check: Callable[[Path], object] | None = None,
    token: str | None = None,
    progress: Progress = quietly,
) -> Push:
    """Send what changed in one commit, and note in the folder that both are the same.

    onto: a commit that may be overwritten although it is not what the folder came from: the head that the person has
    looked at. take_mine: overwrite whatever is there now. private: for a repository that is to be made. holds: see
    `plan_push`. check(folder) raises for what nobody else should meet; it is asked where something is to be sent.
    Raises `HubError`; with the reason "diverged" where somebody else changed the repository, "taken" where the tag
    names another commit: nothing is sent then.
    """
    planned = plan_push(folder, address, holds=holds, token=token)
    undone = f"{folder.name} was not pushed to {address.repository}"
    refuse_divergence(planned, undone, onto=onto, take_mine=take_mine)
    tagged = refuse_other_tag(planned, undone, tag, token=token) if tag else False
    local = local_files(folder)
    head = planned.head
    met = read_meeting(folder, address.repository)
    pinned = met.pinned if met and not planned.moves else None
    if planned.moves or head is None:
        if check:
            check(folder)
        head = _commit(folder, planned, local, message or f"Upload {folder.name}", private, token, progress, undone)
    done = f"{address.repository} {'was pushed' if planned.moves else 'is there'}"
    try:
        write_meeting(folder, address.repository, head, local, pinned=pinned)
    except OSError as error:
        why = f"{error.strerror or error}. Make room or check the folder, then push again."
        raise HubError(f"{done}, but not noted in the folder of {folder.name}: {why}", "disk") from None
    if tag and not tagged:
        with explained(f"{done}, but not tagged {tag}"):
            api(token).create_tag(address.repository, tag=tag, revision=head)
    return Push(address, planned.comparison, planned.add, planned.delete, planned.head, head)


def refuse_divergence(planned: Push, undone: str, *, onto: str | None = None, take_mine: bool = False) -> None:
    """Raise `HubError` where a push would overwrite what nobody here has looked at."""
    allowed = _allowed(onto, planned.head)
    if planned.comparison.state in ("behind", "diverged") and not take_mine and not allowed:
        raise HubError(diverged(undone, planned), "diverged")
    if onto and not allowed:
        now = (planned.head or "nothing")[:8]
        raise HubError(f"{undone}: the head is {now}, not {onto[:8]}. Look at it, then push onto that.", "diverged")


def refuse_other_tag(planned: Push, undone: str, tag: str, *, token: str | None = None) -> bool:
    """Whether the tag names already what a push would come to. Raises `HubError` where it names something else."""
    if planned.head is None:
        return False
    with explained(undone, what="model"):
        tags = api(token).list_repo_refs(planned.address.repository).tags
    at = next((one.target_commit for one in tags if one.name == tag), None)
    if at is not None and (planned.moves or at != planned.head):
        raise HubError(
            f"{undone}: the tag {tag} is there and names commit {at[:8]}. Nothing was sent. Choose another tag.",
            "taken",
        )
    return at is not None


def _allowed(onto: str | None, head: str | None) -> bool:
    return bool(onto and head and len(onto) >= 7 and head.startswith(onto))


def _commit(
    folder: Path,
    planned: Push,
    local: Mapping[str, File],
    message: str,
    private: bool,
    token: str | None,
    progress: Progress,
    undone: str,
) -> str:
    repository, head = planned.address.repository, planned.head
    if head is None:
        create(repository, undone, private=private, token=token)
        # Somebody may have made it and filled it a moment ago.
        found = remote_files(Address(repository), token=token)
        if found is None:
            raise HubError(f"{undone}: this account may not see it. Use a name of your own.", "forbidden")
        if found.files and changed(local, found.files):
            there = Push(planned.address, compare(local, found, None), {}, (), found.head)
            raise HubError(diverged(undone, there), "diverged")
        head = found.head
    paths = {name: folder / name for name in planned.add}
    try:
        return commit(
            repository,
            paths,
            planned.delete,
            parent=head,
            message=message,
            undone=undone,
            token=token,
            progress=progress,
        )
    except HubError as error:
        if error.reason not in ("moved", "offline", "down"):
            raise
        # The answer may have been lost after the commit was made: what is there now decides.
        try:
            now = remote_files(Address(repository), token=token)
        except HubError:
            raise error from None  # What was not done is the push.
        if now is not None and not changed(local, now.files):
            return now.head
        if now is not None and now.head != head:
            comparison = compare(local, now, read_meeting(folder, repository))
            raise HubError(diverged(undone, Push(planned.address, comparison, {}, (), now.head)), "diverged") from None
        raise


def diverged(undone: str, planned: Push) -> str:
    """Both sides named, and the ways out."""
    mine, theirs = (_few(names) for names in (planned.comparison.mine, planned.comparison.theirs))
    head = (planned.head or "")[:8]
    if planned.comparison.strangers:
        return (
            f"{undone}: it holds something at {head} that never was the same as this ({theirs}). Nothing was "
            f"overwritten. Push to another name, or overwrite that commit (push --onto {head}), or whatever is there "
            "(--take mine)."
        )
    return (
        f"{undone}: it changed there too ({theirs} at {head}; here {mine}). Nothing was overwritten. "
        f"Take theirs (pull), or overwrite that commit (push --onto {head}), or whatever is there (--take mine)."
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "nothing"
