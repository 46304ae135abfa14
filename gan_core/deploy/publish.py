"""A deploy from the first look to the running Space: look, build, check, upload, wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan_core.deploy.account import holder, targets_for
from gan_core.deploy.bundle import Bundle, Target, build_bundle
from gan_core.deploy.check import Environment, check
from gan_core.deploy.look import look
from gan_core.deploy.plan import Plan, changes
from gan_core.deploy.scratch import scratch_folder
from gan_core.deploy.space import Deployed, Options, deploy, ready, refuse, wanted
from gan_core.deploy.watch import TIMEOUT_S, Running, watch
from gan_core.errors import ModelError
from gan_core.hub.client import Address
from gan_core.hub.files import File
from gan_core.library import describe, find, list_models
from gan_core.settings import Settings

if TYPE_CHECKING:
    from gan_core.library import ModelInfo

Step = Literal["look", "build", "check", "upload", "wait"]
STEPS: tuple[Step, ...] = ("look", "build", "check", "upload", "wait")
Tell = Callable[[Step, str, float | None], None]
"""tell(step, words, share of it that is done; None where nobody knows)"""
TITLE = "GAN Studio"
STATIC_BYTES = 60_000_000
"""Weights of one model that a visitor of a static page is made to download, at most."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see on the Hub."""

    address: Address
    target: Target = "static"
    models: tuple[Path, ...] = ()
    """Model folders."""
    title: str = TITLE
    options: Options = field(default_factory=Options)
    check: bool = True
    environment: Environment = "fresh"
    """Of the check."""
    wait: bool = True
    timeout_s: float = TIMEOUT_S
    """Of the wait for the Space."""


@dataclass(frozen=True)
class Published:
    deployed: Deployed
    bundle_bytes: int
    files: int
    """Those that the Space holds by it."""
    running: Running | None
    """None: nobody waited."""


@dataclass(frozen=True)
class Rehearsal:
    """What a deploy would do."""

    plan: Plan
    bundle_bytes: int
    doubt: str | None
    """Why it may be refused."""


def publish(wish: Wish, settings: Settings, *, token: str | None = None, tell: Tell) -> Published:
    """Deploy. Raises `GanCoreError`; until the upload's commit nothing but an empty Space can have changed there."""
    tell("look", "Looking at the account and the Space", None)
    there = ready(wish.address, wish.target, wish.options, token=token)
    words = "The Space is to be made" if there is None else f"The Space is at {there.head[:8]}"
    tell("look", words, 1.0)
    with scratch_folder("space") as folder:
        bundle, local = _build(folder / "space", wish, settings, tell)
        tell("check", "Comparing with what is there", None)
        plan = changes(local, there)
        refuse(wish.address, plan, wish.options)  # Before the minutes that a check takes.
        if there is not None and plan.empty:
            tell("check", "Nothing changed since the last deploy", 1.0)
        elif wish.check:
            tell("check", "Starting it here", None)
            verdict = check(
                bundle,
                tell=lambda text: tell("check", text, None),
                environment=wish.environment,
                variables=wish.options.variables,
            )
            tell("check", verdict, 1.0)
        else:
            tell("check", "Left out", 1.0)

        def sent(done: int, total: int) -> None:
            tell("upload", f"Sending {said(total)}", min(done / max(total, 1), 0.99))  # Done is what is committed.

        tell("upload", "Comparing with what is there", None)
        deployed = deploy(
            bundle,
            wish.address,
            wish.options,
            token=token,
            tell=lambda text: tell("upload", text, None),
            progress=sent,
        )
        tell("upload", _uploaded(deployed), 1.0)
    if not wish.wait:
        tell("wait", "Not waited for", 1.0)
        return Published(deployed, bundle.bytes, len(local), None)
    tell("wait", "The Hub prepares the build" if not deployed.plan.empty else "Looking whether it runs", None)
    running = watch(
        wish.address,
        deployed.commit,
        fresh=not deployed.plan.empty,
        token=token,
        tell=lambda text: tell("wait", text, None),
        timeout_s=wish.timeout_s,
        secrets=wish.options.secrets,
    )
    tell("wait", "The Space runs", 1.0)
    return Published(deployed, bundle.bytes, len(local), running)


def rehearse(wish: Wish, settings: Settings, *, token: str | None = None, tell: Tell) -> Rehearsal:
    """Build, and compare with what is there: nothing is sent, and nothing is made there. Raises `GanCoreError`."""
    tell("look", "Looking at the account and the Space", None)
    who = holder(token)
    there = look(wish.address, token=token)
    namespace = wish.address.repository.partition("/")[0]
    doubt = None
    if who is None:
        doubt = "You are not signed in: a private Space cannot be seen, and nothing can be sent."
    elif namespace not in (who.name, *who.organisations):
        doubt = f"{who.name} may not write to {namespace}."
    elif there is None and wish.target not in targets_for(who, namespace):
        doubt = f"This account may not have {wish.target}; the Hub says so when the Space is made."
    tell("look", "The Space is to be made" if there is None else f"The Space is at {there.head[:8]}", 1.0)
    with scratch_folder("space") as folder:
        bundle, local = _build(folder / "space", wish, settings, tell)
        plan = changes(local, there)
    return Rehearsal(plan, bundle.bytes, doubt)


def _build(folder: Path, wish: Wish, settings: Settings, tell: Tell) -> tuple[Bundle, dict[str, File]]:
    """The bundle, and every file that the Space is to hold: its own, and the list of them that an upload writes."""
    tell("build", f"Building the folder for {wish.target}", None)
    bundle = build_bundle(
        folder,
        target=wish.target,
        models=wish.models,
        title=wish.title,
        hub_id=wish.address.repository,
        settings=settings,
        tell=lambda text: tell("build", text, None),
    )
    local, _ = wanted(bundle)
    tell("build", f"{len(local)} files, {said(sum(file.size for file in local.values()))}", 1.0)
    return bundle, local


def _uploaded(deployed: Deployed) -> str:
    plan = deployed.plan
    if plan.empty:
        return f"Nothing had changed; the Space stays at {deployed.commit[:8]}"
    gone = f", {len(plan.delete)} deleted" if plan.delete else ""
    files = "1 file" if len(plan.send) == 1 else f"{len(plan.send)} files"
    return f"{files}, {said(plan.bytes)} sent{gone}; commit {deployed.commit[:8]}"


def said(count: int) -> str:
    """Bytes as people say them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def chosen(names: Sequence[str], target: Target, settings: Settings) -> tuple[Path, ...]:
    """Folders of the models by name, or of all that were trained here and fit. Raises `ModelError`."""
    folders = [find(name, settings) for name in names] or [one.folder for one in fitting(target, settings)]
    if not folders:
        raise ModelError(
            f"There is no model in {settings.models_dir} for {target}. Nothing was built. Train one, or use --model."
        )
    for folder in folders:
        if error := describe(folder).error:
            raise ModelError(error)
    return tuple(dict.fromkeys(folders))


def fitting(target: Target, settings: Settings) -> "list[ModelInfo]":
    """Models that were trained here and that the target can show."""
    return [one for one in list_models(settings) if not one.error and not one.imported_as and not unfit(one, target)]


def unfit(info: "ModelInfo", target: Target) -> str | None:
    """Why a model cannot be part of a target; None where it can."""
    if info.error:
        return info.error
    if target == "static" and info.bytes > STATIC_BYTES:
        return f"too large for a page ({info.bytes / 1e6:.0f} MB)"
    return None


def command(wish: Wish, names: Sequence[str]) -> list[str]:
    """The command line of a wish. Values of secrets are in the environment, and not in it."""
    options, said = wish.options, ["gan-core", "deploy", wish.address.repository, "--target", wish.target]
    for name in names:
        said += ["--model", name]
    if wish.title != TITLE:
        said += ["--title", wish.title]
    if options.hardware:
        said += ["--hardware", options.hardware]
    if options.onto:
        said += ["--onto", options.onto]
    if wish.environment != Wish.environment:
        said += ["--check-in", wish.environment]
    said += [f"--variable={key}={value}" for key, value in options.variables.items()]
    said += [f"--secret={key}" for key in options.secrets]
    flags = {
        "--private": options.private,
        "--force": options.force,
        "--skip-check": not wish.check,
        "--no-wait": not wish.wait,
    }
    return said + [flag for flag, on in flags.items() if on]
