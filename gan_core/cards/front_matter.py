"""The head of a card, which the Hub reads: task, licence, tags, and what was measured as evaluation results."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_core.config import ModelConfig
from gan_core.families import get_family

LIBRARY = "gan-core"
TASKS = {"generator": "unconditional-image-generation", "translator": "image-to-image"}
FENCE = "---"


def matter(name: str, config: ModelConfig, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a model's front matter. https://huggingface.co/docs/hub/model-cards#model-card-metadata"""
    task = TASKS[get_family(config.family).kind]
    found: dict[str, Any] = {"library_name": LIBRARY, "pipeline_tag": task}
    if config.license:
        found["license"] = config.license
    data = str(config.data.get("name", ""))
    if data.startswith("hub:"):
        found["datasets"] = [data.removeprefix("hub:").partition("@")[0]]
    found["tags"] = ["gan", config.family, LIBRARY]
    results = [{"type": kind, "name": title, "value": value} for kind, title, value in _measures(metrics)]
    if results:
        dataset = {"name": data or "not stated", "type": data.removeprefix("hub:") or "unknown"}
        result = {"task": {"type": task}, "dataset": dataset, "metrics": results}
        found["model-index"] = [{"name": name, "results": [result]}]
    return found


def _measures(metrics: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str, float]]:
    """Numbers among the metrics, however deep, as (type, words, value)."""
    for key, value in metrics.items():
        words = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _measures(value, f"{words}, ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, words, value


def fenced(values: Mapping[str, Any]) -> str:
    import yaml

    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120)
    return f"{FENCE}\n{text}{FENCE}"


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
