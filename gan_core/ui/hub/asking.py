"""Server functions of the Hub tab: they know the visitor's token, and what asks the Hub is a job.

The Hub may take a minute to answer or never do: no event of the page waits for it.
"""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr

from gan_core.errors import GanCoreError
from gan_core.ui.hub.tokens import reading_token, token_of
from gan_core.ui.jobs import Jobs, Progress
from gan_core.ui.rights import NOT_YOURS, may_change, on_space
from gan_core.ui.serve import Answer
from gan_core.ui.words import in_page_words

ServerFunction = Callable[[Any, gr.Request], Answer]
Looks = Callable[..., Iterator[Answer]]
"""looks(token=..., **parts) yields what there is to tell so far; the last is the answer."""


def guarded_now(work: Callable[..., Answer], parts: Mapping[str, type]) -> ServerFunction:
    """A change, answered at once, for those alone who may change what is here."""

    def call(sent: Any, request: gr.Request) -> Answer:
        if not may_change(request):
            return {"ok": False, "error": NOT_YOURS, "reason": "rights"}
        try:
            return {"ok": True, **work(token=token_of(request), **taken(sent, parts))}
        except Exception as error:  # Whoever looks at the page must be told, whatever it was.
            return failed(error)

    call.__name__ = work.__name__
    return call


def begun(jobs: Jobs, work: Looks, parts: Mapping[str, type], *, public: bool = False) -> ServerFunction:
    """Something that asks the Hub, as a job: the answer holds its id, to ask after with `hub_poll`.

    public: for strangers on a Space too, who see there what anybody sees.
    """

    def call(sent: Any, request: gr.Request) -> Answer:
        if not public and not may_change(request):
            return {"ok": False, "error": NOT_YOURS, "reason": "rights"}
        try:
            token = reading_token(request) if public else token_of(request)
            given = taken(sent, parts)

            def steps(should_stop: Callable[[], bool]) -> Iterator[Progress]:
                try:
                    for answer in work(token=token, **given):
                        yield {"answer": {"ok": True, **answer}}
                        if should_stop():
                            return
                except Exception as error:  # As above.
                    yield {"answer": failed(error)}

            return {"ok": True, "job": jobs.start(steps)}
        except Exception as error:
            return failed(error)

    call.__name__ = work.__name__
    return call


def taken(sent: Any, parts: Mapping[str, type]) -> dict[str, Any]:
    """The named parts of what the page sent, each of its type; None for one that is missing or of another."""
    given = sent if isinstance(sent, dict) else {}
    return {name: given.get(name) if isinstance(given.get(name), kind) else None for name, kind in parts.items()}


def failed(error: Exception) -> Answer:
    """What went wrong, with `reason` for the page: it knows where to say it and what to offer."""
    if isinstance(error, GanCoreError):
        return {"ok": False, "error": in_words(str(error)), "reason": getattr(error, "reason", "")}
    traceback.print_exception(error)
    return {"ok": False, "error": f"That went wrong ({type(error).__name__}). Nothing was changed.", "reason": "bug"}


def in_words(text: str) -> str:
    """A sentence of the package for the page: what to do is a button here, and no command line."""
    text = re.sub(r"(Nothing was overwritten\.).*", r"\1 Compare both, and keep one side.", text)
    if on_space():
        text = text.replace("Log in (hf auth login), or set HF_TOKEN.", "Sign in at the top of the page.")
        text = text.replace("Log in again (hf auth login).", "Sign out and in again at the top of the page.")
    return in_page_words(text)
