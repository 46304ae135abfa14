"""A whole repository, with its folders: looked at by hash, changed in one commit, its files fetched and verified.

`push` and `pull` carry model folders, which are flat; this carries whatever stands beside or below them.
"""

import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import Address, Progress, account, api, explained, limit_waiting, quietly
from gan_core.hub.files import File, hashed

MAX_ENTRIES = 5000
SMALL_BYTES = 1_000_000
"""Files of fewer are announced to the Hub together."""


@dataclass(frozen=True)
class Tree:
    """A repository at one commit, whatever its files are called: nobody has checked their names."""

    head: str | None
    """None: there is no such repository, or this account may not see it."""
    files: Mapping[str, File]


def look(address: Address, undone: str, *, token: str | None = None) -> Tree:
    """What a repository holds. undone: how errors begin. Raises `HubError`."""
    from huggingface_hub.hf_api import RepoFile

    hub = api(token)
    try:
        with explained(undone, what="model", revision=address.revision):
            head = hub.model_info(address.repository, revision=address.revision).sha
            listed = hub.list_repo_tree(address.repository, revision=head, recursive=True)
            entries = list(islice(listed, MAX_ENTRIES + 1))
    except HubError as error:
        if error.reason == "missing":
            return Tree(None, {})
        raise
    if len(entries) > MAX_ENTRIES:
        raise HubError(f"{undone}: it holds more than {MAX_ENTRIES:,} files. Choose another repository.", "foreign")
    files = {}
    for entry in entries:
        if isinstance(entry, RepoFile):
            lfs = entry.lfs
            files[entry.path] = File(entry.size, lfs.sha256 if lfs else None, None if lfs else entry.blob_id)
    return Tree(head, files)


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
        for some in (
            [small, *large] if small else large
        ):  # So that there is progress to tell; the Hub skips what it has.
            hub.preupload_lfs_files(repository, some)
            done += sum(sizes[one.path_in_repo] for one in some)
            progress(done, sum(sizes.values()))
        deletes = [CommitOperationDelete(name) for name in delete]
        # Not retried by the client, and on this very parent: nobody's work can be overwritten.
        made = hub.create_commit(repository, [*adds, *deletes], commit_message=message, parent_commit=parent)
    return made.oid


def fetch(
    repository: str, name: str, file: File, target: Path, *, at: str, undone: str, token: str | None = None
) -> None:
    """One file of the commit `at` to `target`, by way of the client's cache, where an interrupted download goes on.

    file: what the Hub says of it. Raises `HubError`, also where something else arrived.
    """
    from huggingface_hub import hf_hub_download

    limit_waiting()
    with explained(undone, what="model"):
        cached = Path(hf_hub_download(repository, name, revision=at, token=token))
        shutil.copyfile(cached, target)
    if not hashed(target).same(file):
        with suppress(OSError):  # So that the next try fetches it anew.
            cached.resolve().unlink()
        raise HubError(f"{undone}: {name} arrived damaged (its hash is not the Hub's). Try again.", "damaged")
