"""A run opened on the bench: the state nearest to a step, in pieces that fit, with data that is here."""

from pathlib import Path

import pytest
import torch

from gan_core.config import RunConfig, TrainConfig
from gan_core.errors import DataError, RunError
from gan_core.settings import Settings
from gan_core.training.opening import open_bench
from gan_core.training.run_folder import RunFolder
from tests.training.conftest import ROOM
from tests.training.tiny import config


def test_the_state_nearest_to_a_step_is_opened(settings: Settings, a_run) -> None:
    run = a_run("dcgan")
    assert open_bench(run, settings, room_bytes=ROOM).step == 4
    assert open_bench(run, settings, step=1, room_bytes=ROOM).step == 2
    newest = run.states()[-1][1]
    kept = newest.read_bytes()
    newest.write_bytes(kept[:4000])
    assert open_bench(run, settings, room_bytes=ROOM).step == 2
    for _, path in run.states():
        path.write_bytes(b"nothing")
    with pytest.raises(RunError, match="Nothing was opened"):
        open_bench(run, settings, room_bytes=ROOM)


def test_the_opened_weights_are_those_of_the_state(settings: Settings, a_run) -> None:
    run = a_run("cyclegan")
    content = torch.load(run.states()[-1][1], weights_only=True)
    bench = open_bench(run, settings, room_bytes=ROOM)
    for name, module in bench.game.training.modules.items():
        assert all(torch.equal(value, content["modules"][name][key]) for key, value in module.state_dict().items())


def test_runs_without_networks_begin_with_small_ones(settings: Settings, tmp_path: Path) -> None:
    """A log of another project holds neither pictures nor weights."""
    run = RunFolder(tmp_path / "log")
    run.create(
        RunConfig(family="cyclegan", train=TrainConfig(data="log:loss_log.txt", size=256), network={}, recipe={})
    )
    bench = open_bench(run, settings, room_bytes=ROOM)
    assert (bench.source, bench.config.train.data, bench.game.training.plan.size) == ("fresh", "shapes", 64)
    bench = open_bench(None, settings, room_bytes=ROOM)
    assert (bench.source, bench.game.training.plan.size, bench.game.training.plan.batch) == ("shapes", 32, 8)


def test_a_run_of_any_size_is_taken_in_small_batches_and_pieces(settings: Settings, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("cyclegan", 4, size=192, batch=16))
    plan = open_bench(run, settings, room_bytes=ROOM).game.training.plan
    assert (plan.size, plan.batch) == (128, 4)


@pytest.mark.parametrize("data", ["fashion-mnist", "/no/such/folder", "hub:nobody/nothing"])
def test_data_that_is_not_here_is_not_fetched(settings: Settings, tmp_path: Path, data: str) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 4, data=data, conditional=False))
    with pytest.raises(DataError, match=r"is not on this computer\. Nothing was opened"):
        open_bench(run, settings, room_bytes=ROOM)
    assert not settings.data_dir.exists()


def test_networks_that_do_not_fit_are_refused(settings: Settings) -> None:
    with pytest.raises(RunError, match="GB to be taken step by step"):
        open_bench(None, settings, room_bytes=1e6)
