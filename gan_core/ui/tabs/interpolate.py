"""Interpolate: key frames, the way between them, and the film of it. One component; its other half is in assets."""

import gradio as gr

from gan_core.ui import assets
from gan_core.ui.film_folder import film_folder
from gan_core.ui.films import Films
from gan_core.ui.serve import served
from gan_core.ui.services import Services

SCRIPTS = (
    "studio.js",
    "controls.js",
    "pace.js",
    "picker-hub.js",
    "interpolate-keys.js",
    "interpolate-player.js",
    "interpolate-film.js",
    "interpolate.js",
)

SERVED = {
    "open": ("model",),
    "list_models": ("model",),
    "thumbnails": ("model", "keys"),
    "preview": ("model", "walk", "most"),
    "render": ("model", "walk", "fps", "size", "kind"),
    "poll": ("job",),
    "stop": ("job",),
}
"""What the page may ask for, by the method of `Films`, and the parts of such a request."""


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the other tabs.
    films = Films(services, film_folder())
    gr.HTML(
        html_template=assets.text("interpolate.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="interpolate",
        server_functions=[
            *(served(getattr(films, name), parts) for name, parts in SERVED.items()),
            *services.fetching.functions(),
        ],
    )
