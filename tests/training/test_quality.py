"""What is measured of samples while training: variety, distance, neighbours; and that the trainer writes it down."""

import json
import threading
import time
from pathlib import Path

import pytest
import torch

from gan_core.images import to_pictures
from gan_core.training.loop import train
from gan_core.training.quality import Yardstick, features, frechet_distance
from gan_core.training.run_folder import RunFolder
from gan_core.training.watching import Watching
from tests.training.tiny import config, lines


def pictures(count: int, seed: int, spread: float = 1.0) -> torch.Tensor:
    """Smooth random pictures (count, 3, 32, 32): three numbers decide each."""
    noise = torch.Generator().manual_seed(seed)
    place, colour = torch.rand(count, 2, 1, 1, generator=noise), torch.rand(count, 3, 1, 1, generator=noise)
    y, x = torch.meshgrid(torch.linspace(0, 1, 32), torch.linspace(0, 1, 32), indexing="ij")
    blob = torch.exp(-20 * ((x - place[:, 0]) ** 2 + (y - place[:, 1]) ** 2))[:, None]
    return (spread * (2 * blob * colour - 0.5)).clamp(-1, 1)


REAL = pictures(400, 1)


def test_new_pictures_of_the_same_kind_are_near_and_varied() -> None:
    found = Yardstick(REAL).measure(pictures(256, 2))
    assert found.variety == pytest.approx(1, abs=0.1)
    assert found.distance < 0.1
    assert found.nearest == pytest.approx(1, abs=0.25)


def test_what_is_wrong_shows_in_its_figure() -> None:
    yardstick = Yardstick(REAL)
    good = yardstick.measure(pictures(256, 2))
    alike = yardstick.measure(pictures(1, 3).expand(256, -1, -1, -1) + 0.01 * torch.randn(256, 3, 32, 32))
    assert alike.variety < 0.1
    assert alike.distance > 5 * good.distance
    assert yardstick.measure(torch.rand(256, 3, 32, 32) * 2 - 1).distance > 20 * good.distance
    assert yardstick.measure(REAL[:256]).nearest < 0.01


def test_one_loud_pattern_is_alike_though_its_pictures_are_far_apart() -> None:
    """A generator that has collapsed to a bright grid, louder here and there: by distance alone it looked varied."""
    grid = torch.ones(32, 32)
    grid[::4] = grid[:, ::4] = -1
    loud = grid * torch.linspace(0.3, 1, 64)[:, None, None, None].expand(-1, 3, 1, 1)
    found = Yardstick(REAL).measure(loud)
    assert found.variety > 0.5
    assert found.distinct < 0.05
    pale = Yardstick(REAL).measure(pictures(256, 2) * 0.1)
    assert pale.variety < 0.15
    assert pale.distinct == pytest.approx(1, abs=0.15)


def test_a_pale_copy_is_a_copy_and_doubles_in_the_data_do_not_hide_it() -> None:
    for data in (REAL, torch.cat([REAL, REAL])):
        assert Yardstick(data).measure(REAL[:256] * 0.5).nearest < 0.05
        assert Yardstick(data).measure(pictures(256, 2)).nearest == pytest.approx(1, abs=0.5)


def test_doubles_are_counted() -> None:
    assert Yardstick(REAL).duplicates < 0.02
    assert Yardstick(torch.cat([REAL[:100], REAL[:100]])).duplicates == 1


def test_pictures_may_be_bytes_grey_or_transparent() -> None:
    bytes_ = ((REAL + 1) * 127.5).round().to(torch.uint8)
    assert Yardstick(bytes_).measure(REAL[:64]).distance == pytest.approx(
        Yardstick(REAL).measure(REAL[:64]).distance, abs=1e-3
    )
    for channels in (1, 4):
        some = torch.rand(8, channels, 16, 16) * 2 - 1
        assert features(some).shape == (8, 128)
        assert features(some).isfinite().all()


def test_the_distance_of_known_gaussians() -> None:
    """Diagonal covariances: |m|^2 + sum (s_a - s_b)^2."""
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 4.0, 1.0]).double()
    mean = torch.tensor([1.0, 0.0, 2.0]).double()
    found = frechet_distance(mean, a.diag(), torch.zeros(3).double(), b.diag())
    assert found == pytest.approx(5 + 1 + 0 + 4)


@pytest.mark.parametrize("family", ["dcgan", "cyclegan"])
def test_the_trainer_measures_and_warns(tmp_path: Path, family: str) -> None:
    run = RunFolder(tmp_path / "run")
    wanted = config(family, 6, quality_steps=3)
    run.create(wanted)
    list(train(wanted, run))
    rows = run.quality()
    assert [row["step"] for row in rows] == [3, 6]
    assert all(row[name] >= 0 for row in rows for name in ("variety", "distance", "nearest"))
    assert ("variety_a" in rows[0]) == (family == "cyclegan")
    assert all(line["grad_g"] >= 0 and line["grad_d"] > 0 for line in run.metrics())


def test_measuring_changes_nothing_of_the_training(tmp_path: Path) -> None:
    runs = []
    for name, every in (("with", 2), ("without", 0)):
        run = RunFolder(tmp_path / name)
        run.create(config("dcgan", 6, quality_steps=every))
        list(train(config("dcgan", 6, quality_steps=every), run))
        runs.append(run)
    assert lines(runs[0]) == lines(runs[1])


def test_few_pictures_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number, picture in enumerate(to_pictures(pictures(20, 5))):
        picture.save(folder / f"{number}.png")
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 2, data=str(folder), quality_steps=2, conditional=False)
    run.create(wanted)
    list(train(wanted, run))
    assert any("20 pictures are few" in event["text"] for event in run.events())


def test_a_single_picture_is_trained_on_and_told_to_be_few(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    to_pictures(pictures(1, 5))[0].save(folder / "one.png")
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 2, data=str(folder), quality_steps=1, conditional=False)
    run.create(wanted)
    list(train(wanted, run))
    assert run.status()["state"] == "finished"
    assert run.quality() == []
    assert any("1 picture is few" in event["text"] for event in run.events())


def test_samples_that_are_not_finite_are_not_measured(tmp_path: Path) -> None:
    class Broken:
        recipe = None

        def drawn(self, real: dict[str, torch.Tensor], count: int) -> dict[str, torch.Tensor]:  # noqa: ARG002
            return {"": torch.full((count, 3, 32, 32), float("nan"))}

    class Feed:
        def real(self, count: int) -> dict[str, torch.Tensor]:
            return {"": REAL[:count]}

        def smallest(self) -> int:
            return len(REAL)

    run = RunFolder(tmp_path)
    assert list(Watching(run, Feed()).look(1, Broken())) == []
    assert run.quality() == []


# Control.


def test_rates_and_intervals_change_while_it_runs(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 8, recipe={"decay_from": 1.0})
    run.create(wanted)
    for event in train(wanted, run):
        if getattr(event, "step", 0) == 4 and type(event).__name__ == "Progress":
            run.write_control(lr_g=1e-5, sample_steps=1)
    assert any("learning rate of G 1e-05, sample interval 1 steps" in event["text"] for event in run.events())
    assert run.config().recipe["lr_g"] == 1e-5
    assert run.config().train.sample_steps == 1
    assert [step for step, _ in run.samples()] == [0, 5, 6, 7, 8]


@pytest.mark.parametrize("asked", [{"lr_g": -1}, {"lr_g": "fast"}, {"batch": 3}, {"sample_steps": 0}])
def test_what_cannot_be_is_told_and_changes_nothing(tmp_path: Path, asked: dict) -> None:
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 4)
    run.create(wanted)
    run.write_control(**asked)
    list(train(wanted, run))
    assert run.status()["state"] == "finished"
    assert any("cannot be" in event["text"] for event in run.events())
    assert run.config() == wanted


def test_a_paused_run_waits_and_loses_nothing(tmp_path: Path) -> None:
    run, undisturbed = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "undisturbed")
    wanted = config("dcgan", 6)
    for one in (run, undisturbed):
        one.create(wanted)
    list(train(wanted, undisturbed))
    seen: list[str] = []

    def go_on_later() -> None:
        end = time.monotonic() + 60
        while run.status()["state"] != "paused" and time.monotonic() < end:
            time.sleep(0.02)
        seen.append(run.status()["state"])
        seen.append(str(run.states()[-1][0]))
        run.write_control(paused=False)

    helper = threading.Thread(target=go_on_later)
    for event in train(wanted, run):
        if type(event).__name__ == "Progress" and event.step == 2:
            run.write_control(paused=True)
            helper.start()
    helper.join()
    assert seen == ["paused", "2"]
    assert run.status()["state"] == "finished"
    assert lines(run) == lines(undisturbed)


def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 6)
    run.create(wanted)
    run.write_control(paused=True)

    def stop_it() -> None:
        end = time.monotonic() + 60
        while run.status()["state"] != "paused" and time.monotonic() < end:
            time.sleep(0.02)
        run.ask_to_stop()

    helper = threading.Thread(target=stop_it)
    helper.start()
    list(train(wanted, run))
    helper.join()
    assert run.status()["state"] == "stopped"


def test_a_damaged_control_file_is_passed_over(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 2))
    (run.path / "control.json").write_text("{")
    assert run.control() == {}
    run.write_control(paused=False)
    assert json.loads((run.path / "control.json").read_bytes()) == {"paused": False}
