"""What is told while a Space is built: one sentence at a time."""

from collections.abc import Callable

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Nobody listens."""
