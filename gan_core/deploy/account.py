"""Who deploys, and what the account's plan includes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.deploy.bundle import Target
from gan_core.errors import HubError
from gan_core.hub.client import api, explained


@dataclass(frozen=True)
class Holder:
    """Who deploys."""

    name: str
    pro: bool
    organisations: Mapping[str, bool]
    """Those in which this account may write: whether they pay."""
    may_write: bool


def holder(token: str | None = None) -> Holder | None:
    """Who is signed in; None where nobody is. Raises `HubError`."""
    from huggingface_hub.errors import LocalTokenNotFoundError

    with explained("Your account was not looked up"):
        try:
            told = api(token).whoami()
        except LocalTokenNotFoundError:
            return None
    role = told.get("auth", {}).get("accessToken", {}).get("role", "write")
    writes = {one["name"]: _pays(one) for one in told.get("orgs", []) if one.get("roleInOrg") != "read"}
    return Holder(told["name"], bool(told.get("isPro")), writes, role != "read")


def _pays(organisation: Mapping[str, Any]) -> bool:
    return bool(organisation.get("isEnterprise") or organisation.get("plan"))


def targets_for(who: Holder | None, namespace: str | None = None) -> tuple[Target, ...]:
    """What such an account had when this was written (August 2026). The Hub's answer decides."""
    pays = who is not None and (who.pro if namespace in (None, who.name) else who.organisations.get(namespace, False))
    return ("static", "zero-gpu", "cpu") if pays else ("static", "zero-gpu")


def other_plan(undone: str, target: Target, said: str) -> HubError:
    """The Hub's answer 402 as what the account can have instead."""
    others: list[Target] = [name for name in targets_for(None) if name != target]
    words = " or ".join(f"--target {name}" for name in others)
    quoted = said[said.find("(") :].removesuffix(".") if "(" in said else ""
    because = f" {quoted}" if quoted else ""
    return HubError(
        f"{undone}: this account cannot have {target}{because}. It can have {' or '.join(others)}: {words}.", "plan"
    )
