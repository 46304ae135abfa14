"""Whether a bundle works: started here as a Space starts it, before anything is uploaded.

Of the server targets a copy is started in a clean process: an environment of its own (see `environment`), an empty
home, none of this process's variables, those that the Hub gives to a Space, and those that the Space is set up with.
There it must answer, draw a picture with each generator and paint a photograph with each translator, on the CPU. What
cannot be tried here is ZeroGPU itself and, unless that Python is the one that runs this, the Space's version of Python;
both are told. Secrets stay where they are, and so what needs one is not tried.

The static target is opened in a headless Chromium, if there is one.
"""

import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from gan_core.cards.front_matter import divided
from gan_core.deploy import trial
from gan_core.deploy.bundle import Bundle
from gan_core.deploy.environment import Environment, make_environment, space_python
from gan_core.deploy.processes import clean_environment, last_words, running
from gan_core.deploy.scratch import scratch_folder
from gan_core.errors import DeployError
from gan_core.families import get_family
from gan_core.weights import read_config

START_S = 300.0  # Seconds on a quiet computer, minutes on one that trains at the same time.
SPACE_NAME = ("someone", "trial")


def check(
    bundle: Bundle,
    *,
    tell: Callable[[str], None],
    environment: Environment = "fresh",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Raise `DeployError`, with the last lines of the log, unless the bundle works; nothing stays behind.

    Returns what came of it in a few words: what it worked with, or that it was not tried. tell: is given what is being
    done, more than once where that takes long, and what could not be tried; what it raises ends the trial. variables:
    those that the Space will have. A static Space has no use for any.
    """
    with scratch_folder("check") as scratch:
        # A copy: what runs may write beside itself, and the bundle stays as it was built.
        copy = scratch / "app"
        shutil.copytree(bundle.folder, copy)
        if bundle.target == "static":
            from gan_core.deploy.check_page import check_page

            return check_page(copy, scratch, tell)
        return _check_server(copy, scratch, bundle.target, tell, environment, variables)


def _check_server(
    copy: Path,
    scratch: Path,
    target: str,
    tell: Callable[[str], None],
    environment: Environment,
    variables: Mapping[str, str],
) -> str:
    head, _ = divided((copy / "README.md").read_text(encoding="utf-8"))
    asked, here = str(head["python_version"]), f"{sys.version_info.major}.{sys.version_info.minor}"
    other_python = not f"{asked}.".startswith(f"{here}.") and (environment != "full" or space_python(asked) is None)
    if other_python:
        tell(f"The Space will have Python {asked}; the trial has {here}.")
    if target == "zero-gpu":
        tell("ZeroGPU cannot be tried here: the trial computes on the CPU.")
    log = scratch / "log.txt"
    text = (copy / "requirements.txt").read_text(encoding="utf-8")
    python, kind = make_environment(
        scratch / "venv",
        text,
        gradio=str(head["sdk_version"]),
        python_version=asked,
        kind=environment,
        log=log,
        tell=tell,
    )
    tried = {name: value for name, value in variables.items() if not _names_a_place(value)}
    words = f"Starting the bundle as a Space starts it{_with(tried)}."
    tell(words)
    for name in sorted(set(variables) - set(tried)):
        tell(f"{name} was left out of the trial: it names a place on the Space's disk.")
    log.unlink(missing_ok=True)
    with started(python, copy, scratch / "home", log, variables=tried, pulse=lambda: tell(words)) as url:
        try:
            for folder in sorted((copy / "pretrained").iterdir()):
                is_generator = get_family(read_config(folder).family).kind == "generator"
                (trial.generate if is_generator else trial.translate)(url, folder.name)
                tell(f"{folder.name} {'drew a picture' if is_generator else 'painted a photograph'}.")
        except DeployError as error:
            raise DeployError(f"{error} Nothing was uploaded. {_said(log)}") from None
    notes = {
        "on the CPU": target == "zero-gpu",
        f"with Python {here}": other_python,
        "with the packages that are installed here": kind == "linked",
    }
    return ", ".join(["It works", *(note for note, holds in notes.items() if holds)])


@contextmanager
def started(
    python: Path,
    folder: Path,
    home: Path,
    log: Path,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    limit_s: float = START_S,
    pulse: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """A bundle of a server target, running as on a Space; the address where it answers. Raises `DeployError`.

    variables: those of the Space. pulse: called while it starts; what it raises ends it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + limit_s
    command = [python, "app.py"]
    # Where both name one, the platform's counts there too; and whatever is set up, nobody else shall see the trial.
    surroundings = {**variables, **space_environment(home, port)}
    with running(command, cwd=folder, environment=surroundings, log=log) as process:
        while not trial.is_up(url):
            if (status := process.poll()) is not None:
                ended = f"The bundle ended by itself (status {status}){_with(variables)}"
                raise DeployError(f"{ended}. Nothing was uploaded. {_said(log)}")
            if time.monotonic() > end:
                raise DeployError(
                    f"The bundle does not answer within {limit_s:.0f} s{_with(variables)}. Nothing was uploaded. "
                    f"{_said(log)}"
                )
            pulse()
            time.sleep(0.2)
        yield url


def space_environment(home: Path, port: int) -> dict[str, str]:
    """The variables that the Hub gives to a Space with a sign-in; the secrets among them are new ones."""
    author, name = SPACE_NAME
    return clean_environment(
        home,
        SYSTEM="spaces",
        SPACE_ID=f"{author}/{name}",
        SPACE_AUTHOR_NAME=author,
        SPACE_REPO_NAME=name,
        SPACE_TITLE=name,
        SPACE_HOST=f"{author}-{name}.hf.space",
        SPACE_CREATOR_USER_ID="0",
        ACCELERATOR="none",
        CPU_CORES="2",
        MEMORY="16Gi",
        OAUTH_CLIENT_ID="trial",
        OAUTH_CLIENT_SECRET=secrets.token_urlsafe(24),
        OAUTH_SCOPES="openid profile",
        OPENID_PROVIDER_URL="https://huggingface.co",
        GRADIO_SERVER_NAME="127.0.0.1",  # A Space says 0.0.0.0; here nobody else shall see it.
        GRADIO_SERVER_PORT=str(port),
        GRADIO_ALLOW_FLAGGING="never",
        GRADIO_NUM_PORTS="1",
        GRADIO_THEME="huggingface",
        CUDA_VISIBLE_DEVICES="",
        PYTHONPYCACHEPREFIX=str(home / "compiled"),
    )


def _names_a_place(value: str) -> bool:
    """What lies there on this computer is somebody's, and no trial's."""
    return any(part.startswith("/") for part in value.split(":")) and "://" not in value


def _with(variables: Mapping[str, str]) -> str:
    """Names alone: a value may be long."""
    return f" with {', '.join(sorted(variables))}" if variables else ""


def _said(log: Path) -> str:
    words = last_words(log)
    return f"The last it said:\n{words}" if words else "It said nothing."
