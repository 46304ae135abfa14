"""What a Space on the Hub holds now, and what of it a deploy put there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.deploy.plan import MANIFEST, There, read_manifest
from gan_core.deploy.scratch import scratch_folder
from gan_core.errors import HubError
from gan_core.hub.client import Address, api, explained
from gan_core.hub.files import File

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MANIFEST_BYTES = 5_000_000


def look(address: Address, *, token: str | None = None) -> There | None:
    """What a Space holds; None where there is none. Raises `HubError`."""
    from huggingface_hub.hf_api import RepoFile

    hub, name = api(token), address.repository
    try:
        with explained(f"{name} was not looked at", what="Space"):
            head = hub.repo_info(name, repo_type="space").sha
            assert head is not None
            entries = hub.list_repo_tree(name, recursive=True, revision=head, repo_type="space")
            files = {one.path: _told(one) for one in entries if isinstance(one, RepoFile)}
            deployed = _manifest(hub, name, head) if MANIFEST in files else None
            # A Space that was made a moment ago, or whose deploy broke off, has one commit: the Hub's own.
            untouched = deployed is None and len(hub.list_repo_commits(name, repo_type="space", revision=head)) == 1
    except HubError as error:
        if error.reason == "missing":
            return None
        raise
    return There(head, files, deployed, untouched)


def _told(entry: Any) -> File:
    return File(entry.size, entry.lfs.sha256 if entry.lfs else None, None if entry.lfs else entry.blob_id)


def _manifest(hub: "HfApi", name: str, head: str) -> dict[str, File] | None:
    with scratch_folder("look") as folder:
        path = Path(hub.hf_hub_download(name, MANIFEST, repo_type="space", revision=head, local_dir=folder))
        with path.open("rb") as file:
            return read_manifest(file.read(MANIFEST_BYTES).decode("utf-8", errors="replace"))
