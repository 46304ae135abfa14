"""Explore: a picture, and everything that moves it. One component; its other half is assets/explore.js."""

import gradio as gr

from gan_core.ui import assets
from gan_core.ui.explorer import Explorer
from gan_core.ui.finder import Finder
from gan_core.ui.local_models import LocalModels
from gan_core.ui.rights import guarded
from gan_core.ui.serve import served
from gan_core.ui.services import Services

SCRIPTS = (
    "studio.js",
    "controls.js",
    "pace.js",
    "picker-hub.js",
    "explore-plane.js",
    "explore-history.js",
    "explore-sliders.js",
    "explore-neighbours.js",
    "explore-find.js",
    "explore.js",
    "explore-wiring.js",
    "explore-local.js",
)


SERVED = {
    "open": ("model", "recipe", "start", "lenient"),
    "list_models": ("model",),
    "draw": ("recipe", "live"),
    "neighbours": ("recipe", "radius"),
    "list_directions": ("model",),
    "download": ("recipe",),
    "read_recipe": ("name", "content"),
}
"""What the page may ask for, by the method of `Explorer`, and the parts of such a request."""
SAVES = {"save_directions": ("model", "directions")}
"""The same, for those who may change what is here."""
SEARCHES = {"find_start": ("model", "name", "content", "label"), "find_poll": ("job",), "find_stop": ("job",)}
"""The same of `Finder`."""
IN_BROWSER = {"local_start": ("model",), "local_poll": ("job",), "local_stop": ("job",)}
"""The same of `LocalModels`."""


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the other tabs.
    explorer, finder, local = Explorer(services), Finder(services), LocalModels(services)
    local.serve()
    gr.HTML(
        html_template=assets.text("explore.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="explore",
        server_functions=[
            *(served(getattr(explorer, name), parts) for name, parts in SERVED.items()),
            *(guarded(served(getattr(explorer, name), parts)) for name, parts in SAVES.items()),
            *(served(getattr(finder, name), parts) for name, parts in SEARCHES.items()),
            *(served(getattr(local, name), parts) for name, parts in IN_BROWSER.items()),
            *services.fetching.functions(),
        ],
    )
