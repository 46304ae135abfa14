"""What a recipe's entries are checked with; each refusal is one sentence that names the entry."""

import re
from collections.abc import Mapping
from typing import Any

from gan_core.config import shown
from gan_core.errors import RecipeError

MAX_NAME_LETTERS = 120
_DIGITS = re.compile(r"[0-9]{1,19}")


def refuse(what: str, value: object, wanted: str) -> RecipeError:
    return RecipeError(f"The recipe's {what} is {shown(value)}; it must be {wanted}. Nothing was changed.")


def number(what: str, value: object, low: float, high: float) -> float:
    # A comparison with NaN is false, so NaN is refused too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refuse(what, value, f"a number from {low:g} to {high:g}")
    return float(value)


def whole(what: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refuse(what, value, f"a whole number from {low} to {high}")
    return value


def text(what: str, value: object, longest: int = 200) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise refuse(what, value, f"a text of 1 to {longest} letters")
    return value


def mapping(what: str, value: object, most: int) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping) or len(value) > most:
        raise refuse(what, value, f"an object of at most {most} entries")
    return value


def sequence(what: str, value: object, least: int, most: int) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        count = str(most) if least == most else f"{least} to {most}"
        raise refuse(what, value, f"a list of {count} numbers")
    return value


def parsed_seed(value: object) -> object:
    """JSON readers in browsers round whole numbers above 2^53: they send seeds as text."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def entries(what: str, value: object, known: tuple[str, ...]) -> dict[str, Any]:
    """A JSON object as a dict; an entry that is not known is refused, since half a recipe draws another picture."""
    if not isinstance(value, Mapping):
        raise RecipeError(f"The {what} is {shown(value)}, not a JSON object. Nothing was changed. Use one saved here.")
    if foreign := [key for key in value if key not in known]:
        raise RecipeError(
            f"The {what} holds {shown(foreign[0])}, which this version does not know. Nothing was changed. "
            f"It may hold {', '.join(known)}."
        )
    return dict(value)


def shown_name(name: str) -> str:
    """A file's name as it may stand in a sentence: on one line, without letters that steer a terminal."""
    letters = name if name.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in name)
    return letters if len(letters) <= MAX_NAME_LETTERS else f"...{letters[-MAX_NAME_LETTERS:]}"
