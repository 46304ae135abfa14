"""Models by name: those in the models folder, snapshots of runs, and models on the Hub. Loaded ones are kept."""

import difflib
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple

from gan_core.config import NAME_PATTERN
from gan_core.errors import GanCoreError, ModelError
from gan_core.families import get_family
from gan_core.fetched import HUB, Tell, copies_of, find_hub
from gan_core.hub import copies
from gan_core.hub.client import Progress
from gan_core.recipe import ModelRef, weights_sha256
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.weights import CONFIG, Model, is_model_folder, read_config
from gan_core.weights import load as load_folder

# Torch takes seconds to import, and listing models does without it.
if TYPE_CHECKING:
    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator

RUN = "run:"
KEPT = 6


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
    directions: list[str] | None = None
    """Translators: what it can do, "ab" (B from A), "ba" or both."""
    data: str = ""
    imported_as: str = ""
    """What an imported model was recognised as; empty where it was trained here."""
    steps: int = 0
    license: str | None = None
    """Licence of the weights, as the model's config.json names it."""
    bytes: int = 0
    """Size of the weights on disk."""
    preview: Path | None = None
    error: str | None = None
    """Why the folder cannot be used, in one sentence."""


def describe(folder: Path) -> ModelInfo:
    """One model folder; a damaged one is described by its error. Weights and network are checked when it is loaded."""
    try:
        config = read_config(folder, check_network=False)
        family = get_family(config.family)
        size, channels = config.network.get("size"), config.network.get("channels", 3)
        if not isinstance(size, int | None) or not isinstance(channels, int):
            raise ModelError(f"{folder / CONFIG} gives its pictures no size or channels. Nothing was loaded.")
    except GanCoreError as error:
        return ModelInfo(name=folder.name, folder=folder, error=str(error))
    preview = folder / "preview.webp"
    return ModelInfo(
        name=folder.name,
        folder=folder,
        family=family.name,
        title=family.title,
        kind=family.kind,
        size=size,
        channels=channels,
        classes=config.classes,
        domains=config.domains,
        default_direction=config.default_direction,
        directions=(config.directions or ["ab", "ba"]) if family.kind == "translator" else None,
        data=str(config.data.get("name", "")),
        imported_as=str(config.trained.get("imported_as", "")),
        steps=int(config.trained.get("steps", 0)),
        license=config.license,
        bytes=sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        preview=preview if preview.is_file() else None,
    )


def list_models(settings: Settings | None = None) -> list[ModelInfo]:
    """The models folder, by name. Damaged folders are listed with their error; other folders are passed over."""
    folder = (settings or Settings()).models_dir
    if not folder.is_dir():
        return []
    named = [path for path in sorted(folder.iterdir()) if path.is_dir() and NAME_PATTERN.fullmatch(path.name)]
    return [describe(path) for path in named if (path / CONFIG).exists() or is_model_folder(path)]


def list_copies() -> dict[str, ModelInfo]:
    """Models of ours that were fetched from the Hub, by hub:user/name or hub:user/name@revision. Nobody is asked."""
    found = {f"{HUB}{copy.address}": describe(copy.folder) for copy in copies.copies()}
    return {name: replace(info, name=name) for name, info in found.items() if not info.error}


def find(
    name: str | Path, settings: Settings | None = None, *, progress: Progress | None = None, tell: Tell | None = None
) -> Path:
    """The folder of a model: a name in the models folder, run:ID (its newest snapshot), run:ID@STEP, a model's folder,
    a run's folder (its newest snapshot), hub:user/name@revision.

    progress, tell: see `fetched.find_hub`.
    """
    settings = settings or Settings()
    text = str(name)
    if text.startswith(HUB):
        return find_hub(text, progress=progress, tell=tell)
    if text.startswith(RUN):
        return _snapshot(text.removeprefix(RUN), settings)
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


def _snapshot(name: str, settings: Settings) -> Path:
    """The snapshot of ID or ID@STEP, looked for among the runs: what came over the network never becomes a path."""
    runs = {run.id: run for run in list_runs(settings.runs_dir)}
    id, at, step = name.rpartition("@") if "@" in name and name not in runs else (name, "", "")
    if id not in runs:
        close = difflib.get_close_matches(id, runs, 1)
        hint = f"Did you mean {RUN}{close[0]}{at}{step}?" if close else "Its id is the name of its folder."
        raise ModelError(f"There is no run {id[:80]!r} in {settings.runs_dir}. Nothing was loaded. {hint}")
    snapshots = {str(number): folder for number, folder in runs[id].snapshots()}
    if not snapshots:
        raise ModelError(f"{id} has no snapshot yet. Nothing was loaded. Wait for the first one.")
    if at and step not in snapshots:
        kept = ", ".join(list(snapshots)[-10:])
        raise ModelError(f"{id} has no snapshot of step {step[:20]}. Nothing was loaded. The newest are {kept}.")
    return snapshots[step] if at else list(snapshots.values())[-1]


class Match(NamedTuple):
    """The model that a recipe is for."""

    folder: Path
    notice: str | None
    """One sentence where its weights are not those of the recipe."""


def find_recipe_model(
    ref: ModelRef | None, settings: Settings | None = None, *, fetch: bool = False, tell: Tell | None = None
) -> Match:
    """The model folder that a recipe names: one with its very weights, or else one of its name, with a notice.

    Looked for among the models, in all runs, and among what was fetched from the Hub. fetch: a model that is not here,
    and of which the recipe says where it is on the Hub, is fetched; tell: as in `find`. Raises `ModelError` that says
    what to fetch.
    """
    if ref is None:
        raise ModelError("The recipe names no model. Nothing was drawn. Say which model it is for.")
    settings = settings or Settings()
    models = [info for info in list_models(settings) if info.kind == "generator" and not info.error]
    models.sort(key=lambda info: info.name != ref.name)  # Most likely the first file read is the right one.
    runs = [run for run in list_runs(settings.runs_dir) if run.snapshots()]
    run_id, _, step = ref.name.rpartition("@")  # A snapshot that is not its run's newest is called id@step.
    runs.sort(key=lambda run: run.id not in (ref.name, run_id))
    folders = [info.folder for info in models]
    folders += [folder for run in runs for _, folder in reversed(run.snapshots())]
    fetched = copies_of(ref)
    folders += fetched
    for folder in folders if ref.sha256 else ():
        if weights_sha256(folder) == ref.sha256:
            return Match(folder, None)
    named = list(fetched)
    named += [info.folder for info in models[:1] if info.name == ref.name]
    named += [run.snapshots()[-1][1] for run in runs[:1] if run.id == ref.name]
    named += [folder for run in runs[:1] for at, folder in run.snapshots() if (run.id, str(at)) == (run_id, step)]
    if fetch and ref.hub:
        try:
            folder = find(f"{HUB}{ref.hub.removeprefix(HUB)}", settings, tell=tell)
            return Match(folder, weights_notice(ref, folder))
        except GanCoreError:
            if not named:
                raise
    if named:
        return Match(named[0], weights_notice(ref, named[0]))
    where = f"{HUB}{ref.hub.removeprefix(HUB)}" if ref.hub else f"the model {ref.name}"
    raise ModelError(f"The recipe is for the model {ref.name}, which is not here. Nothing was drawn. Fetch {where}.")


def weights_notice(ref: ModelRef | None, folder: Path) -> str | None:
    """One sentence where a recipe was made with other weights than the folder's; None where they are the same."""
    if ref is None or ref.sha256 in (None, weights_sha256(folder)):
        return None
    return f"The recipe was made with other weights of {ref.name} than those in {folder}: the picture may differ."


class _Cache:
    """The models used last. One lock: a model that several visitors ask for at once is loaded once."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, ...], Generator | Translator] = OrderedDict()
        self._lock = Lock()

    def get(self, folder: Path, device: str, *, keep: bool = True) -> "Generator | Translator":
        files = sorted([folder / CONFIG, *folder.glob("*.safetensors")])
        # A folder that was written anew is another model.
        stamps = [f"{path.name}:{path.stat().st_mtime_ns}" for path in files if path.exists()]
        key = (str(folder.resolve()), device, *stamps)
        with self._lock:
            if key not in self._models:
                model = load_folder(folder, device=device, only=_GENERATORS)
                if not keep:
                    return _ready(model)
                self._models[key] = _ready(model)
                while len(self._models) > KEPT:
                    self._models.popitem(last=False)
            self._models.move_to_end(key)
            return self._models[key]


def _ready(model: Model) -> "Generator | Translator":
    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator

    return (Generator if get_family(model.config.family).kind == "generator" else Translator)(model)


_GENERATORS = ("generator", "generator_ab", "generator_ba")
_CACHE = _Cache()


def load(
    name: str | Path,
    *,
    device: str = "auto",
    settings: Settings | None = None,
    keep: bool = True,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> "Generator | Translator":
    """A model ready for use, by name or folder (see `find`). Raises `ModelError` where it is missing or damaged.

    keep: False for one that is used once; it drives no other from memory. progress, tell: see `find`.
    """
    from gan_core.devices import pick_device

    folder = find(name, settings, progress=progress, tell=tell)
    return _CACHE.get(folder, str(pick_device(device)), keep=keep)
