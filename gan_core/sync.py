"""Model folders here against their repositories on the Hub: how they stand, and how they come together.

`hub` moves files; this knows which folder belongs to which repository, what may be let in, and what is imported.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from gan_core.cards.travelling import CARD, sent, travelling_card
from gan_core.config import NAME_PATTERN, check_name
from gan_core.errors import GanCoreError, HubError, ModelError
from gan_core.hub import copies
from gan_core.hub.client import SIGNED_OUT, Address, Progress, account, quietly, refuse_reader
from gan_core.hub.compare import Comparison, compare, read_meeting
from gan_core.hub.files import File, Remote, local_files, refuse_absurd, remote_files
from gan_core.hub.listing import repositories
from gan_core.hub.pull import Pull, plan_pull, pull, refuse_changed, sweep
from gan_core.hub.push import Push, plan_push, push, refuse_divergence, refuse_other_tag
from gan_core.settings import Settings
from gan_core.weights import CONFIG, is_model_folder

CHECKPOINTS = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".json", ".txt")
"""Of other projects' repositories: what an import may need."""


@dataclass(frozen=True)
class Standing:
    """One model and its repository."""

    name: str
    """The folder's name in the models folder."""
    address: Address | None
    """None: it belongs to no repository, and nobody is signed in to give it one."""
    comparison: Comparison | None
    error: str | None = None
    """Why nothing can be said of it."""
    here: Mapping[str, File] = field(default_factory=dict)
    """What was compared: the files that travel."""
    there: Remote | None = None
    """None: there is no repository, or nobody looked into it (it is only there)."""
    pinned: str | None = None
    """The revision that it was pulled at, on purpose. It is compared with main all the same."""
    unseen: bool = False
    """It was at its repository before, and nobody is signed in: that may be private, or gone."""


def address_of(folder: Path, namespace: str | None) -> Address | None:
    """The repository that a model folder belongs to: where it last was the same, else one of its name."""
    met = read_meeting(folder)
    if met is not None:
        return Address(met.repository)
    return Address(f"{namespace}/{folder.name}") if namespace else None


def standings(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    namespace: str | None = None,
    token: str | None = None,
    there: bool = True,
) -> Iterator[Standing]:
    """Every model here (or those named), then what is only on the Hub. No weights are downloaded.

    namespace: whose repositories; None: those of who is signed in. there: look for models that are not here too.
    Raises `HubError` where the Hub cannot be asked at all.
    """
    sweep(settings.models_dir)
    who = namespace or (account(token) or {}).get("name")
    folders = model_folders(settings)
    for name in names:
        if name not in {folder.name for folder in folders} and "/" not in name:
            raise ModelError(f"There is no model {name!r} in {settings.models_dir}. Nothing was compared.")
    seen = set()
    for folder in folders:
        address = address_of(folder, who)
        if address:
            seen.add(address.repository)
        if not names or folder.name in names:
            yield standing(folder, address, token=token)
    if there and who and not names:
        for repository in repositories(who, token=token):
            if repository not in seen:
                yield Standing(repository.partition("/")[2], Address(repository), Comparison("only there"))


def standing(folder: Path, address: Address | None, *, token: str | None = None) -> Standing:
    """One model; what stands in the way is told and not raised."""
    here = local_files(folder)
    if address is None:
        return Standing(folder.name, None, compare(here, None, None), here=here)
    try:
        there = remote_files(Address(address.repository), token=token)
        met = read_meeting(folder, address.repository)
        pinned, unseen = met.pinned if met else None, bool(met) and there is None and account(token) is None
        return Standing(folder.name, address, compare(here, there, met), None, here, there, pinned, unseen)
    except HubError as error:
        if error.reason in ("offline", "down", "limit", "token"):
            raise  # The same for all of them.
        return Standing(folder.name, address, None, str(error))


def model_folders(settings: Settings) -> list[Path]:
    folder = settings.models_dir
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if path.is_dir() and NAME_PATTERN.fullmatch(path.name) and is_model_folder(path)]


def push_model(
    name: str,
    address: Address | None,
    settings: Settings,
    *,
    dry_run: bool = False,
    take: str | None = None,
    onto: str | None = None,
    tag: str | None = None,
    private: bool = True,
    message: str = "",
    token: str | None = None,
    progress: Progress = quietly,
) -> Push:
    """Push a model of the models folder. address: None is the repository it belongs to, else one of its name.

    take: "mine" overwrites what changed there, "theirs" is a pull. Raises `GanCoreError`, before anything is read that
    is large where it is the account, the tag or the other side that stands in the way; also for a dry run.
    """
    folder = _folder(name, settings)
    address = address or address_of(folder, (account(token) or {}).get("name"))
    if address is None:
        raise HubError(f"{name} was not pushed: {SIGNED_OUT}", "signed-out")
    if tag:
        Address.parse(f"{address.repository}@{tag}")  # Says in words what cannot be a tag.
    undone = f"{folder.name} was not pushed to {address.repository}"
    refuse_reader(address.repository, undone, token=token)
    remote, mine = remote_files(Address(address.repository), token=token), take == "mine"
    travelling = travelling_card(folder, address, remote, mine_wins=mine or bool(onto), token=token)
    holds = {CARD: travelling.holds} if travelling.holds else None
    if dry_run:
        instead = {CARD: travelling.card} if travelling.card is not None else None
        planned = plan_push(folder, address, instead=instead, holds=holds, token=token)
        refuse_divergence(planned, undone, onto=onto, take_mine=mine)
        if tag:
            refuse_other_tag(planned, undone, tag, token=token)
        return planned
    with sent(folder, address, travelling):
        return push(
            folder,
            address,
            message=message,
            private=private,
            tag=tag,
            onto=onto,
            take_mine=mine,
            holds=holds,
            check=_loads,
            token=token,
            progress=progress,
        )


def _loads(folder: Path) -> None:
    """Nobody else should meet a damaged model. Raises `ModelError`."""
    from gan_core.weights import load

    load(folder)


def pull_model(
    address: Address,
    settings: Settings,
    *,
    name: str | None = None,
    dry_run: bool = False,
    take: str | None = None,
    token: str | None = None,
    progress: Progress = quietly,
) -> tuple[Path, Pull]:
    """Bring a repository into the models folder, under its own name or `name`. Raises `GanCoreError`.

    A repository in a format of another project is imported: nothing in its files is run.
    """
    folder = settings.models_dir / check_name(name or _home(address, settings))
    planned, remote = plan_pull(address, folder, token=token)
    if CONFIG not in remote.files or not any(file.endswith(".safetensors") for file in remote.files):
        return folder, _import(address, folder, planned, remote, dry_run, token, progress)
    if dry_run:
        refuse_changed(planned, folder, take_theirs=take == "theirs")
        return folder, planned
    done = pull(address, folder, checked, take_theirs=take == "theirs", token=token, progress=progress)
    return folder, done


def _home(address: Address, settings: Settings) -> str:
    """The folder that is pinned at that revision, else one of the repository that is not pinned, else a new one."""
    met = {folder.name: read_meeting(folder, address.repository) for folder in model_folders(settings)}
    for pinned in (address.pin, None):
        for name, one in met.items():
            if one and one.pinned == pinned:
                return name
    return address.repository.partition("/")[2].lower()


def checked(folder: Path) -> None:
    """Raise `ModelError` for a fetched folder that is not wholly a model of ours."""
    try:
        _loads(folder)
    except ModelError as error:
        told = str(error).replace(f"{folder}/", "").replace(str(folder), "the repository")
        raise ModelError(f"{told} What was here before stays.") from None


def _import(
    address: Address,
    folder: Path,
    planned: Pull,
    remote: Remote,
    dry_run: bool,
    token: str | None,
    progress: Progress,
) -> Pull:
    from gan_core.adopt import adopt

    undone = f"{address} was not imported"
    if folder.exists():
        raise ModelError(
            f"{folder} exists, and {address} is to be imported. Nothing was changed. Give it another --name."
        )
    files = {name: file for name, file in {**remote.files, **remote.foreign}.items() if _is_checkpoint(name)}
    if not files:
        raise HubError(f"{undone}: it holds no weights. Choose another.", "foreign")
    refuse_absurd(files, undone)
    planned = replace(planned, fetch={name: file.size for name, file in files.items()}, delete=())
    if dry_run:
        return planned
    source = copies.gather(address.repository, files, remote.head, undone=undone, token=token, progress=progress)
    try:
        adopt(source, folder, name=folder.name)
    except GanCoreError as error:
        raise ModelError(f"{undone}: {_without(source, str(error))}") from None
    return planned  # Without a meeting: what was made of it is never the same as what is there.


def _is_checkpoint(name: str) -> bool:
    """What an import may need, by a name that stays inside its folder."""
    path = PurePosixPath(name)
    return path.suffix in CHECKPOINTS and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _without(folder: Path, text: str) -> str:
    """A sentence without the path of the client's cache."""
    return text.replace(f"{folder}/", "").replace(str(folder), "it")


def _folder(name: str, settings: Settings) -> Path:
    folder = settings.models_dir / check_name(name)
    if not is_model_folder(folder):
        raise ModelError(f"There is no model {name!r} in {settings.models_dir}. Nothing was pushed.")
    return folder


__all__ = ["CARD", "Standing", "address_of", "pull_model", "push_model", "standing", "standings"]
