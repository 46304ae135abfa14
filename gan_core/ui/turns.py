"""Painting in turn: one photograph at a time, in the order of asking, and everybody is told their place."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Condition, Thread
from typing import TypeVar

from gan_core.errors import Cancelled
from gan_core.ui.aside import step_back
from gan_core.ui.jobs import Progress

T = TypeVar("T")
Report = Callable[[float], None]
LOOK_S = 0.2


class Turns:
    def __init__(self) -> None:
        self._line: list[object] = []
        self._moved = Condition()

    def run(self, work: Callable[[Report], T], should_stop: Callable[[], bool]) -> Generator[Progress, None, T]:
        """Do `work(report)` when its turn comes. Tells {"place": how many are before it}, then {"share", "left_s"}.

        A generator that returns what the work gave back: `result = yield from turns.run(...)`. work calls report(share
        done); where should_stop() has become true, report raises `Cancelled`, and so does this.
        """
        ticket = object()
        with self._moved:
            self._line.append(ticket)
        try:
            while place := self._place(ticket):
                if should_stop():
                    raise Cancelled("Cancelled. Nothing was kept.")
                yield {"place": place}
                with self._moved:
                    self._moved.wait_for(lambda: self._line[0] is ticket, LOOK_S)
            result: T = yield from _watched(work, should_stop)
            return result
        finally:
            with self._moved:
                self._line.remove(ticket)
                self._moved.notify_all()

    def finish(self, work: Callable[[Report], T]) -> T:
        """The same for whoever waits without being told."""
        waiting = self.run(work, lambda: False)
        while True:
            try:
                next(waiting)
            except StopIteration as end:
                result: T = end.value
                return result

    def _place(self, ticket: object) -> int:
        with self._moved:
            return self._line.index(ticket)


def _watched(work: Callable[[Report], T], should_stop: Callable[[], bool]) -> Generator[Progress, None, T]:
    began_at, share = time.monotonic(), 0.0

    def report(done: float) -> None:
        nonlocal share
        share = max(share, min(float(done), 1.0))
        if should_stop():
            raise Cancelled("Cancelled. Nothing was kept.")

    outcome: Future[T] = Future()
    # Of its own and not waited for when the server ends: whoever presses Ctrl+C does not wait for a photograph.
    # With the context of who asks: a card that is lent is charged to them.
    run = copy_context().run
    Thread(target=run, args=(_fulfil, outcome, work, report), daemon=True, name="painting").start()
    while not wait([outcome], LOOK_S).done:
        elapsed_s = time.monotonic() - began_at
        left_s = elapsed_s * (1 - share) / share if share > 0.01 and elapsed_s > 1 else None
        yield {"share": share, "left_s": left_s}
    if should_stop():  # Too late for the work, and still: a cancel keeps nothing.
        raise Cancelled("Cancelled. Nothing was kept.")
    return outcome.result()


def _fulfil(outcome: "Future[T]", work: Callable[[Report], T], report: Report) -> None:
    step_back()
    try:
        outcome.set_result(work(report))
    except BaseException as error:
        outcome.set_exception(error)
