"""Visitors come and go for as long as a Space runs: what stays of each is counted, in the application itself."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from gan_core.config import ModelConfig
from gan_core.models import cyclegan, dcgan
from gan_core.ui import memory
from gan_core.ui.forgetting import GROWN_BYTES, Forgetting
from gan_core.weights import network_json, save
from tests.conftest import TINY_CYCLEGAN, TINY_DCGAN
from tests.serving import PROXY, ROOT, SPACE, App, serve

VISITORS = 10
KEPT = 30
"""Visits that the application under test remembers; a real one has room for more."""
OBJECTS = 60
"""Of Python's, that may stay of a visitor: a photograph's facts, and when it was sent. A visit of Gradio's has 900."""
APP = f"""
import gc, json, os, runpy, signal, sys
sys.path.insert(0, {str(ROOT)!r})

def one(name):
    return [found for found in gc.get_objects() if type(found).__name__ == name]

def tell(*_):
    (forgetting,) = one("Forgetting")
    blocks = forgetting._page
    queue, state = blocks._queue, blocks.state_holder
    state.capacity = queue.pending_messages_per_session.max_size = {KEPT}
    for _ in range(2):
        forgetting.sweep()
    gc.collect()
    told = {{
        "visits": len(state.session_data),
        "times": len(state.time_last_used),
        "calls": len(queue.pending_event_ids_session),
        "events": len(queue.event_ids_to_events),
        "files": sum(not os.path.exists(path) for files in blocks.temp_file_sets for path in files),
        "lines": sum(len(gate._lines) for gate in one("Gate")),
        "waiting": sum(len(line.queue) for line in queue.event_queue_per_concurrency_id.values()),
        "objects": len(gc.get_objects()),
    }}
    with open("told.new", "w") as file:
        json.dump(told, file)
    os.rename("told.new", "told.json")

signal.signal(signal.SIGUSR1, tell)
runpy.run_path({str(ROOT / "app.py")!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    torch.manual_seed(1)
    config = ModelConfig(family="dcgan", network=network_json(TINY_DCGAN))
    save(folder / "models" / "tiny-dcgan", config, dcgan.build(TINY_DCGAN))
    domains = {"a": "painting", "b": "photograph"}
    config = ModelConfig(
        family="cyclegan", network=network_json(TINY_CYCLEGAN), domains=domains, default_direction="ba"
    )
    save(folder / "models" / "tiny-cyclegan", config, cyclegan.build(TINY_CYCLEGAN))
    (folder / "app.py").write_text(APP)
    return folder


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[App]:
    if not hasattr(signal, "SIGUSR1"):
        pytest.skip("this system has no such signal")
    with serve(folder, runs=folder / "runs", models=folder / "models", root=folder, **SPACE) as app:
        yield app


def visit(app: App, number: int, parts: dict[str, tuple[int, list[str]]]) -> None:
    """One visitor: the page, pictures, a walk, a photograph of their own and its painting, and calls of a program."""
    who = {**PROXY, "X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}

    def ask(element: str, name: str, sent: dict[str, Any]) -> Any:
        body = {"data": sent, "fn_name": name, "session_hash": f"visit-{number}"}
        answer = app.post("/gradio_api/component_server", {**body, "component_id": parts[element][0]}, who)
        assert answer["ok"], (element, name, answer)
        return answer

    app.get("/config", who)
    for seed in range(3):
        recipe = {"format": 1, "seed": 1000 * number + seed, "model": {"name": "tiny-dcgan"}}
        ask("explore", "draw", {"recipe": recipe, "live": True})
    walk = {"format": 1, "keys": [{"format": 1, "seed": seed} for seed in (number, 2)], "path": "slerp", "frames": 12}
    ask("interpolate", "preview", {"model": "tiny-dcgan", "walk": {**walk, "loop": True}, "most": 6})
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (number % 256, number // 256, 0)).save(file, "PNG")
    path = app.upload(file.getvalue(), "own.png", who)
    photo = ask("paint", "take", {"path": path, "name": "own.png"})["photo"]["id"]
    ask("paint", "preview", {"model": "tiny-cyclegan", "direction": "ba", "photo": photo})
    kind, told = app.api("generate", ["tiny-dcgan", str(number), 1.0, None, ""], who)
    assert kind == "complete", told
    # A call whose answer nobody fetches, and an upload under a name that nobody asks after.
    app.post("/gradio_api/call/generate", {"data": ["tiny-dcgan", "1", 1.0, None, ""]}, who)
    app.post(f"/gradio_api/upload?upload_id={'x' * 2000}{number}", {}, who)


def come_and_go(app: App, first: int, rounds: int) -> None:
    parts = app.components()
    with ThreadPoolExecutor(VISITORS) as pool:
        for turn in range(rounds):
            numbers = range(first + turn * VISITORS, first + (turn + 1) * VISITORS)
            list(pool.map(lambda number: visit(app, number, parts), numbers))


def settled(app: App, folder: Path) -> dict[str, int]:
    """Counted once the calls that nobody waits for are done, too."""
    end = time.monotonic() + 60
    while (found := counted(app, folder))["events"] and time.monotonic() < end:
        time.sleep(0.2)
    return found


def counted(app: App, folder: Path) -> dict[str, int]:
    told, end = folder / "told.json", time.monotonic() + 60
    told.unlink(missing_ok=True)
    app.process.send_signal(signal.SIGUSR1)
    while not told.exists():
        assert time.monotonic() < end, app.log()
        time.sleep(0.05)
    found: dict[str, int] = json.loads(told.read_text())
    return found


@pytest.mark.slow
def test_what_stays_of_visitors_who_have_gone(app: App, folder: Path) -> None:
    """Gradio kept a note of each call and each file for ever, and of each name of an upload."""
    come_and_go(app, 0, 1)
    counted(app, folder)  # From here on there is room for few.
    come_and_go(app, 100, 2)
    before = settled(app, folder)
    come_and_go(app, 200, 3)
    after = settled(app, folder)
    for name in ("visits", "times", "calls"):
        assert after[name] <= KEPT, (name, after)
    for name in ("events", "waiting", "lines", "files"):
        assert after[name] == 0, (name, after)
    grown = (after["objects"] - before["objects"]) / (3 * VISITORS)
    assert grown < OBJECTS, (before, after)


def page(tmp_path: Path) -> Any:
    queue = SimpleNamespace(pending_event_ids_session={}, pending_messages_per_session={})
    here = tmp_path / "here"
    here.write_text("x")
    return SimpleNamespace(_queue=queue, temp_file_sets=[{str(here), str(tmp_path / "gone")}])


def test_only_what_was_idle_twice_is_forgotten(tmp_path: Path) -> None:
    kept = page(tmp_path)
    sweeping = Forgetting(kept, trim=lambda: None)
    kept._queue.pending_event_ids_session |= {"gone": set(), "here": set()}
    kept._queue.pending_messages_per_session["here"] = object()
    sweeping.sweep()
    assert set(kept._queue.pending_event_ids_session) == {"gone", "here"}, "its last request may be under way"
    kept._queue.pending_event_ids_session["new"] = {"x"}
    sweeping.sweep()
    assert set(kept._queue.pending_event_ids_session) == {"here", "new"}
    assert kept.temp_file_sets == [{str(tmp_path / "here")}]


def test_free_memory_is_given_back_once_it_is_worth_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, trimmed = [1_000_000_000], []
    monkeypatch.setattr(memory, "used_bytes", lambda: now[0])

    def trim() -> None:
        trimmed.append(now[0])
        now[0] = 900_000_000

    sweeping = Forgetting(page(tmp_path), trim=trim)
    for size in (1_000_000_000, 900_000_000 + GROWN_BYTES, 1_000_000_000, 800_000_000, 890_000_000):
        now[0] = size
        sweeping.sweep()
    assert trimmed == [1_000_000_000, 1_000_000_000, 890_000_000]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux alone tells it so")
def test_memory_is_this_process_s() -> None:
    import psutil

    assert memory.used_bytes() == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.1)


@pytest.mark.skipif(memory.trim() is None, reason="the GNU C library alone has such heaps")
@pytest.mark.parametrize(("first", "few"), [("", False), ("assert few_arenas()", True)])
def test_threads_share_few_heaps(first: str, few: bool) -> None:
    """Each of forty threads kept what its largest work had needed: the server grew with every visit."""
    code = f"""
import ctypes, threading
from gan_core.ui.memory import few_arenas
{first}
together = threading.Barrier(16)
def work():
    together.wait()
    kept = [bytearray(1000) for _ in range(2000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
[one.start() for one in threads]; [one.join() for one in threads]
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout")); libc.fflush(None)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert (told.count("<heap nr=") <= memory.ARENAS) is few, told[:500]


def test_sweeping_goes_on_by_itself(tmp_path: Path) -> None:
    kept = page(tmp_path)
    over = Forgetting(kept, trim=lambda: None).begin(every_s=0.01)
    end = time.monotonic() + 60
    while len(kept.temp_file_sets[0]) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    over.set()
    assert len(kept.temp_file_sets[0]) == 1


def test_a_sweep_that_fails_is_not_the_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = page(tmp_path)
    files, kept.temp_file_sets = kept.temp_file_sets, None
    over = Forgetting(kept, trim=lambda: None).begin(every_s=0.01)
    end = time.monotonic() + 60
    while not (said := capsys.readouterr().err) and time.monotonic() < end:
        time.sleep(0.01)
    assert "TypeError" in said
    kept.temp_file_sets = files
    while len(files[0]) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    over.set()
    assert len(files[0]) == 1
