"""Estimates of time and memory, made by a process beside the server: see `gan_core.training.estimate`."""

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

import psutil

from gan_core.config import RunConfig
from gan_core.errors import GanCoreError

if TYPE_CHECKING:
    from gan_core.training.counting import Facts

IDLE_S = 90.0
"""The process ends when nobody has asked for so long."""
ANSWER_S = 90.0
KEPT = 64
_PACKAGE_PARENT = Path(__file__).resolve().parents[3]


class Estimator:
    """One estimate at a time; the same question is answered from memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[str, dict[str, Any]] = {}
        self._process: subprocess.Popen[str] | None = None
        self._idle: Timer | None = None

    def ask(self, config: RunConfig, facts: "Facts") -> dict[str, Any]:
        """The fields of an `Estimate`. Raises `GanCoreError` where there is none to be had."""
        question = json.dumps({"config": config.to_json(), "facts": asdict(facts)})
        with self._lock:
            answer = self._answers.get(question)
            if answer is None:
                answer = self._answered(question)
                self._answers = dict(list(self._answers.items())[1 - KEPT :])
                if "error" not in answer:
                    self._answers[question] = answer
        if "error" in answer:
            raise GanCoreError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def _answered(self, question: str) -> dict[str, Any]:
        if self._idle is not None:
            self._idle.cancel()
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = Timer(ANSWER_S, process.kill)  # Nobody waits for ever, whatever the device does.
        watch.daemon = True
        watch.start()
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            answer: dict[str, Any] = json.loads(line)
        except (OSError, ValueError):
            self.close()
            return {"error": "This cannot be estimated here. It can be started all the same."}
        finally:
            watch.cancel()
        self._idle = Timer(IDLE_S, self._rest)
        self._idle.daemon = True
        self._idle.start()
        return answer

    def _rest(self) -> None:
        with self._lock:
            self.close()

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        threads = max(1, (os.cpu_count() or 2) - 1)  # As many as a trainer gets.
        paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gan_core.training.estimate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        atexit.register(self.close)
        with suppress(psutil.Error, OSError):
            psutil.Process(self._process.pid).nice(10)
        return self._process
