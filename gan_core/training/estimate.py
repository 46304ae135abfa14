"""What a training will take, told before it starts: time from a short measurement, memory from a step without numbers.

A few real steps of the same networks, with smaller batches or pictures where the whole step would take long, tell what
this device makes of the operations that `counting` finds.

`python -m gan_core.training.estimate` answers requests, one JSON object a line, until its input ends: a process of its
own has the trainer's number of threads and its low priority, and disturbs nobody's pictures.
"""

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

from gan_core.config import RunConfig
from gan_core.devices import describe, pick_device
from gan_core.errors import ConfigError, GanCoreError
from gan_core.families import get_family
from gan_core.training.counting import META, Cost, Facts, cost, counted, make, noise

MEASURED_S = 0.4
"""Real steps go on for so long, after the first."""
FIRST_FLOPS = {"cpu": 12e9, "cuda": 2e12, "mps": 2e11}
"""What a measured step may ask for: a tenth of a second or so of each kind of device."""
MOST = 2.5  # Smaller pictures are computed less well than fewer of them: first a step may take this much longer.
START_S = 4.0  # Imports, and the first sample.
BASE_BYTES = {"cpu": 760e6, "cuda": 700e6, "mps": 600e6}  # What the program itself holds, there or on its card.
SLACK = {"cpu": 2.0, "cuda": 1.15, "mps": 1.15}  # Workspaces of the convolutions, and holes between the blocks.


@dataclass(frozen=True, kw_only=True)
class Estimate:
    device: str
    """For people."""
    step_s: float
    total_s: float
    """From the start to the last snapshot, on a device that does nothing else."""
    memory_bytes: float
    memory_total_bytes: float
    memory_free_bytes: float


def smaller(config: RunConfig, facts: Facts, whole_flops: float, wanted: float) -> tuple[dict[str, int], float]:
    """Size and batch of a step with about `wanted` operations, or the fewest that the networks allow, and how many."""
    train = config.train
    shrunk = {"size": train.size, "batch": train.batch}
    if whole_flops <= MOST * wanted:
        return shrunk, whole_flops
    shrunk["batch"] = max(min(train.batch, 2), int(train.batch * wanted / whole_flops))
    guess = whole_flops * shrunk["batch"] / train.batch
    while guess > MOST * wanted:
        less = {**shrunk, "size": shrunk["size"] // 2}
        try:
            make(_fitting(config), facts, META, shrunk=less)
        except (ConfigError, RuntimeError):  # The networks go no smaller.
            break
        shrunk, guess = less, guess / 4
    return shrunk, counted(_fitting(config), facts, shrunk)[1]


def _fitting(config: RunConfig) -> RunConfig:
    """Without a load size, which could be less than a smaller size allows."""
    return replace(config, train=replace(config.train, load_size=None))


def measured(config: RunConfig, facts: Facts, device: torch.device, shrunk: dict[str, int]) -> float:
    """Seconds of a step at `shrunk` size and batch: the quickest of a few after the first."""
    training = make(_fitting(config), facts, device, shrunk=shrunk)
    translator = get_family(config.family).kind == "translator"
    # With one thread the processor's own clock runs for us alone, whatever else the machine does.
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    batches = [noise(training, facts, translator) for _ in range(training.batches_per_step)]
    lead = getattr(training.recipe, "discriminator_lead", 0)
    spans: list[float] = []
    end = time.perf_counter() + MEASURED_S
    for number in range(20):
        began = clock()
        training.step(lead + 1 + number, batches)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        spans.append(clock() - began)
        if time.perf_counter() > end and number:
            break
    return min(spans[1:])


def speed(config: RunConfig, facts: Facts, whole: Cost, device: torch.device) -> tuple[float, float]:
    """Seconds that each step of these networks takes, and seconds for each operation beside them.

    From two small steps: the weights' update takes as long in a small step as in a large one.
    """
    wanted = FIRST_FLOPS.get(device.type, FIRST_FLOPS["cpu"])
    shrunk, small = smaller(config, facts, whole.step_flops, wanted)
    taken_s = measured(config, facts, device, shrunk)
    if small == whole.step_flops:
        return 0.0, taken_s / max(small, 1.0)
    less, tiny = smaller(config, facts, whole.step_flops, wanted / 4)
    if tiny > 0.6 * small:
        return 0.0, taken_s / small
    tiny_s = measured(config, facts, device, less)
    slope = max(taken_s - tiny_s, 0.4 * taken_s) / (small - tiny)
    return max(taken_s - slope * small, 0.0), slope


def estimate(config: RunConfig, facts: Facts, *, known: dict[str, Any] | None = None) -> Estimate:
    """Time and memory of a training on its device. known: what was found before, to be used again."""
    known = {} if known is None else known
    device, train = pick_device(config.train.device), config.train
    facts_ = asdict(replace(facts, pictures=0))
    kept = [config.family, train.size, train.batch, train.conditional, facts_, config.network, config.recipe]
    key = json.dumps([str(device), train.precision, *kept], sort_keys=True)
    if key not in known:
        whole = cost(config, facts)
        known[key] = whole, *speed(config, facts, whole, device)
    whole, fixed_s, rate = known[key]
    step_s = fixed_s + whole.step_flops * rate
    between = whole.sample_flops * (train.steps // train.sample_steps + train.steps // train.snapshot_steps + 3)
    if train.quality_steps:
        between += whole.measure_flops * (train.steps // train.quality_steps + 1)
    total, free = _room(device)
    side = train.load_size or train.size
    return Estimate(
        device=describe(device),
        step_s=step_s,
        total_s=START_S + step_s * train.steps + between * rate,
        memory_bytes=BASE_BYTES.get(device.type, BASE_BYTES["cpu"])
        + SLACK.get(device.type, SLACK["cpu"]) * whole.bytes
        + facts.pictures * facts.channels * side * side,
        memory_total_bytes=total,
        memory_free_bytes=free,
    )


def _room(device: torch.device) -> tuple[float, float]:
    """Bytes that the device has, and that nobody uses now."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return float(total), float(free)
    memory = psutil.virtual_memory()
    limit = memory.total
    with suppress(OSError, ValueError):  # A container may allow less than the machine has.
        limit = min(limit, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return float(limit), float(min(limit, memory.available))


def main() -> None:
    """Answer requests {"config": ..., "facts": ...} from standard input, one a line, until it ends."""
    known: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            config = RunConfig.from_json(asked["config"], "The request")
            answer = asdict(estimate(config, Facts(**asked["facts"]), known=known))
        except GanCoreError as error:
            answer = {"error": str(error)}
        except (RuntimeError, MemoryError, ArithmeticError) as error:  # Networks that this device cannot hold, say.
            answer = {"error": f"This cannot be estimated here ({' '.join(str(error).split())[:200]})."}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
