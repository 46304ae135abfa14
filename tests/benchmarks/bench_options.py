"""The choices that `gan_core.devices` and `Plan` make for a device, side by side: memory layout, Adam, compilation.

    python -m tests.benchmarks.bench_options --family dcgan

Each row is our step with one thing changed; the ratio says how many times as fast as the step that we ship it is. All
rows take turns in every round.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # As a file too, and without an installation.

from gan_core.devices import describe
from tests.benchmarks import bench_training as bench

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
ADAMS = {"fused": {"fused": True}, "foreach": {"foreach": True}, "for-loop": {"foreach": False, "fused": False}}


def variant(
    setting: bench.Setting, device: torch.device, *, layout: str = "", adam: str = "", compiled: bool = False
) -> Callable[[], None]:
    """Our step with the named things changed; what is not named is as shipped."""
    training, batches = bench.our_training(replace(setting, compile=compiled), device)
    if layout:
        for module in training.modules.values():
            module.to(memory_format=LAYOUTS[layout])
    if adam:
        for name, optimizer in training.optimizers.items():
            training.optimizers[name] = _adam(optimizer, ADAMS[adam])
    step = 0

    def run() -> None:
        nonlocal step
        batch = next(batches)
        if layout:
            batch = type(batch)(*(_laid_out(value, layout) for value in batch))
        training.step(step, [batch])
        step += 1

    return run


def _adam(optimizer: torch.optim.Optimizer, how: dict[str, Any]) -> torch.optim.Adam:
    (group,) = optimizer.param_groups
    return torch.optim.Adam(group["params"], lr=group["lr"], betas=group["betas"], **how)


def _laid_out(value: Tensor | None, layout: str) -> Tensor | None:
    return value.contiguous(memory_format=LAYOUTS[layout]) if value is not None and value.ndim == 4 else value


def main() -> None:
    options = bench.parser("Compares the choices that differ by device.")
    options.add_argument(
        "--only", nargs="*", choices=["layout", "adam", "compile"], default=["layout", "adam", "compile"]
    )
    arguments = options.parse_args()
    setting, device = bench.prepared(arguments)
    candidates = {"as shipped": bench.our_step(setting, device)}
    if "layout" in arguments.only:
        candidates |= {f"layout {name}": variant(setting, device, layout=name) for name in LAYOUTS}
    if "adam" in arguments.only:
        candidates |= {f"Adam {name}": variant(setting, device, adam=name) for name in ADAMS}
    if "compile" in arguments.only:
        if device.type == "cpu" and not (shutil.which("c++") or shutil.which("g++")):
            print("compiled: left out, there is no C++ compiler")
        else:
            candidates["compiled"] = variant(setting, device, compiled=True)
    seconds = bench.alternate(candidates, device, arguments.rounds, arguments.round_s, bench.CLOCKS[arguments.clock])
    where = f"on {describe(device)}, {arguments.clock} time, torch {torch.__version__}"
    print(f"{setting.family}, {setting.text()}, {where}\n")
    print("| our step | images/s | ratio to as shipped |\n| --- | --- | --- |")
    for name, values in seconds.items():
        ratios = [shipped / value for shipped, value in zip(seconds["as shipped"], values, strict=True)]
        print(f"| {name} | {bench.shown([setting.batch / value for value in values])} | {bench.shown(ratios)} |")


if __name__ == "__main__":
    main()
