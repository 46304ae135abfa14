"""ZeroGPU: a Space whose graphics card is lent for single calls, by the package `spaces`.

Away from such a Space all of this does nothing. There, `spaces` must be imported before anything touches CUDA; it then
makes CUDA look present in the main process, where tensors can be placed but nothing computed. A call that is decorated
runs in a forked process that has the card, and what it is given and gives back travels there and back.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar

from gan_core.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")
VARIABLE = "SPACES_ZERO_GPU"


def zero_gpu() -> bool:
    """Whether this process runs on ZeroGPU: by the Hub's variable, and with the package that lends the card."""
    return os.environ.get(VARIABLE, "").lower() in ("1", "t", "true") and find_spec("spaces") is not None


def prepare() -> None:
    """Import `spaces` where it is needed. Raises `ConfigError` where CUDA has been touched already."""
    if not zero_gpu() or "spaces" in sys.modules:
        return
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise ConfigError("CUDA was in use before the package spaces was imported. Nothing was started.")
    import_module("spaces")


def on_gpu(seconds: float | Callable[P, float]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: on ZeroGPU the function runs where the card is, for at most so long; elsewhere it stays as it is.

    seconds: a number, or what computes it from the call's own arguments: a visitor's quota is charged by it.
    The function must stand in a module; its arguments and what it returns are pickled.
    """
    if not zero_gpu():
        return lambda work: work
    prepare()
    decorate: Callable[[Callable[P, T]], Callable[P, T]] = import_module("spaces").GPU(duration=seconds)
    return decorate
