"""Models on the Hub, by words and tags; and what a repository holds before anybody pulls it."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gan_core.errors import HubError
from gan_core.trash import free_name
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.hub.files import Remote
    from gan_core.ui.services import Services

MAX_WORDS = 200
MAX_TAGS = 12
"""That a result shows."""
LOOKED_INTO = 12
"""Results whose size is asked for: each is a question to the Hub, which answers so many in a minute."""
MAX_FILES = 100
MAX_CARD_BYTES = 200_000
CHECKPOINTS = (".pth", ".pt", ".bin", ".ckpt")
"""Of other projects, beside .safetensors: see `gan_core.sync.CHECKPOINTS`."""


class Finder:
    def __init__(self, services: "Services") -> None:
        self._services = services

    def find_models(self, *, token: str | None, words: str | None = None, tag: str | None = None) -> Iterator[Answer]:
        """Models by words of their name and a tag (empty: any); then, row by row, how large they are."""
        from gan_core.hub.client import Address
        from gan_core.hub.files import remote_files
        from gan_core.hub.listing import search

        found = search((words or "").strip()[:MAX_WORDS], tag=(tag or "").strip()[:80], token=token)
        rows: list[dict[str, Any]] = [
            {
                "repository": one.repository,
                "private": one.private,
                "tags": list(dict.fromkeys(name for name in one.tags if ":" not in name))[:MAX_TAGS],
                "changed_at": one.changed_at,
                "bytes": None,
            }
            for one in found
        ]
        yield {"rows": rows}
        for number, row in enumerate(rows[:LOOKED_INTO]):
            try:
                remote = remote_files(Address(row["repository"]), token=token)
            except HubError as error:
                if error.reason in ("limit", "offline", "down"):
                    return
                continue
            if remote:
                rows = [*rows[:number], {**row, "bytes": _size(remote)}, *rows[number + 1 :]]
                yield {"rows": rows}

    def look_repository(self, *, token: str | None, repository: str | None) -> Iterator[Answer]:
        """What a repository holds, whether it can be used here, and under which name."""
        from gan_core.hub.client import Address
        from gan_core.hub.files import remote_files
        from gan_core.hub.pull import TEXT_BYTES, read_text
        from gan_core.sync import CARD

        address = Address.parse((repository or "").strip())
        remote = remote_files(address, token=token)
        if remote is None:
            text = f"There is no model {address.repository} on the Hub, or this account may not see it. Check the name."
            raise HubError(text, "missing")
        use, why = usable(remote)
        wanted = re.sub(r"^[^a-z0-9]+", "", address.repository.partition("/")[2].lower()) or "model"
        told: Answer = {
            "repository": str(address),
            "head": remote.head,
            "files": [[name, file.size] for name, file in remote.files.items()][:MAX_FILES],
            "foreign": [name for name in remote.foreign if not name.startswith(".")][:MAX_FILES],
            "bytes": _size(remote),
            "use": use,
            "why": why,
            "name": free_name(self._services.settings.models_dir, wanted),
            "here": self._here(address.repository),
            "card": None,
        }
        yield told
        if CARD in remote.files and remote.files[CARD].size <= TEXT_BYTES:  # Of a larger one there is no card to show.
            yield {**told, "card": read_text(address, CARD, remote.head, token=token, most=MAX_CARD_BYTES)}

    def _here(self, repository: str) -> str | None:
        """The model here that belongs to the repository."""
        from gan_core.hub.compare import read_meeting
        from gan_core.sync import model_folders

        folders = model_folders(self._services.settings)
        return next((folder.name for folder in folders if read_meeting(folder, repository)), None)


def usable(remote: "Remote") -> tuple[str | None, str]:
    """ "ours", "import" or None, and a sentence that says why."""
    names = [*remote.files, *remote.foreign]
    weights = any(name.endswith(".safetensors") for name in remote.files)
    if "config.json" in remote.files and weights:
        return "ours", "Weights as safetensors with a configuration: verified and loaded strictly before it counts."
    if weights or any(PurePosixPath(name).suffix in CHECKPOINTS for name in names):
        return "import", "Of another project: it is imported if its architecture is known. Nothing in it is run."
    if any(name.endswith((".pkl", ".pickle", ".npz", ".h5", ".onnx")) for name in names):
        return None, "It cannot be used here: its weights are in a format that is not read (pickles may run code)."
    return None, "It cannot be used here: it holds no weights."


def _size(remote: "Remote") -> int | None:
    """Bytes of what would come; None where only names of files are known."""
    return sum(file.size for file in remote.files.values()) or None
