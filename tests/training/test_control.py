"""What may be changed while a run goes on, and how it is told."""

from dataclasses import replace

import pytest

from gan_core.errors import ConfigError
from gan_core.training.control import applied
from gan_core.training.dcgan import Recipe
from tests.training.tiny import config

RUN = config("dcgan", 8)


def test_what_changed_is_told_in_words() -> None:
    """It was told as options: "lr g 0.0004, sample steps 100" on the page."""
    new, recipe, told = applied(RUN, Recipe(), {"lr_g": 0.0004, "sample_steps": 1000, "lr_d": Recipe().lr_d})
    assert told == ["learning rate of G 0.0004", "sample interval 1,000 steps"]
    assert (recipe.lr_g, new.recipe["lr_g"], new.train.sample_steps) == (0.0004, 0.0004, 1000)
    assert new == replace(new, train=replace(RUN.train, sample_steps=1000))


def test_nothing_is_told_where_nothing_changes_and_the_rest_is_refused() -> None:
    assert applied(RUN, Recipe(), {"sample_steps": RUN.train.sample_steps})[2] == []
    with pytest.raises(ConfigError, match="'seed' cannot be changed"):
        applied(RUN, Recipe(), {"seed": 3})
