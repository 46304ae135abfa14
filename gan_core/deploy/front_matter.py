"""README.md of a Space: the head that Spaces reads, and what a visitor of the repository wants to know."""

from collections.abc import Sequence
from typing import Any

from gan_core.cards.front_matter import LIBRARY, fenced
from gan_core.config import require
from gan_core.deploy.chosen import Chosen
from gan_core.deploy.requirements import gradio_version, python_version
from gan_core.families import get_family
from gan_core.hub.client import NAME

MAX_SHORT = 60
"""Characters of short_description that the Hub takes."""
MAX_TITLE = 80
HARDWARE = {"cpu": "cpu-basic", "zero-gpu": "zero-a10g"}
SHORT = {
    ("generator", "translator"): "Explore GANs and turn photographs into paintings",
    ("generator",): "Slide through the latent space of trained GANs",
    ("translator",): "Turn photographs into paintings with CycleGAN",
}
ISOLATED = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}
"""Without these headers a browser gives WebAssembly one thread alone."""
SCOPES = ["contribute-repos"]
"""Whoever signs in lets the Space create repositories and write to those, and to no others."""


def space_card(*, target: str, title: str, chosen: Sequence[Chosen], hub_id: str | None = None) -> str:
    """README.md as text. Raises `ConfigError` for a title that cannot be one.

    https://huggingface.co/docs/hub/spaces-config-reference
    """
    good = title.isprintable() and 0 < len(title.strip()) <= MAX_TITLE
    require(good, f"--title is {title[:MAX_TITLE]!r}; it must be one line of 1 to {MAX_TITLE} characters.")
    parts = [f"# {title.strip()}", _about(target), f"## Models\n\n{_table(chosen, target)}"]
    parts += [f"## On a computer of your own\n\n{_run(target, hub_id)}"]
    if target != "static":
        parts.append(f"## Who may do what\n\n{_RIGHTS}")
    return f"{fenced(matter(target, title.strip(), chosen))}\n\n" + "\n\n".join(parts) + "\n"


def matter(target: str, title: str, chosen: Sequence[Chosen]) -> dict[str, Any]:
    kinds = tuple(sorted({get_family(one.config.family).kind for one in chosen}))
    short = SHORT[kinds]
    assert len(short) <= MAX_SHORT
    found: dict[str, Any] = {"title": title, "emoji": "🖼️", "colorFrom": "indigo", "colorTo": "gray"}
    if target == "static":
        found |= {"sdk": "static", "app_file": "index.html"}
    else:
        found |= {"sdk": "gradio", "sdk_version": gradio_version(), "python_version": python_version(target)}
        found |= {"app_file": "app.py", "suggested_hardware": HARDWARE[target], "startup_duration_timeout": "30m"}
        found |= {"hf_oauth": True, "hf_oauth_scopes": SCOPES}
    found |= {"pinned": False, "license": "apache-2.0", "short_description": short}
    found["tags"] = ["gan", *sorted({one.config.family for one in chosen}), LIBRARY]
    if hubs := [one.hub for one in chosen if one.hub]:
        found["models"] = hubs
    if datasets := sorted(filter(None, {_dataset(one) for one in chosen})):
        found["datasets"] = datasets
    if target == "static":
        found["custom_headers"] = ISOLATED
    return found


def _dataset(one: Chosen) -> str | None:
    name = str(one.config.data.get("name", ""))
    source = name.removeprefix("hub:").partition("@")[0]
    return source if name.startswith("hub:") and NAME.fullmatch(source) else None  # The Hub refuses any other.


def _about(target: str) -> str:
    if target == "static":
        return (
            "GAN Studio without a server: everything is computed in the visitor's own browser. Photographs and "
            "pictures never leave the visitor's computer. After the first visit it works without a connection."
        )
    return (
        "GAN Studio in the browser: slide through what a GAN has learnt, walk from picture to picture, turn "
        "photographs into paintings, and watch trainings."
    )


def _table(chosen: Sequence[Chosen], target: str) -> str:
    rows = ["| Model | What it does | Licence of the weights |", "| --- | --- | --- |"]
    for one in chosen:
        card = f"{'models' if target == 'static' else 'pretrained'}/{one.name}/README.md"
        link = f"https://huggingface.co/{one.hub}" if one.hub else card
        name = f"[{one.name}]({link})" if one.hub or (one.folder / "README.md").is_file() else one.name
        rows.append(f"| {name} | {_cell(_sentence(one))} | {_cell(one.config.license or 'not stated')} |")
    return "\n".join(rows)


def _sentence(one: Chosen) -> str:
    config, family = one.config, get_family(one.config.family)
    if family.kind == "translator":
        domains = config.domains or {"a": "a", "b": "b"}
        arrow = " and back" if config.directions in (None, ["ab", "ba"]) else ""
        source, target = config.default_direction or "ab"
        return f"{domains[source]} to {domains[target]}{arrow} ({family.title})"
    size, name = config.network.get("size"), str(config.data.get("name", "")).removeprefix("hub:")
    return (
        f"{size} px pictures like those of {name} ({family.title})" if name else f"{size} px pictures ({family.title})"
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _run(target: str, hub_id: str | None) -> str:
    fetch = f"git clone https://huggingface.co/spaces/{hub_id}\ncd {hub_id.partition('/')[2]}\n" if hub_id else ""
    run = "python serve.py" if target == "static" else "pip install -r requirements.txt\npython app.py"
    return f"```\n{fetch}{run}\n```"


_RIGHTS = (
    "Everybody may draw, paint and watch. Training, and changing what is here, is for the Space's author, signed in, "
    "and for those whom the variable `GAN_CORE_OWNERS` names. Uploads are limited in size and deleted after a while."
)
