"""Step by step: half steps of a training on copies of its networks, for whoever wants to see what one of them does.

Everybody who watches may do that: nothing of it is written anywhere. The copies of a visitor stand in memory, as few
and as briefly as can be; one step is computed at a time.
"""

import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock, Timer
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from gan_core.errors import ConfigError, GanCoreError
from gan_core.training.run_folder import IMPORTED, RunFolder
from gan_core.ui.lab.bench_answer import answer
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services

if TYPE_CHECKING:
    from gan_core.training.stepping import Bench as Networks
    from gan_core.training.stepping import Stepped

LOOKS: dict[str, tuple[str, ...]] = {
    "bench_open": ("run", "step"),
    "bench_step": ("session", "kind", "count", "new_batch"),
    "bench_undo": ("session",),
    "bench_reset": ("session",),
    "bench_stop": ("session",),
}
CHANGES: dict[str, tuple[str, ...]] = {}

KINDS = ("d", "g", "both")
SESSIONS = 4
IDLE_S = 600.0
WAITING = 8
"""Visitors whose step waits for another's."""
TAKES_S = 30.0
"""No request goes on for longer: what was done by then is shown."""
LARGEST_BYTES = 2e9
ALL_BYTES = 3e9
GONE = (
    "These networks are not kept any more: the bench holds those of the last {count} visitors, for {minutes} minutes. "
    "Your steps are gone, the run is as it was. Begin again."
)
T = TypeVar("T")


@dataclass
class _Session:
    networks: "Networks"
    run: RunFolder | None
    used_at: float
    stop: Event = field(default_factory=Event)

    def size_bytes(self) -> int:
        from gan_core.training.opening import COPIES

        modules = self.networks.game.training.modules.values()
        return COPIES * sum(value.nbytes for module in modules for value in module.parameters())


class Bench:
    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._sessions: dict[str, _Session] = {}
        self._lock = Lock()
        """Guards the sessions; what is in them is touched by the one thread alone."""
        self._hand = ThreadPoolExecutor(1, "bench", initializer=_bounded)
        self._waiting = 0
        self._timer: Timer | None = None

    def bench_open(self, run: object = None, step: object = None) -> Answer:
        """Copies of a run's networks (run None: small ones that learn shapes), and the first batch."""
        if run is not None and not isinstance(run, str):
            raise ConfigError("There is no such run. Nothing was opened. Choose another one.")
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
            raise ConfigError("There is no such step. Nothing was opened. Give a whole number from 0 on.")
        folder = self._services.run(run) if run else None

        def work() -> Answer:
            from gan_core.training.opening import open_bench

            room = min(LARGEST_BYTES, psutil.virtual_memory().available / 2)
            networks = open_bench(folder, self._services.settings, step=step, room_bytes=room)
            session = _Session(networks, folder, self._clock())
            told = answer(networks)
            name = secrets.token_hex(16)
            with self._lock:
                self._sessions[name] = session
            self._forget()
            return {"session": name, "about": about(networks, folder), **self._facts(session), **told}

        return self._in_turn(work)

    def bench_step(
        self, session: object, kind: object = None, count: object = None, new_batch: object = None
    ) -> Answer:
        """`count` steps of the discriminator (d), the generator (g) or both, one after the other.

        new_batch: go on to another batch first; without a kind that is all.
        """
        if kind is not None and kind not in KINDS:
            raise ConfigError("There is no such step. Nothing was done. Take one of D, of G or of both.")
        number = 1 if count is None else count
        from gan_core.training.stepping import MAX_STEPS

        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_STEPS:
            raise ConfigError(f"So many steps are not taken at once. Nothing was done. Ask for 1 to {MAX_STEPS}.")
        if kind is None and new_batch is not True:
            raise ConfigError("Nothing was asked for, and nothing was done. Take a step or another batch.")

        def work(found: _Session) -> Answer:
            networks, stepped = found.networks, None
            if new_batch is True:
                networks.another_batch()
            if kind is not None:
                stepped = self._take(found, kind, number)
            told = answer(networks, stepped)
            if stepped is None:
                told["told"] = "Another batch of the data. The networks stay."
            elif (done := max(stepped.taken.values())) < number:
                told["told"] = f"Stopped after {done} of {number} steps. {told['told']}"
            return told

        return self._with(session, work)

    def _take(self, session: _Session, kind: Any, count: int) -> "Stepped":
        end = self._clock() + TAKES_S
        session.stop.clear()
        return session.networks.take(kind, count, lambda: session.stop.is_set() or self._clock() > end)

    def bench_undo(self, session: object) -> Answer:
        """Back to before the last step or steps."""

        def work(found: _Session) -> Answer:
            if not found.networks.undo():
                raise GanCoreError("There is no step to undo. Nothing was changed.")
            return {**answer(found.networks), "told": "The last step is undone: weights and optimisers are as before."}

        return self._with(session, work)

    def bench_reset(self, session: object) -> Answer:
        """Back to the networks that were opened."""

        def work(found: _Session) -> Answer:
            found.networks.reset()
            return {**answer(found.networks), "told": "Back to where the bench was opened."}

        return self._with(session, work)

    def bench_stop(self, session: object) -> Answer:
        """End several steps after the one that is being taken; those that were taken stay."""
        with self._lock:
            found = self._sessions.get(session) if isinstance(session, str) else None
        if found:
            found.stop.set()
        return {}

    # One at a time.

    def _with(self, session: object, work: Callable[[_Session], Answer]) -> Answer:
        def found_and_done() -> Answer:
            self._forget()
            with self._lock:
                found = self._sessions.get(session) if isinstance(session, str) else None
                if found is not None:
                    found.used_at = self._clock()
            if found is None:
                return {"ok": False, "gone": True, "error": GONE.format(count=SESSIONS, minutes=round(IDLE_S / 60))}
            began_at = time.perf_counter()
            told = work(found)
            found.used_at = self._clock()
            return {**self._facts(found), **told, "elapsed_s": round(time.perf_counter() - began_at, 3)}

        return self._in_turn(found_and_done)

    def _in_turn(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._waiting >= WAITING:
                raise GanCoreError("Many are at the bench just now. Nothing was done. Try again in a few seconds.")
            self._waiting += 1
        try:
            return self._hand.submit(work).result()
        finally:
            with self._lock:
                self._waiting -= 1

    def _forget(self) -> None:
        """Drop what nobody has used for long, and the oldest where there are too many."""
        with self._lock:
            now = self._clock()
            newest = sorted(self._sessions.items(), key=lambda one: -one[1].used_at)
            kept: dict[str, _Session] = {}
            size = 0
            for name, session in newest:
                size += session.size_bytes()
                if now - session.used_at < IDLE_S and len(kept) < SESSIONS and (size <= ALL_BYTES or not kept):
                    kept[name] = session
            self._sessions = kept
            if self._timer:
                self._timer.cancel()
            if kept:  # Memory is given back even where nobody comes any more.
                self._timer = Timer(IDLE_S + 1, self._forget)
                self._timer.daemon = True
                self._timer.start()

    def _facts(self, session: _Session) -> Answer:
        """What the page needs beside the pictures; the run's newest state, to offer it."""
        states = session.run.states() if session.run else []
        return {"newest": states[-1][0] if states else None}


def about(networks: "Networks", run: RunFolder | None) -> str:
    """What stands on the bench, in words."""
    size = networks.game.training.plan.size
    if run is None:
        return f"No run is chosen: two small new networks learn shapes of {size} px."
    name = run.about()["title"] or run.id
    if networks.source == "state":
        text = f"Copies of {name} as of step {networks.step:,}. The run stays as it is."
    elif run.config().train.data.startswith(IMPORTED):
        text = f"{name} was read from a log, without pictures or networks: small new networks learn shapes here."
    else:
        text = f"{name} has saved no state yet: new networks of its configuration, which have learnt nothing."
    if size < networks.config.train.size:
        text += f" They see pieces of {size} px, so that a step takes seconds."
    if getattr(networks.game.training.recipe, "augment", ""):
        text += " Steps learn from augmented pictures; scores are of the plain ones."
    return text


def _bounded() -> None:
    """One core stays free for the page: the thread of the bench computes on the others."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, (os.cpu_count() or 2) - 1)))
    # The number is each thread's own once it is set, but new threads would begin with it.
    restore = ThreadPoolExecutor(1)
    restore.submit(torch.set_num_threads, before).result()
    restore.shutdown()
