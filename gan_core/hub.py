"""All traffic with the Hugging Face Hub: it moves folders and does not look inside weights."""

from pathlib import Path
from typing import Literal

from gan_core.errors import HubError

TIMEOUT_S = 30.0


def download(name: str, *, kind: Literal["model", "dataset"], patterns: list[str]) -> Path:
    """The local folder of a repository `user/name[@revision]`, downloaded where the cache lacks it.

    Only files that match `patterns` are fetched. Without a connection the cached copy serves, if there is one.
    """
    # The client takes a second to import, and few commands need it.
    from huggingface_hub import HfApi, set_client_factory, snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import httpx

    # The client waits for ever by default.
    set_client_factory(lambda: httpx.Client(timeout=TIMEOUT_S, follow_redirects=True))
    repository, _, revision = name.partition("@")
    refused = f"hub:{name} was not downloaded"
    try:
        try:
            # Asked first: snapshot_download alone silently serves an old copy when the Hub fails.
            wanted = HfApi().repo_info(repository, repo_type=kind, revision=revision or None).sha
        except (OfflineModeIsEnabled, httpx.ConnectError, httpx.TimeoutException):
            wanted = revision or None
        folder = snapshot_download(repository, repo_type=kind, revision=wanted, allow_patterns=patterns)
    except HFValidationError:
        raise HubError(f"{refused}: {repository!r} is not of the form user/name.") from None
    except RevisionNotFoundError:
        raise HubError(f"{refused}: it has no revision {revision!r}.") from None
    except RepositoryNotFoundError:
        raise HubError(f"{refused}: there is no such {kind}, or this account may not see it. Check the name.") from None
    except (LocalEntryNotFoundError, httpx.TransportError):
        raise HubError(f"{refused}: the Hub cannot be reached and nothing is cached. Try again when online.") from None
    except HfHubHTTPError as error:
        raise HubError(f"{refused}: the Hub answered {error}. Try again later.") from None
    return Path(folder)
