"""The head of a card, which the Hub reads: task, licence, tags, and what was measured as evaluation results."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from gan_core.config import ModelConfig
from gan_core.families import get_family
from gan_core.hub.client import NAME

LIBRARY = "gan-core"
TASKS = {"generator": "unconditional-image-generation", "translator": "image-to-image"}
FENCE = "---"
_LICENSES = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m
    bigscience-bloom-rail-1.0 bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0
    c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0
    cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m ecl-2.0 epl-1.0
    epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0 h-research intel-research isc lgpl lgpl-2.1
    lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail openrail++ osl-3.0 pddl
    postgresql unknown unlicense wtfpl zlib
"""
LICENSES = frozenset(_LICENSES.split())
"""What the Hub knows. https://huggingface.co/docs/hub/repositories-licenses"""


def matter(name: str, config: ModelConfig, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a model's front matter. https://huggingface.co/docs/hub/model-cards#model-card-metadata"""
    task = TASKS[get_family(config.family).kind]
    found: dict[str, Any] = {"library_name": LIBRARY, "pipeline_tag": task}
    found |= _license(config.license)
    data = str(config.data.get("name", ""))
    source = data.removeprefix("hub:").partition("@")[0]
    known = data.startswith("hub:") and NAME.fullmatch(source) is not None
    if known:
        found["datasets"] = [source]
    found["tags"] = ["gan", config.family, LIBRARY]
    results = [{"type": kind, "name": title, "value": value} for kind, title, value in _measures(metrics)]
    if results:
        dataset = {"name": data or "not stated", "type": source if known else _plain(data) or "unknown"}
        result = {"task": {"type": task}, "dataset": dataset, "metrics": results}
        found["model-index"] = [{"name": name, "results": [result]}]
    return found


def _license(name: str | None) -> dict[str, str]:
    """The Hub knows some licences by their names in small letters, and takes any other under a name of its own."""
    if not name:
        return {}
    plain = name.strip().lower()
    return {"license": plain} if plain in LICENSES else {"license": "other", "license_name": _plain(name) or "unknown"}


def _plain(name: str) -> str:
    """Small letters, digits, dots and dashes alone."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:96]


def _measures(metrics: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str, float]]:
    """Numbers among the metrics, however deep, as (type, words, value)."""
    for key, value in metrics.items():
        words = f"{before}{key}".replace("_", " ")
        if words == "step":
            continue  # When it was measured.
        if isinstance(value, Mapping):
            yield from _measures(value, f"{words}, ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield _plain(words).replace("-", "_"), words, value


def fenced(values: Mapping[str, Any]) -> str:
    return f"{FENCE}\n{''.join(entry(name, value) for name, value in values.items())}{FENCE}"


def entry(name: str, value: Any) -> str:
    """One entry of a front matter, its line break at its end."""
    import yaml

    return yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=120)


def entries(card: str) -> tuple[dict[str, str], str] | None:
    """The front matter's entries, each as it is written, with its comments; and the text. None where it cannot be read.

    Read and written again, `language: no` would be false and 1.10 would be 1.1.
    """
    import yaml

    values, text = divided(card)
    if not values:
        return None if card.startswith(FENCE) else ({}, card)
    head = card[len(FENCE) + 1 : len(card) - len(text) - len(FENCE) - 1]
    marks = [(key.value, key.start_mark) for key, _ in yaml.compose(head, yaml.SafeLoader).value]
    if any(mark.column for _, mark in marks):
        return None
    starts = [0, *(mark.index for _, mark in marks[1:]), len(head)]
    return {name: head[start:end] for (name, _), (start, end) in zip(marks, pairwise(starts), strict=True)}, text


def divided(card: str) -> tuple[dict[str, Any], str]:
    """A card's front matter and its text; ({}, card) where it has none that can be read."""
    import yaml

    if not card.startswith(f"{FENCE}\n"):
        return {}, card
    head, fence, text = card[len(FENCE) + 1 :].partition(f"\n{FENCE}\n")
    if not fence or len(head) > 100_000:
        return {}, card
    try:
        values = yaml.safe_load(head)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, card
    return (values, text) if isinstance(values, dict) else ({}, card)
