"""Methods as server functions of a component: what the page asks for with one object and is answered with one."""

import traceback
from collections.abc import Callable, Sequence
from typing import Any

from gan_core.errors import GanCoreError
from gan_core.ui.words import in_page_words

Answer = dict[str, Any]


def served(work: Callable[..., Answer], parts: Sequence[str]) -> Callable[[Any], Answer]:
    """`work` as the page calls it: with one object, of which the named parts become arguments.

    What comes back holds `ok`, and where it is false a sentence as `error`: an exception would reach the page as null.
    """

    def call(request: Any) -> Answer:
        given = request if isinstance(request, dict) else {}
        try:
            return {"ok": True, **work(**{name: given.get(name) for name in parts})}
        except GanCoreError as error:
            return {"ok": False, "error": in_page_words(str(error))}
        except Exception as error:  # Whoever looks at the page must be told, whatever it was.
            traceback.print_exc()
            return {"ok": False, "error": f"That went wrong ({type(error).__name__}). Nothing was changed."}

    call.__name__ = work.__name__  # Under this name the page finds it.
    return call
