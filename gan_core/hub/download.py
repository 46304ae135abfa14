"""A data set's folder for reading: from the cache, or downloaded to it. Models: see `copies`."""

from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub.client import Address, explained, limit_waiting
from gan_core.hub.fetching import fetch_file
from gan_core.hub.files import Tree, look

KIND = "dataset"
MAX_FILES = 1_000_000
"""Of a data set's repository, where each picture may be a file."""


def download(name: str, *, patterns: list[str], cached_only: bool = False) -> Path:
    """The local folder of a data set `user/name[@revision]`, downloaded where the cache lacks it.

    Only files that match `patterns` are fetched, and each is compared with the Hub's hash. Without a connection, or
    with `cached_only`, the cached copy serves, if there is one. Raises `HubError`.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import httpx

    limit_waiting()
    repository, _, revision = name.partition("@")
    refused = f"hub:{name} was not downloaded"
    # Asked first: snapshot_download alone silently serves an old copy when the Hub fails.
    tree = None if cached_only else _seen(repository, revision, refused)
    with explained(refused, what=KIND, revision=revision):
        try:
            # Asked for by its name, not by its commit: only so does the cache learn which copy to serve without a
            # connection.
            folder = Path(
                snapshot_download(
                    repository,
                    repo_type=KIND,
                    revision=revision or None,
                    allow_patterns=patterns,
                    local_files_only=tree is None,
                )
            )
        except HFValidationError:
            raise HubError(f"{refused}: {repository!r} is not of the form user/name.", "name") from None
        except (LocalEntryNotFoundError, httpx.TransportError):
            text = f"{refused}: the Hub cannot be reached and nothing is cached. Try again when online."
            raise HubError(text, "offline") from None
    if tree is not None:
        if tree.head != folder.name:
            text = f"{refused}: the Hub failed in the middle, and only an old copy is here. Try again later."
            raise HubError(text, "down")
        _verify(repository, tree, patterns, refused)
    return folder


def _seen(repository: str, revision: str, refused: str) -> Tree | None:
    """What the data set's repository holds now; None where the Hub cannot be reached."""
    address = Address(repository, revision or None)
    try:
        tree = look(address, refused, what="a data set", most=MAX_FILES, kind=KIND)
    except HubError as error:
        if error.reason == "offline":
            return None
        raise
    if tree.head is None:
        text = f"{refused}: there is no such {KIND}, or this account may not see it. Check the name."
        raise HubError(text, "missing")
    return tree


def _verify(repository: str, tree: Tree, patterns: list[str], refused: str) -> None:
    """Compare what lies in the cache with what the Hub announced; what arrived damaged is fetched once more."""
    from huggingface_hub.utils import filter_repo_objects

    assert tree.head is not None
    for name in filter_repo_objects(tree.files, allow_patterns=patterns):
        fetch_file(repository, name, tree.files[name], tree.head, undone=refused, kind=KIND)
