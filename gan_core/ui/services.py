"""What the tabs ask for: models, example photographs and runs. One object, built once and handed to each tab.

Imports torch when a model is first needed, never before: the page answers at once, and the first visitor's load event
or `warm_up` pays.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from PIL import Image

from gan_core.errors import GanCoreError, ModelError, RunError
from gan_core.scenes import EXAMPLES
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, list_runs
from gan_core.ui.fetching import Fetching
from gan_core.ui.runner import Runner
from gan_core.ui.turns import Turns

if TYPE_CHECKING:
    from gan_core.inference.generator import Generator
    from gan_core.inference.translator import Translator
    from gan_core.library import ModelInfo

T = TypeVar("T")
RUN = "run:"
"""Begins the value of a run's newest snapshot, run:<id>, and that of any other, run:<id>@<step>."""
HUB = "hub:"
"""Begins the value of a model of the Hub, hub:user/name or hub:user/name@revision."""
_SNAPSHOT = re.compile(rf"{RUN}(.+)@([0-9]{{1,12}})")
LISTED_S = 5.0
OPENED_S = 0.25  # Looking whether a model's files have changed takes a tenth of a picture's time.


class Services:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = Runner(settings)
        self.turns = Turns()
        """Whole photographs are painted one after another, whoever asks."""
        self.fetching = Fetching()
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
        if snapshot := self.snapshot(value):
            return snapshot
        raise ModelError(f"There is no model {value!r} any more. Nothing was changed. Choose another one.")

    def snapshot(self, value: object) -> "ModelInfo | None":
        """The model of run:<id>@<step>, and of a copy from the Hub; None for any other value.

        Raises `ModelError` where that run, or that snapshot of it, or that copy, is not here (any more).
        """
        if isinstance(value, str) and value.startswith(HUB):
            return self._copy(value)
        match = _SNAPSHOT.fullmatch(value) if isinstance(value, str) else None
        if not match:
            return None
        from gan_core.library import describe

        step = int(match[2])
        # As with names, what came over the network is looked for among what is there and never becomes a path.
        run = next((run for run in list_runs(self.settings.runs_dir) if run.id == match[1]), None)
        if run is None:
            raise ModelError(f"There is no run {match[1][:80]!r} any more. Nothing was drawn. Choose another model.")
        folder = dict(run.snapshots()).get(step)
        if folder is None:
            raise ModelError(
                f"The snapshot of step {step:,} of {run.id} is not kept any more. Nothing was drawn. "
                "Choose another step in Training."
            )
        info = describe(folder)
        if info.error:
            raise ModelError(info.error)
        return info

    def _copy(self, value: str) -> "ModelInfo":
        from gan_core.fetched import find_copy
        from gan_core.library import describe

        try:
            folder = find_copy(value)
        except GanCoreError as error:
            raise ModelError(str(error).replace("Nothing was loaded", "Nothing was drawn")) from None
        info = describe(folder)
        if info.error:
            raise ModelError(info.error)
        return replace(info, name=value)

    def gone(self, value: object) -> str | None:
        """Why the snapshot or copy that a value names is not here; None where it is, and for other values."""
        try:
            self.snapshot(value)
        except ModelError as error:
            return str(error).replace("Nothing was drawn. Choose another", "Another one is shown. Choose a")
        return None

    def with_snapshot(self, found: "dict[str, ModelInfo]", value: object, kind: str) -> "dict[str, ModelInfo]":
        """`found`, and the snapshot that is chosen behind the newest of its run: pickers do not list the others.

        The same of a commit on the Hub that is no branch's newest.
        """
        try:
            info = self.snapshot(value)
        except ModelError:
            return found
        if info is None or info.kind != kind or not isinstance(value, str) or value in found:
            return found
        order = list(found)
        newest = value if value.startswith(HUB) else RUN + self.run_of(value).id
        order.insert(order.index(newest) + 1 if newest in found else len(order), value)
        return {one: info if one == value else found[one] for one in order}

    def run_of(self, value: str) -> RunFolder:
        """The run of a value that begins with `RUN`; raises `RunError` where it is gone."""
        try:
            return self.run(value.removeprefix(RUN))
        except RunError:
            if match := _SNAPSHOT.fullmatch(value):
                return self.run(match[1])
            raise

    def title(self, value: str) -> str:
        """What a picker calls a value: a model's name, or a run's title and the step of a snapshot."""
        if value.startswith(HUB):
            return re.sub(r"@([0-9a-f]{8})[0-9a-f]{32}$", r"@\1", value.removeprefix(HUB))
        if not value.startswith(RUN):
            return value
        run, step = self.run_of(value), step_of(value)
        name = run.about()["title"] or run.id
        return name if step is None else f"{name}, step {step:,}"

    def _listed(self, kind: str) -> "dict[str, ModelInfo]":
        from gan_core.library import describe, list_copies, list_models

        found = {info.name: info for info in list_models(self.settings)} | list_copies()
        for run in reversed(list_runs(self.settings.runs_dir)):
            if snapshot := run.newest_snapshot():
                found[RUN + run.id] = describe(snapshot)
        return {value: info for value, info in found.items() if info.kind == kind and not info.error}

    def _load(self, value: str | None, kind: str) -> "Generator | Translator":
        from gan_core.library import load

        info = self.info(value)
        if info.kind != kind:
            raise ModelError(f"{info.name} is a {info.kind}. Nothing was drawn. Choose a {kind}.")
        return load(_verified(str(value), info), settings=self.settings)

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
        if name not in known and (snapshot := self.snapshot(name)):
            if snapshot.kind != "generator":
                raise ModelError(f"{self.title(name)} is a translator, which draws from photographs.")
            known = {name: snapshot}
        known = known if name in known else self.generators(fresh=True)
        if name not in known:
            if name in self._listed("translator"):
                raise ModelError(f"{name} is a translator, which draws from photographs. Choose a generator.")
            raise ModelError(f"There is no generator {str(value)[:80]!r} here. Nothing was drawn. Choose another one.")
        from gan_core.library import load

        generator: Any = self.at_hand(lambda: load(_verified(name, known[name]), settings=self.settings))
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


def step_of(value: str) -> int | None:
    """The step of run:<id>@<step>; None for any other value."""
    match = _SNAPSHOT.fullmatch(value)
    return int(match[2]) if match else None


def value_of(snapshot: Path) -> str:
    """What the page sends for the folder of a snapshot, and of a copy from the Hub."""
    if repository := repository_of(snapshot):
        return f"{HUB}{repository}@{snapshot.name}"
    return f"{RUN}{snapshot.parent.parent.name}@{snapshot.name.lstrip('0') or '0'}"


def repository_of(folder: Path) -> str | None:
    """user/name of a copy from the Hub, by where its client keeps it."""
    home = folder.parent.parent.name
    return home.removeprefix("models--").replace("--", "/", 1) if home.startswith("models--") else None


def _verified(value: str, info: "ModelInfo") -> Path:
    """The folder to load; a copy from the Hub is held against its hashes first, each file once."""
    if not value.startswith(HUB):
        return info.folder
    from gan_core.fetched import find_copy

    return find_copy(value)


def file_stem(value: str) -> str:
    """A value as the beginning of a file's name."""
    if value.startswith(HUB):
        return value.removeprefix(HUB).partition("@")[0].replace("/", "-")
    match = _SNAPSHOT.fullmatch(value)
    return f"{match[1]}-step-{match[2]}" if match else value.removeprefix(RUN)


def _later(value: str, info: "ModelInfo") -> tuple[bool, bool, bool]:
    """What a visitor should not meet first sorts after the rest."""
    return value.startswith(HUB), value.startswith(RUN), bool(info.imported_as)
