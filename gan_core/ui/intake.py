"""Checkpoints and logs of other projects, on their way in: received, recognised, told, and then added or forgotten.

Gradio's upload route streams files to its own folder. From there they are moved to a private one with a name by chance,
which goes when they have been added, refused or left lying: nothing of a refused file stays.
"""

import atexit
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

from gan_core.config import NAME_PATTERN, check_name
from gan_core.errors import GanCoreError, ModelError
from gan_core.families import get_family
from gan_core.trash import free_name
from gan_core.ui import parcel
from gan_core.ui.film_folder import PREFIX
from gan_core.ui.jobs import POLL_S, Jobs, Progress
from gan_core.ui.model_facts import short
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.interop import Found
    from gan_core.ui.services import Services

MAX_FILES = 12
KEEP_S = 1800.0
"""What was recognised waits so long for its name."""
MAX_WAITING = 4
NAME_LENGTH = 80


@dataclass(frozen=True)
class _Waiting:
    folder: Path
    source: Path
    """What `adopt` is given: the one file, or the folder with several."""


class Intake:
    def __init__(
        self,
        services: "Services",
        uploads: Path,
        *,
        base: Path | None = None,
        keep_s: float = KEEP_S,
    ) -> None:
        """uploads: where Gradio's upload route writes. base: where files wait; None: a private folder."""
        self._services = services
        self._uploads = uploads
        self._keep_s = keep_s
        self._jobs = Jobs(at_once=1)  # Several checkpoints in memory at once are what a small machine cannot hold.
        self._lock = Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._base = base

    def bring(self, paths: object) -> Answer:
        """Begin to recognise uploaded files (paths that the upload route told); tells the job's id."""
        folder = self._receive(paths)
        return {"job": self._jobs.start(lambda should_stop: self._recognised(folder, should_stop))}

    def bring_add(self, token: object, name: object, direction: object, domains: object) -> Answer:
        """Begin to add what was recognised, under a name; translators with words for what they turn into what."""
        waiting = self._waiting.get(str(token))
        if waiting is None:
            raise ModelError("This checkpoint is not here any more. Nothing was added. Drop the file once more.")
        wanted = check_name(str(name).strip())
        models = self._services.settings.models_dir
        if (models / wanted).exists():
            raise ModelError(f"There is a model {wanted} already. Nothing was added. Choose another name.")
        way = direction if isinstance(direction, str) and direction in ("ab", "ba") else None
        words = _words(domains)

        def work(should_stop: Callable[[], bool]) -> Iterator[Progress]:
            from gan_core.adopt import adopt

            yield {"told": "Adding"}
            models.mkdir(parents=True, exist_ok=True)
            if parcel.is_ours(waiting.source):
                family = parcel.checked(waiting.source)[0].family
                parcel.place(waiting.source, models, wanted)
            else:
                family = adopt(waiting.source, models / wanted, name=wanted, direction=way, domains=words).found.family
            if should_stop():  # Too late to break it off, and still: a cancel leaves no model.
                shutil.rmtree(models / wanted)
                return
            self._forget(str(token))
            self._services.generators(fresh=True)
            yield {"value": wanted, "kind": get_family(family).kind}

        return {"job": self._jobs.start(work)}

    def bring_poll(self, job: object, wait_s: float = POLL_S) -> Progress:
        """What a job of `bring` or `bring_add` has told; of one that is under way, after a while."""
        return self._jobs.poll(job, wait_s)

    def bring_stop(self, job: object = None, token: object = None) -> Answer:
        """End a job, or forget what was recognised."""
        if token:
            self._forget(str(token))
        if job:
            self._jobs.stop(job)
        return {}

    # Receiving.

    def _receive(self, paths: object) -> Path:
        """A private folder with the uploaded files, under names that cannot leave it."""
        given = paths if isinstance(paths, list) else []
        if not 1 <= len(given) <= MAX_FILES:
            raise ModelError(f"Bring 1 to {MAX_FILES} files at once. Nothing was read. Choose fewer of them.")
        found = {safe_name(path.name): path for path in map(self._uploaded, given)}
        if len(found) < len(given):
            raise ModelError("Two of the files have the same name. Nothing was read. Bring them one by one.")
        folder = self._new_folder()
        for name, path in found.items():
            shutil.move(path, folder / name)
            with suppress(OSError):  # Not empty: somebody else's file of the same content.
                path.parent.rmdir()
        return folder

    def _uploaded(self, sent: object) -> Path:
        """What the upload route wrote; any other path is nobody's upload."""
        uploads = self._uploads.resolve()
        path = Path(sent) if isinstance(sent, str) and "\0" not in sent else Path()
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(uploads):
            raise ModelError("A file did not arrive. Nothing was read. Try it once more.")
        return path.resolve()

    def _new_folder(self) -> Path:
        with self._lock:
            if self._base is None or not self._base.is_dir():
                self._base = Path(tempfile.mkdtemp(prefix=f"{PREFIX}import-"))
                atexit.register(shutil.rmtree, self._base, ignore_errors=True)
            folder = self._base / secrets.token_hex(16)
        folder.mkdir()
        return folder

    # Recognising.

    def _recognised(self, folder: Path, should_stop: Callable[[], bool]) -> Iterator[Progress]:
        """The job: what the files are. They go at once where they are refused or nobody waits any more."""
        kept = False
        try:
            yield {"told": "Reading"}
            name = self._unpacked(folder)
            source = next(folder.iterdir()) if len(list(folder.iterdir())) == 1 else folder
            told = self._log(source) or self._own(source, name) or self._checkpoint(source)
            if not should_stop():
                kept = told["kind"] != "run"
                if kept:
                    told["token"] = self._keep(folder, source)
                yield told
        except GanCoreError as error:
            raise type(error)(_without(str(error), folder)) from None
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _log(self, source: Path) -> Progress | None:
        """A training's printed lines become a run at once; None for everything else."""
        from gan_core.interop.logs import looks_like_log

        if source.is_dir() or not looks_like_log(source):
            return None
        from gan_core.adopt.log import adopt_log

        run = adopt_log(source, self._services.settings.runs_dir)
        return {"kind": "run", "value": run.id}

    def _unpacked(self, folder: Path) -> str:
        """A zip makes place for what it holds; its folder's name."""
        files = list(folder.iterdir())
        if len(files) != 1 or files[0].suffix.lower() != ".zip":
            return ""
        most_bytes = int(self._services.settings.max_upload_mb * 2e6)
        name = parcel.unpack(files[0], folder, most_bytes=most_bytes)
        files[0].unlink()
        return name

    def _own(self, source: Path, name: str) -> Progress | None:
        """A model folder of ours that comes back; None for everything else."""
        if not parcel.is_ours(source):
            return None
        config, networks = parcel.checked(source)
        count = sum(tensor.numel() for network in networks.values() for tensor in network.state_dict().values())
        told = {"dialect": "A model of GAN Studio", "notes": [], "own": True, "directions": [], "domains": {}}
        free = free_name(self._services.settings.models_dir, name if NAME_PATTERN.fullmatch(name) else "model")
        return {**told, **facts_of(config.family, config.network, count), "name": free}

    def _checkpoint(self, source: Path) -> Progress:
        from gan_core.interop import recognise

        found = recognise(source)
        names = sorted(path.name for path in found.files) or [source.name]
        return {**described(found), "name": suggested(self._services.settings.models_dir, names)}

    def _keep(self, folder: Path, source: Path) -> str:
        """Let it wait for its name; the id under which it does. What waits longest makes room."""
        token = secrets.token_hex(16)
        with self._lock:
            self._waiting[token] = _Waiting(folder, source)
            over = list(self._waiting)[:-MAX_WAITING]
        for one in over:
            self._forget(one)
        timer = Timer(self._keep_s, self._forget, (token,))
        timer.daemon = True
        timer.start()
        return token

    def _forget(self, token: str) -> None:
        with self._lock:
            waiting = self._waiting.pop(token, None)
        if waiting:
            shutil.rmtree(waiting.folder, ignore_errors=True)


def described(found: "Found") -> Progress:
    """What was recognised, for people."""
    count = sum(tensor.numel() for state in found.states.values() for tensor in state.values())
    return {
        **facts_of(found.family, found.network, count),
        "dialect": found.dialect,
        "notes": [re.sub(r"import it with --direction \w+", "turn it round below", note) for note in found.notes],
        "directions": list(found.directions or ()),
        "domains": dict(found.domains or {}),
    }


def facts_of(family: str, network: Mapping[str, Any], weights: int) -> Progress:
    """A network's kind, and its numbers in a few words."""
    known = get_family(family)
    facts = [known.title]
    if isinstance(network.get("size"), int):
        facts.append(f"{network['size']} px")
    if network.get("channels") in (1, 3, 4):
        facts.append({1: "grey", 3: "colour", 4: "colour with alpha"}[network["channels"]])
    if isinstance(network.get("latent_dim"), int):
        facts.append(f"{network['latent_dim']} latents")
    if isinstance(network.get("blocks"), int):
        facts.append(f"{network['blocks']} blocks")
    facts.append(f"{weights / 1e6:.1f} million weights")
    return {"kind": known.kind, "facts": ", ".join(facts)}


def suggested(models: Path, names: list[str]) -> str:
    """A free name for a model, from the names of its files where one says something."""
    from gan_core.adopt import free_folder

    free = [free_folder(models, Path("models") / name).name for name in names]  # That folder's name says nothing.
    return next((name for name in free if not name.startswith("imported")), free[0])


def safe_name(name: str) -> str:
    """A file's own name as far as it is harmless: letters, digits and ". _ -" of the last part of a path."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", re.split(r"[/\\]", name)[-1]).lstrip(".-")
    stem, dot, ending = plain.rpartition(".")
    return f"{stem[:80]}{dot}{ending[:16]}" if stem else plain[:80] or "file"


def _words(domains: object) -> dict[str, str] | None:
    """What a translator turns into what, as a person typed it; None where nothing was typed."""
    if not isinstance(domains, dict):
        return None
    words = {way: " ".join(str(domains.get(way) or "").split()) for way in ("a", "b")}
    if not any(words.values()):
        return None
    if not all(0 < len(text) <= NAME_LENGTH and text.isprintable() for text in words.values()):
        raise ModelError(
            f"What the model turns into what is told in 1 to {NAME_LENGTH} letters each. Nothing was added."
        )
    return words


def _without(text: str, folder: Path) -> str:
    """A sentence without the private folder's path: visitors know their files by name."""
    return short(text.replace(f"{folder}/", "").replace(str(folder), "What was brought"))
