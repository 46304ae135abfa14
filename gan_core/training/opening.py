"""Opening a bench: the networks of a run as its newest state has them, new ones of its configuration, or small ones.

A run is read and never written to.
"""

from dataclasses import fields, replace
from typing import Any

import torch

from gan_core.config import RunConfig, TrainConfig, build
from gan_core.data import DataOptions
from gan_core.data.few import few_domains, few_images
from gan_core.draws import Shard
from gan_core.errors import RunError
from gan_core.families import get_family
from gan_core.models import get_networks
from gan_core.settings import Settings
from gan_core.training import get_training
from gan_core.training.feeds import TRANSLATOR_LOAD_RATIO, DomainFeed, ImageFeed
from gan_core.training.games import GAMES
from gan_core.training.plan import Plan, initial_generator
from gan_core.training.run_folder import IMPORTED, RunFolder
from gan_core.training.state import load_state
from gan_core.training.stepping import Bench

BATCH = 8
"""Pictures of a generator's batch: few enough to be looked at one by one, enough for batch norm."""
PICTURES = 64
"""Pictures of the data that the bench takes its batches from."""
TRANSLATOR_PX = 128
"""Translators see pieces of this side: their networks are convolutions, and a step takes seconds instead of minutes."""
COPIES = 12
"""Of all weights, in a bench: weights, gradients, Adam's two moments, and the same to go back to, and to begin with."""
COUNTS = {4: 64**2 * 16**2 * 9, 2: 128**2 * 32**2 * 6}
"""A translator's pictures, by the most that pixels x features^2 x blocks may come to; beyond it, one."""
ENDLESS = 10**9
"""Steps of the bench's plan: a run that has done all of its own would learn nothing more."""
GENTLE = {"decay_from": 1.0, "ema_decay": 0.0, "discriminator_steps": 1, "discriminator_lead": 0}
"""What a recipe is changed in: full learning rates even at the end of a run, one update a step, no average."""
SMALL = {
    "dcgan": {"latent_dim": 64, "generator_features": 32, "discriminator_features": 32},
    "cyclegan": {"generator_features": 16, "discriminator_features": 16, "blocks": 3, "discriminator_layers": 2},
}
"""Networks for a bench without a run."""


def open_bench(
    run: RunFolder | None, settings: Settings, *, step: int | None = None, seed: int | None = None, room_bytes: float
) -> Bench:
    """A bench with the state of `run` nearest to `step` (None: the newest), with new weights where it has none.

    seed: names the batches and new weights; None: the run's own. Raises `GanCoreError` where the data is not here or
    the networks need more than `room_bytes`.
    """
    config = run.config() if run else _without_run()
    if config.train.data.startswith(IMPORTED):  # A log brings neither pictures nor networks.
        config = _without_run(config.family)
    kind = get_family(config.family).kind
    module = get_training(config.family)
    if not hasattr(module.Training, "discriminator_half"):
        raise RunError(f"{config.family} cannot be taken step by step. Nothing was opened. Choose another run.")
    train = replace(
        config.train, seed=config.train.seed if seed is None else seed, device="cpu", precision="float32", compile=False
    )
    train = _pieces(train) if kind == "translator" else train
    feed = _feed(kind, train, settings)
    network_type = get_networks(config.family).Network
    known = {item.name for item in fields(network_type)}
    facts = {name: value for name, value in feed.facts().items() if name in known}
    network = build(network_type, {**facts, **config.network}, "The network")
    _refuse_large(config.family, network, room_bytes)
    plan = Plan(
        size=train.size,
        steps=ENDLESS,
        batch=_batch(kind, train, network),
        seed=train.seed,
        device=torch.device("cpu"),
        shard=Shard(),
        precision="float32",
    )
    recipe = build(module.Recipe, config.recipe, "The recipe")
    known = {item.name for item in fields(recipe)}
    recipe = replace(recipe, **{name: value for name, value in GENTLE.items() if name in known})
    with torch.random.fork_rng(devices=[]):
        initial_generator(train.seed)
        training = module.Training(network, recipe, plan)
        at = _load(run, training, step) if run else None
    game = GAMES[kind](training, feed)
    whose = "shapes" if run is None else "fresh"
    return Bench(config, kind, game, at or 0, "state" if at is not None else whose)  # type: ignore[arg-type]


def _load(run: RunFolder, training: Any, step: int | None) -> int | None:
    """Fill the training from a state; its step, or None where there is none to be read."""
    failed = None
    for _ in range(3):  # A trainer at work replaces its states, perhaps while they are being read.
        states = run.states()
        order = sorted(states, key=lambda one: -one[0] if step is None else abs(one[0] - step))
        for at, path in order:
            try:
                load_state(path, training, torch.device("cpu"))
            except RunError as error:
                failed = error
            else:
                return at
    if failed is not None:
        raise RunError(f"{str(failed).removesuffix(' Nothing was resumed.')} Nothing was opened.")
    return None


def _without_run(family: str = "dcgan") -> RunConfig:
    train = TrainConfig(data="shapes", size=32 if family == "dcgan" else 64, batch=BATCH, steps=1000)
    return RunConfig(family=family, train=train, network=SMALL.get(family, {}), recipe={})


def _pieces(train: TrainConfig) -> TrainConfig:
    load_size = train.load_size or round(train.size * TRANSLATOR_LOAD_RATIO)
    return replace(train, size=min(train.size, TRANSLATOR_PX), load_size=load_size)


def _feed(kind: str, train: TrainConfig, settings: Settings) -> ImageFeed | DomainFeed:
    options = DataOptions(side=train.load_size or train.size, channels=train.channels, fit=train.fit)
    if kind == "translator":
        a, b = few_domains(train.data, replace(options, channels=train.channels or 3), settings, PICTURES // 2)
        return DomainFeed(a, b, a, b, train)
    return ImageFeed(few_images(train.data, options, settings, PICTURES), train)


def _batch(kind: str, train: TrainConfig, network: Any) -> int:
    """Few enough pictures for a step to take seconds."""
    if kind == "generator":
        return BATCH
    heavy = train.size**2 * network.generator_features**2 * network.blocks
    return next((count for count, most in COUNTS.items() if heavy <= most), 1)


def _refuse_large(family: str, network: Any, room_bytes: float) -> None:
    with torch.device("meta"):
        modules = get_networks(family).build(network).values()
    needed = COPIES * sum(value.numel() * 4 for module in modules for value in module.parameters())
    if needed > room_bytes:
        raise RunError(
            f"These networks need {needed / 1e9:.1f} GB to be taken step by step, and {room_bytes / 1e9:.1f} GB are "
            "free for it. Nothing was opened. Choose a smaller run, or look at shapes."
        )
