"""A repository's folder to here: fetched, verified by hash, checked, and only then put in its place."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gan_core.atomic import new_folder
from gan_core.errors import HubError
from gan_core.hub.client import Address, Progress, explained, limit_waiting, quietly
from gan_core.hub.compare import Comparison, compare, read_meeting, write_meeting
from gan_core.hub.fetching import TEXT_BYTES, counter, fetch_file
from gan_core.hub.files import Remote, local_files, remote_files

HELD = ".pulling"
"""In a folder that is being filled: locked by the process that fills it, for as long as that lives."""
FRESH_S = 10.0
"""A folder is given so long to be locked."""

Check = Callable[[Path], None]
"""check(folder) raises `GanCoreError` where the folder must not be used."""


@dataclass(frozen=True)
class Pull:
    """What a pull would do, or did."""

    address: Address
    comparison: Comparison
    fetch: Mapping[str, int]
    """Bytes by name of what is fetched."""
    delete: tuple[str, ...]
    commit: str

    @property
    def bytes(self) -> int:
        return sum(self.fetch.values())


def plan_pull(address: Address, folder: Path, *, token: str | None = None) -> tuple[Pull, Remote]:
    """What a pull would move. Raises `HubError`."""
    remote = remote_files(address, token=token)
    if remote is None:
        raise HubError(
            f"{address} was not pulled: there is no such model, or this account may not see it. Check the name.",
            "missing",
        )
    local = local_files(folder)
    fetch = {name: file.size for name, file in remote.files.items() if not file.same(local.get(name))}
    delete = tuple(name for name in local if name not in remote.files)
    comparison = compare(local, remote, read_meeting(folder, address.repository))
    return Pull(address, comparison, fetch, delete, remote.head), remote


def pull(
    address: Address,
    folder: Path,
    check: Check,
    *,
    take_theirs: bool = False,
    token: str | None = None,
    progress: Progress = quietly,
) -> Pull:
    """Fetch what differs into a folder beside `folder`, verify and `check` it, then put it in its place.

    take_theirs: also where the folder here was changed since both were the same. Raises `HubError`, or what `check`
    raises; `folder` is then as it was, or as somebody changed it meanwhile.
    """
    before = local_files(folder)
    planned, remote = plan_pull(address, folder, token=token)
    undone = f"{address} was not pulled"
    refuse_changed(planned, folder, take_theirs=take_theirs)
    if planned.comparison.state == "in sync":
        write_meeting(folder, address.repository, remote.head, local_files(folder), pinned=address.pin)
        return planned
    try:
        sweep(folder.parent)
        with new_folder(folder, replace=True) as temporary:
            with _held(temporary):
                _gather(planned, remote, folder, temporary, token, progress, undone)
                check(temporary)
                _keep_own(folder, temporary)
            if local_files(folder) != before:
                why = f"{folder.name} was changed here while it was fetched. Nothing was overwritten. Pull again."
                raise HubError(f"{undone}: {why}", "diverged")
            write_meeting(temporary, address.repository, remote.head, local_files(temporary), pinned=address.pin)
    except OSError as error:
        why = f"{error.strerror or error}. Nothing was overwritten. Make room or check the folder, then try again."
        raise HubError(f"{undone}: {why}", "disk") from None
    return planned


def refuse_changed(planned: Pull, folder: Path, *, take_theirs: bool = False) -> None:
    """Raise `HubError` where a pull would overwrite what was changed here."""
    if planned.comparison.state in ("ahead", "diverged") and not take_theirs:
        if planned.comparison.strangers:
            raise HubError(
                f"{planned.address} was not pulled: {folder.name} is here and never was the same as that repository. "
                "Nothing was overwritten. Give what is there another --name, or take theirs for it (--take theirs).",
                "diverged",
            )
        names = ", ".join(planned.comparison.mine[:3])
        raise HubError(
            f"{planned.address} was not pulled: {folder.name} was changed here ({names}). Nothing was overwritten. "
            "Push it, or take theirs (--take theirs).",
            "diverged",
        )


@contextmanager
def _held(temporary: Path) -> Iterator[None]:
    marker = temporary / HELD
    with marker.open("wb") as file:
        _lock(file)
        yield
    marker.unlink()


def _lock(file: IO[bytes]) -> bool:
    """Whether nobody else holds it; a lock goes with its process, however that ends. False where there are no locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def sweep(parent: Path) -> None:
    """Remove what pulls that were killed left among the models. Folders that somebody fills stay."""
    for marker in parent.glob(f".*.tmp/{HELD}"):
        with suppress(OSError), marker.open("rb") as file:
            if time.time() - marker.stat().st_mtime > FRESH_S and _lock(file):
                shutil.rmtree(marker.parent)


def _gather(
    planned: Pull,
    remote: Remote,
    folder: Path,
    temporary: Path,
    token: str | None,
    progress: Progress,
    undone: str,
) -> None:
    done = 0
    progress(done, planned.bytes)
    for name, file in remote.files.items():
        if name not in planned.fetch:
            shutil.copyfile(folder / name, temporary / name)
            continue

        def report(count: int, before: int = done, size: int = file.size) -> None:
            progress(before + min(count, size), planned.bytes)

        fetch_file(
            planned.address.repository,
            name,
            file,
            remote.head,
            undone=undone,
            target=temporary / name,
            token=token,
            report=report,
        )
        done += file.size
        progress(done, planned.bytes)


def read_text(address: Address, name: str, commit: str, *, token: str | None = None, most: int | None = None) -> str:
    """One small file of a repository. most: bytes of its beginning; None: all of it.

    Raises `HubError`, also for one of more than `TEXT_BYTES`.
    """
    from huggingface_hub import hf_hub_download

    undone = f"{name} of {address} was not read"

    def refuse_large(count: int) -> None:
        if count > TEXT_BYTES:
            raise HubError(f"{undone}: it is larger than {TEXT_BYTES / 1e6:g} MB.", "foreign")

    limit_waiting()
    with explained(undone, what="model", revision=commit):
        path = Path(
            hf_hub_download(address.repository, name, revision=commit, token=token, tqdm_class=counter(refuse_large))
        )
        refuse_large(path.stat().st_size)
        return path.read_bytes()[:most].decode("utf-8", errors="replace")


def _keep_own(folder: Path, temporary: Path) -> None:
    """What never travels (a person's own notes beside the model, folders, links) stays."""
    known: Any = local_files(folder)
    for path in folder.iterdir() if folder.is_dir() else ():
        target = temporary / path.name
        if path.name in known or target.exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target, symlinks=True)
        elif path.is_file() or path.is_symlink():
            shutil.copyfile(path, target, follow_symlinks=False)
