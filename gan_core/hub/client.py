"""The Hub's client with a time-out, and what it raises as one sentence: what was not done, why, what to do."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gan_core.errors import GanCoreError, HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TIMEOUT_S = 30.0
OFFLINE = "offline", "the Hub cannot be reached. Try again when online."
SIGNED_OUT = "you are not signed in. Log in (hf auth login), or set HF_TOKEN."
_limiting = Lock()
_limited_to: list[float] = []
_told_once: ContextVar[dict[str | None, dict[str, Any]] | None] = ContextVar("told_once", default=None)
Progress = Callable[[int, int], None]
"""progress(bytes done, bytes in all)"""
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_TOKEN = re.compile(r"hf_[\w.-]{3,}\w|(?<=[Bb]earer )\S+")


@dataclass(frozen=True)
class Address:
    """user/name, and the revision: a branch, a tag or a commit."""

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`user/name[@revision]`, with or without `hub:` before it, or the address of a model's page on the Hub.

        Raises `HubError` for anything else.
        """
        repository, _, revision = _of_page(text.strip()).removeprefix("hub:").partition("@")
        if not NAME.fullmatch(repository) or ".." in repository:
            raise HubError(f"{repository[:80]!r} is not of the form user/name. Nothing was done.", "name")
        if revision and (not re.fullmatch(r"[\w./-]{1,120}", revision) or ".." in revision):
            raise HubError(f"{revision[:80]!r} cannot be a revision. Nothing was done.", "name")
        return cls(repository, revision or None)

    @property
    def pin(self) -> str | None:
        """The revision, where it is not the branch that goes on by itself."""
        return self.revision if self.revision != "main" else None

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository


def _of_page(text: str) -> str:
    """user/name@revision of https://huggingface.co/user/name/tree/revision, as people copy it; else `text`."""
    try:
        page = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:  # Half a pair of brackets.
        return text
    hosts = {"huggingface.co", "www.huggingface.co", "hf.co", urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc}
    if not page.netloc or page.netloc not in hosts:
        return text
    user, name, *rest = [*unquote(page.path).strip("/").split("/"), "", ""][:4]
    if user in ("datasets", "spaces"):
        raise HubError(
            f"{text[:80]!r} is the page of a {user.removesuffix('s')}. Nothing was done. Name a model.", "name"
        )
    revision = rest[1] if rest[0] in ("tree", "blob", "resolve", "commit") else ""
    return f"{user}/{name}@{revision}" if revision else f"{user}/{name}"


def quietly(*_: int) -> None:
    """Progress that nobody looks at."""


def api(token: str | bool | None = None) -> "HfApi":
    """A client that gives up after `TIMEOUT_S`. token: of a visitor; None: the client's own; False: none."""
    from huggingface_hub import HfApi

    limit_waiting()
    return HfApi(token=token, library_name="gan-core")


def limit_waiting() -> None:
    """Give the client a time-out. By default it waits for ever.

    Once, and not before each request: a new factory closes the connections that other threads are using.
    """
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory  # With its hook, which heeds HF_HUB_OFFLINE.

    def factory() -> Any:
        client = default_client_factory()
        client.timeout = TIMEOUT_S
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], _limit]}
        return client

    with _limiting:
        if _limited_to[-1:] != [TIMEOUT_S]:
            set_client_factory(factory)
            _limited_to.append(TIMEOUT_S)


def _limit(request: Any) -> None:
    """Its questions about repositories ask for no time-out, which goes before that of the connection."""
    asked, waits = request.extensions.get("timeout") or {}, ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {name: asked.get(name) or TIMEOUT_S for name in waits}


@contextmanager
def explained(undone: str, *, what: str = "repository", revision: str | None = None) -> Iterator[None]:
    """Whatever the client raises inside, as a `HubError` that begins with `undone` ("user/x was not pushed").

    Its `reason` tells programs which it was: signed-out, token, missing, gated, revision, plan, forbidden, quota,
    taken, moved, limit, down, offline, name, card, disk, unknown.
    """
    try:
        yield
    except GanCoreError:
        raise
    except Exception as error:
        # Uploads of large files wrap what went wrong.
        cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
        if isinstance(cause, GanCoreError):
            raise cause from None
        told = _told(cause, what, revision)
        if told is None:
            raise
        raise HubError(f"{undone}: {without_tokens(told[1])}", told[0]) from None


def _told(error: BaseException, what: str, revision: str | None) -> tuple[str, str] | None:
    """Reason and sentence of an exception of the client; None for one that is nobody's fault but ours."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    match error:
        case errors.HFValidationError():
            return "name", "the name is not of the form user/name."
        case errors.LocalTokenNotFoundError():
            return "signed-out", SIGNED_OUT
        case errors.GatedRepoError():
            return "gated", "its owner asks for consent first. Give it on the Hub's page and log in."
        case errors.RevisionNotFoundError():
            return "revision", f"it has no revision {revision!r}. Check its name."
        case errors.RepositoryNotFoundError():
            return "missing", f"there is no such {what}, or this account may not see it. Check the name."
        case errors.LocalEntryNotFoundError() | errors.OfflineModeIsEnabled() | httpx.TransportError():
            return OFFLINE
        case errors.HfHubHTTPError():
            return _answer(error.response.status_code, error.server_message or "")
        case ConnectionError() | TimeoutError():  # Of Xet, which tells the status in words.
            status = re.search(r"\((\d{3})\b", str(error))
            return _answer(int(status[1]), "") if status else OFFLINE
        case OSError():
            return "disk", f"{error.strerror or error}. Make room or check the folder, then try again."
        case ValueError() if str(error).startswith("Invalid metadata"):
            said = " ".join(str(error).split()[4:]).lstrip("- ")[:300]
            return "card", f"the Hub does not take the head of its card, README.md ({said}). Correct it and push again."
        case ValueError():
            return "unknown", "what answered is not the Hub. Check the connection and HF_ENDPOINT."
    return None


def _answer(status: int, message: str) -> tuple[str, str]:
    """Reason and sentence of an answer that is no success."""
    said = " ".join(message.split())[:300]
    quoted = f" ({said})" if said else ""
    if status == 401:
        return "token", f"the Hub does not accept this login{quoted}. Log in again (hf auth login)."
    if status == 402:
        return "plan", f"this account's plan does not include it{quoted}."
    if status == 403 and re.search(r"storage|quota", said, re.IGNORECASE):
        return "quota", f"the account's storage is full{quoted}. Delete something there or take a larger plan."
    if status == 403:
        return (
            "forbidden",
            f"this account may not write there{quoted}. Use a name of your own, or a token that may write.",
        )
    if status == 409:
        return "taken", f"the name is taken{quoted}. Choose another one."
    if status == 412:
        return "moved", "somebody pushed in between. Look at what is there now, then push again."
    if status == 429:
        return "limit", "the Hub takes no more requests of this account for now. Try again in a few minutes."
    if status >= 500:
        return "down", f"the Hub answered {status}{quoted}. Try again later."
    return "unknown", f"the Hub answered {status}{quoted}. Try again later."


def without_tokens(text: str) -> str:
    """A server may repeat what it was sent: no token gets into a sentence."""
    return _TOKEN.sub("hf_...", text)


def account(token: str | None = None) -> dict[str, Any] | None:
    """Who is signed in: {"name", "organisations", "may_write"}; None where nobody is. Raises `HubError`."""
    told = _whoami("Your account was not looked up", token)
    return None if told is None else _account(told)


def _account(told: dict[str, Any]) -> dict[str, Any]:
    role = told.get("auth", {}).get("accessToken", {}).get("role", "write")
    organisations = [one["name"] for one in told.get("orgs", []) if one.get("roleInOrg") != "read"]
    return {"name": told["name"], "organisations": organisations, "may_write": role != "read"}


def refuse_reader(repository: str, undone: str, *, makes: bool = False, token: str | None = None) -> None:
    """Raise `HubError` where this account cannot write to a repository, whatever there is: asked before any work.

    makes: the repository is to be made, which an organisation's readers cannot; who may write to one that is there the
    Hub itself must say.
    """
    told = _whoami(undone, token)
    if told is None:
        raise HubError(f"{undone}: {SIGNED_OUT}", "signed-out")
    who, namespace = _account(told), repository.partition("/")[0]
    organisations = who["organisations"] if makes else [one["name"] for one in told.get("orgs", [])]
    if not who["may_write"] or namespace not in (who["name"], *organisations):
        reads = "the token of {name} may only read. Use one that may write."
        other = "{name} may not write to {namespace}. Use a name of your own, or a token that may write."
        why = (other if who["may_write"] else reads).format(name=who["name"], namespace=namespace)
        raise HubError(f"{undone}: {why}", "forbidden")


def _whoami(undone: str, token: str | None) -> dict[str, Any] | None:
    from huggingface_hub.errors import LocalTokenNotFoundError

    known = _told_once.get()
    if known is not None and token in known:
        return known[token]
    with explained(undone):
        try:
            told = api(token).whoami()
        except LocalTokenNotFoundError:
            return None
    if known is not None:
        known[token] = told
    return told


@contextmanager
def one_account() -> Iterator[None]:
    """Inside, the Hub is asked once who is signed in: more than a few such questions a minute it refuses."""
    before = _told_once.set({})
    try:
        yield
    finally:
        _told_once.reset(before)
