"""Models of the Hub in its client's cache: fetched with progress, verified by hash, found again when offline."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gan_core.atomic import write_bytes
from gan_core.errors import HubError
from gan_core.hub.client import NAME, Address, Progress, explained, limit_waiting, quietly
from gan_core.hub.files import File, Remote, hashed, remote_files

CONFIG, WEIGHTS = "config.json", ".safetensors"
MAIN = "main"
CHUNK_BYTES = 1 << 18
"""The client tells of 10 MB at a time, and most models here have less: nobody could see them come, nor cancel."""
_WANTED = re.compile(r"[A-Za-z0-9][\w.-]*\.(json|safetensors)|preview\.webp|README\.md")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_AWAY = ("offline", "down", "limit")
"""Reasons for which a copy that is here serves: nobody said that it may not be used any more."""


@dataclass(frozen=True)
class Copy:
    """A repository at one commit, on this disk."""

    address: Address
    folder: Path
    commit: str
    note: str | None = None
    """One sentence where the Hub could not say whether there is something newer."""


def fetch(
    address: Address,
    *,
    check: Callable[[Path], None] | None = None,
    token: str | bool | None = None,
    progress: Progress = quietly,
) -> Copy:
    """The newest commit of a repository's branch, or a tag's or a commit's; what is here already is not fetched again.

    check(folder) is called when config.json is there and nothing else, and raises for what is not wanted. token: False
    sees public repositories alone. Whatever `progress` raises ends it. Raises `HubError`; the copy that is here serves
    where the Hub cannot be reached, and says so.
    """
    undone = f"hub:{address} was not fetched"
    here = cached(address)
    if here is not None and _COMMIT.fullmatch(address.revision or "") and not damaged(here.folder):
        return here  # A commit never changes.
    try:
        remote = remote_files(address, token=token)
    except HubError as error:
        if error.reason in _AWAY and here is not None:
            return _in_its_place(here, error.reason)
        told = str(error).replace(f"{address} was not looked at", undone)
        told = told if error.reason != "offline" else f"{undone}: the Hub cannot be reached and nothing is cached."
        raise HubError(told if told.endswith((".", ")")) else f"{told}.", error.reason) from None
    if remote is None:
        text = f"{undone}: there is no such model, or this account may not see it. Check the name."
        raise HubError(text, "missing")
    return _gathered(address, remote, undone, check, token, progress)


def _in_its_place(here: Copy, reason: str) -> Copy:
    if names := damaged(here.folder):
        raise HubError(
            f"hub:{here.address} was not loaded: its copy here is damaged ({', '.join(names[:3])}), and the Hub cannot "
            "be reached. Try again when online.",
            reason,
        )
    return replace(here, note=told_of(here))


def told_of(copy: Copy) -> str:
    """One sentence of a copy that serves in the place of what the Hub may have by now."""
    on = datetime.fromtimestamp(copy.folder.stat().st_mtime)
    name = str(copy.address).replace(copy.commit, copy.commit[:8])
    return f"The Hub cannot be reached: this is the copy of {name} of {on.day} {on:%B %Y}, commit {copy.commit[:8]}."


def _gathered(
    address: Address,
    remote: Remote,
    undone: str,
    check: Callable[[Path], None] | None,
    token: str | bool | None,
    progress: Progress,
) -> Copy:
    files = {name: file for name, file in remote.files.items() if _WANTED.fullmatch(name)}
    if CONFIG not in files or not any(name.endswith(WEIGHTS) for name in files):
        raise HubError(foreign(address), "foreign")
    done, total = 0, sum(file.size for file in files.values())
    progress(done, total)
    folder = _home(address.repository) / "snapshots" / remote.head
    for name in sorted(files, key=lambda name: (name != CONFIG, files[name].size)):  # What can be refused comes first.
        before = done

        def report(count: int, before: int = before, size: int = files[name].size) -> None:
            progress(before + min(count, size), total)

        _file(address, name, files[name], remote.head, token, report, undone)
        done += files[name].size
        progress(done, total)
        if name == CONFIG and check:
            check(folder)
    _remember(address, remote.head)
    return Copy(address, folder, remote.head)


def foreign(address: Address) -> str:
    """The sentence for a repository that is no model folder of ours."""
    return (
        f"hub:{address} holds no model of GAN Studio's own format. Nothing was loaded. If it is a DCGAN, CycleGAN or "
        f"pix2pix of another project, import it: gan-core hub pull {address}."
    )


def _file(
    address: Address,
    name: str,
    file: File,
    commit: str,
    token: str | bool | None,
    report: Callable[[int], None],
    undone: str,
) -> None:
    """One file into the cache. The client compares no hashes: what arrived damaged is fetched once more."""
    from huggingface_hub import hf_hub_download

    limit_waiting()
    path = Path()
    for again in (False, True):
        with explained(undone, what="model", revision=address.revision):
            path = Path(
                hf_hub_download(
                    address.repository,
                    name,
                    revision=commit,
                    token=token,
                    tqdm_class=counter(report),
                    force_download=again,
                )
            )
        if hashed(path).same(file):
            return
    for left in (path.resolve(), path):
        left.unlink(missing_ok=True)
    text = f"{undone}: {name} arrived damaged twice (its hash is not the Hub's). Nothing was loaded. Try again later."
    raise HubError(text, "damaged")


def counter(report: Callable[[int], None]) -> Any:
    """What the client takes for a progress bar; report(bytes of this file so far), and may raise to end it."""
    from huggingface_hub import constants

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES

    class Counter:
        def __init__(self, *_: object, initial: int = 0, total: int | None = None, **__: object) -> None:
            self.n, self.total = initial, total

        def update(self, count: int = 1) -> None:
            self.n += count
            report(self.n)

        def update_transfer(self, count: int = 1) -> None:
            """Bytes over the network, which may be fewer: the file's own are told."""

        def _nothing(self, *_: object, **__: object) -> None: ...

        set_postfix_str = set_transfer_postfix_str = set_description = refresh = close = _nothing
        format_dict: dict[str, Any] = {}

        def __enter__(self) -> "Counter":
            return self

        def __exit__(self, *_: object) -> None: ...

    return Counter


# What is here.


def cached(address: Address) -> Copy | None:
    """The copy on this disk, whole or not; None where there is none. Asks nobody."""
    home, revision = _home(address.repository), address.revision or MAIN
    commit = revision if _COMMIT.fullmatch(revision) else _refs(home).get(revision)
    folder = home / "snapshots" / (commit or "none")
    if commit is None or not (folder / CONFIG).is_file() or not any(folder.glob(f"*{WEIGHTS}")):
        return None
    return Copy(address, folder, commit)


def copies() -> Iterator[Copy]:
    """What is here of branches and tags, by name; of one commit under several names, the branch main."""
    for home in sorted(_cache().glob("models--*--*")):
        repository = home.name.removeprefix("models--").replace("--", "/", 1)
        if not NAME.fullmatch(repository):
            continue
        seen = set()
        for revision in sorted(_refs(home), key=lambda name: (name != MAIN, name)):
            copy = cached(Address(repository, None if revision == MAIN else revision))
            if copy and copy.commit not in seen:
                seen.add(copy.commit)
                yield copy


def damaged(folder: Path) -> list[str]:
    """Names of files whose content is not what the Hub announced: the cache keeps each under its hash."""
    found = []
    for path in sorted(folder.iterdir()):
        if not _WANTED.fullmatch(path.name) or not path.is_symlink():
            continue
        announced = path.readlink().name
        try:
            file = hashed(path)
        except OSError:
            found.append(path.name)
            continue
        if announced not in (file.sha256, file.oid) and len(announced) in (40, 64):
            found.append(path.name)
    return found


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _home(repository: str) -> Path:
    return _cache() / f"models--{repository.replace('/', '--')}"


def _refs(home: Path) -> dict[str, str]:
    """Commit by branch or tag, as the cache remembers them."""
    inside, found = home / "refs", {}
    for path in inside.rglob("*") if inside.is_dir() else ():
        with suppress(OSError, ValueError):
            commit = path.read_text(encoding="ascii").strip() if path.is_file() else ""
            if _COMMIT.fullmatch(commit):
                found[path.relative_to(inside).as_posix()] = commit
    return found


def _remember(address: Address, commit: str) -> None:
    """Only what is here whole is found by its branch or tag."""
    revision = address.revision or MAIN
    inside = _home(address.repository) / "refs"
    if _COMMIT.fullmatch(revision) or not (inside / revision).is_relative_to(inside):
        return
    with suppress(OSError):  # A cache that nobody may write to serves all the same.
        write_bytes(inside / revision, commit.encode())
