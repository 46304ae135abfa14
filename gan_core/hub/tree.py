"""A repository, made and changed: one commit on the commit that was looked at."""

from collections.abc import Collection, Mapping
from pathlib import Path

from gan_core.hub.client import Progress, api, explained, quietly, refuse_reader
from gan_core.hub.sending import send_ahead


def may_create(repository: str, undone: str, *, token: str | None = None) -> None:
    """Raise `HubError` where this account cannot make the repository."""
    refuse_reader(repository, undone, makes=True, token=token)


def create(repository: str, undone: str, *, private: bool, token: str | None = None) -> None:
    with explained(undone, what="model"):
        api(token).create_repo(repository, private=private, exist_ok=True)


def commit(
    repository: str,
    add: Mapping[str, Path],
    delete: Collection[str],
    *,
    parent: str,
    message: str,
    undone: str,
    token: str | None = None,
    progress: Progress = quietly,
) -> str:
    """One commit on `parent`, or none; its id. add: files by their names there.

    Raises `HubError`. With the reasons moved, offline and down it may have been made all the same: look again.
    """
    from huggingface_hub import CommitOperationDelete

    hub = api(token)
    with explained(undone, what="model"):
        adds = send_ahead(hub, repository, add, progress=progress)
        deletes = [CommitOperationDelete(name) for name in delete]
        # Not retried by the client, and on this very parent: nobody's work can be overwritten.
        made = hub.create_commit(repository, [*adds, *deletes], commit_message=message, parent_commit=parent)
    return made.oid
