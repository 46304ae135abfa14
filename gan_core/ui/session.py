"""What the page of one visitor has been shown, so that a tick of the clock sends only what is new."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """Fingerprints of what the Training tab shows."""

    runs: tuple[tuple[str, str], ...] = ()
    """Labels and ids of the listed runs."""
    run: str | None = None
    """Id of the run that is shown."""
    curve: tuple[str | None, int] = (None, 0)
    """Run and size of its metrics.jsonl in bytes."""
    sample: tuple[str | None, int] = (None, -1)
    """Run and step of its newest sample."""
    status: str = ""
    """The status line."""
