"""Tags of a repository, and the next one that is free."""

import re
from dataclasses import dataclass

from gan_core.hub.client import Address, api, explained
from gan_core.hub.copies import MAIN

VERSION = re.compile(r"(v?)(\d{1,9}(?:\.\d{1,9}){0,3})")


@dataclass(frozen=True)
class Tags:
    head: str | None
    """The commit of the main branch."""
    commits: dict[str, str]
    """By tag: versions first and the highest of them before the others, then the rest by name."""


def tags(address: Address, *, token: str | bool | None = None) -> Tags:
    """Raises `HubError`."""
    with explained(f"The tags of {address.repository} were not listed", what="model"):
        refs = api(token).list_repo_refs(address.repository)
    head = next((one.target_commit for one in refs.branches if one.name == MAIN), None)
    found = {one.name: one.target_commit for one in refs.tags}
    return Tags(head, {name: found[name] for name in sorted(found, key=_rank)})


def free_tag(names: list[str]) -> str:
    """The version after the highest: v2 after v1, 1.3 after 1.2; v1 where there is none."""
    highest = min((name for name in names if VERSION.fullmatch(name)), key=_rank, default="v0")
    mark, number = highest[: highest.startswith("v")], _numbers(highest)
    return mark + ".".join(map(str, (*number[:-1], number[-1] + 1)))


def _rank(name: str) -> tuple[bool, tuple[int, ...], str]:
    return not VERSION.fullmatch(name), tuple(-part for part in _numbers(name)), name


def _numbers(name: str) -> tuple[int, ...]:
    version = VERSION.fullmatch(name)
    return tuple(map(int, version[2].split("."))) if version else ()
