"""The one way an event of the page is wired to a handler."""

import inspect
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from gan_core.errors import GanCoreError
from gan_core.ui.services import Services

Handler = Callable[..., tuple[Any, ...]]


def wire(
    triggers: Sequence[Any],
    handler: Handler,
    services: Services,
    *,
    inputs: Sequence[Component] = (),
    outputs: Sequence[Component] = (),
    message: gr.HTML,
    api_name: str | None = None,
    live: bool = True,
    progress_on: Component | None = None,
) -> Any:
    """Call `handler(services, *inputs)` on the triggers; its tuple goes to `outputs`, its complaint to `message`.

    api_name: makes the event public under this name; without it the event is the page's own business.
    live: not queued, and while a call is under way only the newest waits; else one call at a time, with a sign of
    progress on `progress_on`.
    """
    waiting: dict[str, Any] = {"queue": True, "show_progress": "minimal" if progress_on else "hidden"}
    if live:
        # Events of controls drop all but the first while one is under way by default: the last position would be lost.
        waiting = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
    return gr.on(
        list(triggers),
        _guarded(handler, services, len(inputs), len(outputs)),
        inputs=list(inputs),
        outputs=[*outputs, message],
        api_name=api_name,
        api_visibility="public" if api_name else "private",
        show_progress_on=progress_on,
        **waiting,
    )


def _guarded(handler: Handler, services: Services, inputs: int, outputs: int) -> Callable[..., Any]:
    """The handler as Gradio calls it: bound to the services, its `GanCoreError` shown instead of raised."""

    def call(*arguments: Any) -> tuple[Any, ...]:
        *values, request = arguments
        try:
            return (*handler(services, *values), "")
        except GanCoreError as error:
            if request is not None and request.headers.get("x-gradio-user") != "app":
                raise gr.Error(str(error), print_exception=False) from None  # A program wants an exception.
            return (*(gr.skip() for _ in range(outputs)), notice(in_page_words(str(error))))

    # Gradio reads names for its documentation, and where to put the request, from the signature.
    names = _names(handler, inputs)
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    parameters.append(inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request))
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {"request": gr.Request}
    call.__name__ = handler.__name__
    call.__doc__ = handler.__doc__
    return call


def _names(handler: Handler, count: int) -> list[str]:
    """Names of the handler's arguments after the services; those of `*offsets` are offsets_1, offsets_2, ..."""
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    names = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
    rest = [parameter.name for parameter in parameters if parameter.kind is parameter.VAR_POSITIONAL]
    names += [f"{rest[0]}_{number}" for number in range(1, count - len(names) + 1)] if rest else []
    assert len(names) == count, f"{handler.__name__} takes {len(names)} values and is given {count}"
    return names


def notice(text: str) -> str:
    """A sentence where the eye is, read aloud by screen readers."""
    return f'<p class="gs-notice" role="alert">{escape(text)}</p>'


def in_page_words(text: str) -> str:
    """A sentence of the command line without its dashes: `--load-size is 5` becomes `Load size is 5`."""
    plain = re.sub(r"--([a-z][a-z-]*)", lambda flag: flag[1].replace("-", " "), text)
    return plain[:1].upper() + plain[1:] if text.startswith("--") else plain  # A file keeps its name.


def message_line(elem_id: str) -> gr.HTML:
    """Room for one sentence, kept free so that nothing moves when it appears."""
    return gr.HTML("", elem_id=elem_id, elem_classes="gs-message", js_on_load=None)


def caption(text: str) -> gr.HTML:
    """A label for something that has none of its own."""
    return gr.HTML(f'<p class="gs-label">{escape(text)}</p>', js_on_load=None)


def open_choice(component: Any) -> Any:
    """A choice that a program may make too: its choices are filled in by the page, which a program never opens.

    What is sent reaches the handler as it is; the services refuse what is not there, in words of their own.
    """
    component.preprocess = lambda payload: payload
    return component
