"""What of the program goes into a Space: kinds of files in known places, and nothing that merely lies there."""

from collections.abc import Iterator
from pathlib import Path

from gan_core.errors import DeployError
from gan_core.settings import BESIDE

PACKAGE = Path(__file__).resolve().parents[1]
APP, LICENSE = "app.py", "LICENSE"
ASSETS = frozenset({".js", ".mjs", ".css", ".html", ".svg", ".json", ".py"})
"""What the pages consist of; the pictures among the assets are for the README."""


def program_files() -> dict[str, Path]:
    """The program: where each file goes in the Space, and where it is here. Raises `DeployError`."""
    found = {name: BESIDE / name for name in (APP, LICENSE)}
    missing = [name for name, path in found.items() if not path.is_file()]
    if missing or not (BESIDE / "assets").is_dir():
        raise DeployError(
            f"{BESIDE} lacks {', '.join(missing) or 'assets'}. No Space was built. Install gan-core again, whole."
        )
    code = _inside(PACKAGE, frozenset({".py"}))
    found |= {f"gan_core/{place}": path for place, path in code if not place.startswith("beside/")}
    found |= {f"assets/{place}": path for place, path in _inside(BESIDE / "assets", ASSETS)}
    return dict(sorted(found.items()))


def _inside(folder: Path, kinds: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Files of some kinds below a folder. Hidden ones, caches and links that lead out of it are passed over."""
    home = folder.resolve()
    for path in home.rglob("*"):
        place = path.relative_to(home)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
        if path.suffix in kinds and not hidden and path.is_file() and path.resolve().is_relative_to(home):
            yield place.as_posix(), path
