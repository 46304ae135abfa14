"""Who trains a run that is pushed keeps its background process alive, and hears what it has to say."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_core.errors import GanCoreError
from gan_core.mirror.process import DONE, ENDED, EVENT, GAVE_UP, LOOK_S, pending
from gan_core.mirror.record import FOLDER, Wish, folder, read_record, read_wish, unsent
from gan_core.training.run_folder import RunFolder

AGAIN_S = 60.0  # Between two starts of a process that was killed.
WAIT_S = 0.2
SLACK_S = 15.0
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Keeper:
    def __init__(self, run: RunFolder, wish: Wish, name: str) -> None:
        """Starts the process; where it cannot be started, what is pending is told in the end. name: finds the run."""
        self.run, self.wish, self.name = run, wish, name
        self._events = run.path / "events.jsonl"
        self._read = self._events.stat().st_size if self._events.exists() else 0
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = self._looked_at = 0.0
        self._start()

    def _start(self) -> None:
        paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self._started_at = time.monotonic()
        try:
            folder(self.run)
            with (self.run.path / FOLDER / "log").open("wb") as log:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "gan_core.mirror", str(self.run.path.resolve())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,  # Ctrl-C is for the training; this one has to send the end of it.
                )
        except (OSError, GanCoreError):
            self._child = None

    def news(self) -> list[dict[str, Any]]:
        """Events of the process since the last call; a killed process is started again."""
        self._look_after()
        try:
            if self._events.stat().st_size <= self._read:
                return []
            with self._events.open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        found = []
        for line in whole.splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("kind") == EVENT:
                    found.append(event)
        return found

    def _look_after(self) -> None:
        status = self._child.poll() if self._child else 1
        if status is None or time.monotonic() - self._looked_at < LOOK_S:
            return  # Asked after every step of a training.
        self._looked_at = time.monotonic()
        if status == DONE and (wish := read_wish(self.run)) and wish.repository != self.wish.repository:
            self.wish = wish  # It is to go elsewhere from now on.
            self._start()
        if status in (DONE, GAVE_UP):
            return
        if status == ENDED and read_record(self.run, self.wish.repository).ended:
            return
        if time.monotonic() - self._started_at > AGAIN_S:
            self._start()

    def wait(self, tell: Callable[[str], None], leave: Callable[[], bool] = lambda: False) -> str | None:
        """After the training: until all is sent, or its time is over. What is pending then, in one sentence."""
        end = time.monotonic() + 60 * self.wish.wait_minutes + SLACK_S
        waits = self.pending()
        if waits and self.at_work():
            tell(f"Sending the end of it to {self.wish.repository}")
        while self.at_work() and time.monotonic() < end and not leave():
            for event in self.news():
                tell(str(event.get("text")))
            time.sleep(WAIT_S)
        for event in self.news():
            tell(str(event.get("text")))
        return self.pending()

    def at_work(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def pending(self) -> str | None:
        """One sentence; None where all is sent, or where nothing more will be and that was said."""
        record = read_record(self.run, self.wish.repository)
        waits = unsent(self.run, record)
        return pending(self.name, self.wish, str(waits)) if waits and not record.ended else None
