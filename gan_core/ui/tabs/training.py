"""Training: runs are started, watched, explained and gone back in. One component; see assets/lab.js."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from gan_core.ui import assets
from gan_core.ui.lab import bench, curves, form, keeping, runs, travel
from gan_core.ui.passing import MODEL_OPENERS, pass_on
from gan_core.ui.rights import READ_ONLY, guarded, may_change
from gan_core.ui.serve import Answer, served
from gan_core.ui.services import Services

SCRIPTS = (
    "studio.js",
    "controls.js",
    "lab-chart-names.js",
    "lab-chart-data.js",
    "lab-chart-feed.js",
    "lab-chart-draw.js",
    "lab-chart-scene.js",
    "lab-chart-input.js",
    "lab-chart-panel.js",
    "lab-chart-tools.js",
    "lab-chart.js",
    "lab-travel-sheets.js",
    "lab-travel-frame.js",
    "lab-travel-film.js",
    "lab-travel-seed.js",
    "lab-travel-keep.js",
    "lab-travel.js",
    "lab-form-options.js",
    "lab-form-data.js",
    "lab-form-look.js",
    "lab-push.js",
    "lab-bring.js",
    "lab-form-parts.js",
    "lab-form.js",
    "lab-bench-parts.js",
    "lab-bench-draw.js",
    "lab-bench.js",
    "lab-runs.js",
    "lab-look.js",
    "lab-control.js",
    "lab.js",
)
COMMANDS = ("command", "resume_command")


def parts(services: Services) -> list[tuple[Any, Any]]:
    """What the page is made of: each part's module, and its object for these services."""
    return [
        (runs, runs.Runs(services)),
        (curves, curves.RunCurves(services)),
        (travel, travel.Travel(services)),
        (keeping, keeping.Keeping(services)),
        (form, form.Form(services)),
        (bench, bench.Bench(services)),
    ]


def discreet(call: Callable[[Any], Answer]) -> Callable[[Any, gr.Request], Answer]:
    """A server function that tells strangers no command lines: those name folders of the server."""

    def told(sent: Any, request: gr.Request) -> Answer:
        answer = call(sent)
        return answer if may_change(request) else _without_commands(answer)

    told.__name__ = call.__name__
    return told


def _without_commands(answer: Answer) -> Answer:
    answer = {name: None if name in COMMANDS else value for name, value in answer.items()}
    inner = {name: _without_commands(answer[name]) for name in ("look", "run") if isinstance(answer.get(name), dict)}
    return answer | inner


def build(services: Services, page: gr.Blocks, tab: gr.Tab) -> None:  # noqa: ARG001 - as the other tabs.
    made = parts(services)

    def rights(sent: Any, request: gr.Request) -> Answer:  # noqa: ARG001 - as every server function.
        """Whether whoever asks may train, and why not."""
        may = may_change(request)
        return {"ok": True, "may": may, "why": None if may else READ_ONLY}

    component = gr.HTML(
        html_template=assets.text("lab.html"),
        js_on_load=assets.script(*SCRIPTS),
        apply_default_css=False,
        elem_id="lab",
        server_functions=[
            rights,
            *(
                discreet(served(getattr(one, name), asked))
                for module, one in made
                for name, asked in module.LOOKS.items()
            ),
            *(
                guarded(served(getattr(one, name), asked))
                for module, one in made
                for name, asked in module.CHANGES.items()
            ),
        ],
    )
    for event, place in MODEL_OPENERS.items():
        pass_on(component, event, page, place)
