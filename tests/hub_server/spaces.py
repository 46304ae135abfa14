"""What a Space has beyond a repository: a runtime that goes through its stages, logs, variables, secrets, hardware.

In `repository.more`: "stages", gone through one a question after each commit (the last one stays); "late", so many
questions after a commit are still answered as before it; "logs", lines by "build" and "run"; "message" of the runtime.
"""

import json
from typing import TYPE_CHECKING, Any

from tests.hub_server.store import Repository

if TYPE_CHECKING:
    from tests.hub_server.answers import Answers

STAGES = ["BUILDING", "RUNNING_APP_STARTING", "RUNNING"]
STATIC_STAGES = ["RUNNING"]


def space(answers: "Answers", repository: Repository, rest: list[str]) -> bool:
    """Answer what is asked of a Space; False where there is no such question."""
    facts: dict[str, Any] = repository.more
    match rest:
        case ["runtime"]:
            answers.json(runtime(repository))
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
            facts["of"] = None
            answers.json({"stage": "BUILDING", "hardware": {}})
        case _:
            return False
    return True


def runtime(repository: Repository) -> dict[str, Any]:
    """One answer to "how is it?": a commit starts the stages anew."""
    facts: dict[str, Any] = repository.more
    if facts.get("of") != repository.head:
        if facts.get("late"):
            facts["late"] -= 1
            return {"stage": facts.get("last", "RUNNING"), "hardware": {}, "sha": facts.get("of")}
        usual = STATIC_STAGES if facts.get("sdk") == "static" else STAGES
        facts.update(of=repository.head, left=list(facts.get("stages") or usual))
    left = facts["left"]
    stage = facts["last"] = left.pop(0) if len(left) > 1 else left[0]
    hardware = facts.get("hardware") or "cpu-basic"
    told = {"stage": stage, "hardware": {"current": hardware, "requested": hardware}, "gcTimeout": 172800}
    if facts.get("message"):
        told["errorMessage"] = facts["message"]
    return {**told, "sha": repository.head}
