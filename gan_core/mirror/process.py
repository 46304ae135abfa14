"""The background process of a run that is pushed: it looks, sends, waits and tries again, and ends with the run.

It never touches the training. What it has to say stands in the run's events, and in the record for whoever looks.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import psutil

from gan_core.errors import GanCoreError, HubError
from gan_core.hub.client import without_tokens
from gan_core.mirror.locks import locked
from gan_core.mirror.pushing import look_first, push
from gan_core.mirror.record import Record, Wish, amend, folder, read_record, read_wish, unsent
from gan_core.training.run_folder import ACTIVE, RunFolder

EVENT = "hub"
"""Kind of the events that this process writes."""
DONE, ENDED, GAVE_UP = 0, 3, 4
"""Exit statuses: all is there; it is of no use to try again; the time after the training was over."""
FOR_GOOD = ("diverged", "foreign", "name")
"""Reasons of errors that no time mends."""
FIRST_S, LONGEST_S = 15.0, 1800.0
LOOK_S = 1.0


def pause_s(tries: int, reason: str, every_s: float, chance: Callable[[], float] = random.random) -> float:
    """Seconds until it is tried again: twice as long each time, and never quite the same for two machines."""
    first = min(FIRST_S, max(every_s / 10, 1.0))
    if reason == "limit":
        first = max(first, every_s / 2)  # Asking more often makes it last longer.
    longest = min(LONGEST_S, max(3 * every_s, 4 * first))
    return min(first * 2 ** min(tries - 1, 30), longest) * (0.75 + 0.5 * chance())


class Mirror:
    def __init__(self, run: RunFolder, wish: Wish) -> None:
        self.run, self.wish = run, wish
        self.every_s = 60 * wish.minutes
        self.reason: str | None = None
        self.looked = False
        self.due_at = 0.0
        self.training_ended_at: float | None = None

    def go(self) -> int:
        """Until all is sent after the training has ended. Its exit status."""
        Thread(target=self._leave_in_time, daemon=True).start()
        while not self.run.is_gone():
            wish = self._ours()
            if wish is None:
                return DONE  # Another process sees to it.
            self.wish, self.every_s = wish, 60 * wish.minutes
            ended = self._training_ended()
            waits = unsent(self.run, read_record(self.run, wish.repository))
            if ended and waits is None:
                return DONE
            first = waits is not None and waits.sent_step is None
            if time.time() >= self.due_at or (self.reason is None and (ended or first) and self.looked):
                try:
                    self._try(waits is not None)
                except GanCoreError as error:
                    if self._ours() is None:
                        return DONE  # It was asked to go elsewhere meanwhile, and nothing is wrong with that.
                    reason = error.reason if isinstance(error, HubError) else "disk"
                    if reason in FOR_GOOD:
                        self._end(str(error))
                        return ENDED
                    self._trouble(str(error), reason)
            time.sleep(min(LOOK_S, self.every_s / 4))
        return DONE

    def _ours(self) -> Wish | None:
        """The wish as it is now; None where somebody wants it otherwise."""
        wish = read_wish(self.run)
        return wish if wish is not None and wish.repository == self.wish.repository else None

    def _training_ended(self) -> bool:
        ended = self.run.status()["state"] not in ACTIVE
        if not ended:
            self.training_ended_at = None  # Somebody went on with it.
        elif self.training_ended_at is None:
            self.training_ended_at = time.monotonic()
        return ended

    def _since_end_s(self) -> float:
        ended_at = self.training_ended_at
        return 0.0 if ended_at is None else time.monotonic() - ended_at

    def _try(self, waits: bool) -> None:
        if not self.looked:
            look_first(self.run, self.wish)
            self.looked = True
        if waits:
            before = read_record(self.run, self.wish.repository)
            record = push(self.run, self.wish)
            self._went_well(before, record)
        elif self.reason is not None:  # It was to be looked at only.
            self.reason = None
            amend(self.run, self.wish.repository, trouble=None, tries=0)
        self.due_at = time.time() + self.every_s

    def _went_well(self, before: Record, record: Record) -> None:
        assert record.sent is not None
        megabytes = (record.total_bytes - before.total_bytes) / 1e6
        where = f"{self.wish.repository}, up to step {record.sent.step:,}"
        if before.sent is None:
            self._say(f"Pushed to {where} ({megabytes:,.1f} MB). More follows every {self.wish.minutes:g} min.")
        elif self.reason is not None:
            self._say(f"Pushed to {where}: nothing is pending any more.")
        self.reason = None

    def _trouble(self, text: str, reason: str) -> None:
        tries = read_record(self.run, self.wish.repository).tries + 1 if self.reason is not None else 1
        self.due_at = time.time() + pause_s(tries, reason, self.every_s)
        if reason != self.reason:
            self._say(f"{text} {self._meanwhile()}It is tried again.")
        self.reason = reason
        with suppress(GanCoreError):  # A full disk: then it stands nowhere.
            amend(self.run, self.wish.repository, trouble=text, tries=tries, next_at=self.due_at)

    def _end(self, text: str) -> None:
        self._say(f"{text} {self._meanwhile()}".rstrip())
        with suppress(GanCoreError):
            amend(self.run, self.wish.repository, ended=text, trouble=None)

    def _meanwhile(self) -> str:
        return "" if self._training_ended() else "Training goes on. "

    def _say(self, text: str) -> None:
        with suppress(GanCoreError, OSError):
            self.run.append_event(self.run.status()["step"], EVENT, without_tokens(text))

    def _leave_in_time(self) -> None:
        """Ends the process when the wait after the training is over, however long a transfer hangs."""
        while True:
            time.sleep(min(LOOK_S, self.every_s / 4))
            # Looked at here too: the other thread hangs, perhaps since before the training ended.
            if not self._training_ended() or self._since_end_s() < 60 * self.wish.wait_minutes:
                continue
            with suppress(OSError):  # A folder that goes while it is looked at.
                if waits := unsent(self.run, read_record(self.run, self.wish.repository)):
                    self._say(pending(self.run.id, self.wish, str(waits)))
                    os._exit(GAVE_UP)


def pending(name: str, wish: Wish, waits: str) -> str:
    """name: what finds the run again."""
    return f"Not sent to {wish.repository} yet: {waits}. Send it later: gan-core runs push {name}"


def main(run: RunFolder) -> int:
    """Mirror a run until it has ended. One process of a run is at work; others wait until it is done."""
    wish = read_wish(run)
    if wish is None:
        return DONE
    with suppress(psutil.Error, OSError):
        psutil.Process().nice(15)  # The training comes first.
    try:
        descriptor = None
        while descriptor is None:
            descriptor = locked(folder(run) / "process.lock", wait_s=3600.0)
        return Mirror(run, wish).go()
    except GanCoreError as error:
        if run.is_gone():
            return DONE
        print(f"Error: {without_tokens(str(error))}", file=sys.stderr)
        return 1
