"""A model's card on its way to a repository: what people wrote stays, and the model is loaded from there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gan_core.atomic import write_bytes
from gan_core.cards.renewal import merged
from gan_core.cards.use import addressed
from gan_core.errors import GanCoreError, HubError
from gan_core.hub.client import Address
from gan_core.hub.compare import Meeting, changed, read_meeting
from gan_core.hub.files import File, Remote, local_files
from gan_core.hub.pull import read_text
from gan_core.weights import read_config

CARD = "README.md"


@dataclass(frozen=True)
class Travelling:
    """A folder's card as it goes to the repository."""

    card: bytes | None
    """None: as it lies here, or there is none that can be read."""
    holds: File | None = None
    """The repository's card, where what people wrote into that is in this one as well."""
    before: bytes = b""
    """What lay here, where `card` is to lie there instead."""


def travelling_card(
    folder: Path, address: Address, there: Remote | None, *, mine_wins: bool = False, token: str | None = None
) -> Travelling:
    """The card that a push sends. Nothing is written.

    Where both sides changed it since they were the same, each change is kept that the other side did not make too;
    where both changed the same part, or nothing was changed here, `holds` is None: that is no push's business.
    mine_wins: mine stands there.
    Raises `HubError`, and `ModelError` for a folder whose configuration cannot be read.
    """
    try:
        before = (folder / CARD).read_bytes()
        mine = before.decode()
    except (FileNotFoundError, UnicodeDecodeError):
        return Travelling(None)
    config, name = read_config(folder, check_network=False), f"hub:{address.repository}"
    card, holds = addressed(mine, config, name), None
    met = read_meeting(folder, address.repository)
    theirs = there.files.get(CARD) if there else None
    if not there or not theirs or not met or theirs.same(met.files.get(CARD)):
        return _travelling(card, before)  # Nobody touched it there.
    if CARD in met.files and changed(local_files(folder), met.files):
        base = _base(met, address, token)
        other = read_text(address, CARD, there.head, token=token)
        known = addressed(base, config, name) if base is not None else None
        both = merged(known, card, addressed(other, config, name), mine_wins=mine_wins)
        if both is not None and File.of(other.encode()).same(theirs):  # Else it is no text that could be kept.
            card, holds = both, theirs
    return _travelling(card, before, holds)


def _travelling(card: str, before: bytes, holds: File | None = None) -> Travelling:
    return Travelling(card.encode() if card.encode() != before else None, holds, before)


def _base(met: Meeting, address: Address, token: str | None) -> str | None:
    """The card as both sides had it when they last were the same; None where nobody can tell any more."""
    try:
        text = read_text(address, CARD, met.commit, token=token)
    except HubError as error:
        if error.reason in ("revision", "missing", "foreign", "unknown"):
            return None
        raise
    return text if File.of(text.encode()).same(met.files[CARD]) else None


@contextmanager
def sent(folder: Path, address: Address, travelling: Travelling) -> Iterator[None]:
    """Inside, the card is as it goes to the repository; where it did not go there, it is as before afterwards.

    What somebody writes into it meanwhile stays. Raises `HubError` where that was before anything was sent.
    """
    card, path, undone = travelling.card, folder / CARD, f"{folder.name} was not pushed to {address.repository}"
    if card is None:
        yield
        return
    try:
        if path.read_bytes() != travelling.before:
            raise HubError(f"{undone}: {CARD} was changed here meanwhile. Nothing was sent. Push again.", "diverged")
        write_bytes(path, card)
    except OSError as error:
        why = f"{CARD} cannot be written ({error.strerror or error}). Make room or check the folder, then try again."
        raise HubError(f"{undone}: {why}", "disk") from None
    try:
        yield
    except GanCoreError as error:
        met = read_meeting(folder, address.repository)
        there = met is not None and File.of(card).same(met.files.get(CARD))  # It went wrong later than that.
        # Without the Hub's answer nobody knows. Then it stays as it may be there.
        known = getattr(error, "reason", "") not in ("offline", "down")
        with suppress(OSError):  # A disk that is full is told, and the card comes back with the next push.
            if not there and known and path.read_bytes() == card:
                write_bytes(path, travelling.before)
        raise
