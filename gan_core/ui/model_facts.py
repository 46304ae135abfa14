"""What is known of a model folder without loading it: its files, its measures and its configuration, for people."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from gan_core.errors import GanCoreError

if TYPE_CHECKING:
    from gan_core.config import ModelConfig
    from gan_core.library import ModelInfo

MAX_FILES = 200
MAX_CARD_CHARACTERS = 200_000
MAX_DEPTH = 4
"""Entries of a stranger's JSON that are nested deeper are shown as one."""
MAX_CHARACTERS = 2000


def own_files(folder: Path) -> list[Path]:
    """The plain files of a model folder. A link that leads elsewhere is none: it could show what nobody meant to."""
    inside = folder.resolve()
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    return [path for path in found if path.resolve().parent == inside][:MAX_FILES]


def sha256(path: Path) -> str:
    """Of a file's content; remembered until the file changes."""
    facts = path.stat()
    return _sha256(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=1024)
def _sha256(path: Path, _written_at: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measured(metrics: Mapping[str, Any]) -> str:
    """The one figure of a model's metrics.json that a list has room for; empty where there is none it knows."""
    by_name = {str(label).lower(): value for label, value in flat(metrics)}
    for name in ("fid", "kid"):
        values = [value for label, value in by_name.items() if label.split(": ")[-1] == name and _is_number(value)]
        if values:
            return f"{name.upper()} {values[0]:.3g}"
    samples, real = by_name.get("pairwise distance: samples"), by_name.get("pairwise distance: real")
    if _is_number(samples) and _is_number(real) and real > 0:
        return f"variety {100 * samples / real:.0f} %"
    trips = [v for label, v in by_name.items() if label.endswith("round trip mean absolute difference")]
    trips = [trip for trip in trips if _is_number(trip)]
    return f"round trip {sum(trips) / len(trips):.2g}" if trips else ""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def facts(info: "ModelInfo", config: "ModelConfig") -> list[list[str]]:
    """What config.json tells, as label and value for people."""
    rows = [("Family", info.title)]
    if info.domains:
        rows.append(("Domains", f"A {info.domains['a']}, B {info.domains['b']}"))
    if info.classes:
        rows.append(("Classes", ", ".join(info.classes)))
    rows += [(f"Data: {label}", plain(value)) for label, value in flat(config.data)]
    rows += [(label.capitalize(), plain(value)) for label, value in flat(config.trained)]
    rows += [(f"Network: {label}", plain(value)) for label, value in flat(config.network)]
    rows.append(("Licence", info.license or "not stated"))
    return [[label, value] for label, value in rows]


def flat(values: Mapping[str, Any], prefix: str = "", depth: int = 1) -> list[tuple[str, Any]]:
    """Nested entries in one row, `outer: inner`; underscores become spaces."""
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        label = re.sub(r" (s|px)$", r", \1", f"{prefix}{key}".replace("_", " "))[:200]
        deeper = isinstance(value, Mapping) and depth < MAX_DEPTH
        rows += flat(value, f"{label}: ", depth + 1) if deeper else [(label, value)]
    return rows


def plain(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not stated"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return short(f"{value:,}" if isinstance(value, int) else str(value))


def short(text: str, most: int = MAX_CHARACTERS) -> str:
    return text if len(text) <= most else text[:most] + "\N{HORIZONTAL ELLIPSIS}"


def metrics(folder: Path) -> Mapping[str, Any]:
    """A model's metrics.json; empty where there is none that can be read."""
    from gan_core.weights import read_json

    with suppress(GanCoreError):
        values = read_json(folder / "metrics.json")
        if isinstance(values, dict):
            return values
    return {}


def card_text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_CARD_CHARACTERS)
