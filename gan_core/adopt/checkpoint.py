"""A checkpoint of another project becomes a model folder: recognised, loaded strictly, with a card and a preview."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import torch

from gan_core import __version__, weights
from gan_core.cards import imported_card
from gan_core.config import ModelConfig, check_name, few, shown
from gan_core.errors import ConfigError, ModelError
from gan_core.families import get_family
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.interop import Found, recognise
from gan_core.interop.translators import turned
from gan_core.models import get_networks
from gan_core.preview import generator_preview, translator_preview, webp

_SAYS_NOTHING = re.compile(
    r"(net|g|d|a|b|ab|ba|netg|netd|gen|generator|discriminator|model|pytorch|epoch|iter|step|latest|last|best|final|ema|"
    r"ckpt|checkpoints?|weights?|params|state|dict|snapshots?|saved|models|tmp|downloads?|\d+)?"
)


@dataclass(frozen=True)
class Adopted:
    folder: Path
    """The model folder."""
    found: Found
    """What was recognised."""
    notes: tuple[str, ...]
    """Sentences for people."""


def adopt(
    source: str | Path,
    out: Path,
    *,
    name: str | None = None,
    direction: str | None = None,
    domains: dict[str, str] | None = None,
) -> Adopted:
    """Make a checkpoint the model folder `out`, which must not exist yet, or be empty.

    source: a file of weights, or a folder of them (its newest epoch). name: on the card; None: that of `out`.
    direction: translators: which way the network goes (of two: the first of them), where its names tell it wrong.
    domains: what a and b show. Raises `CheckpointError` for what is not recognised; nothing is written then.
    """
    check_name(out.name)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ModelError(f"{out} exists. Nothing was imported. Choose another name, or remove that folder first.")
    found = _pointed(recognise(source), direction)
    config = _config(found, domains)
    family = get_networks(found.family)
    with torch.device("meta"):  # No memory and no random numbers for what the file brings.
        networks = family.build(family.Network(**found.network))
    networks = {file: network for file, network in networks.items() if file in found.states}
    for file, network in networks.items():
        state = {key: value.clone() for key, value in found.states[file].items()}  # Apart from file and neighbours.
        network.load_state_dict(state, strict=True, assign=True)
    with _staged(out) as folder:
        weights.save(folder, config, networks)
        model = weights.load(folder)  # What is shown is what was written.
        if get_family(found.family).kind == "generator":
            preview = generator_preview(Generator(model))
        else:
            preview = translator_preview(Translator(model))
        (folder / "preview.webp").write_bytes(webp(preview))
        (folder / "README.md").write_text(imported_card(name or out.name, config, found.notes), encoding="utf-8")
    return Adopted(out, found, found.notes)


def free_folder(models_dir: Path, source: Path) -> Path:
    """A folder among the models that does not exist yet, named after the file or the folder it lies in."""
    names = [source.name if source.is_dir() else source.name.partition(".")[0], source.absolute().parent.name]
    named = next(filter(None, map(_telling, names)), "imported")
    number, free = 1, models_dir / named
    while free.exists():
        number += 1
        free = models_dir / f"{named}-{number}"
    return free


def _telling(name: str) -> str:
    """A valid name of the words that say something; empty where none does."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return "-".join(word for word in words if not _SAYS_NOTHING.fullmatch(word))[:60].strip("-")


def _pointed(found: Found, direction: str | None) -> Found:
    """What was found, going the way it is said to go."""
    if direction is None:
        return found
    if found.directions is None:
        raise ConfigError(f"{found.dialect} draws from latents and has no direction. Nothing was imported.")
    if direction not in ("ab", "ba"):
        raise ConfigError(f"A direction is ab or ba, not {shown(direction)}. Nothing was imported.")
    return found if direction == found.directions[0] else turned(found)


def _config(found: Found, domains: dict[str, str] | None) -> ModelConfig:
    """What config.json says: the network, the way it goes, and where it comes from."""
    translates = found.directions is not None
    if domains and not translates:
        raise ConfigError(f"{found.dialect} draws from latents and has no domains. Nothing was imported.")
    words = {"a": "domain A", "b": "domain B", **(found.domains or {}), **_checked(domains or {})}
    directions = list(found.directions or ())
    return ModelConfig(
        family=found.family,
        network=found.network,
        domains=words if translates else None,
        default_direction=directions[0] if translates else None,  # type: ignore[arg-type]
        directions=directions if len(directions) == 1 else None,
        trained={
            "imported_as": found.dialect,
            "imported_files": {few([path.name]): _sha256(path) for path in found.files},
            "code_version": __version__,
        },
    )


def _checked(domains: dict[str, str]) -> dict[str, str]:
    for end, words in domains.items():
        if end not in ("a", "b") or not 0 < len(words) <= 80 or not words.isprintable():
            raise ConfigError(f"{shown(words)} cannot say what domain {end} shows: use up to 80 letters on one line.")
    return domains


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """A folder of the name of `out` that takes its place at the end, and leaves nothing behind otherwise."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(mkdtemp(prefix=".import-", dir=out.parent))
        try:
            yield stage / out.name
            (stage / out.name).rename(out)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{out} was not written ({error.strerror or error}). Choose another place.") from None
