"""What may be trained from the page: limits that whoever runs the server sets, see `gan_core.settings`."""

from dataclasses import replace
from math import isfinite

from gan_core.config import RunConfig
from gan_core.errors import ConfigError
from gan_core.settings import Settings


class LimitError(ConfigError):
    """More was asked for than this server trains."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        """The option that is too large."""


def within_limits(config: RunConfig, settings: Settings) -> RunConfig:
    """The configuration, ended after the hours that are allowed. Raises `LimitError` where it asks for too much."""
    train = config.train
    if train.steps > settings.max_steps:
        raise LimitError("steps", _sentence(f"{settings.max_steps:,.0f} steps", "fewer", "GAN_CORE_MAX_STEPS"))
    if train.size > settings.max_size:
        raise LimitError("size", _sentence(f"{settings.max_size:,.0f} px", "smaller pictures", "GAN_CORE_MAX_SIZE"))
    if not isfinite(settings.max_hours):
        return config
    hours = min(train.max_hours or settings.max_hours, settings.max_hours)
    return replace(config, train=replace(train, max_hours=hours))


def _sentence(most: str, less: str, variable: str) -> str:
    return (
        f"This server trains at most {most}. Nothing was started. Ask for {less}; "
        f"whoever runs the server sets the limit with {variable}."
    )
