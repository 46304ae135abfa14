"""Tiny real trainings: 16 px, 8 channels, `shapes`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gan_core.config import RunConfig, TrainConfig
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from gan_core.weights import load

COMMON = {
    "data": "shapes",
    "quality_steps": 0,
    "log_steps": 2,
    "sample_steps": 100,
    "snapshot_steps": 100,
    "state_steps": 4,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "dcgan": {
        "train": {**COMMON, "size": 16, "batch": 8, "conditional": True, "flip": True, "load_size": 20},
        "network": {"latent_dim": 8, "generator_features": 8, "discriminator_features": 8},
        "recipe": {
            "augment": "color,translation,cutout",
            "decay_from": 0.5,
            "discriminator_steps": 2,
            "r1_weight": 0.1,
        },
    },
    "cyclegan": {
        "train": {**COMMON, "size": 16, "batch": 2, "flip": True},
        "network": {"generator_features": 4, "discriminator_features": 4, "blocks": 1, "discriminator_layers": 1},
        "recipe": {"pool_size": 3, "discriminator_steps": 2, "discriminator_lead": 1},
    },
}
"""Options that make every source of randomness and every kept thing take part: augmentation, pools, schedules, EMA."""

TIMES = ("elapsed_s", "images_per_s", "memory_mb", "gpu_memory_mb", "gpu_percent")


def config(family: str, steps: int, **changed: Any) -> RunConfig:
    """`changed` goes to the train, network or recipe options that know it; network and recipe by their dict."""
    options = FAMILIES[family]
    network, recipe = changed.pop("network", {}), changed.pop("recipe", {})
    return RunConfig(
        family=family,
        train=TrainConfig(**{**options["train"], **changed}, steps=steps, device="cpu"),
        network={**options["network"], **network},
        recipe={**options["recipe"], **recipe},
    )


def finished(folder: Path, run_config: RunConfig) -> RunFolder:
    """A run that has been trained to its end, here and now."""
    run = RunFolder(folder)
    run.create(run_config)
    list(train(run_config, run))
    return run


def flags(config: RunConfig) -> list[str]:
    """The configuration as command line options."""
    given = {**FAMILIES[config.family]["train"], "steps": config.train.steps, **config.network, **config.recipe}
    result = ["--device", "cpu"]
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        result += [flag] if value is True else [flag, str(value)]
    return result


def command(config: RunConfig, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "gan_core", "train", config.family, *flags(config), "--run", str(folder), *more]


def start(arguments: list[str], **options: Any) -> subprocess.Popen[str]:
    # Some processors' convolutions round differently on two threads: the same bits want the same number of them.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    options["env"] = {**os.environ, **threads, **options.get("env", {})}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def lines(run: RunFolder) -> list[dict[str, Any]]:
    """The metrics lines without their times."""
    return [{key: value for key, value in line.items() if key not in TIMES} for line in run.metrics()]


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str], timeout_s: float = 120) -> None:
    """Until the condition holds; a process that ended, or too long a wait, fails the test."""
    end = time.monotonic() + timeout_s
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the trainer ended: {process.communicate()[1]}")
        assert time.monotonic() < end, "the trainer made no progress"
        time.sleep(0.005)


def assert_no_torn_file(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    for snapshot in (folder / "snapshots").glob("[0-9]*"):
        load(snapshot)
