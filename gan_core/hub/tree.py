"""A repository with folders, changed in one commit.

`push` carries model folders, which are flat; this carries whatever stands beside or below them.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import Progress, account, api, explained, quietly

SMALL_BYTES = 1_000_000
"""Files of fewer are announced to the Hub together."""


def may_create(repository: str, undone: str, *, token: str | None = None) -> None:
    """Raise `HubError` where this account cannot make the repository."""
    who = account(token)
    if who is None:
        raise HubError(f"{undone}: you are not signed in. Log in (hf auth login), or set HF_TOKEN.", "signed-out")
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
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    hub = api(token)
    sizes = {name: path.stat().st_size for name, path in add.items()}
    with explained(undone, what="model"):
        adds = [CommitOperationAdd(name, path) for name, path in add.items()]
        small = [one for one in adds if sizes[one.path_in_repo] < SMALL_BYTES]
        large = [[one] for one in adds if sizes[one.path_in_repo] >= SMALL_BYTES]
        done = 0
        progress(done, sum(sizes.values()))
        for some in filter(None, [small, *large]):  # So that there is progress to tell; the Hub skips what it has.
            hub.preupload_lfs_files(repository, some)
            done += sum(sizes[one.path_in_repo] for one in some)
            progress(done, sum(sizes.values()))
        deletes = [CommitOperationDelete(name) for name in delete]
        # Not retried by the client, and on this very parent: nobody's work can be overwritten.
        made = hub.create_commit(repository, [*adds, *deletes], commit_message=message, parent_commit=parent)
    return made.oid
