"""From what the page's form holds to a configuration that can be trained."""

from typing import TYPE_CHECKING

from gan_core.config import RunConfig, train_config
from gan_core.errors import ConfigError, DataError
from gan_core.families import get_family, trainable
from gan_core.presets import pace
from gan_core.ui.lab.complaints import check_size
from gan_core.ui.lab.looking import Looking
from gan_core.ui.lab.options import typed
from gan_core.ui.lab.sources import SHAPES, Sources
from gan_core.ui.limits import within_limits
from gan_core.ui.services import RUN, Services

if TYPE_CHECKING:
    from gan_core.training.counting import Facts


class Chosen:
    def __init__(self, services: Services, sources: Sources, looking: Looking) -> None:
        self._services, self._sources, self._looking = services, sources, looking

    def config(self, form: object) -> RunConfig:
        """The configuration of what is chosen. Nothing of it need work together yet."""
        given = form if isinstance(form, dict) else {}
        name = given.get("family")
        if not isinstance(name, str) or name not in trainable():
            raise ConfigError("No model family is chosen. Nothing was started. Choose one.")
        check_size(name, given.get("train"))
        train = typed(name, "train", given.get("train"))
        train.pop("data", None)
        train.pop("start_from", None)
        steps = train.get("steps", train_config(name, data=SHAPES).steps)
        train = {**pace(steps), **train, "data": self._sources.spec(given.get("data"))}
        network, recipe = typed(name, "network", given.get("network")), typed(name, "recipe", given.get("recipe"))
        if origin := given.get("start_from"):
            from gan_core.begin import resolved

            train["start_from"] = self._origin(origin)
            return resolved(name, train, network, recipe, self._services.settings)
        return RunConfig(family=name, train=train_config(name, **train), network=network, recipe=recipe)

    def _origin(self, value: object) -> str:
        """A model to start from, by a name that is listed here: what comes over the network never becomes a path."""
        text = value if isinstance(value, str) else ""
        info = self._services.info(text)
        return text if text.startswith(RUN) else info.name

    def checked(self, form: object) -> "tuple[RunConfig, Facts]":
        """The configuration, with everything looked at that can be before the start."""
        from gan_core.training.checks import check
        from gan_core.training.counting import check_fit

        config = within_limits(self.config(form), self._services.settings)
        check(config)
        facts = self._looking.facts(data_of(form), get_family(config.family).kind, config)
        if config.train.conditional and not facts.classes:
            raise ConfigError("--conditional needs classes, and this data has none. Nothing was started. Leave it out.")
        check_fit(config, facts)
        return config, facts


def data_of(form: object) -> str:
    """The page's value of the data; empty where none is chosen."""
    value = form.get("data") if isinstance(form, dict) else None
    return value if isinstance(value, str) else ""


def kind_of(family: object) -> str:
    """generator or translator. Raises `DataError` for what is no family."""
    if not isinstance(family, str) or family not in trainable():
        raise DataError("No model family is chosen. Nothing was read. Choose one.")
    return get_family(family).kind
