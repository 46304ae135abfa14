"""The events of a run as the page tells them: findings of the detectors, and notices of what was done.

A run may have come from the Hub: its words are whatever somebody wrote there.
"""

import re
from typing import Any

from gan_core.mirror.plain import plain
from gan_core.settings import Settings
from gan_core.training.control import WORDS
from gan_core.training.detectors import OVER, title
from gan_core.training.records import ROLLED_BACK
from gan_core.training.run_folder import RunFolder
from gan_core.training.turn import INTERRUPTED
from gan_core.ui.words import in_page_words

_DONE = ("control", "state", "import", "branch", "start", "skipped", "time-limit", "tensorboard", "hub")
NOTICES = (*_DONE, ROLLED_BACK, INTERRUPTED)
"""Kinds that tell what was done. The others are findings, and with `OVER` behind them that one is gone."""
MAX_EVENTS = 200


_COMMAND = re.compile(r" \((gan-core |hf auth |--)[^)]*\)")
_LATER = re.compile(r"Send it later: gan-core runs push .*")


def page_words(text: str, settings: Settings) -> str:
    """A sentence of the trainer without the command line's dashes, and without where things lie on the server."""
    text = without_commands(text)
    for folder in (settings.runs_dir, settings.data_dir.expanduser()):
        for path in (folder, folder.resolve()):
            text = text.replace(f"{path}/", "")
    for name, words in WORDS.items():
        text = text.replace(f"--{name.replace('_', '-')}", words)
    return in_page_words(text)


def without_commands(text: str) -> str:
    """A sentence without commands to type: here are buttons."""
    return _LATER.sub("Push it later, with Push to the Hub.", _COMMAND.sub("", plain(text)))


def told(run: RunFolder, settings: Settings) -> list[dict[str, Any]]:
    """The newest events, oldest first."""
    return [_told(event, settings) for event in run.events()[-MAX_EVENTS:]]


def open_findings(run: RunFolder) -> list[str]:
    """Titles of what was found and is not over, each once."""
    found: dict[str, bool] = {}
    for event in run.events():
        kind = plain(event.get("kind", ""))
        if kind not in NOTICES:
            found[kind.removesuffix(OVER)] = not kind.endswith(OVER)
    return [title(kind) for kind, still in found.items() if still]


def _told(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    kind, at = plain(event.get("kind", "")), event.get("at")
    return {
        "step": event["step"],
        "kind": kind,
        "title": title(kind),
        "text": page_words(str(event.get("text", "")), settings),
        "at": at if isinstance(at, int | float) else None,
        "finding": kind not in NOTICES and not kind.endswith(OVER),
    }
