"""The rows that were seen last, by who asked and under which name: what stands there while the Hub is asked anew."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from gan_core.ui.hub.accounts import key_of

KEPT = 200
"""Lists, of those that were used last. On a public Space each visitor who signs in has one."""
KEPT_S = 6 * 3600.0
"""Nobody believes a list that is older."""
Row = dict[str, Any]


class Seen:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._lists: dict[tuple[str, str], tuple[float, list[Row]]] = {}
        """By token and namespace, the one that was used last at the end: when it was seen, and what."""

    def __len__(self) -> int:
        return len(self._lists)

    def keep(self, token: str | None, namespace: str | None, rows: list[Row]) -> None:
        with self._lock:
            self._put((key_of(token), namespace or ""), self._clock(), rows)

    def keep_one(self, token: str | None, namespace: str | None, row: Row) -> None:
        """A row in the place of the one of the same model; the others are as old as before."""
        key = key_of(token), namespace or ""
        with self._lock:
            seen_at, rows = self._take(key) or (self._clock(), [])
            others = [
                one
                for one in rows
                if one["name"] != row["name"] and (row["repository"] is None or one["repository"] != row["repository"])
            ]
            kept = sorted([*others, row], key=lambda one: (one["state"] == "only there", one["name"]))
            self._put(key, seen_at, kept)

    def rows(self, token: str | None, namespace: str | None) -> tuple[list[Row], float | None]:
        """And their age in seconds; None: nothing was seen, or too long ago."""
        key = key_of(token), namespace or ""
        with self._lock:
            found = self._take(key)
            if found is None:
                return [], None
            self._put(key, *found)
            return found[1], self._clock() - found[0]

    def _take(self, key: tuple[str, str]) -> tuple[float, list[Row]] | None:
        oldest = self._clock() - KEPT_S
        self._lists = {name: one for name, one in self._lists.items() if one[0] >= oldest}
        return self._lists.pop(key, None)

    def _put(self, key: tuple[str, str], seen_at: float, rows: list[Row]) -> None:
        self._lists.pop(key, None)
        self._lists[key] = seen_at, rows
        while len(self._lists) > KEPT:
            del self._lists[next(iter(self._lists))]
