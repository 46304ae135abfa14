"""TensorBoard event files, read back with TensorBoard's own reader."""

import builtins
import importlib.util
import signal
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_core.config import RunConfig
from gan_core.errors import ConfigError
from gan_core.training import tensorboard
from gan_core.training.checks import check
from gan_core.training.events import Noticed, Progress, Started
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from gan_core.training.tensorboard import Board, recorded, tag
from tests.training.tiny import command, config, start, wait_for


def read(run: RunFolder) -> EventAccumulator:
    found = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def texts(found: EventAccumulator, name: str) -> list[str]:
    return [one.tensor_proto.string_val[0].decode() for one in found.Tensors(f"{name}/text_summary")]


def followed(run: RunFolder, wanted: RunConfig, rank: int = 0) -> None:
    run.create(wanted)
    with recorded(wanted, run, rank) as record:
        for event in train(wanted, run):
            record(event)


def assert_scalars_are_the_records(run: RunFolder, found: EventAccumulator) -> None:
    for name, series in {"loss_g": "loss/g", "d_real": "score/real", "grad_d": "gradient/d", "lr_g": "lr/g"}.items():
        scalars = [(one.step, one.value) for one in found.Scalars(series)]
        assert scalars == [(row["step"], pytest.approx(row[name], rel=1e-5)) for row in run.metrics()]
    for name in ("variety", "distance", "nearest"):
        scalars = [(one.step, one.value) for one in found.Scalars(f"quality/{name}")]
        assert scalars == [(row["step"], pytest.approx(row[name], rel=1e-5)) for row in run.quality()]


def test_everything_of_a_run_stands_there_once(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    wanted = config("dcgan", 6, quality_steps=3, sample_steps=3, tensorboard=True)
    followed(run, wanted)
    found = read(run)
    assert_scalars_are_the_records(run, found)
    assert {"speed/images_per_s", "memory/memory_mb"} <= set(found.Tags()["scalars"])
    assert not [name for name in found.Tags()["scalars"] if name.startswith("other/")]
    assert [one.step for one in found.Images("samples")] == [0, 3, 6]
    assert found.Images("samples")[0].encoded_image_string.startswith(b"\x89PNG")
    assert "gan-core train dcgan" in texts(found, "run/command")[0]


def test_terms_of_a_translator_are_grouped(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    followed(run, config("cyclegan", 4, quality_steps=2, tensorboard=True))
    scalars = set(read(run).Tags()["scalars"])
    assert {"loss/g", "loss/g_ab", "loss/cycle_a", "loss/d_b", "gradient/g", "quality/variety_a"} <= scalars
    assert not [name for name in scalars if name.startswith("other/")]


@pytest.mark.slow
def test_steps_done_again_after_kill_9_stand_there_once(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    arguments = [*command(config("dcgan", 160, quality_steps=20), run.path, "--resume", "--quiet", "--tensorboard")]
    arguments += ["--state-steps", "20"]
    process = start(arguments)
    # Some lines after the last state.
    wait_for(lambda: len(run.states()) >= 2 and run.metrics()[-1]["step"] > run.states()[-1][0] + 6, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed_at, state = run.metrics()[-1]["step"], run.states()[-1][0]
    assert state < killed_at < 160
    _, errors = start(arguments).communicate(timeout=200)
    assert run.status()["state"] == "finished", errors
    assert len(list((run.path / "tensorboard").iterdir())) == 2
    found = read(run)
    steps = [one.step for one in found.Scalars("loss/g")]
    assert steps == sorted(set(steps))
    assert steps[-1] == 160
    # The writer is up to seconds behind, so that a kill may leave a gap, but no step that was redone is missing.
    assert {row["step"] for row in run.metrics() if row["step"] > state} <= set(steps)
    values = {one.step: one.value for one in found.Scalars("loss/g")}
    for row in run.metrics():
        if row["step"] in values:
            assert values[row["step"]] == pytest.approx(row["loss_g"], rel=1e-5)


def test_a_run_begun_anew_hides_what_stood_there(tmp_path: Path) -> None:
    """Killed before its first state, it begins at step 0 again."""
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 6, tensorboard=True))
    for loss in (7.0, 1.0):
        run.append_metrics({"step": 2, "loss_g": loss})
        board = Board(run)
        board.event(Started(0, 6, "cpu"))
        board.event(Progress(2, 6, {}, 1.0, 1.0))
        board.close()
    assert [(one.step, one.value) for one in read(run).Scalars("loss/g")] == [(2, 1.0)]


def test_notices_are_texts_also_those_before_the_start(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 6, tensorboard=True))
    board = Board(run)
    board.event(Noticed(0, "skipped", "3 pictures could not be read."))
    board.event(Started(0, 6, "cpu"))
    board.event(Noticed(4, "mode-collapse", "The samples look alike."))
    board.close()
    found = read(run)
    assert texts(found, "notices/skipped") == ["**Skipped pictures.** 3 pictures could not be read."]
    assert texts(found, "notices/mode-collapse") == ["**Mode collapse.** The samples look alike."]


def test_only_the_first_process_writes_and_only_if_asked(tmp_path: Path) -> None:
    followed(RunFolder(tmp_path / "second"), config("dcgan", 2, tensorboard=True), rank=1)
    followed(RunFolder(tmp_path / "plain"), config("dcgan", 2))
    assert not list(tmp_path.glob("*/tensorboard"))


def test_a_disk_that_fails_does_not_end_the_training(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 6, tensorboard=True))
    (run.path / "tensorboard").write_text("a file stands where the folder should")
    board = Board(run)
    board.event(Started(0, 6, "cpu"))
    board.event(Progress(2, 6, {}, 1.0, 1.0))
    board.close()
    assert [event["kind"] for event in run.events()] == ["tensorboard"]
    assert "the training goes on" in run.events()[0]["text"]


def test_without_the_package_it_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_find, real_import = importlib.util.find_spec, builtins.__import__

    def find(name: str, *more: Any) -> Any:
        return None if name == "tensorboard" else real_find(name, *more)

    def load(name: str, *more: Any) -> Any:
        assert "tensorboard" not in name.split(".")[:1]
        return real_import(name, *more)

    monkeypatch.setattr(tensorboard, "find_spec", find)
    monkeypatch.setattr(builtins, "__import__", load)
    with pytest.raises(ConfigError, match=r"pip install tensorboard, or leave --tensorboard out"):
        check(config("dcgan", 2, tensorboard=True))
    with pytest.raises(ConfigError), recorded(config("dcgan", 2, tensorboard=True), RunFolder(tmp_path), 1):
        raise AssertionError("it began")
    check(config("dcgan", 2))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("loss_g", "loss/g"),
        ("loss_cycle_a", "loss/cycle_a"),
        ("d_fake", "score/fake"),
        ("gpu_memory_mb", "memory/gpu_memory_mb"),
        ("something", "other/something"),
    ],
)
def test_tags_can_be_read(series: str, expected: str) -> None:
    assert tag(series) == expected
