"""Models by name: those in the models folder, snapshots of runs, and models on the Hub. Loaded ones are kept."""

import difflib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from gan_core.config import NAME_PATTERN
from gan_core.devices import pick_device
from gan_core.errors import GanCoreError, ModelError
from gan_core.families import get_family
from gan_core.hub import download
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder
from gan_core.weights import is_model_folder, read_config
from gan_core.weights import load as load_folder

HUB = "hub:"
MODEL_PATTERNS = ["*.json", "*.safetensors", "preview.webp", "README.md"]
KEPT = 6

_KINDS: dict[str, type[Generator] | type[Translator]] = {"generator": Generator, "translator": Translator}


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a picker shows of a model, without loading its weights."""

    name: str
    folder: Path
    family: str = ""
    title: str = ""
    kind: Literal["generator", "translator"] | None = None
    size: int | None = None
    """Side of the pictures in pixels; None for translators, which take any size."""
    channels: int = 3
    classes: list[str] | None = None
    domains: dict[str, str] | None = None
    default_direction: Literal["ab", "ba"] | None = None
    data: str = ""
    steps: int = 0
    bytes: int = 0
    """Size of the weights on disk."""
    preview: Path | None = None
    error: str | None = None
    """Why the folder cannot be used, in one sentence."""


def describe(folder: Path) -> ModelInfo:
    """One model folder; a damaged one is described by its error."""
    try:
        config = read_config(folder)
        family = get_family(config.family)
    except GanCoreError as error:
        return ModelInfo(name=folder.name, folder=folder, error=str(error))
    preview = folder / "preview.webp"
    return ModelInfo(
        name=folder.name,
        folder=folder,
        family=family.name,
        title=family.title,
        kind=family.kind,
        size=config.network.get("size"),
        channels=config.network.get("channels", 3),
        classes=config.classes,
        domains=config.domains,
        default_direction=config.default_direction,
        data=str(config.data.get("name", "")),
        steps=int(config.trained.get("steps", 0)),
        bytes=sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        preview=preview if preview.is_file() else None,
    )


def list_models(settings: Settings | None = None) -> list[ModelInfo]:
    """The models folder, by name. Damaged folders are listed with their error; other folders are passed over."""
    folder = (settings or Settings()).models_dir
    if not folder.is_dir():
        return []
    named = [path for path in sorted(folder.iterdir()) if path.is_dir() and NAME_PATTERN.fullmatch(path.name)]
    return [describe(path) for path in named if (path / "config.json").exists() or is_model_folder(path)]


def find(name: str | Path, settings: Settings | None = None) -> Path:
    """The folder of a model: a name in the models folder, a folder, a run (newest snapshot), hub:user/name@revision."""
    settings = settings or Settings()
    text = str(name)
    if text.startswith(HUB):
        return download(text.removeprefix(HUB), kind="model", patterns=MODEL_PATTERNS)
    if NAME_PATTERN.fullmatch(text) and (settings.models_dir / text).is_dir():
        return settings.models_dir / text
    path = Path(text).expanduser()
    if (path / "snapshots").is_dir():
        snapshot = RunFolder(path).newest_snapshot()
        if snapshot is None:
            raise ModelError(f"{path} has no snapshot yet. Nothing was loaded. Wait for the first one.")
        return snapshot
    if path.is_dir():
        return path
    names = [info.name for info in list_models(settings)]
    close = difflib.get_close_matches(text, names, 1)
    hint = f"Did you mean {close[0]}?" if close else f"Here are: {', '.join(names) or 'none'}."
    raise ModelError(f"There is no model {text!r} in {settings.models_dir}, and no such folder. {hint}")


class _Cache:
    """The models used last. One lock: a model that several visitors ask for at once is loaded once."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, ...], Generator | Translator] = OrderedDict()
        self._lock = Lock()

    def get(self, folder: Path, device: str) -> Generator | Translator:
        files = sorted([folder / "config.json", *folder.glob("*.safetensors")])
        # A folder that was written anew is another model.
        stamps = [f"{path.name}:{path.stat().st_mtime_ns}" for path in files if path.exists()]
        key = (str(folder.resolve()), device, *stamps)
        with self._lock:
            if key not in self._models:
                model = load_folder(folder, device=device, only=_GENERATORS)
                self._models[key] = _KINDS[get_family(model.config.family).kind](model)
                while len(self._models) > KEPT:
                    self._models.popitem(last=False)
            self._models.move_to_end(key)
            return self._models[key]


_GENERATORS = ("generator", "generator_ab", "generator_ba")
_CACHE = _Cache()


def load(name: str | Path, *, device: str = "auto", settings: Settings | None = None) -> Generator | Translator:
    """A model ready for use, by name or folder (see `find`). Raises `ModelError` where it is missing or damaged."""
    return _CACHE.get(find(name, settings), str(pick_device(device)))
