"""A push tells bytes as they go: in one piece, in parts, by way of Xet. It can be ended, and goes on where it was."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import tests.hub_server
from tests.hub.conftest import Process
from tests.hub_server import HubServer, hub_server
from tests.hub_server.answers import Answers, Refused

NAME = "user/large"
MB = 1_000_000
STOP = "lambda done, total: (_ for _ in ()).throw(GanCoreError('cancelled.')) if done > total // 4 else None"


class InParts(Answers):
    """Large files go up in parts of 4 MB, each to an address of its own, and are put together at the end."""

    part = 4 * MB

    def lfs_batch(self, repository: Any) -> None:  # noqa: ARG002 - as the other's
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if not self.hub.store.has(wanted["oid"]):
                count = -(-wanted["size"] // self.part)
                header = {f"{n:05}": f"{self.hub.cdn}/part/{wanted['oid']}/{n}" for n in range(1, count + 1)}
                upload = {"href": f"{self.hub.endpoint}/whole/{wanted['oid']}", "header": header}
                header["chunk_size"] = str(self.part)
                answer["actions"] = {"upload": upload}
            objects.append(answer)
        self.json({"transfer": "multipart", "objects": objects})

    def take(self, path: str) -> None:
        length, self.unread = self.unread, 0
        _, _, oid, number = path.split("/")
        parts = self.hub.__dict__.setdefault("parts", {}).setdefault(oid, {})
        parts[int(number)] = self.hub.store.take(self.rfile, length)
        self.send(200, b"", ETag=f'"{parts[int(number)]}"')

    def files(self, kind: str, parts: list[str]) -> None:
        if parts[0] != "whole":
            return super().files(kind, parts)
        known = self.hub.__dict__["parts"][parts[1]]
        told = json.loads(self.body)["parts"]
        assert [one["partNumber"] for one in told] == sorted(known), "all of them, in order"
        blob = self.hub.store.keep(
            b"".join(self.hub.store.path(known[number]).read_bytes() for number in sorted(known))
        )
        assert blob.sha256 == parts[1]
        return self.json({})


class ByXet(Answers):
    """Gives out an address of Xet's store, which is a folder of this machine."""

    place = Path()

    def api(self, kind: str, name: str, rest: list[str]) -> None:
        if rest[:1] != ["xet-write-token"]:
            return super().api(kind, name, rest)
        return self.json({"casUrl": f"local://{self.place}", "accessToken": "x", "exp": int(time.time()) + 3600})


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type[Answers]], HubServer]]:
    """A server that answers so."""
    running = []

    def begin(answers: type[Answers]) -> HubServer:
        monkeypatch.setattr(tests.hub_server, "handler", lambda hub: type("Handler", (answers,), {"hub": hub}))
        running.append(hub_server())
        return running[-1].__enter__()

    yield begin
    for one in running:
        one.__exit__(None, None, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def weights(folder: Path, size: int, name: str = "generator.safetensors") -> bytes:
    """Bytes that no two blocks have in common."""
    content = random.Random(name).randbytes(size)
    (folder / name).write_bytes(content)
    return content


def told(process: Process, folder: Path) -> list[list[int]]:
    """What a push tells while it goes."""
    push = f"push(Path({str(folder)!r}), Address({NAME!r}), progress=lambda *told: seen.append(told))"
    return process.run(f"[seen := [], {push}, seen][2]")


def assert_grows(seen: list[list[int]], total: int) -> None:
    assert {one[1] for one in seen} == {total}
    done = [one[0] for one in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, total)


def test_bytes_are_told_while_one_file_goes(hub: HubServer, client: Process, folder: Path):
    """It was 0 of 20 MB until the last byte."""
    content = weights(folder, 20 * MB)
    seen = told(client, folder)
    assert_grows(seen, 20 * MB + 2)
    assert len({done for done, _ in seen}) > 100
    assert hub.repository(NAME).content("generator.safetensors") == content


def test_bytes_are_told_while_a_file_goes_in_parts(speaking, folder: Path, tmp_path: Path):
    hub = speaking(InParts)
    content = weights(folder, 18 * MB)
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    hub.failures.add("PUT /part/.*/3", "broken", times=1)
    seen = told(process, folder)
    process.close()
    done = [one[0] for one in seen]
    assert (done[0], done[-1]) == (0, 18 * MB + 2)
    assert max(done) == done[-1], "never more than there is"
    back = [(one, after) for one, after in pairwise(done) if after < one]
    assert len(back) == 1, "the part that the server refused is sent once more, and told so"
    assert back[0][1] >= 8 * MB
    assert len(hub.asked("PUT /part/")) == 6
    assert hub.repository(NAME).content("generator.safetensors") == content


def test_bytes_are_told_while_xet_sends(speaking, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ByXet, "place", tmp_path / "xet")
    hub = speaking(ByXet)
    hub.store.keep(weights(folder, 160 * MB))  # The server looks for it where it knows, and not in Xet's store.
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user", HF_HUB_DISABLE_XET="0")
    seen = told(process, folder)
    assert_grows(seen, 160 * MB + 2)
    assert sum(2 < done < 160 * MB for done, _ in seen) >= 1, "in the middle of a file"
    before = hub.repository(NAME).head
    hub.store.keep(weights(folder, 80 * MB, "other.safetensors"))
    stopped = process.run(f"push(Path({str(folder)!r}), Address({NAME!r}), progress={STOP})")
    process.close()
    assert stopped["error"] == "cancelled."
    assert hub.repository(NAME).head == before
    assert not hub.asked("PUT")
    assert not [line for line in hub.requests if line.endswith("/lfs/objects/batch")]


@pytest.mark.parametrize(("status", "reason"), [(401, "token"), (403, "forbidden"), (404, "unknown")])
def test_what_xet_is_refused_is_told_as_ever(speaking, folder: Path, tmp_path: Path, status: int, reason: str):
    """It was told as a full disk."""

    class Refusing(ByXet):
        def api(self, kind: str, name: str, rest: list[str]) -> None:
            if rest[:1] == ["xet-write-token"]:
                raise Refused(status, "no")
            super().api(kind, name, rest)

    weights(folder, 2 * MB)
    process = Process(speaking(Refusing).endpoint, tmp_path / "home", HF_TOKEN="hf_user", HF_HUB_DISABLE_XET="0")
    refused = process.run(f"push(Path({str(folder)!r}), Address({NAME!r}))")
    process.close()
    assert refused["reason"] == reason
    assert refused["error"].startswith(f"large was not pushed to {NAME}: ")
    assert "disk" not in refused["error"]
    assert "127.0.0.1" not in refused["error"]


def test_a_push_ends_in_the_middle_of_a_file(hub: HubServer, client: Process, folder: Path):
    weights(folder, 20 * MB)
    stopped = client.run(f"push(Path({str(folder)!r}), Address({NAME!r}), progress={STOP})")
    assert stopped["error"] == "cancelled."
    assert set(hub.repository(NAME).files) == {".gitattributes"}
    assert not (folder / ".hub.json").exists()
    assert_grows(told(client, folder), 20 * MB + 2)
    assert "generator.safetensors" in hub.repository(NAME).files


def test_what_is_there_already_counts_as_done(hub: HubServer, client: Process, folder: Path):
    weights(folder, 3 * MB, "a.safetensors")
    weights(folder, 5 * MB, "b.safetensors")
    hub.failures.add("PUT", "drop", skip=1)
    assert client.run(f"push(Path({str(folder)!r}), Address({NAME!r}))")["reason"] == "offline"
    hub.failures.rules.clear()
    hub.requests.clear()
    seen = told(client, folder)
    assert_grows(seen, 8 * MB + 2)
    assert len(hub.asked("PUT")) == 1
    assert [done for done, _ in seen][:3] == [0, 2, 3 * MB + 2], "at once"


def test_small_files_are_announced_together(hub: HubServer, client: Process, folder: Path):
    for number in range(6):
        weights(folder, 9000, f"net{number}.safetensors")
    assert_grows(told(client, folder), 6 * 9000 + 2)
    assert len(hub.asked("POST /api/models/user/large/preupload/")) == 1


def test_the_clients_own_bars_stay_away(hub: HubServer, folder: Path, tmp_path: Path):
    """They stood beside ours, and in the log of the application."""
    weights(folder, 3 * MB, "a.safetensors")
    weights(folder, 9000, "b.safetensors")
    weights(folder, 9000, "c.safetensors")
    code = (
        "import sys; from pathlib import Path; from gan_core.hub.client import Address; from gan_core.hub.push import "
        "push; push(Path(sys.argv[1]), Address(sys.argv[2])); from huggingface_hub.utils import tqdm; "
        "assert not tqdm(total=1, leave=False).disable, 'only while it sends'"
    )
    environment = Process.environment(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    del environment["HF_HUB_DISABLE_PROGRESS_BARS"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), NAME],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "safetensors" not in done.stderr
    assert "LFS" not in done.stderr
