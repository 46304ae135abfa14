"""`gan-core deploy`: models as a Space on the Hugging Face Hub, or as a folder that runs anywhere."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan_core.cli.options import as_json, print_json
from gan_core.errors import ConfigError
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.deploy.publish import Published, Rehearsal, Wish

TARGETS = ("static", "zero-gpu", "cpu")
ENVIRONMENTS = ("fresh", "linked", "full")
TOKEN = re.compile(r"hf_\w{4,}")
RUNS_WITH = {"static": "python serve.py", "server": "pip install -r requirements.txt && python app.py"}


@click.command()
@click.argument("space", metavar="[USER/SPACE]", required=False)
@click.option("--target", type=click.Choice(TARGETS), default="static", show_default=True, help="What serves it.")
@click.option("--model", "models", metavar="NAME", multiple=True, help="One or more; default: all trained here.")
@click.option("--title", help="Of the page.")
@click.option("--private", is_flag=True, help="Only for you, where the Space is made now.")
@click.option("--hardware", metavar="FLAVOUR", help="Such as cpu-upgrade; a GPU (t4-small): with --target zero-gpu.")
@click.option(
    "--variable",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="A setting that everybody may see, such as GAN_CORE_KEEP_ON_HUB=you/prefix.",
)
@click.option(
    "--secret",
    "secrets",
    metavar="NAME",
    multiple=True,
    help="Its value is this environment's NAME; such as GAN_CORE_KEEP_TOKEN.",
)
@click.option("--onto", metavar="COMMIT", help="Overwrite this very commit, which you have looked at.")
@click.option("--force", is_flag=True, help="Overwrite what somebody changed in the Space.")
@click.option("--skip-check", is_flag=True, help="Do not start it here before it is sent.")
@click.option(
    "--check-in",
    "environment",
    type=click.Choice(ENVIRONMENTS),
    default="fresh",
    show_default=True,
    help="Which packages the check runs with.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the Space runs.")
@click.option("--timeout", "timeout_s", type=float, default=1800.0, show_default=True, help="Of that wait, in seconds.")
@click.option("--dry-run", is_flag=True, help="Build, and show which files would move; send nothing.")
@click.option(
    "--to-folder", type=click.Path(path_type=Path), metavar="DIR", help="Write the bundle there; send nothing."
)
@as_json
def deploy(
    space: str | None,
    target: str,
    models: tuple[str, ...],
    title: str | None,
    private: bool,
    hardware: str | None,
    variables: tuple[str, ...],
    secrets: tuple[str, ...],
    onto: str | None,
    force: bool,
    skip_check: bool,
    environment: str,
    no_wait: bool,
    timeout_s: float,
    dry_run: bool,
    to_folder: Path | None,
    as_json: bool,
) -> None:
    """Make or update the Space USER/SPACE with models from here.

    static: the explorer in the visitor's browser, without a server; free for everybody. zero-gpu: the whole
    application, with a GPU for moments. cpu: the whole application on two processors; needs a paid plan.

    The folder is built from a list of what may go, started here and made to draw and paint, and sent in one commit; a
    second deploy sends what changed. Files that a person put into the Space stay. Log in with `hf auth login`, or set
    HF_TOKEN.
    """
    if space is None and to_folder is None:
        raise click.UsageError("Give the Space's name, USER/SPACE, or --to-folder DIR.")
    from gan_core.deploy.publish import TITLE, Wish, chosen
    from gan_core.deploy.space import Options
    from gan_core.hub.client import Address

    settings = Settings()
    options = Options(
        private=private,
        hardware=hardware,
        variables=_variables(variables),
        secrets=_secrets(secrets),
        onto=onto,
        force=force,
    )
    wish = Wish(
        address=Address.parse(space or "you/space"),
        target=target,  # type: ignore[arg-type]
        models=chosen(models, target, settings),  # type: ignore[arg-type]
        title=title or TITLE,
        options=options,
        check=not skip_check,
        environment=environment,  # type: ignore[arg-type]
        wait=not no_wait,
        timeout_s=timeout_s,
    )
    names = [folder.name for folder in wish.models]
    _echo(f"Models: {', '.join(names)}")
    if to_folder is not None:
        return _write(wish, to_folder, space, settings, as_json)
    if dry_run:
        return _rehearse(wish, names, settings, as_json)
    return _publish(wish, names, settings, as_json)


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ConfigError(f"--variable {_hidden(text)!r} is not of the form NAME=VALUE. Nothing was deployed.")
        if TOKEN.search(value):
            raise ConfigError(
                f"--variable {name} holds a token, and everybody can read it there. Nothing was deployed. Use --secret."
            )
        found[name] = value
    return found


def _secrets(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in given:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            shown = _hidden(name.partition("=")[0])
            raise ConfigError(
                f"--secret {shown!r} takes the name of an environment variable and no value. Nothing was deployed."
            )
        if not os.environ.get(name):
            raise ConfigError(f"--secret {name}: the environment has no {name}. Nothing was deployed. Set it first.")
        found[name] = os.environ[name]
    return found


def _hidden(text: str) -> str:
    return TOKEN.sub("hf_...", text)[:80]


def _write(wish: "Wish", folder: Path, space: str | None, settings: Settings, as_json: bool) -> None:
    from gan_core.deploy.bundle import build_bundle

    def tell(text: str) -> None:
        _echo(f"Build: {text}")

    bundle = build_bundle(
        folder,
        target=wish.target,
        models=wish.models,
        title=wish.title,
        hub_id=space,
        settings=settings,
        tell=tell,
    )
    command = RUNS_WITH["static" if bundle.target == "static" else "server"]
    size = bundle.bytes
    if as_json:
        print_json({"folder": str(folder), "target": bundle.target, "files": bundle.files, "bytes": size})
        return
    click.echo(f"{folder}: {len(bundle.files)} files, {size:,} bytes")
    click.echo(f"cd {shlex.quote(str(folder))} && {command}")


def _rehearse(wish: "Wish", names: list[str], settings: Settings, as_json: bool) -> None:
    from gan_core.deploy.publish import rehearse

    done: Rehearsal = rehearse(wish, settings, tell=_Steps())
    plan = done.plan
    if as_json:
        print_json(
            {
                **_told(wish, names),
                "dry_run": True,
                "files": dict(plan.send),
                "bytes": plan.bytes,
                "deleted": list(plan.delete),
                "kept": list(plan.kept),
                "changed_there": list(plan.changed),
                "head": plan.head,
                "doubt": done.doubt,
            }
        )
        return
    for name, size in plan.send.items():
        click.echo(f"send {name}, {size:,} bytes")
    for name in plan.delete:
        click.echo(f"delete there {name}")
    for name in plan.kept:
        click.echo(f"keep there {name}")
    for name in plan.changed:
        click.echo(f"changed there by somebody else: {name}")
    click.echo("Nothing would move" if plan.empty else f"{len(plan.send)} files, {plan.bytes:,} bytes")
    if done.doubt:
        click.echo(done.doubt)


def _publish(wish: "Wish", names: list[str], settings: Settings, as_json: bool) -> None:
    from gan_core.deploy.publish import publish
    from gan_core.deploy.watch import SpaceError

    steps = _Steps()
    try:
        done: Published = publish(wish, settings, tell=steps)
    except SpaceError as error:
        for line in error.log:
            click.echo(f"  {line}", err=True)
        raise
    except KeyboardInterrupt:
        left = "It stays as it is and is built without us." if steps.sent else "Nothing was sent to it."
        click.echo(f"{wish.address.repository}: {left}", err=True)
        raise
    deployed, plan = done.deployed, done.deployed.plan
    if as_json:
        print_json(
            {
                **_told(wish, names),
                "dry_run": False,
                "url": deployed.url,
                "commit": deployed.commit,
                "made": deployed.made,
                "files": dict(plan.send),
                "bytes": plan.bytes,
                "deleted": list(plan.delete),
                "kept": list(plan.kept),
                "app": done.running.url if done.running else None,
                "waited_s": round(done.running.waited_s, 1) if done.running else None,
            }
        )
        return
    if plan.kept:
        _echo(f"Kept, put there by a person: {', '.join(plan.kept)}")
    click.echo(deployed.url)


def _told(wish: "Wish", names: list[str]) -> dict[str, Any]:
    return {"space": wish.address.repository, "target": wish.target, "models": names}


class _Steps:
    """One line a step on standard error; on a terminal the line lives."""

    LABELS = {"look": "Look", "build": "Build", "check": "Check", "upload": "Upload", "wait": "Space"}

    def __init__(self) -> None:
        self.sent = False
        self._last = ""

    def __call__(self, step: str, words: str, share: float | None) -> None:
        self.sent = self.sent or step == "wait" or (step == "upload" and "commit" in words)
        over = share == 1.0
        part = "" if share is None or over else f" {share:.0%}"
        line = f"{self.LABELS[step]}: {words}{part}"
        if line == self._last and not over:
            return
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{line}", nl=over, err=True)
        elif not part and line != self._last and (over or not words.endswith("s.")):
            click.echo(line, err=True)
        self._last = line


def _echo(text: str) -> None:
    click.echo(text, err=True)
