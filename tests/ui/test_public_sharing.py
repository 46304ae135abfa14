"""Models for visitors' browsers on a public server: exported once, however often they are begun and cancelled."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gan_core.errors import GanCoreError
from gan_core.ui import local_models
from gan_core.ui.jobs import OVER, Jobs
from gan_core.ui.local_models import LocalModels
from gan_core.ui.services import Services
from gan_core.ui.sharing import BEGINNINGS, MANY, MOST_KEPT, Ration, Shared
from gan_core.ui.visitors import VISITOR


@pytest.fixture(autouse=True)
def _nobody() -> Iterator[None]:
    mark = VISITOR.set(None)
    yield
    VISITOR.reset(mark)


def shared(jobs: Jobs | None = None, **ration: Any) -> Shared:
    return Shared(jobs or Jobs(at_once=1, waiting=4), Ration(**ration))


class Making:
    """Work that goes on until it is let go, and what came of each time that it was begun."""

    def __init__(self) -> None:
        self.go_on, self.ends = Event(), []
        self.begun = 0

    def __call__(self, should_stop: Any) -> Iterator[dict[str, Any]]:
        self.begun += 1
        while not self.go_on.wait(0.01):
            if should_stop():
                self.ends.append("stopped")
                raise GanCoreError("Cancelled.")
            yield {"doing": "Packing"}
        self.ends.append("made")
        yield {"base": "here"}


def over(work: Shared, ticket: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (told := work.poll(ticket))["state"] not in OVER:
        assert time.monotonic() < end
        time.sleep(0.01)
    return told


def test_cancelling_again_and_again_costs_one_making() -> None:
    """Each start began a process that exports, and each cancel threw away what it had done."""
    work, making = shared(), Making()
    VISITOR.set("ann")
    for _ in range(20):
        ticket = work.start("model", making)
        work.stop(ticket)
        assert work.poll(ticket)["state"] == "stopped", "for ann it is over"
    VISITOR.set("bob")
    mine = work.start("model", making)
    making.go_on.set()
    assert over(work, mine) == {"base": "here", "state": "done", "elapsed_s": pytest.approx(0, abs=20), "error": None}
    assert (making.begun, making.ends) == (1, ["made"])


def test_all_visitors_wait_for_the_same_and_none_is_told_busy() -> None:
    work, making = shared(), Making()
    tickets = []
    for number in range(50):
        VISITOR.set(f"visitor {number}")
        tickets.append(work.start("model", making))
    assert len(set(tickets)) == 50, "nobody holds another's ticket"
    work.stop(tickets[0])
    making.go_on.set()
    assert {over(work, ticket)["state"] for ticket in tickets[1:]} == {"done"}
    assert making.begun == 1


def test_what_fails_is_not_tried_by_everybody() -> None:
    work, begun = shared(), []

    def failing(_: Any) -> Iterator[dict[str, Any]]:
        begun.append(1)
        yield {}
        raise GanCoreError("The disk is full.")

    for who in ("ann", "bob"):
        VISITOR.set(who)
        told = over(work, work.start("model", failing))
        assert (told["state"], told["error"]) == ("failed", "The disk is full.")
    assert len(begun) == 1
    VISITOR.set(None)
    over(work, work.start("model", failing))
    assert len(begun) == 2, "its owner may have mended it"
    VISITOR.set("ann")
    over(work, work.start("model with other weights", failing))
    assert len(begun) == 3


def test_at_home_a_cancel_ends_the_work_once_nobody_waits() -> None:
    work, making = shared(), Making()
    one, two = (work.start("model", making) for _ in range(2))
    while not making.begun:
        time.sleep(0.01)
    work.stop(one)
    time.sleep(0.1)
    assert work.poll(two)["state"] == "running"
    work.stop(two)
    end = time.monotonic() + 60
    while not making.ends and time.monotonic() < end:
        time.sleep(0.01)
    assert making.ends == ["stopped"]
    again = work.start("model", making)
    making.go_on.set()
    assert over(work, again)["state"] == "done", "what was cancelled is begun anew"


def test_one_visitor_begins_so_often_and_is_forgotten_again() -> None:
    now = [0.0]
    ration = Ration(clock=lambda: now[0])
    VISITOR.set("ann")
    for _ in range(BEGINNINGS):
        ration.take()
    with pytest.raises(GanCoreError, match="Try again in ten minutes"):
        ration.take()
    VISITOR.set("bob")
    ration.take()
    VISITOR.set(None)
    for _ in range(BEGINNINGS + 1):
        ration.take()
    now[0] = 601
    VISITOR.set("ann")
    ration.take()
    for number in range(MOST_KEPT + 10):
        VISITOR.set(f"visitor {number}")
        ration.take()
    assert len(ration._seen) == MOST_KEPT


def test_tickets_of_others_and_nonsense_open_nothing() -> None:
    work, making = shared(), Making()
    ticket = work.start("model", making)
    for nonsense in ("", "x", None, 7, ["x"], {"job": ticket}):
        work.stop(nonsense)
        with pytest.raises(GanCoreError, match="over"):
            work.poll(nonsense)
    assert work.poll(ticket)["state"] in ("waiting", "running")
    for _ in range(MOST_KEPT + 10):
        work.start("model", making)
    assert len(work._tickets) == MOST_KEPT
    making.go_on.set()


def test_the_page_s_models_are_shared(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Explore's own functions, with an export that takes as long as the test wants."""
    local, going, begun = LocalModels(services), Event(), []

    def slow(_self: Any, name: str, _source: Path, should_stop: Any) -> Iterator[dict[str, Any]]:
        begun.append(name)
        while not going.wait(0.01) and not should_stop():
            yield {"doing": f"Packing {name}"}
        yield {"base": str(tmp_path), "about": {}}

    monkeypatch.setattr(local_models.LocalModels, "_work", slow)
    VISITOR.set("ann")
    for _ in range(BEGINNINGS):
        local.local_stop(local.local_start("tiny-dcgan")["job"])
    with pytest.raises(GanCoreError) as told:
        local.local_start("tiny-dcgan")
    assert str(told.value) == MANY
    VISITOR.set("bob")
    job = local.local_start("tiny-dcgan")["job"]
    going.set()
    end = time.monotonic() + 60
    while (answer := local.local_poll(job))["state"] != "done":
        assert time.monotonic() < end, answer
    assert (answer["base"], begun) == (str(tmp_path), ["tiny-dcgan"])
