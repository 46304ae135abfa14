"""Long work for visitors: one event of the page starts it, others ask after it; nobody asking any more stops it."""

import secrets
import time
import traceback
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from gan_core.errors import GanCoreError
from gan_core.ui.aside import step_back
from gan_core.ui.visitors import VISITOR

Progress = dict[str, Any]
Work = Callable[[Callable[[], bool]], Iterable[Progress]]
"""work(should_stop) yields what there is to tell so far; it ends soon after should_stop() has become true."""

BUSY = "This server is busy: too much is under way. Nothing was started. Try again in a minute."
EACH = 3
"""Of one visitor's, on a server that counts them."""
ABANDONED_S = 20.0  # A page that is open asks several times a second, and once a second or so from the background.
KEPT_S = 600.0  # A finished job can be asked after for so long.
OVER = ("done", "stopped", "failed")
POLL_S = 0.25
"""So long an answer to a page waits for news; see `Jobs.poll`."""


@dataclass
class _Job:
    asked_at: float
    visitor: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    state: str = "waiting"
    progress: Progress = field(default_factory=dict)
    error: str | None = None
    stopping: bool = False


class Jobs:
    """At most `at_once` jobs run; up to `waiting` more wait for their turn."""

    def __init__(self, *, at_once: int = 2, waiting: int = 16, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._waiting, self._clock = at_once, waiting, clock
        self._jobs: dict[str, _Job] = {}
        self._turn = Condition()
        """Guards `_jobs` and everything in them; told when a job ends."""

    def start(self, work: Work) -> str:
        """Begin `work` in a thread of its own, or put it in the queue. Returns an id that cannot be guessed.

        Raises `GanCoreError` where too many are waiting, or too many of this visitor's are under way.
        """
        who = VISITOR.get()
        with self._turn:
            self._forget()
            if sum(job.state == "waiting" for job in self._jobs.values()) >= self._waiting:
                raise GanCoreError(BUSY)
            if who and sum(job.visitor == who and job.state not in OVER for job in self._jobs.values()) >= EACH:
                raise GanCoreError(
                    f"This server is busy: {EACH} of yours are under way. Nothing was started. Wait for one to end."
                )
            job_id = secrets.token_hex(16)
            job = self._jobs[job_id] = _Job(asked_at=self._clock(), visitor=who)
        run = copy_context().run  # Who asks is known in the work, too.
        try:
            Thread(target=run, args=(self._run, job, work), daemon=True, name=f"job-{job_id[:6]}").start()
        except RuntimeError:  # No thread is left; a job without one would keep all others waiting for ever.
            with self._turn:
                del self._jobs[job_id]
            raise GanCoreError(BUSY) from None
        return job_id

    def poll(self, job_id: object, wait_s: float = 0.0) -> Progress:
        """What the work has told last, with `state` (waiting, running, done, stopped, failed), `elapsed_s`, `error`.

        wait_s: answers so much later where the work is under way. The page then asks again at once instead of by a
        clock: browsers slow down the clocks of pages in the background.
        Raises `GanCoreError` for an id that is not known (any more).
        """
        told = self._told(job_id)
        if not wait_s or told["state"] in OVER:
            return told
        time.sleep(wait_s)
        return self._told(job_id)

    def _told(self, job_id: object) -> Progress:
        with self._turn:
            job = self._find(job_id)
            job.asked_at = self._clock()
            end = job.ended_at if job.ended_at is not None else self._clock()
            elapsed_s = 0.0 if job.started_at is None else end - job.started_at
            return {**job.progress, "state": job.state, "elapsed_s": elapsed_s, "error": job.error}

    def stop(self, job_id: object) -> None:
        """Ask the work to end; its state becomes stopped when it has. Stopping what is over changes nothing."""
        with self._turn:
            self._find(job_id).stopping = True
            self._turn.notify_all()

    def _find(self, job_id: object) -> _Job:
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            raise GanCoreError("This work is over, and its result is not kept any more. Start it again.")
        return job

    def _forget(self) -> None:
        end = self._clock() - KEPT_S
        self._jobs = {key: job for key, job in self._jobs.items() if job.ended_at is None or job.ended_at > end}

    def _should_stop(self, job: _Job) -> bool:
        return job.stopping or self._clock() - job.asked_at > ABANDONED_S

    def _run(self, job: _Job, work: Work) -> None:
        step_back()
        state, error = "stopped", None
        try:
            if self._await_turn(job):
                for progress in work(lambda: self._should_stop(job)):
                    with self._turn:
                        job.progress = progress
                state = "stopped" if self._should_stop(job) else "done"
        except GanCoreError as problem:
            state, error = "failed", str(problem)
        except Exception as problem:  # A page that waits must be told, whatever it was.
            traceback.print_exc()
            state, error = "failed", f"The work broke off: {type(problem).__name__}. The server's log has the details."
        finally:
            with self._turn:
                job.state, job.error, job.ended_at = state, error, self._clock()
                self._turn.notify_all()

    def _await_turn(self, job: _Job) -> bool:
        """Wait until fewer than `at_once` are running; False where the job was stopped before."""
        with self._turn:
            while not self._should_stop(job):
                first = next(other for other in self._jobs.values() if other.state == "waiting")
                if job is first and sum(other.state == "running" for other in self._jobs.values()) < self._at_once:
                    job.state, job.started_at = "running", self._clock()
                    self._turn.notify_all()
                    return True
                self._turn.wait(0.5)  # Not for ever: being abandoned tells nobody.
            return False
