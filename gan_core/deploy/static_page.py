"""The frame of the static target's page: index.html, its style sheet, the components' scripts, example photographs."""

import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from gan_core import __version__
from gan_core.atomic import write_bytes
from gan_core.scenes import EXAMPLES
from gan_core.settings import BESIDE

ASSETS = BESIDE / "assets"

SCRIPTS = {
    "explore": (
        "studio.js",
        "controls.js",
        "explore-plane.js",
        "explore-history.js",
        "explore-sliders.js",
        "explore-neighbours.js",
        "explore-find.js",
        "explore.js",
        "explore-wiring.js",
    ),
    "interpolate": (
        "studio.js",
        "controls.js",
        "interpolate-keys.js",
        "interpolate-player.js",
        "interpolate-film.js",
        "interpolate.js",
    ),
    "paint": (
        "studio.js",
        "controls.js",
        "paint-frame.js",
        "paint-source.js",
        "paint-more.js",
        "paint-many.js",
        "paint.js",
        "paint-wiring.js",
    ),
}
"""The scripts of each component, which share their names: those of the full app's tabs, which a test holds."""
TITLES = {"explore": "Explore", "interpolate": "Interpolate", "paint": "Style transfer"}
STYLES = ("style.css", "static/page.css", "studio.css", "explore.css", "interpolate.css", "paint.css")
HUB = "https://huggingface.co/"
HEAVY = ("directions", "vectors", "network")
"""Parts of a generator's model.json that the page fetches when they are used."""


def write_page(
    out: Path,
    *,
    title: str,
    models: Sequence[Mapping[str, Any]],
    hub_id: str | None = None,
    origins: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> None:
    """Write the page's own files into a bundle's folder; its other scripts, models and the engine are others' to write.

    models: what stands in each model.json, in the picker's order. hub_id: the Space's user/name, for the links below.
    origins: addresses besides the page's own that it may fetch the engine from.
    """
    kinds = {model["kind"] for model in models}
    names = ["explore", "interpolate"] if "generator" in kinds else []
    names += ["paint"] if "translator" in kinds else []
    for name in names:
        write_bytes(out / "components" / f"{name}.js", _component(name).encode())
    write_bytes(out / "page.css", "\n".join(_text(name) for name in STYLES).encode())
    facts = {
        "title": title,
        "version": __version__,
        "models": [_light(model) for model in models],
        "examples": write_examples(out) if "paint" in names else [],
    }
    fill = {
        "title": html.escape(title),
        "origins": " ".join(html.escape(one) for one in origins),
        "facts": _in_page(facts),
        "tabs": "".join(_tab(name, first=name == names[0]) for name in names),
        "panels": "\n".join(_panel(name, models, first=name == names[0]) for name in names),
        "links": _links(models, hub_id),
    }
    write_bytes(out / "index.html", filled(_text("static/index.html"), fill).encode())
    if tell is not None:
        tell(f"The page: {', '.join(TITLES[name] for name in names)}")


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with {{name}} replaced; what is put in is not looked through again."""
    first, *rest = template.split("{{")
    parts = [first]
    for piece in rest:
        name, _, text = piece.partition("}}")
        parts += [values[name], text]
    return "".join(parts)


def write_examples(out: Path) -> list[dict[str, Any]]:
    """The drawn photographs as WebP; told are key, title, file and size of each."""
    told = []
    for key, example in EXAMPLES.items():
        picture, buffer = example.draw(), io.BytesIO()
        picture.save(buffer, "WEBP", quality=92, method=6)
        file = f"examples/{key}.webp"
        write_bytes(out / file, buffer.getvalue())
        told.append(
            {"key": key, "title": example.title, "file": file, "width": picture.width, "height": picture.height}
        )
    return told


def _text(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _component(name: str) -> str:
    """The scripts as one module: Gradio makes one function's body of them, and so does this."""
    body = "\n".join(_text(script) for script in SCRIPTS[name])
    return (
        f"// {TITLES[name]}: {', '.join(SCRIPTS[name])} of GAN Studio {__version__}, one after another.\n\n"
        f"export function mount(element, server, props, trigger, watch, upload) {{\n{body}\n}}\n"
    )


def _light(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if model["kind"] == "translator" or key not in HEAVY}


def _in_page(facts: Mapping[str, Any]) -> str:
    """JSON inside of a script element, which only "</script" or "<!--" could leave."""
    return json.dumps(facts, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _tab(name: str, *, first: bool) -> str:
    return (
        f'<button type="button" role="tab" id="tab-{name}" data-name="{name}" aria-controls="{name}" '
        f'aria-selected="{str(first).lower()}" tabindex="{0 if first else -1}">{TITLES[name]}</button>'
    )


def _panel(name: str, models: Sequence[Mapping[str, Any]], *, first: bool) -> str:
    body = _text(f"{name}.html")
    if name == "explore":  # Something to see before a script has run.
        model = next(model for model in models if model["kind"] == "generator")
        if (known := model.get("first")) and isinstance(known.get("file"), str):
            hard = " gs-hard" if known["width"] <= 128 else ""
            source = html.escape(f"models/{model['name']}/{known['file']}")
            picture = f'<img class="gs-picture{hard}" src="{source}" alt="A picture by {html.escape(model["name"])}" />'
            body = body.replace("></figure>", f">{picture}</figure>", 1)
    hidden = "" if first else " hidden"
    return f'<div id="{name}" role="tabpanel" aria-labelledby="tab-{name}"{hidden}>\n{body}</div>'


def _links(models: Sequence[Mapping[str, Any]], hub_id: str | None) -> str:
    found = [(f"{one['name']} on the Hub", HUB + one["hub"]) for one in models if one.get("hub")]
    found += [("This Space's files", f"{HUB}spaces/{hub_id}/tree/main") if hub_id else ("", None)]
    found += [("GAN Studio", _project())]
    links = [f'<a href="{html.escape(to)}" rel="noopener">{html.escape(text)}</a>' for text, to in found if to]
    return f"<span>GAN Studio {__version__}</span>{''.join(links)}"


def _project() -> str | None:
    """The project's address, where its package names one."""
    try:
        addresses = metadata("gan-core").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    return next((one.partition(",")[2].strip() for one in addresses), None)
