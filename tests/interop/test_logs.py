"""Logs of other projects: read line by line whatever surrounds them, named as ours are, shown as finished runs."""

import json
import os
import time
from pathlib import Path

import pytest

from gan_core.adopt.log import adopt_log
from gan_core.config import RunConfig
from gan_core.errors import RunError
from gan_core.interop.logs import KEPT_LINES, Log, looks_like_log, parse
from gan_core.training.curves import Curves
from gan_core.training.run_folder import list_runs
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

HEADER = "================ Training Loss (Tue Mar  3 11:02:51 2020) ================\n"


def cyclegan_line(epoch: int, iters: int, value: float = 0.25, comma: str = "") -> str:
    names = ("D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B")
    losses = f"{comma} ".join(f"{name}: {value + index:.3f}" for index, name in enumerate(names))
    return f"(epoch: {epoch}, iters: {iters}, time: 0.311, data: 0.000){comma} {losses} \n"


def cyclegan_log(epochs: int, length: int, every: int) -> str:
    """As junyanz' loop writes it: a line at each multiple of `every` pictures, counted over all epochs."""
    seen = [
        (epoch, place, (epoch - 1) * length + place) for epoch in range(1, epochs + 1) for place in range(1, length + 1)
    ]
    return HEADER + "".join(
        cyclegan_line(epoch, place, total / 1000) for epoch, place, total in seen if total % every == 0
    )


def dcgan_line(epoch: int, place: int, loss_d: object = 0.5, space: str = " ") -> str:
    parts = (f"Loss_D: {loss_d}", "Loss_G: 2.0000", "D(x): 0.8100", "D(G(z)): 0.2000 / 0.0600")
    return f"[{epoch}/3][{place}/20]{space}" + space.join(parts) + "\n"


def read(tmp_path: Path, text: str | bytes, name: str = "loss_log.txt") -> Log:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert looks_like_log(path)
    return parse(path)


def test_a_cyclegan_log_has_our_names_and_true_steps(tmp_path):
    """The length of an epoch stands nowhere in the log, and is found all the same."""
    log = read(tmp_path, cyclegan_log(epochs=4, length=267, every=50))
    assert (log.family, log.epochs) == ("cyclegan", 4)
    assert [line["step"] for line in log.lines] == list(range(50, 4 * 267, 50))
    # Each line was written with its step / 1000 as the first value.
    assert all(line["loss_d_b"] == pytest.approx(line["step"] / 1000, abs=6e-4) for line in log.lines)
    # junyanz' G_A makes b from a, and D_A judges b.
    first = log.lines[0]
    assert list(first)[1:] == [
        "loss_d_b", "loss_g_ab", "loss_cycle_A", "loss_idt_A", "loss_d_a", "loss_g_ba", "loss_cycle_B", "loss_idt_B",
    ]  # fmt: skip
    assert first["loss_g_ba"] - first["loss_d_b"] == pytest.approx(5)


@pytest.mark.parametrize("comma", ["", ","], ids=["2018", "2025"])
def test_both_ways_to_set_the_values_apart(tmp_path, comma):
    log = read(tmp_path, cyclegan_line(1, 100, comma=comma))
    assert len(log.lines[0]) == 9
    old = read(tmp_path, "(epoch: 2, iters: 100, time: 0.345) D_A: 0.1 G_A: 1e-05 G_B: 3 \n")
    assert old.lines == [{"step": 200, "loss_d_b": 0.1, "loss_g_ab": 1e-05, "loss_g_ba": 3.0}]


@pytest.mark.parametrize(
    ("values", "family", "names"),
    [
        ("G_GAN: 1.5 G_L1: 12.8 D_real: 0.1 D_fake: 0.2", None, ["loss_G_GAN", "loss_G_L1", "loss_D_real"]),
        ("G_GAN: 1.5 D_real: 0.1 D_fake: 0.2 G: 4 NCE: 3 NCE_Y: 2", "cyclegan", ["loss_G", "loss_NCE", "loss_NCE_Y"]),
    ],
    ids=["pix2pix", "cut"],
)  # fmt: skip
def test_other_losses_keep_their_names(tmp_path, values, family, names):
    log = read(tmp_path, f"(epoch: 1, iters: 100, time: 0.1, data: 0.2) {values} \n")
    assert family in (None, log.family)
    assert set(names) <= set(log.lines[0])


@pytest.mark.parametrize("space", [" ", "\t"], ids=["example", "tutorial"])
def test_lines_of_the_dcgan_example(tmp_path, space):
    text = "".join(dcgan_line(epoch, place, epoch + place / 100, space) for epoch in range(3) for place in range(20))
    log = read(tmp_path, text, "out.log")
    assert (log.family, log.total_steps, log.epochs) == ("dcgan", 60, 3)
    assert [line["step"] for line in log.lines] == list(range(1, 61))
    expected = {"step": 22, "loss_d": 1.01, "loss_g": 2.0, "d_real": 0.81, "d_fake": 0.2, "d_fake_after_update": 0.06}
    assert log.lines[21] == expected


def test_what_stands_between_the_lines_is_passed_over(tmp_path):
    text = (
        "Random Seed:  999\nGenerator(\n  (main): Sequential(\n"
        "\r 10%|#         | 3/20 [00:01<00:09]\r" + dcgan_line(0, 5).strip() + "\r\n"
        "UserWarning: [0/1] is odd\n" + dcgan_line(0, 6) + "\x00\xff\n" + dcgan_line(0, 7)
    )
    assert [line["step"] for line in read(tmp_path, text, "a.txt").lines] == [6, 7, 8]


def test_output_redirected_in_windows(tmp_path):
    log = read(tmp_path, (dcgan_line(0, 5) + dcgan_line(0, 6)).encode("utf-16"), "out.txt")
    assert [line["step"] for line in log.lines] == [6, 7]
    torn = (dcgan_line(0, 5) + dcgan_line(0, 6)).encode("utf-16")[:-9]
    assert [line["step"] for line in read(tmp_path, torn, "out.txt").lines] == [6]


def test_a_torn_last_line_gives_no_wrong_number(tmp_path):
    whole = cyclegan_line(1, 100) + cyclegan_line(1, 200)
    for cut in range(1, len(cyclegan_line(1, 200))):
        last = read(tmp_path, whole[:-cut]).lines[-1]
        expected = read(tmp_path, whole).lines[last["step"] // 100 - 1]
        assert last.items() <= expected.items()
    assert len(read(tmp_path, whole.rstrip()).lines) == 2  # Only its end is missing.


def test_values_that_are_not_finite_leave_gaps_and_are_told(tmp_path):
    log = read(
        tmp_path, dcgan_line(0, 1) + dcgan_line(0, 2, "nan") + dcgan_line(0, 3, "-inf") + dcgan_line(0, 4, "1e999")
    )
    assert ["loss_d" in line for line in log.lines] == [True, False, False, False]
    assert "loss_d was not finite from epoch 0, iteration 2 on." in log.notes
    json.dumps(log.lines, allow_nan=False)


def test_a_training_that_went_on_from_a_checkpoint_counts_as_it_went_on(tmp_path):
    text = HEADER + "".join(cyclegan_line(epoch, 100, epoch) for epoch in (1, 2, 3, 4))
    text += HEADER + "".join(cyclegan_line(epoch, 100, 10 * epoch) for epoch in (3, 4, 5))
    log = read(tmp_path, text)
    assert [line["loss_d_b"] for line in log.lines] == [1, 2, 30, 40, 50]
    assert any("went back once" in note for note in log.notes)


def test_long_logs_are_read_in_seconds_and_thinned_to_means(tmp_path):
    path = tmp_path / "loss_log.txt"
    values = " ".join(f"{name}: 0.250" for name in ("D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B"))
    with path.open("w") as file:
        for epoch in range(1, 41):
            file.writelines(f"(epoch: {epoch}, iters: {i}, time: 0.1, data: 0.0) {values} \n" for i in range(1, 5001))
    began = time.process_time()
    log = parse(path)
    assert time.process_time() - began < 8  # 200,000 lines; about 1.5 s.
    assert len(log.lines) <= KEPT_LINES
    assert log.lines[-1]["step"] == 200_000
    assert {line["loss_d_a"] for line in log.lines} == {0.25}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 5000, b"PK\x03\x04 a zip", b"=" * 2_000_000, b"[" * 300_000, b"(epoch: 1, iters: 2) nothing\n",
     b"[1/2][3/4] Loss_D: " + b"1" * 300_000, b"\xff\xfe\x00"],
    ids=["empty", "zeros", "zip", "signs", "brackets", "no-values", "digits", "utf-16"],
)  # fmt: skip
def test_what_is_no_log_is_refused_quickly(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    began = time.process_time()
    assert not looks_like_log(path)
    with pytest.raises(RunError, match="No run was made"):
        adopt_log(path, tmp_path / "runs")
    assert time.process_time() - began < 5
    assert not list_runs(tmp_path / "runs")


def test_folders_and_missing_files_are_no_logs(tmp_path):
    assert not looks_like_log(tmp_path)
    assert not looks_like_log(tmp_path / "missing.txt")
    with pytest.raises(RunError, match="cannot be read"):
        parse(tmp_path / "missing.txt")


def test_absurd_numbers_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(dcgan_line(0, 5).replace("[0/3][5/20]", "[999999999/999999999][5/999999999]"))
    with pytest.raises(RunError, match="cannot be those of a training"):
        adopt_log(path, tmp_path / "runs")


def test_an_adopted_log_is_a_finished_run_with_curves(tmp_path):
    path = tmp_path / "checkpoints" / "Horse 2 Zebra" / "loss_log.txt"
    path.parent.mkdir(parents=True)
    path.write_text(cyclegan_log(epochs=3, length=130, every=20))
    (path.parent / "latest_net_G_A.pth").touch()
    adopted = adopt_log(path, tmp_path / "runs")
    assert adopted.id == "00000-cyclegan-horse-2-zebra"
    (listed,) = list_runs(tmp_path / "runs")
    status = listed.status()
    assert (status["state"], status["step"], status["total_steps"], status["error"]) == ("finished", 380, 380, None)
    assert status["pid"] is None  # No process to wait for, or to end.
    assert listed.metrics() == parse(path).lines
    assert listed.config() == RunConfig.from_json(json.loads((listed.path / "config.json").read_text()), "here")
    assert listed.config().train.data == "log:loss_log.txt"
    assert "CycleGAN's loss_log.txt" in listed.events()[0]["text"]
    curves = Curves(listed.path)
    curves.update()
    assert len(curves.names()) == 8
    assert {"loss_g_ab", "loss_cycle_A"} <= set(curves.names())
    assert adopt_log(path, tmp_path / "runs", name="again").id == "00001-cyclegan-again"


def test_epochs_counted_from_zero_and_odd_names_do_no_harm(tmp_path):
    path = tmp_path / os.fsdecode(b"log-\xff.txt")
    path.write_text(cyclegan_line(0, 0) + cyclegan_line(0, 100) + cyclegan_line(1, 100))
    run = adopt_log(path, tmp_path / "runs")
    assert [line["step"] for line in run.metrics()] == [1, 100, 200]
    assert run.id == "00000-cyclegan-log--"
    assert run.config().train.data == "log:log-?.txt"
    assert "loss_g_ab" in run.metrics()[-1]


def test_steps_are_updates_where_the_batch_size_is_known(tmp_path):
    path = tmp_path / "maps" / "loss_log.txt"
    path.parent.mkdir()
    path.write_text("".join(cyclegan_line(epoch, iters) for epoch in (1, 2) for iters in (40, 80, 120)))
    (path.parent / "train_opt.txt").write_text("    batch_size: 8                 \t[default: 1]\n    beta1: 0.5\n")
    run = adopt_log(path, tmp_path / "runs")
    assert run.id == "00000-cyclegan-maps"
    assert [line["step"] for line in run.metrics()] == [5, 10, 15, 20, 25, 30]
    assert run.config().train.batch == 8
    (path.parent / "train_opt.txt").unlink()
    run = adopt_log(path, tmp_path / "runs")
    assert [line["step"] for line in run.metrics()] == [40, 80, 120, 160, 200, 240]
    assert any("Steps are pictures seen" in event["text"] for event in run.events())


def test_the_training_tab_shows_an_adopted_run(tmp_path):
    from gan_core.settings import Settings
    from gan_core.ui.lab.runs import Runs
    from gan_core.ui.services import Services

    path = tmp_path / "train.log"
    path.write_text("".join(dcgan_line(epoch, place) for epoch in range(3) for place in range(0, 20, 5)))
    run = adopt_log(path, tmp_path / "runs")
    services = Services(Settings(runs_dir=tmp_path / "runs", models_dir=tmp_path / "models"))
    shown = Runs(services).look(run.id, None)["run"]
    assert (shown["state"], shown["step"], shown["total_steps"]) == ("finished", 56, 60)
    assert (shown["imported"], shown["resumable"], shown["command"]) == (True, False, None)
    assert shown["samples"] == []
    with pytest.raises(RunError, match="Nothing was started"):
        services.runs.resume(run.id)


def test_the_command_line_lists_it_and_will_not_resume_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text(dcgan_line(0, 5) + dcgan_line(2, 19))
    adopted = adopt_log(path, tmp_path / "runs")
    assert "00000-dcgan-train  finished  60    60" in run("runs").out
    before = {file: file.read_bytes() for file in adopted.path.iterdir()}
    result = run("train", "dcgan", "--run", adopted.path, "--resume", "--steps", "100")
    assert result.status == 1
    assert "read from another project's log" in result.err
    assert {file: file.read_bytes() for file in adopted.path.iterdir()} == before
