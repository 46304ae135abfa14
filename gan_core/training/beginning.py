"""How a run was begun, which later changes of its settings leave as it is; how far it came, and where it goes on."""

import json
from pathlib import Path
from typing import Any

from gan_core.atomic import write_json
from gan_core.config import RunConfig
from gan_core.errors import GanCoreError
from gan_core.training.records import json_object
from gan_core.training.run_folder import RunFolder

BEGUN = "begun.json"
"""{"at": seconds since 1970, "config": the first configuration, or null where it is not known}"""


def remember_beginning(run: RunFolder) -> None:
    """Write `BEGUN` where it is missing: when the run was made, and its configuration where none was trained yet."""
    if not (run.path / BEGUN).exists():
        trained = (run.path / "metrics.jsonl").exists()
        config = None if trained else json.loads((run.path / "config.json").read_bytes())
        write_json(run.path / BEGUN, {"at": begun_at(run), "config": config}, make_folder=False)


def begun_at(run: RunFolder) -> float:
    """When the run was made; where nobody wrote that down, as far as its files tell."""
    at = json_object(run.path / BEGUN).get("at")
    if isinstance(at, int | float):
        return float(at)
    # The configuration is written anew whenever a setting changes; a branch has the samples of another run.
    first = () if run.about()["origin"] else (run.path / "samples" / "000000.webp",)
    times = [_written_at(path) for path in (run.path / "config.json", *first)]
    return min(filter(None, times), default=0.0)


def first_config(run: RunFolder) -> RunConfig | None:
    """The configuration that the run began with; None where it is not known."""
    config: Any = json_object(run.path / BEGUN).get("config")
    try:
        return RunConfig.from_json(config, BEGUN) if isinstance(config, dict) else None
    except (GanCoreError, ValueError, KeyError, TypeError):
        return None


def goes_on_from(run: RunFolder) -> int:
    """The step of the newest state; 0 where none was saved."""
    states = run.states()
    return states[-1][0] if states else 0


def reached(run: RunFolder, status: dict[str, Any]) -> int:
    """How far its last trainer came: the status is written every two seconds, lines and samples more often.

    What was written before that trainer began may be of steps that it has yet to do again.
    """
    began_at = status.get("pid_started_at")
    steps = [status["step"]]
    if isinstance(began_at, int | float):
        lines, samples = run.metrics(newest=1)[-1:], run.samples()[-1:]
        steps += [line["step"] for line in lines if _written_at(run.path / "metrics.jsonl") > began_at]
        steps += [step for step, path in samples if _written_at(path) > began_at]
    return max(steps)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
