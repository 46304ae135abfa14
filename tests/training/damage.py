"""Run folders that somebody or something damaged."""

import os
import time
from pathlib import Path

from gan_core.training.run_folder import RunFolder
from tests.training.tiny import config

DEEP = "[" * 100_000
LINES = """\0\0
{"step": 2, "loss_g": 1}
[]
"x"
{"step": "x"}
{"step": true}
{"step": 1e400}
{"step": 4, "loss_g": "<b>"}
{"step": 99999999999999999999999, "loss_g": 1}
{"step": -5}
{"step": 5, "loss_g": HUGE}
DEEP
{"step": 6, "loss_g": {"x": []}}
"""
LINES = LINES.replace("HUGE", "9" * 400)
NOTICES = """{"step": 2, "kind": "<img src=x>", "text": {"x": 1}}
DEEP
{"step": 4, "kind": ["x"], "text": "<script>alert(1)</script>", "at": "now"}
"""
DAMAGED: dict[str, dict[str, str | bytes]] = {
    "a torn status": {"status.json": '{"state": "running", "st'},
    "an empty status": {"status.json": ""},
    "a status that is a list": {"status.json": "[1, 2]"},
    "a status of other types": {
        "status.json": '{"state": ["x"], "step": "many", "total_steps": null, "pid": "x", "error": 5}',
    },
    "an endless step": {"status.json": '{"state": "running", "step": 1e999, "total_steps": NaN, "pid": -1}'},
    "a deep status": {"status.json": DEEP},
    "no text at all": {"status.json": b"\xff\xfe\x00" * 100, "config.json": b"\xff\xfe\x00" * 100},
    "a torn configuration": {"config.json": '{"format": 1, "fam'},
    "a deep configuration": {"config.json": DEEP},
    "a configuration of other types": {
        "config.json": '{"format": 1, "family": 5, "train": [], "network": "x", "recipe": null}',
    },
    "a configuration of no known family": {
        "config.json": '{"format": 1, "family": "../x", "train": {}, "network": {}, "recipe": {}}',
    },
    "a huge configuration": {"config.json": '{"format": 1, "family": "' + "x" * 20_000_000 + '"}'},
    "garbage among the lines": {"metrics.jsonl": LINES.replace("DEEP", DEEP), "quality.jsonl": LINES},
    "hostile notices": {"events.jsonl": NOTICES.replace("DEEP", DEEP)},
    "hostile words": {"about.json": DEEP, "control.json": DEEP},
    "files that are folders": {},
}


def damage(folder: Path, what: str) -> RunFolder:
    """A run folder with one kind of damage."""
    run = RunFolder(folder)
    run.create(config("dcgan", 100))
    run.write_status(state="stopped", step=4, total_steps=100, device="CPU")
    for name, content in DAMAGED[what].items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    if not DAMAGED[what]:
        for name in ("status.json", "about.json", "metrics.jsonl", "events.jsonl"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).mkdir()
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)  # Not a run that is just being made.
    return run
