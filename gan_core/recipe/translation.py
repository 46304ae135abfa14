"""What a translated photograph tells of itself: model, direction and settings."""

import json
from dataclasses import dataclass
from typing import Any

from gan_core.errors import RecipeError
from gan_core.recipe.checks import entries, number, refuse, sequence, whole
from gan_core.recipe.values import FORMAT, ModelRef

MAX_STRENGTH = 2
MAX_SIDE_PX = 10**6


@dataclass(frozen=True, kw_only=True)
class Translation:
    """How a photograph was translated. It does not draw the picture again: the photograph is not in it."""

    model: ModelRef | None
    """Name, and the hash of the weights that painted; None: not known."""
    direction: str
    """ab made a picture of domain b out of one of domain a; ba the other way."""
    strength: float = 1.0
    """0 the photograph itself, 1 the network's picture, to 2."""
    keep_colours: bool = False
    """Whether the brightness alone was changed."""
    size: tuple[int, int]
    """Width and height of the result in pixels."""
    painted_px: int | None = None
    """Long side at which the network painted, and its change was enlarged; None: every pixel."""

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, ModelRef):
            raise refuse("model", self.model, "an object with the model's name")
        if self.direction not in ("ab", "ba"):
            raise refuse("direction", self.direction, "ab or ba")
        if not isinstance(self.keep_colours, bool):
            raise refuse("keep_colours", self.keep_colours, "true or false")
        if self.painted_px is not None:
            whole("painted_px", self.painted_px, 1, MAX_SIDE_PX)
        # Frozen; what is stored is the checked copy.
        object.__setattr__(self, "strength", number("strength", self.strength, 0, MAX_STRENGTH))
        sides = tuple(whole("size", side, 1, MAX_SIDE_PX) for side in sequence("size", self.size, 2, 2))
        object.__setattr__(self, "size", sides)

    def dumps(self) -> str:
        """One line of JSON, in ASCII."""
        return json.dumps(self.to_json(), allow_nan=False, separators=(",", ":"))

    def to_json(self) -> dict[str, Any]:
        values = {
            "format": FORMAT,
            "model": self.model.to_json() if self.model else None,
            "direction": self.direction,
            "strength": self.strength,
            "keep_colours": self.keep_colours,
            "size": list(self.size),
        }
        return values if self.painted_px is None else {**values, "painted_px": self.painted_px}

    @classmethod
    def from_json(cls, value: Any) -> "Translation":
        """From parsed JSON of a stranger. Raises `RecipeError`."""
        known = ("format", "model", "direction", "strength", "keep_colours", "size", "painted_px")
        values = entries("translation", value, known)
        if values.pop("format", None) != FORMAT:
            raise RecipeError(f"This is not a translation of format {FORMAT}. Nothing was changed. Use one saved here.")
        if isinstance(values.get("model"), dict):
            values["model"] = ModelRef(**{"name": None, **entries("model", values["model"], ("name", "sha256", "hub"))})
        return cls(**{"model": None, "direction": None, "size": None, **values})
