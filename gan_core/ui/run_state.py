"""What is known of a run at a glance: its state, how far it is, how fast, and what its trainer said last."""

import json
import re
from dataclasses import dataclass
from typing import Any

from gan_core.training.run_folder import ACTIVE, RunFolder

LOG = "trainer.log"
WAITING = "waiting"
ENDED = ("stopped", "failed", "interrupted")
"""States that can be resumed."""
LOG_BYTES = 65_536  # From its end: a warning at each step makes a log of any size.
RATE_S, RATE_LINES = 10.0, 150  # The speed is that of the last seconds, from about so many lines of metrics at most.
_ERROR_LINE = re.compile(r"(\w+\.)*\w*(Error|Exception): ")


@dataclass(frozen=True)
class RunState:
    """A run as the page shows it."""

    id: str
    state: str
    """A state of the run folder, or interrupted."""
    step: int
    total_steps: int
    images_per_s: float | None = None
    left_s: float | None = None
    error: str | None = None

    @property
    def active(self) -> bool:
        """A process is alive: it trains, or it waits for its turn."""
        return self.state in ACTIVE

    @property
    def part(self) -> float:
        return min(self.step / self.total_steps, 1.0) if self.total_steps else 0.0


def total_steps(run: RunFolder) -> int:
    """Of its configuration; 0 where that cannot be read."""
    try:
        return int(json.loads((run.path / "config.json").read_bytes())["train"]["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def speed(run: RunFolder, total: int) -> tuple[float | None, float | None]:
    """Pictures a second, and seconds to the end, from the last lines of the metrics."""
    lines: list[dict[str, Any]] = run.metrics(newest=RATE_LINES)
    if len(lines) < 2:
        return None, None
    last = lines[-1]
    # At least one span between two lines, however far apart they are.
    early = [line for line in lines[:-2] if last.get("elapsed_s", 0) - line.get("elapsed_s", 0) <= RATE_S]
    first = (early or [lines[-2]])[0]
    span_s = last.get("elapsed_s", 0) - first.get("elapsed_s", 0)
    if span_s <= 0:
        return None, None
    steps_per_s = (last["step"] - first["step"]) / span_s
    images_per_s = last.get("images_per_s")
    if "images" in last and "images" in first:
        images_per_s = (last["images"] - first["images"]) / span_s
    return images_per_s, (total - last["step"]) / steps_per_s if steps_per_s else None


def last_words(run: RunFolder) -> str | None:
    """The error a trainer left in its log, where it ended before it could write a status."""
    try:
        with (run.path / LOG).open("rb") as file:
            file.seek(max(file.seek(0, 2) - LOG_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    found = [line for line in lines if _ERROR_LINE.match(line)]
    return found[-1].removeprefix("Error: ")[:500] if found else None
