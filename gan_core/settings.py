"""Where things lie and how much is allowed: environment and directories, read in one place."""

import os
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from gan_core.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
BESIDE = _PACKAGE / "beside" if (_PACKAGE / "beside").is_dir() else _CHECKOUT
"""Where assets/, app.py and LICENSE are: beside the package in a checkout, and inside of it in an installed wheel."""


def _path(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser()


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise ConfigError(f"{variable}={text!r} is not a number above 0. Correct it or unset it.")
    return value


def _names(variable: str) -> frozenset[str]:
    return frozenset(name.strip() for name in os.environ.get(variable, "").split(",") if name.strip())


def _paths(variable: str, default: tuple[Path, ...]) -> tuple[Path, ...]:
    """Folders, parted as PATH is on this system."""
    text = os.environ.get(variable)
    parts = [part for part in (text or "").split(os.pathsep) if part]
    return tuple(Path(part).expanduser() for part in parts) or default


def _data_here() -> tuple[Path, ...]:
    """`data/` here, if there is one: whoever opens the page sees no other part of this computer's disk."""
    here = Path("data")
    return (here,) if here.is_dir() else ()


def on_space() -> bool:
    """Whether this runs where everybody can send files."""
    return bool(os.environ.get("SPACE_ID")) or os.environ.get("SYSTEM") == "spaces"


def _default_models_dir() -> Path:
    """`pretrained/` here, or else beside the package (a checkout started from elsewhere)."""
    here = Path("pretrained")
    return here if here.is_dir() else _CHECKOUT / "pretrained"


@dataclass(frozen=True, kw_only=True)
class Settings:
    models_dir: Path = field(default_factory=lambda: _path("GAN_CORE_MODELS", _default_models_dir()))
    """Folder of model folders; GAN_CORE_MODELS."""
    runs_dir: Path = field(default_factory=lambda: _path("GAN_CORE_RUNS", Path("runs")))
    """Folder of run folders; GAN_CORE_RUNS."""
    data_dir: Path = field(default_factory=lambda: _path("GAN_CORE_DATA", Path("~/.cache/gan-core/data")))
    """Where data sets known by name are kept and downloaded to; GAN_CORE_DATA."""
    owners: frozenset[str] = field(default_factory=lambda: _names("GAN_CORE_OWNERS"))
    """Who besides its author may train and delete on a Space, by name on the Hub; GAN_CORE_OWNERS, with commas."""
    hosts: frozenset[str] = field(default_factory=lambda: _names("GAN_CORE_HOSTS"))
    """Names under which the page is opened besides localhost and addresses, and whose pages may use it;
    GAN_CORE_HOSTS, with commas. `.example` is every name that ends so, `*` any name at all, but nobody's page."""
    keep_on_hub: str = field(default_factory=lambda: os.environ.get("GAN_CORE_KEEP_ON_HUB", ""))
    """user/prefix of the repositories that keep a Space's models and runs, else nowhere; GAN_CORE_KEEP_ON_HUB."""
    max_picture_mp: float = field(default_factory=lambda: _number("GAN_CORE_MAX_PICTURE_MP", 50))
    """Largest picture that is opened, in megapixels; GAN_CORE_MAX_PICTURE_MP."""
    max_upload_mb: float = field(default_factory=lambda: _number("GAN_CORE_MAX_UPLOAD_MB", 50 if on_space() else 500))
    """Largest file a visitor may upload, in MB; GAN_CORE_MAX_UPLOAD_MB."""
    data_memory_gb: float = field(default_factory=lambda: _number("GAN_CORE_DATA_MEMORY_GB", 4))
    """A data set that decodes to more than this streams from disk; GAN_CORE_DATA_MEMORY_GB."""
    data_roots: tuple[Path, ...] = field(default_factory=lambda: _paths("GAN_CORE_DATA_ROOTS", _data_here()))
    """Folders whose folders and zips the page offers as training data, and no others; GAN_CORE_DATA_ROOTS."""
    max_steps: float = field(default_factory=lambda: _number("GAN_CORE_MAX_STEPS", inf))
    """Longest training that may be started from the page, in steps; GAN_CORE_MAX_STEPS."""
    max_size: float = field(default_factory=lambda: _number("GAN_CORE_MAX_SIZE", inf))
    """Largest training pictures that may be asked for on the page, in pixels a side; GAN_CORE_MAX_SIZE."""
    max_hours: float = field(default_factory=lambda: _number("GAN_CORE_MAX_HOURS", inf))
    """A training that was started from the page is stopped, and saved, after so many hours; GAN_CORE_MAX_HOURS."""
