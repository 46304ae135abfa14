"""Questions to the Hub that change nothing: nobody waits for their answers longer than they want to.

Each is asked in a thread of its own. One that is given up ends by itself, unheard.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

from gan_core.hub.client import Progress

T = TypeVar("T")
LOOK_S = 0.2
"""Between two looks whether a question is to be given up."""


def asked_within(question: Callable[[], T], limit_s: float) -> T:
    """The answer, or what the question raises; `TimeoutError` where that takes longer."""
    return _asked(question).result(limit_s)


def asked_until_cancelled(question: Callable[[], T], progress: Progress) -> T:
    """The answer, or what the question raises. progress: raises after a cancel, which does not wait for the answer."""
    answer = _asked(question)
    while True:
        over = wait([answer], LOOK_S).done
        progress(0, 0)
        if over:
            return answer.result()


def _asked(question: Callable[[], T]) -> Future[T]:
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True, name="hub-asked").start()
    return answer
