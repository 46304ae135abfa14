"""What a Space has beyond a repository: a runtime that goes through its stages, logs, variables, secrets, hardware."""

import json
from typing import TYPE_CHECKING, Any

from tests.hub_server.store import Repository

if TYPE_CHECKING:
    from tests.hub_server.answers import Answers

STAGES = ["BUILDING", "RUNNING_APP_STARTING", "RUNNING"]


def space(answers: "Answers", repository: Repository, rest: list[str]) -> bool:
    """Answer what is asked of a Space; False where there is no such question."""
    facts: dict[str, Any] = repository.more
    match rest:
        case ["runtime"]:
            stages = facts.setdefault("stages", list(STAGES))
            stage = stages.pop(0) if len(stages) > 1 else stages[0]
            hardware = facts.get("hardware") or "cpu-basic"
            answers.json(
                {"stage": stage, "hardware": {"current": hardware, "requested": hardware}, "gcTimeout": 172800}
            )
        case ["logs", kind]:
            lines = facts.setdefault("logs", {}).get(kind, [])
            text = "".join(
                f"data: {json.dumps({'data': line, 'timestamp': '2026-11-21T00:00:00Z'})}\n\n" for line in lines
            )
            answers.send(200, text.encode(), "text/event-stream")
        case ["variables" | "secrets" as what]:
            answers.find("space", repository.name, write=True)
            named = facts.get(what) or {}
            named = {one["key"]: one["value"] for one in named} if isinstance(named, list) else named
            if answers.command in ("POST", "DELETE"):
                asked = json.loads(answers.body)
                named = {**named, asked["key"]: asked.get("value")}
                if answers.command == "DELETE":
                    del named[asked["key"]]
            facts[what] = named
            shown = {
                key: {"key": key, **({"value": value} if what == "variables" else {})} for key, value in named.items()
            }
            answers.json(shown)
        case ["hardware"]:
            answers.find("space", repository.name, write=True)
            facts["hardware"] = json.loads(answers.body)["flavor"]
            answers.json({"stage": "BUILDING", "hardware": {"current": None, "requested": facts["hardware"]}})
        case ["restart"]:
            answers.find("space", repository.name, write=True)
            facts["stages"] = list(STAGES)
            answers.json({"stage": "BUILDING", "hardware": {}})
        case _:
            return False
    return True
