"""A run of the Hub gone on with here: looked at, fetched with progress, and started. See `gan_core.mirror.fetch`."""

import shlex
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gan_core.config import RunConfig
from gan_core.errors import Cancelled, ConfigError, DataError, GanCoreError, HubError
from gan_core.families import get_family
from gan_core.hub.client import Address
from gan_core.mirror.plain import plain
from gan_core.mirror.standing import words
from gan_core.ui.jobs import POLL_S, Jobs, Progress, Work
from gan_core.ui.lab.complaints import FieldError
from gan_core.ui.lab.options import typed
from gan_core.ui.lab.overview import data_title
from gan_core.ui.lab.pushing import Pushes, in_words, keep, wish_of
from gan_core.ui.lab.sources import Sources
from gan_core.ui.limits import within_limits
from gan_core.ui.serve import Answer
from gan_core.ui.services import Services

if TYPE_CHECKING:
    from gan_core.mirror import Wish
    from gan_core.mirror.fetch import Found

LOOK_S = 0.2
FROM = "from_hub"
"""The field of the repository."""


class Bringing:
    def __init__(self, services: Services, sources: Sources, pushes: Pushes) -> None:
        self._services, self._sources, self._pushes = services, sources, pushes
        self._jobs = Jobs(at_once=2)

    def look(self, name: object) -> Answer:
        """Begin to look at what a repository holds, user/name[@revision]; the job ends with `found`."""
        address = address_of(name)

        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:  # noqa: ARG001 - it ends by itself.
            yield {"told": "Looking"}
            found = self._found(address)
            yield {"found": self._about(found)}

        return {"job": self._jobs.start(work)}

    def start(self, name: object, steps: object, data: object, push: object) -> Answer:
        """Begin to fetch a run and to train it on; the job ends with its id as `run`.

        steps: in all; None: as it has. data: the page's value of the same pictures, where they lie elsewhere here.
        """
        address = address_of(name)
        wish = wish_of(push)
        if data:
            self._sources.spec(data)
        return {"job": self._jobs.start(self._brought(address, steps, data, wish))}

    def poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What the job has told: `told`, `done` and `total` in bytes; at the end `found` or `run`."""
        return self._jobs.poll(job, wait_s)

    def stop(self, job: object) -> Answer:
        self._jobs.stop(job)
        return {}

    def command(self, name: object, steps: object, data: object, push: object) -> str:
        """The command of it, as far as it is chosen."""
        line = ["gan-core", "train", "--resume", f"hub:{address_of(name)}"]
        line += ["--steps", f"{steps:.0f}"] if isinstance(steps, int | float) and not isinstance(steps, bool) else []
        line += ["--data", self._sources.spec(data)] if data else []
        wish = wish_of(push)
        return shlex.join([*line, *(words(wish) if wish else [])])

    # Of a repository.

    def _found(self, address: Address) -> "Found":
        from gan_core.mirror.fetch import find_run

        try:
            return find_run(address)
        except HubError as error:
            raise HubError(in_words(str(error)), error.reason) from None

    def _about(self, found: "Found") -> dict[str, Any]:
        train, family = found.config.train, get_family(found.config.family)
        wanted = [file.size for name, file in found.files.items() if "/state/" not in name or name == found.state]
        return {
            "repository": found.address.repository,
            "name": str(found.address),
            "family": found.config.family,
            "title": family.title,
            "data": data_title(train.data)[:80],
            "data_here": self._known(train.data),
            "size": train.size,
            "step": found.step,
            "total_steps": train.steps,
            "bytes": sum(wanted),
            "alive": found.alive(),
        }

    def _known(self, spec: str) -> bool:
        """Whether data that somebody else named may be read: what they wrote must not open just any folder here."""
        return self._sources.offers(spec)

    def _config(self, found: "Found", steps: object, data: object) -> RunConfig:
        """What it goes on with. Raises `GanCoreError` before anything large is fetched."""
        from gan_core.devices import pick_device
        from gan_core.training.checks import check

        train = found.config.train
        if not data and not self._known(train.data):
            raise DataError(
                f"It was trained on {data_title(train.data)[:80]!r}, which is not here. Nothing was started. "
                "Choose the same pictures under Data."
            )
        changes: dict[str, Any] = typed(found.config.family, "train", {"steps": steps})
        if changes.get("steps", found.step) < found.step:
            raise ConfigError(f"--steps is {changes['steps']:,}, and {found.step:,} are done. Nothing was started.")
        if data:
            changes["data"] = self._sources.spec(data)
        try:
            pick_device(train.device)
        except GanCoreError:
            changes["device"] = "auto"  # It was trained on a computer with others.
        config = within_limits(
            replace(found.config, train=replace(train, **changes)),
            self._services.settings,
        )
        check(config)
        return config

    def _brought(self, address: Address, steps: object, data: object, wish: "Wish | None") -> Work:
        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
            from gan_core.mirror.fetch import bring

            now: Progress = {"told": "Looking", "done": 0, "total": None}
            yield now
            found = self._found(address)
            config = self._config(found, steps, data)
            if wish is not None:
                ours = wish.repository == found.address.repository
                self._pushes.refuse(wish, ours=ours)

            def report(done: int, total: int) -> None:
                nonlocal now
                if should_stop():
                    raise Cancelled("Cancelled. Nothing was kept.")
                now = {"told": "Fetching" if done < total else "Checking", "done": done, "total": total}

            with ThreadPoolExecutor(1, "bring") as pool:
                future = pool.submit(bring, found, self._services.settings, config=config, progress=report)
                while not wait([future], LOOK_S).done:
                    yield now
                try:
                    run = future.result()
                except Cancelled:
                    return
                except HubError as error:
                    raise HubError(in_words(str(error)), error.reason) from None
            if should_stop():  # Too late for the work, and still: a cancel keeps nothing.
                shutil.rmtree(run.path, ignore_errors=True)
                return
            if wish is not None:
                keep(run, wish)
            self._services.runs.launch(run)
            yield {"told": "Started", "run": run.id}

        return work


def address_of(name: object) -> Address:
    """user/name[@revision] as it was typed. Raises `FieldError`."""
    text = name.strip() if isinstance(name, str) else ""
    if not text:
        raise FieldError(FROM, "No repository is named. Nothing was started. Type its owner and name: user/name.")
    try:
        return Address.parse(text)
    except HubError:
        raise FieldError(
            FROM, f"{plain(text)[:80]!r} is no repository. Nothing was started. Type its owner and name: user/name."
        ) from None
