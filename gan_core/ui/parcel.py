"""Model folders of our own that come back: as the zip that the Models tab gives, or as their files."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from gan_core.errors import ModelError
from gan_core.weights import CONFIG, read_config, read_json

if TYPE_CHECKING:
    from gan_core.config import ModelConfig

ENDINGS = (".json", ".safetensors", ".md", ".webp", ".csv", ".txt", ".pth", ".pt", ".bin", ".ckpt")
MAX_FILES = 64
CHUNK_BYTES = 1_000_000


def unpack(path: Path, folder: Path, *, most_bytes: int) -> str:
    """Take the files out of a zip, side by side and by their last names; the name of the folder they stood in.

    Raises `ModelError` for a damaged zip, for one that holds too much, and where two files have the same name.
    """
    try:
        with ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _is_wanted(entry)]
            names = [Path(entry.filename).name for entry in entries]
            if not 0 < len(entries) <= MAX_FILES or len(set(names)) < len(names):
                raise ModelError(f"{path.name} is not the zip of one model folder. Nothing was imported.")
            left = most_bytes
            for entry, name in zip(entries, names, strict=True):
                left = _copied(archive, entry, folder / name, left)
                if left < 0:
                    raise ModelError(
                        f"{path.name} holds more than {most_bytes / 1e6:,.0f} MB. Nothing was imported. "
                        "Bring the files one by one."
                    )
    except (BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        detail = " ".join(str(error).split())[:120]
        raise ModelError(f"{path.name} is damaged or locked ({detail}). Nothing was imported.") from None
    return Path(entries[0].filename).parent.name


def _is_wanted(entry: ZipInfo) -> bool:
    """Plain files that a model folder may hold; what is hidden, a link or a folder is passed over."""
    name = Path(entry.filename).name
    link = (entry.external_attr >> 28) == 0o12
    return not (entry.is_dir() or link or name.startswith(".")) and name.lower().endswith(ENDINGS)


def _copied(archive: ZipFile, entry: ZipInfo, path: Path, left: int) -> int:
    """How many bytes may still come after this file; its own words about its size are not believed."""
    with archive.open(entry) as source, path.open("wb") as sink:
        while left >= 0 and (chunk := source.read(CHUNK_BYTES)):
            left -= len(chunk)
            if left >= 0:
                sink.write(chunk)
    return left


def is_ours(folder: Path) -> bool:
    """Whether a folder's config.json is one of our models; others have files of that name too."""
    try:
        values = read_json(folder / CONFIG) if folder.is_dir() else None
    except ModelError:
        return False
    return isinstance(values, dict) and {"format", "family", "network"} <= set(values)


def checked(folder: Path) -> "tuple[ModelConfig, dict[str, Any]]":
    """Configuration and networks of a model folder that loads to the last key. Raises `ModelError`."""
    from gan_core import weights

    return read_config(folder), weights.load(folder).networks


def place(folder: Path, models: Path, name: str) -> Path:
    """Copy a checked model folder among the models; whole or not at all."""
    from gan_core.atomic import new_folder

    try:
        with new_folder(models / name) as temporary:
            for path in folder.iterdir():
                if path.suffix.lower() in ENDINGS:
                    shutil.copyfile(path, temporary / path.name)
    except OSError as error:
        raise ModelError(f"{name} was not added ({error.strerror or error}). Try another name.") from None
    return models / name
