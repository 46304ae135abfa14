"""Style transfer: a photograph and what a translator makes of it. One component; its other half is assets/paint.js."""

from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from gan_core.ui import assets
from gan_core.ui.film_folder import film_folder
from gan_core.ui.painter import Painter
from gan_core.ui.passing import pass_on
from gan_core.ui.photo_folder import photo_folder
from gan_core.ui.serve import served
from gan_core.ui.services import Services

SCRIPTS = (
    "studio.js",
    "controls.js",
    "pace.js",
    "picker-hub.js",
    "paint-frame.js",
    "paint-source.js",
    "paint-more.js",
    "paint-many.js",
    "paint.js",
    "paint-wiring.js",
)

SERVED = {
    "open": ("model", "photo"),
    "list_models": ("model",),
    "choose": ("model",),
    "take": ("path", "name"),
    "preview": ("model", "direction", "photo", "brush", "side"),
    "round_trip": ("model", "direction", "photo"),
    "paint": ("model", "direction", "photo", "brush"),
    "paint_many": ("model", "direction", "photos", "look", "brush"),
    "poll": ("job",),
    "stop": ("job",),
    "show": ("painting", "side"),
    "download": ("painting", "look"),
    "check": ("path", "name"),
}
"""What the page may ask for, by the method of `Painter`, and the parts of such a request."""


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the other tabs.
    painter = Painter(services, photo_folder(), film_folder(), Path(get_upload_folder()))
    component = gr.HTML(
        html_template=assets.text("paint.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="paint",
        server_functions=[
            *(served(getattr(painter, name), parts) for name, parts in SERVED.items()),
            *services.fetching.functions(),
        ],
    )
    pass_on(component, "select", page, "explore")  # A recipe that the checker found is opened there.
