"""A repository, made and changed: one commit on the commit that was looked at."""

from collections.abc import Collection, Mapping
from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import SIGNED_OUT, Progress, account, api, explained, quietly
from gan_core.hub.sending import send_ahead


def may_create(repository: str, undone: str, *, token: str | None = None) -> None:
    """Raise `HubError` where this account cannot make the repository."""
    who = account(token)
    if who is None:
        raise HubError(f"{undone}: {SIGNED_OUT}", "signed-out")
    namespace = repository.partition("/")[0]
    if not who["may_write"] or namespace not in (who["name"], *who["organisations"]):
        raise HubError(
            f"{undone}: {who['name']} may not write to {namespace}. Use a name of your own, or a token that may write.",
            "forbidden",
        )


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
