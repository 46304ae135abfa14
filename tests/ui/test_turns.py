"""One after another, in the order of asking."""

import time
from threading import Event

import pytest

from gan_core.errors import Cancelled, GanCoreError
from gan_core.ui.turns import Turns


def last(work) -> object:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_progress_is_told_and_the_result_handed_back():
    release = Event()

    def work(report) -> str:
        report(0.25)
        release.wait(60)
        return "painted"

    run = Turns().run(work, lambda: False)
    told = next(run)
    assert told["share"] == 0.25
    release.set()
    assert last(run) == "painted"


def test_the_second_waits_and_is_told_its_place():
    turns, release, seen = Turns(), Event(), []
    first = turns.run(lambda _: seen.append(1) or release.wait(60), lambda: False)
    next(first)
    second = turns.run(lambda _: seen.append(2), lambda: False)
    third = turns.run(lambda _: seen.append(3), lambda: False)
    assert (next(second), next(third)) == ({"place": 1}, {"place": 2})
    assert seen == [1]
    release.set()
    last(first)
    last(second)
    assert seen == [1, 2]
    last(third)
    assert seen == [1, 2, 3]


def test_who_is_stopped_in_the_line_leaves_it():
    turns, release = Turns(), Event()
    first = turns.run(lambda _: release.wait(60), lambda: False)
    next(first)
    stopping = [False]
    second = turns.run(lambda _: pytest.fail("it was stopped"), lambda: stopping[0])
    next(second)
    third = turns.run(lambda _: "third", lambda: False)
    assert next(third) == {"place": 2}
    stopping[0] = True
    with pytest.raises(Cancelled):
        last(second)
    assert next(third) == {"place": 1}
    release.set()
    last(first)
    assert last(third) == "third"


def test_a_stop_ends_the_work_before_the_next_begins():
    turns, stopping, ended = Turns(), [False], []

    def work(report) -> None:
        try:
            while True:
                report(0.5)
                time.sleep(0.01)
        finally:
            time.sleep(0.05)
            ended.append(True)

    run = turns.run(work, lambda: stopping[0])
    next(run)
    stopping[0] = True
    with pytest.raises(Cancelled):
        last(run)
    assert ended == [True]
    assert turns.finish(lambda _: 7) == 7


def test_an_error_is_handed_on_and_the_line_moves():
    turns = Turns()

    def work(_) -> None:
        raise GanCoreError("No.")

    with pytest.raises(GanCoreError, match="No"):
        turns.finish(work)
    assert turns.finish(lambda _: "next") == "next"
