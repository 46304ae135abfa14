"""Keep this one: a snapshot of a run becomes a named model with a card, as a job that can be given up."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from gan_core.config import check_name
from gan_core.errors import Cancelled, ConfigError, GanCoreError, ModelError, RunError
from gan_core.trash import free_name
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services

LOOKS: dict[str, tuple[str, ...]] = {"keep_name": ("run", "step", "name"), "keep_poll": ("job",)}
CHANGES: dict[str, tuple[str, ...]] = {
    "keep_start": ("run", "step", "name", "notes", "license"),
    "keep_stop": ("job",),
}

MAX_NOTES = 4000
LICENSE_LENGTH = 40
LOOK_S = 0.2


class Keeping:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._jobs = Jobs(at_once=1)  # Each holds a data set in memory.

    def keep_name(self, run: object, step: object, name: object = None) -> Answer:
        """A free name for a snapshot; or, of a name that was typed, why it cannot be (`problem`, else None)."""
        if name is None:
            folder = self._services.runs.find(run)
            head, _, tail = folder.id.partition("-")
            base = tail if head.isdigit() and tail else folder.id.lower()
            wanted = f"{base}-{step}" if isinstance(step, int) and not isinstance(step, bool) else base
            try:
                check_name(wanted)
            except ModelError:  # A run that somebody named by hand.
                wanted = f"kept-{step}" if isinstance(step, int) else "kept"
            return {"name": free_name(self._services.settings.models_dir, wanted), "problem": None}
        try:
            self._free(name)
        except GanCoreError as error:
            return {"name": name, "problem": str(error)}
        return {"name": name, "problem": None}

    def _free(self, name: object) -> str:
        wanted = check_name(str(name).strip())
        if (self._services.settings.models_dir / wanted).exists():
            raise ModelError(f"There is a model {wanted} already. Nothing was kept. Choose another name.")
        return wanted

    def keep_start(
        self, run: object, step: object, name: object, notes: object = None, license: object = None
    ) -> Answer:
        """Begin to keep a snapshot under a name; tells the job's id. Raises `GanCoreError` for what cannot be."""
        folder, wanted = self._services.runs.find(run), self._free(name)
        if isinstance(step, bool) or not isinstance(step, int) or step not in dict(folder.snapshots()):
            raise RunError("This snapshot is not kept any more. Nothing was kept. Choose another step.")
        words, terms = str(notes or "").strip(), str(license or "").strip().lower()
        if len(words) > MAX_NOTES:
            raise ConfigError(f"The notes are longer than {MAX_NOTES:,} letters. Nothing was kept. Shorten them.")
        if terms and (len(terms) > LICENSE_LENGTH or not terms.replace("-", "").replace(".", "").isalnum()):
            raise ConfigError("A licence is named as the Hub does, such as mit or cc-by-4.0. Nothing was kept.")
        options: dict[str, Any] = {"step": step, "notes": words, "license": terms or None}
        return {"job": self._jobs.start(self._kept(folder, wanted, options))}

    def keep_poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told: `told` and `share`; at the end `name` and, where it was not measured, the reason."""
        return self._jobs.poll(job, wait_s)

    def keep_stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}

    def _kept(self, run: Any, name: str, options: dict[str, Any]) -> Work:
        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
            from gan_core.keep import keep

            now: Progress = {"told": "Loading the model", "share": None}
            unmeasured: list[str] = []

            def report(told: str, share: float | None) -> None:
                nonlocal now
                if should_stop():
                    raise Cancelled("Cancelled. Nothing was kept.")
                now = {"told": told, "share": share}

            settings = self._services.settings
            with ThreadPoolExecutor(1, "keep") as pool:
                future = pool.submit(
                    keep, run, name, settings=settings, on_progress=report, on_unmeasured=unmeasured.append, **options
                )
                while not wait([future], LOOK_S).done:
                    yield now
                try:
                    folder = future.result()
                except Cancelled:
                    return
            if should_stop():  # Too late for the work, and still: a cancel keeps nothing.
                shutil.rmtree(folder, ignore_errors=True)
                return
            self._services.generators(fresh=True)  # The other tabs ask a list that is kept for some seconds.
            yield {"told": "Kept", "share": 1.0, "name": folder.name, "unmeasured": next(iter(unmeasured), None)}

        return work
