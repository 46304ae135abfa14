"""Commands with a time limit and none of this process's secrets, which leave nothing running behind them."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.deploy.leaks import SECRETS

TAIL_LINES = 15
STOP_S = 10.0
_SECRET = re.compile("|".join(f"(?:{pattern.decode()})" for pattern in SECRETS.values()))


@contextmanager
def running(
    command: Sequence[object], *, cwd: Path, environment: Mapping[str, str], log: Path, fds: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; when the block ends the whole group is gone. log: gets all it says."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [str(word) for word in command],
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


def finish(command: Sequence[object], *, cwd: Path, environment: Mapping[str, str], log: Path, limit_s: float) -> int:
    """Run a command to its end; its exit status. Raises `TimeoutError` when it takes longer."""
    with running(command, cwd=cwd, environment=environment, log=log) as process:
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None


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
