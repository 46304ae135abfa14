"""Where things lie and how much is allowed: environment and directories, read in one place."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.errors import ConfigError

_CHECKOUT = Path(__file__).resolve().parent.parent


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
    max_picture_mp: float = field(default_factory=lambda: _number("GAN_CORE_MAX_PICTURE_MP", 50))
    """Largest picture that is opened, in megapixels; GAN_CORE_MAX_PICTURE_MP."""
    max_upload_mb: float = field(default_factory=lambda: _number("GAN_CORE_MAX_UPLOAD_MB", 500))
    """Largest file a visitor may upload, in MB; GAN_CORE_MAX_UPLOAD_MB."""
    data_memory_gb: float = field(default_factory=lambda: _number("GAN_CORE_DATA_MEMORY_GB", 4))
    """A data set that decodes to more than this streams from disk; GAN_CORE_DATA_MEMORY_GB."""
