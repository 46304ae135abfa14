"""A bundle to a Space: who may have it, what is there, and one commit on what was looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gan_core.deploy.account import holder, other_plan, targets_for
from gan_core.deploy.bundle import Bundle, Target
from gan_core.deploy.look import look
from gan_core.deploy.plan import (
    MANIFEST,
    TARGETS,
    Plan,
    There,
    changes,
    told_of,
    write_manifest,
)
from gan_core.deploy.telling import Tell, silent
from gan_core.errors import ConfigError, HubError
from gan_core.hub.client import Address, Progress, api, explained, quietly
from gan_core.hub.files import File, hashed
from gan_core.hub.sending import send_ahead

SIGN_IN = "you are not signed in. Log in (hf auth login), or set HF_TOKEN."


@dataclass(frozen=True)
class Options:
    """How the Space is to be, beside its files."""

    private: bool = False
    """Of a Space that is made now."""
    hardware: str | None = None
    """None: that of the target where the Space is made now, else as it is."""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    onto: str | None = None
    """A commit that may be overwritten although somebody else changed the Space."""
    force: bool = False
    """Overwrite whatever was changed there."""


class DivergedError(HubError):
    """Somebody changed the Space. head: the commit to look at."""

    def __init__(self, text: str, head: str | None) -> None:
        super().__init__(text, "diverged")
        self.head = head or ""


@dataclass(frozen=True)
class Deployed:
    address: Address
    url: str
    """The page of the Space on the Hub."""
    commit: str
    plan: Plan
    made: bool
    """The Space is new."""


def ready(address: Address, target: Target, options: Options, *, token: str | None = None) -> There | None:
    """Before anything is built: may this account deploy there? What is there now; None: the Space is to be made.

    Where the account's plan does not seem to have the target the Hub is asked at once, by making the Space: its answer
    decides, and comes before minutes of work. Raises `HubError`, with the reason "plan" where the answer was no.
    """
    undone = f"{address.repository} was not deployed"
    namespace = address.repository.partition("/")[0]
    if address.revision:
        raise ConfigError(f"{address}: a deploy makes a new commit on main. Leave the revision out.")
    _check(target, options)
    who = holder(token)
    if who is None:
        raise HubError(f"{undone}: {SIGN_IN}", "signed-out")
    if not who.may_write:
        raise HubError(f"{undone}: the token of {who.name} may only read. Use one that may write.", "forbidden")
    if namespace not in (who.name, *who.organisations):
        own = ", ".join([who.name, *who.organisations])
        raise HubError(f"{undone}: {who.name} may not write to {namespace}. Use a name of {own}.", "forbidden")
    there = look(address, token=token)
    if there is None and target not in targets_for(who, namespace):
        there = make(address, target, options, token=token)
    return there


def _check(target: Target, options: Options) -> None:
    """Raise `ConfigError` for what no Space can be."""
    hardware = options.hardware
    if hardware and target == "static":
        raise ConfigError("--hardware: a static Space runs in the visitor's browser and has none. Leave it out.")
    if hardware and hardware.startswith("cpu") != (target == "cpu"):
        fits = "cpu" if hardware.startswith("cpu") else "zero-gpu"
        raise ConfigError(f"--hardware {hardware} needs the packages of --target {fits}. Nothing was deployed.")
    if options.secrets and target == "static":
        raise ConfigError("--secret: everybody can read all of a static Space. Nothing was deployed.")


def make(address: Address, target: Target, options: Options, *, token: str | None = None) -> There:
    """A new Space without files of ours. Raises `HubError`."""
    facts, undone = TARGETS[target], f"{address.repository} was not deployed"
    try:
        with explained(undone, what="Space"):
            api(token).create_repo(
                address.repository,
                repo_type="space",
                space_sdk=facts.sdk,
                space_hardware=options.hardware or facts.hardware,  # type: ignore[arg-type]
                private=options.private,
            )
    except HubError as error:
        if error.reason == "plan":
            raise other_plan(undone, target, str(error)) from None
        # Made by an attempt whose answer was lost, or by somebody a moment ago: what is there decides.
        there = look(address, token=token) if error.reason in ("offline", "down", "taken") else None
        if there is None:
            raise
        return there
    there = look(address, token=token)
    if there is None:
        raise HubError(f"{undone}: the Hub made the Space and does not show it. Try again in a minute.", "missing")
    return there


def wanted(bundle: Bundle) -> tuple[dict[str, File], bytes]:
    """Every file that the Space is to hold, and the content of `MANIFEST`, which is among them."""
    files = {}
    for name in sorted(bundle.files):
        path = PurePosixPath(name)
        assert not path.is_absolute(), name
        assert ".." not in path.parts, name
        assert name != MANIFEST, name
        files[name] = hashed(bundle.folder / name)
    content = write_manifest(bundle.target, files)
    return {**files, MANIFEST: told_of(content)}, content


def deploy(
    bundle: Bundle,
    address: Address,
    options: Options,
    *,
    token: str | None = None,
    tell: Tell = silent,
    progress: Progress = quietly,
) -> Deployed:
    """Make or update the Space in one commit that sends what differs and deletes what left the bundle.

    Files that a person put there stay. Raises `HubError`: `DivergedError` where somebody changed ours.
    """
    undone = f"{address.repository} was not deployed"
    there = ready(address, bundle.target, options, token=token)
    made = there is None
    if there is None:
        tell("Making the Space")
        there = make(address, bundle.target, options, token=token)
    local, manifest = wanted(bundle)
    plan = changes(local, there)
    refuse(address, plan, options)
    # The settings first, so that the build which the commit starts has them.
    _settings(address, options, token, undone, tell)
    commit = there.head
    if not plan.empty:
        commit = _commit(bundle, address, plan, local, manifest, token, undone, progress)
    if not made and bundle.target != "static":
        _hardware(address, bundle.target, options.hardware, token, tell)
    url = f"{api(token).endpoint}/spaces/{address.repository}"
    return Deployed(address, url, commit, plan, made)


def refuse(address: Address, plan: Plan, options: Options) -> None:
    """Raise `DivergedError` where a deploy would overwrite what somebody else did, and nobody allowed it."""
    undone, onto, head = f"{address.repository} was not deployed", options.onto, plan.head or "nothing"
    allowed = bool(onto and len(onto) >= 7 and head.startswith(onto))
    if onto and not allowed:
        raise DivergedError(f"{undone}: the head is {head[:8]}, not {onto[:8]}. Look at it first.", plan.head)
    if plan.changed and not options.force and not allowed:
        raise DivergedError(changed_there(undone, plan), plan.head)


def changed_there(undone: str, plan: Plan) -> str:
    few = ", ".join(plan.changed[:3]) + (f" and {len(plan.changed) - 3} more" if len(plan.changed) > 3 else "")
    head = (plan.head or "")[:8]
    return (
        f"{undone}: somebody changed it on the Hub ({few} at {head}). Nothing was overwritten. Look at it there, then "
        f"overwrite that very commit (--onto {head}), or whatever is there (--force)."
    )


def _settings(address: Address, options: Options, token: str | None, undone: str, tell: Tell) -> None:
    hub, name = api(token), address.repository
    with explained(undone, what="Space"):
        if options.variables:
            present = {key: one.value for key, one in hub.get_space_variables(name).items()}
            for key, value in options.variables.items():
                if present.get(key) != value:
                    tell(f"Setting the variable {key}")
                    hub.add_space_variable(name, key, value)
        for key, value in options.secrets.items():  # Nobody can read them back to compare.
            tell(f"Setting the secret {key}")
            hub.add_space_secret(name, key, value)


def _hardware(address: Address, target: Target, asked: str | None, token: str | None, tell: Tell) -> None:
    """What was asked for; else what it has, where that fits the target."""
    hub, name = api(token), address.repository
    with explained(f"{name} was deployed, but its hardware stays as it was", what="Space"):
        runtime = hub.get_space_runtime(name)
        present = str(runtime.raw.get("hardware", {}).get("requested") or runtime.hardware or "")
        fits = bool(present) and present.startswith("cpu") == (target == "cpu")
        hardware = asked or (present if fits else TARGETS[target].hardware)
        if hardware and hardware != present:
            tell(f"Asking for {hardware}")
            hub.request_space_hardware(name, hardware)  # type: ignore[arg-type]


def _commit(
    bundle: Bundle,
    address: Address,
    plan: Plan,
    local: Mapping[str, File],
    manifest: bytes,
    token: str | None,
    undone: str,
    progress: Progress,
    attempts: int = 2,
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    hub, name = api(token), address.repository
    with explained(undone, what="Space"):
        contents = {path: manifest if path == MANIFEST else bundle.folder / path for path in plan.send}
        adds = send_ahead(hub, name, contents, kind="space", progress=progress)
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [*adds]
    operations += [CommitOperationDelete(path) for path in plan.delete]
    try:
        with explained(undone, what="Space"):
            # Not retried by the client, and on this very parent: nobody's work can be overwritten.
            made = hub.create_commit(
                name, operations, commit_message="Deploy GAN Studio", parent_commit=plan.head, repo_type="space"
            )
            return made.oid
    except HubError as error:
        if error.reason == "plan":
            raise other_plan(undone, bundle.target, str(error)) from None
        if error.reason not in ("moved", "offline", "down"):
            raise
        # The answer may have been lost after the commit was made: what is there now decides.
        now = look(address, token=token)
        after = changes(local, now)
        if now is not None and after.empty:
            return now.head
        if now is None or now.head == plan.head:
            raise
        if after.changed or not attempts:
            raise DivergedError(changed_there(undone, after), after.head) from None
    # Somebody changed what is none of ours: once more, on top of that. What was sent is not sent again.
    return _commit(bundle, address, after, local, manifest, token, undone, progress, attempts - 1)
