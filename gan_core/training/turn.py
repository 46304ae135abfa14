"""The queue: one run at a time on a device, the others wait their turn in the order in which they came.

`python -m gan_core.training.turn RUN TIME` waits and then becomes the trainer, as the same process. There is no server
and no list: each waiting process looks at the other runs of its folder, under a lock, and goes when nobody is before
it. Standard library and psutil alone: who waits takes no memory.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from gan_core.config import RunConfig
from gan_core.errors import GanCoreError, RunError
from gan_core.training.beginning import goes_on_from, reached, remember_beginning
from gan_core.training.claims import claim
from gan_core.training.liveness import is_ours, machine
from gan_core.training.run_folder import ACTIVE, OCCUPIES, RunFolder, list_runs

LOOK_S = 0.5
HEARTBEAT_S = 2.0
INTERRUPTED = "interrupted"
"""Kind of the event that a trainer was gone without a word, written by whoever goes on."""


def command(run: RunFolder, asked_at: float) -> list[str]:
    """The process that waits until the run's device is free, and then trains it.

    asked_at: seconds since 1970, its place in the queue; processes may come up in another order than they were started.
    """
    return [sys.executable, "-m", "gan_core.training.turn", str(run.path.resolve()), repr(asked_at)]


def trainer(run: RunFolder, family: str) -> list[str]:
    return [sys.executable, "-m", "gan_core", "train", family, "--run", str(run.path.resolve()), "--resume", "--quiet"]


def wait(
    run: RunFolder,
    stopped: Callable[[], bool] = lambda: False,
    tell: Callable[[RunFolder, int], None] = lambda _before, _place: None,
    asked_at: float | None = None,
) -> bool:
    """Wait until the run may begin; its status then says that this process starts it. False: it was stopped instead.

    tell(run that is trained, place) is called whenever the place in the queue changes.
    asked_at: since when it waits; None: since now.
    """
    facts = _facts(run)
    devices, queued_at = facts["devices"], time.time() if asked_at is None else asked_at
    with claim(run):
        if not refuse_second(run):
            _take_up(run)
        _write(run, "waiting", queued_at=queued_at, **facts)
    beat_at, told = time.monotonic(), 0
    while True:
        if stopped() or run.stop_asked():
            run.clear_stop()
            _write(run, "stopped", **facts)
            return False
        with claim(run):
            occupied, place = _before(run, devices, queued_at)
            if occupied is None and place == 1:
                _write(run, "starting", **facts)
                return True
        if place != told:
            told = place
            tell(occupied or run, place)
        if time.monotonic() - beat_at > HEARTBEAT_S:
            beat_at = time.monotonic()
            _write(run, "waiting", queued_at=queued_at, **facts)
        time.sleep(LOOK_S)


def start(run: RunFolder) -> None:
    """Say that this process trains the run, without waiting; raises `RunError` where another one does."""
    with claim(run):
        if not refuse_second(run):
            run.clear_stop()  # A wish from before.
            _take_up(run)
            _write(run, "starting", **_facts(run))


def refuse_second(run: RunFolder) -> bool:
    """Whether this process has the run already. Raises `RunError` where another one has it."""
    status = run.status()
    if status["state"] not in ACTIVE or "pid" not in status:
        return False
    if not is_ours(status):
        raise RunError(
            f"{run.path} is {status['state']}, as process {status['pid']} on {status.get('host')}. "
            "Nothing was started. Stop that one first."
        )
    return True


def _facts(run: RunFolder) -> dict[str, Any]:
    config = run.config()
    return {"step": goes_on_from(run), "total_steps": config.train.steps, "device": None, "devices": devices_of(config)}


def _take_up(run: RunFolder) -> None:
    """Note how the run was begun, once, and that its trainer was gone, where it was."""
    try:
        remember_beginning(run)
        status = run.status()
        if status["state"] == "interrupted" and run.written_status().get("state") in OCCUPIES:
            step = goes_on_from(run)
            on = f"from the state of step {step:,}" if step else "from the beginning: no state had been saved"
            run.append_event(
                step, INTERRUPTED, f"The trainer was gone after step {reached(run, status):,}; training goes on {on}."
            )
    except OSError as error:
        raise _unwritable(run, error) from None


def _write(run: RunFolder, state: str, **facts: Any) -> None:
    try:
        run.write_status(state=state, **facts)
    except OSError as error:
        raise _unwritable(run, error) from None


def _unwritable(run: RunFolder, error: OSError) -> RunError:
    return RunError(
        f"{run.path} cannot be written ({error.strerror or error}). Nothing was started. Make room, then resume."
    )


def places(runs: Iterable[RunFolder]) -> dict[str, int]:
    """The waiting runs' places in their queues, by id: 1 is next on its device."""
    waiting = [(run, status) for run in runs if (status := run.status())["state"] == "waiting"]
    waiting.sort(key=_came)
    queues: dict[tuple[Any, ...], int] = {}
    found = {}
    for run, status in waiting:
        queue = (status.get("host"), *_devices(run, status))
        found[run.id] = queues[queue] = queues.get(queue, 0) + 1
    return found


def _before(run: RunFolder, devices: list[str], queued_at: float) -> tuple[RunFolder | None, int]:
    """The run that holds one of the devices, if there is one, and our place among those that wait for them."""
    occupied, place = None, 1
    for other in list_runs(run.path.absolute().parent):
        if other.id == run.id:
            continue
        status = other.status()
        state = status["state"]
        here = status.get("machine", machine()) == machine()
        if state not in ACTIVE or not here or not set(devices) & set(_devices(other, status)):
            continue
        if state in OCCUPIES and "pid" in status:
            occupied = other
        elif state == "waiting" and (status.get("queued_at", 0.0), other.id) < (queued_at, run.id):
            place += 1
    return occupied, place


def _came(item: tuple[RunFolder, dict[str, Any]]) -> tuple[float, str]:
    return item[1].get("queued_at", 0.0), item[0].id


# Devices, as one computer counts them.


def devices_of(config: RunConfig) -> list[str]:
    """What a run will take: cpu, mps, or GPUs by their number on this computer. Torch is not asked: it is not here."""
    name = config.train.device
    kind, _, number = name.partition(":")
    if kind == "auto":
        kind = _default_kind()
    if kind != "cuda":
        return [kind]
    return gpus([int(number) if number.isdecimal() else 0])


def gpus(indices: Iterable[int]) -> list[str]:
    """This process's GPUs by their numbers on the computer, which are others where CUDA_VISIBLE_DEVICES hides some."""
    visible = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return [f"cuda:{visible[index] if index < len(visible) else index}" for index in indices]


def _devices(run: RunFolder, status: dict[str, Any]) -> list[str]:
    told = status.get("devices")
    if isinstance(told, list) and told:
        return [str(name) for name in told]
    try:
        return devices_of(run.config())
    except GanCoreError:
        return []


def _default_kind() -> str:
    """What `auto` is for the trainer."""
    if sys.platform == "darwin" and os.uname().machine == "arm64":
        return "mps"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        hidden = visible.strip() in ("", "-1", "NoDevFiles")
        return "cuda" if not hidden and _torch_has_cuda() else "cpu"
    return "cuda" if _gpu_there() and _torch_has_cuda() else "cpu"


def _gpu_there() -> bool:
    """A device file of NVIDIA's, AMD's or WSL's driver."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or any(Path(path).exists() for path in ("/dev/kfd", "/dev/dxg"))


@cache
def _torch_has_cuda() -> bool:
    """Read from torch's own file of versions, which takes no import."""
    with suppress(OSError, ValueError, AttributeError):
        spec = find_spec("torch")
        text = (Path(str(spec.origin)).parent / "version.py").read_text() if spec else ""
        return not re.search(r"^cuda\b[^=\n]*= None", text, re.MULTILINE) or "hip: Optional[str] = '" in text
    return True


# The process.


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("Usage: python -m gan_core.training.turn RUN TIME", file=sys.stderr)
        return 2
    run = RunFolder(Path(arguments[0]))
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the signature of signal handlers
        nonlocal asked
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    try:
        family = run.config().family
        if not wait(run, lambda: asked, asked_at=float(arguments[1])):
            return 0
    except (GanCoreError, OSError) as error:
        text = str(error) if isinstance(error, GanCoreError) else f"{run.path}: {error.strerror or error}."
        print(f"Error: {text}", file=sys.stderr)
        return 1
    return _become(trainer(run, family))


def _become(words: list[str]) -> NoReturn:
    """The process goes on as the trainer, under the same number: whoever knew the one knows the other."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(words[0], words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
