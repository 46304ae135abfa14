"""A Python environment of its own for the trial of a bundle: what requirements.txt names is there, and nothing else.

fresh    a new virtual environment in which pip really installs requirements.txt and what a Space's build adds, so that
         a version that cannot be had, or two that quarrel, come to light here. PyTorch alone, gigabytes, is lent by the
         running environment.
linked   nothing is installed: the running environment lends each package that requirements.txt names, and what those
         need. What is missing in requirements.txt is missing in the trial too.
full     nothing is lent, and the Space's own version of Python is used where this computer has it; takes minutes, and
         5 GB where PyTorch's CPU index cannot be reached.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Literal

from gan_core.deploy.processes import finish, last_words
from gan_core.errors import DeployError

Environment = Literal["fresh", "linked", "full"]
LENT = ("torch", "torchvision")
_INDEX = "--extra-index-url"  # Of PyTorch without CUDA, which is lent.
BUILD_ADDS = ("uvicorn>=0.14.0", "spaces")
"""What the build of a Gradio Space installs besides requirements.txt and gradio[oauth,mcp]."""
VENV_S = 180.0
INSTALL_S = {"fresh": 1200.0, "full": 3600.0}
_NOT_REACHED = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|ReadTimeout|RemoteDisconnected|SSLError"
    r"|ConnectionResetError|ProxyError|unreachable"
)
_QUARREL = re.compile(r"ResolutionImpossible|conflicting dependencies")
"""pip reached the packages in the end, whatever it had to ask twice for."""
_PRIVATE = re.compile(r"TOKEN|SECRET|PASSWORD|API_KEY|^(HF_|GAN_CORE_|PYTHON|VIRTUAL_ENV|OAUTH_|SPACE_)")

Tell = Callable[[str], None]


def make_environment(
    folder: Path, requirements: str, *, gradio: str, python_version: str, kind: Environment, log: Path, tell: Tell
) -> tuple[Path, Environment]:
    """Make it in `folder`; its python, and of which kind it became. gradio, python_version: what the Space's head
    asks for. Raises `DeployError`.

    fresh becomes linked, and that is told, where no package can be fetched.
    """
    if kind != "linked":
        try:
            return _installed(folder, requirements, gradio, python_version, kind, log, tell), kind
        except ConnectionError as error:
            if kind == "full":
                raise DeployError(f"{error} The bundle was not tried.") from None
            tell(f"{error} The trial uses the packages that are installed here instead.")
            shutil.rmtree(folder, ignore_errors=True)
    try:
        python = _new(folder, log, pip=False)
    except ConnectionError as error:
        raise DeployError(f"{error} The bundle was not tried, and nothing was uploaded.\n{last_words(log)}") from None
    names = [line for line in _lines(requirements) if not line.startswith("-")]
    lend(folder, [*names, f"gradio[oauth]=={gradio}"], tell)
    tell("Nothing was installed for the trial: it uses the packages that are installed here.")
    return python, "linked"


def space_python(asked: str) -> str | None:
    """An interpreter of the version that a Space asks for, such as 3.12.12; None where only others are here."""
    minor = ".".join(asked.split(".")[:2])
    if minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{minor}")
    # The name alone says little: a version manager has doors to interpreters that are not there.
    works = found and subprocess.run([found, "-c", ""], capture_output=True, timeout=60, check=False).returncode == 0
    return found if works else None


def _new(folder: Path, log: Path, *, pip: bool, interpreter: str = sys.executable) -> Path:
    command = [interpreter, "-m", "venv", *([] if pip else ["--without-pip"]), folder]
    try:
        failed = finish(command, cwd=log.parent, environment=_kept(), log=log, limit_s=VENV_S)
    except TimeoutError:
        failed = 1
    if failed:
        raise ConnectionError(f"Python makes no virtual environment {'with pip ' if pip else ''}here.")
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _kept() -> dict[str, str]:
    """This process's variables without what is private or would lead Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not _PRIVATE.search(name)}


def _installed(
    folder: Path, requirements: str, gradio: str, python_version: str, kind: Environment, log: Path, tell: Tell
) -> Path:
    own = space_python(python_version) if kind == "full" else None
    python = _new(folder, log, pip=True, interpreter=own or sys.executable)
    lines = _lines(requirements)
    if kind == "fresh":
        lines = [line for line in lines if re.split(r"[=\[]", line)[0] not in LENT and _INDEX not in line]
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(lines) + "\n")
    words = f"Installing the {sum(not line.startswith('-') for line in lines)} packages of requirements.txt."
    tell(words)
    pip = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    # In two steps, as the build does it: the second may change what the first installed.
    for asked in (["-r", listed], [f"gradio[oauth,mcp]=={gradio}", *BUILD_ADDS]):
        before = log.stat().st_size if log.exists() else 0
        try:
            failed = finish(
                [*pip, *asked],
                cwd=folder,
                environment=_kept(),
                log=log,
                limit_s=INSTALL_S[kind],
                pulse=lambda: tell(words),  # Whoever listens may cancel.
            )
        except TimeoutError:
            raise DeployError(
                f"pip took longer than {INSTALL_S[kind] / 60:.0f} minutes. The bundle was not tried, and nothing was "
                f"uploaded. Try again.\n{last_words(log)}"
            ) from None
        if failed:
            said = log.read_text(errors="replace")[before:]
            if _NOT_REACHED.search(said) and not _QUARREL.search(said):
                raise ConnectionError("The packages cannot be fetched: there is no connection.")
            raise DeployError(
                f"requirements.txt cannot be installed, here as on a Space. Nothing was uploaded.\n{last_words(log)}"
            )
    if kind == "fresh":
        lend(folder, LENT, tell)
        pins = dict(line.split("==", 1) for line in _lines(requirements) if line.startswith(LENT) and "==" in line)
        other = [name for name in LENT if _public(distribution(name)) != pins.get(name)]
        note = f" instead of {', '.join(f'{name} {pins.get(name)}' for name in other)}" if other else ""
        lent = ", ".join(f"{name} {_public(distribution(name))}" for name in LENT)
        tell(f"{lent} of this environment was used{note}; everything else was installed anew.")
    return python


def _public(found: Distribution) -> str:
    return found.version.partition("+")[0]


def _lines(requirements: str) -> list[str]:
    return [line.strip() for line in requirements.splitlines() if line.strip() and not line.startswith("#")]


def lend(folder: Path, names: Iterable[str], tell: Tell) -> None:
    """Link packages of the running environment, and what they need and is not there yet, into an environment.

    pip must not run in it any more: to remove a package it would follow the links.
    """
    library = "Lib" if os.name == "nt" else f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / library / "site-packages"
    there = {_plain(found.name) for found in distributions(path=[str(site)])}
    for name, found in _closure(names, tell).items():
        if name in there:
            continue
        if not found.files:  # Installed by something else than pip: nobody knows which files are its own.
            (site / "lent.pth").write_text(f"{found.locate_file('')}\n")
            tell(f"{found.name} was not installed by pip, and so all packages beside it are lent too.")
            return
        for part in sorted({path.parts[0] for path in found.files} - {"..", "__pycache__"}):
            if not (site / part).exists():
                (site / part).symlink_to(Path(str(found.locate_file(part))).resolve())


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _closure(names: Iterable[str], tell: Tell) -> dict[str, Distribution]:
    """The installed packages of some requirements and of all that those need, by their plain names."""
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    asked = {_plain(Requirement(text).name) for text in names}
    seen, queue = set(), [Requirement(text) for text in names]
    while queue:
        wanted = queue.pop()
        name, extras = _plain(wanted.name), wanted.extras or {""}
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        try:
            found[name] = distribution(wanted.name)
        except PackageNotFoundError:
            if name in asked:
                tell(f"{wanted} is not installed here, and the trial does without it.")
            continue
        for text in found[name].requires or ():
            need = Requirement(text)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                queue.append(need)
    return found
