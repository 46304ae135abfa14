"""What keeps a public server usable: uploads that go, work that steps back, and one visitor's share."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gan_core.errors import GanCoreError
from gan_core.settings import Settings
from gan_core.ui import gate as gate_module
from gan_core.ui.arrivals import FULL, MANY, PLACE, Arrivals, own_place
from gan_core.ui.gate import AT_ONCE, Gate
from gan_core.ui.jobs import EACH, Jobs
from gan_core.ui.lasting import Lasting, Stamp
from gan_core.ui.launch import own_cores_alone
from gan_core.ui.public import Limits, limits
from gan_core.ui.visitors import VISITOR
from tests.serving import SPACE

SMALL = Limits(file_bytes=1000, body_bytes=1000, window_files=3, window_bytes=2500, kept_s=60, kept_bytes=4000)


def sent(folder: Path, name: str = "harbour.jpg", size: int = 100, content: str = "hash-of-content") -> str:
    """A file where Gradio puts it."""
    path = folder / content / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * size)
    return str(path)


def older(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at))


# Uploads.


def test_an_upload_is_told_under_a_path_that_its_content_does_not_give_away(tmp_path: Path) -> None:
    """Gradio's path was the same for the same photograph: whoever had it could ask whether it was here, and take it."""
    arrivals = Arrivals(tmp_path, SMALL)
    (first,) = arrivals.arrived("ann", [sent(tmp_path)])
    (second,) = arrivals.arrived("bob", [sent(tmp_path)])
    assert Path(first).name == Path(second).name == "harbour.jpg"
    assert Path(first).parent != Path(second).parent
    assert Path(first).parent.parent == tmp_path, "still where Gradio and the page look for uploads"
    assert not (tmp_path / "hash-of-content").exists()


def test_one_visitor_s_uploads_are_counted_and_forgotten_after_a_while(tmp_path: Path) -> None:
    now = [0.0]
    arrivals = Arrivals(tmp_path, SMALL, clock=lambda: now[0])
    for number in range(3):
        assert arrivals.begin("ann", 100) is None
        arrivals.arrived("ann", [sent(tmp_path, f"{number}.jpg")])
        arrivals.end("ann", 100)
    assert arrivals.begin("ann", 100) == MANY
    assert arrivals.begin("bob", 100) is None, "another visitor is not concerned"
    assert arrivals.begin("cid", 2600) == MANY, "too many bytes"
    assert arrivals.begin(None, 3000) is None, "nor whoever the place belongs to"
    now[0] = SMALL.window_s + 1
    assert arrivals.begin("ann", 100) is None


def test_uploads_on_their_way_count_as_their_sender_s(tmp_path: Path) -> None:
    """Whoever begins forty at once, and sends them slowly, takes no more room than others."""
    arrivals = Arrivals(tmp_path, SMALL)
    assert [arrivals.begin("ann", 1000) for _ in range(3)] == [None, None, MANY]
    assert arrivals.begin("bob", 1000) is None
    arrivals.end("ann", 1000)
    assert arrivals.begin("ann", 1000) is None


def test_a_full_place_refuses_until_what_nobody_fetched_has_gone(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path, SMALL)
    old = Path(arrivals.arrived(None, [sent(tmp_path, size=3500)])[0])
    assert arrivals.begin("ann", 1000) == FULL
    assert old.exists(), "whoever sent it a moment ago is about to use it"
    older(old, 150)
    assert arrivals.begin("ann", 1000) is None
    assert not old.parent.exists()
    assert arrivals.begin("bob", 2000) is None
    assert arrivals.begin("cid", 1500) == FULL, "what is on its way counts"
    arrivals.end("bob", 2000)
    assert arrivals.begin("cid", 1500) is None


def test_old_uploads_go_and_so_does_what_broke_off(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    arrivals = Arrivals(uploads, SMALL)
    kept = Path(arrivals.arrived(None, [sent(uploads)])[0])
    old = Path(arrivals.arrived(None, [sent(uploads)])[0])
    broken = uploads / "tmpabc"  # Gradio leaves it where a visitor's connection drops.
    broken.write_bytes(b"half")
    for path in (old, broken):
        older(path, 61)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    older(outside / "precious", 1000)
    (uploads / "link").symlink_to(outside)
    arrivals.sweep()
    assert kept.exists()
    assert not old.parent.exists()
    assert not broken.exists()
    assert (outside / "precious").exists(), "a link is not followed"


def test_the_folder_of_a_photograph_that_was_fetched_goes(tmp_path: Path) -> None:
    """One for each upload would be looked through before each further one."""
    arrivals = Arrivals(tmp_path, SMALL)
    fetched, fresh = (Path(arrivals.arrived(None, [sent(tmp_path)])[0]) for _ in range(2))
    for path in (fetched, fresh):
        path.unlink()
    older(fetched.parent, 150)
    arrivals.sweep()
    assert not fetched.parent.exists()
    assert fresh.parent.exists(), "something is about to be put there"


def test_sweeping_goes_on_by_itself(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path, SMALL)
    old = Path(arrivals.arrived(None, [sent(tmp_path)])[0])
    older(old, 61)
    over = arrivals.keep_tidy(every_s=0.01)
    end = time.monotonic() + 60
    while old.exists() and time.monotonic() < end:
        time.sleep(0.01)
    over.set()
    assert not old.exists()


def test_uploads_have_a_private_place_unless_somebody_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLACE, "/somewhere")
    assert own_place() is None
    monkeypatch.setenv(PLACE, "")
    place = own_place()
    assert place is not None
    assert os.environ[PLACE] == str(place)
    assert place.stat().st_mode & 0o077 == 0
    place.rmdir()


def test_a_space_takes_less_than_a_computer_of_one_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SPACE, "GAN_CORE_MAX_UPLOAD_MB"):
        monkeypatch.delenv(name, raising=False)
    own = limits(Settings())
    assert (own.file_bytes, own.queue, own.window_files) == (500_000_000, None, float("inf"))
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    space = limits(Settings())
    assert space.file_bytes == 50_000_000
    assert space.queue is not None
    assert space.body_bytes <= 48_000_000
    assert space.kept_s <= 3600
    monkeypatch.setenv("GAN_CORE_MAX_UPLOAD_MB", "200")
    assert limits(Settings()).file_bytes == 200_000_000, "its owner may say otherwise"


# Work.


@pytest.fixture
def nobody() -> Iterator[None]:
    mark = VISITOR.set(None)
    yield
    VISITOR.reset(mark)


@pytest.mark.usefixtures("nobody")
def test_one_visitor_cannot_take_all_places() -> None:
    jobs, go_on = Jobs(at_once=1), Event()

    def work(should_stop):
        while not go_on.wait(0.01) and not should_stop():
            yield {}

    VISITOR.set("ann")
    mine = [jobs.start(work) for _ in range(EACH)]
    with pytest.raises(GanCoreError, match="busy"):
        jobs.start(work)
    VISITOR.set("bob")
    jobs.start(work)
    VISITOR.set(None)
    for _ in range(EACH + 1):
        jobs.start(work)
    go_on.set()
    end = time.monotonic() + 60
    while jobs.poll(mine[0])["state"] != "done" and time.monotonic() < end:
        time.sleep(0.01)
    VISITOR.set("ann")
    jobs.start(lambda _: iter(()))


def test_a_job_that_gets_no_thread_does_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    jobs = Jobs(at_once=1)
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(GanCoreError, match="busy"):
            jobs.start(lambda _: iter(()))
    job, end = jobs.start(lambda _: iter(())), time.monotonic() + 60
    while (state := jobs.poll(job)["state"]) != "done" and time.monotonic() < end:
        time.sleep(0.01)
    assert state == "done"


async def ask(gate: Gate, who: str, body: bytes = b"{}", route: str = "component_server") -> tuple[int, bytes]:
    """Status and answer of a stranger's request, sent in one piece."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    told: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    headers = {"x-forwarded-for": who, "content-length": str(len(body))}
    scope = {"type": "http", "method": "POST", "path": f"/gradio_api/{route}"}
    await gate({**scope, "headers": [(name.encode(), text.encode()) for name, text in headers.items()]}, receive, send)
    return told[0]["status"], told[-1].get("body", b"")


def gate_before(app: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    most = limits(Settings())
    return Gate(app, limits=most, arrivals=Arrivals(folder, most))


def in_a_loop(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser that other tests left open runs a loop in this one."""
    with ThreadPoolExecutor(1) as hand:
        hand.submit(asyncio.run, work).result()


def test_one_stranger_is_answered_so_often_at_once_and_others_are_not_concerned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        go_on, inside = asyncio.Event(), []

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            inside.append(VISITOR.get())
            if VISITOR.get() == "ann":
                await go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        gate = gate_before(app, tmp_path, monkeypatch)
        many = [asyncio.create_task(ask(gate, "ann")) for _ in range(AT_ONCE + 5)]
        while inside.count("ann") < AT_ONCE:
            await asyncio.sleep(0.01)
        assert (await ask(gate, "bob"))[0] == 200
        assert inside.count("ann") == AT_ONCE
        go_on.set()
        assert {status for status, _ in await asyncio.gather(*many)} == {200}, "the others waited"
        assert inside.count("ann") == len(many)
        assert not gate._lines, "who has been answered is forgotten"

    in_a_loop(work())


def test_large_requests_are_refused_where_they_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        go_on, lengths = asyncio.Event(), []

        async def app(_scope: Any, receive: Any, send: Any) -> None:
            lengths.append(len((await receive())["body"]))
            await go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        gate = gate_before(app, tmp_path, monkeypatch)
        monkeypatch.setattr(gate_module, "HELD_BYTES", 5_000_000)
        large, small = b'"' + b"x" * 2_000_000 + b'"', b'"' + b"x" * 100_000 + b'"'
        held = [asyncio.create_task(ask(gate, who, large)) for who in ("ann", "bob")]
        while len(lengths) < 2:
            await asyncio.sleep(0.01)
        assert (await ask(gate, "cid", large, "call/translate"))[0] == 429
        status, told = await ask(gate, "cid", large)
        assert (status, json.loads(told)["ok"]) == (200, False), "as the page can read it"
        assert b"busy" in told
        more = asyncio.create_task(ask(gate, "cid", small))
        while len(lengths) < 3:
            await asyncio.sleep(0.01)
        go_on.set()
        assert {status for status, _ in await asyncio.gather(*held, more)} == {200}
        assert lengths == [2_000_002, 2_000_002, 100_002], "each came whole"
        assert gate._held == 0

    in_a_loop(work())


@pytest.mark.usefixtures("nobody")
def test_a_job_knows_who_asked() -> None:
    """ZeroGPU charges a call to the visitor whose request it finds in the context."""
    VISITOR.set("ann")
    jobs, seen = Jobs(), []

    def work(_):
        seen.append(VISITOR.get())
        yield {}

    job = jobs.start(work)
    end = time.monotonic() + 60
    while jobs.poll(job)["state"] != "done" and time.monotonic() < end:
        time.sleep(0.01)
    assert seen == ["ann"]


@pytest.mark.parametrize(("said", "expected"), [("2", "2"), ("", None), ("many", None), ("0", None)])
def test_threads_are_as_many_as_the_space_has_processors(
    monkeypatch: pytest.MonkeyPatch, said: str, expected: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CPU_CORES", said)
    own_cores_alone()
    assert os.environ.get("OMP_NUM_THREADS") == expected
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    own_cores_alone()
    assert os.environ["OMP_NUM_THREADS"] == "1", "who says otherwise is heeded"


# What a Space keeps.


def test_a_disk_that_fails_does_not_end_the_keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    settings = Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs")
    keeping = Lasting(settings, "alice/studio", "hf_x", tell=told.append)

    def full() -> dict[str, Stamp]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(keeping, "_models", full)
        assert keeping.keep() == []
    assert len(told) == 1
    assert "No space left on device. It is tried again." in told[0]
    keeping._not_before = 0.0
    assert keeping.keep() == []
    assert len(told) == 1
