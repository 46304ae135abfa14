"""All traffic with the Hugging Face Hub: it moves folders and does not look inside weights."""

from pathlib import Path
from typing import Any, Literal

from gan_core.errors import HubError

TIMEOUT_S = 30.0


def download(name: str, *, kind: Literal["model", "dataset"], patterns: list[str], cached_only: bool = False) -> Path:
    """The local folder of a repository `user/name[@revision]`, downloaded where the cache lacks it.

    Only files that match `patterns` are fetched. Without a connection, or with `cached_only`, the cached copy serves,
    if there is one.
    """
    # The client takes a second to import, and few commands need it.
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import httpx

    _limit_waiting()
    repository, _, revision = name.partition("@")
    refused = f"hub:{name} was not downloaded"
    try:
        try:
            # Asked first: snapshot_download alone silently serves an old copy when the Hub fails.
            info = (
                None
                if cached_only
                else HfApi().repo_info(repository, repo_type=kind, revision=revision or None, timeout=TIMEOUT_S)
            )
            wanted = info.sha if info else None
        except (OfflineModeIsEnabled, httpx.TransportError):
            wanted = None
        # Asked for by its name, not by `wanted`: only so does the cache learn which copy to serve without a connection.
        folder = Path(
            snapshot_download(
                repository,
                repo_type=kind,
                revision=revision or None,
                allow_patterns=patterns,
                local_files_only=wanted is None,
            )
        )
        if wanted not in (None, folder.name):
            raise HubError(f"{refused}: the Hub failed in the middle, and only an old copy is here. Try again later.")
    except HFValidationError:
        raise HubError(f"{refused}: {repository!r} is not of the form user/name.") from None
    except GatedRepoError:
        raise HubError(f"{refused}: its owner asks for consent first. Give it on the Hub's page and log in.") from None
    except RevisionNotFoundError:
        raise HubError(f"{refused}: it has no revision {revision!r}.") from None
    except RepositoryNotFoundError:
        raise HubError(f"{refused}: there is no such {kind}, or this account may not see it. Check the name.") from None
    except (LocalEntryNotFoundError, httpx.TransportError):
        raise HubError(f"{refused}: the Hub cannot be reached and nothing is cached. Try again when online.") from None
    except HfHubHTTPError as error:
        status, said = error.response.status_code, " ".join((error.server_message or "").split())
        answer = f"{status} ({said})" if said else f"{status}"
        advice = "Log in again (hf auth login)." if status in (401, 403) else "Try again later."
        raise HubError(f"{refused}: the Hub answered {answer}. {advice}") from None
    except ValueError:
        raise HubError(f"{refused}: what answered is not the Hub. Check the connection and HF_ENDPOINT.") from None
    except OSError as error:
        raise HubError(f"{refused}: it could not be written to the cache ({error}). Make room there.") from None
    return folder


def _limit_waiting() -> None:
    """Give the client a time-out. By default it waits for ever."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory  # With its hook, which heeds HF_HUB_OFFLINE.

    def factory() -> Any:
        client = default_client_factory()
        client.timeout = TIMEOUT_S
        return client

    set_client_factory(factory)
