"""Who asks, as far as a public Space must know to share itself out: a name by which one visitor's work is counted."""

from contextvars import ContextVar

VISITOR: ContextVar[str | None] = ContextVar("visitor", default=None)
"""Of the request that is being answered. None: nobody counts, as on a computer of one's own and for a Space's owner.

It is for fairness, not for safety: a visitor can claim another address. What protects the server counts all of them.
"""
