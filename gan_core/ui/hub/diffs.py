"""A model here beside the same model there: card line by line, metrics and configuration value by value."""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from gan_core.errors import HubError
from gan_core.ui.model_facts import card_text, flat, plain
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.hub.files import Remote
    from gan_core.ui.services import Services

CARD, METRICS, CONFIG = "README.md", "metrics.json", "config.json"
CONTEXT = 2
"""Lines that are the same, shown around one that is not."""
MAX_LINES = 600
MAX_COMPARED = 2000
"""Lines of each side; our own cards have a hundred."""
MAX_ROWS = 300


class Diffs:
    def __init__(self, services: "Services") -> None:
        self._services = services

    def compare_sides(self, *, token: str | None, name: str | None, repository: str | None) -> Iterator[Answer]:
        """Card, metrics and configuration of a model here and its repository. No weights are downloaded."""
        from gan_core.hub.client import Address
        from gan_core.hub.files import remote_files
        from gan_core.sync import model_folders

        address = Address.parse(repository or "")
        folder = {one.name: one for one in model_folders(self._services.settings)}.get(name or "")
        remote = remote_files(address, token=token)
        if remote is None:
            raise HubError(f"{address} is not on the Hub any more. Nothing was compared. Check again.", "missing")
        card = _lines(_here(folder, CARD), _there(address.repository, CARD, remote, token))
        found: Answer = {"head": remote.head, "card": card}
        yield found
        for what, file in (("metrics", METRICS), ("config", CONFIG)):
            found = {**found, what: _pairs(_here(folder, file), _there(address.repository, file, remote, token))}
            yield found


def _here(folder: Path | None, name: str) -> str | None:
    path = folder / name if folder else None
    return card_text(path) if path and path.is_file() and not path.is_symlink() else None


def _there(repository: str, name: str, remote: "Remote", token: str | None) -> str | None:
    from gan_core.hub.client import Address
    from gan_core.hub.pull import read_text

    if name not in remote.files:
        return None
    return read_text(Address(repository), name, remote.head, token=token)


def _lines(here: str | None, there: str | None) -> list[list[str]]:
    """Lines as [sign, text]: "-" here alone, "+" there alone, " " on both sides, "…" where lines are left out."""
    mine, theirs = (here or "").splitlines()[:MAX_COMPARED], (there or "").splitlines()[:MAX_COMPARED]
    found: list[list[str]] = []
    # What stands everywhere is no landmark (autojunk): a card of the same line over and over would take minutes.
    for group in difflib.SequenceMatcher(None, mine, theirs).get_grouped_opcodes(CONTEXT):
        if found or group[0][1] or group[0][3]:
            found.append(["\N{HORIZONTAL ELLIPSIS}", ""])
        for kind, a, b, c, d in group:
            if kind == "equal":
                found += [[" ", line] for line in mine[a:b]]
                continue
            found += [["-", line] for line in mine[a:b]]
            found += [["+", line] for line in theirs[c:d]]
    return found[:MAX_LINES]


def _pairs(here: str | None, there: str | None) -> list[dict[str, Any]]:
    """Values that are not the same, or are numbers: label, here, there, and by how much they differ."""
    mine, theirs = _flat(here), _flat(there)
    rows = []
    for label in dict.fromkeys([*mine, *theirs]):
        one, other = mine.get(label), theirs.get(label)
        if one == other:
            continue
        row = {"label": label, "here": _shown(mine, label), "there": _shown(theirs, label), "change": None}
        if _is_number(one) and _is_number(other):
            row["change"] = f"{one - other:+.3g}".replace("-", "−")
        rows.append(row)
    return rows[:MAX_ROWS]


def _flat(text: str | None) -> dict[str, Any]:
    try:
        values = json.loads(text or "{}")
    except ValueError:
        return {"not readable": True}
    return dict(flat(values)) if isinstance(values, Mapping) else {"not readable": True}


def _shown(values: Mapping[str, Any], label: str) -> str:
    return plain(values[label]) if label in values else "\N{EN DASH}"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
