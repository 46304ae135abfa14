"""What is wrong with the form for a new run: a sentence for each field, by the field's name."""

import re
from collections.abc import Callable
from typing import Any

from gan_core.errors import ConfigError, DataError, GanCoreError
from gan_core.ui.lab.options import LABELS
from gan_core.ui.lab.sources import SHAPES
from gan_core.ui.limits import LimitError
from gan_core.ui.serve import Answer
from gan_core.ui.words import in_page_words

_FLAG = re.compile(r"--([a-z][a-z0-9-]*)")


class FieldError(ConfigError):
    """What stands in one field of the form cannot be."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def told(work: Callable[[], Answer]) -> Answer:
    """The answer, or the error with the option that it is about."""
    try:
        return work()
    except (LimitError, FieldError) as error:
        return {"ok": False, "error": str(error), "field": error.field}
    except GanCoreError as error:
        flag = _FLAG.search(str(error))
        field = flag[1].replace("-", "_") if flag else "data" if isinstance(error, DataError) else None
        text = _FLAG.sub(lambda flag: LABELS.get(flag[1].replace("-", "_"), flag[0]), str(error))
        return {"ok": False, "error": in_page_words(text), "field": field}


def told_all(form: object, work: Callable[[], Answer], check: Callable[[object], object]) -> Answer:
    """The answer, or beside the first error `errors`: all of them, found by leaving out one field after the other."""
    answer = first = told(work)
    if "error" not in first:
        return first
    errors: dict[str, str] = {}
    while (field := answer.get("field")) and field not in errors:
        errors[field] = answer["error"]
        form = without(form, field)
        answer = told(lambda rest=form: {"checked": check(rest)})  # type: ignore[misc]
    return {**first, "errors": errors}


def without(form: object, field: str) -> dict[str, Any]:
    """The form without one of its fields, and without what is measured by that."""
    left = dict(form) if isinstance(form, dict) else {}
    if field == "data":
        return {**left, "data": SHAPES}
    if field.startswith("push"):
        push = left.get("push")
        return {
            **left,
            "push": {**push, "minutes": None} if field == "push_minutes" and isinstance(push, dict) else None,
        }
    gone = {field, "load_size"} if field == "size" else {field}
    for part in ("train", "network", "recipe"):
        values = left.get(part)
        left[part] = {key: one for key, one in values.items() if key not in gone} if isinstance(values, dict) else {}
    return {key: value for key, value in left.items() if key != field}


def check_size(family: str, given: object) -> None:
    """Raise `ConfigError` by the networks' own rule for sizes, whole, where they have one: the general one is wider."""
    from gan_core.models import get_networks

    size = given.get("size") if isinstance(given, dict) else None
    network = get_networks(family).Network
    if size not in (None, "") and "size" in network.__dataclass_fields__:
        network(size=int(size) if isinstance(size, float) and size.is_integer() else size)
