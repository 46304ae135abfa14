"""How the server misbehaves when a test wants it to."""

import re
from dataclasses import dataclass, field
from threading import Event

ANSWERS = {
    "missing": (404, "RepoNotFound", "Repository not found"),
    "private": (401, "RepoNotFound", "Repository not found"),
    "token": (401, "", "Invalid credentials\nin Authorization header"),
    "gated": (403, "GatedRepo", "Access to this repository is restricted"),
    "forbidden": (403, "", "Forbidden: you must have write access"),
    "payment": (402, "", "Payment required: Gradio Spaces on CPU need a PRO plan"),
    "quota": (403, "", "Private repository storage limit reached, please upgrade your plan to increase your limit"),
    "taken": (409, "", "You already created this repo"),
    "moved": (412, "", "A commit has happened since. Please refresh and try again."),
    "limit": (429, "", "Too many requests: you have reached your rate limit"),
    "broken": (500, "", "Internal\n  Error"),
    "down": (503, "", "Service Unavailable"),
}
WORDS = (*ANSWERS, "page", "slow", "held", "drop", "lost", "flip")
"""And: an answer that is not the Hub's; five seconds late; as late as the test wants, see `let_go`; the connection ends
before, or after the work was done without an answer; a byte of a file is flipped."""
HELD_S = 120.0
"""A test that fails lets nobody go."""


@dataclass
class Rule:
    pattern: str
    """Of "METHOD /path"."""
    word: str
    skip: int = 0
    """So many fitting requests are answered as ever first."""
    times: int = 10**9


@dataclass
class Failures:
    rules: list[Rule] = field(default_factory=list)
    _go_on: Event = field(default_factory=Event)

    def add(self, pattern: str, word: str, *, skip: int = 0, times: int = 10**9) -> None:
        assert word in WORDS, word
        self.rules.append(Rule(pattern, word, skip, times))

    def hold(self) -> None:
        """Wait until the test lets go."""
        self._go_on.wait(HELD_S)

    def let_go(self) -> None:
        """What is held is answered, and what comes from now on is not held."""
        self._go_on.set()

    def of(self, request: str) -> str | None:
        for rule in self.rules:
            if re.search(rule.pattern, request) and rule.times:
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                return rule.word
        return None
