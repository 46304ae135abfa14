"""A process that is killed in the middle, and a model of 500 MB."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub.conftest import Process
from tests.hub_server import HubServer

pytestmark = pytest.mark.slow
NAME = "user/large"
MB = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def write(path: Path, megabytes: int) -> None:
    """Bytes that no two blocks have in common, without holding them."""
    with path.open("wb") as file:
        for block in range(megabytes):
            file.write(block.to_bytes(8, "big") * (MB // 8))


def push(folder: Path) -> str:
    return f"push(Path({str(folder)!r}), Address({NAME!r})).commit"


def pull(folder: Path) -> str:
    return f"pull(Address({NAME!r}), Path({str(folder)!r}), lambda folder: None).commit"


def killed(process: Process, expression: str, when: float, hub: HubServer, seen: str) -> None:
    """Begin the work in the process, and kill it `when` seconds after the server has seen a request."""
    import json

    process.process.stdin.write(json.dumps(expression) + "\n")
    process.process.stdin.flush()
    end = time.monotonic() + 60
    while not hub.asked(seen):
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.005)
    time.sleep(when)
    process.process.send_signal(signal.SIGKILL)
    process.close()


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
def test_killed_while_pushing_and_pushed_again(hub: HubServer, tmp_path: Path, folder: Path, after_s: float):
    write(folder / "generator.safetensors", 60)
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    killed(process, push(folder), after_s, hub, "PUT /lfs/")
    repository = hub.repository(NAME)
    complete = repository.head if "generator.safetensors" in repository.files else None
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    commit = process.run(push(folder))
    process.close()
    assert commit == repository.head
    assert complete in (None, commit), "what was whole already is not pushed twice"
    assert len(repository.commits) == 2
    assert repository.files["generator.safetensors"].size == 60 * MB


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
def test_killed_while_pulling_and_pulled_again(hub: HubServer, tmp_path: Path, folder: Path, after_s: float):
    write(folder / "generator.safetensors", 60)
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    process.run(push(folder))
    process.close()
    here = tmp_path / "models" / "large"
    here.mkdir(parents=True)
    (here / "config.json").write_text('"old"')
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    expression = pull(here).replace("lambda folder: None", "lambda folder: None, take_theirs=True")
    killed(process, expression, after_s, hub, "GET /lfs/")
    whole = (here / "generator.safetensors").exists()
    assert whole or (here / "config.json").read_text() == '"old"', "the old one or the new one, nothing between"
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    process.run(expression)
    process.close()
    assert (here / "generator.safetensors").stat().st_size == 60 * MB
    assert (here / "config.json").read_text() == "{}"


def test_500_mb_there_and_back_in_little_memory(hub: HubServer, tmp_path: Path, folder: Path):
    write(folder / "generator.safetensors", 500)
    code = """
import resource, sys
from pathlib import Path
from gan_core.hub.client import Address
from gan_core.hub.pull import pull
from gan_core.hub.push import push
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
import huggingface_hub.hf_api
before = peak()
push(Path(sys.argv[1]), Address(sys.argv[3]))
pull(Address(sys.argv[3]), Path(sys.argv[2]), lambda folder: None)
print(peak() - before)
"""
    environment = Process.environment(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    there = tmp_path / "there"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(there), NAME],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 100, "MB more than at the beginning"
    assert (there / "generator.safetensors").stat().st_size == 500 * MB
