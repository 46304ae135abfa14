"""What one tab's component hands to another's, in the page alone: nothing of it comes by the server."""

import gradio as gr

MODEL_OPENERS = {"open_explore": "explore", "open_paint": "paint"}
"""Events of a component that opens models elsewhere, and the component that is told which."""


def pass_on(component: gr.HTML, event: str, page: gr.Blocks, place: str) -> None:
    """On `event` the component's value becomes that of the component called `place`, if the page has one."""
    target = next((block for block in page.blocks.values() if getattr(block, "elem_id", None) == place), None)
    if target is not None:
        getattr(component, event)(
            None,
            component,
            target,
            js="(sent) => sent",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
