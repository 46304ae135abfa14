"""Models of the Hub that are used by name, without a folder of their own among the models here."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from gan_core.errors import GanCoreError, HubError, ModelError
from gan_core.families import get_family
from gan_core.hub import copies
from gan_core.hub.client import Address, Progress
from gan_core.hub.copies import Copy
from gan_core.hub.showing import on_terminal
from gan_core.recipe import ModelRef
from gan_core.weights import read_config

HUB = "hub:"
Tell = Callable[[str], None]


class HubNotice(UserWarning):
    """The Hub could not be asked whether there is something newer, and a copy served."""


def fetch(
    address: Address,
    *,
    kind: Literal["generator", "translator"] | None = None,
    token: str | bool | None = None,
    progress: Progress | None = None,
) -> Copy:
    """A model of the Hub, fetched where it is not here yet, and verified. Raises `GanCoreError`.

    kind: one of the other kind is refused before its weights are fetched. progress: None shows a bar on a terminal.
    """

    def check(folder: Path) -> None:
        try:
            family = get_family(read_config(folder, check_network=False).family)
        except GanCoreError:
            raise HubError(copies.foreign(address), "foreign") from None
        if kind not in (None, family.kind):
            use = "paints photographs" if family.kind == "translator" else "draws from seeds"
            raise ModelError(f"{address} is a {family.kind}, which {use}. Nothing was fetched. Choose a {kind}.")

    with on_terminal(str(address)) as bar:
        return copies.fetch(address, check=check, token=token, progress=progress or bar)


def find_hub(name: str, *, progress: Progress | None = None, tell: Tell | None = None) -> Path:
    """The folder of hub:user/name@revision, fetched where it is not here or something newer is there.

    progress: bytes done and in all; None: a bar on a terminal. tell: gets the sentence where the Hub could not be asked
    and the copy that is here serves; None: a `HubNotice` among Python's warnings. Raises `GanCoreError`.
    """
    copy = fetch(Address.parse(name), progress=progress)
    if copy.note:
        (tell or _warn)(copy.note)
    return copy.folder


def _warn(text: str) -> None:
    warnings.warn(text, HubNotice, stacklevel=5)  # Whoever called `load`.


def find_copy(name: str) -> Path:
    """The copy of hub:user/name@revision that is here; nobody is asked. Raises `ModelError` and `HubError`."""
    address = Address.parse(name)
    copy = copies.cached(address)
    if copy is None:
        raise ModelError(f"There is no model hub:{address} here. Nothing was loaded. Fetch it from the Hub.")
    if names := copies.damaged(copy.folder):
        told = ", ".join(names[:3])
        raise ModelError(f"hub:{address} is damaged here ({told}). Nothing was loaded. Fetch it from the Hub again.")
    return copy.folder


def copies_of(ref: ModelRef) -> list[Path]:
    """What is here of the repository that a recipe names, its very commit first."""
    if not ref.hub:
        return []
    with suppress(HubError):
        address = Address.parse(ref.hub)
        found = [copies.cached(one) for one in (address, Address(address.repository))]
        return [copy.folder for copy in found if copy]
    return []
