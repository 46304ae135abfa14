"""Models of the Hub in its client's cache: fetched with progress, verified by hash, found again when offline."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gan_core.atomic import write_bytes
from gan_core.errors import HubError
from gan_core.hub.client import NAME, Address, Progress, quietly
from gan_core.hub.compare import MARK, read_meeting
from gan_core.hub.fetching import TEXT_BYTES, fetch_file
from gan_core.hub.files import File, Remote, hashed, remote_files
from gan_core.settings import Settings

CONFIG, WEIGHTS = "config.json", ".safetensors"
MAIN = "main"
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
    if here is not None and _is_whole(here) and not damaged(here.folder):
        return here  # A commit never changes.
    try:
        remote = remote_files(address, token=token)
    except HubError as error:
        if error.reason in _AWAY and here is not None:
            return _in_its_place(here, error.reason)
        told = str(error).replace(f"{address} was not looked at", undone)
        if error.reason == "offline":
            told = f"{undone}: the Hub cannot be reached and {_otherwise(address, everything=token is not False)}"
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
    name = str(copy.address).replace(copy.commit, copy.commit[:8])
    return f"The Hub cannot be reached: this is the copy of {name} of {_day(copy)}, commit {copy.commit[:8]}."


def _otherwise(address: Address, *, everything: bool) -> str:
    """What is here of a repository beside the revision that was asked for. everything: also among the models here."""
    others = [one for one in copies() if one.address.repository == address.repository]
    told = "nothing is cached."
    if others:
        named = ", ".join(f"hub:{one.address} (since {_day(one)})" for one in others[:3])
        told = f"this revision is not cached. Cached is {named}."
    folder = Settings().models_dir
    found = sorted(
        path.parent.name for path in folder.glob(f"*/{MARK}") if read_meeting(path.parent, address.repository)
    )
    if everything and found:
        told += f" {found[0]}, among the models here, came from this repository: use it by that name."
    return told


def _day(copy: Copy) -> str:
    on = datetime.fromtimestamp(copy.folder.stat().st_mtime)
    return f"{on.day} {on:%B %Y}"


def _gathered(
    address: Address,
    remote: Remote,
    undone: str,
    check: Callable[[Path], None] | None,
    token: str | bool | None,
    progress: Progress,
) -> Copy:
    files = {name: file for name, file in remote.files.items() if _WANTED.fullmatch(name)}
    fits = CONFIG in files and files[CONFIG].size <= TEXT_BYTES
    if not fits or not any(name.endswith(WEIGHTS) for name in files):
        raise HubError(foreign(address), "foreign")

    def seen(name: str, folder: Path) -> None:
        if name == CONFIG and check:
            check(folder)

    ordered = sorted(files, key=lambda name: (name != CONFIG, files[name].size))  # What can be refused comes first.
    folder = gather(
        address.repository,
        {name: files[name] for name in ordered},
        remote.head,
        undone=undone,
        token=token,
        progress=progress,
        seen=seen,
    )
    _remember(address, remote.head)
    return Copy(address, folder, remote.head)


def gather(
    repository: str,
    files: Mapping[str, File],
    commit: str,
    *,
    undone: str,
    token: str | bool | None = None,
    progress: Progress = quietly,
    seen: Callable[[str, Path], None] | None = None,
) -> Path:
    """Files of one commit, verified, in their order; the cache's folder that holds them. Raises `HubError`.

    seen(name, folder): told of each that is there; what it or `progress` raises ends it.
    """
    folder = _home(repository) / "snapshots" / commit
    done, total = 0, sum(file.size for file in files.values())
    progress(done, total)
    for name, file in files.items():

        def report(count: int, before: int = done, size: int = file.size) -> None:
            progress(before + min(count, size), total)

        fetch_file(repository, name, file, commit, undone=undone, token=token, report=report)
        done += file.size
        progress(done, total)
        if seen:
            seen(name, folder)
    return folder


def foreign(address: Address) -> str:
    """The sentence for a repository that is no model folder of ours."""
    return (
        f"hub:{address} holds no model of GAN Studio's own format. Nothing was loaded. If it is a DCGAN, CycleGAN or "
        f"pix2pix of another project, import it: gan-core hub pull {address}."
    )


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
        named = [revision for revision in _refs(home) if not _COMMIT.fullmatch(revision)]
        for revision in sorted(named, key=lambda name: (name != MAIN, name)):
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
    """Only what is here whole is found by its branch or tag; under its own number it stands as whole itself."""
    inside = _home(address.repository) / "refs"
    for revision in {commit, address.revision or MAIN}:
        if (inside / revision).is_relative_to(inside):
            with suppress(OSError):  # A cache that nobody may write to serves all the same.
                write_bytes(inside / revision, commit.encode())


def _is_whole(here: Copy) -> bool:
    """Whether it was asked for by its commit, and all of that was fetched: it may have been cut off."""
    revision = here.address.revision or ""
    return bool(_COMMIT.fullmatch(revision)) and _refs(_home(here.address.repository)).get(revision) == revision
