"""Work whose result is the same for everybody: done once, whoever asks for it and whoever leaves meanwhile."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock

from gan_core.errors import GanCoreError
from gan_core.ui.jobs import Jobs, Progress, Work
from gan_core.ui.visitors import VISITOR

WINDOW_S = 600.0
BEGINNINGS = 60
"""One visitor's in that while. Whoever tries all models of a Space in the browser needs a few."""
MOST_KEPT = 5000
"""Visitors, and tickets, that are remembered."""
MOST_S = 900.0
"""What takes longer than that hangs, and is ended."""
MANY = "You have asked for many models in the last minutes. Nothing was started. Try again in ten minutes."


class Ration:
    """So many beginnings of each visitor who is counted within a while."""

    def __init__(
        self, most: int = BEGINNINGS, window_s: float = WINDOW_S, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._window_s, self._clock = most, window_s, clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        """When each began, who began last at the end."""
        self._lock = Lock()

    def take(self) -> None:
        """Raises `GanCoreError` where this visitor has had all of it."""
        who = VISITOR.get()
        if who is None:
            return
        with self._lock:
            began = self._seen.setdefault(who, deque())
            self._seen.move_to_end(who)
            while len(self._seen) > MOST_KEPT:
                self._seen.popitem(last=False)
            now = self._clock()
            while began and began[0] < now - self._window_s:
                began.popleft()
            if len(began) >= self._most:
                raise GanCoreError(MANY)
            began.append(now)


class Shared:
    """`Jobs` whose work is told apart by what it makes: who asks for what is being made waits for that.

    On a server that counts visitors nobody ends what was begun: ended again and again, it would never be done, and its
    cost would be that of each beginning. What failed there is not tried again while it is remembered.
    """

    def __init__(self, jobs: Jobs, ration: Ration) -> None:
        self._jobs, self._ration = jobs, ration
        self._made: dict[str, str] = {}
        """The job of each thing that is being made, or was."""
        self._tickets: OrderedDict[str, str | None] = OrderedDict()
        """The job of each who asked; None: they have left."""
        self._lock = Lock()

    def start(self, what: str, work: Work) -> str:
        """As `Jobs.start`. what: names all that the result follows from."""
        self._ration.take()
        counted = VISITOR.get() is not None
        with self._lock:
            job = self._made.get(what)
            if job is None or self._state(job) not in ("waiting", "running", *(("failed",) if counted else ())):
                job = self._made[what] = self._jobs.start(_to_the_end(work) if counted else work)
            ticket = secrets.token_hex(16)
            self._tickets[ticket] = job
            while len(self._tickets) > MOST_KEPT:
                self._tickets.popitem(last=False)
        return ticket

    def poll(self, ticket: object, wait_s: float = 0.0) -> Progress:
        """As `Jobs.poll`; for whoever stopped it the job is over."""
        with self._lock:
            known = isinstance(ticket, str) and ticket in self._tickets
            job = self._tickets[str(ticket)] if known else ""
        if job is None:
            return {"state": "stopped", "elapsed_s": 0.0, "error": None}
        return self._jobs.poll(job, wait_s)

    def stop(self, ticket: object) -> None:
        """Whoever holds the ticket leaves; the work ends where nobody waits for it and no visitor is counted."""
        with self._lock:
            if not isinstance(ticket, str) or (job := self._tickets.get(ticket)) is None:
                return
            self._tickets[ticket] = None
            if VISITOR.get() is None and job not in self._tickets.values():
                with suppress(GanCoreError):  # Forgotten, and so over.
                    self._jobs.stop(job)
                self._made = {key: one for key, one in self._made.items() if one != job}

    def _state(self, job: str) -> str | None:
        """None: it is forgotten."""
        try:
            return str(self._jobs.poll(job)["state"])
        except GanCoreError:
            return None


def _to_the_end(work: Work) -> Work:
    def whole(_: Callable[[], bool]) -> Iterable[Progress]:
        end = time.monotonic() + MOST_S
        return work(lambda: time.monotonic() > end)

    return whole
