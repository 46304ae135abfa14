"""A process with the real client, told what to do line by line: it reads its settings at import."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub_server import HubServer

CODE = """
import json, sys, traceback
from pathlib import Path
import gan_core.hub.client
from gan_core.errors import GanCoreError
from gan_core.hub.client import Address, account
from gan_core.hub.compare import compare, read_meeting
from gan_core.hub.files import local_files, remote_files
from gan_core.hub.pull import plan_pull, pull
from gan_core.hub.push import plan_push, push
gan_core.hub.client.TIMEOUT_S = 3.0
import types, huggingface_hub.utils._http as http
http.time = types.SimpleNamespace(**{**vars(http.time), "sleep": lambda s: None})  # Its pauses between retries.
for line in sys.stdin:
    try:
        answer = {"ok": eval(json.loads(line))}
    except GanCoreError as error:
        answer = {"error": str(error), "reason": getattr(error, "reason", "")}
    except Exception as error:
        answer = {"crash": traceback.format_exc()}
    print(json.dumps(answer, default=vars), flush=True)
"""
NEVER_USED = ("HF_", "HUGGING")


class Process:
    """`run(expression)` gives back what it evaluates to, or {"error", "reason"}."""

    @staticmethod
    def environment(endpoint: str, home: Path, **more: str) -> dict[str, str]:
        """That of the test without its own account."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(NEVER_USED)}
        ours = {
            "HF_HOME": str(home),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "1",
        }
        return {**kept, **ours, **more}

    def __init__(self, endpoint: str, home: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE],
            env=self.environment(endpoint, home, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, expression: str) -> Any:
        self.process.stdin.write(json.dumps(expression) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "crash" not in answer, answer["crash"]
        if "error" in answer:
            assert answer["error"].isprintable(), "one line"
            assert answer["error"].endswith(".")
            return answer
        return answer["ok"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()


@pytest.fixture(scope="module")
def client(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Signed in as "user"."""
    process = Process(server.endpoint, tmp_path_factory.mktemp("home"), HF_TOKEN="hf_user")
    yield process
    process.close()
