"""Models: what is here, what is known of it, and what is brought and taken away. One component; see assets/shelf.js."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from gan_core.ui import assets
from gan_core.ui.film_folder import film_folder
from gan_core.ui.intake import MAX_FILES, Intake
from gan_core.ui.packing import Packer
from gan_core.ui.passing import MODEL_OPENERS, pass_on
from gan_core.ui.rights import READ_ONLY, guarded, may_change
from gan_core.ui.serve import Answer, served
from gan_core.ui.services import Services
from gan_core.ui.shelf import Shelf

SCRIPTS = ("studio.js", "controls.js", "shelf-card.js", "shelf-work.js", "shelf-row.js", "shelf-bring.js", "shelf.js")

LOOKS = {"thumbnail": ("model",), "look": ("model",)}
"""What the page may ask for, by the method of `Shelf`, and the parts of such a request."""
CHANGES = {"rename": ("model", "name"), "delete": ("model",), "restore": ("id",), "discard": ("id",)}
"""The same, for those who may change what is here."""
PACKS = {"pack": ("model", "kind"), "pack_poll": ("job",), "pack_stop": ("job",)}
"""The same of `Packer`."""
BRINGS = {
    "bring": ("paths",),
    "bring_add": ("token", "name", "direction", "domains"),
    "bring_poll": ("job",),
    "bring_stop": ("job", "token"),
}
"""The same of `Intake`, for those who may change what is here."""


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the other tabs.
    shelf = Shelf(services)
    packer, intake = Packer(shelf, film_folder()), Intake(services, Path(get_upload_folder()))

    def list_models(sent: Any, request: gr.Request) -> Answer:
        """The list, and whether whoever asks may change it."""
        may = may_change(request)
        limits = {"max_mb": services.settings.max_upload_mb, "max_files": MAX_FILES}
        return {**served(shelf.list_models, ())(sent), "may": may, "why": None if may else READ_ONLY, **limits}

    component = gr.HTML(
        html_template=assets.text("shelf.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="shelf",
        server_functions=[
            list_models,
            *(served(getattr(shelf, name), parts) for name, parts in LOOKS.items()),
            *(served(getattr(packer, name), parts) for name, parts in PACKS.items()),
            *(guarded(served(getattr(shelf, name), parts)) for name, parts in CHANGES.items()),
            *(guarded(served(getattr(intake, name), parts)) for name, parts in BRINGS.items()),
        ],
    )
    for event, place in MODEL_OPENERS.items():
        pass_on(component, event, page, place)
