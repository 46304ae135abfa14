"""A data set's folder for reading: from the cache, or downloaded to it. Models: see `copies`."""

from pathlib import Path

from gan_core.errors import HubError
from gan_core.hub import client
from gan_core.hub.client import explained, limit_waiting

KIND = "dataset"


def download(name: str, *, patterns: list[str], cached_only: bool = False) -> Path:
    """The local folder of a data set `user/name[@revision]`, downloaded where the cache lacks it.

    Only files that match `patterns` are fetched. Without a connection, or with `cached_only`, the cached copy serves,
    if there is one.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    limit_waiting()
    repository, _, revision = name.partition("@")
    refused = f"hub:{name} was not downloaded"
    with explained(refused, what=KIND, revision=revision):
        try:
            try:
                # Asked first: snapshot_download alone silently serves an old copy when the Hub fails.
                wanted = None if cached_only else _head(repository, revision)
            except (OfflineModeIsEnabled, httpx.TransportError):
                wanted = None
            # Asked for by its name, not by `wanted`: only so does the cache learn which copy to serve without a
            # connection.
            folder = Path(
                snapshot_download(
                    repository,
                    repo_type=KIND,
                    revision=revision or None,
                    allow_patterns=patterns,
                    local_files_only=wanted is None,
                )
            )
        except HFValidationError:
            raise HubError(f"{refused}: {repository!r} is not of the form user/name.", "name") from None
        except (LocalEntryNotFoundError, httpx.TransportError):
            text = f"{refused}: the Hub cannot be reached and nothing is cached. Try again when online."
            raise HubError(text, "offline") from None
    if wanted not in (None, folder.name):
        text = f"{refused}: the Hub failed in the middle, and only an old copy is here. Try again later."
        raise HubError(text, "down")
    return folder


def _head(repository: str, revision: str) -> str | None:
    from huggingface_hub import HfApi

    return HfApi().dataset_info(repository, revision=revision or None, timeout=client.TIMEOUT_S).sha
