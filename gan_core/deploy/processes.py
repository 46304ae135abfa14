"""Commands with a time limit and none of this process's secrets, which leave nothing running behind them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.deploy.leaks import SECRETS

TAIL_LINES = 15
STOP_S = 10.0
GONE_S = 2.0
PULSE_S = 1.0
_SECRET = re.compile("|".join(f"(?:{pattern.decode()})" for pattern in SECRETS.values()))
# Leads the group: it waits for the command, and ends the group as soon as the process that wanted it is no more.
_GUARD = """
import os, signal, subprocess, sys, threading, time

def follow(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)

signal.signal(signal.SIGTERM, lambda *_: None)  # It goes to the whole group, and the command may take its time.
process = subprocess.Popen(sys.argv[2:], close_fds=False)
threading.Thread(target=follow, args=(int(sys.argv[1]),), daemon=True).start()
status = process.wait()
os._exit(status if status >= 0 else 128 - status)
"""


@contextmanager
def running(
    command: Sequence[object], *, cwd: Path, environment: Mapping[str, str], log: Path, fds: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; when the block, or this process, ends the group is gone. log: gets all it says.

    A kill -9 of this process counts too, but on Windows.
    """
    guard = [sys.executable, "-I", "-S", "-c", _GUARD, os.getpid()] if hasattr(os, "killpg") else []
    with log.open("ab") as file:
        process = subprocess.Popen(
            [str(word) for word in (*guard, *command)],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            pass_fds=fds,
        )
    try:
        yield process
    finally:
        _end(process)


def finish(
    command: Sequence[object],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    limit_s: float,
    pulse: Callable[[], object] = lambda: None,
) -> int:
    """Run a command to its end; its exit status. Raises `TimeoutError` when it takes longer.

    pulse: called every second; what it raises ends the command.
    """
    end = time.monotonic() + limit_s
    with running(command, cwd=cwd, environment=environment, log=log) as process:
        while True:
            try:
                return process.wait(PULSE_S)
            except subprocess.TimeoutExpired:
                if time.monotonic() > end:
                    raise TimeoutError from None
                pulse()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the group to leave, then end what is left of it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(OSError):  # Gone already.
            if hasattr(os, "killpg"):
                os.killpg(process.pid, sign)
            else:
                process.send_signal(sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    end = time.monotonic() + GONE_S
    with suppress(OSError):  # Nobody is left. What is no child of ours is gone a moment after it was killed.
        while hasattr(os, "killpg") and time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.01)


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """What a new account on this computer would have, with its home and its temporary files below `home`."""
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    ours = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "TMPDIR": str(scratch),
        "TEMP": str(scratch),
        "TMP": str(scratch),
    }
    return {**kept, **ours, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **more}


def last_words(log: Path, lines: int = TAIL_LINES) -> str:
    """The end of a log, for people: printable, and without anything that looks like a secret."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 40_000))
        said = file.read().decode(errors="replace").splitlines()
        shown = [_SECRET.sub("(secret)", "".join(filter(str.isprintable, line)))[:400] for line in said if line.strip()]
        return "\n".join(f"  {line}" for line in shown[-lines:])
    return ""
