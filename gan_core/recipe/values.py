"""The recipe itself: frozen values, checked where they are built, to JSON and back."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_core.config import MAX_SEED
from gan_core.errors import RecipeError
from gan_core.recipe.checks import entries, mapping, number, parsed_seed, refuse, sequence, text, whole

FORMAT = 1
MAX_LATENTS = 4096
MAX_NAMES = 1000  # Classes, and directions that a model may have.
MAX_STAGES = 16

DIRECTION_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """Which model a recipe is for."""

    name: str
    """Its folder's name, or the id of a run."""
    sha256: str | None = None
    """Of generator.safetensors, in small hexadecimal letters: the very weights."""
    hub: str | None = None
    """user/name or user/name@commit on the Hugging Face Hub, where it can be fetched."""

    def __post_init__(self) -> None:
        text("model name", self.name)
        if self.sha256 is not None and not (isinstance(self.sha256, str) and _SHA256.fullmatch(self.sha256)):
            raise refuse("model sha256", self.sha256, "64 hexadecimal digits")
        if self.hub is not None:
            text("model hub", self.hub)

    def to_json(self) -> dict[str, Any]:
        values = {"name": self.name, "sha256": self.sha256, "hub": self.hub}
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The look of a second seed at some stages of the generator."""

    seed: int
    """The seed that lends its look."""
    stages: tuple[int, ...]
    """Numbers of the stages, 1 for the first (4 px), 2 for the second (8 px), ...; `Generator.stages` has their px."""
    amount: float = 1.0
    """0 none, 1 full."""
    label: str | None = None
    """Class by name whose look is lent; None: the class of the picture itself."""

    def __post_init__(self) -> None:
        if self.label is not None:
            text("mix label", self.label)
        whole("mix seed", self.seed, 0, MAX_SEED)
        numbers = {whole("mix stage", n, 1, MAX_STAGES) for n in sequence("mix stages", self.stages, 0, MAX_STAGES)}
        object.__setattr__(self, "stages", tuple(sorted(numbers)))
        object.__setattr__(self, "amount", number("mix amount", self.amount, 0, 1))

    def to_json(self) -> dict[str, Any]:
        values = {"seed": self.seed, "stages": list(self.stages), "amount": self.amount}
        return values if self.label is None else {**values, "label": self.label}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that makes a picture. Raises `RecipeError` for values that cannot be."""

    model: ModelRef | None = None
    """None: whichever model it is given to."""
    seed: int | None = 0
    """The base; None where `z` is given."""
    z: tuple[float, ...] | None = None
    """The base as a latent of its own, number by number, instead of a seed."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Place between the seeds s, s + 1 (to the right), s + 100 (down) and s + 101, each way in [0, 1)."""
    truncation: float = 1.0
    """Factor on the base, 0 to 2."""
    label: str | dict[str, float] | None = None
    """A class by name, or weights by name; None: the class that the seed picks."""
    directions: dict[str, float] = field(default_factory=dict)
    """Standard deviations along directions, by id."""
    latents: dict[int, float] = field(default_factory=dict)
    """Added to single latents, by number from 1."""
    mix: Mix | None = None

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, ModelRef):
            raise refuse("model", self.model, "an object with the model's name")
        if self.mix is not None and not isinstance(self.mix, Mix):
            raise refuse("mix", self.mix, "an object with seed, stages and amount")
        # Frozen, so that a recipe can be kept in a history; what is stored is the checked copy.
        for name, value in {
            "z": self._checked_z(),
            "shift": self._checked_shift(),
            "truncation": number("truncation", self.truncation, 0, 2),
            "label": self._checked_label(),
            "directions": self._checked_directions(),
            "latents": self._checked_latents(),
        }.items():
            object.__setattr__(self, name, value)
        if self.z is None:
            whole("seed", self.seed, 0, MAX_SEED)
        elif self.seed:
            raise RecipeError("The recipe holds both a seed and a z. Nothing was changed. Leave one of them out.")
        else:
            object.__setattr__(self, "seed", None)
        if self.z is not None and self.shift != (0.0, 0.0):
            raise RecipeError("The recipe shifts a z, which lies between no seeds. Nothing was changed. Give a seed.")

    def _checked_z(self) -> tuple[float, ...] | None:
        if self.z is None:
            return None
        return tuple(number("z", value, -100, 100) for value in sequence("z", self.z, 1, MAX_LATENTS))

    def _checked_shift(self) -> tuple[float, float]:
        x, y = (number("shift", value, 0, 1) for value in sequence("shift", self.shift, 2, 2))
        if x == 1 or y == 1:
            raise refuse("shift", self.shift, "below 1 each way (1 is the next seed)")
        return x, y

    def _checked_label(self) -> str | dict[str, float] | None:
        if self.label is None or isinstance(self.label, str):
            return None if self.label is None else text("label", self.label)
        if not isinstance(self.label, Mapping):
            raise refuse("label", self.label, "a class, or weights by class")
        weights = {
            text("label", name): number("label weight", weight, 0, 1)
            for name, weight in mapping("label", self.label, MAX_NAMES).items()
        }
        if not any(weights.values()):
            raise refuse("label", self.label, "a class, or weights of which one is above 0")
        return weights

    def _checked_directions(self) -> dict[str, float]:
        moves = {}
        for name, value in mapping("directions", self.directions, MAX_NAMES).items():
            if not isinstance(name, str) or not DIRECTION_ID.fullmatch(name):
                raise refuse("direction", name, "an id such as sefa-1")
            moves[name] = number(f"direction {name}", value, -10, 10)
        return {name: value for name, value in moves.items() if value}  # A slider at rest is no edit.

    def _checked_latents(self) -> dict[int, float]:
        edits = {
            whole("latent number", place, 1, MAX_LATENTS): number("latent edit", value, -10, 10)
            for place, value in mapping("latents", self.latents, MAX_LATENTS).items()
        }
        return {place: value for place, value in sorted(edits.items()) if value}

    def __hash__(self) -> int:
        return hash(self.dumps())

    def dumps(self) -> str:
        """One line of JSON, in ASCII."""
        return json.dumps(self.to_json(), allow_nan=False, separators=(",", ":"))

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {"format": FORMAT, "model": self.model.to_json() if self.model else None}
        values |= {"seed": self.seed} if self.z is None else {"z": list(self.z)}
        if self.shift != (0.0, 0.0):
            values["shift"] = list(self.shift)
        values |= {"truncation": self.truncation, "label": self.label, "directions": dict(self.directions)}
        values["latents"] = {str(place): value for place, value in self.latents.items()}
        if self.mix:
            values["mix"] = self.mix.to_json()
        return values

    @classmethod
    def from_json(cls, value: Any) -> "Recipe":
        """A recipe from parsed JSON; seeds may be text. Unknown entries are refused: half a recipe draws another."""
        known = ("format", "model", "seed", "z", "shift", "truncation", "label", "directions", "latents", "mix")
        values = entries("recipe", value, known)
        if values.pop("format", None) != FORMAT:
            raise RecipeError(f"This is not a recipe of format {FORMAT}. Nothing was changed. Use one saved here.")
        given = {key: part for key, part in values.items() if part is not None}
        if ("seed" in given) == ("z" in given):
            both = "both a seed and a z" if "seed" in given else "neither a seed nor a z"
            raise RecipeError(f"The recipe holds {both}. Nothing was changed. Give one of them.")
        if "seed" in given:
            given["seed"] = parsed_seed(given["seed"])
        if "model" in given:
            model = entries("recipe's model", given["model"], ("name", "sha256", "hub"))
            given["model"] = ModelRef(**{"name": None, **model})
        if "mix" in given:
            mix = entries("recipe's mix", given["mix"], ("seed", "stages", "amount", "label"))
            given["mix"] = Mix(**{"stages": None, **mix, "seed": parsed_seed(mix.get("seed"))})
        if "latents" in given:
            edits = mapping("latents", given["latents"], MAX_LATENTS)
            given["latents"] = {parsed_seed(place): edit for place, edit in edits.items()}
        return cls(**given)
