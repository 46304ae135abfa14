"""What a Space keeps on the Hub, because its own disk is empty after every restart: models and runs.

Its owner says so with GAN_CORE_KEEP_ON_HUB=user/prefix and a token that may write there, as the Space's secret
GAN_CORE_KEEP_TOKEN. The token is for this alone: it has a name of its own, so that nothing that a visitor asks of the
Hub goes with it. A model NAME is kept in the private repository user/prefix.NAME, a run in user/prefix.RUN. A prefix
holds no dot, so that nothing of another prefix's begins so. What is deleted here stays there. Favourites need no
keeping: each visitor's own browser has them.
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from gan_core.errors import GanCoreError, HubError
from gan_core.hub.client import Address
from gan_core.mirror.record import Wish, read_record, read_wish, unsent
from gan_core.settings import Settings
from gan_core.training.run_folder import RunFolder, list_runs

SECRET = "GAN_CORE_KEEP_TOKEN"
WEIGHTS = ".safetensors"
DOT = "."
"""Ends the prefix: a name of a model may hold any other sign that a repository's name may."""
LOOK_S = 60.0
ACTIVE_RUN_S = 600.0
"""A run that goes on is sent so often; its last state as soon as it has ended."""
LONGEST_PAUSE_S = 1800.0
REFUSED_PAUSE_S = 600.0
"""Of one model or run that alone was refused; the others go on."""
ALIKE = ("offline", "down", "limit", "token", "signed-out")
"""Reasons that are the same for all."""
RUN = re.compile(r"\d{5}-[a-z0-9][a-z0-9._-]*")

Stamp = frozenset[tuple[str, int, int]]


class Lasting:
    def __init__(
        self,
        settings: Settings,
        home: str,
        token: str,
        *,
        tell: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """home: user/prefix. Raises `HubError` where it is not of that form."""
        self._user, self._prefix = Address.parse(home).repository.split("/")
        if DOT in self._prefix:
            raise HubError(f"{home}: a prefix with a dot could be taken for another one. Choose one without.", "name")
        self._settings, self._token, self._tell, self._clock = settings, token, tell, clock
        self._kept: dict[str, Stamp] = {}
        """Models as the Hub, or the Space's own repository, has them."""
        self._last: dict[str, Stamp] = {}
        self._sent_at: dict[str, float] = {}
        self._not_before, self._failures = 0.0, 0
        self._refused: dict[str, tuple[float, str]] = {}
        """By name: when it is tried again, and why it was refused. Of all together under no name."""
        self._begun = self._whole = False
        """Whether it was asked what was kept, and whether all of it was answered."""
        self._untold = ""

    def bring_back(self) -> list[str]:
        """Fetch what was kept and is not here; its names. What cannot be fetched is told and left out.

        Where the Hub did not answer, a further call fetches the rest; after the first everything else that is here
        counts as new.
        """
        from gan_core.hub.listing import repositories
        from gan_core.mirror.fetch import bring, find_run
        from gan_core.sync import pull_model

        begin, found, whole = f"{self._user}/{self._prefix}{DOT}", [], True
        try:
            kept = [one for one in repositories(self._user, tag="", token=self._token) if one.startswith(begin)]
        except HubError as error:
            kept, whole = [], False
            self._tell_anew(str(error))
        for repository in kept:
            name, address = repository.removeprefix(begin), Address(repository)
            try:
                if RUN.fullmatch(name) and not (self._settings.runs_dir / name).exists():
                    run = self._settings.runs_dir / name
                    bring(find_run(address, token=self._token), self._settings, run=run, token=self._token)
                    found.append(name)
                elif not RUN.fullmatch(name) and self._lacks(self._settings.models_dir / name, address):
                    pull_model(address, self._settings, name=name, take="theirs", token=self._token)
                    found.append(name)
            except (GanCoreError, OSError) as error:
                self._tell_anew(f"{name} was not brought back: {error}")
                whole = whole and getattr(error, "reason", "") not in ALIKE
        here = self._models()
        self._kept |= {name: stamp for name, stamp in here.items() if name in found or not self._begun}
        self._begun, self._whole = True, whole
        return found

    def _tell_anew(self, text: str) -> None:
        if text != self._untold:  # Once, not every minute.
            self._tell(text)
        self._untold = text

    def keep(self) -> list[str]:
        """Send what is new since the last look, once it is written; the names of what was sent."""
        if self._clock() < self._not_before:
            return []
        sent: list[str] = []
        try:
            self._keep_models(sent)
            self._keep_runs(sent)
        except (GanCoreError, OSError) as error:  # A model may go, or a disk be full, while it is read.
            self._failures += 1
            pause_s = min(LOOK_S * 2**self._failures, LONGEST_PAUSE_S)
            self._not_before = self._clock() + pause_s
            self._refuse("", error)
        else:
            self._failures = 0
            self._refused.pop("", None)
        return sent

    def _waits(self, name: str) -> bool:
        return self._clock() < self._refused.get(name, (0.0, ""))[0]

    def _refuse(self, name: str, error: Exception) -> None:
        """One that is refused alone must not stop the others: they would never be kept."""
        if name and getattr(error, "reason", "") in ALIKE:
            raise error
        told = str(error).removesuffix(".")
        if told != self._refused.get(name, (0.0, ""))[1]:  # Once, not every minute.
            self._tell(f"{told}. It is tried again.")
        self._refused[name] = self._clock() + REFUSED_PAUSE_S, told

    def work(self, every_s: float = LOOK_S) -> None:
        """For ever: first what was kept comes back, then what is new is kept."""
        while True:
            if not self._whole and (found := self.bring_back()):
                self._tell(f"Back from the Hub: {', '.join(found)}.")
            self.keep()
            time.sleep(every_s)

    def _keep_models(self, sent: list[str]) -> None:
        from gan_core.sync import CARD, push_model

        before, now = self._last, self._models()
        self._last = now
        for name, stamp in now.items():
            # What has just been written is perhaps still being written.
            if stamp == self._kept.get(name) or stamp != before.get(name) or self._waits(name):
                continue
            try:
                push_model(name, self._address(name), self._settings, token=self._token, message="Kept by the Space")
            except (GanCoreError, OSError) as error:
                self._refuse(name, error)
                continue
            self._refused.pop(name, None)
            after = self._last[name] = _stamp(self._settings.models_dir / name)
            if all(
                file == CARD for file, *_ in after ^ stamp
            ):  # It was renewed; what else changed meanwhile goes next.
                self._kept[name] = after
            sent.append(name)

    def _keep_runs(self, sent: list[str]) -> None:
        from gan_core.mirror.pushing import push

        for run in list_runs(self._settings.runs_dir):
            wish = Wish(self._address(run.id).repository)
            if read_wish(run) or not RUN.fullmatch(run.id) or self._waits(run.id) or not self._due(run, wish):
                continue  # One that was begun with --push-to is sent by its own trainer.
            try:
                record = push(run, wish, token=self._token)
            except (GanCoreError, OSError) as error:
                self._refuse(run.id, error)
                continue
            self._refused.pop(run.id, None)
            self._sent_at[run.id] = self._clock()
            if record.commit:
                sent.append(run.id)

    def _due(self, run: RunFolder, wish: Wish) -> bool:
        record = read_record(run, wish.repository)
        if record.ended or unsent(run, record) is None:
            return False
        ended = run.status()["state"] in ("finished", "stopped", "failed")
        return ended or self._clock() - self._sent_at.get(run.id, -ACTIVE_RUN_S) >= ACTIVE_RUN_S

    def _lacks(self, folder: Path, address: Address) -> bool:
        """Whether what was kept is not here: the model, or what its owner changed beside the same weights.

        Other weights in the Space's own repository are a newer deployment: they stay.
        """
        from gan_core.hub.files import local_files, remote_files

        if not folder.exists():
            return True
        here, kept = local_files(folder), remote_files(address, token=self._token)
        if kept is None or not all(here[name].same(kept.files.get(name)) for name in here if name.endswith(WEIGHTS)):
            return False
        return any(not file.same(here.get(name)) for name, file in kept.files.items() if name.endswith(".json"))

    def _models(self) -> dict[str, Stamp]:
        from gan_core.sync import model_folders

        return {folder.name: _stamp(folder) for folder in model_folders(self._settings)}

    def _address(self, name: str) -> Address:
        return Address.parse(f"{self._user}/{self._prefix}{DOT}{name}")


def begin(settings: Settings) -> Lasting | None:
    """Start keeping in the background where the owner asked for it; why not is told in the log."""
    token = os.environ.pop(SECRET, "")  # Trainings are started from here, and have no use for it.
    if not settings.keep_on_hub:
        return None
    if not token:
        print(
            f"Nothing is kept on the Hub: the secret {SECRET} is missing. Add it in the Space's settings.", flush=True
        )
        return None
    try:
        lasting = Lasting(settings, settings.keep_on_hub, token, tell=_log)
    except HubError as error:
        print(f"Nothing is kept on the Hub: GAN_CORE_KEEP_ON_HUB: {error}", flush=True)
        return None
    Thread(target=lasting.work, daemon=True, name="lasting").start()
    return lasting


def _log(text: str) -> None:
    print(text, flush=True)


def _stamp(folder: Path) -> Stamp:
    """Of a model folder's own files: another one when any was written anew."""
    found = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # Its owner deletes or renames models at any moment.
            if path.is_file() and not path.name.startswith("."):
                facts = path.stat()
                found.add((path.relative_to(folder).as_posix(), facts.st_size, facts.st_mtime_ns))
    return frozenset(found)
