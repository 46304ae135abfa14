"""Runs to the Hub from the page: what is asked for, whether it can be, and what came of it. `sending`: a push now.

The trainer has the token from where the command line has it, this computer's environment or the client's own login; so
has whoever asks here: training is for those alone to whom this computer belongs. No visitor's sign-in takes part.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gan_core.errors import HubError
from gan_core.hub.client import Address
from gan_core.mirror import Wish, forget_wish, read_wish, write_wish
from gan_core.mirror.plain import plain
from gan_core.mirror.standing import standing
from gan_core.training.run_folder import RunFolder
from gan_core.ui.hub.accounts import Accounts, hub_address
from gan_core.ui.hub.questions import asked_within
from gan_core.ui.lab.complaints import FieldError
from gan_core.ui.lab.events import page_words, without_commands
from gan_core.ui.rights import on_space
from gan_core.ui.serve import Answer

if TYPE_CHECKING:
    from gan_core.settings import Settings

TO = "push_to"
"""The field of the repository."""
PATIENCE_S = 8.0
"""So long the Hub is given to say who is signed in: one that is slow or down keeps nobody from training."""
LEAST_MINUTES, MOST_MINUTES = 0.01, 10_000.0
AWAY = ("offline", "down", "limit")
"""Reasons that time mends: the pushes wait, and are tried again."""
_AGAIN = re.compile(r" Try again (later|when online|in a few minutes)\.")
_SIGN_IN = re.compile(r"Log in(?: \(hf auth login\))?, or set HF_TOKEN\.")


class Pushes:
    """What the Hub says before anything is pushed."""

    def __init__(self) -> None:
        self._accounts = Accounts()

    def account(self, fresh: object = None) -> Answer:
        """Who pushes: {"name", "organisations", "may_write"}, or None and `why`."""
        try:
            found = asked_within(lambda: self._accounts.of(None, fresh=fresh is True), PATIENCE_S)
        except TimeoutError:
            return {"account": None, "why": "The Hub does not answer: what is pushed waits until it does."}
        except HubError as error:
            waits = " What is pushed waits until it can." if error.reason in AWAY else ""
            return {"account": None, "why": f"{in_words(str(error))}{waits}"}
        if found is None:
            return {"account": None, "why": f"Nobody is signed in. {_sign_in()}"}
        why = (
            None
            if found["may_write"]
            else f"The token of {found['name']} may only read. Log in with one that may write."
        )
        return {"account": found, "why": why}

    def refuse(self, wish: Wish, run: RunFolder | None = None, *, ours: bool = False) -> None:
        """Raise `FieldError` where the Hub would refuse: nobody signed in, no write right, somebody else's content.

        run: one that is there already, which may have been pushed before. ours: what the repository holds is the run
        that is to go on.
        """
        from gan_core.hub.tree import may_create
        from gan_core.mirror.asking import refuse_unfit
        from gan_core.mirror.pushing import look_first

        undone = "Nothing was started"

        def ask() -> None:
            if run is None and not ours:
                return refuse_unfit(wish.repository, undone)
            may_create(wish.repository, undone)
            return look_first(run, wish) if run else None

        try:
            asked_within(ask, PATIENCE_S)
        except TimeoutError:
            return
        except HubError as error:
            if error.reason not in AWAY:
                raise FieldError(TO, in_words(str(error))) from None


def wish_of(given: object, before: Wish | None = None) -> Wish | None:
    """What the page asks for, on top of what the run had; None for nothing. Raises `FieldError`."""
    if not isinstance(given, dict):
        return None
    text = given.get("to")
    name = text.strip() if isinstance(text, str) else ""
    if not name:
        raise FieldError(TO, "No repository is named. Nothing was started. Type its owner and name: user/name.")
    try:
        address = Address.parse(name)
    except HubError:
        raise FieldError(
            TO,
            f"{plain(name)[:80]!r} is no repository. Nothing was started. Type its owner and name: user/name.",
        ) from None
    if address.revision:
        raise FieldError(TO, f"A run is pushed to main. Nothing was started. Leave @{address.revision} out.")
    repository = address.repository
    wish = before if before is not None and before.repository == repository else Wish(repository)
    minutes = given.get("minutes")
    return replace(wish, minutes=_minutes(minutes, wish.minutes), private=given.get("public") is not True)


def keep(run: RunFolder, wish: Wish | None) -> None:
    """Write the wish, before the trainer starts; None: it is pushed no longer."""
    if wish is None:
        forget_wish(run)
    elif wish != read_wish(run):
        write_wish(run, wish)


def told(run: RunFolder, settings: "Settings") -> Answer | None:
    """Where a run stands to its repository, in the words of the page; None where it is not pushed."""
    found = standing(run)
    if found is None:
        return None
    if trouble := found["trouble"]:
        # Which run and where stands beside it, and it is tried again without anybody.
        short = trouble.replace(f"{run.id} was not pushed to {found['repository']}: ", "Not pushed: ")
        short = _AGAIN.sub("", short) if not found["ended"] else short
        found["trouble"] = page_words(in_words(short), settings)
    return {**found, "address": f"{hub_address()}/{found['repository']}"}


def in_words(text: str) -> str:
    """A sentence about a push for the page: what to do is a button here, and no command line."""
    return without_commands(_SIGN_IN.sub(lambda _: _sign_in(), text))


def _sign_in() -> str:
    if on_space():
        return "Add HF_TOKEN to the secrets of this Space."
    return "Log in with hf auth login in a terminal, or start the application with HF_TOKEN set."


def _minutes(value: object, before: float) -> float:
    if value is None or value == "":
        return before
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not LEAST_MINUTES <= number <= MOST_MINUTES:
        raise FieldError(
            "push_minutes",
            f"The time between two pushes is {plain(value)[:40]}; it must lie between {LEAST_MINUTES:g} and "
            f"{MOST_MINUTES:,.0f} minutes. Nothing was started.",
        )
    return float(number)
