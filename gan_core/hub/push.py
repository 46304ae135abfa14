"""A folder to its repository: one atomic commit on the commit that was looked at, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import Address, Progress, api, explained, quietly
from gan_core.hub.compare import Comparison, changed, compare, read_meeting, write_meeting
from gan_core.hub.files import File, Remote, local_files, remote_files


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


def plan_push(folder: Path, address: Address, *, token: str | None = None) -> Push:
    """What a push would move. Raises `HubError`."""
    local, remote = local_files(folder), remote_files(Address(address.repository), token=token)
    if not local:
        raise HubError(f"{folder} holds nothing to push. Nothing was sent.", "name")
    return _plan(local, remote, address, compare(local, remote, read_meeting(folder, address.repository)))


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
    token: str | None = None,
    progress: Progress = quietly,
) -> Push:
    """Send what changed in one commit, and note in the folder that both are the same.

    onto: a commit that may be overwritten although it is not what the folder came from: the head that the person has
    looked at. take_mine: overwrite whatever is there now. private: for a repository that is to be made.
    Raises `HubError`; with the reason "diverged" where somebody else changed the repository.
    """
    planned = plan_push(folder, address, token=token)
    state = planned.comparison.state
    undone = f"{folder.name} was not pushed to {address.repository}"
    if state in ("behind", "diverged") and not take_mine and not _allowed(onto, planned.head):
        raise HubError(diverged(undone, planned), "diverged")
    if onto and not _allowed(onto, planned.head):
        head = (planned.head or "nothing")[:8]
        raise HubError(f"{undone}: the head is {head}, not {onto[:8]}. Look at it, then push onto that.", "diverged")
    local = local_files(folder)
    commit = planned.head
    if planned.add or planned.delete or commit is None:
        commit = _commit(folder, planned, local, message or f"Upload {folder.name}", private, token, progress, undone)
    assert commit is not None
    write_meeting(folder, address.repository, commit, local)
    if tag:
        with explained(f"{address.repository} was pushed, but not tagged {tag}"):
            api(token).create_tag(address.repository, tag=tag, revision=commit)
    return Push(address, planned.comparison, planned.add, planned.delete, planned.head, commit)


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
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    hub, repository, head = api(token), planned.address.repository, planned.head
    with explained(undone, what="model"):
        if head is None:
            hub.create_repo(repository, private=private, exist_ok=True)
            head = hub.model_info(repository).sha
            # Somebody may have made it and filled it a moment ago.
            found = remote_files(Address(repository), token=token)
            if found and found.files and changed(local, found.files):
                raise HubError(diverged(undone, planned), "diverged")
        adds = [CommitOperationAdd(name, folder / name) for name in planned.add]
        sent = 0
        progress(sent, planned.bytes)
        for add in adds:  # One by one, so that there is progress to tell; the Hub skips what it has.
            hub.preupload_lfs_files(repository, [add])
            sent += planned.add[add.path_in_repo]
            progress(sent, planned.bytes)
        deletes = [CommitOperationDelete(name) for name in planned.delete]
    try:
        with explained(undone, what="model"):
            # Not retried by the client, and on this very parent: nobody's work can be overwritten.
            made = hub.create_commit(repository, [*adds, *deletes], commit_message=message, parent_commit=head)
            return made.oid
    except HubError as error:
        if error.reason not in ("moved", "offline", "down"):
            raise
        # The answer may have been lost after the commit was made: what is there now decides.
        now = remote_files(Address(repository), token=token)
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
    return (
        f"{undone}: it changed there too ({theirs} at {head}; here {mine}). Nothing was overwritten. "
        f"Take theirs (pull), or overwrite that commit (push --onto {head}), or whatever is there (--take mine)."
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "nothing"
