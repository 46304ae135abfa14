"""Fine-tuning: a run's first weights are those of the model in its folder `start/`."""

from pathlib import Path
from typing import Any

import torch

from gan_core import weights
from gan_core.config import few
from gan_core.errors import RunError

EMA = "_ema"


def load_start(folder: Path, name: str, training: Any, network: dict[str, Any], classes: list[str] | None) -> str:
    """Fill networks and their averages strictly; optimizers stay fresh. Gives back one sentence for the events.

    name: of the model, for people. network: the run's constructor numbers. classes: of its data.
    """
    if not weights.is_model_folder(folder):
        raise RunError(
            f"{folder} is missing: the weights of {name}, with which this run begins. Nothing was trained. "
            "Begin a new run."
        )
    model = weights.load(folder)
    known = len(model.config.classes or ())
    if known != len(classes or ()):
        raise RunError(
            f"{name} knows {known} classes and the data has {len(classes or ())}. Nothing was trained. "
            "Choose data with as many classes."
        )
    wrong = {key: value for key, value in network.items() if model.config.network.get(key, value) != value}
    if wrong:
        told = few([f"{key} {model.config.network[key]} instead of {value}" for key, value in wrong.items()])
        raise RunError(f"{name} does not fit this run: {told}. Nothing was trained. Begin a new run.")
    filled = []
    for part, module in training.modules.items():
        source = model.networks.get(part.removesuffix(EMA))
        if source is not None:
            with torch.no_grad():
                module.load_state_dict(source.state_dict())
            filled.append(part)
    fresh = [part for part in training.modules if part not in filled]
    id, _, step = name.removeprefix("run:").partition("@")
    run = f"{id}, step {int(step):,}" if step.isdecimal() else id
    text = f"Began with the weights of {run if name.startswith('run:') else name}"
    if fresh:
        text += f"; it holds no {few(fresh).replace('_', ' ')}, which began anew"
    if classes != model.config.classes:
        text += f"; its classes {few(model.config.classes or [])} are now {few(classes or [])}"
    return text + "."
