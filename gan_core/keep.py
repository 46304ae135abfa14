"""From a snapshot to a named model: measured, with a preview and a card."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core import weights
from gan_core.cards import model_card
from gan_core.cards.curve import FILE as CURVE
from gan_core.cards.curve import curve_webp
from gan_core.config import check_name
from gan_core.data import DataOptions, load_domains, load_images
from gan_core.data.decode import ImageSet
from gan_core.errors import DataError, HubError, ModelError, RunError
from gan_core.images import to_float
from gan_core.inference.generator import Generator
from gan_core.inference.translator import Translator
from gan_core.library import load
from gan_core.metrics import checkerboard, pairwise_distance
from gan_core.models import get_networks
from gan_core.preview import generator_preview, translator_preview, webp
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder

COUNT = 64
OnProgress = Callable[[str, float | None], None]


def keep(
    run: RunFolder,
    name: str,
    *,
    settings: Settings | None = None,
    step: int | None = None,
    half: bool = False,
    license: str | None = None,
    notes: str = "",
    files: dict[str, bytes] | None = None,
    on_progress: OnProgress | None = None,
    on_unmeasured: Callable[[str], None] | None = None,
) -> Path:
    """Copy a snapshot (the newest, or that of `step`) into the models folder under a name, measured on the run's data.

    half: store convolutions in float16. notes: the card's text on data and licences. on_progress(what, share): told
    what is being done, and how much; may raise to give up, and nothing is kept then. on_unmeasured(reason): called
    where the data cannot be read any more, and the model is kept without measures; None: that is an error.
    """
    report = on_progress or _silent
    settings = settings or Settings()
    folder = settings.models_dir / check_name(name)
    if folder.exists():
        raise ModelError(f"{folder} exists. Nothing was kept. Choose another name, or remove that folder first.")
    run.config()  # Refuses what is not a run.
    snapshots = dict(run.snapshots())
    if not snapshots:
        raise RunError(f"{run.path} has no snapshot yet. Nothing was kept. Wait for the first one.")
    if step is not None and step not in snapshots:
        known = ", ".join(str(number) for number in snapshots)
        raise RunError(f"{run.path} has no snapshot of step {step}. It has {known}. Nothing was kept.")
    snapshot = snapshots[step if step is not None else max(snapshots)]
    model = load(snapshot, settings=settings)
    try:
        if isinstance(model, Generator):
            metrics = _measure_generator(model, run, settings, report)
        else:
            metrics = _measure_translator(model, run, settings, report)
    except (DataError, HubError, OSError) as error:
        if on_unmeasured is None:
            raise
        on_unmeasured(str(error))
        metrics = {}
    report("Drawing the preview", None)
    preview = generator_preview(model) if isinstance(model, Generator) else translator_preview(model)
    report("Writing", None)
    loaded = weights.load(snapshot, only=get_networks(model.config.family).REQUIRED)
    config = replace(loaded.config, license=license)
    curve = curve_webp(run.path, int(config.trained.get("steps", 0)))
    card = model_card(name, config, metrics, notes, CURVE if curve else None).encode()
    everything = {
        "README.md": card,
        "preview.webp": webp(preview),
        **({CURVE: curve} if curve else {}),
        **(files or {}),
    }
    weights.save(folder, config, loaded.networks, half=half, metrics=metrics, files=everything)
    return folder


def _silent(what: str, share: float | None) -> None:
    pass


def _reading(report: OnProgress) -> Callable[[int, int], None]:
    return lambda done, total: report("Reading the data", done / max(total, 1))


def _measure_generator(model: Generator, run: RunFolder, settings: Settings, report: OnProgress) -> dict[str, Any]:
    train = run.config().train
    options = DataOptions(side=train.size, channels=model.config.network["channels"], fit=train.fit)
    report("Reading the data", None)
    real = load_images(train.data, options, settings, _reading(report))
    report("Measuring", None)
    classes = len(model.classes) if model.classes else 1
    # As many of each class as there are, in both.
    z = model.latents(range(COUNT))
    rows = [model.decode(z[i : i + 1], i % classes if model.classes else None) for i in range(COUNT)]
    drawn = torch.cat(rows).cpu()
    return {
        "pairwise_distance": {"samples": pairwise_distance(drawn), "real": pairwise_distance(_spread(real))},
        "pictures_compared": COUNT,
        "data": str(model.config.data.get("name")),
    }


def _measure_translator(model: Translator, run: RunFolder, settings: Settings, report: OnProgress) -> dict[str, Any]:
    """On the held-out pictures, at the size they were trained from."""
    train = run.config().train
    side = (train.load_size or train.size) // 4 * 4
    options = DataOptions(side=side, channels=model.channels, fit=train.fit)
    report("Reading the data", None)
    domains = load_domains(train.data, options, settings, _reading(report))
    sides = {"a": _spread(domains.test_a), "b": _spread(domains.test_b)}
    metrics: dict[str, Any] = {}
    for direction in model.directions:
        source, target = tuple(direction)
        x = sides[source]
        y = _each(model, x, direction, report)
        label = f"{model.domains[source]} to {model.domains[target]}"
        metrics[label] = {
            "pictures": len(x),
            "pairwise_distance_results": pairwise_distance(y),
            "pairwise_distance_real": pairwise_distance(sides[target]),
            "checkerboard_results": checkerboard(y),
            "checkerboard_real": checkerboard(sides[target]),
        }
        if direction[::-1] in model.directions:
            metrics[label]["round_trip_mean_absolute_difference"] = float(
                (_each(model, y, direction[::-1], report) - x).abs().mean()
            )
    return metrics


def _each(model: Translator, x: Tensor, direction: Any, report: OnProgress) -> Tensor:
    painted = []
    for number, picture in enumerate(x):
        report("Painting held-out pictures", number / len(x))
        painted.append(model.forward(picture[None], direction).cpu())
    return torch.cat(painted)


def _spread(images: ImageSet) -> Tensor:
    """Up to 64 pictures, evenly over the set, so that every class takes part."""
    count = min(COUNT, len(images))
    places = [index * len(images) // count for index in range(count)]
    return to_float(torch.stack([images.pictures[place] for place in places]))
