"""Whether the process that a run's status names still trains it, here or on another machine."""

import os
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

STALE_S = 10.0
"""A heartbeat of another machine older than this means that its trainer is gone."""
CLOCK_S = 60.0
"""How long a file system's clock is relied on before it is read again."""
_clocks: dict[int, tuple[float, float]] = {}
"""By file system: how far its clock is ahead of ours, and when that was measured."""


def this_process(folder: Path) -> dict[str, Any]:
    """What a status says of the process that writes it into a run's folder."""
    return {
        "pid": os.getpid(),
        "pid_started_at": _started_at(os.getpid()),
        "host": socket.gethostname(),
        "machine": machine(),
        "folder": os.path.realpath(folder),
        "folder_inode": folder.stat().st_ino,
        "heartbeat_at": time.time(),
    }


def alive(status: dict[str, Any], folder: Path, written_at: float) -> bool:
    """written_at: when status.json was written, by the clock of its file system."""
    try:
        if not _of_this_machine(status):
            return _now(folder) - written_at < STALE_S
        if _elsewhere(status, folder):
            return False
        process = psutil.Process(status["pid"])
        # A number is given out again after a while: the process must also be as old as ours was.
        return abs(process.create_time() - status["pid_started_at"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError, KeyError, TypeError, ValueError):
        return False


def is_ours(status: dict[str, Any]) -> bool:
    """Whether this very process wrote the status."""
    return _of_this_machine(status) and status.get("pid") == os.getpid()


@cache
def machine() -> str:
    """Names this start of this computer, or this container: many machines share the name `localhost`."""
    parts = [""]
    with suppress(OSError):
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            str(Path("/proc/self/ns/pid").stat().st_ino),
        ]
    return "/".join(parts)


def _of_this_machine(status: dict[str, Any]) -> bool:
    return status.get("host") == socket.gethostname() and status.get("machine", machine()) == machine()


def _elsewhere(status: dict[str, Any], folder: Path) -> bool:
    """A copy of a folder that is trained at another place."""
    known = "folder" in status and "folder_inode" in status
    return known and status["folder"] != os.path.realpath(folder) and status["folder_inode"] != folder.stat().st_ino


def process_started_at() -> float:
    """When this process began; it stays the same where it becomes another program (exec)."""
    return _started_at(os.getpid())


@cache
def _started_at(pid: int) -> float:
    return psutil.Process(pid).create_time()


def _now(folder: Path) -> float:
    """The time by the clock of a folder's file system: those of two machines may differ by minutes."""
    device = folder.stat().st_dev
    ahead_s, measured_at = _clocks.get(device, (0.0, -CLOCK_S))
    if time.monotonic() - measured_at >= CLOCK_S:
        probe = folder / f".clock.{uuid4().hex[:8]}.tmp"
        with suppress(OSError):  # Where nothing can be written, our own clock must do.
            try:
                with probe.open("xb") as file:
                    file.write(b"0")
                    file.flush()
                    ahead_s = os.fstat(file.fileno()).st_mtime - time.time()
            finally:
                probe.unlink(missing_ok=True)
        _clocks[device] = (ahead_s, time.monotonic())
    return time.time() + ahead_s
