"""Run folders: numbers and names, metrics and events, samples, snapshots and states, and what is swept."""

import multiprocessing
import os
import shutil
import time
from itertools import pairwise

import pytest
from PIL import Image

from gan_core.config import RunConfig, TrainConfig
from gan_core.errors import ConfigError, RunError
from gan_core.training.run_folder import RunFolder, RunGoneError, create_run, list_runs
from gan_core.training.tidying import sweep, thin_states
from tests.training.conftest import CONFIG

# Numbers and names.


def test_runs_are_numbered_and_named(tmp_path):
    names = [create_run(tmp_path, CONFIG, name).id for name in ("shapes", "My Set!", "x" * 100)]
    assert names[:2] == ["00000-dcgan-shapes", "00001-dcgan-my-set-"]
    assert names[2].startswith("00002-dcgan-xxx")
    assert len(names[2]) < 70
    assert [run.id for run in list_runs(tmp_path)] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names, "no rubbish"


def test_numbers_go_on_from_the_highest(tmp_path):
    for name in ("00007-dcgan-x", "notes", "00009", ".00012-dcgan-x.abc.tmp", "99-dcgan-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "00020-dcgan-file").write_text("")
    assert create_run(tmp_path, CONFIG, "y").id == "00008-dcgan-y"
    assert [run.id for run in list_runs(tmp_path)] == ["00007-dcgan-x", "00008-dcgan-y"]
    assert list_runs(tmp_path / "none") == []


def _create_many(folder, results) -> None:
    results.put([create_run(folder, CONFIG, "shapes").id for _ in range(25)])


@pytest.mark.skipif(os.name != "posix", reason="forks processes")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes_that_create_runs_at_once_never_share_one(tmp_path):
    """Two that chose the same number both got it, and the second one replaced the first one's folder."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_create_many, args=(tmp_path, results)) for _ in range(3)]
    for process in processes:
        process.start()
    names = [name for _ in processes for name in results.get(timeout=60)]
    for process in processes:
        process.join()
    assert len(set(names)) == 75
    assert sorted(names) == [run.id for run in list_runs(tmp_path)]
    assert [int(name[:5]) for name in sorted(names)] == list(range(75))


def test_the_configuration_comes_back(run):
    assert run.config() == CONFIG
    changed = RunConfig(family="dcgan", train=TrainConfig(data="shapes", steps=5), network={}, recipe={})
    run.write_config(changed)
    assert run.config() == changed


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"format": 1}', '{"format": 1, "family": [], "train": 1}'])
def test_damaged_configurations_are_a_sentence(run, content):
    (run.path / "config.json").write_text(content)
    with pytest.raises((RunError, ConfigError), match=r"config\.json") as refusal:
        run.config()
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        RunFolder(tmp_path).config()


# Metrics and events.


def test_lines_come_back_in_order(run):
    for step in (20, 40, 60):
        run.append_metrics({"step": step, "loss_g": step / 7})
    assert run.metrics() == [{"step": step, "loss_g": step / 7} for step in (20, 40, 60)]
    assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 3


def test_no_metrics_yet(run):
    assert run.metrics() == run.events() == run.samples() == run.snapshots() == run.states() == []
    assert run.newest_snapshot() is None


@pytest.mark.parametrize("keep", [1, 5, 15, 20])
def test_a_torn_last_line_is_passed_over_and_not_glued_to_the_next(run, keep):
    run.append_metrics({"step": 20, "loss_g": 1.0})
    path = run.path / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"step": 40, "loss_g": 2.0}\n'[:keep])
    assert [line["step"] for line in run.metrics()] == [20]
    run.append_metrics({"step": 60, "loss_g": 3.0})
    assert [line["step"] for line in run.metrics()] == [20, 60]


def test_lines_of_a_resumed_run_count_instead_of_those_before(run):
    for step, loss in ((20, 1), (40, 2), (60, 3), (80, 4), (40, 20), (60, 30)):
        run.append_metrics({"step": step, "loss_g": loss})
    assert [(line["step"], line["loss_g"]) for line in run.metrics()] == [(20, 1), (40, 20), (60, 30)]
    run.append_metrics({"step": 10, "loss_g": 0})
    assert [line["step"] for line in run.metrics()] == [10]


def test_foreign_lines_are_passed_over(run):
    good = '{"step": 5}'
    rubbish = ["", "null", "[1]", '{"loss_g": 1}', '{"step": "7"}', "\x00\x00", '{"step": 6, "x": "\\ud800', "}{"]
    (run.path / "metrics.jsonl").write_text("\n".join([*rubbish, good, *rubbish]) + "\n")
    assert run.metrics() == [{"step": 5}]


def test_a_value_that_is_no_number_in_json_is_not_written(run):
    with pytest.raises(ValueError, match="JSON compliant"):
        run.append_metrics({"step": 1, "loss_g": float("nan")})
    assert run.metrics() == []


def test_events(run):
    run.append_event(40, "collapse", "All samples look alike.")
    (event,) = run.events()
    assert (event["step"], event["kind"], event["text"]) == (40, "collapse", "All samples look alike.")
    assert abs(event["at"] - time.time()) < 60


# What people say of it.


def test_title_notes_and_origin(run):
    assert run.about() == {"title": "", "notes": "", "origin": None}
    run.write_about(title="  Warm\n colours ")
    run.write_about(notes="two\nlines", origin={"run": "00000-x", "step": 4, "exact": True})
    about = {"title": "Warm colours", "notes": "two\nlines", "origin": {"run": "00000-x", "step": 4, "exact": True}}
    assert run.about() == about
    with pytest.raises(RunError, match="title has more than 80 characters"):
        run.write_about(title="x" * 81)
    assert run.about() == about


# A folder that is gone.


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run.write_status(state="running", step=1, total_steps=2, device=None),
        lambda run: run.append_metrics({"step": 1}),
        lambda run: run.append_event(1, "x", "y"),
        lambda run: run.write_sample(1, Image.new("RGB", (8, 8))),
        lambda run: run.write_layout(1, 1, 8, 2),
        lambda run: run.write_control(paused=True),
        lambda run: run.write_about(title="x"),
        lambda run: run.write_config(CONFIG),
        lambda run: run.ask_to_stop(),
        lambda run: run.part("state"),
    ],
)
def test_a_folder_that_is_gone_is_not_made_again(run, write):
    """The old path was made anew in pieces, while the run lay elsewhere."""
    shutil.rmtree(run.path)
    with pytest.raises(RunGoneError, match="is gone: it was moved or deleted"):
        write(run)
    assert list(run.path.parent.iterdir()) == []


def test_asking_to_stop(run):
    assert not run.stop_asked()
    run.ask_to_stop()
    run.ask_to_stop()
    assert run.stop_asked()
    run.clear_stop()
    run.clear_stop()
    assert not run.stop_asked()


# Samples and snapshots.


def test_samples_are_found_by_their_step(run):
    for step in (1_000_000, 400, 20):
        run.write_sample(step, Image.new("RGB", (8, 8)))
    (run.path / "samples" / ".000030.webp.x.tmp").write_bytes(b"torn")
    (run.path / "samples" / "notes.txt").write_bytes(b"x")
    assert [step for step, _ in run.samples()] == [20, 400, 1_000_000]
    with Image.open(run.samples()[1][1]) as image:
        assert (image.format, image.size) == ("WEBP", (8, 8))


def snapshots(run: RunFolder, *steps: int) -> None:
    for step in steps:
        run.snapshot_folder(step).mkdir(parents=True)
        (run.snapshot_folder(step) / "config.json").write_text("{}")


def test_the_newest_snapshot(run):
    snapshots(run, 900, 1_000_000, 10_000)
    (run.path / "snapshots" / ".002000.x.tmp").mkdir()
    assert run.newest_snapshot().name == "1000000"
    assert [step for step, _ in run.snapshots()] == [900, 10_000, 1_000_000]


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 8])
def test_snapshots_of_a_long_run_stay_spread(run, keep):
    for number in range(1, 41):
        snapshots(run, number * 100)
        run.thin_snapshots(keep)
        kept = [step for step, _ in run.snapshots()]
        assert len(kept) == min(number, keep)
        assert kept[-1] == number * 100, "the newest stays"
        if keep > 1:
            assert kept[0] == 100, "and the first"
        if keep > 2 and number > keep:
            gaps = [b - a for a, b in pairwise(kept)]
            assert max(gaps) <= 3 * number * 100 / keep


def test_fewer_snapshots_than_allowed_stay(run):
    snapshots(run, 100, 200)
    run.thin_snapshots(8)
    assert len(run.snapshots()) == 2


def test_states_at_snapshots_are_kept_and_spread_and_the_newest_two_always(run):
    (run.path / "state").mkdir()
    for number in range(1, 81):
        step = number * 50
        (run.path / "state" / f"{step:06d}.pt").touch()
        if step % 100 == 0:
            snapshots(run, step)
            run.thin_snapshots(8)
        thin_states(run, 4)
        states = [at for at, _ in run.states()]
        assert states[-2:] == [at for at in (step - 50, step) if at]
        points = {at for at, _ in run.snapshots()}
        assert set(states[:-2]) <= points, "a state in between is of no use to anybody"
    assert len(states) == 6
    assert len(points) == 8
    assert states[0] == 100
    kept = [*states[:-2], 4000]
    assert max(b - a for a, b in pairwise(kept)) <= 3 * 4000 / 4
    ends = sorted(points)
    assert max(b - a for a, b in pairwise(ends)) <= 3 * 4000 / 8


@pytest.mark.parametrize(("keep", "left"), [(0, [500, 600]), (1, [400, 500, 600]), (9, [100, 200, 300, 400, 500, 600])])
def test_as_many_states_as_asked_for(run, keep, left):
    (run.path / "state").mkdir()
    for step in range(100, 700, 100):
        (run.path / "state" / f"{step:06d}.pt").touch()
        snapshots(run, step)
    thin_states(run, keep)
    assert [step for step, _ in run.states()] == left


def test_what_a_kill_left_is_swept(run):
    for name in ("samples/.000100.webp.1234abcd.tmp", "state/.000100.pt.1234abcd.tmp"):
        run.part(name.split("/")[0])
        (run.path / name).write_bytes(b"x")
    (run.part("snapshots") / ".000100.1234abcd.tmp").mkdir()
    sweep(run)
    assert not list(run.path.rglob("*.tmp"))


def test_names_that_look_like_numbers(run):
    """int() knows no superscript two, and isdigit() says that it is one."""
    (run.part("samples") / "\u00b2.webp").touch()
    assert run.samples() == []
