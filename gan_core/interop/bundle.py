"""What a file holds to single networks: dictionaries unwrapped, prefixes stripped, averages preferred.

Projects bundle as they like: a bare state dict; one under `state_dict`, `model`, `params`; generator, discriminator and
optimizers together, nested or told apart by the first part of each key. The names on the way are kept, since they
are all that tells a network's role.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from gan_core.config import few
from gan_core.errors import CheckpointError
from gan_core.interop.dialect import Given
from gan_core.interop.read import SUFFIXES, check_claims, read_file

MAX_DEPTH = 6
MAX_NETWORKS = 64
MAX_FILES = 32

WRAPPERS = {"module", "_orig_mod", "_forward_module", "shadow"}
"""First parts of keys that say nothing: DataParallel, torch.compile, Lightning, moving averages."""

NETWORK = re.compile(
    r"(net_?)?(g|d|gen|dis|disc|generator|discriminator|critic)(_?(ema|a|b|ab|ba|a2b|b2a|ema_?[ab]+))?$", re.I
)
"""What people call a network: netG, G_A, generator_ema, D_B, G_AB."""

_EMA = re.compile(r"(^|[_.-])(ema|shadow|averaged?)(?=$|[_.-])", re.IGNORECASE)
_GENERAL = {"", "model", "state_dict", "params", "net", "network", "weights"}
_RAW = _GENERAL | {"g", "netg", "gen", "generator"}
_OTHER = re.compile(r"optim|sched|scaler|loss|rng|args|hyper|callback|history|(^|_)opt(_|$)|adam", re.IGNORECASE)


class _Entry(NamedTuple):
    name: str
    """The way to it, joined by dots; empty for the file itself."""
    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


def read_states(source: Path) -> list[Given]:
    """All networks of a file, or of the newest epoch in a folder. Raises `CheckpointError` where there is none."""
    if not source.is_dir():
        return _networks(source, ())
    files, notes = newest(source)
    given: list[Given] = []
    problems: list[tuple[Path, CheckpointError]] = []
    for path in files:
        try:
            given += _networks(path, notes)
        except CheckpointError as error:  # Beside the weights lie training states and much else.
            problems.append((path, error))
    if not given:
        raise problems[0][1]
    # By its name alone: notes go into cards, and paths are a machine's own business.
    passed_over = tuple(f"Passed over: {str(error).replace(str(path), path.name)}" for path, error in problems[:3])
    return [replace(one, notes=one.notes + passed_over) for one in given]


def _networks(path: Path, notes: tuple[str, ...]) -> list[Given]:
    entries = list(_entries(read_file(path), "", MAX_DEPTH, set()))
    given = []
    for entry in entries[:MAX_NETWORKS]:
        for part in _split(entry):
            check_claims(path, part.tensors)
            name = f"{path.stem}.{part.name}" if part.name else path.stem
            given.append(Given(name=name, file=path, tensors=part.tensors, notes=notes + part.notes))
    if not given:
        raise CheckpointError(f"{path} holds no weights of a network. Nothing was imported.")
    return given


def _entries(value: Any, name: str, depth: int, seen: set[int]) -> Iterator[_Entry]:
    """The state dicts inside of a value, each with the names on the way to it."""
    if depth == 0 or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, list | tuple) and len(value) <= MAX_NETWORKS:
        value = {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, Mapping) or "param_groups" in value:  # An optimizer's state has its groups.
        return
    value = {str(key): item for key, item in value.items() if isinstance(key, str) or isinstance(item, Tensor)}
    inner = {key: item for key, item in value.items() if isinstance(item, Mapping | list | tuple)}
    kept, note = _without_raw({key: item for key, item in inner.items() if not _OTHER.search(key)})
    found = False
    for key, item in kept.items():
        for entry in _entries(item, f"{name}.{key}".strip("."), depth - 1, seen):
            found = True
            yield entry._replace(notes=note + entry.notes)
    tensors = {key: item for key, item in value.items() if isinstance(item, Tensor)}
    # Beside networks, single tensors are fixed latents and the like.
    if tensors and (not found or sum("." in key for key in tensors) > 1):
        yield _Entry(name, tensors, ())


def _without_raw(entries: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Without the networks of which a moving average stands beside them: the average draws better."""
    replaced: dict[str, str] = {}
    for key in entries:
        raw = _EMA.sub("", key).strip("_.-").lower()
        if raw != key.lower() and not entries[key]:
            continue
        if raw != key.lower():
            names = _RAW if raw in _GENERAL else {raw}
            replaced |= {other: key for other in entries if other != key and other.lower() in names}
    kept = {key: item for key, item in entries.items() if key not in replaced}
    return kept, tuple(f"Of {raw} there is a moving average, {ema}: that was taken." for raw, ema in replaced.items())


def _split(entry: _Entry) -> list[_Entry]:
    """An entry without prefixes that say nothing; several where the first parts of its keys name networks."""
    tensors, name = entry.tensors, entry.name
    while tensors:
        firsts = {key.partition(".")[0] for key in tensors}
        named = {first for first in firsts if NETWORK.match(first)}
        if any("." not in key for key in tensors if key.partition(".")[0] in named | WRAPPERS):
            break
        if len(firsts) == 1 and firsts <= WRAPPERS:
            tensors = _under(tensors, *firsts)
        elif 2 * sum(key.partition(".")[0] in named for key in tensors) > len(tensors):
            return _split_named(_Entry(name, tensors, entry.notes), named, firsts - named)
        else:
            break
    return [_Entry(name, tensors, entry.notes)]


def _split_named(entry: _Entry, named: set[str], others: set[str]) -> list[_Entry]:
    kept, notes = _without_raw({first: first for first in sorted(named)})
    if others:
        notes += (f"Beside the networks the file holds {few(sorted(others))}: left out.",)
    parts = []
    for first in kept:
        inner = _Entry(f"{entry.name}.{first}".strip("."), _under(entry.tensors, first), entry.notes + notes)
        parts += _split(inner)
    return parts


def _under(tensors: dict[str, Tensor], first: str) -> dict[str, Tensor]:
    return {key[len(first) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{first}.")}


# Folders.

_EPOCH_FIRST = re.compile(r"(?P<epoch>latest|iter_\d+|\d+)_(?P<net>net_.+)$")
_EPOCH_LAST = re.compile(
    r"(?P<net>.*?[a-z].*?)[_.-]*(epoch|iter|iteration|step)?[_.=-]*(?P<epoch>latest|\d+)$", re.IGNORECASE
)
_STATES = re.compile(r"optim|sched|scaler|rng_state|training_args|trainer_state", re.IGNORECASE)


def newest(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The weight files of a folder's newest epoch, and a sentence where others were passed over.

    `latest` is newest; files without an epoch belong to every one. Of two forms of one file, safetensors is taken.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({error.strerror}). Nothing was imported.") from None
    files = [path for path in files if not _STATES.search(path.stem) and not path.name.startswith(".")]
    if not files:
        raise CheckpointError(
            f"{folder} holds no file of weights ({', '.join(SUFFIXES[:5])}). Nothing was imported. Name one."
        )
    by_epoch: dict[float, dict[str, Path]] = {}
    for path in files:
        net, epoch = _epoch(path.stem)
        held = by_epoch.setdefault(epoch, {})
        if net not in held or path.suffix.lower() == ".safetensors":
            held[net] = path
    always = by_epoch.pop(_NONE, {})
    if not by_epoch:
        return _few_files(folder, list(always.values())), ()
    most = max(len(nets) for nets in by_epoch.values())
    whole = [epoch for epoch, nets in by_epoch.items() if len(nets) == most]  # A torn last epoch is no epoch.
    last = by_epoch[max(whole)]
    apart = {net: path for nets in by_epoch.values() for net, path in nets.items() if not nets.keys() & last.keys()}
    if apart:
        raise CheckpointError(
            f"{folder} holds different models: {few(sorted(path.name for path in apart.values()))} beside "
            f"{few(sorted(path.name for path in last.values()))}. Nothing was imported. Name the file that is wanted."
        )
    chosen = list({**always, **last}.values())
    names = few(sorted(path.name for path in last.values()))
    note = f"Of {len(by_epoch)} epochs in the folder the newest was taken: {names}." if len(by_epoch) > 1 else ""
    return _few_files(folder, chosen), (note,) if note else ()


_NONE = -1.0


def _epoch(stem: str) -> tuple[str, float]:
    """The network's name, and a number that orders epochs; -1 without one."""
    found = _EPOCH_FIRST.match(stem) or _EPOCH_LAST.match(stem)
    if found is None:
        return {"pytorch_model": "model"}.get(stem, stem), _NONE
    epoch = found["epoch"].removeprefix("iter_")
    return found["net"], float("inf") if epoch == "latest" else float(epoch)


def _few_files(folder: Path, files: list[Path]) -> list[Path]:
    if len(files) > MAX_FILES:
        raise CheckpointError(
            f"{folder} holds {len(files)} files of weights. Nothing was imported. Name one by its path."
        )
    return files
