"""A damaged run is told as far as it can be, and hides no other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.training.curves import Curves
from gan_core.training.run_folder import ACTIVE, RunFolder, list_runs
from tests.training.damage import DAMAGED, damage

pytestmark = pytest.mark.slow


@pytest.fixture
def make_damaged(tmp_path: Path) -> Callable[[str], RunFolder]:
    def made(what: str) -> RunFolder:
        return damage(tmp_path / "runs" / "00001-dcgan-shapes", what)

    return made


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_run_is_told_as_far_as_it_can_be(make_damaged: Callable[[str], RunFolder], what: str) -> None:
    """Nothing in one folder may hide the others: what is read of it has the types that everybody counts on."""
    run = make_damaged(what)
    assert list_runs(run.path.parent) == [run]
    status = run.status()
    assert isinstance(status["state"], str)
    assert status["state"] not in ACTIVE, "nobody trains it"
    assert isinstance(status["step"], int)
    assert isinstance(status["total_steps"], int)
    assert status["error"] is None or isinstance(status["error"], str)
    for line in (*run.metrics(), *run.quality(), *run.events()):
        assert type(line["step"]) is int
    run.samples(), run.snapshots(), run.states(), run.about(), run.control()
    curves = Curves(run.path)
    curves.update()
    for name in curves.names():
        curves.curve(name)
