"""Jobs: progress, stopping, one after the other, and nobody left behind."""

import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from gan_core.errors import GanCoreError, PictureError
from gan_core.ui import jobs as jobs_module
from gan_core.ui.jobs import OVER, Jobs


def until(found: Callable[[], Any], limit_s: float = 10.0) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.005)
    raise AssertionError("it did not happen in time")


def over(jobs: Jobs, job_id: str) -> dict[str, Any]:
    return until(lambda: (state := jobs.poll(job_id))["state"] in OVER and state)


class Endless:
    """Work that goes on until it is told to stop."""

    def __init__(self) -> None:
        self.running, self.ended = Event(), Event()

    def __call__(self, should_stop: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        step = 0
        while not should_stop():
            step += 1
            yield {"step": step}
            self.running.set()
            time.sleep(0.002)
        self.ended.set()


def test_a_job_tells_its_progress_and_its_end():
    jobs, halfway, go_on = Jobs(), Event(), Event()

    def work(_):
        yield {"step": 1}
        halfway.set()
        assert go_on.wait(60)
        yield {"step": 2, "result": "a picture"}

    job = jobs.start(work)
    assert halfway.wait(60)
    assert jobs.poll(job)["state"] == "running"
    assert jobs.poll(job)["step"] == 1
    go_on.set()
    end = over(jobs, job)
    assert (end["state"], end["step"], end["result"], end["error"]) == ("done", 2, "a picture", None)
    assert jobs.poll(job)["elapsed_s"] == end["elapsed_s"]  # The clock of what is over stands still.


def test_an_answer_waits_for_news_only_while_the_work_is_under_way():
    jobs, work = Jobs(), Endless()
    job = jobs.start(work)
    assert work.running.wait(60)
    began_at = time.monotonic()
    assert jobs.poll(job, 0.1)["state"] == "running"
    assert time.monotonic() - began_at >= 0.1
    jobs.stop(job)
    over(jobs, job)
    began_at = time.monotonic()
    assert jobs.poll(job, 10)["state"] == "stopped"
    assert time.monotonic() - began_at < 5


def test_a_stop_lands_and_keeps_the_last_progress():
    jobs, work = Jobs(), Endless()
    job = jobs.start(work)
    assert work.running.wait(60)
    jobs.stop(job)
    end = over(jobs, job)
    assert end["state"] == "stopped"
    assert end["step"] >= 1
    jobs.stop(job)  # Once more changes nothing.


def test_ids_cannot_be_guessed_and_unknown_ones_are_refused():
    jobs = Jobs()
    ids = {jobs.start(lambda _: []) for _ in range(5)}
    assert len(ids) == 5
    assert all(len(job) == 32 for job in ids)
    for wrong in ("", "0" * 32, None, 3, ["x"]):
        with pytest.raises(GanCoreError, match="Start it again"):
            jobs.poll(wrong)
        with pytest.raises(GanCoreError):
            jobs.stop(wrong)


def test_only_so_many_run_and_the_rest_in_the_order_they_came():
    jobs, first, second, third = Jobs(at_once=1), Endless(), Endless(), Endless()
    one, two, three = jobs.start(first), jobs.start(second), jobs.start(third)
    assert first.running.wait(60)
    assert [jobs.poll(job)["state"] for job in (two, three)] == ["waiting", "waiting"]
    assert not second.running.is_set()
    jobs.stop(one)
    assert second.running.wait(60)
    assert not third.running.is_set()
    jobs.stop(three)  # Stopped while it waits: it never runs.
    assert over(jobs, three)["state"] == "stopped"
    assert jobs.poll(three)["elapsed_s"] == 0
    jobs.stop(two)
    assert over(jobs, two)["state"] == "stopped"
    assert not third.running.is_set()


def test_a_full_queue_is_told_in_one_sentence():
    jobs, work = Jobs(at_once=1, waiting=1), Endless()
    one = jobs.start(work)
    assert work.running.wait(60)
    two = jobs.start(Endless())
    with pytest.raises(GanCoreError, match="Nothing was started"):
        jobs.start(Endless())
    jobs.stop(two)
    jobs.stop(one)


def test_a_job_that_nobody_asks_after_is_stopped(monkeypatch):
    monkeypatch.setattr(jobs_module, "ABANDONED_S", 0.1)
    jobs, work = Jobs(), Endless()
    jobs.start(work)
    assert work.ended.wait(60)


def test_a_job_that_is_asked_after_lives_on(monkeypatch):
    monkeypatch.setattr(jobs_module, "ABANDONED_S", 0.5)
    jobs, work = Jobs(), Endless()
    job = jobs.start(work)
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        assert jobs.poll(job)["state"] in ("waiting", "running")
        time.sleep(0.02)
    jobs.stop(job)


def test_what_is_over_is_forgotten_in_time():
    now = [0.0]
    jobs = Jobs(clock=lambda: now[0])
    job = jobs.start(lambda _: [{"step": 1}])
    over(jobs, job)
    now[0] = jobs_module.KEPT_S + 1
    jobs.start(lambda _: [])
    with pytest.raises(GanCoreError, match="not kept"):
        jobs.poll(job)


@pytest.mark.parametrize(
    ("problem", "told"), [(PictureError("It is no picture."), "It is no picture."), (KeyError("x"), "KeyError")]
)
def test_a_failure_is_told_and_makes_room(problem, told, capsys):
    jobs = Jobs(at_once=1)

    def work(_):
        yield {"step": 1}
        raise problem

    end = over(jobs, jobs.start(work))
    assert end["state"] == "failed"
    assert told in end["error"]
    assert ("Traceback" in capsys.readouterr().err) == isinstance(problem, KeyError)
    assert over(jobs, jobs.start(lambda _: [{"step": 9}]))["step"] == 9
