"""What page and programs say of a translator, as the translator knows it."""

from typing import TYPE_CHECKING

from gan_core.errors import ConfigError
from gan_core.recipe import ModelRef
from gan_core.ui.services import RUN

if TYPE_CHECKING:
    from gan_core.inference.translator import Direction, Translator


def direction_of(translator: "Translator", direction: object) -> "Direction":
    """A direction by its letters, or by the domain that it leads to; None is the model's default."""
    if direction is None or direction == "":
        direction = translator.default_direction
    named = {translator.domains[way[1]].casefold(): way for way in translator.directions}
    way = named.get(str(direction).casefold(), direction)
    if way not in translator.directions:
        known = ", ".join(translator.directions)
        raise ConfigError(f"This model has no direction {str(direction)[:80]!r}. Nothing was painted. It has {known}.")
    return "ab" if way == "ab" else "ba"


def ref_of(value: str, translator: "Translator") -> ModelRef:
    """How a picture names a model of the picker."""
    ref = translator.ref
    return ModelRef(name=value.removeprefix(RUN), sha256=ref.sha256 if ref else None, hub=ref.hub if ref else None)
