"""What the tabs ask for: models, example photographs and runs. One object, built once and handed to each tab.

Imports torch when a model is first needed, never before: the page answers at once, and the first visitor's load event
or `warm_up` pays.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from PIL import Image

from gan_core.errors import ModelError
from gan_core.scenes import EXAMPLES
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.ui.runner import Runner
from gan_core.ui.turns import Turns

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator
    from gan_core.library import ModelInfo

T = TypeVar("T")
RUN = "run:"
LISTED_S = 5.0
OPENED_S = 0.25  # Looking whether a model's files have changed takes a tenth of a picture's time.


class Services:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = Runner(settings)
        self.turns = Turns()
        """Whole photographs are painted one after another, whoever asks."""
        self._generators: tuple[float, dict[str, ModelInfo]] = (float("-inf"), {})
        self._opened: dict[str, tuple[float, ref[Generator] | None]] = {}  # The library decides what stays in memory.
        self._hand = ThreadPoolExecutor(1, "at-hand")
        self._lock = Lock()

    # Models.

    def info(self, value: str | None) -> "ModelInfo":
        """The model of a picker's value; raises `ModelError` where it is gone."""
        # Only what is listed is opened: a name that came over the network never becomes a path.
        for kind in ("generator", "translator"):
            if found := self._listed(kind).get(value or ""):
                return found
        raise ModelError(f"There is no model {value!r} any more. Nothing was changed. Choose another one.")

    def _listed(self, kind: str) -> "dict[str, ModelInfo]":
        from gan_core.library import describe, list_models

        found = {info.name: info for info in list_models(self.settings)}
        for run in reversed(list_runs(self.settings.runs_dir)):
            if snapshot := run.newest_snapshot():
                found[RUN + run.id] = describe(snapshot)
        return {value: info for value, info in found.items() if info.kind == kind and not info.error}

    def _load(self, value: str | None, kind: str) -> "Generator | Translator":
        from gan_core.library import load

        info = self.info(value)
        if info.kind != kind:
            raise ModelError(f"{info.name} is a {info.kind}. Nothing was drawn. Choose a {kind}.")
        return load(info.folder, settings=self.settings)

    def generators(self, *, fresh: bool = False) -> "dict[str, ModelInfo]":
        """The generators by what pickers send, at most `LISTED_S` old unless `fresh`.

        The first is the one to begin with: models before runs, those trained here before imported
        ones, colour before grey, large before small.
        """
        with self._lock:
            listed_at, found = self._generators
        if fresh or time.monotonic() - listed_at > LISTED_S:
            listed = self._listed("generator").items()
            found = dict(sorted(listed, key=lambda one: (*_later(*one), one[1].channels < 3, -(one[1].size or 0))))
            with self._lock:
                self._generators = (time.monotonic(), found)
        return found

    def generator(self, value: object) -> "Generator":
        """A generator, many times a second. Raises `ModelError` where it is gone."""
        # Reading every configuration on the disk would take longer than the picture.
        name = value if isinstance(value, str) else ""
        opened_at, opened = self._opened.get(name, (float("-inf"), None))
        kept = opened() if opened and time.monotonic() - opened_at < OPENED_S else None
        if kept is not None:
            return kept
        known = self.generators()
        known = known if name in known else self.generators(fresh=True)
        if name not in known:
            if name in self._listed("translator"):
                raise ModelError(f"{name} is a translator, which draws from photographs. Choose a generator.")
            raise ModelError(f"There is no generator {str(value)[:80]!r} here. Nothing was drawn. Choose another one.")
        from gan_core.library import load

        generator: Any = self.at_hand(lambda: load(known[name].folder, settings=self.settings))
        self._opened[name] = time.monotonic(), ref(generator)
        return generator

    def at_hand(self, work: Callable[[], T]) -> T:
        """What `work` gives back, computed on the one thread for what a moving hand waits for.

        Each thread that computes has helpers of its own, and where those are more than the processors, none of them
        waits awake for the next layer: a picture took half as long again.
        """
        return self._hand.submit(work).result()

    def warm_up(self) -> None:
        """Load the first model of each kind, so that the first visitor need not wait for it."""
        for value in list(self.generators())[:1]:
            self.at_hand(self.generator(value).directions)
        for value in list(self.translators())[:1]:
            self.translator(value)

    def translators(self) -> "dict[str, ModelInfo]":
        """The translators by what pickers send: models before runs, imported ones after those trained here."""
        return dict(sorted(self._listed("translator").items(), key=lambda one: _later(*one)))

    def translator(self, value: object) -> "Translator":
        """A translator. Raises `ModelError` where it is gone, and for a generator."""
        translator: Any = self._load(value if isinstance(value, str) else "", "translator")
        return translator

    # Pictures.

    @cached_property
    def examples(self) -> dict[str, Image.Image]:
        """The drawn photographs, by key."""
        return {key: example.draw() for key, example in EXAMPLES.items()}

    # Runs.

    def run(self, run_id: str | None) -> RunFolder:
        return self.runs.find(run_id)


def _later(value: str, info: "ModelInfo") -> tuple[bool, bool]:
    """What a visitor should not meet first sorts after the rest."""
    return value.startswith(RUN), bool(info.imported_as)
