"""How fast a training step is beside the plain recipe: one run, alternating rounds, the ratio of each pair of rounds.

    python -m tests.benchmarks.bench_training --family dcgan
    python -m tests.benchmarks.bench_training --family cyclegan --size 128 --batch 1 --features 32 --blocks 6

Both sides train on real batches of `shapes` out of the same feed, so that reading data costs both the same. Ours is the
step of `gan_core.training` as the loop calls it, EMA included. Nothing but torch and `gan_core` is needed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.config import TrainConfig
from gan_core.devices import describe, pick_device
from gan_core.draws import Shard
from gan_core.families import get_family
from gan_core.models import get_networks
from gan_core.settings import Settings
from gan_core.training import get_training
from gan_core.training.feeds import FEEDS
from gan_core.training.plan import Plan, initial_generator
from tests.benchmarks.reference_recipe import CycleganRecipe, DcganRecipe

RESULTS = Path(__file__).with_name("RESULTS.md")
Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
DEFAULTS = {"dcgan": {"size": 64, "batch": 64}, "cyclegan": {"size": 256, "batch": 1}}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained."""

    family: str
    size: int
    batch: int
    features: int = 64
    """Of generators and discriminators."""
    blocks: int = 9
    precision: str = "auto"
    compile: bool = False

    def text(self) -> str:
        blocks = f", {self.blocks} blocks" if self.family == "cyclegan" else ""
        extras = (", compiled" if self.compile else "") + ("" if self.precision == "auto" else f", {self.precision}")
        return f"{self.size} px, batch {self.batch}, {self.features} features{blocks}{extras}"


def our_training(setting: Setting, device: torch.device):
    """(training, an endless iterator of batches), as the loop builds them."""
    feed = our_feed(setting)
    plan = Plan(
        size=setting.size,
        steps=10**6,
        batch=setting.batch,
        seed=0,
        device=device,
        shard=Shard(),
        precision=setting.precision,
        compile=setting.compile,
    )
    network = {"generator_features": setting.features, "discriminator_features": setting.features, "channels": 3}
    network |= {"size": setting.size} if setting.family == "dcgan" else {"blocks": setting.blocks}
    initial_generator(0)
    module = get_training(setting.family)
    training = module.Training(get_networks(setting.family).Network(**network), module.Recipe(), plan)
    return training, feed.batches(0, plan)


def our_feed(setting: Setting):
    config = TrainConfig(data="shapes", size=setting.size, batch=setting.batch)
    return FEEDS[get_family(setting.family).kind].load(config, Settings(), None)


def reference(setting: Setting, device: torch.device) -> DcganRecipe | CycleganRecipe:
    if setting.family == "dcgan":
        assert setting.size == 64, "the plain DCGAN is one of 64 px"
        return DcganRecipe(device=device, features=setting.features)
    return CycleganRecipe(
        device=device,
        features=setting.features,
        blocks=setting.blocks,
        discriminator_features=setting.features,
    )


def pair_up(recipe: DcganRecipe | CycleganRecipe, training) -> None:
    """Give the plain networks the weights of ours. Key names and shapes are the same, and that is checked."""
    if isinstance(recipe, DcganRecipe):
        pairs: dict[str, nn.Module] = {"generator": recipe.generator, "discriminator": recipe.discriminator}
        root = "main."
    else:
        root = "model."
        pairs = {
            "generator_ab": recipe.g_ab,
            "generator_ba": recipe.g_ba,
            "discriminator_a": recipe.d_a,
            "discriminator_b": recipe.d_b,
        }
    for name, network in pairs.items():
        state = training.modules[name].state_dict()
        network.load_state_dict({key.removeprefix(root): value.clone() for key, value in state.items()})


def our_step(setting: Setting, device: torch.device) -> Callable[[], None]:
    training, batches = our_training(setting, device)
    numbers: Iterator[int] = iter(range(10**9))

    def step() -> None:
        training.step(next(numbers), [next(batches) for _ in range(training.batches_per_step)])

    return step


def reference_step(setting: Setting, device: torch.device) -> Callable[[], None]:
    recipe = reference(setting, device)
    _, batches = our_training(setting, device)

    def step() -> None:
        batch = next(batches)
        if isinstance(recipe, DcganRecipe):
            recipe.step(batch.pictures)
        else:
            recipe.step(batch.a, batch.b)

    return step


def timed(step: Callable[[], None], steps: int, device: torch.device, clock: Clock = time.perf_counter) -> float:
    """Seconds for `steps` steps, waiting for the device before and after."""
    synchronize(device)
    began = clock()
    for _ in range(steps):
        step()
    synchronize(device)
    return clock() - began


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def alternate(
    candidates: dict[str, Callable[[], None]],
    device: torch.device,
    rounds: int,
    round_s: float,
    clock: Clock = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds a step of each candidate in each round. Every round visits all of them, each time in the other order."""
    for step in candidates.values():
        timed(step, 2, device)  # Warm-up: allocator, kernel choice, compilation.
    slowest = max(timed(step, 1, device, clock) for step in candidates.values())
    steps = max(1, round(round_s / slowest))
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        order = list(candidates)[:: 1 if number % 2 == 0 else -1]
        for name in order:
            seconds[name].append(timed(candidates[name], steps, device, clock) / steps)
    return seconds


def shown(values: list[float]) -> str:
    """Median and quartiles to three figures: 1.12 (1.09-1.16)."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return f"{_figures(median(values))} ({_figures(low)}-{_figures(high)})"


def _figures(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def measure(
    setting: Setting, device: torch.device, rounds: int, round_s: float, clock: Clock = time.perf_counter
) -> list[str]:
    """Columns of a row in RESULTS.md."""
    candidates = {"ours": our_step(setting, device), "plain": reference_step(setting, device)}
    seconds = alternate(candidates, device, rounds, round_s, clock)
    rates = {name: [setting.batch / s for s in values] for name, values in seconds.items()}
    ratios = [plain / ours for ours, plain in zip(seconds["ours"], seconds["plain"], strict=True)]
    return [shown(rates["ours"]), shown(rates["plain"]), shown(ratios)]


def record(row: list[str]) -> None:
    """Append a row to the last table of RESULTS.md, whose columns it must have."""
    with RESULTS.open("a") as file:
        file.write(f"| {' | '.join(row)} |\n")


def parser(description: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--family", choices=sorted(DEFAULTS), default="dcgan")
    options.add_argument("--device", default="auto")
    options.add_argument("--size", type=int)
    options.add_argument("--batch", type=int)
    options.add_argument("--features", type=int, default=64, help="of generators and discriminators")
    options.add_argument("--blocks", type=int, default=9)
    options.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"], help="ours alone")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--round-s", type=float, default=4.0, help="seconds that each round gives to each side")
    options.add_argument("--threads", type=int, help="CPU threads")
    options.add_argument(
        "--clock",
        choices=sorted(CLOCKS),
        default="wall",
        help="cpu counts this process's own processor time: for one thread on a machine that others use too",
    )
    return options


def prepared(arguments: argparse.Namespace) -> tuple[Setting, torch.device]:
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    defaults = DEFAULTS[arguments.family]
    setting = Setting(
        family=arguments.family,
        size=arguments.size or defaults["size"],
        batch=arguments.batch or defaults["batch"],
        features=arguments.features,
        blocks=arguments.blocks,
        precision=arguments.precision,
        compile=getattr(arguments, "compile", False),
    )
    return setting, pick_device(arguments.device)


def main() -> None:
    options = parser("Times our training step against the plain recipe.")
    options.add_argument("--compile", action="store_true", help="compile our networks")
    options.add_argument("--record", action="store_true", help="append the result to RESULTS.md")
    options.add_argument("--note", default="", help="last column of the recorded row")
    arguments = options.parse_args()
    setting, device = prepared(arguments)
    ours, plain, ratio = measure(setting, device, arguments.rounds, arguments.round_s, CLOCKS[arguments.clock])
    print(
        f"{setting.family}, {setting.text()}, on {describe(device)}, {arguments.clock} time, torch {torch.__version__}"
    )
    print(f"ours   {ours} images/s, median (quartiles) of {arguments.rounds} rounds")
    print(f"plain  {plain} images/s")
    print(f"ours is {ratio} times as fast")
    if arguments.record:
        where = f"{describe(device)}, {arguments.clock} time"
        record([date.today().isoformat(), where, setting.family, setting.text(), ours, plain, ratio, arguments.note])


if __name__ == "__main__":
    main()
