"""Models on the Hub, by words and tags; and what a repository holds before anybody pulls it."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gan_core.errors import HubError
from gan_core.trash import free_name
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.hub.client import Address
    from gan_core.hub.files import File, Remote
    from gan_core.ui.services import Services

MAX_WORDS = 200
MAX_TAGS = 12
"""That a result shows."""
LOOKED_INTO = 12
"""Results whose size is asked for: each is a question to the Hub, which answers so many in a minute."""
MAX_FILES = 100
MAX_CARD_BYTES = 200_000
CONFIG = "config.json"
MAX_CONFIG_BYTES = 200_000
CHECKPOINTS = (".pth", ".pt", ".bin", ".ckpt")
"""Of other projects, beside .safetensors."""
FETCHED = (*CHECKPOINTS, ".safetensors", ".json", ".txt")
"""What an import fetches: see `gan_core.sync.CHECKPOINTS`."""


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
                "use": None,
                "why": "",
            }
            for one in found
        ]
        yield {"rows": rows}
        for number, row in enumerate(rows[:LOOKED_INTO]):
            try:
                address = Address(row["repository"])
                remote = remote_files(address, token=token)
                use, why = usable(remote, family(address, remote, token)) if remote else (None, "")
            except HubError as error:
                if error.reason in ("limit", "offline", "down"):
                    return
                continue
            if remote:
                known = {"bytes": _size(remote, use), "use": use or "none", "why": why}
                rows = [*rows[:number], {**row, **known}, *rows[number + 1 :]]
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
        use, why = usable(remote, family(address, remote, token))
        every, comes = {**remote.files, **remote.foreign}, coming(remote, use)
        wanted = re.sub(r"^[^a-z0-9]+", "", address.repository.partition("/")[2].lower()) or "model"
        told: Answer = {
            "repository": str(address),
            "head": remote.head,
            "files": [[name, file.size] for name, file in comes.items()][:MAX_FILES],
            "foreign": [name for name in every if name not in comes and not name.startswith(".")][:MAX_FILES],
            "bytes": _size(remote, use),
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


def family(address: "Address", remote: "Remote", token: str | None) -> str | None:
    """What its configuration says that it is: one of our families, or in other words; None where it says nothing."""
    from gan_core.families import FAMILIES
    from gan_core.hub.client import Address
    from gan_core.hub.pull import read_text

    if CONFIG not in remote.files or remote.files[CONFIG].size > MAX_CONFIG_BYTES:
        return None
    try:
        told = json.loads(read_text(Address(address.repository), CONFIG, remote.head, token=token))
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    if told.get("family") in FAMILIES:
        return str(told["family"])
    named = told.get("architectures")
    names = [*(named if isinstance(named, list) else []), told.get("_class_name"), told.get("model_type")]
    return next((name[:60] for name in names if isinstance(name, str) and name), None)


def usable(remote: "Remote", family: str | None = None) -> tuple[str | None, str]:
    """ "ours", "import" or None, and a sentence that says why. family: see `family`."""
    from gan_core.families import FAMILIES

    files = [*remote.files, *remote.foreign]
    weights = [name for name in files if name.endswith(".safetensors")]
    if CONFIG in remote.files and any(name in remote.files for name in weights):
        if family in FAMILIES:
            title = FAMILIES[family].title
            return "ours", f"{title}: weights as safetensors, verified and loaded strictly before they count."
        what = f"its configuration says {family}, which" if family else "its configuration"
        return None, f"It cannot be opened here: {what} is no network that GAN Core builds."
    weights += [name for name in files if PurePosixPath(name).suffix in CHECKPOINTS]
    if weights:
        what = f"Weights of another project ({_few(weights)}{f', {family}' if family else ''})"
        return (
            "import",
            f"{what}: an import is tried, and refused if the architecture is unknown. Nothing in it is run.",
        )
    if any(name.endswith((".pkl", ".pickle", ".npz", ".h5", ".onnx")) for name in files):
        return None, "It cannot be used here: its weights are in a format that is not read (pickles may run code)."
    return None, "It cannot be used here: it holds no weights."


def coming(remote: "Remote", use: str | None) -> dict[str, "File"]:
    """What a pull would fetch; of a repository that cannot be used, all that it holds."""
    every = {**remote.files, **remote.foreign}
    if use == "ours":
        return dict(remote.files)
    if use == "import":  # As `gan_core.sync.pull_model` gathers them.
        return {name: file for name, file in every.items() if PurePosixPath(name).suffix in FETCHED}
    return every


def _size(remote: "Remote", use: str | None) -> int:
    return sum(file.size for file in coming(remote, use).values())


def _few(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
