"""One deploy at a time, in a thread that outlives the page: who comes back finds it where it is."""

import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from gan_core.errors import Cancelled, ConfigError, GanCoreError
from gan_core.ui.words import in_page_words

Tell = Callable[[str, str, float | None], None]
Work = Callable[[Tell], dict[str, Any]]
"""work(tell) returns what to show in the end; tell(step, words, share) raises `Cancelled` where asked to stop."""


@dataclass
class _State:
    about: dict[str, Any]
    """What is deployed, as the page shows it."""
    began_at: float
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: words, share, state (under way, done)."""
    state: str = "running"
    error: str | None = None
    reason: str = ""
    head: str = ""
    """The commit that somebody else made there, where that was in the way."""
    log: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    ended_at: float | None = None
    stopping: bool = False


class Course:
    """The deploy that is under way, or the last one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._state: _State | None = None

    def begin(self, about: dict[str, Any], work: Work) -> None:
        """Start `work`. Raises `ConfigError` while another one is under way."""
        with self._lock:
            if self._state is not None and self._state.state == "running":
                raise ConfigError(
                    f"{self._state.about.get('space')} is being deployed. Nothing was started. Wait, or cancel it."
                )
            state = self._state = _State(about, self._clock())
        Thread(target=self._run, args=(state, work), daemon=True, name="deploy").start()

    def told(self) -> dict[str, Any] | None:
        """What the page shows; None where nothing was ever deployed from here."""
        with self._lock:
            state = self._state
            if state is None:
                return None
            end = state.ended_at if state.ended_at is not None else self._clock()
            return {
                **state.about,
                "steps": {name: dict(step) for name, step in state.steps.items()},
                "state": state.state,
                "error": state.error,
                "reason": state.reason,
                "head": state.head,
                "log": list(state.log),
                "result": dict(state.result),
                "elapsed_s": end - state.began_at,
                "stopping": state.stopping,
            }

    def stop(self) -> None:
        """Ask the deploy to end at the next thing that it tells."""
        with self._lock:
            if self._state is not None:
                self._state.stopping = True

    def forget(self) -> None:
        """Take away what is shown of a deploy that is over."""
        with self._lock:
            if self._state is not None and self._state.state != "running":
                self._state = None

    def _run(self, state: _State, work: Work) -> None:
        def tell(step: str, words: str, share: float | None) -> None:
            with self._lock:
                for other in state.steps.values():
                    other["state"] = "done"
                done = share == 1.0
                state.steps[step] = {"words": words, "share": share, "state": "done" if done else "running"}
                if state.stopping:  # After the step: whether the files were sent is told too.
                    raise Cancelled("Cancelled.")

        over: dict[str, Any]
        try:
            over = {"result": work(tell), "state": "done"}
        except Cancelled:
            over = {"state": "stopped"}
        except GanCoreError as error:
            sentence, *lines = str(error).splitlines()  # A check that failed brings the end of its log.
            over = {"state": "failed", "error": _in_page_words(sentence), "log": [*lines, *getattr(error, "log", ())]}
            over |= {"reason": getattr(error, "reason", ""), "head": getattr(error, "head", "")}
        except Exception as error:  # A page that waits must be told, whatever it was.
            traceback.print_exc()
            over = {"state": "failed", "error": f"The deploy broke off ({type(error).__name__}). See the server's log."}
        with self._lock:
            for name, value in {**over, "ended_at": self._clock()}.items():
                setattr(state, name, value)


_FLAGS = re.compile(r" \(--(?:onto \w+|force)\)|: --target [\w-]+(?: or --target [\w-]+)*(?=\.)")
"""What a sentence says of flags of which the panel has buttons."""


def _in_page_words(sentence: str) -> str:
    return in_page_words(_FLAGS.sub("", sentence))
