"""Models of the Hub for the pickers: fetched as a job that tells its bytes and can be given up.

Only whoever may change what is here fetches: on a public Space a stranger could fill its disk. Copies that are here
open for everybody, so a Space fetches what is public on the Hub and nothing else.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any

import gradio as gr

from gan_core.errors import Cancelled
from gan_core.hub.client import Address
from gan_core.hub.copies import Copy, cached, told_of
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.rights import NOT_YOURS, may_change, on_space
from gan_core.ui.serve import Answer, served

LOOK_S = 0.2
PATIENCE_S = 8.0
"""A copy that is here serves when the Hub has not said a word for so long."""


class Fetching:
    def __init__(self) -> None:
        self._jobs = Jobs(at_once=2, waiting=8)

    def start(self, name: object, kind: object, may: bool) -> Answer:
        """Begin to fetch user/name@revision; tells the job's id, or the value where it is here and that must do.

        kind: "generator" or "translator"; one of the other kind is refused. Raises `GanCoreError`.
        """
        address = Address.parse(str(name))
        if not may:
            here = cached(address)
            return {"value": _value(here)} if here else {"ok": False, "error": NOT_YOURS}
        return {"job": self._jobs.start(_fetched(address, "translator" if kind == "translator" else "generator"))}

    def poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told: `done` and `total` bytes; at the end `value`, and a `note` if the Hub was silent."""
        return self._jobs.poll(job, wait_s)

    def stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}

    def functions(self) -> tuple[Callable[..., Answer], ...]:
        """The server functions of a component with a picker."""

        def fetch_model(sent: Any, request: gr.Request) -> Answer:
            may = may_change(request)
            return served(lambda name, kind: self.start(name, kind, may), ("name", "kind"))(sent)

        poll, stop = served(self.poll, ("job",)), served(self.stop, ("job",))
        poll.__name__, stop.__name__ = "fetch_poll", "fetch_stop"
        return fetch_model, poll, stop


def _fetched(address: Address, kind: Any) -> Work:
    def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
        from gan_core.fetched import fetch

        now: Progress = {"done": 0, "total": None}

        def report(done: int, total: int) -> None:
            nonlocal now
            if should_stop():
                raise Cancelled("Cancelled. Nothing was opened.")
            now = {"done": done, "total": total}

        def whole() -> None:
            try:
                token = False if on_space() else None
                outcome.set_result(fetch(address, kind=kind, token=token, progress=report))
            except BaseException as error:
                outcome.set_exception(error)

        outcome: Future[Copy] = Future()
        began_at = time.monotonic()
        # Not waited for when it is given up: a Hub that does not answer would keep the visitor.
        Thread(target=whole, daemon=True, name="fetching").start()
        while not wait([outcome], LOOK_S).done:
            if should_stop():
                return
            if now["total"] is None and time.monotonic() - began_at > PATIENCE_S and (here := cached(address)):
                yield {**now, "value": _value(here), "note": told_of(here)}
                return
            yield now
        try:
            copy = outcome.result()
        except Cancelled:
            return
        yield {**now, "value": _value(copy), "note": copy.note}

    return work


def _value(copy: Copy) -> str:
    return f"hub:{copy.address}"
