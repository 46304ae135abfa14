"""The measurements of the live lab still run; what they say is never a test's business."""

from pathlib import Path

from gan_core.settings import Settings
from gan_core.ui.services import Services
from tests.benchmarks import bench_lab as bench


def test_polls_and_opening_are_measured(tmp_path: Path) -> None:
    services = Services(Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs"))
    run = bench.make_run(services.settings.runs_dir, 50)
    taken = bench.measure_polls(services, run, visitors=2, rounds=2)
    assert [len(values) for values in taken.values()] == [2, 2, 2]
    assert all("(" in bench.shown(values) for values in taken.values())
    first_s, whole_s, size = bench.measure_opening(services, run)
    assert 0 < first_s <= whole_s
    assert size > 1000


def test_a_page_that_has_everything_is_answered_with_nothing(tmp_path: Path) -> None:
    services = Services(Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs"))
    run = bench.make_run(services.settings.runs_dir, 20)
    pages, _ = bench.settled(services, run, 2)
    assert [ask() for ask in pages] == [None, None]
