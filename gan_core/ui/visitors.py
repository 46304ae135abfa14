"""Who asks, as far as a public Space must know to share itself out: a name by which one visitor's work is counted."""

from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

VISITOR: ContextVar[str | None] = ContextVar("visitor", default=None)
"""Of the request that is being answered. None: nobody counts, as on a computer of one's own and for a Space's owner.

It is for fairness, not for safety: whoever has many addresses counts as many. What protects the server counts all.
"""
MOST_LETTERS = 64
_INSIDE = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
]
"""Addresses that nobody comes from over the internet: those of the platform's own machines."""
_NETWORK_BITS = 64
"""Of an IPv6 address; the others are each household's own to choose."""


def address(request: Any) -> str:
    """Where a visitor of a Space comes from. request: a Starlette request.

    Each proxy appends to X-Forwarded-For whom it was asked by. What stands before the platform's own entries the
    visitor may have written, so the last address from outside counts.
    """
    entries = [entry.strip() for line in request.headers.getlist("x-forwarded-for") for entry in line.split(",")]
    told = [entry for entry in entries if entry]
    if not told:
        return request.client.host if request.client else "somebody"
    return next((name for entry in reversed(told) if (name := _outside(entry))), told[-1][:MOST_LETTERS])


def _outside(entry: str) -> str | None:
    """None for an address of the platform's own; what is no address at all stays as it is."""
    bare = entry.partition("]")[0].strip("[") if entry.startswith("[") else entry
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]  # With a port, as some proxies write it.
    try:
        found = ip_address(bare)
    except ValueError:
        return entry[:MOST_LETTERS]
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if any(found in network for network in _INSIDE):
        return None
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _NETWORK_BITS), strict=False))
    return str(found)
