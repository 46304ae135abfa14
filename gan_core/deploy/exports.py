"""ONNX files that were made before: tracing a network takes a minute, and the same weights give the same file.

Beside the data sets, a folder for each export. Whoever cannot read or write there exports anew.
"""

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from gan_core import __version__, models
from gan_core.atomic import LEFT_S, new_folder, write_bytes, write_json
from gan_core.deploy.requirements import installed
from gan_core.hub.files import hashed
from gan_core.interop import onnx
from gan_core.settings import Settings
from gan_core.weights import Model

MOST_BYTES = 10**9
"""Of all exports that are kept; those that were not used for longest go first."""
NOTE = "export.json"
_MAKERS = ("torch", "onnx", "onnxscript", "onnxruntime")


def exports_folder(settings: Settings) -> Path:
    return settings.data_dir.expanduser().absolute() / "exports"


def exported(model: Model, to: Path, *, name: str, half: bool, kept_in: Path | None = None) -> list[onnx.Written]:
    """A model's ONNX files in the folder `to`, each called as its network; see `onnx.write`.

    kept_in: where earlier exports lie, and this one is kept; None: nothing is looked up or kept.
    """
    place = kept_in / _key(model, name, half) if kept_in and model.folder else None
    if place and (found := _copied(place, to)):
        return found
    aside = to / ".onnx"
    made = onnx.write(model, aside, name=name, half=half)
    moved = [onnx.Written(one.path.rename(to / one.path.name), one.difference) for one in made]
    aside.rmdir()
    if place:
        with suppress(OSError):  # A full disk keeps nothing, and that is no reason to fail.
            _keep(place, moved)
            drop_old(place.parent, MOST_BYTES)
    return moved


def drop_old(folder: Path, most_bytes: int) -> None:
    """Delete folders in `folder`, by the time of their last use, until the rest fits; the last one used stays."""
    with suppress(OSError):  # Another process may be at the same.
        used_at = {one: one.stat().st_mtime for one in folder.iterdir() if one.is_dir()}
        total = 0
        for one in sorted(used_at, key=lambda one: used_at[one], reverse=True):
            if one.name.startswith("."):  # Being written, unless its writer was killed.
                old = time.time() - used_at[one] > LEFT_S
            else:
                size = sum(file.stat().st_size for file in one.rglob("*") if file.is_file())
                old = total > 0 and total + size > most_bytes
                total += size
            if old:
                shutil.rmtree(one, ignore_errors=True)


def _key(model: Model, name: str, half: bool) -> str:
    """A hash of all that an export follows from. The file's hash stands in it, and what it draws is in the networks."""
    assert model.folder is not None
    digest = hashlib.sha256(_code())
    for network, module in sorted(model.networks.items()):
        for key, value in module.state_dict().items():
            digest.update(f"{network} {key} {value.dtype} {list(value.shape)}".encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
    files = {path.name: hashed(path).sha256 for path in sorted(model.folder.glob("generator*.safetensors"))}
    makers = {maker: installed(maker) for maker in _MAKERS}
    told = [name, half, files, model.config.to_json(), __version__, makers]
    digest.update(json.dumps(told, sort_keys=True).encode())
    return digest.hexdigest()[:32]


@lru_cache(1)
def _code() -> bytes:
    """Of what exports: in a checkout it changes while the version stays."""
    folders = (Path(onnx.__file__).parent, Path(models.__file__).parent)
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)


def _copied(place: Path, to: Path) -> list[onnx.Written]:
    """Nothing where it is not there, or not as it was written."""
    try:
        told = json.loads((place / NOTE).read_bytes())
        contents = {name: (place / name).read_bytes() for name in told}
        if any(hashlib.sha256(content).hexdigest() != told[name]["sha256"] for name, content in contents.items()):
            return []
        differences = {name: float(facts["difference"]) for name, facts in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    with suppress(OSError):
        os.utime(place)  # Used now: what was not goes first.
    for name, content in contents.items():
        write_bytes(to / name, content)
    return [onnx.Written(to / name, difference) for name, difference in differences.items()]


def _keep(place: Path, files: list[onnx.Written]) -> None:
    with new_folder(place, replace=True) as folder:
        told = {}
        for one in files:
            content = one.path.read_bytes()
            (folder / one.path.name).write_bytes(content)
            told[one.path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "difference": one.difference}
        write_json(folder / NOTE, told)
