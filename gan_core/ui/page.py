"""The page: its frame and the tabs in it."""

import gradio as gr

from gan_core.ui import api, assets, rights
from gan_core.ui.services import Services
from gan_core.ui.tabs import explore, hub, interpolate, models, style_transfer, training

TABS = {
    "Explore": explore,
    "Interpolate": interpolate,
    "Style transfer": style_transfer,
    "Training": training,
    "Models": models,
    "Hub": hub,
}
TITLE = "GAN Studio"
SWEEP_S, KEEP_S = 3600, 86400  # Temporary pictures older than a day go.


def build_app(services: Services) -> gr.Blocks:
    """The application, ready for `launch`."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEEP_S, KEEP_S), fill_width=True) as page:
        _head()
        with gr.Tabs():
            for name, module in TABS.items():
                with gr.Tab(name, id=name.lower().replace(" ", "-")) as tab:
                    module.build(services, page, tab)
        api.build(services, page)
    for event in page.fns.values():  # The button's, which is no business of programs, is made when the page is done.
        if event.name == "_check_login_status":
            event.api_visibility = "private"
    return page


def _head() -> None:
    """The title, and on a Space whose owner can sign in, where to do that."""
    title, script = f"<h1>{TITLE}</h1>", assets.script("tabs.js")
    if not rights.can_sign_in():
        gr.HTML(title, elem_id="title", js_on_load=script)
        return
    with gr.Row(elem_id="head"):
        gr.HTML(title, elem_id="title", js_on_load=script)
        gr.LoginButton("Sign in", "Sign out {}", icon=None, variant="secondary", size="sm", elem_id="sign-in")
