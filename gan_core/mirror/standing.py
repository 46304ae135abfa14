"""How a run stands to its repository on the Hub, read from its folder: the Hub is not asked."""

from typing import Any

from gan_core.mirror.record import Wish, read_record, read_wish, unsent
from gan_core.training.run_folder import ACTIVE, RunFolder


def standing(run: RunFolder) -> dict[str, Any] | None:
    """Where a run is pushed, what is there and what waits; None where it is not pushed.

    Moments are in seconds since 1970, None where there were none. pending: in words, None where all is sent. trouble:
    why the last try came to nothing, with next_at, when it is tried again; None there: it is not (`ended`), or nobody
    is at it.
    """
    wish = read_wish(run)
    if wish is None:
        return None
    record = read_record(run, wish.repository)
    waits, sent = unsent(run, record), record.sent
    pending = str(waits) if waits else None
    if waits and waits.sent_step == waits.step and not (waits.state or waits.snapshot):
        pending = "that it goes on" if run.status()["state"] in ACTIVE else pending
    return {
        "repository": wish.repository,
        "minutes": wish.minutes,
        "private": wish.private,
        "commit": record.commit,
        "step": sent.step if sent else None,
        "at": sent.at if sent else None,
        "sent_bytes": record.total_bytes,
        "pending": pending,
        "trouble": record.ended or record.trouble,
        "next_at": record.next_at if record.trouble and not record.ended else None,
        "ended": record.ended is not None,
    }


def words(wish: Wish) -> list[str]:
    """The options of `gan-core train` that ask for it."""
    usual = Wish(wish.repository)
    found = ["--push-to", wish.repository]
    found += ["--push-minutes", f"{wish.minutes:g}"] if wish.minutes != usual.minutes else []
    found += ["--push-wait", f"{wish.wait_minutes:g}"] if wish.wait_minutes != usual.wait_minutes else []
    return found if wish.private else [*found, "--push-public"]
