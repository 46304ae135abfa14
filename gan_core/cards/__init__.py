"""Model cards: what a person must know of a model before using it, as README.md of its folder."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gan_core.cards.front_matter import fenced, matter
from gan_core.cards.renewal import generated, renewed
from gan_core.cards.use import addressed, use
from gan_core.config import ModelConfig
from gan_core.families import get_family

__all__ = ["addressed", "imported_card", "model_card", "renewed"]


def model_card(
    name: str,
    config: ModelConfig,
    metrics: Mapping[str, Any],
    notes: str = "",
    curve: str | None = None,
    loads: str | None = None,
) -> str:
    """Markdown with the Hub's front matter. `notes` is the section on data and licences, written by a person.

    curve: name of a picture of the training's curves in the same folder. loads: what its examples load, such as
    "hub:user/name"; None: the name that it has here.
    """
    trained, data = config.trained, config.data
    parts = [
        f"# {name}\n\n{_sentence(config)}\n\n![Samples](preview.webp)",
        f"## Use\n\n{use(loads or name, config)}",
        f"## Data and licences\n\n{notes.strip() or _data_line(data)}",
        "## Training\n\n" + _table(_training_rows(trained)),
    ]
    if curve:
        parts.append(f"![Curves of the training]({curve})")
    if command := trained.get("command"):
        parts.append(f"The exact command:\n\n```\n{command}\n```")
    if metrics:
        parts.append("## Measured\n\n" + _table([(text(key), text(value)) for key, value in _flat(metrics)]))
    parts.append(f"## Intended use\n\n{_INTENDED}")
    parts.append(f"## Limits\n\n{_limits(config)}")
    return _whole(name, config, metrics, parts)


def _whole(name: str, config: ModelConfig, metrics: Mapping[str, Any], parts: Sequence[str]) -> str:
    return (
        f"{fenced(matter(name, config, metrics))}\n\n{generated(chr(10).join(f'{part}{chr(10)}' for part in parts))}\n"
    )


def imported_card(name: str, config: ModelConfig, notes: Sequence[str]) -> str:
    """The card of a model that came from another project's checkpoint. `notes`: what was chosen while importing it."""
    trained = config.trained
    files = trained.get("imported_files", {})
    rows = [("Recognised as", _plain(trained["imported_as"]))]
    rows += [(f"SHA-256 of {_plain(file)}", files[file]) for file in files]
    rows.append(("Imported by", f"gan-core {trained.get('code_version', '')}".strip()))
    said = "\n".join(f"- {_plain(note)}" for note in notes)
    parts = [
        f"# {name}\n\n{_imported_sentence(config)}\n\n![Samples](preview.webp)",
        f"## Use\n\n{use(name, config)}",
        "## Where it comes from\n\n" + _table(rows) + (f"\n\n{said}" if said else ""),
        f"## Data and licences\n\n{_UNKNOWN}",
        f"## Limits\n\n{_UNSEEN}",
    ]
    return _whole(name, config, {}, parts)


def _plain(said: str) -> str:
    """Words out of a stranger's file, without what Markdown would make a table, a link or a picture of."""
    return re.sub(r"[^\w\s.,:;=+()/'-]", "?", " ".join(said.split()))


_INTENDED = (
    "Play, teaching and experiments with small generative networks. Say of its pictures that a network made them, and "
    "do not use them where they could be taken for records of something real."
)
_UNSEEN = (
    "What the model learnt from is unknown, and it repeats that selection and its mistakes. "
    "Pictures unlike it come out badly, and what it draws shows nothing that exists."
)
_UNKNOWN = (
    "The pictures that it was trained on are unknown, and so is the licence of its weights: the checkpoint does not "
    "say. Whoever publishes the model or its pictures should ask where the checkpoint came from, and write it here."
)


def _imported_sentence(config: ModelConfig) -> str:
    if not config.domains:
        size = config.network["size"]
        return f"A network that draws pictures of {size} x {size} px, imported from another project's checkpoint."
    a, b = config.domains["a"], config.domains["b"]
    ways = {"ab": [f"{a} into {b}"], "ba": [f"{b} into {a}"]}
    told = " and ".join(way for direction in config.directions or ("ab", "ba") for way in ways[direction])
    return f"A network that turns {told}, imported from another project's checkpoint."


def text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value).replace("_", " ")


def _sentence(config: ModelConfig) -> str:
    family, name = get_family(config.family), config.data.get("name", "unknown data")
    if config.domains:
        a, b = config.domains["a"], config.domains["b"]
        return f"A {family.title} that turns pictures of one kind into the other, and back: {a} and {b}."
    size, kinds = config.network.get("size"), f", in {len(config.classes)} classes" if config.classes else ""
    return f"A {family.title} that draws pictures of {size} x {size} px like those of {name}{kinds}."


def _data_line(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{text(key)}: {text(value)}" for key, value in data.items())


def _training_rows(trained: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {
        "steps": "Steps",
        "images": "Pictures seen",
        "size": "Training size, px",
        "seed": "Seed",
        "device": "Device",
        "elapsed_s": "Time, s",
        "code_version": "gan-core",
        "torch_version": "PyTorch",
    }
    return [(label, text(trained[key])) for key, label in names.items() if key in trained]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        label = f"{prefix}{key}"
        rows += _flat(value, f"{label}: ") if isinstance(value, Mapping) else [(label, value)]
    return rows


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {left} | {right} |" for left, right in rows)])


def _limits(config: ModelConfig) -> str:
    if config.domains:
        return (
            "The model changes colour, light and texture, not shapes. It saw the two sets named above and nothing "
            "else: people, text and indoor scenes may come out badly. Its results are not the work of any painter."
        )
    return (
        "The model saw the set named above and nothing else, and repeats its selection and its mistakes. "
        "Its pictures show nothing that exists."
    )
