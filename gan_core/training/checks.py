"""What can be told of a training before anything is made."""

from dataclasses import fields

from gan_core.config import RunConfig, build
from gan_core.data import check_spec
from gan_core.models import get_networks
from gan_core.training import get_training, tensorboard


def check(config: RunConfig) -> None:
    """Raise `GanCoreError` for options that cannot work, before a run folder is made or data is read."""
    check_spec(config.train.data)
    if config.train.tensorboard:
        tensorboard.check()
    build(get_training(config.family).Recipe, config.recipe, "The recipe")
    network = get_networks(config.family).Network
    known = {item.name for item in fields(network)}
    size = {"size": config.train.size} if "size" in known else {}
    build(network, {**size, **config.network}, "The network")
