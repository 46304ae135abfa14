"""Work beside what people move: previews in one line, and threads that step back."""

import os
import threading
import time
from threading import Event

import pytest

from gan_core.errors import GanCoreError
from gan_core.ui import aside as aside_module
from gan_core.ui.aside import Aside, step_back


def test_previews_wait_in_one_short_line() -> None:
    line, release, began = Aside(most_waiting=1), Event(), Event()
    results = []

    def slow() -> int:
        began.set()
        release.wait(60)
        return 1

    threads = [threading.Thread(target=lambda: results.append(line.do(slow))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert began.wait(60)
    end = time.monotonic() + 60
    while line._under_way < 2 and time.monotonic() < end:
        time.sleep(0.001)
    with pytest.raises(GanCoreError, match="busy"):
        line.do(slow)
    release.set()
    for thread in threads:
        thread.join(60)
    assert results == [1, 1]
    with pytest.raises(ZeroDivisionError):
        line.do(lambda: 1 // 0)
    assert line.do(lambda: 3) == 3, "what went wrong does not stay in the line"


@pytest.mark.skipif(not hasattr(os, "setpriority") or os.uname().sysname != "Linux", reason="Linux alone")
def test_a_thread_steps_back_and_so_do_those_it_starts() -> None:
    found: dict[str, int] = {}

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work() -> None:
        step_back()
        found["itself"] = priority()
        child = threading.Thread(target=lambda: found.update(child=priority()))
        child.start()
        child.join()

    before = priority()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found["itself"] == found["child"] == max(before, aside_module.NICE)
    assert priority() == before, "the page's own threads stay as they are"
