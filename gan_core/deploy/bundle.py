"""The folder that becomes a Space: built from a list of what may go, the same bytes from the same things."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from gan_core.atomic import new_folder
from gan_core.config import require_choice
from gan_core.deploy.chosen import TERMS, Chosen, copy_models
from gan_core.deploy.front_matter import space_card
from gan_core.deploy.leaks import refuse_secrets
from gan_core.deploy.requirements import requirements
from gan_core.deploy.scratch import scratch_folder
from gan_core.deploy.sources import LICENSE, program_files
from gan_core.deploy.telling import Tell, silent
from gan_core.errors import DeployError
from gan_core.hub.compare import MARK
from gan_core.settings import BESIDE, Settings

Target = Literal["static", "zero-gpu", "cpu"]
TARGETS: tuple[Target, ...] = get_args(Target)
LARGE_BYTES = 10**9
"""From here on a Space's repository may be too large for the Hub."""


@dataclass(frozen=True)
class Bundle:
    """A folder that is ready to become a Space."""

    folder: Path
    target: Target
    files: dict[str, int]
    """Size in bytes of each file, by its path in the folder with forward slashes."""

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def build_bundle(
    out: Path,
    *,
    target: Target,
    models: Sequence[Path],
    title: str,
    hub_id: str | None,
    settings: Settings,
    discriminators: bool = False,
    tell: Tell = silent,
) -> Bundle:
    """Write the Space's folder to `out`, which must be empty or not there yet; whole, or not at all.

    models: model folders, snapshots or copies in the Hub client's cache. hub_id: the Space as user/name, None where
    that is open. discriminators: take them along, for whoever trains on. tell: is given what is worth a sentence.
    Raises `DeployError`, also for a secret in any file, and `ModelError` for a damaged model.
    """
    require_choice("--target", target, TARGETS)
    out = out.resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DeployError(f"{out} is not empty. Nothing was written. Name a new folder.")
    if not models:
        raise DeployError("A Space without a model shows nothing. No Space was built. Name at least one --model.")
    with scratch_folder("models") as staged, new_folder(out, replace=True) as folder:
        chosen = copy_models(models, staged, discriminators=discriminators, tell=tell)
        if target == "static":
            _static(folder, chosen, title, hub_id, settings, tell)
        else:
            _program(folder, chosen, target)
        card = space_card(target=target, title=title, chosen=chosen, hub_id=hub_id)
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
        files = _sizes(folder)
        refuse_secrets(folder, files)
        _tell_homes(folder, files, tell)
    bundle = Bundle(out, target, files)
    if bundle.bytes > LARGE_BYTES:
        tell(f"The folder holds {bundle.bytes / 1e9:.1f} GB, which may be more than the Hub takes for a Space.")
    return bundle


def _program(folder: Path, chosen: Sequence[Chosen], target: Target) -> None:
    """The application, with its models where it looks for them."""
    for place, path in program_files().items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / place)
    for one in chosen:
        shutil.copytree(one.folder, folder / "pretrained" / one.name, ignore=shutil.ignore_patterns(MARK))
    (folder / "requirements.txt").write_text(requirements(target), encoding="utf-8", newline="\n")


def _static(
    folder: Path,
    chosen: Sequence[Chosen],
    title: str,
    hub_id: str | None,
    settings: Settings,
    tell: Callable[[str], None],
) -> None:
    """The page that needs no server."""
    from gan_core.deploy.static import write_static

    folders = [one.folder for one in chosen]
    write_static(folder, folders, title=title, hub_id=hub_id, settings=settings, tell=tell)
    # Whoever passes weights on must pass their terms and credits on too. The page itself asks for none of this.
    shutil.copyfile(BESIDE / LICENSE, folder / LICENSE)
    for one in chosen:
        for name in TERMS:
            if (one.folder / name).is_file():
                shutil.copyfile(one.folder / name, folder / "models" / one.name / name)


def _sizes(folder: Path) -> dict[str, int]:
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    assert not any(path.is_symlink() for path in paths), "everything here was copied"
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _tell_homes(folder: Path, files: dict[str, int], tell: Callable[[str], None]) -> None:
    """Say which texts name folders of whoever builds this: that is no secret, but seldom wanted."""
    home = f"{Path.home()}/"
    for name in files if len(home) > 2 else ():
        text = name.endswith((".json", ".md", ".csv", ".txt"))
        if text and home in (folder / name).read_text(encoding="utf-8", errors="replace"):
            tell(f"{name} names a folder of yours ({home}...), and everybody will see it.")
