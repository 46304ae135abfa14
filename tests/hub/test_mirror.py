"""Pushing a run with the real client over HTTP: one commit of it, and nobody's work lost."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gan_core.mirror.process import GAVE_UP
from gan_core.mirror.record import Wish, read_record, read_wish, unsent, write_wish
from gan_core.training.run_folder import RunFolder
from tests.hub.conftest import Process
from tests.hub_server import HubServer
from tests.training.tiny import config, finished

NAME = "user/ducks"
READY = """
import resource, signal
import gan_core.mirror.stage as stage
from gan_core.mirror.pushing import look_first, push as push_run
from gan_core.mirror.record import Wish
from gan_core.training.run_folder import RunFolder
stage.DRAW_S = 0.001  # The picture has a test of its own.
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 8 steps."""
    folder = tmp_path_factory.mktemp("trained") / "00007-dcgan-shapes"
    return finished(folder, config("dcgan", 8, snapshot_steps=4, sample_steps=4)).path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunFolder:
    path = tmp_path / trained.name
    shutil.copytree(trained, path)
    return RunFolder(path)


@pytest.fixture(scope="module")
def ready(client: Process) -> Process:
    client.run(f"exec({READY!r})")
    return client


def push(run: RunFolder, **options: Any) -> str:
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"push_run(RunFolder(Path({str(run.path)!r})), Wish({NAME!r}){more}).commit"


def longer(run: RunFolder, step: int = 12) -> None:
    """As if it had trained on: a state and lines of later steps."""
    content = (run.path / "state" / "000008.pt").read_bytes() + b"more"
    (run.path / "state" / f"{step:06d}.pt").write_bytes(content)
    run.append_metrics({**run.metrics()[-1], "step": step})
    run.write_status(state="stopped", step=step, total_steps=20, device="cpu")


def test_a_push_is_one_commit_of_model_and_run(hub: HubServer, ready: Process, run: RunFolder):
    (run.path / "trainer.log").write_text("what it said")
    (run.path / "notes.pkl").write_bytes(b"mine")
    commit = ready.run(push(run))
    repository = hub.repository(NAME)
    assert repository.private
    assert commit == repository.head
    assert len(repository.commits) == 2, "the first one, and this"
    assert set(repository.files) == {
        *(".gitattributes", "README.md", "curve.webp", "config.json", "generator.safetensors"),
        *(f"run/{name}" for name in ("config.json", "begun.json", "metrics.jsonl.gz", "status.json")),
        *(f"run/samples/{name}" for name in ("000000.webp", "000004.webp", "000008.webp", "layout.json")),
        "run/state/000008.pt",
    } - ({"run/begun.json"} if not (run.path / "begun.json").exists() else set())
    assert repository.content("run/state/000008.pt") == (run.path / "state" / "000008.pt").read_bytes()
    weights = run.path / "snapshots" / "000008" / "generator.safetensors"
    assert repository.content("generator.safetensors") == weights.read_bytes()
    lines = gzip.decompress(repository.content("run/metrics.jsonl.gz"))
    assert lines == (run.path / "metrics.jsonl").read_bytes()
    assert json.loads(repository.content("run/status.json"))["state"] == "finished"
    assert unsent(run, read_record(run, NAME)) is None
    assert not (run.path / "mirror" / "stage").exists()
    ready.run(push(run))
    assert repository.head == commit, "nothing is new, nothing is committed"


def test_the_next_push_sends_what_is_new_alone(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    before = read_record(run, NAME).total_bytes
    longer(run)
    assert "steps 8 to 12" in str(unsent(run, read_record(run, NAME)))
    hub.requests.clear()
    ready.run(push(run))
    repository = hub.repository(NAME)
    assert "run/state/000012.pt" in repository.files
    assert "run/state/000008.pt" not in repository.files, "one state at a time"
    assert "generator.safetensors" in repository.files
    assert "run/samples/000004.webp" in repository.files
    assert len(repository.commits) == 3
    state = (run.path / "state" / "000012.pt").stat().st_size
    sent = read_record(run, NAME).total_bytes - before
    assert state < sent < state + 10_000, "and some lines"


def test_a_push_between_two_lines_does_not_take_its_own_commit_for_somebody_else_s(
    hub: HubServer, ready: Process, run: RunFolder
):
    """It stopped the pushing for good: the status that was not sent was remembered as sent."""
    ready.run(push(run))
    longer(run)
    commit = ready.run(push(run))
    run.write_status(state="stopped", step=13, total_steps=20, device="cpu")
    ready.run(push(run))
    assert hub.repository(NAME).head == commit, "a step without a line is no commit"
    sent = read_record(run, NAME).sent
    assert sent is not None
    assert sent.step == 12, "what is there, not what is here"
    longer(run, 14)
    ready.run(push(run))
    assert "run/state/000014.pt" in hub.repository(NAME).files


def test_a_large_state_goes_less_often_while_it_trains(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    longer(run)
    ready.run("setattr(stage, 'STATE_BYTES_PER_HOUR', 1)")
    # Still in training, by this very process.
    run.write_status(state="running", step=12, total_steps=20, device="cpu")
    ready.run(push(run))
    repository = hub.repository(NAME)
    assert "run/state/000008.pt" in repository.files
    assert len(gzip.decompress(repository.content("run/metrics.jsonl.gz")).splitlines()) == 5, "the lines are new"
    run.write_status(state="stopped", step=12, total_steps=20, device="cpu")
    ready.run(push(run))
    assert "run/state/000012.pt" in repository.files, "the last one always goes"
    ready.run("setattr(stage, 'STATE_BYTES_PER_HOUR', 6e8)")


@pytest.mark.parametrize(
    ("stage", "word", "reason"),
    [
        ("POST .*/commit/", "token", "token"),
        ("POST .*/commit/", "forbidden", "forbidden"),
        ("POST .*/commit/", "quota", "quota"),
        ("POST .*/commit/", "limit", "limit"),
        ("POST .*/commit/", "payment", "plan"),
        ("POST .*/commit/", "down", "down"),
        ("POST .*/commit/", "slow", "offline"),
        ("POST .*/commit/", "drop", "offline"),
        ("GET /api/models", "broken", "down"),
        ("GET /api/models", "page", "unknown"),
        ("PUT /lfs", "drop", "offline"),
        ("POST .*/preupload/", "limit", "limit"),
    ],
)
def test_refusals_change_nothing_and_the_next_push_does(
    hub: HubServer, ready: Process, run: RunFolder, stage: str, word: str, reason: str
):
    ready.run(push(run))
    before = hub.repository(NAME).head
    longer(run)
    hub.failures.add(stage, word)
    refused = ready.run(push(run))
    assert refused["reason"] == reason
    assert refused["error"].startswith(f"{run.id} was not pushed to {NAME}: ")
    assert hub.repository(NAME).head == before
    hub.failures.rules.clear()
    ready.run(push(run))
    assert "run/state/000012.pt" in hub.repository(NAME).files


def test_a_disk_that_is_full_is_told_and_nothing_is_torn(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    longer(run)
    full = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (10, -1))"
    ready.run(f"[{full}] and None")
    refused = ready.run(push(run))
    ready.run("resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))")
    assert refused["reason"] == "disk"
    assert read_record(run, NAME).commit == hub.repository(NAME).head, "the record is whole"
    ready.run(push(run))
    assert "run/state/000012.pt" in hub.repository(NAME).files


def test_a_lost_answer_is_not_a_lost_commit(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    longer(run)
    hub.failures.add("/commit/", "lost", times=1)
    assert ready.run(push(run))["reason"] == "offline"
    repository = hub.repository(NAME)
    made = repository.head
    assert len(repository.commits) == 3
    assert ready.run(push(run)) == made, "recognised as our own"
    assert len(repository.commits) == 3


def test_a_lost_answer_is_recognised_under_an_edited_card(hub: HubServer, ready: Process, run: RunFolder):
    """Our own commit was taken for somebody else's, and no more was pushed."""
    ready.run(push(run))
    longer(run)
    hub.failures.add("/commit/", "lost", times=1)
    assert ready.run(push(run))["reason"] == "offline"
    edited = hub.repository(NAME).change({"README.md": b"by hand"})
    assert ready.run(push(run)) == edited
    assert hub.repository(NAME).content("README.md") == b"by hand"


@pytest.mark.parametrize("seen", ["PUT /lfs/", "POST /api/models/user/ducks/commit"])
def test_killed_in_the_middle_and_pushed_again(hub: HubServer, ready: Process, run: RunFolder, tmp_path: Path, seen):
    with (run.path / "state" / "000008.pt").open("ab") as file:
        file.write(bytes(30_000_000))
    process = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    process.run(f"exec({READY!r})")
    process.process.stdin.write(json.dumps(push(run)) + "\n")
    process.process.stdin.flush()
    end = time.monotonic() + 60
    while not hub.asked(seen):
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.002)
    process.process.send_signal(signal.SIGKILL)
    process.close()
    commit = ready.run(push(run))
    repository = hub.repository(NAME)
    assert commit == repository.head
    assert len(repository.commits) == 2, "made once"
    assert repository.files["run/state/000008.pt"].size > 30_000_000


def test_a_card_edited_by_hand_is_kept(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    repository = hub.repository(NAME)
    card = repository.content("README.md").decode()
    assert f'gan_core.load("hub:{NAME}")' in card, "not a name of this machine"
    repository.change({"README.md": f"{card}\n## My own words\n".replace("Steps | 8", "Steps | 0").encode()})
    shutil.copytree(run.path / "snapshots" / "000008", run.path / "snapshots" / "000012")
    longer(run)
    ready.run(push(run))
    told = repository.content("README.md").decode()
    assert "## My own words" in told
    assert "Steps | 8" in told, "and what is generated is renewed"
    shutil.copytree(run.path / "snapshots" / "000008", run.path / "snapshots" / "000016")
    longer(run, 16)
    ready.run(push(run))
    assert "## My own words" in repository.content("README.md").decode(), "the next push took its own card for ours"


def test_a_card_edited_between_look_and_commit_is_kept_too(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    longer(run)
    repository = hub.repository(NAME)
    original = repository.commit

    def late(edit, parent, title, branch):
        repository.change({"README.md": b"by hand", "more.txt": b"theirs"})
        repository.commit = original
        return original(edit, parent, title, branch)

    repository.commit = late
    ready.run(push(run))
    assert repository.content("README.md") == b"by hand"
    assert repository.content("more.txt") == b"theirs"
    assert "run/state/000012.pt" in repository.files


@pytest.mark.parametrize("theirs", ["generator.safetensors", "run/status.json", "run/state/000008.pt"])
def test_what_somebody_else_pushed_is_never_overwritten(hub: HubServer, ready: Process, run: RunFolder, theirs: str):
    """Another machine goes on with the run, or somebody pushed other weights."""
    ready.run(push(run))
    longer(run)
    repository = hub.repository(NAME)
    head = repository.change({theirs: b"theirs"})
    refused = ready.run(push(run))
    assert refused["reason"] == "diverged"
    for part in (theirs, head[:8], "--onto", "Nothing was overwritten"):
        assert part in refused["error"]
    assert repository.content(theirs) == b"theirs"
    assert ready.run(push(run, onto="0000000"))["reason"] == "diverged"
    ready.run(push(run, onto=head[:8]))
    assert repository.content("run/state/000012.pt") == (run.path / "state" / "000012.pt").read_bytes()
    assert "generator.safetensors" in repository.files
    assert repository.commits[repository.head].parent == head


def test_another_machine_s_newer_state_is_not_removed(hub: HubServer, ready: Process, run: RunFolder):
    """It stands under a name that we never sent, and went with our next push."""
    ready.run(push(run))
    longer(run)
    hub.repository(NAME).change({"run/state/000020.pt": b"theirs"})
    refused = ready.run(push(run))
    assert refused["reason"] == "diverged"
    assert "run/state/000020.pt" in refused["error"]
    assert hub.repository(NAME).content("run/state/000020.pt") == b"theirs"


def test_of_two_first_pushes_the_second_is_refused(hub: HubServer, ready: Process, run: RunFolder):
    """Both looked before there was a repository; the other one made and filled it meanwhile."""
    create = """
import gan_core.mirror.pushing as pushing
before = pushing.create
def late(repository, *rest, **options):
    Path(LATE).touch()
    while Path(LATE).exists():
        __import__('time').sleep(0.01)
    before(repository, *rest, **options)
pushing.create = late
"""
    late = run.path.parent / "late"
    ready.run(f"exec({create!r}, {{'LATE': {str(late)!r}, 'Path': Path}})")
    ready.process.stdin.write(json.dumps(push(run)) + "\n")
    ready.process.stdin.flush()
    end = time.monotonic() + 60
    while not late.exists():
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.005)
    hub.put(NAME, {"run/status.json": b"theirs", "run/config.json": b"theirs"})
    late.unlink()
    refused = json.loads(ready.process.stdout.readline())
    ready.run(
        "exec('import gan_core.mirror.pushing as pushing; from gan_core.hub.tree import create; "
        "pushing.create = create')"
    )
    assert refused["reason"] == "diverged", refused
    assert hub.repository(NAME).content("run/status.json") == b"theirs"


def test_a_process_that_hangs_since_before_the_end_goes_too(run: RunFolder):
    """Only the thread that hung looked whether the training had ended."""
    code = """
import sys, threading, time
from pathlib import Path
from gan_core.mirror.process import Mirror
from gan_core.mirror.record import Wish
from gan_core.training.run_folder import RunFolder
mirror = Mirror(RunFolder(Path(sys.argv[1])), Wish("user/ducks", minutes=0.01, wait_minutes=0.01))
threading.Thread(target=mirror._leave_in_time, daemon=True).start()
time.sleep(60)  # As in a transfer.
"""
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], timeout=100, check=False)
    assert done.returncode == GAVE_UP
    assert "Not sent to user/ducks yet: everything." in run.events()[-1]["text"]


def test_a_repository_that_holds_another_model_is_not_filled(hub: HubServer, ready: Process, run: RunFolder):
    hub.put(NAME, {"config.json": b"{}", "generator.safetensors": b"theirs"})
    first = f"look_first(RunFolder(Path({str(run.path)!r})), Wish({NAME!r}))"
    assert ready.run(first)["reason"] == "diverged", "told before the first push"
    assert ready.run(push(run))["reason"] == "diverged"
    assert hub.repository(NAME).content("generator.safetensors") == b"theirs"
    hub.put(NAME, {"README.md": b"# Ducks, written first\n"})
    ready.run(push(run))
    assert hub.repository(NAME).content("README.md") == b"# Ducks, written first\n"


def test_who_may_not_is_told_before_the_first_push(hub: HubServer, ready: Process, run: RunFolder):
    where = f"RunFolder(Path({str(run.path)!r}))"
    refused = ready.run(f"look_first({where}, Wish('other/ducks'))")
    assert refused["reason"] == "forbidden"
    assert "user may not write to other" in refused["error"]
    assert not hub.store.repositories


def test_a_repository_that_was_deleted_is_not_made_again_unasked(hub: HubServer, ready: Process, run: RunFolder):
    ready.run(push(run))
    hub.store.repositories.clear()
    longer(run)
    refused = ready.run(push(run))
    assert refused["reason"] == "missing"
    assert f"gan-core runs push {run.id} {NAME}" in refused["error"]
    ready.run(push(run, anew=True))
    assert "run/state/000012.pt" in hub.repository(NAME).files
    assert "generator.safetensors" in hub.repository(NAME).files


def test_a_wish_is_read_back_or_not_at_all(run: RunFolder):
    assert read_wish(run) is None
    wish = Wish(NAME, minutes=3, private=False)
    write_wish(run, wish)
    assert read_wish(run) == wish
    for damaged in (
        b"",
        b"[]",
        b'{"repository": "../x"}',
        b'{"repository": "a/b", "minutes": "3"}',
        b'{"repository": 3}',
    ):
        (run.path / "push.json").write_bytes(damaged)
        assert read_wish(run) is None
    (run.path / "mirror").mkdir(exist_ok=True)
    for damaged in (b"", b"{}", b'{"repository": "user/ducks", "sent": 3, "under_way": null}'):
        (run.path / "mirror" / "record.json").write_bytes(damaged)
        assert read_record(run, NAME).sent is None
